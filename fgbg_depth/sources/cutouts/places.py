"""The folder of photographs and the folder of cut-outs, checked before anything is made."""

from __future__ import annotations

import os
from pathlib import Path

from fgbg_depth.errors import OutputError, SourceError
from fgbg_depth.sources.decode import readable_extensions
from fgbg_depth.sources.folder import SourceFile, is_output, list_folder
from fgbg_depth.sources.names import printable
from fgbg_depth.storage.files import Storage


def find_photos(photos: Path) -> tuple[Path, list[SourceFile]]:
    """The absolute path of the folder of photographs, and the photographs below it.

    Args:
        photos: a folder, or one photograph.
    Raises:
        SourceError: there is no such file or folder, or no photograph in it.
    """
    photos = Path(os.path.abspath(photos))
    if photos.is_file():
        if photos.suffix.lower() not in readable_extensions():
            raise SourceError(
                f"{photos} is not a photograph.\n"
                f"  The name of a picture ends in one of {', '.join(sorted(readable_extensions()))}."
            )
        return photos.parent, [SourceFile(printable(photos.name), photos.read_bytes)]
    if not photos.is_dir():
        raise SourceError(f"{photos} does not exist.\n  Give a folder of photographs, or one photograph.")
    if is_output(photos):
        raise SourceError(
            f"{photos} is a dataset that fgbg-depth built, not a folder of photographs.\n"
            "  Give the folder of your photographs."
        )
    return photos, list(list_folder(photos, "photographs").pictures)


def prepare_output(output: Path, photos: Path) -> Storage:
    """Make the folder of cut-outs.

    Args:
        photos: the folder of photographs, or one photograph, which may lie anywhere.
    Raises:
        OutputError: the output is a URL, a file, a dataset, inside the folder of photographs or around it, or cannot
            be written.
    """
    if "://" in str(output) or ":/" in str(output):  # Path has made one slash of two
        raise OutputError(f"{output} is a URL.\n  Cut-outs are written to a folder of this machine: --output DIR.")
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output} is a file.\n  Choose a folder: --output DIR.")
    if is_output(output):
        raise OutputError(
            f"{output} is a dataset that fgbg-depth built.\n  Choose a folder for the cut-outs: --output DIR."
        )
    if photos.is_file():
        return Storage(output)
    real, real_photos = Path(os.path.realpath(output)), Path(os.path.realpath(photos))
    if real.is_relative_to(real_photos):
        raise OutputError(
            f"{output} is inside the folder of photographs {photos}: the next run would read its cut-outs.\n"
            "  Choose a folder outside: --output DIR."
        )
    if real_photos.is_relative_to(real):
        raise OutputError(
            f"{output} contains the folder of photographs {photos}: a build would take photographs for cut-outs.\n"
            "  Choose another folder: --output DIR."
        )
    return Storage(output)


def remove_temporary_files(storage: Storage) -> None:
    """Remove what a killed run left in the folder of cut-outs and below it. Only under the lock."""
    folders = {path.parent.relative_to(storage.root).as_posix() for path in storage.root.rglob(".*.tmp")}
    storage.remove_temporary_files(tuple("" if folder == "." else folder for folder in folders))
