"""The ground of a background: planes with known horizons, and the bundled backgrounds with their known cameras."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.ground_scenes import GroundScene, bundled_scenes
from fgbg_depth.depth.background_ground import ground_distances
from fgbg_depth.depth.spec import DepthSpec, encode_values, metric_scale, relative_scale
from fgbg_depth.scene.ground import Ground, fit_ground, ground_mask, relative_size
from fgbg_depth.scene.ground_line import fit_line

pytestmark = pytest.mark.filterwarnings("error")
ROOT = Path(__file__).parents[1]
Distances = NDArray[np.float32]


def plane(height: int, width: int, horizon: float, slope: float, sky: float = np.nan) -> Distances:
    """Distances of flat ground up to the frame's lower edge; `sky` above the horizon."""
    inverse = slope * (np.arange(height) - horizon)
    distances = np.where(inverse > 0, 1 / np.where(inverse > 0, inverse, 1), sky)
    return np.repeat(distances[:, None], width, axis=1).astype(np.float32)


def fitted(distances: Distances) -> Ground:
    ground = fit_ground(distances)
    assert ground is not None
    return ground


horizons = st.floats(0.15, 0.7)  # of the frame's height
slopes = st.floats(1e-4, 10.0)
sides = st.integers(64, 256)


@given(sides, sides, horizons, slopes)
@settings(max_examples=60)
def test_an_exact_plane_is_found_to_a_sixteenth_of_a_row(height: int, width: int, share: float, slope: float) -> None:
    ground = fitted(plane(height, width, share * height, slope))
    assert abs(ground.horizon - share * height) <= 1 / 16
    assert ground.slope == pytest.approx(slope, rel=2e-3)  # a sixteenth of a row changes the slope a little
    assert ground.error <= 0.005  # what rounding the horizon by up to 1/32 does in a small frame
    assert ground.horizon * 16 == round(ground.horizon * 16)


@given(horizons, slopes, st.sampled_from([0.005, 0.01, 0.02, 0.03]), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_a_noisy_plane_is_found_to_half_a_row(share: float, slope: float, noise: float, seed: int) -> None:
    clean = plane(192, 192, share * 192, slope)
    noisy = clean * np.exp(np.random.default_rng(seed).normal(0, noise, clean.shape)).astype(np.float32)
    ground = fitted(noisy)
    assert abs(ground.horizon - share * 192) <= 1 / 16 + 12 * noise
    assert ground.error <= noise


@given(horizons, st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_things_on_the_ground_and_unknown_pixels_do_not_move_the_plane(share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    distances = plane(192, 192, share * 192, 0.01, sky=1e4)
    standing = np.zeros(distances.shape, bool)
    for _ in range(5):  # upright boxes: as near as the ground at their feet
        foot = int(rng.integers(round(share * 192) + 12, 192))
        left, wide, tall = int(rng.integers(0, 170)), int(rng.integers(6, 40)), int(rng.integers(10, 90))
        box = (slice(max(0, foot - tall), foot), slice(left, left + wide))
        nearer = distances[box] > distances[foot, 0]
        distances[box] = np.where(nearer, distances[foot, 0], distances[box])
        standing[box] |= nearer
    distances[rng.random(distances.shape) < 0.1] = np.nan
    ground = fitted(distances)
    assert abs(ground.horizon - share * 192) <= 1
    mask = ground_mask(distances, ground)
    assert not mask[np.isnan(distances)].any()
    assert not mask[: math.floor(share * 192)].any()
    true = ~standing & (np.arange(192)[:, None] > share * 192) & ~np.isnan(distances)
    assert (mask & true).sum() >= 0.6 * true.sum()
    assert (mask & ~true).sum() <= 0.25 * mask.sum()  # the feet of things are as far as the ground


def frame(values: NDArray[np.floating]) -> Distances:
    return np.broadcast_to(values, (160, 160)).astype(np.float32)


rows, columns = np.arange(160.0)[:, None], np.arange(160.0)[None]
WITHOUT_GROUND = {
    "a wall": frame(np.array(3.0)),
    "a wall seen at an angle": frame(1 / (0.2 + 0.004 * columns)),
    "a ceiling": frame(np.where(rows < 120, 1 / (0.01 * np.maximum(120 - rows, 0.5)), np.nan)),
    "sky": frame(np.array(np.nan)),
    "sky at a stated distance": frame(np.array(80.0)),
    "infinite sky": frame(np.array(np.inf)),
    "zeros": frame(np.array(0.0)),
    "noise": np.random.default_rng(1).uniform(1, 80, (160, 160)).astype(np.float32),
    "a horizon at the lower edge": plane(160, 160, 150, 0.01, sky=80),
    "a horizon far above the frame": plane(160, 160, -300, 0.001),
    "a horizon above the frame": plane(160, 160, -20, 0.01),
    "ground that meets a fifth of the lower edge": np.where(columns < 30, plane(160, 160, 60, 0.01), 0.5),
    "ground on a tenth of the frame": np.where(
        (rows >= 152) | ((rows >= 100) & (columns < 20)), plane(160, 160, 60, 0.01), 0.5
    ),
    "ground on the lowest sixth of the rows": np.where(rows >= 133, plane(160, 160, 60, 0.01), 0.5),
    "ground that ends above the lower edge": np.where(rows < 130, plane(160, 160, 60, 0.01), 0.7).astype(np.float32),
    "a frame of 12 rows": plane(12, 160, 5, 0.01),
    "a frame of 12 columns": plane(160, 12, 60, 0.01),
}


@pytest.mark.parametrize("name", WITHOUT_GROUND)
def test_a_background_without_ground_is_rejected(name: str) -> None:
    assert fit_ground(WITHOUT_GROUND[name].astype(np.float32)) is None


def test_the_lower_of_two_planes_is_the_ground() -> None:
    table = plane(160, 160, 60, 0.02)  # at half the height of the camera above the floor
    ground = fitted(np.where(columns < 64, plane(160, 160, 60, 0.01), table).astype(np.float32))
    assert ground.slope == pytest.approx(0.01, rel=1e-3)
    assert ground.share < 0.3


def test_zero_and_negative_distances_are_unknown() -> None:
    distances = plane(160, 160, 60, 0.01)
    distances[:, ::12], distances[:, 4::12], distances[:, 8::12] = 0, -1, np.inf
    ground = fitted(distances)
    assert ground.horizon == 60
    assert not ground_mask(distances, ground)[:, ::4].any()


def test_pixels_with_the_wrong_curve_are_rejected() -> None:
    y = np.arange(160.0)[:, None]
    bent = np.where(y > 60, 1 / (0.00008 * np.maximum(y - 60, 0.1) ** 2), np.nan)  # quadratic in the row
    assert fit_ground(frame(bent)) is None


def test_the_ground_is_connected_to_the_lower_edge() -> None:
    distances = plane(160, 160, 60, 0.01)
    distances[100:108] = 0.5  # a bar across the frame
    mask = ground_mask(distances, Ground(60.0, 0.01, 0.0, 0.5))
    assert mask[109:].all()
    assert not mask[:108].any()
    distances[100:108, 70:75] = plane(160, 160, 60, 0.01)[100:108, 70:75]  # a gap in it
    assert ground_mask(distances, Ground(60.0, 0.01, 0.0, 0.5))[70:98].all()


def test_the_mask_goes_around_things_and_leaves_specks_out() -> None:
    distances = plane(160, 160, 60, 0.01)
    distances[90:130, 40:44] = distances[90:130, 60:64] = 0.5  # two posts
    distances[90:94, 40:64] = 0.5  # and a beam: the ground between them is reached from below
    distances[20, 20] = distances[61:63, 100] = 0.5
    mask = ground_mask(distances, Ground(60.0, 0.01, 0.0, 0.5))
    assert mask[100:130, 46:58].all()
    assert mask[66:88].all()
    speck = np.full((160, 160), 0.5, np.float32)
    speck[140:] = plane(160, 160, 60, 0.01)[140:]
    speck[100, 100] = 1 / 0.4
    assert not ground_mask(speck, Ground(60.0, 0.01, 0.0, 0.5))[:138].any()


def test_the_mask_follows_passages_down_and_up_again() -> None:
    passage = np.full((160, 160), 0.5, np.float32)
    ground = plane(160, 160, 60, 0.01)
    up, right, down = np.s_[80:, 10:16], np.s_[80:86, 10:100], np.s_[80:140, 94:100]
    for part in (up, right, down, np.s_[134:140, 94:140], np.s_[90:140, 134:140]):
        passage[part] = ground[part]
    passage[80:, 50] = ground[80:, 50]  # too thin
    mask = ground_mask(passage, Ground(60.0, 0.01, 0.0, 0.5))
    assert mask[136, 97] and mask[137, 130] and mask[92:136, 135:139].all()
    assert not mask[90:, 50].any()


def test_sizes_are_proportional_to_the_distance_from_the_horizon() -> None:
    ground = Ground(horizon=59.0, slope=0.01, error=0.0, share=0.5)
    assert relative_size(ground, 159, 160) == 1
    assert relative_size(ground, 109, 160) == 0.5
    assert relative_size(ground, 209, 160) == 1.5
    distances = plane(160, 160, 59, 0.01)
    assert relative_size(ground, 84, 160) == pytest.approx(float(distances[159, 0] / distances[84, 0]))


def test_the_fit_is_equal_in_another_process_and_for_mirrored_frames() -> None:
    rng = np.random.default_rng(5)
    distances = plane(160, 160, 61.3, 0.01) * np.exp(rng.normal(0, 0.02, (160, 160))).astype(np.float32)
    ground = fitted(distances)
    code = (
        "import numpy as np; from tests.test_ground import plane, fit_ground; r = np.random.default_rng(5); "
        "print(fit_ground(plane(160, 160, 61.3, 0.01) * np.exp(r.normal(0, 0.02, (160, 160))).astype(np.float32)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == repr(ground)
    assert fit_ground(np.asfortranarray(distances)) == ground
    mantissa, _ = math.frexp(ground.slope)
    assert mantissa * 2**20 == round(mantissa * 2**20)


def test_the_unit_of_the_distances_does_not_matter() -> None:
    distances = plane(160, 160, 61.3, 0.01)
    metres, kilometres = fitted(distances), fitted(distances / np.float32(1024))
    assert kilometres == Ground(metres.horizon, metres.slope * 1024, metres.error, metres.share)


@pytest.mark.parametrize(
    ("kind", "scale", "values"),
    [
        ("metric", metric_scale(80), lambda d: d),
        ("relative_disparity", relative_scale(-0.1, 1.6), lambda d: 1 / d),
        ("relative_depth", relative_scale(0.1, 150.0), lambda d: d),
    ],
)
def test_every_kind_of_depth_gives_the_same_horizon(kind: str, scale: dict[str, float], values: object) -> None:
    distances = np.minimum(plane(160, 160, 61.3, 0.01, sky=120), 120)
    spec = DepthSpec("model", kind=kind, unit="m" if kind == "metric" else "", **scale)  # type: ignore[arg-type]
    stored = encode_values(values(distances), spec)  # type: ignore[operator]
    stored[:30] = 0
    found = ground_distances(stored, spec)
    assert found.dtype == np.float32 and np.isnan(found[:30]).all()
    ground = fitted(found)
    assert ground.horizon == pytest.approx(61.3, abs=0.3)
    assert ground_mask(found, ground)[70:].all()


def test_a_disparity_of_zero_is_infinitely_far_and_not_ground() -> None:
    spec = DepthSpec("model", kind="relative_disparity", unit="", **relative_scale(-1.0, 2.0))
    values = np.array([[-0.5, 0.0, 0.5, 2.0]], np.float32)
    found = ground_distances(encode_values(values, spec), spec)
    assert np.isnan(found[0, 0])
    assert found[0, 2:] == pytest.approx([2, 0.5], rel=1e-3)


def test_relative_depth_with_an_unknown_offset_is_rejected() -> None:
    distances = np.minimum(plane(160, 160, 61.3, 0.01, sky=80), 80)
    moved = (distances - distances.min()) / (80 - distances.min())
    assert fit_ground(np.where(moved > 0, moved, np.nan).astype(np.float32)) is None


@pytest.mark.parametrize("scene", bundled_scenes(), ids=lambda scene: scene.name)
def test_bundled_backgrounds_have_the_horizon_of_their_cameras(scene: GroundScene) -> None:
    ground = fitted(scene.depth_m)
    assert abs(ground.horizon - scene.horizon) <= 2.5  # of 320 rows
    mask = ground_mask(scene.depth_m, ground)
    assert (mask & scene.is_raised).sum() <= 0.02 * mask.sum()
    assert (mask & scene.is_ground).sum() >= 0.85 * scene.is_ground.sum()


def test_a_line_without_known_pixels_is_none() -> None:
    assert fit_line(np.full((160, 160), np.nan, np.float32)) is None


@pytest.mark.slow
def test_the_benchmark_finds_the_horizons_of_unseen_scenes(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/ground.py", "--quick", "--cache", str(tmp_path)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    table = {line.split(" | ")[0]: line.strip("| ").split(" | ") for line in printed.splitlines() if "unseen, " in line}
    exact, predicted = table["| unseen, exact"], table["| unseen, predicted"]
    assert int(exact[1]) == 12 and int(exact[2]) >= 11 and float(exact[4]) < 1
    assert int(predicted[2]) >= 9 and float(predicted[4]) < 4
