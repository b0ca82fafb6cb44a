"""The output folder, local or behind any fsspec URL: what is visible there is whole.

A file is written under a hidden temporary name, flushed to disk and renamed. Object stores publish a
file only when its upload ends, so there the temporary file is a local one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from fgbg_depth.errors import OutputError
from fgbg_depth.storage.remote import Remote


@dataclass(frozen=True)
class FileInfo:
    """Size and SHA-256 of a finished file."""

    bytes: int
    sha256: str


class HashingFile:
    """A write-only file that hashes what passes through; parquet and images are written front to back."""

    def __init__(self, raw: BinaryIO) -> None:
        self.raw, self.sha256, self.bytes = raw, hashlib.sha256(), 0
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self.sha256.update(view)
        self.raw.write(view)
        self.bytes += len(view)
        return len(view)

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        self.raw.flush()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:  # the owner of `raw` closes it
        self.closed = True


class Storage:
    """One folder of files, by `/`-separated names below it."""

    def __init__(self, url: str | Path) -> None:
        self.url = str(url)
        self.is_local = "://" not in self.url or self.url.startswith(("file://", "local://"))
        if self.is_local:
            self.root = Path(self.url.removeprefix("file://").removeprefix("local://"))
        else:
            self.remote = Remote(self.url)

    def __str__(self) -> str:
        return self.url

    def path(self, name: str) -> str:
        return str(self.root / name) if self.is_local else self.remote.path(name)

    def list(self, folder: str = "", hidden: bool = False) -> dict[str, int]:
        """Files directly in `folder`, {name below the root: bytes}, sorted; hidden ones only on request."""
        found: dict[str, int] = {}
        prefix = f"{folder}/" if folder else ""
        if self.is_local:
            try:
                entries = [(e.name, e.stat().st_size) for e in os.scandir(self.root / folder) if e.is_file()]
            except (FileNotFoundError, NotADirectoryError):
                entries = []
        else:
            entries = self.remote.list(folder)
        for base, size in sorted(entries):
            if hidden or not base.startswith("."):
                found[prefix + base] = size
        return found

    def exists(self, name: str) -> bool:
        return os.path.isfile(self.path(name)) if self.is_local else self.remote.exists(name)

    def open(self, name: str) -> BinaryIO:
        """Open for reading; raises FileNotFoundError."""
        if self.is_local:
            return open(self.path(name), "rb")
        return self.remote.open(name)

    def read(self, name: str) -> bytes:
        with self.open(name) as f:
            return f.read()

    def write(self, name: str, write: Callable[[IO[bytes]], None] | bytes) -> FileInfo:
        """Write a whole file, which becomes visible at once and only when it is complete.

        Args:
            write: the content, or a function that writes it into the file it is given.
        Raises:
            OutputError: the disk is full, the folder is read-only, the upload failed.
        """
        try:
            return self._write_local(name, write) if self.is_local else self._write_remote(name, write)
        except OSError as e:
            raise self.explained(e, name) from e

    def _write_local(self, name: str, write: Callable[[IO[bytes]], None] | bytes) -> FileInfo:
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.tmp")
        try:
            with open(temporary, "wb") as raw:
                written = _fill(raw, write)
                raw.flush()
                os.fsync(raw.fileno())
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        _fsync_folder(target.parent)
        return written

    def _write_remote(self, name: str, write: Callable[[IO[bytes]], None] | bytes) -> FileInfo:
        with tempfile.NamedTemporaryFile(prefix="fgbg-depth-") as raw:
            written = _fill(cast(BinaryIO, raw), write)
            raw.flush()
            self.remote.put(raw.name, name)
        return written

    def sha256(self, name: str) -> str:
        with self.open(name) as f:
            return hashlib.file_digest(cast(Any, f), "sha256").hexdigest()

    def remove(self, name: str) -> None:
        if self.is_local:
            Path(self.path(name)).unlink(missing_ok=True)
        else:
            self.remote.remove(name)

    def move(self, name: str, new_name: str) -> None:
        try:
            if self.is_local:
                Path(self.path(new_name)).parent.mkdir(parents=True, exist_ok=True)
                os.replace(self.path(name), self.path(new_name))
            else:
                self.remote.move(name, new_name)
        except OSError as e:
            raise self.explained(e, name) from e

    def explained(self, e: OSError, name: str) -> OutputError:
        """The message for a failed write."""
        where = f"{self.url}/{name}"
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "The disk is full. Make room and run the same command again; finished shards are kept."
        elif e.errno == errno.EFBIG:
            hint = "The file is larger than the file system or a limit (ulimit -f) allows; try a smaller --shard-rows."
        elif e.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            hint = "The folder cannot be written to. Change its rights, or choose another --output."
        elif e.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
            hint = "A file is where a folder should be. Remove it, or choose another --output."
        else:
            hint = "Run the same command again; finished shards are kept."
        return OutputError(f"{where}: cannot write ({e.strerror or e}).\n  {hint}")

    @contextmanager
    def lock(self, shared: bool = False) -> Iterator[None]:
        """Hold the folder: one build at a time, or several slices (`shared`) of one. Local folders only.

        The kernel lets go of the lock when the process ends, however it ends.
        """
        if not self.is_local or os.name != "posix":
            yield
            return
        import fcntl

        try:
            self.root.mkdir(parents=True, exist_ok=True)
            file = open(self.root / ".lock", "a+b")  # noqa: SIM115 (held for the whole build)
        except OSError as e:
            raise self.explained(e, ".lock") from e
        with file:
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError as e:
                raise OutputError(
                    f"{self.url}: another build is writing here.\n  Wait for it to end, or choose another --output."
                ) from e
            except OSError:
                pass  # some cluster file systems are mounted without locks; there, nobody keeps two builds apart
            yield

    def clean(self, folders: tuple[str, ...]) -> None:
        """Remove temporary files that killed writers left. Only under the exclusive lock."""
        for folder in folders:
            for name in self.list(folder, hidden=True):
                base = name.rsplit("/", 1)[-1]
                if base.startswith(".") and base.endswith(".tmp"):
                    self.remove(name)


def _fill(raw: BinaryIO, write: Callable[[IO[bytes]], None] | bytes) -> FileInfo:
    hashing = HashingFile(raw)
    if isinstance(write, bytes):
        hashing.write(write)
    else:
        write(cast(IO[bytes], hashing))
    return FileInfo(hashing.bytes, hashing.sha256.hexdigest())


def _fsync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can."""
    if os.name != "posix":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
