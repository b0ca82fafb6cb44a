"""PNG files: lossless, readable by Pillow, and small."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from tiny import encoded, scene, thing

from fgbg_depth.render.codecs import decode_grey, decode_rgb, decode_rgba
from fgbg_depth.render.png import (
    PackedMatte,
    encode_depth,
    encode_mask,
    encode_placed_mask,
    encode_png,
    encode_rgb_png,
)

SIDES = st.integers(1, 40)
SHAPES = st.tuples(SIDES, SIDES)


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_mask_round_trip(alpha: np.ndarray) -> None:
    data = encode_mask(alpha)
    decoded = decode_grey(data)
    assert decoded.dtype == np.uint8 and np.array_equal(decoded, alpha)


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 7, 255]))), st.data())
def test_a_packed_matte_gives_the_same_bytes_as_the_whole_mask(matte: np.ndarray, data: st.DataObject) -> None:
    """At every place in frames of every size."""
    height, width = (side + data.draw(st.integers(0, 100)) for side in matte.shape)
    top, left = data.draw(st.integers(0, height - len(matte))), data.draw(st.integers(0, width - matte.shape[1]))
    mask = np.zeros((height, width), np.uint8)
    mask[top : top + len(matte), left : left + matte.shape[1]] = matte
    png = encode_placed_mask(PackedMatte.of(matte, width), top, left, height, width)
    assert png == encode_mask(mask) and np.array_equal(decode_grey(png), mask)
    body = png[png.index(b"IDAT") + 4 : png.index(b"IEND") - 8]
    assert len(zlib.decompress(body)) == height * (width + 1)  # raises when Adler-32 is wrong


@given(st.sampled_from([np.uint8, np.uint16]).flatmap(lambda t: SHAPES.flatmap(lambda shape: arrays(t, shape))))
def test_depth_round_trip(stored: np.ndarray) -> None:
    decoded = decode_grey(encode_depth(stored))
    assert decoded.dtype == stored.dtype and np.array_equal(decoded, stored)


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, (*shape, 4))))
def test_color_round_trips(pixels: np.ndarray) -> None:
    rgb = np.ascontiguousarray(pixels[..., :3])
    assert np.array_equal(decode_rgb(encode_rgb_png(rgb)), rgb)
    assert np.array_equal(decode_rgb(encode_png(Image.fromarray(rgb))), rgb)
    assert np.array_equal(decode_rgba(encode_png(Image.fromarray(pixels))), pixels)


def test_arrays_that_are_not_contiguous() -> None:
    pixels = scene(0)
    assert np.array_equal(decode_grey(encode_mask(pixels[::2, ::-1, 1])), pixels[::2, ::-1, 1])
    depth = (pixels[..., 0].astype(np.uint16) * 257).T
    assert np.array_equal(decode_grey(encode_depth(depth)), depth)


def test_depth_of_another_dtype_is_refused() -> None:
    for wrong in (np.float32, np.int32, np.int16, bool):
        with pytest.raises(TypeError, match="uint8 or uint16"):
            encode_depth(np.zeros((2, 2), wrong))


def test_pillow_reads_the_right_modes() -> None:
    modes = {
        "L": encode_mask(np.zeros((3, 5), np.uint8)),
        "I;16": encode_depth(np.zeros((3, 5), np.uint16)),
        "RGB": encode_rgb_png(np.zeros((3, 5, 3), np.uint8)),
        "RGBA": encode_png(Image.new("RGBA", (5, 3))),
    }
    for mode, data in modes.items():
        with Image.open(io.BytesIO(data)) as image:
            assert (image.format, image.mode, image.size) == ("PNG", mode, (5, 3))
            image.verify()


def test_png_is_small() -> None:
    """At most 10 % above Pillow's best for a background; below a fifth of the raw size for a matte with a soft edge."""
    image = Image.fromarray(scene(0, 224, 224)).resize((224, 224))
    assert len(encode_png(image)) < 1.1 * len(encoded(image, optimize=True))
    alpha = np.asarray(Image.fromarray(thing(0, 200, 200)))[..., 3]
    assert len(encode_mask(alpha)) < alpha.size / 5
