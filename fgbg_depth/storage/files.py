"""The output: a local folder or an fsspec URL. A file is visible there only when it is complete.

A local file is written under a hidden temporary name, flushed to disk and renamed. Other file systems get a file
that was first written to a local temporary file; see `remote.Remote.put`.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from fgbg_depth.errors import OutputError
from fgbg_depth.storage.lock import locked
from fgbg_depth.storage.remote import Remote

Content = Callable[[IO[bytes]], None] | bytes  # of a file: a function that writes it into an open file, or the bytes
LOCK_FILE = ".lock"


@dataclass(frozen=True)
class FileInfo:
    """Size and SHA-256 of a finished file."""

    bytes: int
    sha256: str


class HashingFile:
    """A write-only file that hashes all bytes written; parquet files and images are written front to back."""

    def __init__(self, raw: BinaryIO) -> None:
        self.raw, self.sha256, self.bytes = raw, hashlib.sha256(), 0
        self.closed = False

    def write(self, data: bytes | memoryview) -> int:
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

    def close(self) -> None:
        """Refuse further writes; whoever opened `raw` closes it."""
        self.closed = True


class Storage:
    """One folder of files, addressed by `/`-separated names below it.

    Args:
        url: a local folder, which need not exist, or an fsspec URL such as "s3://bucket/folder".
    Raises:
        OutputError: the address is empty, or the URL cannot be opened.
    """

    def __init__(self, url: str | Path) -> None:
        self.url = os.path.expanduser(url)  # a ~ that was quoted in the shell, or given in Python
        if not self.url.strip():
            raise OutputError("The address of the output is empty.\n  Give a folder or a URL: --output DIR.")
        self.is_local = "://" not in self.url or self.url.startswith(("file://", "local://"))
        if self.is_local:
            self.root = Path(self.url.removeprefix("file://").removeprefix("local://"))
        else:
            self.remote = Remote(self.url)

    def __str__(self) -> str:
        return self.url

    def path(self, name: str) -> str:
        """The address of a file: a local path, or a path of the remote file system."""
        return str(self.root / name) if self.is_local else self.remote.path(name)

    def list(self, folder: str = "", hidden: bool = False) -> dict[str, int]:
        """Files directly in `folder`, sorted, as {name below the root: bytes}; {} if there is no such folder.

        A file that another process removes or renames during the call may be left out; all others are listed.

        Args:
            hidden: include files whose name starts with a dot.
        """
        sizes = dict(self._list_local(folder) if self.is_local else self.remote.list(folder))
        prefix = f"{folder}/" if folder else ""
        return {prefix + base: sizes[base] for base in sorted(sizes) if hidden or not base.startswith(".")}

    def _list_local(self, folder: str) -> Iterator[tuple[str, int]]:
        try:
            entries = os.scandir(self.root / folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        with entries:
            for entry in entries:
                try:
                    if entry.is_file():
                        yield entry.name, entry.stat().st_size
                except FileNotFoundError:  # a temporary file that was renamed since the folder was read
                    continue

    def exists(self, name: str) -> bool:
        return os.path.isfile(self.path(name)) if self.is_local else self.remote.exists(name)

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading.

        Raises:
            FileNotFoundError: there is no such file.
        """
        if self.is_local:
            return open(self.path(name), "rb")
        return self.remote.open(name)

    def read(self, name: str) -> bytes:
        """The content of a file; raises FileNotFoundError."""
        with self.open(name) as f:
            return f.read()

    def write(self, name: str, content: Content) -> FileInfo:
        """Write a file, which replaces one of that name and becomes visible only when it is complete.

        Raises:
            OutputError: the disk is full, the folder is read-only, or the upload failed.
        """
        try:
            return self._write_local(name, content) if self.is_local else self._write_remote(name, content)
        except OSError as e:
            raise self.write_error(e, name) from e

    def _write_local(self, name: str, content: Content) -> FileInfo:
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.tmp")
        try:
            with open(temporary, "wb") as raw:
                written = _write_content(raw, content)
                raw.flush()
                os.fsync(raw.fileno())
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)
        return written

    def _write_remote(self, name: str, content: Content) -> FileInfo:
        with tempfile.TemporaryDirectory(prefix="fgbg-depth-") as folder:
            temporary = Path(folder) / "file"
            with open(temporary, "wb") as raw:  # closed before it is read again: Windows refuses to open it twice
                written = _write_content(raw, content)
            self.remote.put(str(temporary), name)
        return written

    def sha256(self, name: str) -> str:
        """SHA-256 of a file's content, 64 hex digits; reads the file."""
        with self.open(name) as f:
            return hashlib.file_digest(cast(io.BufferedReader, f), "sha256").hexdigest()

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        if self.is_local:
            Path(self.path(name)).unlink(missing_ok=True)
        else:
            self.remote.remove(name)

    def move(self, name: str, new_name: str) -> None:
        """Rename a file, replacing one of the new name.

        Raises:
            OutputError: the rename failed.
        """
        try:
            if self.is_local:
                Path(self.path(new_name)).parent.mkdir(parents=True, exist_ok=True)
                os.replace(self.path(name), self.path(new_name))
            else:
                self.remote.move(name, new_name)
        except OSError as e:
            raise self.write_error(e, name) from e

    def write_error(self, e: OSError, name: str) -> OutputError:
        """The error to raise for a failed write of `name`: it says what to do about `e`."""
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "The disk is full. Free some space and run the same command again; finished files are kept."
        elif e.errno == errno.EFBIG:
            hint = (
                "The file is larger than the file system or a limit (ulimit -f) allows.\n"
                "  Choose a smaller --shard-rows."
            )
        elif e.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            hint = "The folder cannot be written to. Change its permissions, or choose another --output."
        elif e.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
            hint = (
                "A file has the name of a folder that is needed, or a folder that of a file.\n"
                "  Remove it, or choose another --output."
            )
        else:
            hint = "Run the same command again; finished files are kept."
        return OutputError(f"{self.url}/{name}: cannot write ({e.strerror or e}).\n  {hint}")

    @contextmanager
    def lock(self, shared: bool = False) -> Iterator[None]:
        """Lock a local folder for one build, or for one of several slices of a build (`shared`); does not wait.

        An output at a URL has no lock, and neither has a folder whose file system has none.

        Raises:
            OutputError: another build or slice holds a lock that excludes this one, or the folder is read-only.
        """
        if not self.is_local:
            yield
            return
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            file = open(self.root / LOCK_FILE, "a+b")  # noqa: SIM115 (closed below)
        except OSError as e:
            raise self.write_error(e, LOCK_FILE) from e
        with file, ExitStack() as stack:
            try:
                stack.enter_context(locked(file, shared))
            except OSError as e:
                raise OutputError(
                    f"{self.url}: another build is writing to this folder.\n"
                    "  Wait until it has ended, or choose another --output."
                ) from e
            yield

    def remove_temporary_files(self, folders: tuple[str, ...]) -> None:
        """Remove the temporary files that killed processes left in these folders. Only under the exclusive lock."""
        for folder in folders:
            for name in self.list(folder, hidden=True):
                base = name.rsplit("/", 1)[-1]
                if base.startswith(".") and base.endswith(".tmp"):
                    self.remove(name)


def _write_content(raw: BinaryIO, content: Content) -> FileInfo:
    hashing = HashingFile(raw)
    if isinstance(content, bytes):
        hashing.write(content)
    else:
        content(cast(IO[bytes], hashing))
    return FileInfo(hashing.bytes, hashing.sha256.hexdigest())


def _sync_folder(folder: Path) -> None:
    """Flush a rename to disk. Windows has no such call for folders."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
