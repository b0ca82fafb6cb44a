"""The files of a dataset in a folder or at an fsspec URL."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from fgbg_depth import schema
from fgbg_depth.errors import OutputError, command
from fgbg_depth.read.file_names import check_name
from fgbg_depth.read.hub_base import HubBase
from fgbg_depth.read.parquet import open_parquet, read_row_groups
from fgbg_depth.storage.files import Storage


class DatasetFiles(Protocol):
    """The files of one dataset, by their paths inside it. Safe to share between threads.

    All methods that take a `name` raise OutputError (HubError for a dataset on the Hub) if `check_name` refuses it, or
    if the file is missing or cannot be read; the message says what to do.
    """

    @property
    def name(self) -> str:
        """The folder, the URL, or "user/name" on the Hub."""

    @property
    def revision(self) -> str | None:
        """The commit on the Hub whose files are read; None elsewhere."""

    @property
    def is_local(self) -> bool:
        """Whether the files are on this machine, so that reading many small parts is cheap."""

    def read(self, name: str) -> bytes:
        """The content of a file."""

    def read_footer(self, name: str) -> pq.FileMetaData:
        """The footer of a parquet file."""

    def read_row_groups(
        self, name: str, footer: pq.FileMetaData, row_groups: Sequence[int], columns: Sequence[str]
    ) -> pa.Table:
        """Row groups and columns of a parquet file. Columns that the file lacks are ignored."""

    def stamp(self) -> object:
        """A value that changes when the dataset is built again."""


def read_columns(files: DatasetFiles, name: str, columns: Sequence[str]) -> pa.Table:
    """Columns of all rows of a parquet file."""
    footer = files.read_footer(name)
    return files.read_row_groups(name, footer, range(footer.num_row_groups), columns)


class StorageFiles:
    """A dataset in a folder or at an fsspec URL.

    If the folder continues a version on the Hub (`hub_base`), shards that it does not have are read there.
    """

    revision: str | None = None

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.name = str(storage)
        self._base = HubBase.read(storage)
        self.is_local = storage.is_local and self._base is None

    def read(self, name: str) -> bytes:
        with self._explained(check_name(name)):
            return self.storage.read(name)

    def read_footer(self, name: str) -> pq.FileMetaData:
        if (shard := self._on_hub(name)) is not None:
            return self._hub.read_footer(shard)
        with self._explained(check_name(name)), open_parquet(self.storage, name) as parquet:
            return parquet.metadata

    def read_row_groups(
        self, name: str, footer: pq.FileMetaData, row_groups: Sequence[int], columns: Sequence[str]
    ) -> pa.Table:
        if (shard := self._on_hub(name)) is not None:
            return self._hub.read_row_groups(shard, footer, row_groups, columns)
        with self._explained(check_name(name)), open_parquet(self.storage, name, footer) as parquet:
            return read_row_groups(parquet, row_groups, columns)

    def _on_hub(self, name: str) -> str | None:
        """The path on the Hub of a shard that the folder does not have; None if it is not there either."""
        if self._base is None or not name.startswith(f"{schema.DATA}/") or self.storage.exists(name):
            return None
        shard = self._base.find(name)
        return shard.path if shard is not None else None

    @cached_property
    def _hub(self) -> DatasetFiles:
        """The files of the version that the folder continues.

        Raises:
            HubError: the Hub cannot be reached, or does not have that version any more.
        """
        from fgbg_depth.read.hub_files import HubFiles  # imports the client, which most readers do not need

        assert self._base is not None
        return HubFiles(self._base.repo_id, self._base.commit)

    def stamp(self) -> object:
        """Time and size of statistics.json; None at a URL, where a look at the file would be a request."""
        if not self.is_local:
            return None
        try:
            stat = (self.storage.root / schema.STATISTICS).stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as e:
            raise OutputError(
                f"{name} is missing in {self.name}.\n  Build it again: {build_command(self.storage)}"
            ) from e
        except (pa.ArrowException, OSError) as e:
            raise OutputError(
                f"{name} in {self.name} cannot be read: {e}\n"
                f"  Delete it and build it again: {build_command(self.storage)}"
            ) from e


def build_command(storage: Storage) -> str:
    """The command that builds what is missing in an output. It uses the output's own recipe."""
    return command(f"build --output {shlex.quote(str(storage))}")
