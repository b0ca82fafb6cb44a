"""Where a dataset's bytes lie: a folder, or one pinned commit of a Hub repository. Nothing else can be read."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq

from fgbg_depth.errors import HubError, OutputError

# The only names a dataset has. Names come from statistics.json, which anybody may have written: no "..", no "\".
ALLOWED = re.compile(
    r"(README\.md|recipe\.yaml|statistics\.json|assets/[^/\\]+\.png|(data|bg|fg|preview)/[^/\\]+\.parquet)"
)
REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
PARALLEL = 16  # ranged reads under way at once; one takes about 50 ms, nearly all of it waiting


def check_name(name: str) -> str:
    """The name, if it is one that a dataset may have; OutputError otherwise."""
    if not ALLOWED.fullmatch(name) or "\0" in name:
        raise OutputError(
            f"{name!r} is not a file of a dataset.\n  Its statistics.json was not written by this project."
        )
    return name


class Files(Protocol):
    """A dataset's files, by their names inside it."""

    name: str  # a folder, or "user/name": what load_dataset takes
    revision: str | None  # the pinned commit on the Hub
    is_local: bool

    def read(self, name: str) -> bytes:
        """The whole file."""

    def read_footer(self, name: str) -> pq.FileMetaData:
        """A parquet's footer."""

    def read_table(self, name: str, footer: pq.FileMetaData, row_groups: list[int], columns: list[str]) -> pa.Table:
        """Only these row groups and columns of a parquet."""

    def stamp(self) -> object:
        """Changes when the dataset is built anew."""


class LocalFiles:
    """A folder on this machine."""

    is_local = True
    revision: str | None = None  # only the Hub has them

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = str(folder)

    def read(self, name: str) -> bytes:
        with self._explained(name):
            return (self.folder / check_name(name)).read_bytes()

    def read_footer(self, name: str) -> pq.FileMetaData:
        with self._explained(name):
            return pq.read_metadata(self.folder / check_name(name))

    def read_table(self, name: str, footer: pq.FileMetaData, row_groups: list[int], columns: list[str]) -> pa.Table:
        path = self.folder / check_name(name)
        with self._explained(name), pq.ParquetFile(path, metadata=footer, memory_map=True) as file:
            return file.read_row_groups(row_groups, columns=columns, use_threads=False)

    def stamp(self) -> object:
        try:
            stat = (self.folder / "statistics.json").stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        again = "Run the build again: it makes only what is missing."
        try:
            yield
        except FileNotFoundError as e:
            raise OutputError(f"{name} is missing in {self.folder}.\n  {again}") from e
        except (pa.ArrowInvalid, OSError) as e:
            raise OutputError(f"{name} in {self.folder} cannot be read: {e}\n  Delete it. {again}") from e


class HubFiles:
    """A dataset repository on the Hub, read by ranges at the commit that `revision` names now."""

    is_local = False

    def __init__(self, repo_id: str, revision: str | None = None) -> None:
        from huggingface_hub import HfApi, HfFileSystem
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        if not REPO_ID.fullmatch(repo_id):
            raise HubError(f"{repo_id!r} is neither a folder here nor a dataset on the Hub (user/name).")
        self.name = repo_id
        try:
            self.revision = HfApi().dataset_info(repo_id, revision=revision, timeout=20).sha
            self._root = f"datasets/{repo_id}@{self.revision}"
            self._fs = HfFileSystem()
            found: Any = self._fs.find(self._root, detail=True)
        except (RepositoryNotFoundError, RevisionNotFoundError) as e:
            at = f" at revision {revision}" if revision else ""
            raise HubError(
                f"There is no dataset {repo_id}{at} on the Hub, or this machine may not see it.\n"
                "  Check the spelling; for a private dataset log in: hf auth login (on a Space: the secret HF_TOKEN)."
            ) from e
        except (OSError, ValueError, httpx2.HTTPError) as e:
            raise HubError(f"The Hub could not be read for {repo_id}: {e}\n  Try again in a minute.") from e
        self._sizes = {path.removeprefix(f"{self._root}/"): int(info["size"] or 0) for path, info in found.items()}
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="hub-read")

    def read(self, name: str) -> bytes:
        with self._explained(name):
            return self._open(name).fetch((0, self._size(name)))

    def read_footer(self, name: str) -> pq.FileMetaData:
        with self._explained(name):
            return pq.read_metadata(self._open(name))

    def read_table(self, name: str, footer: pq.FileMetaData, row_groups: list[int], columns: list[str]) -> pa.Table:
        with self._explained(name):
            file = self._open(name)
            spans = column_spans(footer, row_groups, columns)
            for (start, _), data in zip(spans, self._pool.map(file.fetch, spans), strict=True):
                file.spans[start] = data
            reader = pq.ParquetFile(file, metadata=footer, pre_buffer=False)
            return reader.read_row_groups(row_groups, columns=columns, use_threads=False)

    def stamp(self) -> object:
        return self.revision

    def _size(self, name: str) -> int:
        if check_name(name) not in self._sizes:
            raise FileNotFoundError(name)
        return self._sizes[name]

    def _open(self, name: str) -> RangedFile:
        return RangedFile(self._fs, f"{self._root}/{check_name(name)}", self._size(name))

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as e:
            raise HubError(f"{self.name} has no {name}.\n  Was it pushed whole? Push it again.") from e
        except (pa.ArrowInvalid, OSError, httpx2.HTTPError) as e:
            raise HubError(f"{name} could not be read from {self.name}: {e}\n  Try again in a minute.") from e


class RangedFile(io.RawIOBase):
    """A remote file for pyarrow: `spans` that were fetched ahead, else one request for each read."""

    def __init__(self, fs: Any, path: str, size: int) -> None:
        self._fs, self._path, self._size = fs, path, size
        self._at = 0
        self.spans: dict[int, bytes] = {}

    def fetch(self, span: tuple[int, int]) -> bytes:
        """The bytes of [start, end)."""
        with self._fs.open(self._path, "rb", cache_type="none") as file:
            file.seek(span[0])
            return file.read(span[1] - span[0])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def size(self) -> int:
        return self._size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._at + size, self._size)
        start, self._at = self._at, max(end, self._at)
        for first, data in self.spans.items():
            if first <= start and end <= first + len(data):
                return data[start - first : end - first]
        return self.fetch((start, end)) if end > start else b""


def column_spans(
    metadata: pq.FileMetaData, row_groups: Iterable[int], columns: Iterable[str], gap: int = 65_536
) -> list[tuple[int, int]]:
    """Byte ranges of these columns in these row groups; ranges nearer than `gap` bytes become one."""
    wanted = set(columns)
    found: list[tuple[int, int]] = []
    for index in row_groups:
        group = metadata.row_group(index)
        for number in range(group.num_columns):
            column = group.column(number)
            if column.path_in_schema.split(".")[0] in wanted:
                start = column.data_page_offset
                if column.has_dictionary_page:
                    start = min(start, column.dictionary_page_offset)
                found.append((start, start + column.total_compressed_size))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start - merged[-1][1] <= gap:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
