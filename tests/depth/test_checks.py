"""Checks of labels: compared with plain loops written from the definitions, and with labels whose checks are known."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fgbg_depth.depth.checks import LabelChecks, Outline, check_label
from fgbg_depth.depth.spec import DepthSpec, encode_values, relative_scale

METRIC = DepthSpec("any")
SPECS = {
    "metric": METRIC,
    "metric, 8 bits": DepthSpec("any", bits=8, step=0.04, low=0.04, high=10.2),
    "relative depth": DepthSpec("any", kind="relative_depth", unit="", **relative_scale(-2.0, 7.0)),
    "relative disparity": DepthSpec("any", kind="relative_disparity", unit="", **relative_scale(0.5, 12.0)),
    "relative disparity, 8 bits": DepthSpec(
        "any", kind="relative_disparity", unit="", bits=8, **relative_scale(0.5, 12.0, 8)
    ),
}
SIDE = 40


def distance(stored: int, spec: DepthSpec) -> float | None:
    """The distance of one stored value, from the words of the documentation."""
    if stored == 0:
        return None
    value = spec.offset + spec.step * int(stored)
    t = (value - spec.low) / (spec.high - spec.low)
    if spec.kind == "metric":
        return value
    return 1 + 3 * t if spec.kind == "relative_depth" else 1 / (1 / 4 + 3 / 4 * t)


def reference(
    depth: np.ndarray, bare: np.ndarray | None, alpha: np.ndarray, x: int, y: int, spec: DepthSpec
) -> LabelChecks:
    """The three checks as plain loops over the pixels of the frame."""
    height, width = depth.shape

    def foreground(row: int, column: int) -> bool:
        row, column = row - y, column - x
        return 0 <= row < alpha.shape[0] and 0 <= column < alpha.shape[1] and alpha[row, column] >= 128

    def inside_frame(row: int, column: int) -> bool:
        return 0 <= row < height and 0 <= column < width

    def farthest(row: int, column: int, down: int, right: int) -> tuple[int, int]:
        kind = foreground(row, column)
        for _ in range(4):
            if not inside_frame(row + down, column + right) or foreground(row + down, column + right) != kind:
                break
            row, column = row + down, column + right
        return row, column

    thresholds = [1.05 + 0.2 * i / 9 for i in range(10)]
    recalls, ratios, drifts = [], [], []
    for row in range(height):
        for column in range(width):
            for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                other = row + down, column + right
                if not (foreground(row, column) and inside_frame(*other) and not foreground(*other)):
                    continue
                far_in, far_out = farthest(row, column, -down, -right), farthest(*other, down, right)
                values = [distance(depth[p], spec) for p in ((row, column), other, far_in, far_out)]
                if None in values:
                    continue
                inner, outer, inside, outside = values
                passed = sum(t for t in thresholds if outer / inner > t + 2e-6)  # not for equal
                recalls.append(passed / sum(thresholds))
                ratios.append(math.log(outside / inside))
    step = math.ceil(max(height, width) / 128)
    for row in range(0, height, step):
        for column in range(0, width, step):
            around = ((r, c) for r in range(row - 10, row + 11) for c in range(column - 10, column + 11))
            if bare is None or any(foreground(r, c) for r, c in around):
                continue
            here, there = distance(depth[row, column], spec), distance(bare[row, column], spec)
            if here is not None and there is not None:
                drifts.append(abs(math.log(here / there)))
    nan = math.nan
    return LabelChecks(
        np.float32(statistics.fmean(recalls) if recalls else nan),
        np.float32(statistics.median(ratios) if ratios else nan),
        np.float32(statistics.fmean(drifts) if drifts else nan),
    )


def blob(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A matte with soft edges, holes, thin parts and values next to 128."""
    coarse = rng.integers(0, 256, (-(-height // 4), -(-width // 4)))
    alpha = coarse.repeat(4, 0).repeat(4, 1)[:height, :width]
    noise = rng.integers(-20, 21, alpha.shape)
    alpha = np.clip(alpha + noise, 0, 255)
    alpha[rng.random(alpha.shape) < 0.05] = 127
    alpha[rng.random(alpha.shape) < 0.05] = 128
    return alpha.astype(np.uint8)


def noise_label(rng: np.random.Generator, spec: DepthSpec, shape: tuple[int, int], invalid: float) -> np.ndarray:
    """Stored values with ratios of all sizes around the thresholds, and pixels without depth."""
    top = spec.levels
    coarse = rng.uniform(0.2, 0.6, (shape[0] // 5 + 1, shape[1] // 5 + 1)).repeat(5, 0).repeat(5, 1)
    values = top * coarse[: shape[0], : shape[1]] * rng.uniform(0.8, 1.2, shape)
    stored = np.clip(values, 1, top).astype(spec.dtype)
    stored[rng.random(shape) < invalid] = 0
    return stored


def assert_close(found: LabelChecks, wanted: LabelChecks) -> None:
    assert all(value.dtype == np.float32 for value in found)
    np.testing.assert_allclose(np.array(found), np.array(wanted), rtol=0, atol=4e-6)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@settings(
    max_examples=20, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate)
)  # shrinking takes minutes
@given(
    seed=st.integers(0, 2**32),
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    place=st.tuples(st.integers(-45, 60), st.integers(-45, 60)),
    invalid=st.sampled_from([0.0, 0.0, 0.05, 1.0]),
)
@pytest.mark.slow
def test_equals_plain_loops(
    spec: DepthSpec, seed: int, size: tuple[int, int], place: tuple[int, int], invalid: float
) -> None:
    rng = np.random.default_rng(seed)
    alpha = blob(rng, *size)
    depth, bare = (noise_label(rng, spec, (SIDE, SIDE + 6), invalid) for _ in range(2))
    found = check_label(depth, bare, Outline.of(alpha), *place, spec)
    assert_close(found, reference(depth, bare, alpha, *place, spec))


def test_equals_plain_loops_on_a_grid_of_a_large_frame() -> None:
    rng = np.random.default_rng(3)
    alpha = blob(rng, 23, 30)
    for place in ((31, 50), (-5, 120), (200, -8)):
        depth, bare = (noise_label(rng, METRIC, (130, 215), 0.02) for _ in range(2))
        found = check_label(depth, bare, Outline.of(alpha), *place, METRIC)
        assert_close(found, reference(depth, bare, alpha, *place, METRIC))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_cutout_in_front_of_everything_has_recall_1(spec: DepthSpec) -> None:
    alpha = np.full((12, 9), 255, np.uint8)
    near, far = (spec.levels, 1) if spec.kind == "relative_disparity" else (1, spec.levels)
    if spec.kind == "metric":
        near, far = spec.levels // 4, spec.levels
    bare = np.full((SIDE, SIDE), far, spec.dtype)
    depth = bare.copy()
    depth[10:22, 15:24] = near
    in_front = check_label(depth, bare, Outline.of(alpha), 15, 10, spec)
    assert in_front.boundary_recall == 1 and in_front.background_drift == 0
    assert in_front.nearer == pytest.approx(math.log(4), abs=0.02)
    behind = check_label(np.where(depth == near, far, near).astype(spec.dtype), bare, Outline.of(alpha), 15, 10, spec)
    assert behind.boundary_recall == 0 and behind.nearer == -in_front.nearer
    flat = check_label(bare, bare, Outline.of(alpha), 15, 10, spec)
    assert flat == (0, 0, 0)


@pytest.mark.parametrize("ratio", [1.04, 1.06, 1.1, 1.149, 1.2, 1.26])
def test_thresholds_are_weighted_by_themselves(ratio: float) -> None:
    """Source: `get_thresholds_and_weights` of Depth Pro: thresholds linspace(1.05, 1.25, 10), weights t / sum(t)."""
    depth = encode_values(np.full((SIDE, SIDE), 2.0 * ratio), METRIC)
    depth[10:22, 15:24] = 2000
    found = check_label(depth, None, Outline.of(np.full((12, 9), 255, np.uint8)), 15, 10, METRIC)
    thresholds = np.linspace(1.05, 1.25, 10)
    assert found.boundary_recall == pytest.approx(thresholds[thresholds < ratio].sum() / thresholds.sum(), abs=1e-6)
    assert found.nearer == pytest.approx(math.log(ratio), abs=1e-5)


def test_a_ratio_equal_to_a_threshold_is_not_above_it() -> None:
    spec = SPECS["metric, 8 bits"]
    outline = Outline.of(np.full((1, 1), 255, np.uint8))
    for stored in range(20, 241, 20):
        depth = np.full((5, 5), stored + stored // 20, np.uint8)
        depth[2, 2] = stored
        assert check_label(depth, None, outline, 2, 2, spec).boundary_recall == 0, stored
        depth[depth > stored] += 1
        assert check_label(depth, None, outline, 2, 2, spec).boundary_recall > 0, stored


def test_foreground_begins_at_128() -> None:
    alpha = np.full((14, 11), 127, np.uint8)  # a soft edge that is not foreground
    alpha[1:-1, 1:-1] = 128
    depth = np.full((SIDE, SIDE), 4000, np.uint16)
    depth[10:22, 15:24] = 2000
    assert check_label(depth, None, Outline.of(alpha), 14, 9, METRIC).boundary_recall == 1


def test_a_blurred_edge_is_nearer_but_not_sharp() -> None:
    """A ramp of 9 pixels from 2 to 4 metres passes no threshold at the outline, but is seen 5 px away."""
    columns = np.clip((np.arange(80) - 35) / 9, 0, 1)
    depth = encode_values(np.tile(2 * 2**columns, (80, 1)), METRIC)
    found = check_label(depth, None, Outline.of(np.full((80, 40), 255, np.uint8)), 0, 0, METRIC)
    thresholds = np.linspace(1.05, 1.25, 10)
    step = 2 ** (1 / 9)
    assert found.boundary_recall == pytest.approx(thresholds[thresholds < step].sum() / thresholds.sum(), abs=1e-6)
    assert found.nearer == pytest.approx(math.log(2), abs=2e-3)


def test_background_drift_looks_farther_than_10_px_from_the_foreground() -> None:
    bare = np.full((100, 100), 3000, np.uint16)
    outline = Outline.of(np.full((20, 20), 255, np.uint8))
    depth = bare.copy()
    depth[30:70, 30:70] = 1  # the cut-out at 40..60 and 10 px around it
    assert check_label(depth, bare, outline, 40, 40, METRIC).background_drift == 0
    depth[29, 30] = 6000
    drift = check_label(depth, bare, outline, 40, 40, METRIC).background_drift
    assert drift == pytest.approx(math.log(2) / (100 * 100 - 40 * 40), rel=1e-4)


def test_checks_that_are_not_defined_are_nan() -> None:
    depth = np.full((SIDE, SIDE), 3000, np.uint16)
    box = Outline.of(np.full((8, 8), 255, np.uint8))
    whole = Outline.of(np.full((SIDE + 2, SIDE + 2), 255, np.uint8))
    cases = {
        "no foreground": check_label(depth, depth, Outline.of(np.full((8, 8), 127, np.uint8)), 5, 5, METRIC),
        "outside the frame": check_label(depth, depth, box, 5, -60, METRIC),
        "covers the frame": check_label(depth, depth, whole, -1, -1, METRIC),
        "no depth": check_label(depth * 0, depth, box, 5, 5, METRIC),
        "no background label": check_label(depth, None, box, 5, 5, METRIC),
    }
    nan = {name: np.isnan(checks).tolist() for name, checks in cases.items()}
    assert nan == {
        "no foreground": [True, True, False],
        "outside the frame": [True, True, False],
        "covers the frame": [True, True, True],
        "no depth": [True, True, True],
        "no background label": [False, False, True],
    }


def test_metric_values_that_are_no_distance_are_left_out() -> None:
    spec = DepthSpec("any", offset=-1.0, step=0.001, low=-0.999, high=64.535)  # the stored value 1000 is 0 metres
    depth = np.full((SIDE, SIDE), 900, np.uint16)  # -0.1 metres
    depth[:, 20:] = 5000
    outline = Outline.of(np.full((10, 10), 255, np.uint8))
    assert np.isnan(check_label(depth, depth, outline, 3, 3, spec)[:2]).all()
    assert check_label(depth, depth, outline, 25, 3, spec) == (0, 0, 0)


def test_scaling_all_metric_distances_changes_no_check() -> None:
    rng = np.random.default_rng(5)
    depth, bare = (rng.integers(1000, 9000, (SIDE, SIDE)).astype(np.uint16) for _ in range(2))
    outline = Outline.of(blob(rng, 20, 17))
    once = check_label(depth, bare, outline, 3, 4, METRIC)
    seven = check_label(depth * np.uint16(7), bare * np.uint16(7), outline, 3, 4, METRIC)
    np.testing.assert_allclose(once, seven, atol=3e-6)
