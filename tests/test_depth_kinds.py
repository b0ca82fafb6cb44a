import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgbg_depth.depth.colors import COLORS, INVALID_RGB, colorize
from fgbg_depth.depth.kinds import KINDS, METRIC, RELATIVE_DEPTH, RELATIVE_DISPARITY, depth_kind
from fgbg_depth.errors import DepthError
from fgbg_depth.recipe import Recipe

ALL = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def lightness(rgb: np.ndarray) -> np.ndarray:
    return rgb.astype(float) @ [0.299, 0.587, 0.114]


@ALL
def test_near_is_bright_and_far_is_dark(kind):
    values = np.linspace(0.5, 10, 50)[None]
    light = lightness(colorize(values, 0.5, 10, kind))[0]
    if not kind.larger_is_nearer:
        light = light[::-1]
    assert (np.diff(light) >= -1).all()  # the table itself rises in lightness to within rounding
    assert light[-1] - light[0] > 200


def test_invalid_is_grey_and_outside_takes_the_ends_colour():
    values = np.array([[np.nan, np.inf, -np.inf, 0.001, 1e6]])
    rgb = colorize(values, 1, 10, METRIC)
    assert [tuple(c) for c in rgb[0, :3]] == [INVALID_RGB] * 3
    assert (rgb[0, 3] == COLORS[255]).all()
    assert (rgb[0, 4] == COLORS[0]).all()


def test_equal_ratios_of_metres_are_equal_steps():
    near = METRIC.nearness([1, 2, 4, 8], 1, 8)
    assert np.allclose(np.diff(near), -1 / 3, atol=1e-6)


@given(
    values=st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=20),
    low=st.floats(-1e6, 1e6),
    high=st.floats(-1e6, 1e6),
    kind=st.sampled_from(list(KINDS.values())),
)
def test_anything_can_be_coloured(values, low, high, kind):
    rgb = colorize(np.array([values], np.float32), low, high, kind)
    assert rgb.shape == (1, len(values), 3) and rgb.dtype == np.uint8
    positions = [at for at, _ in kind.ticks(low, high)]
    assert all(0 <= at <= 1 for at in positions) and positions == sorted(positions)


def test_unknown_kind_and_endless_range_are_refused():
    with pytest.raises(DepthError, match=r"'metres'.*metric"):
        depth_kind("metres")
    with pytest.raises(ValueError, match="not finite"):
        METRIC.shown_range(0, float("inf"))


@pytest.mark.parametrize(("low", "high"), [(0.1, 10), (1, 80), (1.4, 1.6), (0.7, 12), (2, 2)])
def test_metric_ticks_are_round_metres_in_the_range(low, high):
    ticks = METRIC.ticks(low, high)
    assert len(ticks) >= 2
    for near, text in ticks:
        number, unit = text.split()
        assert unit == "m" and low * 0.6 <= float(number) <= high * 1.6
        assert near == pytest.approx(float(METRIC.nearness(float(number), low, high)), abs=0.01)


def test_relative_ticks_name_the_ends():
    assert RELATIVE_DISPARITY.ticks(0.5, 12) == [(0.0, "far"), (1.0, "near")]


def test_histogram_range_leaves_out_the_tails():
    edges, counts = np.linspace(0, 100, 101), np.zeros(100, int)
    counts[20:40], counts[0], counts[99] = 1000, 1, 1
    assert RELATIVE_DEPTH.histogram_range(edges, counts) == (20, 40)
    assert RELATIVE_DEPTH.histogram_range(edges, np.zeros(100)) == (0, 100)


def test_recipes_can_name_every_kind():
    for name in KINDS:
        assert Recipe(depth_kind=name).depth_kind == name
