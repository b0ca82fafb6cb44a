"""Where cut-outs go: every place is equally likely, inside the frame, and depends on nothing else than stated."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgbg_depth.errors import PlacementError
from fgbg_depth.recipe import Recipe
from fgbg_depth.scene.layers import (
    BLOCK,
    Layer,
    ground_warnings,
    lower_edge_range,
    row_order,
    sample_layers,
    stored_index,
)


def sample(recipe: Recipe, width: int, height: int, bg: str = "b", fg: str = "f", flip: bool = False) -> list[Layer]:
    return sample_layers(recipe, bg, fg, flip, width, height)


def chi_square(counts: np.ndarray) -> float:
    expected = counts.sum() / counts.size
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize(
    ("width", "height", "visible_min"), [(41, 53, 1.0), (63, 64, 1.0), (40, 40, 0.5), (64, 64, 0.9)]
)
def test_every_place_is_equally_likely(width: int, height: int, visible_min: float) -> None:
    """Chi-square over all places, and over x and y alone; the seed is fixed, so this cannot fail by chance."""
    recipe = Recipe(size=64, placements=20_000, visible_min=visible_min)
    layers = sample(recipe, width, height)
    xs, ys = np.array([p.x for p in layers]), np.array([p.y for p in layers])
    hidden_x, hidden_y = (side - int(np.ceil(side * visible_min - 1e-9)) for side in (width, height))
    nx, ny = 64 - width + 2 * hidden_x + 1, 64 - height + 2 * hidden_y + 1
    assert (xs.min(), xs.max()) == (-hidden_x, nx - 1 - hidden_x) and (ys.min(), ys.max()) == (
        -hidden_y,
        ny - 1 - hidden_y,
    )
    for counts in (
        np.bincount(xs + hidden_x, minlength=nx),
        np.bincount(ys + hidden_y, minlength=ny),
        np.bincount((xs + hidden_x) * ny + ys + hidden_y, minlength=nx * ny),
    ):
        freedom = counts.size - 1
        assert chi_square(counts) < freedom + 4 * np.sqrt(2 * max(freedom, 1)) + 1  # 4 deviations above the mean


@given(
    size=st.integers(16, 300),
    u=st.floats(0, 1),
    v=st.floats(0, 1),
    visible_min=st.floats(0.1, 1),
    ground=st.booleans(),
    band=st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda b: b[0] < b[1]),
    seed=st.integers(0, 2**63 - 1),
)
def test_at_least_visible_min_is_inside_the_frame(
    size: int, u: float, v: float, visible_min: float, ground: bool, band: tuple[float, float], seed: int
) -> None:
    width, height = 1 + int(u * (size - 1)), 1 + int(v * (size - 1))
    kind = "ground" if ground else "uniform"
    recipe = Recipe(size=size, placements=20, visible_min=visible_min, placement=kind, ground_band=band, seed=seed)
    for index, p in enumerate(sample(recipe, width, height)):
        assert (p.width, p.height, p.placement) == (width, height, index)
        visible_x = min(p.x + width, size) - max(p.x, 0)
        visible_y = min(p.y + height, size) - max(p.y, 0)
        assert visible_x >= visible_min * width - 1e-6 and visible_y >= visible_min * height - 1e-6
        assert visible_min < 1 or (p.x >= 0 and p.y >= 0)


def test_on_the_ground_the_lower_edge_is_in_the_band() -> None:
    recipe = Recipe(size=200, placements=2000, placement_mode="ground", ground_band=(0.7, 0.95))
    feet = [p.y + p.height for p in sample(recipe, 30, 60)]
    assert min(feet) == 140 and max(feet) == 190
    # the cut-out is taller than the band's lower end, so it goes to the top of the frame
    low = Recipe(size=200, placements=50, placement_mode="ground", ground_band=(0.0, 0.1))
    assert {p.y for p in sample(low, 30, 60)} == {0}


def test_cutouts_that_are_too_tall_for_the_band_are_reported() -> None:
    recipe = Recipe(size=200, placement_mode="ground", ground_band=(0.0, 0.1))
    assert ground_warnings(recipe, [20, 10]) == []
    assert ground_warnings(recipe, [84, 100, 15]) == [
        "ground_band 0 to 0.1: 2 of 3 cut-outs are too tall to stand in it. They stand as high as the frame allows "
        "instead, with their lower edge 42 to 50 % down. Use larger numbers for ground_band, or a smaller "
        "foreground_max"
    ]
    assert "1 of 2 cut-outs is too tall to stand in it. It stands" in ground_warnings(recipe, [84, 15])[0]
    assert ground_warnings(recipe.replace(visible_min=0.5), [40, 10]) == []
    assert ground_warnings(recipe.replace(placement_mode="uniform"), [84]) == []
    for height in (84, 15):
        is_reported = bool(ground_warnings(recipe, [height]))
        assert is_reported == (min(p.y + height for p in sample(recipe, 30, height)) > 20)


@given(
    st.lists(st.integers(1, 100), min_size=1, max_size=4),
    st.integers(1, 3),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda b: b[0] < b[1]),
    st.floats(0.1, 1),
    st.integers(1, 40),
)
def test_the_range_of_lower_edges_is_that_of_all_layers(
    heights: list[int], num_bg: int, band: tuple[float, float], visible_min: float, placements: int
) -> None:
    recipe = Recipe(size=100, placement_mode="ground", ground_band=band, visible_min=visible_min, placements=placements)
    bgs, cutouts = [f"b{i}" for i in range(num_bg)], [(f"f{i}", height) for i, height in enumerate(heights)]
    edges = [
        layer.y + height
        for bg in bgs
        for fg, height in cutouts
        for flip in recipe.flips
        for layer in sample(recipe, 30, height, bg, fg, flip)
    ]
    assert lower_edge_range(recipe, bgs, cutouts) == (min(edges) / 100, max(edges) / 100)
    assert lower_edge_range(recipe.replace(placement_mode="uniform"), bgs, cutouts) is None


def test_the_range_of_lower_edges_of_millions_of_layers_draws_few() -> None:
    """400 cut-outs on 10,000 backgrounds, mirrored, 20 places: drawing all would take minutes."""
    start = time.perf_counter()
    found = lower_edge_range(
        Recipe(placement_mode="ground"),
        [f"b{i}" for i in range(10_000)],
        [(f"f{i}", 60 + i % 50) for i in range(400)],
    )
    assert found == (161 / 224, 217 / 224)
    assert time.perf_counter() - start < 2


def test_layers_do_not_depend_on_the_number_of_placements() -> None:
    few, many = (sample(Recipe(placements=n), 50, 60) for n in (3, 500))
    assert many[:3] == few


def test_layers_depend_on_seed_sources_and_flip_only() -> None:
    base = sample(Recipe(), 50, 60)
    assert sample(Recipe(depth_model="none", name="other", holdout=0, mirror=False), 50, 60) == base
    others = [
        sample(Recipe(seed=1), 50, 60),
        sample(Recipe(), 50, 60, bg="c"),
        sample(Recipe(), 50, 60, fg="g"),
        sample(Recipe(), 50, 60, flip=True),
    ]
    assert all([(p.x, p.y) for p in other] != [(p.x, p.y) for p in base] for other in others)


def test_the_first_layers_of_seed_0_never_change() -> None:
    """Constants: every version of numpy and every platform must reproduce published datasets."""
    layers = sample(Recipe(size=224, placements=3), 50, 60, bg="0" * 64, fg="1" * 64)
    assert [(p.x, p.y) for p in layers] == [(27, 112), (157, 35), (124, 126)]


def test_a_cutout_larger_than_the_frame_is_refused() -> None:
    for width, height in ((225, 10), (10, 225)):
        with pytest.raises(PlacementError, match=f"{width}x{height}"):
            sample(Recipe(size=224), width, height)
    assert {(p.x, p.y) for p in sample(Recipe(size=224), 224, 224)} == {(0, 0)}


def test_rows_that_follow_each_other_show_different_cutouts() -> None:
    """Every row comes once; within a block all cut-outs come before any of them comes again with the same flip."""
    names = [f"cutout_{i}" for i in range(2 * BLOCK + 50)]
    recipe = Recipe(placements=3)
    rows = list(row_order(names, recipe))
    assert sorted(rows) == sorted(itertools.product(names, recipe.flips, range(3)))
    shown = [name for name, _, _ in rows]
    assert shown[:BLOCK] == names[:BLOCK] == shown[BLOCK : 2 * BLOCK]
    assert shown[-50:] == names[2 * BLOCK :]
    by_cutout = list(itertools.product(names, recipe.flips, range(3)))
    for index in range(0, len(by_cutout), 7):
        name, flip, placement = by_cutout[index]
        in_order = index // 6 * 6 + 2 * placement + flip  # rows of a cut-out are by placement, then flip
        assert rows[stored_index(in_order, len(rows), 6)] == (name, flip, placement)
    assert list(row_order(names[:1], recipe)) == [(names[0], flip, i) for i in range(3) for flip in recipe.flips]
