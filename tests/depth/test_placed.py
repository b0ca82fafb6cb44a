"""Placed depth: where a cut-out stands, for every kind of depth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgbg_depth.depth.placed import Silhouette, place_depth, set_in
from fgbg_depth.depth.spec import DepthSpec, decode_depth, encode_values, relative_scale

SPECS = {
    "metric": DepthSpec(model="m"),
    "metric, 8 bits": DepthSpec(model="m", bits=8, step=0.1, low=0.1, high=25.5),
    "relative_depth": DepthSpec(model="m", kind="relative_depth", unit="", **relative_scale(-3.0, 9.0)),
    "relative_disparity": DepthSpec(model="m", kind="relative_disparity", unit="", **relative_scale(0.0, 20.0)),
}
every_kind = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def distances_of(stored: np.ndarray, spec: DepthSpec) -> np.ndarray:
    """Distances as the documents define them: metres; or 1 to 4, linear in depth or in the inverse of disparity."""
    values = decode_depth(stored, spec)
    if spec.kind == "metric":
        return values
    t = (values - spec.low) / (spec.high - spec.low)
    return 1 / (0.25 + 0.75 * t) if spec.kind == "relative_disparity" else 1 + 3 * t


def stored_at(distances: np.ndarray, spec: DepthSpec) -> np.ndarray:
    """The inverse of `distances_of`."""
    if spec.kind == "metric":
        return encode_values(distances, spec)
    t = (1 / distances - 0.25) / 0.75 if spec.kind == "relative_disparity" else (distances - 1) / 3
    return encode_values(spec.low + t * (spec.high - spec.low), spec)


def ground(spec: DepthSpec, side: int = 40) -> np.ndarray:
    """A plane that comes nearer from distance 3.6 in the first row to 1.2 in the last."""
    rows = np.linspace(3.6, 1.2, side)[:, None]
    return stored_at(np.broadcast_to(rows, (side, side)), spec)


def standing(background: np.ndarray, inside: np.ndarray, x: int, y: int, spec: DepthSpec) -> float:
    """The distance at which a cut-out stands, in plain loops from the rule's words. `inside`: (h, w) bool."""
    distances = distances_of(background, spec)
    height, width = distances.shape
    lowest = {c: max(np.flatnonzero(inside[:, c])) for c in range(inside.shape[1]) if inside[:, c].any()}
    rows = np.flatnonzero(inside.any(axis=1))
    reach = 0.05 * (rows[-1] - rows[0] + 1)
    contact = [(r, c) for c, r in lowest.items() if r >= rows[-1] - reach]

    def at(down: int) -> list[float]:
        return [distances[min(max(r + y + down, 0), height - 1), min(max(c + x, 0), width - 1)] for r, c in contact]

    hidden = [distances[r + y, c + x] for r, c in np.argwhere(inside) if 0 <= r + y < height and 0 <= c + x < width]
    candidates = []
    for values, share, factor in ((at(0), 0.5, 1.0), (hidden, 0.1, 0.95), (at(rows[-1] - rows[0] + 1), 0.5, 3.0)):
        valid = sorted(v for v in values if not math.isnan(v))
        if valid:
            candidates.append(valid[math.floor(share * (len(valid) - 1))] * factor)
    return min(candidates, default=math.nan)


def tolerance(spec: DepthSpec) -> float:
    return 0.06 if spec.bits == 8 else 2e-3


@every_kind
def test_a_cutout_stands_at_the_depth_of_its_foot(spec: DepthSpec) -> None:
    background = ground(spec)
    mask = np.zeros((40, 40), bool)
    mask[10:31, 15:25] = True
    label = distances_of(place_depth(background, mask, spec), spec)
    foot = distances_of(background, spec)[30, 20]
    np.testing.assert_allclose(label[mask], foot, atol=tolerance(spec))


@every_kind
def test_a_foot_behind_what_it_hides_is_pulled_in_front(spec: DepthSpec) -> None:
    """The second term: a box stands in the picture, and the cut-out hangs over its upper part."""
    distances = distances_of(ground(spec), spec).copy()
    distances[5:20, 10:30] = 1.3  # a near box
    background = stored_at(distances, spec)
    mask = np.zeros((40, 40), bool)
    mask[6:23, 12:28] = True  # its foot is on the ground at about 2.2, three rows below the box
    label = distances_of(place_depth(background, mask, spec), spec)
    np.testing.assert_allclose(label[mask], 0.95 * 1.3, atol=2 * tolerance(spec))


def test_a_cutout_in_the_sky_is_not_taller_than_things_are() -> None:
    """The third term: its foot is above the horizon, where the background is 80 m away."""
    spec = SPECS["metric"]
    rows = np.concatenate([np.full(20, 60.0), 8 / np.arange(1, 21)])[:, None]  # sky, then ground from 8 m to 0.4 m
    background = stored_at(np.broadcast_to(rows, (40, 40)), spec)
    mask = np.zeros((40, 40), bool)
    mask[8:18, 15:25] = True  # 10 rows high, its foot 2 rows above the horizon
    label = distances_of(place_depth(background, mask, spec), spec)
    np.testing.assert_allclose(label[mask], 3 * 8 / 8, atol=2e-3)  # one height below the foot: row 27


@every_kind
def test_columns_that_do_not_reach_the_ground_do_not_count(spec: DepthSpec) -> None:
    """A narrow leg carries a wide body: only the leg's columns say where it stands."""
    mask = np.zeros((40, 40), bool)
    mask[5:15, 5:35] = True
    mask[15:35, 18:22] = True
    background = ground(spec)
    label = distances_of(place_depth(background, mask, spec), spec)
    np.testing.assert_allclose(label[mask], distances_of(background, spec)[34, 0], atol=tolerance(spec))


def test_foreground_begins_at_alpha_128() -> None:
    spec, alpha = SPECS["metric"], np.zeros((12, 8), np.uint8)
    alpha[1:11, 1:7] = 127  # a soft edge, or a shadow
    alpha[2:9, 2:6] = 128
    background = ground(spec)
    label = background.copy()
    set_in(label, Silhouette.of(alpha), 10, 20, spec)
    changed = np.zeros_like(label, bool)
    changed[22:29, 12:16] = True
    assert ((label != background) <= changed).all()
    foot = distances_of(background, spec)[28, 0]
    expected = min(foot, standing(background, alpha >= 128, 10, 20, spec))
    np.testing.assert_allclose(distances_of(label, spec)[changed], expected, atol=2e-3)


@every_kind
@pytest.mark.parametrize(("x", "y"), [(-5, 20), (35, 23), (15, 24), (-3, -4)])
def test_a_clipped_cutout_stands_within_the_frame(spec: DepthSpec, x: int, y: int) -> None:
    background = ground(spec)
    label = background.copy()
    set_in(label, Silhouette.of_mask(np.ones((22, 10), bool)), x, y, spec)
    inside = np.zeros((40, 40), bool)
    inside[max(0, y) : y + 22, max(0, x) : x + 10] = True
    assert (label[~inside] == background[~inside]).all()
    expected = standing(background, np.ones((22, 10), bool), x, y, spec)
    if y > 0:  # clipped below: it stands where the frame ends
        assert expected == pytest.approx(distances_of(background, spec)[39, 0], abs=tolerance(spec))
    np.testing.assert_allclose(distances_of(label, spec)[inside], expected, atol=tolerance(spec))


def test_a_cutout_outside_the_frame_changes_nothing() -> None:
    background = ground(SPECS["metric"])
    label = background.copy()
    for x, y in [(40, 0), (0, 40), (-10, 0), (0, -12)]:
        set_in(label, Silhouette.of_mask(np.ones((12, 10), bool)), x, y, SPECS["metric"])
    assert (label == background).all()


@every_kind
def test_pixels_without_depth(spec: DepthSpec) -> None:
    background = ground(spec)
    mask = np.zeros((40, 40), bool)
    mask[10:31, 15:25] = True
    holes = background.copy()
    holes[28:, :] = 0  # no depth at the foot
    holes[12, :] = 0
    label = place_depth(holes, mask, spec)
    assert (label[mask] > 0).all() and (label[~mask] == holes[~mask]).all()
    nothing = np.zeros_like(background)
    assert (place_depth(nothing, mask, spec) == 0).all()
    hidden_unknown = background.copy()
    hidden_unknown[mask] = 0
    hidden_unknown[30, 20] = background[30, 20]
    assert (place_depth(hidden_unknown, mask, spec)[mask] > 0).all()


@given(
    kind=st.sampled_from(sorted(SPECS)),
    seed=st.integers(0, 2**32 - 1),
    box=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    corner=st.tuples(st.integers(-29, 39), st.integers(-29, 39)),
)
def test_equal_outside_and_never_farther_inside(
    kind: str, seed: int, box: tuple[int, int], corner: tuple[int, int]
) -> None:
    spec, rng = SPECS[kind], np.random.default_rng(seed)
    background = rng.integers(0, spec.levels + 1, (40, 40)).astype(spec.dtype)
    alpha = rng.integers(0, 256, box).astype(np.uint8)
    x, y = corner
    label = background.copy()
    set_in(label, Silhouette.of(alpha), x, y, spec)
    mask = np.zeros((40 + 60, 40 + 60), bool)  # with a margin of 30 on each side
    mask[y + 30 : y + 30 + box[0], x + 30 : x + 30 + box[1]] = alpha >= 128
    mask = mask[30:70, 30:70]
    assert (label[~mask] == background[~mask]).all()
    known = mask & (background > 0)
    found = distances_of(label, spec)
    hidden = distances_of(background, spec)
    assert (found[known] <= hidden[known]).all()
    if not mask.any():
        return
    nearest = distances_of(np.array([[1, spec.levels]], spec.dtype), spec).min()  # that can be stored
    stands = max(standing(background, alpha >= 128, x, y, spec), nearest)
    expected = np.where(known, np.fmin(hidden, stands), stands)
    rtol = 0.02 if spec.bits == 8 else 1e-3
    np.testing.assert_allclose(found[mask], expected[mask], rtol=rtol, atol=tolerance(spec))
