"""The format `coco`: images, and for each split a JSON file of instances with run-length masks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from fgbg_depth import schema
from fgbg_depth.errors import OutputError, install_command
from fgbg_depth.export.blocks import Block
from fgbg_depth.export.folder import ExportFolder, Part
from fgbg_depth.export.format import Format, image_extension, lines_of
from fgbg_depth.export.objects import RowObject, mask_columns, objects_of
from fgbg_depth.export.selection import Selection
from fgbg_depth.read.files import read_columns
from fgbg_depth.read.rows import StoredRow
from fgbg_depth.render.codecs import decode_grey


class Coco(Format):
    """COCO's instance annotations.

    DEST/images/SPLIT/000012.jpg, DEST/annotations/instances_SPLIT.json, and the depth maps of each column of depth:
    DEST/fg_bg_depth/SPLIT/000012.png. An image's id is the row's number in its split.

    Raises:
        OutputError: pycocotools is not installed.
    Source: https://cocodataset.org/#format-data
    """

    name = "coco"

    def __init__(self, selection: Selection) -> None:
        super().__init__(selection)
        self._codec = _mask_module()
        self._depth_columns = selection.manifest.depth_columns
        self.image_columns = ("fg_bg", *mask_columns(selection), *self._depth_columns)

    def write(self, block: Block, rows: Sequence[StoredRow], folder: ExportFolder) -> Part:
        images, annotations = [], []
        for row in rows:
            images.append(self._write_image(row, folder))
            annotations += [self._annotation(row, found) for found in objects_of(row, self.selection)]
        return {"images": list(map(_json, images)), "annotations": list(map(_json, annotations))}

    def _write_image(self, row: StoredRow, folder: ExportFolder) -> dict[str, Any]:
        """Write the image and its depth maps; returns its entry in the list `images`."""
        key, data = self.selection.key(row), row.images["fg_bg"]
        height, width = self.selection.frame
        entry: dict[str, Any] = {
            "id": row.index,
            "file_name": f"{key}.{image_extension(data)}",
            "width": width,
            "height": height,
        }
        folder.write(f"images/{row.split}/{entry['file_name']}", data)
        for column in self._depth_columns:
            path = f"{column}/{row.split}/{key}.png"
            folder.write(path, row.images[column])
            entry[f"{column}_file"] = path
        # the row's own columns stand apart: width and height mean the cut-out's box there
        entry["row"] = {name: row.facts[name] for name in self.selection.fact_columns}
        return entry

    def _annotation(self, row: StoredRow, found: RowObject) -> dict[str, Any]:
        """An entry of the list `annotations`, without its id."""
        encoded = self._codec.encode(np.asfortranarray(found.mask, np.uint8))
        area = int(found.mask.sum())
        return {
            "image_id": row.index,
            "category_id": self.selection.classes.index(found.class_name) + 1,
            "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")},
            "area": area,
            "bbox": self._codec.toBbox(encoded).tolist(),
            "iscrowd": 0,
            "fg": found.name,
            "visible": found.visible if found.visible is not None else round(area / self._areas[found.name], 4),
        }

    @cached_property
    def _areas(self) -> dict[str, int]:
        """Foreground pixels of each cut-out at its placed size, by name. Plain rows place it at no other size."""
        areas = {}
        for path in self.selection.manifest.files_of(schema.FG):
            for row in read_columns(self.selection.files, path, ["name", "mask"]).to_pylist():
                alpha = decode_grey(row["mask"]["bytes"])
                areas[row["name"]] = int((alpha >= schema.FOREGROUND_ALPHA).sum())
        return areas

    def finish(self, blocks: Sequence[Block], folder: ExportFolder) -> None:
        for split in self.selection.num_rows:
            of_split = [block for block in blocks if block.split == split]
            name = f"annotations/instances_{split}.json"
            folder.replace(name, partial(self._write_json, split=split, blocks=of_split, folder=folder))

    def _write_json(self, file: BinaryIO, split: str, blocks: Sequence[Block], folder: ExportFolder) -> None:
        """Write the annotations of a split, line by line: a large split would not fit into memory."""
        manifest = self.selection.manifest
        info = {
            "description": f"{manifest.name}, split {split}",
            "version": manifest.version or "",
            "depth": manifest.depth.to_dict() if manifest.depth is not None else None,
        }
        categories = [
            {"id": n, "name": name, "supercategory": name.split("/")[0]}
            for n, name in enumerate(self.selection.classes, 1)
        ]
        licenses = [{"id": 1, "name": manifest.recipe.license or "not stated", "url": ""}]
        head = {"info": info, "licenses": licenses, "categories": categories}
        file.write(_json(head)[:-1].encode("utf-8", "replace"))
        images = lines_of(blocks, folder, "images")
        annotations = (f'{{"id": {n}, {line[1:]}' for n, line in enumerate(lines_of(blocks, folder, "annotations"), 1))
        for name, lines in (("images", images), ("annotations", annotations)):
            file.write(f',\n"{name}": [\n'.encode())
            for text in _separated(lines):
                file.write(text.encode("utf-8", "replace"))
            file.write(b"\n]")
        file.write(b"}\n")

    def snippet(self, folder: ExportFolder) -> str:
        split = self.first_split()
        return (
            f'from pycocotools.coco import COCO; coco = COCO("{folder.path}/annotations/instances_{split}.json")\n'
            f"mask = coco.annToMask(coco.anns[1])  # of {folder.path}/images/{split}/: (H, W) uint8, 0 or 1"
        )


def _mask_module() -> ModuleType:
    """The module `pycocotools.mask`.

    Raises:
        OutputError: it is not installed.
    """
    try:
        from pycocotools import mask
    except ImportError as e:
        raise OutputError(
            f"the format coco needs the package pycocotools, which cannot be imported ({e}).\n"
            f"  Install it: {install_command('export')}"
        ) from e
    module: ModuleType = mask
    return module


def _json(value: Any) -> str:
    """A value on one line; NaN, which JSON does not have, becomes null."""
    return json.dumps(_without_nan(value), ensure_ascii=False, allow_nan=False)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_nan(inner) for inner in value]
    return None if value != value else value


def _separated(lines: Iterable[str]) -> Iterator[str]:
    for n, line in enumerate(lines):
        yield f",\n{line}" if n else line
