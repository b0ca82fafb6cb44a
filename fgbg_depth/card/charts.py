"""The card's charts: positions of the cut-outs, covered share of the picture, histogram of depth.

They are drawn with Pillow: its built-in typeface and integer boxes give the same bytes on every machine, and no
plotting library is needed. Each chart is 840 x 720 pixels, so that three side by side are readable in a card.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fgbg_depth.depth.colors import COLORS, colorize
from fgbg_depth.depth.kinds import DepthKind

INK, MUTED, RULE, PAPER = (31, 36, 48), (107, 114, 128), (226, 229, 234), (255, 255, 255)
ACCENT = (74, 12, 107)  # a dark violet of the depth colour table
CHART_SIZE = (840, 720)
_LEFT, _TOP, _RIGHT, _BOTTOM = 116, 150, 800, 610  # the plot's box in a chart


@cache
def font(size_px: int) -> Any:
    """Pillow's built-in typeface (Aileron), the same on every machine."""
    return ImageFont.load_default(size_px)


def plain(text: str) -> str:
    """Text in characters that the built-in typeface has: accents are removed, other scripts become '?'."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "replace").decode().replace("\n", " ")


def shorten(text: str, width_px: int, size_px: int) -> str:
    """The text, shortened with '...' if it is wider than `width_px`."""
    text = plain(text)
    if font(size_px).getlength(text) <= width_px:
        return text
    while text and font(size_px).getlength(text + "...") > width_px:
        text = text[:-1]
    return text.rstrip() + "..."


def _chart(title: str, note: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", CHART_SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((40, 28), title, font=font(42), fill=INK)
    draw.text((40, 80), note, font=font(31), fill=MUTED)
    return image, draw


def heat_map_chart(heat_map: Sequence[Sequence[float]]) -> Image.Image:
    """Heat map: how often each place of the picture is covered by a cut-out.

    Args:
        heat_map: (n, n) mean alpha 0..1 of each cell over all rows, row 0 at the top.
    """
    cells = np.asarray(heat_map, dtype=np.float64)
    top = float(cells.max(initial=0.0)) or 1.0
    image, draw = _chart("Positions of the cut-outs", "share of rows that cover each place")
    side = 512
    left, upper = (CHART_SIZE[0] - side) // 2 - 70, 148
    shades = COLORS[np.rint(np.clip(cells / top, 0, 1) * 255).astype(np.uint8)]
    image.paste(Image.fromarray(shades).resize((side, side), Image.Resampling.NEAREST), (left, upper))
    _colour_bar(image, draw, (left + side + 36, upper, 28, side), [(0.0, "0 %"), (1.0, f"{100 * top:.3g} %")])
    return image


def coverage_chart(histogram: Sequence[int], mean: float) -> Image.Image:
    """Histogram of the share of the picture that the cut-out covers.

    Args:
        histogram: rows in equal bins over 0..1.  mean: mean covered fraction.
    """
    counts = np.asarray(histogram, dtype=np.float64)
    last = int(np.flatnonzero(counts)[-1]) + 1 if counts.any() else len(counts)
    last = min(len(counts), max(last + 1, 5))
    limit = last / len(counts)
    image, draw = _chart("Covered share", f"share of rows, by covered share; mean {100 * mean:.2f} %")
    _bars(draw, counts[:last] / max(counts.sum(), 1), [ACCENT] * last)
    for part in _nice_steps(limit * 100):
        _x_tick(draw, part / (limit * 100), f"{part:g} %")
    x = _LEFT + mean / limit * (_RIGHT - _LEFT)
    draw.line((x, _TOP, x, _BOTTOM), fill=(237, 105, 37), width=3)
    return image


def depth_chart(edges: Sequence[float], counts: Sequence[int], kind: DepthKind) -> Image.Image:
    """Histogram of depth. Each bar has the colour of its depth in the card's pictures.

    Args:
        edges: (n + 1,) in the kind's unit, rising.  counts: (n,) pixels.
    """
    low, high = kind.histogram_range(edges, counts)
    shares, middles = kind.bars(edges, counts, low, high, 46)
    unit = f" in {kind.unit}" if kind.unit else ""
    image, draw = _chart("Depth", f"share of pixels, by {kind.label}{unit}")
    _bars(draw, shares, [tuple(rgb) for rgb in colorize(middles[None], low, high, kind)[0].tolist()])
    if kind.unit:
        for near, text in kind.ticks(low, high):
            _x_tick(draw, near if kind.larger_is_nearer else 1 - near, text)
        return image
    for value in (low, (low + high) / 2, high):
        near = float(kind.nearness(value, low, high))
        _x_tick(draw, near if kind.larger_is_nearer else 1 - near, f"{value:.3g}")
    left, right = ("far", "near") if kind.larger_is_nearer else ("near", "far")
    draw.text((_LEFT, _BOTTOM + 78), left, font=font(31), fill=MUTED, anchor="lm")
    draw.text((_RIGHT, _BOTTOM + 78), right, font=font(31), fill=MUTED, anchor="rm")
    return image


def _bars(draw: ImageDraw.ImageDraw, shares: np.ndarray, colours: Sequence[tuple[int, ...]]) -> None:
    """Bars across the plot, with a grid and an axis in per cent."""
    top = float(shares.max(initial=0.0)) * 100 or 1.0
    steps = _nice_steps(top)
    top = max(top * 1.04, steps[-1])
    for step in steps:
        y = _BOTTOM - step / top * (_BOTTOM - _TOP)
        draw.line((_LEFT, y, _RIGHT, y), fill=RULE, width=2)
        draw.text(
            (_LEFT - 14, y),
            f"{step:g} %" if step == steps[-1] else f"{step:g}",
            font=font(31),
            fill=MUTED,
            anchor="rm",
        )
    width = (_RIGHT - _LEFT) / len(shares)
    gap = 2 if width > 8 else 0
    for i, (share, colour) in enumerate(zip(shares, colours, strict=True)):
        y = _BOTTOM - share * 100 / top * (_BOTTOM - _TOP)
        if share > 0:
            box = (
                round(_LEFT + i * width) + gap,
                min(round(y), _BOTTOM - 2),
                round(_LEFT + (i + 1) * width) - 1,
                _BOTTOM,
            )
            draw.rectangle(box, fill=colour)
    draw.line((_LEFT, _BOTTOM, _RIGHT, _BOTTOM), fill=INK, width=2)


def _x_tick(draw: ImageDraw.ImageDraw, position: float, text: str) -> None:
    x = _LEFT + position * (_RIGHT - _LEFT)
    draw.line((x, _BOTTOM, x, _BOTTOM + 9), fill=INK, width=2)
    draw.text((x, _BOTTOM + 36), text, font=font(31), fill=MUTED, anchor="mm")


def _nice_steps(top: float, most: int = 5) -> list[float]:
    """0 and round numbers up to `top`, at most `most` + 1 of them."""
    raw = top / most
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw * 0.999)
    return [round(i * step, 10) for i in range(int(top / step + 1e-9) + 1)]


def _colour_bar(
    image: Image.Image,
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    ticks: Sequence[tuple[float, str]],
) -> None:
    """A vertical colour bar. `box` is (x, y, width, height); `ticks` are (position from the bottom on [0, 1], text)."""
    x, y, width, height = box
    ramp = COLORS[np.linspace(255, 0, height).round().astype(np.uint8)][:, None].repeat(width, axis=1)
    image.paste(Image.fromarray(ramp), (x, y))
    for at, text in ticks:
        draw.text((x + width + 12, y + (1 - at) * (height - 26) + 13), text, font=font(31), fill=MUTED, anchor="lm")
