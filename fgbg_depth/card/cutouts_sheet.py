"""The contact sheet of `cutouts`: photographs that were left out with the reason, and cut-outs on a checkerboard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fgbg_depth.card.charts import INK, MUTED, PAPER, font, shorten
from fgbg_depth.card.sheets import save_sheet
from fgbg_depth.errors import SourceError
from fgbg_depth.sources.cutouts.make import Cutout, CutoutsResult
from fgbg_depth.sources.decode import load_rgb, load_rgba

MAX_TILES = 120  # a larger sheet cannot be looked at
_COLUMNS, _CELL, _GAP, _MARGIN, _HEAD, _LINE = 6, 200, 16, 36, 66, 18
_MAX_LINES = 4
_BAD = (193, 18, 31)
_EMPTY = (226, 229, 234)  # stands for a file that cannot be read
_CHECKS = (206, 250)  # grey levels, far enough apart to show pale and dark halos


def write_sheet(result: CutoutsResult) -> Path:
    """Write `OUTPUT-contact-sheet.png` beside the output, where a build does not take it for a cut-out.

    Returns:
        the file's path.
    Raises:
        OutputError: the file cannot be written.
    """
    output = Path(result.output).resolve()
    return save_sheet(output.parent, f"{output.name}-contact-sheet", draw_sheet(result.cutouts))


def draw_sheet(cutouts: Sequence[Cutout]) -> Image.Image:
    """Draw the sheet: what was left out first, then doubtful cut-outs, then the others; at most `MAX_TILES`.

    Returns:
        RGB image, 1,356 pixels wide.
    """
    ordered = sorted(cutouts, key=lambda each: (not each.reason, not each.notes))[:MAX_TILES]
    num_left_out = sum(bool(each.reason) for each in cutouts)
    title = f"{len(cutouts) - num_left_out:,} cut-outs; {num_left_out:,} photographs left out"
    if len(ordered) < len(cutouts):
        title += f"; the first {len(ordered):,} are shown"
    rows = [ordered[i : i + _COLUMNS] for i in range(0, len(ordered), _COLUMNS)]
    texts = [[_wrapped(each.reason or "; ".join(each.notes)) for each in row] for row in rows]
    heights = [_CELL + 36 + _LINE * max(map(len, row)) + _GAP for row in texts]
    sheet = Image.new("RGB", (2 * _MARGIN + _COLUMNS * (_CELL + _GAP) - _GAP, _HEAD + sum(heights)), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, 20), title, font=font(24), fill=INK)
    y = _HEAD
    for row, row_texts, height in zip(rows, texts, heights, strict=True):
        for i, (each, lines) in enumerate(zip(row, row_texts, strict=True)):
            x = _MARGIN + i * (_CELL + _GAP)
            sheet.paste(_picture(each), (x, y))
            if each.reason:
                draw.rectangle((x, y, x + _CELL - 1, y + _CELL - 1), outline=_BAD, width=3)
            draw.text((x, y + _CELL + 6), shorten(each.photo, _CELL, 15), font=font(15), fill=INK)
            for j, line in enumerate(lines):
                color = _BAD if each.reason else MUTED
                draw.text((x, y + _CELL + 28 + j * _LINE), line, font=font(14), fill=color)
        y += height
    return sheet


def _picture(cutout: Cutout) -> Image.Image:
    """The cut-out, or the photograph if it was left out, fitted into a cell; an empty cell if it cannot be read."""
    try:
        data = cutout.read()
        image = load_rgba(data) if cutout.file else load_rgb(data, at_least=_CELL).convert("RGBA")
    except (SourceError, OSError):
        return Image.new("RGB", (_CELL, _CELL), _EMPTY)
    scale = min(1.0, _CELL / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = image.convert("RGBa").resize(size, Image.Resampling.BOX).convert("RGBA")
    checks = (np.indices((_CELL, _CELL)) // 12).sum(axis=0) % 2
    cell = Image.fromarray(np.where(checks, *_CHECKS).astype(np.uint8)).convert("RGB")
    cell.paste(image, ((_CELL - size[0]) // 2, (_CELL - size[1]) // 2), image)
    return cell


def _wrapped(text: str) -> list[str]:
    """Text in lines that are no wider than a cell, at most `_MAX_LINES`."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and (font(14).getlength(longer) <= _CELL or len(lines) == _MAX_LINES):
            lines[-1] = longer
        else:
            lines.append(word)
    return [shorten(line, _CELL, 14) for line in lines]
