"""The format `folders`: a folder for each kind of image, and a CSV file of the other columns for each split."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO

import pyarrow.compute as pc

from fgbg_depth import schema
from fgbg_depth.export.blocks import Block
from fgbg_depth.export.folder import ExportFolder, Part
from fgbg_depth.export.format import Format, image_extension, lines_of, write_lines
from fgbg_depth.read.files import read_columns
from fgbg_depth.read.rows import StoredRow

File = tuple[str, bytes]  # path in the export, and content


class Folders(Format):
    """A folder for each kind of image: the stored bytes, as they are.

    DEST/KIND/SPLIT/000012.jpg for the columns of rows, DEST/bg/ and DEST/fg/ for the sources, and DEST/SPLIT.csv.
    """

    name = "folders"

    def write(self, block: Block, rows: Sequence[StoredRow], folder: ExportFolder) -> Part:
        lines = []
        files: dict[str, list[File]] = {column: [] for column in self.image_columns}
        for row in rows:
            key = self.selection.key(row)
            for column, data in row.images.items():
                files[column].append((f"{column}/{row.split}/{key}.{image_extension(data)}", data))
            lines.append(_csv_line(self._cells(row, [found[-1][0] for found in files.values()])))
        for column, found in files.items():
            self._save(column, block, found, folder)
        return {f"{block.split}.csv": lines}

    def _save(self, kind: str, block: Block | None, files: Iterable[File], folder: ExportFolder) -> None:
        """Write the files of one kind.

        Args:
            block: that contains their rows; None for sources.
        """
        for path, data in files:
            folder.write(path, data)

    def _cells(self, row: StoredRow, paths: Sequence[str]) -> list[Any]:
        facts = [_cell(row.facts[column]) for column in self.selection.fact_columns]
        sources = [source_path(kind, row.facts[kind]) for kind in (schema.BG, schema.FG)]
        return [self.selection.key(row), *paths, *sources, *facts]

    def _header(self) -> list[str]:
        files = [f"{name}_file" for name in (*self.selection.image_columns, schema.BG, schema.FG)]
        return ["row", *files, *self.selection.fact_columns]

    def finish(self, blocks: Sequence[Block], folder: ExportFolder) -> None:
        for kind in (schema.BG, schema.FG):
            self._write_sources(kind, folder)
        for split in self.selection.num_rows:
            of_split = [block for block in blocks if block.split == split]
            lines = lines_of(of_split, folder, f"{split}.csv")
            folder.replace(f"{split}.csv", partial(_write_csv, header=self._header(), lines=lines))

    def _write_sources(self, kind: str, folder: ExportFolder) -> None:
        """The images of all backgrounds or cut-outs, and a CSV file of their columns."""
        manifest, files = self.selection.manifest, self.selection.files
        facts = schema.fact_columns(kind, manifest.labels, manifest.extras)
        rows = [
            row for path in manifest.files_of(kind) for row in read_columns(files, path, facts).to_pylist()
        ]  # without images, of which one file of the dataset is in memory at a time
        self._save(kind, None, self._source_files(kind), folder)
        lines = (
            _csv_line([source_path(kind, row["name"]), *map(_cell, row.values())])
            for row in sorted(rows, key=lambda row: str(row["name"]))
        )
        folder.replace(f"{kind}.csv", partial(_write_csv, header=[f"{kind}_file", *facts], lines=lines))

    def _source_files(self, kind: str) -> Iterator[File]:
        for path in self.selection.manifest.files_of(kind):
            table = read_columns(self.selection.files, path, ["name", "image"])
            images = pc.struct_field(table["image"], "bytes")
            for name, image in zip(table["name"].to_pylist(), images, strict=True):
                yield source_path(kind, name), image.as_py()

    def snippet(self, folder: ExportFolder) -> str:
        table = folder.path / f"{self.first_split()}.csv"
        return (
            f'import pandas, PIL.Image; rows = pandas.read_csv("{table}", dtype={{"row": str}})\n'
            f'image = PIL.Image.open("{folder.path}/" + rows.fg_bg_file[0])'
        )


def source_path(kind: str, name: str) -> str:
    """The file of a background or a cut-out: "bg/indoor_hall-1f3870be.png".

    Names of sources may contain any character, so only the safe part of a name is used. The digits are of the whole
    name: names that differ in letters' case, or in what was replaced, have different files on every file system.
    """
    digits = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{kind}/{schema.slug(name)}-{digits}.png"


def _cell(value: Any) -> Any:
    """A value as CSV has it: booleans as true and false, NaN as an empty cell, lists as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value != value else value


def _csv_line(cells: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(cells)
    return buffer.getvalue()


def _write_csv(file: BinaryIO, header: Sequence[str], lines: Iterable[str]) -> None:
    write_lines(file, [",".join(header)])
    write_lines(file, lines)
