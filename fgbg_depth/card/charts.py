"""The card's charts: where cut-outs stand, how much they cover, how far the pixels are.

Drawn with Pillow alone: its built-in typeface and integer boxes give the same bytes everywhere, with no plotting
library to install. Each chart is 840 x 720, so that three of them side by side stay readable in a card.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fgbg_depth.card.chart_data import BarChart, coverage_bars, depth_bars, heat_map_cells
from fgbg_depth.depth.colors import COLORS
from fgbg_depth.depth.kinds import DepthKind

INK, MUTED, RULE, PAPER = (31, 36, 48), (107, 114, 128), (226, 229, 234), (255, 255, 255)
ACCENT = (74, 12, 107)  # a dark violet of the depth colour table
MEAN = (237, 105, 37)  # an orange of the depth colour table
CHART_SIZE = (840, 720)
_LEFT, _TOP, _RIGHT, _BOTTOM = 116, 150, 800, 610  # the plot's box in a chart


def chart_bytes(image: Image.Image) -> bytes:
    """A chart as a small PNG with a palette of 64 colours: equal pixels give equal bytes."""
    data = io.BytesIO()
    image.convert("RGB").quantize(64, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        data, "PNG", optimize=True
    )
    return data.getvalue()


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
    """Heat map: how often each place of the picture is covered; see `chart_data.heat_map_cells`."""
    data = heat_map_cells(heat_map)
    image, draw = _chart(data.title, data.note)
    side = 512
    left, upper = (CHART_SIZE[0] - side) // 2 - 70, 148
    image.paste(Image.fromarray(data.colors).resize((side, side), Image.Resampling.NEAREST), (left, upper))
    _colour_bar(image, draw, (left + side + 36, upper, 28, side), data.ticks)
    return image


def coverage_chart(histogram: Sequence[int], mean: float) -> Image.Image:
    """Histogram of the share of the picture that the cut-out covers; see `chart_data.coverage_bars`."""
    return bar_chart(coverage_bars(histogram, mean))


def depth_chart(edges: Sequence[float], counts: Sequence[int], kind: DepthKind) -> Image.Image:
    """Pixels by depth; see `chart_data.depth_bars`."""
    return bar_chart(depth_bars(edges, counts, kind))


def bar_chart(data: BarChart) -> Image.Image:
    """One chart of bars. Bars of a second histogram stand to the right of the first ones, in the colour of means."""
    image, draw = _chart(data.title, data.note)
    for position, text in data.y_ticks:
        y = _BOTTOM - position * (_BOTTOM - _TOP)
        draw.line((_LEFT, y, _RIGHT, y), fill=RULE, width=2)
        draw.text((_LEFT - 14, y), text, font=font(31), fill=MUTED, anchor="rm")
    width = (_RIGHT - _LEFT) / len(data.heights)
    gap = 2 if width > 8 else 0
    series = [data.heights] if data.second is None else [data.heights, data.second]
    share = width / len(series)
    for position, heights in enumerate(series):
        for i, height in enumerate(heights):
            if height > 0:
                left = _LEFT + i * width + position * share
                y = min(round(_BOTTOM - height * (_BOTTOM - _TOP)), _BOTTOM - 2)
                box = (round(left) + (gap if position == 0 else 0), y, round(left + share) - 1, _BOTTOM)
                color = (ACCENT, MEAN)[position] if data.colors is None else tuple(data.colors[i].tolist())
                draw.rectangle(box, fill=color)
    draw.line((_LEFT, _BOTTOM, _RIGHT, _BOTTOM), fill=INK, width=2)
    for position, text in data.x_ticks:
        _x_tick(draw, position, text)
    if data.mean is not None:
        x = _LEFT + data.mean * (_RIGHT - _LEFT)
        draw.line((x, _TOP, x, _BOTTOM), fill=MEAN, width=3)
    if data.ends is not None:
        draw.text((_LEFT, _BOTTOM + 78), data.ends[0], font=font(31), fill=MUTED, anchor="lm")
        draw.text((_RIGHT, _BOTTOM + 78), data.ends[1], font=font(31), fill=MUTED, anchor="rm")
    return image


def _x_tick(draw: ImageDraw.ImageDraw, position: float, text: str) -> None:
    x = _LEFT + position * (_RIGHT - _LEFT)
    draw.line((x, _BOTTOM, x, _BOTTOM + 9), fill=INK, width=2)
    draw.text((x, _BOTTOM + 36), text, font=font(31), fill=MUTED, anchor="mm")


def _colour_bar(
    image: Image.Image,
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    ticks: Sequence[tuple[float, str]],
) -> None:
    """A standing colour bar: box is (x, y, width, height), ticks are (position from the bottom, text)."""
    x, y, width, height = box
    ramp = COLORS[np.linspace(255, 0, height).round().astype(np.uint8)][:, None].repeat(width, axis=1)
    image.paste(Image.fromarray(ramp), (x, y))
    for at, text in ticks:
        draw.text((x + width + 12, y + (1 - at) * (height - 26) + 13), text, font=font(31), fill=MUTED, anchor="lm")
