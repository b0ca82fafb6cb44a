"""Light of a cut-out matched to its background: equal to the formula, within its limits, the same in every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from fgbg_depth.render.light import GAIN_LIMITS, SHIFT_LIMITS, around_box, match_light

ROOT = Path(__file__).parent.parent
DELTA = 6 / 29
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.119192, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 sRGB to Lab, in float64."""
    value = rgb / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    t = light @ TO_XYZ.T / WHITE
    f = np.where(t > DELTA**3, np.cbrt(t), t / (3 * DELTA**2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def to_rgb(lab: np.ndarray) -> np.ndarray:
    """(..., 3) Lab to sRGB, 0..255, in float64."""
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    t = np.where(f > DELTA, f**3, 3 * DELTA**2 * (f - 4 / 29)) * WHITE
    light = np.clip(t @ np.linalg.inv(TO_XYZ).T, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def matched(pixels: np.ndarray, around: np.ndarray, share: float) -> np.ndarray:
    """The formula in float64."""
    lab, there = to_lab(pixels[..., :3]), to_lab(around).reshape(-1, 3)
    own = lab[pixels[..., 3] >= 128]
    for channel in range(3):
        mean, deviation = own[:, channel].mean(), max(own[:, channel].std(), 0.5)
        shift = np.clip(there[:, channel].mean() - mean, *SHIFT_LIMITS[channel])
        gain = np.clip(there[:, channel].std() / deviation, *GAIN_LIMITS[channel])
        lab[..., channel] = mean + share * shift + (1 + share * (gain - 1)) * (lab[..., channel] - mean)
    return to_rgb(lab)


def noise(shape: tuple[int, ...], low: int, high: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high + 1, shape).astype(np.uint8)


def thing(low: int, high: int, seed: int = 1) -> np.ndarray:
    """(40, 50, 4): a disc of noise, with an outline of two pixels of middling alpha."""
    pixels = noise((40, 50, 4), low, high, seed)
    y, x = np.mgrid[:40, :50]
    distance = np.hypot(x - 25, y - 20)
    pixels[..., 3] = np.select([distance < 14, distance < 16], [255, 100], 0)
    return pixels


def lit(pixels: np.ndarray, around: np.ndarray, share: float) -> np.ndarray:
    return np.asarray(match_light(Image.fromarray(pixels), Image.fromarray(around), share))


@pytest.mark.parametrize("share", [0.25, 0.6, 1.0])
@pytest.mark.parametrize("around", [(20, 60), (80, 140), (150, 250)])
def test_equals_the_formula(around: tuple[int, int], share: float) -> None:
    pixels, background = thing(60, 160), noise((30, 40, 3), *around, 2)
    background[..., 0] //= 2
    found, expected = lit(pixels, background, share)[..., :3].astype(int), matched(pixels, background, share)
    error = np.abs(found - expected)
    assert error.mean() < 0.6 and np.quantile(error, 0.99) < 5
    inside = ((expected > 4) & (expected < 251)).all(-1)  # colours at the gamut's edge are bent, not interpolated well
    assert inside.mean() > 0.5 and np.quantile(error[inside], 0.99) < 3


def test_mean_and_deviation_of_the_background_are_taken_over() -> None:
    pixels, background = thing(90, 150), noise((30, 40, 3), 70, 140, 2)
    there = to_lab(background).reshape(-1, 3)
    own = to_lab(lit(pixels, background, 1.0)[..., :3])[pixels[..., 3] >= 128]
    assert np.abs(own.mean(0) - there.mean(0)).max() < 0.5
    assert np.abs(own.std(0) / there.std(0) - 1).max() < 0.05
    half = to_lab(lit(pixels, background, 0.5)[..., :3])[pixels[..., 3] >= 128]
    middle = (to_lab(pixels[..., :3])[pixels[..., 3] >= 128].mean(0) + there.mean(0)) / 2
    assert np.abs(half.mean(0) - middle).max() < 0.5


PLAIN = {"meadow": (30, 200, 20), "pool": (10, 120, 200), "night": (5, 5, 8), "snow": (250, 250, 255)}


@pytest.mark.parametrize("color", [(235, 225, 220), (25, 25, 25), (150, 120, 90), (128, 128, 128)])
@pytest.mark.parametrize("background", PLAIN)
def test_the_limits_keep_the_colour_of_things(background: str, color: tuple[int, int, int]) -> None:
    """A white dog on a meadow stays white, and a black one in snow stays black."""
    before = np.full((20, 20, 4), (*color, 255), np.uint8)
    after = lit(before, np.full((9, 9, 3), PLAIN[background], np.uint8), 1.0)
    change = to_lab(after[..., :3]) - to_lab(before[..., :3])
    for channel, (low, high) in enumerate(SHIFT_LIMITS):
        assert low - 1.5 <= change[..., channel].min() and change[..., channel].max() <= high + 1.5


@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(lambda shape: arrays(np.uint8, (*shape, 4))),
    arrays(np.uint8, (3, 4, 3)),
    st.floats(0, 1),
)
def test_any_pixels(pixels: np.ndarray, background: np.ndarray, share: float) -> None:
    """Also without a visible pixel, and with plain colours, whose deviation is 0."""
    found = lit(pixels, background, share)
    assert found.shape == pixels.shape and np.array_equal(found[..., 3], pixels[..., 3])
    if share == 0 or pixels[..., 3].max() < 128:
        assert np.array_equal(found, pixels)


def test_a_share_of_almost_nothing_changes_almost_nothing() -> None:
    pixels, background = thing(0, 255), noise((30, 40, 3), 0, 60, 2)
    assert np.array_equal(lit(pixels, background, 0.0), pixels)
    assert np.abs(lit(pixels, background, 0.001).astype(int) - pixels).max() <= 1


def test_thin_parts_between_the_samples_count() -> None:
    """Of large cut-outs, every n-th pixel is looked at; one visible column can lie between them."""
    pixels = np.zeros((200, 300, 4), np.uint8)
    pixels[:, 1] = (40, 50, 60, 255)
    found = lit(pixels, np.full((9, 9, 3), 255, np.uint8), 1.0)
    assert (found[:, 1, :3] > pixels[:, 1, :3]).all()


def test_the_same_in_every_process() -> None:
    pixels, background = thing(0, 255), noise((90, 130, 3), 0, 200, 2)
    code = (
        "import sys; sys.path.insert(0, 'tests'); import hashlib, test_light as t\n"
        "print(hashlib.sha256(t.lit(t.thing(0, 255), t.noise((90, 130, 3), 0, 200, 2), 0.7).tobytes()).hexdigest())"
    )
    here = hashlib.sha256(lit(pixels, background, 0.7).tobytes()).hexdigest()
    for threads in ("1", "4"):
        environment = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        line = [sys.executable, "-c", code]
        shown = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        assert shown.stdout.strip() == here, shown.stderr


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_shares_outside_their_range(share: float) -> None:
    with pytest.raises(ValueError, match="it must be from 0 to 1"):
        lit(thing(0, 255), noise((3, 3, 3), 0, 255, 1), share)


@given(st.integers(-40, 70), st.integers(-40, 70), st.integers(1, 64), st.integers(1, 64))
def test_the_box_around_lies_in_the_frame(x: int, y: int, width: int, height: int) -> None:
    left, top, right, bottom = around_box(x, y, width, height, 64)
    assert 0 <= left < right <= 64 and 0 <= top < bottom <= 64
    if -width < x < 64 and -height < y < 64:  # what of the cut-out is visible is in the box
        assert left <= max(0, x) and right >= min(64, x + width)
        assert top <= max(0, y) and bottom >= min(64, y + height)


def test_the_box_around_grows_by_a_quarter() -> None:
    assert around_box(30, 40, 20, 8, 224) == (25, 38, 55, 50)
