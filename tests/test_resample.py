"""Cut-outs are resized without a trace outside their outline."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from fgbg_depth.render.resample import resize_cutout


def grown(inside: np.ndarray, pixels: int) -> np.ndarray:
    """`inside` and everything within `pixels` of it, also diagonally."""
    image = Image.fromarray(np.where(inside, 255, 0).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.MaxFilter(2 * pixels + 1))) > 0


def covered(source: np.ndarray, height: int, width: int) -> np.ndarray:
    """Whether any source pixel below a new pixel is True; loops, on purpose unlike the code under test."""
    rows, columns = source.shape
    result = np.zeros((height, width), bool)
    for y, x in np.argwhere(source):
        top, bottom = y * height / rows, (y + 1) * height / rows
        left, right = x * width / columns, (x + 1) * width / columns
        result[int(top) : int(np.ceil(bottom - 1e-9)), int(left) : int(np.ceil(right - 1e-9))] = True
    return result


def blob(seed: int, height: int, width: int) -> np.ndarray:
    """A cut-out with hard edges, a hole, and unrelated colours where it is transparent; (height, width, 4) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    inside = (np.hypot(x, y) < rng.uniform(0.4, 0.9)) & (np.hypot(x - rng.uniform(-0.5, 0.5), y) > 0.2)
    pixels = rng.integers(0, 256, (height, width, 4), np.uint8)
    pixels[inside] = [*rng.integers(60, 200, 3), 255]
    pixels[~inside, 3] = 0
    return pixels


@given(
    seed=st.integers(0, 10_000),
    source=st.tuples(st.integers(8, 90), st.integers(8, 90)),
    target=st.tuples(st.integers(4, 90), st.integers(4, 90)),
)
def test_no_alpha_outside_the_outline_and_no_dip_inside(
    seed: int, source: tuple[int, int], target: tuple[int, int]
) -> None:
    pixels = blob(seed, *source)
    alpha = pixels[..., 3]
    resized = np.asarray(resize_cutout(Image.fromarray(pixels), (target[1], target[0])))[..., 3]
    outside, inside = covered(alpha > 0, *target), covered(alpha < 255, *target)
    reach = 1 + max(-(-t // s) for t, s in zip(target, source, strict=True))  # enlarged, a source pixel spans several
    assert resized[~grown(outside, reach)].max(initial=0) == 0, "a ghost contour"
    assert resized[~grown(inside, reach)].min(initial=255) == 255, "a dip"


@pytest.mark.parametrize("size", [(31, 20), (100, 100)])
def test_colours_do_not_overshoot_at_the_outline(size: tuple[int, int]) -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[...] = (255, 0, 255, 0)  # the colour below alpha 0 must not matter
    pixels[10:50, 10:32] = (200, 60, 90, 255)
    pixels[10:50, 32:54] = (120, 110, 100, 255)  # an edge inside the object: Lanczos overshoots by 9 levels there
    shown = np.asarray(resize_cutout(Image.fromarray(pixels), size))
    solid = shown[shown[..., 3] > 100][:, :3].astype(int)
    assert (solid >= np.array([120, 60, 90]) - 1).all() and (solid <= np.array([200, 110, 100]) + 1).all()
