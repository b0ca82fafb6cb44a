"""The JPEG of a composite out of the JPEG of its background: only rows of blocks that the cut-out touches are encoded.

JPEG codes a picture in rows of blocks (MCUs: 16 pixel rows at 4:2:0, 8 at 4:4:4). With a restart marker after each
such row (0.2 % more bytes at 224x224) a row's code depends on nothing but its own pixels, so the untouched rows
of every composite are those of the background. The same holds for decoding, except that the chroma of 4:2:0 is
interpolated across one pixel row between neighbours. Both give exactly the bytes, and exactly the pixels, that
Pillow makes of the whole picture, in little more than half of the time.
"""

from __future__ import annotations

import io
import itertools
import re
import struct
from functools import cached_property

import numpy as np
from PIL import Image

from fgbg_depth.render.codecs import encode_image

_RESTART = re.compile(rb"\xff[\xd0-\xd7]")  # in coded data every other 0xff is followed by 0
_MARKERS = [bytes([0xFF, 0xD0 + i]) for i in range(8)]
_END = b"\xff\xd9"
_START_OF_SCAN, _FRAME = 0xDA, (0xC0, 0xC1)  # baseline, which is all that encode_image writes
STACK = 24  # strips a call of encoder or decoder; a call's fixed cost is a fifth of a strip's
MAX_HEIGHT = 2**15  # pixels of a stack of strips; JPEG goes up to 65,535

Strip = tuple[list[bytes], tuple[int, int]]  # coded rows of blocks; the first and last (exclusive) of them


class JpegStrips:
    """Encodes and counts composites over one background.

    Args:
        background: (H, W, 3) uint8 sRGB.
        quality, subsampling: as `encode_image` takes them.
    """

    def __init__(self, background: Image.Image, quality: int, subsampling: str) -> None:
        self.background, self._options = background, ("jpeg", quality, subsampling)
        self._cut: dict[tuple[int, int], Image.Image] = {}  # spans recur: a cut-out of one height has two lengths
        self.block = 16 if subsampling == "4:2:0" else 8
        self._margin = int(subsampling == "4:2:0")  # rows of pixels beyond a strip that its chroma reaches
        self._header, self._rows = _take_apart(encode_image(background, *self._options))
        ends = [_MARKERS[i % 8] for i in range(len(self._rows) - 1)] + [_END]
        coded = [row + end for row, end in zip(self._rows, ends, strict=True)]
        self._above = [self._header + b"".join(coded[:i]) for i in range(len(coded) + 1)]
        self._below = [b"".join(coded[i:]) for i in range(len(coded) + 1)]

    def span(self, top: int, bottom: int) -> tuple[int, int]:
        """First and last (exclusive) row of blocks that the pixel rows top..bottom touch."""
        return top // self.block, -(-bottom // self.block)

    def strip_box(self, span: tuple[int, int]) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in pixels of a span of rows of blocks."""
        return 0, span[0] * self.block, self.background.width, min(span[1] * self.block, self.background.height)

    def strip(self, span: tuple[int, int]) -> Image.Image:
        """The background's pixels at `span`; not to be painted on."""
        if span not in self._cut:
            self._cut[span] = self.background.crop(self.strip_box(span))
        return self._cut[span]

    def encode(self, stack: Image.Image, spans: list[tuple[int, int]]) -> list[list[bytes]]:
        """The coded rows of each strip, from the strips one below the other.

        Only the last strip may hold a last row of blocks that is cut short by the picture's edge.
        """
        rows = _take_apart(encode_image(stack, *self._options))[1]
        counts = np.cumsum([0, *(end - start for start, end in spans)]).tolist()
        return [rows[a:b] for a, b in itertools.pairwise(counts)]

    def whole(self, rows: list[bytes], span: tuple[int, int]) -> bytes:
        """The JPEG file of the background with `rows` in place of its own at `span`."""
        last = len(self._rows) - 1
        ends = [_END if i == last else _MARKERS[i % 8] for i in range(*span)]
        middle = [part for pair in zip(rows, ends, strict=True) for part in pair]
        return b"".join([self._above[span[0]], *middle, self._below[span[1]]])

    def decode(self, strips: list[Strip]) -> tuple[Image.Image, list[tuple[int, int, int]]]:
        """Decode strips one below the other.

        One call of the decoder for all: only the first may touch the picture's top, only the last its bottom,
        because chroma is interpolated differently there.

        Returns:
            the stack, and of each strip what differs from the background: its first row of pixels in the stack, its
            first and last (exclusive) row of pixels in the picture. Other rows of the stack are of no use.
        """
        coded, places, height = [], [], 0
        for rows, (first, last) in strips:
            start, end = max(0, first - self._margin), min(len(self._rows), last + self._margin)
            coded += [*self._rows[start:first], *rows, *self._rows[last:end]]
            _, above, _, below = self.strip_box((start, end))
            _, top, _, bottom = self.strip_box((first, last))
            top, bottom = max(0, top - self._margin), min(self.background.height, bottom + self._margin)
            places.append((height + top - above, top, bottom))
            height += below - above
        image = Image.open(io.BytesIO(_put_together(self._header, coded, height)), formats=("JPEG",))
        image.load()
        return image, places

    def at_edges(self, span: tuple[int, int]) -> tuple[bool, bool]:
        """Whether a strip must be decoded first, for it touches the picture's top, and last, for its bottom."""
        end = span[1] + (self._margin if self.background.height % self.block else 0)  # a last row may be cut short
        return span[0] == 0, end >= len(self._rows)

    @cached_property
    def row_histograms(self) -> np.ndarray:
        """(H, 768) counts of channel values of the decoded background, by pixel row; floats, which multiply faster."""
        pixels = np.asarray(Image.open(io.BytesIO(self._above[-1])).convert("RGB"))
        height = len(pixels)
        keys = pixels + 256 * np.arange(3) + 768 * np.arange(height)[:, None, None]
        return np.bincount(keys.ravel(), minlength=768 * height).reshape(height, 768).astype(np.float64)


class StripCounts:
    """Histogram of the stored pixels of composites over one background; only touched strips are decoded."""

    def __init__(self, strips: JpegStrips) -> None:
        self._strips, self._count = strips, 0
        self._waiting: dict[tuple[bool, bool], list[Strip]] = {}  # by whether they touch top and bottom
        self._histogram = np.zeros(768, np.int64)
        self._differs = np.zeros(
            strips.background.height + 1, np.int64
        )  # +1 where differences start, -1 where they end

    def add(self, rows: list[bytes], span: tuple[int, int]) -> None:
        """Add the composite that `JpegStrips.whole(rows, span)` is."""
        self._waiting.setdefault(self._strips.at_edges(span), []).append((rows, span))
        self._count += 1
        if sum(map(len, self._waiting.values())) >= 2 * STACK:
            self._count_waiting()

    def _count_waiting(self) -> None:
        tops, bottoms = self._waiting.pop((True, False), []), self._waiting.pop((False, True), [])
        others, alone = self._waiting.pop((False, False), []), self._waiting.pop((True, True), [])
        stacks = max(len(tops), len(bottoms), -(-len(others) // STACK))
        groups = [[*tops[i : i + 1], *others[i::stacks], *bottoms[i : i + 1]] for i in range(stacks)]
        for group in [*groups, *([strip] for strip in alone)]:
            image, places = self._strips.decode(group)
            wanted = np.zeros((image.height, image.width), np.uint8)
            for place, top, bottom in places:
                wanted[place : place + bottom - top] = 255
                self._differs[top] += 1
                self._differs[bottom] -= 1
            self._histogram += np.asarray(image.histogram(Image.fromarray(wanted)))

    def histogram(self) -> np.ndarray:
        """(3, 256) counts over all pixels of all composites added."""
        self._count_waiting()
        same = (self._count - np.cumsum(self._differs)[:-1]).astype(np.float64)
        untouched = same @ self._strips.row_histograms  # whole numbers far below 2**53: exact
        return (self._histogram + untouched.astype(np.int64)).reshape(3, 256)


def _take_apart(data: bytes) -> tuple[bytes, list[bytes]]:
    """A JPEG file as its header and the coded data between restart markers."""
    position = 2
    while data[position + 1] != _START_OF_SCAN:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return data[:position], _RESTART.split(data[position : -len(_END)])


def _put_together(header: bytes, rows: list[bytes], height: int) -> bytes:
    """A JPEG file of `height` pixel rows, with the tables of `header`."""
    position = 2
    while header[position + 1] not in _FRAME:
        position += 2 + int.from_bytes(header[position + 2 : position + 4], "big")
    parts = [header[: position + 5], struct.pack(">H", height), header[position + 7 :]]
    for index, row in enumerate(rows):
        parts += (row, _MARKERS[index % 8])
    parts[-1] = _END
    return b"".join(parts)
