"""Sums: added in any order they equal one pass over all rows, and numpy."""

import json
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from fgbg_depth.statistics import (
    COLUMN_BINS,
    COVERAGE_BINS,
    DEPTH_BINS,
    HEAT_CELLS,
    ColumnSums,
    CountedMatte,
    DepthSums,
    Sums,
    histogram_moments,
    moments,
)

SIZE = 40  # not a multiple of the 32 cells of the heat map


def sums_with_depth(size: int, top: int = 65535) -> Sums:
    return Sums(size, {"depth": DepthSums(top)})


def random_row(rng: np.random.Generator) -> tuple[np.ndarray, tuple[slice, slice, np.ndarray], np.ndarray]:
    """fg_bg, (rows, columns, visible part of the matte), stored depth."""
    top, left = rng.integers(0, SIZE - 8, 2)
    height, width = rng.integers(1, 9, 2)
    part = rng.choice([0, 255, 128, 7], (height, width)).astype(np.uint8)
    image = rng.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    depth = rng.integers(0, 5000, (SIZE, SIZE)).astype(np.uint16) * rng.integers(0, 2, (SIZE, SIZE), np.uint16)
    return image, (slice(top, top + height), slice(left, left + width), part), depth


def add(sums: Sums, row: tuple[Any, ...]) -> None:
    image, mask, depth = row
    rows, columns, part = mask
    sums.add_mask(rows, columns, CountedMatte.of(part), num_bytes=3)
    sums.add_image(Image.fromarray(image), num_bytes=7)
    sums.depths["depth"].add(depth[None], num_bytes=11)


@given(st.lists(st.lists(st.integers(0, 10**6), max_size=4), min_size=1, max_size=4), st.randoms())
def test_sums_of_groups_equal_one_pass(groups: list[list[int]], random: Random) -> None:
    """In any order, through JSON, with or without flushing in between."""
    whole, merged = sums_with_depth(SIZE), sums_with_depth(SIZE)
    rows = {seed: random_row(np.random.default_rng(seed)) for group in groups for seed in group}
    for group in groups:
        for seed in group:
            add(whole, rows[seed])
    random.shuffle(groups)
    for group in groups:
        sums = sums_with_depth(SIZE)
        for seed in group:
            add(sums, rows[seed])
            if seed % 2:
                sums.flush()
        merged.add(Sums.from_dict(json.loads(json.dumps(sums.to_dict()))))
    assert merged.to_dict() == whole.to_dict()


def test_sums_equal_numpy() -> None:
    rng = np.random.default_rng(0)
    rows = [random_row(rng) for _ in range(30)]
    sums = sums_with_depth(SIZE)
    for row in rows:
        add(sums, row)
    images = np.stack([image for image, _, _ in rows]) / 255
    masks = np.zeros((len(rows), SIZE, SIZE))
    for mask, (_, (r, c, part), _) in zip(masks, rows, strict=True):
        mask[r, c] = part / 255
    depths = np.stack([depth for _, _, depth in rows]).astype(float)
    sums.flush()
    assert sums.rows == 30 and (sums.mask_bytes, sums.rgb_bytes, sums.depths["depth"].bytes) == (90, 210, 330)
    for channel in range(3):
        values = images[..., channel]
        assert histogram_moments(sums.rgb_histogram[channel]) == pytest.approx((values.mean(), values.std()), abs=1e-12)
    assert histogram_moments(sums.mask_histogram) == pytest.approx((masks.mean(), masks.std()), abs=1e-12)
    valid = depths[depths > 0]
    found = moments(len(valid), sums.depths["depth"].sum, sums.depths["depth"].sum_squares, 1)
    assert found == pytest.approx((valid.mean(), valid.std()), rel=1e-12)
    assert sums.depths["depth"].invalid == (depths == 0).sum()
    assert (sums.depths["depth"].smallest, sums.depths["depth"].largest) == (valid.min(), valid.max())
    covered = masks.mean((1, 2))
    assert np.array_equal(sums.coverage, np.histogram(covered, COVERAGE_BINS, (0, 1))[0])
    bins = np.minimum((valid.astype(int) - 1) * DEPTH_BINS // 65535, DEPTH_BINS - 1)
    assert np.array_equal(sums.depths["depth"].histogram, np.bincount(bins, minlength=DEPTH_BINS))
    edges = np.arange(HEAT_CELLS + 1) * SIZE // HEAT_CELLS
    total = masks.sum(0) * 255
    for i in range(HEAT_CELLS):
        for j in range(HEAT_CELLS):
            cell = total[edges[i] : edges[i + 1], edges[j] : edges[j + 1]]
            assert sums.heat[i, j] == round(cell.sum())


@given(arrays(np.int64, 256, elements=st.integers(0, 10**12)))
def test_moments_are_exact_also_of_many_pixels(histogram: np.ndarray) -> None:
    """With up to 10^12 pixels a level, sums of squares in float64 would lose digits."""
    from fractions import Fraction

    count = sum(map(int, histogram))
    mean, std = histogram_moments(histogram)
    if not count:
        assert (mean, std) == (0, 0)
        return
    exact = Fraction(sum(int(c) * v for v, c in enumerate(histogram)), count * 255)
    variance = Fraction(sum(int(c) * v * v for v, c in enumerate(histogram)), count * 255**2) - exact**2
    assert mean == pytest.approx(float(exact), rel=1e-15) and std**2 == pytest.approx(
        float(variance), rel=1e-12, abs=1e-300
    )


@pytest.mark.parametrize("size", [16, 31, 32, 33, 224])
@pytest.mark.parametrize("bits", [8, 16])
def test_frames_of_all_sizes_and_depth_of_8_and_16_bits(size: int, bits: int) -> None:
    top = 2**bits - 1
    sums = sums_with_depth(size, top)
    full = np.full((size, size), 255, np.uint8)
    sums.add_mask(slice(0, size), slice(0, size), CountedMatte.of(full), 1)
    stored = np.full((1, size, size), top, np.uint8 if bits == 8 else np.uint16)
    sums.depths["depth"].add(stored, 1)
    sums.flush()
    assert sums.heat.sum() == full.sum(dtype=np.int64) and sums.coverage[-1] == 1
    depth = sums.depths["depth"]
    assert depth.histogram[(top - 1) * DEPTH_BINS // top] == size**2 and depth.largest == depth.smallest == top
    assert Sums.from_dict(sums.to_dict()).to_dict() == sums.to_dict()


def test_depth_without_a_valid_pixel() -> None:
    sums = sums_with_depth(16)
    sums.depths["depth"].add(np.zeros((1, 16, 16), np.uint16), 1)
    sums.flush()
    assert sums.depths["depth"].smallest is sums.depths["depth"].largest is None and sums.depths["depth"].invalid == 256
    other = sums_with_depth(16)
    other.depths["depth"].add(np.full((1, 16, 16), 9, np.uint16), 1)
    sums.add(other)
    assert (sums.depths["depth"].smallest, sums.depths["depth"].largest, sums.depths["depth"].invalid) == (9, 9, 256)


def test_sums_of_other_sizes_or_depth_ranges_are_refused() -> None:
    for other in (Sums(41), sums_with_depth(SIZE, 255)):
        with pytest.raises(ValueError, match="cannot add sums of size"):
            Sums(SIZE).add(other)


NUMBERS = st.floats(-8, 8, width=32) | st.sampled_from([0.0, 1.0, -2.0, 3.0, np.nan])


@given(st.lists(st.lists(NUMBERS, max_size=9), min_size=1, max_size=5), st.randoms())
def test_sums_of_numbers_of_groups_equal_one_pass(groups: list[list[float]], random: Random) -> None:
    """In any order, through JSON, with a group that lacks the column."""
    whole, merged = Sums(SIZE), Sums(SIZE)
    whole.add_values("nearer", (-2.0, 3.0), np.array([value for group in groups for value in group], np.float32))
    random.shuffle(groups)
    for group in groups:
        sums = Sums(SIZE)
        for value in group:
            sums.add_values("nearer", (-2.0, 3.0), np.float32(value))
        merged.add(Sums.from_dict(json.loads(json.dumps(sums.to_dict()))))
    merged.columns.setdefault("nearer", ColumnSums(-2.0, 3.0))  # where all groups are empty
    assert merged.to_dict() == whole.to_dict()


@given(st.lists(NUMBERS, min_size=1, max_size=200))
def test_sums_of_numbers_equal_numpy(numbers: list[float]) -> None:
    sums, values = ColumnSums(-2.0, 3.0), np.array(numbers, np.float32).astype(float)
    sums.add_values(values)
    valid = values[~np.isnan(values)]
    assert (sums.count, sums.missing) == (len(valid), len(values) - len(valid))
    assert sums.histogram.sum() == sums.count
    if not len(valid):
        assert sums.mean is sums.least is sums.greatest is sums.quantile(0.5) is None
        return
    assert sums.mean == pytest.approx(valid.mean(), abs=1e-9)
    assert (sums.least, sums.greatest) == (valid.min(), valid.max())
    clipped = valid.clip(-2, 3)
    for share in (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0):
        exact = np.quantile(clipped, share, method="inverted_cdf")
        assert sums.quantile(share) == pytest.approx(exact, abs=5 / 400 + 1e-9)


def test_histogram_of_numbers_has_exact_ends() -> None:
    sums = ColumnSums(0.0, 1.0)
    sums.add_values([0, 0, 0, 1, 1, 0.5, -3, 7, np.nan, np.inf])
    assert (sums.histogram[0], sums.histogram[100], sums.histogram[COLUMN_BINS - 1]) == (4, 1, 3)
    assert (sums.quantile(0.5), sums.quantile(1), sums.missing) == (0, 1, 2)


def test_histograms_of_numbers_with_other_ends_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cannot add a histogram over 0\.0\.\.2\.0 to one over 0\.0\.\.1\.0"):
        ColumnSums(0.0, 1.0).add(ColumnSums(0.0, 2.0))
