"""Mattes that people already have: one file, or a folder with a file for each photograph."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from fgbg_depth.errors import SourceError
from fgbg_depth.sources.cutouts.mattes import Origin
from fgbg_depth.sources.decode import load_matte
from fgbg_depth.sources.folder import SourceFile, list_folder
from fgbg_depth.sources.names import printable


class GivenMattes:
    """Mattes from files, found by the photograph's path without extension: `cats/a.jpg` has the matte `cats/a.png`.

    Args:
        where: a folder, or one file for the only photograph.
        photos: all photographs.
    Raises:
        SourceError: there is no such file or folder; or one file is given for several photographs; or no photograph
            has a matte.
    """

    origin = Origin("given with --matte")

    def __init__(self, where: Path, photos: Sequence[SourceFile]) -> None:
        self._where = where
        self._files: dict[str, list[SourceFile]] = defaultdict(list)
        self._read: tuple[str, bytes] | None = None  # the last file that was read
        if where.is_file():
            if len(photos) != 1:
                raise SourceError(
                    f"--matte {where} is one file, but there are {len(photos):,} photographs.\n"
                    "  Give a folder with a matte for each, named as the photograph: cow.png for cow.jpg."
                )
            file = SourceFile(printable(where.name), where.read_bytes)
            self._files[_stem(photos[0])].append(file)
            return
        if not where.is_dir():
            raise SourceError(f"--matte {where} does not exist.\n  Give a file or a folder of mattes.")
        for file in list_folder(where, "mattes").pictures:
            self._files[_stem(file)].append(file)
        if not any(_stem(photo) in self._files for photo in photos):
            example = _stem(photos[0])
            raise SourceError(
                f"--matte {where}: no photograph has a matte there.\n  A matte has the name of its photograph: "
                f"{photos[0].name} needs {where}/{example}.png, or another extension."
            )

    def key(self, photo: SourceFile) -> str:
        """SHA-256 of the matte's file."""
        return hashlib.sha256(self._bytes(photo)).hexdigest()

    def matte(self, photo: SourceFile, image: Image.Image) -> np.ndarray:
        file = self._file(photo)
        try:
            matte = load_matte(self._bytes(photo))
        except SourceError as e:
            raise SourceError(f"its matte {file.name} {e}") from e
        height, width = matte.shape
        if (width, height) == image.size:
            return matte
        turned = (
            "; the photograph is turned by its EXIF orientation, so turn the matte, too"
            if (height, width) == image.size
            else ""
        )
        raise SourceError(
            f"its matte {file.name} has {width}x{height} pixels and the photograph {image.width}x{image.height}{turned}"
        )

    def _file(self, photo: SourceFile) -> SourceFile:
        files = self._files.get(_stem(photo), [])
        if not files:
            raise SourceError(f"no matte: there is no {self._where}/{_stem(photo)}.png, or with another extension")
        if len(files) > 1:
            raise SourceError(f"several mattes: {', '.join(file.name for file in files)}; keep one of them")
        return files[0]

    def _bytes(self, photo: SourceFile) -> bytes:
        file = self._file(photo)
        if self._read is None or self._read[0] != file.name:
            try:
                self._read = (file.name, file.read())
            except OSError as e:
                raise SourceError(f"its matte {file.name} cannot be read ({e.strerror or e})") from e
        return self._read[1]


def _stem(file: SourceFile) -> str:
    """The path without extension."""
    return PurePosixPath(file.name).with_suffix("").as_posix()
