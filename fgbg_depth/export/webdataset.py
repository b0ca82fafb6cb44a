"""The format `webdataset`: tar files whose rows come from several backgrounds, for streaming in training."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO

from fgbg_depth.export.blocks import Block
from fgbg_depth.export.folder import ExportFolder, Part
from fgbg_depth.export.format import Format, image_extension
from fgbg_depth.read.rows import StoredRow

_ENDINGS = {
    "fg_bg": "",
    "fg_bg_mask": "mask.",
    "fg_bg_instances": "instances.",
    "fg_bg_depth": "depth.",
    "fg_bg_depth_placed": "depth_placed.",
}


class WebDataset(Format):
    """DEST/SPLIT-000000.tar with SPLIT_000012.jpg, .mask.png, .depth.png and .json for each row.

    A tar file holds rows of up to ten row groups, drawn from the whole split, and they alternate: a loader shuffles
    what is in its buffer, and a stored shard has one background. Headers have no time and no owner, so equal rows give
    equal files.

    Source: https://github.com/webdataset/webdataset (files with one name up to the first dot are one sample)
    """

    name = "webdataset"
    is_mixed = True

    def write(self, block: Block, rows: Sequence[StoredRow], folder: ExportFolder) -> Part:
        folder.replace(f"{block.name}.tar", partial(self._write_tar, rows=rows))
        return {}

    def _write_tar(self, file: BinaryIO, rows: Sequence[StoredRow]) -> None:
        with tarfile.open(fileobj=file, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
            for row in rows:
                key = f"{row.split}_{self.selection.key(row)}"
                for ending, data in self._members(row):
                    header = tarfile.TarInfo(f"{key}.{ending}")  # its defaults: no time, no owner, mode 644
                    header.size = len(data)
                    tar.addfile(header, io.BytesIO(data))

    def _members(self, row: StoredRow) -> Iterator[tuple[str, bytes]]:
        for column, data in row.images.items():
            yield _ENDINGS[column] + image_extension(data), data
        facts = {name: row.facts[name] for name in self.selection.fact_columns}
        yield "json", _json({"split": row.split, "row": row.index, **facts})

    def finish(self, blocks: Sequence[Block], folder: ExportFolder) -> None:
        """Each block is a file of its own."""

    def snippet(self, folder: ExportFolder) -> str:
        last = max(block.number for block in self.selection.blocks(self.is_mixed) if block.split == self.first_split())
        tars = f"{folder.path}/{self.first_split()}-{{000000..{last:06d}}}.tar"
        return (
            f'import webdataset; rows = webdataset.WebDataset("{tars}", shardshuffle=False)\n'
            f"row = next(iter(rows))  # encoded: {', '.join(self._keys())}; open images with PIL.Image"
        )

    def _keys(self) -> list[str]:
        return [_ENDINGS[column] + ("jpg" if not _ENDINGS[column] else "png") for column in self.image_columns] + [
            "json"
        ]


def _json(value: dict[str, Any]) -> bytes:
    """A row's columns as JSON; NaN, which JSON does not have, becomes null."""
    plain = {name: None if inner != inner else inner for name, inner in value.items()}
    return json.dumps(plain, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
