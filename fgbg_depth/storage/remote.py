"""Files at an fsspec URL: object stores, clusters' file systems, servers; `storage.py` gives it names and hashes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from fgbg_depth.errors import OutputError

# A file appears here only when its upload ends, folders need not be made, and a rename would be a copy.
_OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "cos", "obs", "hf", "memory"}


class Remote:
    """A folder at an fsspec URL.

    Raises:
        OutputError: no driver is installed for the URL, or the server cannot be reached or refuses.
        FileNotFoundError: reading a file that is not there.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url
        with self._explained("open it"):
            try:
                self.fs, self.prefix = fsspec.core.url_to_fs(url)
            except (ImportError, ValueError) as e:
                raise OutputError(
                    f"{url}: {e}\n  Install the fsspec driver it names (s3: pip install s3fs), or give a folder."
                ) from e
        inner = getattr(self.fs, "fs", self.fs)  # `dir::` and the like wrap the real one
        if not isinstance(inner, fsspec.AbstractFileSystem):
            inner = self.fs
        protocols = {inner.protocol} if isinstance(inner.protocol, str) else set(inner.protocol)
        self.is_object_store = bool(protocols & _OBJECT_STORES)

    def path(self, name: str) -> str:
        return f"{self.prefix.rstrip('/')}/{name}" if name else self.prefix

    def list(self, folder: str) -> list[tuple[str, int]]:
        """Names and sizes of the files directly in `folder`; none if there is no such folder."""
        with self._explained("list it"):
            path = self.path(folder)
            self.fs.invalidate_cache(path)  # other machines write here too
            try:
                entries = self.fs.ls(path, detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
            return [(e["name"].rsplit("/", 1)[-1], e["size"]) for e in entries if e["type"] == "file"]

    def exists(self, name: str) -> bool:
        with self._explained("look into it"):
            path = self.path(name)
            self.fs.invalidate_cache(path.rsplit("/", 1)[0])
            try:
                return bool(self.fs.info(path)["type"] == "file")  # isfile() takes any failure for "no"
            except (FileNotFoundError, NotADirectoryError):
                return False

    def open(self, name: str) -> BinaryIO:
        with self._explained("read it"):
            path = self.path(name)
            self.fs.invalidate_cache(path.rsplit("/", 1)[0])
            return cast(BinaryIO, self.fs.open(path, "rb"))

    def put(self, local: str, name: str) -> None:
        """Copy a local file there; it becomes visible at once and only when it is complete."""
        with self._explained(f"write {name}"):
            path = self.path(name)
            if self.is_object_store:
                self.fs.put_file(local, path)
                return
            folder, base = path.rsplit("/", 1)
            self.fs.makedirs(folder, exist_ok=True)
            hidden = f"{folder}/.{base}.{uuid.uuid4().hex[:12]}.tmp"
            try:
                self.fs.put_file(local, hidden)
                self._rename(hidden, path)
            except BaseException:
                if self.fs.exists(hidden):
                    self.fs.rm_file(hidden)
                raise

    def _rename(self, path: str, new_path: str) -> None:
        try:
            self.fs.mv(path, new_path)
        except OSError:  # some (HDFS, SMB) do not rename over a file that is there
            if not self.fs.exists(new_path):
                raise
            self.fs.rm_file(new_path)
            self.fs.mv(path, new_path)

    def remove(self, name: str) -> None:
        with self._explained(f"remove {name}"):
            if self.fs.exists(self.path(name)):
                self.fs.rm_file(self.path(name))

    def move(self, name: str, new_name: str) -> None:
        with self._explained(f"rename {name}"):
            if not self.is_object_store:
                self.fs.makedirs(self.path(new_name).rsplit("/", 1)[0], exist_ok=True)
            self._rename(self.path(name), self.path(new_name))

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        """Drivers raise errors of their own kinds (those of botocore are no OSErrors, some OSErrors say nothing)."""
        try:
            yield
        except (FileNotFoundError, OutputError):
            raise
        except Exception as e:
            reason = " ".join(str(e).split())[:300] or type(e).__name__
            raise OutputError(
                f"{self.url}: cannot {doing} ({reason}).\n"
                "  Check the address, the network and your credentials for it; finished shards are kept."
            ) from e
