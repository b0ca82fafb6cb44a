"""The files of a finished build, as a push uploads them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from fgbg_depth import schema
from fgbg_depth.errors import HubError, OutputError
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.files import build_command
from fgbg_depth.read.hub_base import shards_on_hub
from fgbg_depth.read.opening import open_files, read_manifest
from fgbg_depth.storage.files import Storage


@dataclass(frozen=True)
class LocalFile:
    """A file to be on the Hub: on disk (`path`), made for this push (`content`), or on the Hub already."""

    name: str  # path in the repository
    size: int
    sha256: str
    path: Path | None = None
    content: bytes = b""
    stays_on_hub: bool = False  # a shard of the version that the output continues; the folder does not have it

    @classmethod
    def of_content(cls, name: str, content: bytes, path: Path | None = None) -> LocalFile:
        """A file with this content; with `path`, the content is read again from there instead of being kept."""
        return cls(name, len(content), hashlib.sha256(content).hexdigest(), path, b"" if path else content)

    def read(self) -> bytes:
        """The content.

        Raises:
            OutputError: the file on disk cannot be read.
        """
        return read_bytes(self.path) if self.path else self.content


def read_bytes(path: Path) -> bytes:
    """The content of a file of the output; OutputError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as e:
        raise unreadable(path, e) from e


def unreadable(path: Path, error: Exception) -> OutputError:
    """The message for a file of the output that cannot be read."""
    return OutputError(
        f"{path} cannot be read: {error}\n"
        "  Nothing was committed. Check the disk and the file's permissions, then run the same command again."
    )


def read_output(folder: Path) -> tuple[Manifest, list[LocalFile]]:
    """The manifest of an output, and its files without those that a push generates (card, statistics.json, metadata).

    Sizes and hashes of parquet files are taken from the manifest; `verify` has compared them with the files.

    Raises:
        HubError: there is no finished build in `folder`, or a file is missing.
        OutputError: a file cannot be read.
    """
    try:
        manifest = read_manifest(open_files(folder))
    except OutputError as e:
        raise HubError(str(e)) from e
    on_hub = shards_on_hub(Storage(folder), manifest.shards)
    files = [
        LocalFile(path, entry.bytes, entry.sha256, None if path in on_hub else folder / path, b"", path in on_hub)
        for path, entry in manifest.parquet_files.items()
    ]
    pictures = [path for path in sorted((folder / schema.ASSETS).glob("[!.]*")) if path.suffix in (".png", ".webp")]
    for path in (folder / schema.RECIPE, *pictures):
        if path.is_file():
            files.append(LocalFile.of_content(path.relative_to(folder).as_posix(), read_bytes(path), path))
    missing = [file.name for file in files if file.path and not file.path.is_file()]
    if missing:
        more = f" and {len(missing) - 1} more files" if missing[1:] else ""
        raise HubError(
            f"{missing[0]}{more} of {folder} do not exist, but {schema.STATISTICS} lists them.\n"
            f"  Build them again: {build_command(Storage(folder))}"
        )
    return manifest, files
