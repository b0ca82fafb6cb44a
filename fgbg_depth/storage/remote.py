"""Files at an fsspec URL: object stores, file systems of clusters, servers. `files.Storage` is the public interface."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from fgbg_depth.errors import OutputError

# Here a file becomes visible only when its upload ends, folders need not be made, and a rename would copy the file.
_OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "cos", "obs", "hf", "memory"}


class Remote:
    """A folder at an fsspec URL.

    Raises:
        OutputError: no driver is installed for the URL, the server cannot be reached, or it refuses a request.
        FileNotFoundError: a file to read does not exist.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url
        with self._output_errors("open it"):
            try:
                self.fs, self.prefix = fsspec.core.url_to_fs(url)
            except (ImportError, ValueError) as e:
                raise OutputError(
                    f"{url}: {e}\n  Install the fsspec driver that this names (for s3: pip install s3fs), "
                    "or choose a local folder."
                ) from e
        inner = getattr(self.fs, "fs", self.fs)  # `dir::` and the like wrap the file system that stores the files
        if not isinstance(inner, fsspec.AbstractFileSystem):
            inner = self.fs
        protocols = {inner.protocol} if isinstance(inner.protocol, str) else set(inner.protocol)
        self.is_object_store = bool(protocols & _OBJECT_STORES)

    def path(self, name: str) -> str:
        return f"{self.prefix.rstrip('/')}/{name}" if name else str(self.prefix)

    def list(self, folder: str) -> list[tuple[str, int]]:
        """Names and sizes of the files directly in `folder`; [] if there is no such folder.

        A file that is removed during the call may be left out; all others are listed.
        """
        with self._output_errors("list it"):
            path = self.path(folder)
            self.fs.invalidate_cache(path)  # other machines write here, too
            try:
                entries = self.fs.ls(path, detail=True)
            except NotADirectoryError:
                return []
            except FileNotFoundError:  # no such folder, or a file in it was removed while the driver looked at it
                if self._info(path) is None:
                    return []
                found = [self._info(name) for name in self.fs.ls(path, detail=False)]
                entries = [entry for entry in found if entry is not None]
            return [(e["name"].rsplit("/", 1)[-1], e["size"]) for e in entries if e["type"] == "file"]

    def _info(self, path: str) -> dict[str, Any] | None:
        """What the driver knows about a file or folder: name, size, type and more; None if it does not exist."""
        try:
            return cast(dict[str, Any], self.fs.info(path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self, name: str) -> bool:
        with self._output_errors("look for a file in it"):
            path = self.path(name)
            self.fs.invalidate_cache(path.rsplit("/", 1)[0])
            info = self._info(path)  # fs.isfile() would return False for any failure
            return info is not None and info["type"] == "file"

    def open(self, name: str) -> BinaryIO:
        with self._output_errors("read it"):
            path = self.path(name)
            self.fs.invalidate_cache(path.rsplit("/", 1)[0])
            return cast(BinaryIO, self.fs.open(path, "rb"))

    def put(self, local: str, name: str) -> None:
        """Upload a local file; it becomes visible only when it is complete."""
        with self._output_errors(f"write {name}"):
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
        except OSError:  # some file systems (HDFS, SMB) refuse to rename over an existing file
            if not self.fs.exists(new_path):
                raise
            self.fs.rm_file(new_path)
            self.fs.mv(path, new_path)

    def remove(self, name: str) -> None:
        with self._output_errors(f"remove {name}"):
            if self.fs.exists(self.path(name)):
                self.fs.rm_file(self.path(name))

    def move(self, name: str, new_name: str) -> None:
        with self._output_errors(f"rename {name}"):
            if not self.is_object_store:
                self.fs.makedirs(self.path(new_name).rsplit("/", 1)[0], exist_ok=True)
            self._rename(self.path(name), self.path(new_name))

    @contextmanager
    def _output_errors(self, action: str) -> Iterator[None]:
        """Turn any error of a driver into an OutputError.

        Drivers raise classes of their own: those of botocore are no OSErrors, and some OSErrors have no text.
        """
        try:
            yield
        except (FileNotFoundError, OutputError):
            raise
        except Exception as e:
            reason = " ".join(str(e).split())[:300] or type(e).__name__
            raise OutputError(
                f"{self.url}: cannot {action} ({reason}).\n"
                "  Check the address, the network and your credentials for it; finished shards are kept."
            ) from e
