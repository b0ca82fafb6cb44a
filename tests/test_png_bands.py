"""Depth maps that share most rows: decoded exactly, whatever rows differ."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fgbg_depth.render.codecs import decode_grey
from fgbg_depth.render.png_bands import BAND, BandedDepth


@given(
    seed=st.integers(0, 1000),
    shape=st.tuples(st.integers(1, 41), st.integers(1, 30)),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    rows=st.tuples(st.integers(0, 41), st.integers(0, 41)),
)
def test_labels_are_stored_exactly(
    seed: int, shape: tuple[int, int], dtype: type[np.uint8] | type[np.uint16], rows: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    common = rng.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
    top, bottom = sorted(min(row, shape[0]) for row in rows)
    label = common.copy()
    label[top:bottom] = rng.integers(0, np.iinfo(dtype).max + 1, label[top:bottom].shape)
    data = BandedDepth(common).encode(label, top, bottom)
    image = Image.open(io.BytesIO(data))
    image.load()  # Pillow checks the CRC of each chunk, and zlib the Adler-32
    assert image.mode == ("L" if dtype is np.uint8 else "I;16")
    stored = decode_grey(data)
    assert stored.dtype == dtype and (stored == label).all()


@pytest.mark.parametrize("rows", [(0, 0), (0, 224), (100, 108), (99, 101), (216, 224)])
def test_the_checksum_is_that_of_the_scanlines(rows: tuple[int, int]) -> None:
    """zlib's own Adler-32 of a file that it wrote whole must agree; Pillow stops before the checksum."""
    import zlib

    common = np.arange(224 * 224, dtype=np.uint16).reshape(224, 224)
    label = common.copy()
    label[slice(*rows)] += 7
    data = BandedDepth(common).encode(label, *rows)
    stream, position = b"", 8
    while position < len(data):
        length = int.from_bytes(data[position : position + 4])
        if data[position + 4 : position + 8] == b"IDAT":
            stream += data[position + 8 : position + 8 + length]
        position += 12 + length
    assert len(zlib.decompress(stream)) == 224 * 449  # raises if the checksum is wrong


def test_untouched_bands_are_taken_over() -> None:
    common = np.random.default_rng(0).integers(0, 65536, (64, 30)).astype(np.uint16)
    label = common.copy()
    label[20:30] = 5
    whole, changed = BandedDepth(common).encode(common, 0, 0), BandedDepth(common).encode(label, 20, 30)
    same_before = next(i for i, (a, b) in enumerate(zip(whole, changed, strict=False)) if a != b)
    assert same_before > 2 * BAND * 60, "the two bands above row 16 are the same bytes"
    assert len(changed) < len(whole)
