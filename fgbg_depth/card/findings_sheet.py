"""The picture of source files with findings: each file, with what is wrong with it below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from fgbg_depth.card.charts import INK, MEAN, MUTED, PAPER, font, shorten

_CELL, _GAP, _MARGIN, _HEAD, _LINE = 224, 16, 36, 78, 18
_COLUMNS = 5
_EMPTY = (226, 229, 234)  # stands for a file that cannot be read


@dataclass(frozen=True)
class SheetEntry:
    """One file of the sheet: its picture (RGB, RGBA or None), its name, and one line for each finding."""

    picture: Image.Image | None
    name: str
    lines: tuple[str, ...]


def findings_sheet(entries: Sequence[SheetEntry], num_more: int = 0) -> Image.Image:
    """A table of files with findings, five side by side.

    Args:
        entries: the files shown, at least one.
        num_more: number of files with findings that are not shown.
    Returns:
        RGB image, 1,256 pixels wide.
    """
    if not entries:
        raise ValueError("a sheet of findings needs at least one file")
    rows = [entries[i : i + _COLUMNS] for i in range(0, len(entries), _COLUMNS)]
    texts = [[_wrapped(entry.lines) for entry in row] for row in rows]
    heights = [_CELL + 30 + _LINE * max(len(lines) for lines in row) + _GAP for row in texts]
    width = 2 * _MARGIN + _COLUMNS * (_CELL + _GAP) - _GAP
    sheet = Image.new("RGB", (width, _HEAD + sum(heights) + 20), PAPER)
    draw = ImageDraw.Draw(sheet)
    total = len(entries) + num_more
    title = f"{total:,} source file{'s' if total != 1 else ''} with findings"
    draw.text((_MARGIN, 22), title + (f"; {num_more:,} not shown" if num_more else ""), font=font(24), fill=INK)
    y = _HEAD
    for row, row_texts, height in zip(rows, texts, heights, strict=True):
        for i, (entry, lines) in enumerate(zip(row, row_texts, strict=True)):
            x = _MARGIN + i * (_CELL + _GAP)
            sheet.paste(_cell(entry.picture), (x, y))
            draw.text((x, y + _CELL + 6), shorten(entry.name, _CELL, 15), font=font(15), fill=INK)
            for j, (text, is_first) in enumerate(lines):
                draw.text((x, y + _CELL + 28 + j * _LINE), text, font=font(14), fill=MEAN if is_first else MUTED)
        y += height
    return sheet


def _cell(picture: Image.Image | None) -> Image.Image:
    """The picture in a square. Transparency is a saturated blue, because pale halos vanish on a pale checkerboard."""
    if picture is None:
        return Image.new("RGB", (_CELL, _CELL), _EMPTY)
    factor = _CELL / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    kernel = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BOX
    if picture.mode == "RGBA":
        cell = Image.new("RGBA", (_CELL, _CELL), (0, 110, 230, 255))
        fitted = picture.convert("RGBa").resize(size, kernel).convert("RGBA")
        cell.alpha_composite(fitted, ((_CELL - size[0]) // 2, (_CELL - size[1]) // 2))
        return cell.convert("RGB")
    cell = Image.fromarray(np.full((_CELL, _CELL, 3), _EMPTY, np.uint8))
    cell.paste(picture.convert("RGB").resize(size, kernel), ((_CELL - size[0]) // 2, (_CELL - size[1]) // 2))
    return cell


def _wrapped(lines: Sequence[str]) -> list[tuple[str, bool]]:
    """Lines broken into parts that fit, each with whether it is the first part of its line."""
    parts: list[tuple[str, bool]] = []
    for line in lines:
        text, is_first = "", True
        for word in line.split():
            longer = f"{text} {word}".strip()
            if text and font(14).getlength(longer) > _CELL:
                parts.append((shorten(text, _CELL, 14), is_first))
                text, is_first = word, False
            else:
                text = longer
        parts.append((shorten(text, _CELL, 14), is_first))
    return parts
