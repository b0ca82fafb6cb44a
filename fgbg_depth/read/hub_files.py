"""The files of one commit of a dataset repository on the Hub, read by byte ranges."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq

from fgbg_depth.errors import HubError
from fgbg_depth.read.file_names import check_name
from fgbg_depth.read.parquet import column_spans, read_row_groups

_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PARALLEL_REQUESTS = 16  # a request takes about 50 ms, nearly all of it waiting


class HubFiles:
    """A dataset repository on the Hub at one commit.

    Args:
        repo_id: "user/name".
        revision: branch, tag or commit; it is turned into a commit once, here. Default: main.
    Raises:
        HubError: the name is wrong, there is no such repository or revision, or the Hub cannot be reached.
    """

    is_local = False

    def __init__(self, repo_id: str, revision: str | None = None) -> None:
        from huggingface_hub import HfApi, HfFileSystem
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        if not _REPO_ID.fullmatch(repo_id):
            raise HubError(f"{repo_id!r} is neither a folder nor a dataset on the Hub (USER/NAME).")
        self.name = repo_id
        try:
            self.revision: str | None = HfApi().dataset_info(repo_id, revision=revision, timeout=20).sha
            self._root = f"datasets/{repo_id}@{self.revision}"
            self._fs = HfFileSystem()
            found: Any = self._fs.find(self._root, detail=True)
        except (RepositoryNotFoundError, RevisionNotFoundError) as e:
            at_revision = f" at revision {revision}" if revision else ""
            raise HubError(
                f"There is no dataset {repo_id}{at_revision} on the Hub, or you may not read it.\n"
                "  Check the spelling. For a private dataset, log in: hf auth login (in a Space: the secret HF_TOKEN)."
            ) from e
        except (OSError, ValueError, httpx2.HTTPError) as e:
            raise HubError(f"{repo_id} could not be read from the Hub: {e}\n  Try again in a minute.") from e
        self._sizes = {path.removeprefix(f"{self._root}/"): int(info["size"] or 0) for path, info in found.items()}
        self._pool = ThreadPoolExecutor(_PARALLEL_REQUESTS, thread_name_prefix="hub-read")

    def read(self, name: str) -> bytes:
        with self._explained(name):
            file = self._open(name)
            return file.fetch((0, file.size()))

    def read_footer(self, name: str) -> pq.FileMetaData:
        with self._explained(name):
            return pq.read_metadata(self._open(name))

    def read_row_groups(
        self, name: str, footer: pq.FileMetaData, row_groups: Sequence[int], columns: Sequence[str]
    ) -> pa.Table:
        """See `DatasetFiles`. All byte ranges are requested at once, before pyarrow reads them one after the other."""
        with self._explained(name):
            file = self._open(name)
            spans = column_spans(footer, row_groups, columns)
            for (start, _), data in zip(spans, self._pool.map(file.fetch, spans), strict=True):
                file.fetched[start] = data
            with pq.ParquetFile(file, metadata=footer, pre_buffer=False) as parquet:
                return read_row_groups(parquet, row_groups, columns)

    def stamp(self) -> object:
        return self.revision

    def _open(self, name: str) -> RangedFile:
        if check_name(name) not in self._sizes:
            raise FileNotFoundError(name)
        return RangedFile(self._fs, f"{self._root}/{name}", self._sizes[name])

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as e:
            raise HubError(
                f"{self.name} has no file {name} at commit {self.revision}.\n  Its owner must push the dataset again."
            ) from e
        except (pa.ArrowException, OSError, httpx2.HTTPError) as e:
            raise HubError(f"{name} could not be read from {self.name}: {e}\n  Try again in a minute.") from e


class RangedFile(io.RawIOBase):
    """A remote file for pyarrow. What was fetched before is read from memory; anything else is one request.

    Args:
        fs: an `HfFileSystem`.
        path: the file's path in `fs`.
        size: of the file, in bytes.
    """

    def __init__(self, fs: Any, path: str, size: int) -> None:
        self._fs, self._path, self._size = fs, path, size
        self._position = 0
        self.fetched: dict[int, bytes] = {}  # by position of the first byte

    def fetch(self, span: tuple[int, int]) -> bytes:
        """Request the bytes [start, end)."""
        start, end = span
        with self._fs.open(self._path, "rb", cache_type="none") as file:
            file.seek(start)
            return cast(bytes, file.read(end - start))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def size(self) -> int:
        return self._size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._position + size, self._size)
        start, self._position = self._position, max(end, self._position)
        for first, data in self.fetched.items():
            if first <= start and end <= first + len(data):
                return data[start - first : end - first]
        return self.fetch((start, end)) if end > start else b""
