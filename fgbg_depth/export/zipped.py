"""The format `folders` with `--zip`: one archive for each kind of image instead of loose files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from fgbg_depth.export.blocks import Block
from fgbg_depth.export.folder import RECORDS, ExportFolder
from fgbg_depth.export.folders import File, Folders


class ZippedFolders(Folders):
    """DEST/fg_bg.zip with fg_bg/train/000012.jpg, and so on; DEST/SPLIT.csv stays outside.

    All archives, unpacked in one folder, give what `Folders` writes. Images are compressed already, so they are stored
    as they are. A block's files wait in archives of their own until all rows are there: an archive has one table of
    contents at its end, so that one which is written to cannot be continued after a kill.
    """

    options: Mapping[str, str | bool] = MappingProxyType({"zip": True})

    def _save(self, kind: str, block: Block | None, files: Iterable[File], folder: ExportFolder) -> None:
        folder.replace(f"{kind}.zip" if block is None else _waiting(kind, block), partial(_write_zip, files=files))

    def finish(self, blocks: Sequence[Block], folder: ExportFolder) -> None:
        for kind in self.image_columns:
            waiting = [folder.path / _waiting(kind, block) for block in blocks]
            if all(path.exists() for path in waiting):  # else an earlier run has made this archive
                members = (member for path in waiting for member in _members(path))
                folder.replace(f"{kind}.zip", partial(_write_zip, files=members))
            for path in waiting:  # at once, so that there is never a second copy of more than one kind
                path.unlink(missing_ok=True)
        super().finish(blocks, folder)

    def snippet(self, folder: ExportFolder) -> str:
        table = folder.path / f"{self.first_split()}.csv"
        return (
            f'import pandas, PIL.Image, zipfile; rows = pandas.read_csv("{table}", dtype={{"row": str}})\n'
            f'image = PIL.Image.open(zipfile.ZipFile("{folder.path}/fg_bg.zip").open(rows.fg_bg_file[0]))'
        )


def _waiting(kind: str, block: Block) -> str:
    return f"{RECORDS}/{kind}-{block.name}.zip"


def _members(path: Path) -> Iterator[File]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            yield info.filename, archive.read(info)


def _write_zip(file: BinaryIO, files: Iterable[File]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files:
            info = zipfile.ZipInfo(name)  # without a date: 1980, so that equal files give equal archives
            info.create_system = 3  # Unix everywhere, also on Windows
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
