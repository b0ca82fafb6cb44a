"""DepthKind: words, direction, scale, colours and drawn distances of each kind of depth."""

import dataclasses
import re
from typing import get_args, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgbg_depth.depth.colors import COLORS, INVALID_RGB, colorize
from fgbg_depth.depth.kinds import KINDS, METRIC, RELATIVE_DEPTH, RELATIVE_DISPARITY, DepthKind, depth_kind
from fgbg_depth.errors import DepthError
from fgbg_depth.recipe import Recipe

ALL = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def lightness(rgb: np.ndarray) -> np.ndarray:
    return rgb.astype(float) @ [0.299, 0.587, 0.114]


def test_kinds_are_found_by_name_and_unknown_names_are_errors():
    assert {name: depth_kind(name).name for name in KINDS} == {name: name for name in KINDS}
    with pytest.raises(DepthError, match=r"'metres'.*allowed: metric, relative_depth, relative_disparity"):
        depth_kind("metres")


def test_recipes_allow_exactly_these_kinds():
    for name in KINDS:
        assert Recipe(depth_kind=name).depth_kind == name
    assert set(get_args(get_type_hints(Recipe)["depth_kind"])) == {"auto", *KINDS}


@pytest.mark.parametrize(
    ("kind", "title", "description", "quantity"),
    [
        (METRIC, "depth in metres", "depth in metres (larger is farther)", "metres"),
        (RELATIVE_DEPTH, "relative depth", "relative depth (larger is farther, no unit)", "relative depth"),
        (
            RELATIVE_DISPARITY,
            "relative disparity",
            "relative disparity (larger is nearer, no unit)",
            "relative disparity",
        ),
    ],
    ids=KINDS,
)
def test_words(kind, title, description, quantity):
    assert (kind.title, kind.description, kind.quantity) == (title, description, quantity)


@ALL
def test_every_kind_states_all_its_words(kind):
    texts = {f.name for f in dataclasses.fields(DepthKind)} - {"unit", "unit_name", "larger_is_nearer", "is_metric"}
    assert all(getattr(kind, name) for name in texts)
    assert kind.variable.isidentifier()
    assert bool(kind.unit) == bool(kind.unit_name)
    assert bool(re.search("no unit", kind.distances_note)) != bool(kind.unit)


@ALL
def test_ends_and_extremes_follow_the_direction(kind):
    near_value, far_value = (10, 1) if kind.larger_is_nearer else (1, 10)
    assert kind.nearness([near_value, far_value], 1, 10).tolist() == [1, 0]
    assert kind.ends == (("far", "near") if kind.larger_is_nearer else ("near", "far"))
    assert kind.extremes == tuple(f"{end}est" if end == "near" else "farthest" for end in kind.ends)


def test_values_are_written_with_their_unit():
    assert METRIC.format_value(2.345) == "2.35 m"
    assert RELATIVE_DISPARITY.format_value(0.12345) == "0.123"


@ALL
def test_near_is_bright_and_far_is_dark(kind):
    values = np.linspace(0.5, 10, 50)[None]
    light = lightness(colorize(values, 0.5, 10, kind))[0]
    if not kind.larger_is_nearer:
        light = light[::-1]
    assert (np.diff(light) >= -1).all()  # the colour table rises in lightness to within rounding
    assert light[-1] - light[0] > 200


def test_invalid_pixels_are_grey_and_values_outside_take_the_colour_of_the_end():
    values = np.array([[np.nan, np.inf, -np.inf, 0.001, 1e6]])
    rgb = colorize(values, 1, 10, METRIC)
    assert [tuple(c) for c in rgb[0, :3]] == [INVALID_RGB] * 3
    assert (rgb[0, 3] == COLORS[255]).all()
    assert (rgb[0, 4] == COLORS[0]).all()


def test_equal_ratios_of_metres_are_equal_steps():
    assert np.allclose(METRIC.position([1, 2, 4, 8], 1, 8), [0, 1 / 3, 2 / 3, 1])
    assert np.allclose(RELATIVE_DEPTH.position([1, 2, 4, 8], 1, 8), [0, 1 / 7, 3 / 7, 1])


@ALL
def test_nearness_is_position_or_its_complement(kind):
    values = np.array([0.1, 0.5, 2, 7, 9, np.nan])
    position, nearness = kind.position(values, 0.5, 7), kind.nearness(values, 0.5, 7)
    assert nearness.dtype == np.float32
    np.testing.assert_allclose(nearness, position if kind.larger_is_nearer else 1 - position, rtol=1e-6)
    assert position[[0, 1, 3, 4]].tolist() == [0, 0, 1, 1] and np.isnan(position[5])


@given(
    values=st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=20),
    low=st.floats(-1e6, 1e6),
    high=st.floats(-1e6, 1e6),
    kind=st.sampled_from(list(KINDS.values())),
)
def test_any_values_and_any_finite_range_can_be_shown(values, low, high, kind):
    rgb = colorize(np.array([values], np.float32), low, high, kind)
    assert rgb.shape == (1, len(values), 3) and rgb.dtype == np.uint8
    for marks in (kind.ticks(low, high), kind.axis_ticks(low, high)):
        positions = [at for at, _ in marks]
        assert len(marks) >= 2 and all(0 <= at <= 1 for at in positions) and positions == sorted(positions)


def test_a_range_that_is_not_finite_is_an_error():
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
    assert [text for _, text in METRIC.axis_ticks(low, high)] == [text for _, text in reversed(ticks)]


def test_the_colour_bar_of_a_relative_kind_marks_its_ends():
    assert RELATIVE_DISPARITY.ticks(0.5, 12) == [(0.0, "far"), (1.0, "near")]


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0.5, 12, ["5", "10"]),
        (0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (-0.31, 0.2, ["-0.2", "0", "0.2"]),
        (1000.1, 1000.2, ["1000.1", "1000.12", "1000.14", "1000.16", "1000.18", "1000.2"]),
    ],
)
def test_axis_ticks_of_relative_kinds_are_round_numbers_in_the_range(low, high, texts):
    ticks = RELATIVE_DISPARITY.axis_ticks(low, high)
    assert [text for _, text in ticks] == texts
    for position, text in ticks:
        assert position == pytest.approx((float(text) - low) / (high - low), abs=1e-6)


def test_histogram_range_leaves_out_the_tails():
    edges, counts = np.linspace(0, 100, 101), np.zeros(100, int)
    counts[20:40], counts[5], counts[90] = 1000, 1, 1
    assert RELATIVE_DEPTH.histogram_range(edges, counts) == (20, 40)
    assert RELATIVE_DEPTH.histogram_range(edges, counts, tail=0) == (5, 91)
    assert RELATIVE_DEPTH.histogram_range(edges, np.zeros(100)) == (0, 100)


@ALL
def test_bars_are_equally_wide_on_the_axis_and_hold_all_pixels(kind):
    edges, counts = np.linspace(1, 81, 321), np.arange(320)
    shares, middles = kind.bars(edges, counts, 1, 81, 16)
    assert shares.sum() == pytest.approx(1)
    assert np.allclose(kind.position(middles, 1, 81), (np.arange(16) + 0.5) / 16)
    inside = (edges[:-1] >= 1) & (edges[1:] <= 41)
    if not kind.is_metric:
        assert shares[:8].sum() == pytest.approx(counts[inside].sum() / counts.sum())


def test_distances_of_metres_are_the_metres():
    values = np.array([[0.0, 2.5, 300.0, np.nan]], np.float32)
    np.testing.assert_array_equal(METRIC.distances(values, 0.1, 10), values)


@pytest.mark.parametrize(
    ("kind", "expected"), [(RELATIVE_DEPTH, [1, 2.5, 4, 4, 1]), (RELATIVE_DISPARITY, [4, 1.6, 1, 1, 4])]
)
def test_distances_of_relative_kinds_go_from_1_to_4(kind, expected):
    values = np.array([-2, 0, 2, 99, -99, np.nan], np.float32)
    distances = kind.distances(values, -2, 2)
    assert distances.dtype == np.float32
    np.testing.assert_allclose(distances, [*expected, np.nan], rtol=1e-6)
