"""Strips give exactly the bytes and the pixels of the whole picture."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny import scene

from fgbg_depth.render.jpeg import encode_jpeg
from fgbg_depth.render.jpeg_strips import JpegStrips, StripCounts

Change = tuple[int, int, int]  # first and last (exclusive) changed pixel row, seed of their new pixels


def changes_of(height: int) -> st.SearchStrategy[list[Change]]:
    rows = st.tuples(st.integers(0, height - 1), st.integers(0, height - 1), st.integers(0, 999))
    return st.lists(rows.map(lambda r: (min(r[:2]), max(r[:2]) + 1, r[2])), min_size=1, max_size=8)


def changed(background: Image.Image, change: Change) -> Image.Image:
    """The background with noise in some rows, from a random column on."""
    top, bottom, seed = change
    rng = np.random.default_rng(seed)
    image, left = background.copy(), int(rng.integers(0, background.width))
    noise = rng.integers(0, 256, (bottom - top, background.width - left, 3)).astype(np.uint8)
    image.paste(Image.fromarray(noise), (left, top))
    return image


@settings(max_examples=60)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    subsampling=st.sampled_from(["4:2:0", "4:4:4"]),
    quality=st.sampled_from([1, 30, 90, 100]),
    data=st.data(),
)
def test_bytes_and_pixels_are_those_of_the_whole_picture(
    size: tuple[int, int], subsampling: str, quality: int, data: st.DataObject
) -> None:
    """At any size, also one that is no multiple of a block, and for any changed rows, also those at the edges."""
    height, width = size
    background = Image.fromarray(scene(height, height, width))
    strips = JpegStrips(background, quality, subsampling)
    counts, expected = StripCounts(strips), np.zeros((3, 256), np.int64)
    for change in data.draw(changes_of(height)):
        image = changed(background, change)
        span = strips.span(*change[:2])
        rows = strips.encode(image.crop(strips.strip_box(span)), [span])[0]
        whole = strips.join(rows, span)
        assert whole == encode_jpeg(image, quality, subsampling)
        decoded = Image.open(io.BytesIO(whole))
        expected += np.asarray(decoded.histogram()).reshape(3, 256)
        counts.add(rows, span)
    assert np.array_equal(counts.histogram(), expected)


@given(st.integers(20, 64), st.sampled_from(["4:2:0", "4:4:4"]), st.data())
def test_decoded_strips_hold_every_pixel_that_differs(height: int, subsampling: str, data: st.DataObject) -> None:
    background = Image.fromarray(scene(1, height, 40))
    strips = JpegStrips(background, 90, subsampling)
    change = data.draw(changes_of(height))[0]
    span = strips.span(*change[:2])
    image = changed(background, change)
    rows = strips.encode(image.crop(strips.strip_box(span)), [span])[0]
    whole = np.asarray(Image.open(io.BytesIO(strips.join(rows, span))))
    before = np.asarray(Image.open(io.BytesIO(encode_jpeg(background, 90, subsampling))))
    stack, [(stack_y, top, bottom)] = strips.decode([(rows, span)])
    assert np.array_equal(stack[stack_y : stack_y + bottom - top, :, :3], whole[top:bottom])
    assert np.array_equal(whole[:top], before[:top]) and np.array_equal(whole[bottom:], before[bottom:])


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_many_strips_are_encoded_by_one_call(subsampling: str) -> None:
    background = Image.fromarray(scene(2, 96, 96))
    strips = JpegStrips(background, 90, subsampling)
    rng = np.random.default_rng(0)
    tops = rng.integers(0, 96, 60)
    spans = [strips.span(int(t), int(rng.integers(t + 1, 97))) for t in tops]
    images = [changed(background, (a * strips.block, b * strips.block, i)) for i, (a, b) in enumerate(spans)]
    stack = Image.new("RGB", (96, sum((b - a) * strips.block for a, b in spans)))
    end = 0
    for image, span in zip(images, spans, strict=True):
        stack.paste(image.crop(strips.strip_box(span)), (0, end))
        end += (span[1] - span[0]) * strips.block
    for image, span, rows in zip(images, spans, strips.encode(stack, spans), strict=True):
        assert strips.join(rows, span) == encode_jpeg(image, 90, subsampling)
