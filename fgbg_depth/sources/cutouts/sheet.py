"""The contact sheet of a run: photographs that were left out with the reason, and cut-outs on a checkerboard."""

from __future__ import annotations

import io
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from fgbg_depth.errors import SourceError
from fgbg_depth.sources.decode import load_rgb, load_rgba
from fgbg_depth.sources.folder import SHEET_MARK, is_contact_sheet
from fgbg_depth.storage.files import Storage

MAX_TILES = 120  # a larger sheet cannot be looked at
_COLUMNS, _CELL, _GAP, _MARGIN, _HEAD, _TEXT = 6, 200, 16, 32, 56, 74
_LINES, _LINE_PX, _LINE_CHARACTERS = 4, 17, 30
_INK, _MUTED, _PAPER, _BAD = (31, 36, 48), (107, 114, 128), (255, 255, 255), (193, 18, 31)
_CHECKS = (206, 250)  # grey levels; strong enough to show pale halos


@dataclass(frozen=True)
class Tile:
    """One picture of the sheet.

    Args:
        name: of the photograph.
        read: returns the bytes of the cut-out, or of the photograph if it was left out; may raise OSError.
        reason: why it was left out; "" if it was not.
        notes: what is doubtful about the cut-out.
    """

    name: str
    read: Callable[[], bytes]
    reason: str = ""
    notes: tuple[str, ...] = ()


def write_sheet(output: Path, tiles: Sequence[Tile]) -> Path:
    """Write `OUTPUT-contact-sheet.png` beside the output, where a build does not take it for a cut-out.

    The sheet of an earlier run is replaced. If the name belongs to another file, a number is appended.

    Returns:
        the file's path.
    Raises:
        OutputError: the file cannot be written.
    """
    folder = output.resolve().parent
    name = f"{output.resolve().name}-contact-sheet"
    taken = (folder / f"{name}{suffix}.png" for suffix in chain([""], (f"-{i}" for i in count(2))))
    path = next(path for path in taken if not path.exists() or is_contact_sheet(path))
    text, data = PngInfo(), io.BytesIO()
    text.add_text("Software", SHEET_MARK)
    draw_sheet(tiles).save(data, "PNG", pnginfo=text)
    Storage(folder).write(path.name, data.getvalue())
    return path


def draw_sheet(tiles: Sequence[Tile]) -> Image.Image:
    """Draw the sheet: what was left out first, then doubtful cut-outs, then the others; at most `MAX_TILES`.

    Returns:
        RGB.
    """
    ordered = sorted(tiles, key=lambda tile: (not tile.reason, not tile.notes))
    shown, num_left_out = ordered[:MAX_TILES], sum(bool(tile.reason) for tile in tiles)
    rows = -(-len(shown) // _COLUMNS)
    size = (2 * _MARGIN + _COLUMNS * (_CELL + _GAP) - _GAP, _HEAD + _MARGIN + rows * (_CELL + _TEXT))
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    title = f"{len(tiles) - num_left_out:,} cut-outs, {num_left_out:,} photographs left out"
    if len(shown) < len(tiles):
        title += f"; the first {len(shown):,} are shown"
    draw.text((_MARGIN, 18), title, font=ImageFont.load_default(20), fill=_INK)
    for index, tile in enumerate(shown):
        x = _MARGIN + index % _COLUMNS * (_CELL + _GAP)
        y = _HEAD + index // _COLUMNS * (_CELL + _TEXT)
        sheet.paste(_picture(tile), (x, y))
        if tile.reason:
            draw.rectangle((x, y, x + _CELL - 1, y + _CELL - 1), outline=_BAD, width=3)
        font = ImageFont.load_default(14)
        draw.text((x, y + _CELL + 4), _lines(tile.name)[0], font=font, fill=_INK)
        words = tile.reason or "; ".join(tile.notes)
        for number, line in enumerate(_lines(words)[: _LINES - 1] if words else [], start=1):
            place = (x, y + _CELL + 4 + number * _LINE_PX)
            draw.text(place, line, font=font, fill=_BAD if tile.reason else _MUTED)
    return sheet


def _picture(tile: Tile) -> Image.Image:
    """The photograph or the cut-out, fitted into a cell; an empty cell if it cannot be read."""
    checks = (np.indices((_CELL, _CELL)) // 12).sum(axis=0) % 2
    cell = Image.fromarray(np.where(checks, *_CHECKS).astype(np.uint8)).convert("RGB")
    try:
        data = tile.read()
        image = load_rgb(data, at_least=_CELL).convert("RGBA") if tile.reason else load_rgba(data)
    except (SourceError, OSError):
        return Image.new("RGB", cell.size, (226, 229, 234))
    scale = min(1.0, _CELL / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = image.convert("RGBa").resize(size, Image.Resampling.BOX).convert("RGBA")
    cell.paste(image, ((_CELL - size[0]) // 2, (_CELL - size[1]) // 2), image)
    return cell


def _lines(text: str) -> list[str]:
    """Text in lines that fit below a cell, in characters that Pillow's own typeface has."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "replace").decode()
    return textwrap.wrap(plain, _LINE_CHARACTERS, max_lines=_LINES - 1, placeholder=" ...") or [""]
