"""Scenes: which cut-outs a row has, where they are, what hides what, and the pixels that follow."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny import make_sources, pixels_of, quiet_build, scene, simple_spec, statistics_of, thing, tiny_recipe, tree

from fgbg_depth.depth.placed import Silhouette, set_in_all
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.inputs import Cutout
from fgbg_depth.render.scenes import compose_scene, layer_mattes
from fgbg_depth.render.variants import Variants
from fgbg_depth.scene.draw import MAX_IOU, SceneDrawing
from fgbg_depth.scene.ground import Ground
from fgbg_depth.scene.layers import Layer, position_range
from fgbg_depth.scene.scenes import Scene
from fgbg_depth.scene.stage import Stage
from fgbg_depth.verify.check import verify

SIZE = 48
VARIED: dict[str, Any] = {
    "scale_per": "row",
    "rotation_max": 30,
    "blend": "mixed",
    "poisson_share": 0.0,
    "match_light": 0.5,
    "objects": [1, 3],
    "visible_min": 0.4,
    "foreground_min": 0.3,
    "foreground_max": 0.6,
}


def cutouts(num: int = 4, side: int = 26) -> dict[str, Cutout]:
    named = {f"thing_{i}": thing(i, side, side - 4 + i) for i in range(num)}
    return {name: Cutout(name, name, Image.fromarray(pixels)) for name, pixels in named.items()}


def flat_stage(wall: bool = False) -> Stage:
    """Level ground below row 10; with `wall`, something near stands on it at the left, from row 16 to 40."""
    rows = np.arange(SIZE, dtype=np.float32)[:, None]
    with np.errstate(divide="ignore"):
        distances = np.where(rows > 10, 40 / (rows - 10), 100).astype(np.float32) * np.ones((1, SIZE), np.float32)
    if wall:
        distances[16:40, :14] = 40 / (40 - 10)
    return Stage(Ground(10.0, 1 / 40, 0.0, 0.8), distances)


def drawing_of(recipe: Recipe, stage: Stage | None = None) -> tuple[SceneDrawing, Variants]:
    named = cutouts()
    variants = Variants(recipe, named.__getitem__)
    digests = [cutout.digest for cutout in named.values()]
    return SceneDrawing(recipe, "background", list(named), digests, variants, stage), variants


def varied(**changes: Any) -> Recipe:
    return Recipe(**{"size": SIZE, "placements": 2, "depth_model": "densedepth-demo"} | VARIED | changes)


RECIPES = st.builds(
    varied,
    seed=st.integers(0, 10**6),
    scale_per=st.sampled_from(["cutout", "row"]),
    rotation_max=st.sampled_from([0, 20, 180]),
    blend=st.sampled_from(["alpha", "feather", "mixed"]),
    match_light=st.sampled_from([0.0, 0.7]),
    objects=st.sampled_from([(1, 1), (1, 3), (2, 2), (3, 8)]),
    visible_min=st.sampled_from([0.3, 0.7, 1.0]),
    placement_mode=st.sampled_from(["uniform", "ground", "scene"]),
    occlusion=st.booleans(),
)
STAGES = st.sampled_from([flat_stage(), flat_stage(wall=True)])


def iou(a: Layer, b: Layer) -> float:
    pixels = [{(x, y) for x in range(c.x, c.x + c.width) for y in range(c.y, c.y + c.height)} for c in (a, b)]
    return len(pixels[0] & pixels[1]) / len(pixels[0] | pixels[1])


@settings(max_examples=60, deadline=None)
@given(RECIPES, STAGES, st.booleans())
def test_layers_keep_the_rules_of_visibility(recipe: Recipe, stage: Stage, flip: bool) -> None:
    drawing, _ = drawing_of(recipe, stage if recipe.placement_mode == "scene" else None)
    for one in drawing.scenes("thing_1", flip):
        assert 1 <= len(one.layers) <= recipe.objects[1]
        own = one.layers[one.own]
        assert (own.fg, own.flip) == ("thing_1", flip)
        assert len({layer.fg for layer in one.layers}) == len(one.layers)
        lower_edges = [layer.y + layer.height for layer in one.layers]
        assert lower_edges == sorted(lower_edges)  # farthest first
        for layer in one.layers:
            assert layer.visible >= recipe.visible_min - 1e-6
            for start, length in ((layer.x, layer.width), (layer.y, layer.height)):
                first, last = position_range(length, SIZE, recipe.visible_min)
                assert first <= start <= last
            assert max(layer.width, layer.height) <= SIZE and abs(layer.angle) <= recipe.rotation_max
        for a, b in itertools.combinations(one.layers, 2):
            assert iou(a, b) <= MAX_IOU
        assert Scene.from_facts(one.facts("bg")) == one


@settings(max_examples=40, deadline=None)
@given(RECIPES, STAGES)
def test_instances_and_union_matte_agree(recipe: Recipe, stage: Stage) -> None:
    used = stage if recipe.placement_mode == "scene" else None
    drawing, variants = drawing_of(recipe, used)
    background = Image.fromarray(scene(0, SIZE, SIZE))
    for one in drawing.scenes("thing_0", False):
        composed = compose_scene(one, background, variants, used, recipe)
        assert np.array_equal(composed.instances > 0, composed.mask >= 128)
        assert set(np.unique(composed.instances)) <= set(range(len(one.layers) + 1))
        mattes = layer_mattes(one, variants, used, recipe)
        for number, (layer, matte) in enumerate(zip(one.layers, mattes, strict=True), 1):
            foreground = np.count_nonzero(matte.variant.foreground)
            seen = np.count_nonzero((composed.instances == number) & (on_frame(matte.alpha, matte.x, matte.y) >= 128))
            assert layer.visible == np.float32(seen / foreground)
        plain = composed.mask == 0
        assert np.array_equal(np.asarray(composed.image)[plain], np.asarray(background)[plain])


def on_frame(alpha: np.ndarray, x: int, y: int) -> np.ndarray:
    frame = np.zeros((3 * SIZE, 3 * SIZE), np.uint8)
    frame[SIZE + y : SIZE + y + alpha.shape[0], SIZE + x : SIZE + x + alpha.shape[1]] = alpha
    return frame[SIZE : 2 * SIZE, SIZE : 2 * SIZE]


@settings(max_examples=40, deadline=None)
@given(RECIPES, STAGES)
def test_placed_depth_is_monotone_in_the_order_of_depth(recipe: Recipe, stage: Stage) -> None:
    used = stage if recipe.placement_mode == "scene" else None
    drawing, variants = drawing_of(recipe, used)
    spec = simple_spec(step=1 / 256, low=1 / 256, high=100)
    background = np.clip(np.random.default_rng(0).normal(20, 9, (SIZE, SIZE)) * 256, 1, 25600).astype(np.uint16)
    for one in drawing.scenes("thing_2", True):
        label = background.copy()
        parts = [
            (silhouette_of(m.variant.foreground, m.alpha), m.x, m.y) for m in layer_mattes(one, variants, used, recipe)
        ]
        changes = set_in_all(label, parts, spec)
        standing = [change.standing for change in changes]
        assert standing == sorted(standing, reverse=True)
        assert (label <= background).all()


def silhouette_of(foreground: np.ndarray, alpha: np.ndarray) -> Silhouette:
    return dataclasses.replace(Silhouette.of_mask(foreground), inside=alpha >= 128)


def test_composing_is_over_layer_by_layer() -> None:
    """A reference in floats: I = a*F + (1-a)*I, and 1 - the product of (1-a) for the matte."""
    recipe = varied(match_light=0.0, objects=(3, 3), rotation_max=25, visible_min=0.3)
    drawing, variants = drawing_of(recipe)
    background = scene(3, SIZE, SIZE)
    seen = 0
    for one in drawing.scenes("thing_0", False):
        composed = compose_scene(one, Image.fromarray(background), variants, None, recipe)
        image, clear = background.astype(float), np.ones((SIZE, SIZE))
        for layer, matte in zip(one.layers, layer_mattes(one, variants, None, recipe), strict=True):
            colors = np.asarray(variants.of(layer, one.blend).image.convert("RGB"))
            alpha = on_frame(matte.alpha, matte.x, matte.y) / 255
            rgb = np.stack([on_frame(colors[..., c], matte.x, matte.y) for c in range(3)], -1)
            image, clear = alpha[..., None] * rgb + (1 - alpha[..., None]) * image, clear * (1 - alpha)
            seen += 1
        assert np.abs(np.asarray(composed.image) - image).max() <= 0.5 * len(one.layers) + 1e-6
        assert np.abs(composed.mask - 255 * (1 - clear)).max() <= 0.5 * len(one.layers) + 1e-6
    assert seen > 2


@pytest.mark.parametrize("blend", ["alpha", "feather_wide", "box", "motion_45"])
def test_no_fringe_on_a_saturated_background(blend: str) -> None:
    """Turned, shrunk and softened, a red cut-out on blue has no colour but mixtures of the two."""
    alpha = thing(0, 60, 50)[..., 3]
    pixels = np.dstack([np.full_like(alpha, 255), np.zeros_like(alpha), np.zeros_like(alpha), alpha])
    pixels[alpha == 0, :3] = (0, 255, 0)  # what files hold in transparent pixels
    recipe = varied()
    variants = Variants(recipe, lambda name: Cutout(name, name, Image.fromarray(pixels)))
    layer = Layer(5, 5, 30, 36, True, 0, "a", 17)
    blue = Image.new("RGB", (SIZE, SIZE), (0, 0, 255))
    composed = np.asarray(compose_scene(Scene((layer,), 0, blend), blue, variants, None, varied(match_light=0.0)).image)
    assert composed[..., 1].max() <= 2
    assert np.abs(composed[..., 0].astype(int) + composed[..., 2] - 255).max() <= 2
    assert composed[..., 0].max() == 255


def test_things_are_smaller_where_the_ground_is_farther() -> None:
    recipe = varied(
        placement_mode="scene", rotation_max=0, scale_per="cutout", objects=(1, 1), placements=60, visible_min=0.5
    )
    stage = flat_stage()
    drawing, _ = drawing_of(recipe, stage)
    layers = [one.layers[0] for one in drawing.scenes("thing_0", False)]
    feet = {layer.y + layer.height - 1 for layer in layers}
    assert len(feet) > 10
    for layer in layers:
        foot = layer.y + layer.height - 1
        assert stage.is_ground[foot, np.clip(layer.x + layer.width // 2, 0, SIZE - 1)]
        assert layer.height == pytest.approx(26 * (foot - 10) / (SIZE - 1 - 10), abs=26 / 32 + 1)


def test_what_stands_nearer_hides_a_layer_and_never_too_much_of_it() -> None:
    stage, hidden = flat_stage(wall=True), 0
    recipe = varied(
        placement_mode="scene",
        occlusion=True,
        visible_min=0.3,
        objects=(1, 1),
        placements=300,
        blend="alpha",
        rotation_max=0,
    )
    drawing, variants = drawing_of(recipe, stage)
    for one in drawing.scenes("thing_1", False):
        (matte,) = layer_mattes(one, variants, stage, recipe)
        shown, whole = (on_frame(a, matte.x, matte.y) > 0 for a in (matte.alpha, matte.variant.alpha))
        cut = whole & ~shown
        if not cut.any():
            continue
        hidden += 1
        foot = one.layers[0].y + one.layers[0].height - 1
        assert (stage.distances[cut] < 0.95 * 40 / (foot - 10) + 1e-4).all() and not stage.is_ground[cut].any()
        for row, column in np.argwhere(cut):  # the wall reaches down to the foot
            assert cut[row : foot + 1, column].any() and not stage.is_ground[row : foot + 1, column].any()
    assert hidden >= 5
    free = dataclasses.replace(drawing, recipe=recipe.replace(occlusion=False))
    for one in free.scenes("thing_1", False):
        (matte,) = layer_mattes(one, variants, stage, free.recipe)
        assert np.array_equal(matte.alpha, matte.variant.alpha)


def test_more_placements_keep_the_first_and_each_part_keys_the_randomness() -> None:
    drawing, _ = drawing_of(varied(placements=5))
    longer = dataclasses.replace(drawing, recipe=varied(placements=9)).scenes("thing_0", False)
    scenes = drawing.scenes("thing_0", False)
    assert longer[:5] == scenes
    for other in (
        dataclasses.replace(drawing, bg_digest="another"),
        dataclasses.replace(drawing, recipe=varied(placements=5, seed=1)),
    ):
        assert other.scenes("thing_0", False) != scenes
    assert [s.layers[s.own].fg for s in drawing.scenes("thing_0", True)] == ["thing_0"] * 5


def test_mixed_draws_every_blend() -> None:
    drawing, _ = drawing_of(varied(placements=200, objects=(1, 1), poisson_share=0.2))
    blends = {one.blend for one in drawing.scenes("thing_0", False)}
    assert {"alpha", "feather_fine", "feather_wide", "box", "poisson"} < blends and any(
        b.startswith("motion") for b in blends
    )


# Built datasets


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sources(tmp_path_factory.mktemp("sources"), 4, 5)


def scene_recipe(sources: Path, **changes: Any) -> Recipe:
    return tiny_recipe(sources, **(VARIED | {"placements": 2, "size": SIZE, "match_light": 0.3} | changes))


@pytest.fixture(scope="module")
def built(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("built") / "out"
    quiet_build(scene_recipe(sources), output)
    return output


def rows_of(output: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((output / "data").glob("*.parquet")):
        yield from pq.read_table(path).to_pylist()


@pytest.mark.slow
def test_a_build_does_not_depend_on_workers_or_on_being_stopped(
    sources: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_build(scene_recipe(sources), tmp_path / "two", workers=2)
    assert tree(tmp_path / "two") == tree(built)
    from fgbg_depth.builder import row_composers

    original, calls = row_composers.compose_scene_rows, itertools.count()

    def stops(*args: Any) -> Iterator[dict[str, Any]]:
        if next(calls) == 3:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(row_composers, "compose_scene_rows", stops)
    with pytest.raises(KeyboardInterrupt):
        quiet_build(scene_recipe(sources), tmp_path / "stopped")
    assert not (tmp_path / "stopped" / "statistics.json").exists()
    quiet_build(scene_recipe(sources), tmp_path / "stopped")
    assert tree(tmp_path / "stopped") == tree(built)


@pytest.mark.slow
def test_one_more_background_leaves_the_bytes_of_other_shards_alone(built: Path, tmp_path: Path) -> None:
    more = make_sources(tmp_path / "more", 5, 5)
    quiet_build(scene_recipe(more, holdout=0.0), tmp_path / "out")
    fewer = make_sources(tmp_path / "fewer", 4, 5)
    quiet_build(scene_recipe(fewer, holdout=0.0), tmp_path / "out4")
    shards = [{k: v for k, v in tree(tmp_path / name).items() if k.startswith("data/")} for name in ("out4", "out")]
    assert shards[0].items() < shards[1].items()


def test_rows_have_all_columns_and_statistics(built: Path) -> None:
    rows = list(rows_of(built))
    stats = statistics_of(built)
    assert stats["columns"]["num_objects"]["count"] == len(rows) == 4 * 5 * 2 * 2
    assert sum(stats["texts"]["blend"].values()) == len(rows)
    for row in rows:
        objects, instances = row["objects"], pixels_of(row["fg_bg_instances"])
        assert row["num_objects"] == len(objects) and instances.max() <= len(objects)
        assert np.array_equal(instances > 0, pixels_of(row["fg_bg_mask"]) >= 128)
        own = next(item for item in objects if item["fg"] == row["fg"])
        assert {name: own[name] for name in ("flip", "x", "y", "width", "height", "angle", "visible")} == {
            name: row[name] for name in ("flip", "x", "y", "width", "height", "angle", "visible")
        }
        assert row["coverage"] == np.float32(pixels_of(row["fg_bg_mask"]).mean() / 255)
    loaded = load_dataset(str(built), split="train")
    assert loaded[0]["objects"][0].keys() == rows[0]["objects"][0].keys()


def test_verify_makes_every_row_again(built: Path) -> None:
    report = verify(built, full=True)
    assert report.problems == () and report.notes == () and report.remade == 80  # no note: the same bytes


def test_plain_recipes_have_the_digests_of_before() -> None:
    assert Recipe().pixel_choices() == {
        "size": 224,
        "mirror": True,
        "placements": 20,
        "placement_mode": "uniform",
        "visible_min": 1.0,
        "seed": 0,
        "image_format": "jpeg",
        "jpeg_quality": 90,
        "jpeg_subsampling": "4:2:0",
    }
    assert not Recipe().is_varied and Recipe().extras == ()
