"""Pictures that show rows: the contact sheet and the banner."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from fgbg_depth.card.charts import INK, MUTED, PAPER, font, plain, shorten
from fgbg_depth.card.scene_pictures import color_instances, draw_horizon
from fgbg_depth.depth.colors import COLORS, colorize
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.render.png import encode_png
from fgbg_depth.render.resample import resize_cutout
from fgbg_depth.schema import LABELS, PLACED, PREDICTED
from fgbg_depth.sources.folder import SHEET_MARK, is_contact_sheet
from fgbg_depth.storage.files import Storage

DEPTHS = tuple(LABELS.values())
COLUMNS = ("bg", "fg", "fg_bg", "mask", "instances", *DEPTHS)
_HEADINGS = {
    "bg": ("bg", "background"),
    "fg": ("fg", "cut-out"),
    "fg_bg": ("fg_bg", "cut-out on background"),
    "mask": ("fg_bg_mask", "matte"),
    "instances": ("fg_bg_instances", "which cut-out is in front"),
    LABELS[PREDICTED]: (LABELS[PREDICTED], "predicted depth"),
    LABELS[PLACED]: (LABELS[PLACED], "placed depth"),
}
_CAPTIONS = {"bg": "bg_name", "fg": "fg_name", "fg_bg": "note"}  # the text below a picture
_MARGIN, _GAP, _HEAD, _CAPTION, _TITLE = 36, 12, 66, 34, 22

Row = Mapping[str, Any]


def contact_sheet(
    rows: Sequence[Row],
    spec: DepthSpec | None = None,
    columns: Sequence[str] = COLUMNS,
    *,
    value_range: tuple[float, float] | None = None,
    cell_px: int = 224,
) -> Image.Image:
    """A table of pictures: one line for each row, one column for each kind of image, depth in colours with a scale.

    Args:
        rows: dicts with "bg" (H, W, 3), "fg" (h, w, 4), "fg_bg" (H, W, 3), "mask" (H, W), all uint8; the columns of
            `schema.LABELS` (H, W) float in the spec's unit, or (H, W, 3) uint8 in the colours of `value_range`.
            Optional: "instances" (H, W) uint8 or (H, W, 3) in colours, "horizon" (the row at which a line is drawn
            into bg), and the captions
            "bg_name", "fg_name" and "note" below the bg, fg and fg_bg pictures, "title" below the whole line.
        spec: how the rows' depth is stored; needed if rows have depth.
        columns: which kinds, from left to right. What no row has is left out.
        value_range: the range of depth that the colours span; default: that of the rows shown.
        cell_px: side of a picture.
    Returns:
        RGB image, about 1,250 x (100 + 258 x rows) with the default columns.
    """
    if not rows:
        raise ValueError("a contact sheet needs at least one row")
    columns = [c for c in columns if any(row.get(c) is not None for row in rows)]
    depths = [c for c in columns if c in DEPTHS]
    depth_range = _depth_range(rows, depths, spec, value_range) if depths else None
    foot = 62 if depth_range else 8
    step = cell_px + _GAP
    width = 2 * _MARGIN + len(columns) * step - _GAP
    caption_px = _CAPTION + (_TITLE if any(row.get("title") for row in rows) else 0)
    height = _HEAD + _MARGIN + len(rows) * (cell_px + caption_px) + foot
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, column in enumerate(columns):
        name, words = _HEADINGS[column]
        x = _MARGIN + i * step
        draw.text((x, 30), name, font=font(21), fill=INK)
        draw.text((x, 58), words, font=font(15), fill=MUTED)
    for j, row in enumerate(rows):
        y = _HEAD + 24 + j * (cell_px + caption_px)
        for i, column in enumerate(columns):
            value = row.get(column)
            x = _MARGIN + i * step
            if value is not None:
                cell = _cell(column, value, cell_px, spec, depth_range)
                if column == "bg" and row.get("horizon") is not None:
                    draw_horizon(cell, row["horizon"], len(value))
                sheet.paste(cell, (x, y))
            caption = plain(str(row.get(_CAPTIONS.get(column, ""), "")))
            draw.text((x, y + cell_px + 7), shorten(caption, cell_px, 14), font=font(14), fill=MUTED)
        if title := plain(str(row.get("title", ""))):
            at = (_MARGIN, y + cell_px + 7 + _TITLE)
            draw.text(at, shorten(title, width - 2 * _MARGIN, 14), font=font(14), fill=MUTED)
    if depth_range and spec:
        x = _MARGIN + columns.index(depths[-1]) * step
        _legend(sheet, draw, (x, height - 62, cell_px, 12), depth_range, spec)
    return sheet


def banner(
    rows: Sequence[Row], spec: DepthSpec | None = None, *, value_range: tuple[float, float] | None = None
) -> Image.Image:
    """A wide picture for the top of a page: four scenes, each divided into picture, matte and depth by slanted lines.

    The depth is the placed one, or else the predicted one.

    Args:
        rows: as for `contact_sheet`; the first four are used, fewer are repeated.
    Returns:
        RGB image, 1600 x 400.
    """
    side = 400
    shown = [c for c in (LABELS[PLACED], LABELS[PREDICTED]) if any(r.get(c) is not None for r in rows)][:1]
    depth_range = _depth_range(rows, shown, spec, value_range) if shown else None
    out = Image.new("RGB", (4 * side, side))
    for i in range(4):
        row = rows[i % len(rows)]
        kinds = [k for k in ("fg_bg", "mask", *shown) if row.get(k) is not None]
        tile = _cell(kinds[0], row[kinds[0]], side, spec, depth_range)
        for n, kind in enumerate(kinds[1:], start=1):
            cut = side * n / len(kinds)
            area = Image.new("L", (2 * side, 2 * side))  # drawn at twice the size, so that the slanted edge is smooth
            slant = side * 0.14
            corners = [(cut + slant, 0), (side, 0), (side, side), (cut - slant, side)]
            ImageDraw.Draw(area).polygon([(2 * x, 2 * y) for x, y in corners], fill=255)
            area = area.resize((side, side), Image.Resampling.BOX)
            tile.paste(_cell(kind, row[kind], side, spec, depth_range), (0, 0), area)
            ImageDraw.Draw(tile).line([(cut + slant, -1), (cut - slant, side)], fill=PAPER, width=2)
        out.paste(tile, (i * side, 0))
    return out


def best_for_banner(rows: Sequence[Row], count: int = 4) -> list[Row]:
    """The rows that suit a banner best: a large cut-out near the middle, each row with another background."""

    def weight(row: Row) -> float:
        mask = np.asarray(row["mask"], dtype=np.float64)
        middle = np.hanning(mask.shape[1] + 2)[1:-1] * np.hanning(mask.shape[0] + 2)[1:-1, None]
        return float((mask * middle).sum())

    best: dict[Any, Row] = {}
    for i, row in sorted(enumerate(rows), key=lambda item: -weight(item[1])):
        best.setdefault((row.get("bg_name", i)), row)
    return list(best.values())[:count]


def png_bytes(image: Image.Image) -> bytes:
    """The image as PNG: equal pixels give equal bytes, because no date or software name is stored."""
    return encode_png(image)


def webp_bytes(image: Image.Image) -> bytes:
    """The image as WebP: equal pixels give equal bytes, because no date or software name is stored.

    A contact sheet of photographs takes 0.2 MB, and 1.7 MB as PNG; it is uploaded with each version that changes it.
    """
    data = io.BytesIO()
    image.save(data, "WEBP", quality=80, method=6)
    return data.getvalue()


def save_sheet(folder: Path, name: str, sheet: Image.Image) -> Path:
    """Write a sheet into a folder.

    A sheet of an earlier run is replaced. If the name belongs to another file, a number is appended.

    Args:
        name: without `.png`; it contains "contact-sheet", by which a search for sources knows the file.
    Returns:
        the file's path.
    Raises:
        OutputError: the file cannot be written.
    """
    taken = (folder / f"{name}{suffix}.png" for suffix in chain([""], (f"-{i}" for i in count(2))))
    path = next(path for path in taken if not path.exists() or is_contact_sheet(path))
    Storage(folder).write(path.name, sheet_png(sheet))
    return path


def sheet_png(sheet: Image.Image) -> bytes:
    """A sheet as PNG with a mark, so that a later search for sources does not take it for a picture."""
    text, data = PngInfo(), io.BytesIO()
    text.add_text("Software", SHEET_MARK)
    sheet.save(data, "PNG", pnginfo=text)
    return data.getvalue()


def _depth_range(
    rows: Sequence[Row], depths: Sequence[str], spec: DepthSpec | None, value_range: tuple[float, float] | None
) -> tuple[float, float]:
    if spec is None:
        raise ValueError("rows with depth need a depth spec")
    if value_range is None:
        values = np.concatenate([np.asarray(r[c]).ravel() for r in rows for c in depths if r.get(c) is not None])
        values = values[np.isfinite(values)]
        value_range = tuple(np.quantile(values, [0.005, 0.995]).tolist()) if values.size else (0.0, 1.0)
    return spec.meaning.shown_range(*value_range)


def _cell(
    column: str, value: Any, side: int, spec: DepthSpec | None, depth_range: tuple[float, float] | None
) -> Image.Image:
    array = np.asarray(value)
    if column == "fg":
        return _cutout_on_checks(array, side)
    if column in DEPTHS and array.ndim == 2:
        assert depth_range is not None and spec is not None
        array = colorize(array, *depth_range, spec.meaning)
    if column == "instances" and array.ndim == 2:
        array = color_instances(array)
    return Image.fromarray(array).convert("RGB").resize((side, side), Image.Resampling.LANCZOS)


def _cutout_on_checks(rgba: np.ndarray, side: int) -> Image.Image:
    """The cut-out, fitted into the cell, on a checkerboard that stands for transparency."""
    checks = (np.indices((side, side)) // 14).sum(axis=0) % 2
    cell = Image.fromarray(np.where(checks, 236, 250).astype(np.uint8)).convert("RGB")
    cutout = Image.fromarray(rgba)
    scale = 0.86 * side / max(cutout.size)
    size = (max(1, round(cutout.width * scale)), max(1, round(cutout.height * scale)))
    cutout = resize_cutout(cutout, size)
    cell.paste(cutout, ((side - size[0]) // 2, (side - size[1]) // 2), cutout)
    return cell


def _legend(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    depth_range: tuple[float, float],
    spec: DepthSpec,
) -> None:
    """A horizontal colour bar with its ticks; near is at the left."""
    x, y, width, height = box
    ramp = COLORS[np.linspace(255, 0, width).round().astype(np.uint8)][None].repeat(height, axis=0)
    sheet.paste(Image.fromarray(ramp), (x, y))
    used = -1.0
    for near, text in reversed(spec.meaning.ticks(*depth_range)):
        at = x + (1 - near) * (width - 1)
        half = font(14).getlength(text) / 2
        left = min(max(at - half, x), x + width - 2 * half)
        if left < used:
            continue  # leave out ticks that would overlap
        draw.line((at, y + height, at, y + height + 5), fill=MUTED)
        draw.text((left, y + height + 8), text, font=font(14), fill=MUTED)
        used = left + 2 * half + 8
