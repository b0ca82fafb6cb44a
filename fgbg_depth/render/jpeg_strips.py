"""JPEG files of composites made from the JPEG of their background: only touched rows of blocks are encoded.

With a restart marker after each row of blocks the code of a row depends on its own pixels only, so the untouched rows
of every composite are those of the background. The same holds for decoding, except that the chroma of 4:2:0 is
interpolated across one pixel row between neighbouring rows of blocks. Both give exactly the bytes and the pixels that
Pillow makes of the whole picture, in little more than half of the time.
"""

from __future__ import annotations

import itertools
from functools import cached_property

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from fgbg_depth.render.jpeg import BLOCK_HEIGHT, END, encode_jpeg, join_jpeg, restart_marker, split_jpeg

STRIPS_PER_CALL = 24  # of the encoder; the fixed cost of a call is a fifth of the cost of a strip
DECODED_PER_CALL = 6  # the decoder's fixed cost is small, and so few decoded strips stay in the processor's cache
MAX_STACK_HEIGHT = 2**15  # pixels; JPEG allows up to 65,535

Span = tuple[int, int]  # first and last (exclusive) row of blocks
Strip = tuple[list[bytes], Span]  # the code of these rows of blocks


class JpegStrips:
    """Encodes and decodes composites over one background, in strips: the rows of blocks that a cut-out touches.

    Args:
        background: (H, W, 3) uint8 sRGB.
        quality, subsampling: as `encode_jpeg` takes them.
    """

    def __init__(self, background: Image.Image, quality: int, subsampling: str) -> None:
        self.background, self._options = background, (quality, subsampling)
        self._pixels: dict[Span, Image.Image] = {}  # spans recur: a cut-out of one height has two lengths
        self.block = BLOCK_HEIGHT[subsampling]
        self._margin = int(subsampling == "4:2:0")  # pixel rows beyond a strip that its chroma changes
        self._header, self._rows = split_jpeg(encode_jpeg(background, *self._options))
        self._markers = [*map(restart_marker, range(len(self._rows) - 1)), END]  # after each row of blocks
        coded = [row + marker for row, marker in zip(self._rows, self._markers, strict=True)]
        self._above = [self._header + b"".join(coded[:i]) for i in range(len(coded) + 1)]
        self._below = [b"".join(coded[i:]) for i in range(len(coded) + 1)]

    def span(self, top: int, bottom: int) -> Span:
        """The rows of blocks that the pixel rows top..bottom (exclusive) touch."""
        return top // self.block, -(-bottom // self.block)

    def strip_box(self, span: Span) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of a span, in pixels of the picture."""
        return 0, span[0] * self.block, self.background.width, min(span[1] * self.block, self.background.height)

    def strip(self, span: Span) -> Image.Image:
        """The background's pixels at `span`, cached; copy it before changing it."""
        if span not in self._pixels:
            self._pixels[span] = self.background.crop(self.strip_box(span))
        return self._pixels[span]

    def encode(self, stack: Image.Image, spans: list[Span]) -> list[list[bytes]]:
        """Encode strips that are stacked one below the other.

        Args:
            stack: the pixels of all strips. Only the last may hold a last row of blocks that the picture's edge
                cuts short.
            spans: of the strips, in order.
        Returns:
            the code of each strip's rows of blocks.
        """
        rows = split_jpeg(encode_jpeg(stack, *self._options))[1]
        ends = np.cumsum([0, *(end - start for start, end in spans)]).tolist()
        return [rows[a:b] for a, b in itertools.pairwise(ends)]

    def join(self, rows: list[bytes], span: Span) -> bytes:
        """The JPEG file of the background with `rows` instead of its own at `span`."""
        markers = self._markers[slice(*span)]
        coded = [piece for pair in zip(rows, markers, strict=True) for piece in pair]
        return b"".join([self._above[span[0]], *coded, self._below[span[1]]])

    def decode(self, strips: list[Strip]) -> tuple[NDArray[np.uint8], list[tuple[int, int, int]]]:
        """Decode strips with one call of the decoder.

        Args:
            strips: only the first may touch the picture's top, only the last its bottom, because chroma is
                interpolated differently there.
        Returns:
            (H, W, 4) uint8, RGB and a byte without meaning: the decoded strips one below the other. And for each strip
            the part that may differ from the background: its first pixel row in the stack, and its first and last
            (exclusive) pixel row in the picture. The other rows of the stack have no meaning.
        """
        coded, changed, stack_y = [], [], 0
        for rows, (first, last) in strips:
            start, end = max(0, first - self._margin), min(len(self._rows), last + self._margin)
            coded += [*self._rows[start:first], *rows, *self._rows[last:end]]
            _, strip_top, _, strip_bottom = self.strip_box((start, end))
            _, top, _, bottom = self.strip_box((first, last))
            top, bottom = max(0, top - self._margin), min(self.background.height, bottom + self._margin)
            changed.append((stack_y + top - strip_top, top, bottom))
            stack_y += strip_bottom - strip_top
        decoded: NDArray[np.uint8] = simplejpeg.decode_jpeg(join_jpeg(self._header, coded, stack_y), "RGBX")
        return decoded, changed

    def at_edges(self, span: Span) -> tuple[bool, bool]:
        """Whether `decode` takes a strip only as the first (it touches the top) and only as the last (the bottom)."""
        end = span[1] + (self._margin if self.background.height % self.block else 0)  # a last row may be cut short
        return span[0] == 0, end >= len(self._rows)

    @cached_property
    def row_histograms(self) -> np.ndarray:
        """(H, 768) float64 counts of channel values of the decoded background, by pixel row.

        Whole numbers; floats because numpy multiplies them faster.
        """
        pixels = simplejpeg.decode_jpeg(self._above[-1], "RGB")
        height = len(pixels)
        keys = pixels + 256 * np.arange(3) + 768 * np.arange(height)[:, None, None]
        return np.bincount(keys.ravel(), minlength=768 * height).reshape(height, 768).astype(np.float64)


class StripCounts:
    """Histogram of the stored pixels of composites over one background; only touched strips are decoded."""

    def __init__(self, strips: JpegStrips) -> None:
        self._strips, self._count = strips, 0
        self._pending: dict[tuple[bool, bool], list[Strip]] = {}  # by whether they touch top and bottom
        self._histogram = np.zeros(768, np.int64)
        # how many composites differ from the background in a pixel row, as differences between neighbouring rows
        self._changed_delta = np.zeros(strips.background.height + 1, np.int64)

    def add(self, rows: list[bytes], span: Span) -> None:
        """Add the composite whose file is `JpegStrips.join(rows, span)`."""
        self._pending.setdefault(self._strips.at_edges(span), []).append((rows, span))
        self._count += 1
        if sum(map(len, self._pending.values())) >= 4 * DECODED_PER_CALL:
            self._count_pending()

    def _count_pending(self) -> None:
        tops, bottoms = self._pending.pop((True, False), []), self._pending.pop((False, True), [])
        others, alone = self._pending.pop((False, False), []), self._pending.pop((True, True), [])
        stacks = max(len(tops), len(bottoms), -(-len(others) // DECODED_PER_CALL))
        groups = [[*tops[i : i + 1], *others[i::stacks], *bottoms[i : i + 1]] for i in range(stacks)]
        for group in [*groups, *([strip] for strip in alone)]:
            pixels, changed = self._strips.decode(group)
            height, width, _ = pixels.shape
            counted = np.zeros((height, width), np.uint8)
            for stack_y, top, bottom in changed:
                counted[stack_y : stack_y + bottom - top] = 255
                self._changed_delta[top] += 1
                self._changed_delta[bottom] -= 1
            # Pillow counts in half of numpy's time, and takes these four bytes a pixel without a copy
            image = Image.frombuffer("RGBX", (width, height), pixels, "raw", "RGBX", 0, 1)
            self._histogram += np.asarray(image.histogram(Image.fromarray(counted))[:768])

    def histogram(self) -> np.ndarray:
        """(3, 256) int64 counts over all pixels of all composites added."""
        self._count_pending()
        unchanged = (self._count - np.cumsum(self._changed_delta)[:-1]).astype(np.float64)
        untouched = unchanged @ self._strips.row_histograms  # whole numbers far below 2**53: exact
        counts: np.ndarray = self._histogram + untouched.astype(np.int64)
        return counts.reshape(3, 256)
