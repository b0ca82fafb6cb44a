"""Bytes: lossless where they must be, readable by Pillow, the same in every process."""

import io
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from encode_everything import digest_of_everything
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from tiny import encoded, scene, thing

from fgbg_depth.render.codecs import (
    PackedMatte,
    decode_grey,
    decode_rgb,
    decode_rgba,
    encode_depth,
    encode_image,
    encode_mask,
    encode_mask_part,
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
def test_a_packed_matte_anywhere_is_the_whole_matte(part: np.ndarray, data: st.DataObject) -> None:
    """The same bytes as from the whole frame, wherever it is placed; zlib checks its sum when Pillow reads it."""
    height, width = (side + data.draw(st.integers(0, 100)) for side in part.shape)
    top, left = data.draw(st.integers(0, height - len(part))), data.draw(st.integers(0, width - part.shape[1]))
    whole = np.zeros((height, width), np.uint8)
    whole[top : top + len(part), left : left + part.shape[1]] = part
    png = encode_mask_part(PackedMatte.of(part, width), top, left, height, width)
    assert png == encode_mask(whole) and np.array_equal(decode_grey(png), whole)
    body = png[png.index(b"IDAT") + 4 : png.index(b"IEND") - 8]
    assert len(zlib.decompress(body)) == height * (width + 1)  # raises when Adler-32 is wrong


@given(st.sampled_from([np.uint8, np.uint16]).flatmap(lambda t: SHAPES.flatmap(lambda shape: arrays(t, shape))))
def test_depth_round_trip(stored: np.ndarray) -> None:
    decoded = decode_grey(encode_depth(stored))
    assert decoded.dtype == stored.dtype and np.array_equal(decoded, stored)


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, (*shape, 4))))
def test_colour_round_trips(pixels: np.ndarray) -> None:
    rgb = np.ascontiguousarray(pixels[..., :3])
    assert np.array_equal(decode_rgb(encode_rgb_png(rgb)), rgb)
    assert np.array_equal(decode_rgb(encode_png(Image.fromarray(rgb))), rgb)
    assert np.array_equal(decode_rgba(encode_png(Image.fromarray(pixels))), pixels)
    assert np.array_equal(decode_rgb(encode_image(Image.fromarray(rgb), "png", 1, "4:2:0")), rgb)


def test_views_that_are_not_contiguous() -> None:
    pixels = scene(0)
    assert np.array_equal(decode_grey(encode_mask(pixels[::2, ::-1, 1])), pixels[::2, ::-1, 1])
    depth = (pixels[..., 0].astype(np.uint16) * 257).T
    assert np.array_equal(decode_grey(encode_depth(depth)), depth)


def test_depth_types() -> None:
    for wrong in (np.float32, np.int32, np.int16, bool):
        with pytest.raises(TypeError, match="uint8 or uint16"):
            encode_depth(np.zeros((2, 2), wrong))


def test_modes_that_others_read() -> None:
    """What a viewer, or any reader of PNG, is told these files are."""
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


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_jpeg_is_what_the_recipe_says(subsampling: str) -> None:
    image = Image.fromarray(scene(0))
    small, large = (encode_image(image, "jpeg", quality, subsampling) for quality in (30, 95))
    opened = Image.open(io.BytesIO(large))
    assert opened.format == "JPEG" and opened.mode == "RGB" and len(small) < len(large)
    wanted = 1 if subsampling == "4:4:4" else 2
    assert opened.layer[0][1:3] == (wanted, wanted)  # sampling factors of luma
    errors = [np.abs(decode_rgb(data).astype(int) - scene(0)).mean() for data in (small, large)]
    assert errors[1] < errors[0] < 20


def test_the_same_bytes_in_every_process() -> None:
    """Pillow's own PNG writer fails this once in a few dozen runs, which is why it is not used."""
    command = [sys.executable, str(Path(__file__).parent / "encode_everything.py")]
    others = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2)]
    assert {other.stdout.strip() for other in others} == {digest_of_everything()} == {digest_of_everything()}


def test_png_is_small() -> None:
    """Within a tenth of Pillow's best for backgrounds; far below raw for mattes, even for this one that is all soft."""
    image = Image.fromarray(scene(0, 224, 224)).resize((224, 224))
    assert len(encode_png(image)) < 1.1 * len(encoded(image, optimize=True))
    alpha = np.asarray(Image.fromarray(thing(0, 200, 200)))[..., 3]
    assert len(encode_mask(alpha)) < alpha.size / 5
