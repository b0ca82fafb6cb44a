"""A changed recipe field changes exactly the digests that its declaration says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tiny import make_sources, tiny_recipe

from fgbg_depth.depth.models import resolve_spec
from fgbg_depth.plan import Plan, label_digest, make_plan
from fgbg_depth.recipe import OPTIONS, Recipe, Shapes, fields
from fgbg_depth.recipe.fields import field_options, option
from fgbg_depth.sources.load import load_sources

CHANGED: dict[str, Any] = {  # another value of each field; the test sets the folders
    "name": "other",
    "trim_frames": True,
    "defringe": "on",
    "size": 40,
    "foreground_measure": "height",
    "foreground_min": 0.3,
    "foreground_max": 0.9,
    "mirror": False,
    "scale_per": "row",
    "rotation_max": 10,
    "blend": "mixed",
    "feather_sigma": 2,
    "poisson_share": 0.2,
    "match_light": 0.5,
    "objects": [1, 2],
    "occlusion": True,
    "placements": 2,
    "placement_mode": "ground",
    "ground_band": [0.5, 0.6],
    "visible_min": 0.5,
    "seed": 3,
    "holdout": 0.5,
    "image_format": "png",
    "jpeg_quality": 80,
    "jpeg_subsampling": "4:4:4",
    "depth_model": "densedepth-demo",
    "depth_label": "placed",
    "depth_revision": "",
    "depth_kind": "relative_disparity",
    "depth_range": [0, 7],
    "depth_bits": 8,
    "depth_input": "64x64",
    "depth_precision": "bf16",
    "depth_flip": True,
    "depth_batch": 3,
    "shard_rows": 2,
    "exclude": ["scene_00.png"],
    "skip_bad": True,
    "license": "mit",
    "background_license": "x",
    "foreground_license": "y",
    "creators": ["A. Maker"],
    "source_collection": "a",
    "source_biases": "b",
    "personal_information": "c",
    "intended_uses": "d",
    "social_impact": "e",
    "maintenance": "f",
}
NEEDS: dict[str, dict[str, Any]] = {  # values of other fields that a field needs to have an effect
    "ground_band": {"placement_mode": "ground"},
    "feather_sigma": {"blend": "feather"},
    "poisson_share": {"blend": "mixed"},
    "occlusion": {"placement_mode": "scene", "depth_model": "densedepth-demo"},
    "depth_range": {"depth_kind": "relative_depth", "depth_range": [0, 5]},
    "depth_kind": {"depth_kind": "relative_depth", "depth_range": [0, 5]},
}
NOT_TESTED = {
    "depth_revision": "only a model on the Hub has revisions; tests/depth/test_hub_models.py covers it",
    "trim_frames": "has an effect only on a background with a frame; tests/test_frames.py covers it",
    "skip_bad": "has an effect only if a file is bad; tests/test_load_sources.py covers it",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sources(tmp_path_factory.mktemp("shapes"), 4, 4)


def plan_of(recipe: Recipe) -> Plan:
    return make_plan(recipe, load_sources(recipe), None)


def compose_digests(plan: Plan) -> set[str]:
    return {shard.compose_digest for shard in plan.shards}


def labels_of(recipe: Recipe) -> str:
    return label_digest(resolve_spec(recipe, lambda: iter(()), "cpu") if recipe.has_depth else None, recipe.labels)


def prepared_pixels(plan: Plan) -> list[str]:
    return [source.pixels_digest for source in (*plan.sources.backgrounds, *plan.sources.cutouts)]


@pytest.mark.parametrize("name", [name for name in OPTIONS if name not in NOT_TESTED])
def test_a_field_shapes_what_it_declares(folder: Path, tmp_path: Path, name: str) -> None:
    base = tiny_recipe(folder, **NEEDS.get(name, {}))
    if name in ("backgrounds", "foregrounds"):
        other = make_sources(tmp_path, 5, 5)
        changed = base.replace(**{name: str(other / ("bg" if name == "backgrounds" else "fg"))})
    else:
        changed = base.replace(**{name: CHANGED[name]})
    shapes = OPTIONS[name].shapes
    if shapes is Shapes.LABELS:
        base, changed = (
            r if name == "depth_model" else r.replace(depth_model="densedepth-demo") for r in (base, changed)
        )
        labels = [
            label_digest(resolve_spec(r, lambda: iter(()), "cpu") if r.has_depth else None, r.labels)
            for r in (base, changed)
        ]
        assert labels[0] != labels[1]
    before, after = plan_of(base), plan_of(changed)
    if shapes is Shapes.PIXELS:
        assert not compose_digests(before) & compose_digests(after)
    elif shapes is Shapes.SOURCES:
        assert prepared_pixels(before) != prepared_pixels(after)
        assert compose_digests(before) != compose_digests(after)
    elif shapes is Shapes.GROUPS:
        assert prepared_pixels(before) == prepared_pixels(after)
        assert [shard.path for shard in before.shards] != [shard.path for shard in after.shards]
    else:
        assert before.shards == after.shards


@pytest.mark.parametrize("name", [name for name, options in OPTIONS.items() if options.skip_default])
def test_a_field_with_its_default_is_in_no_digest(name: str) -> None:
    base = tiny_recipe(Path("x"), **NEEDS.get(name, {}))
    assert name not in base.pixel_choices() and name in base.replace(**{name: CHANGED[name]}).pixel_choices()


def test_the_depth_model_shapes_images_only_where_it_places_cutouts(folder: Path) -> None:
    spec, other = resolve_spec(Recipe(), lambda: iter(()), "cpu"), resolve_spec(Recipe(depth_bits=8), None, "cpu")
    for mode, shapes_images in (("ground", False), ("scene", True)):
        recipe = tiny_recipe(folder, placement_mode=mode, depth_model="densedepth-demo")
        a, b = (compose_digests(make_plan(recipe, load_sources(recipe), s)) for s in (spec, other))
        assert (a != b) == shapes_images


def test_every_field_is_covered() -> None:
    assert set(CHANGED) | {"backgrounds", "foregrounds"} == set(OPTIONS)
    base = tiny_recipe(Path("x")).to_dict()
    assert all(value != base[name] for name, value in CHANGED.items() if name not in NOT_TESTED)


def test_a_field_that_does_not_declare_what_it_shapes_is_an_error() -> None:
    with pytest.raises(TypeError, match="shapes"):
        option(3, "a number", group="composites")  # type: ignore[call-arg]

    with pytest.raises(TypeError, match="group is 'colours'; allowed: sources"):
        option(3, "a number", shapes=Shapes.PIXELS, group="colours")

    @dataclasses.dataclass
    class Silent:
        blur: float = 0.0

    with pytest.raises(TypeError, match="declare blur"):
        field_options(Silent)


def test_a_field_works_under_its_old_name_with_one_note(caplog: pytest.LogCaptureFixture) -> None:
    fields._log_rename.cache_clear()
    for _ in range(2):
        assert Recipe(placement="ground").placement_mode == "ground"  # type: ignore[call-arg]
    assert caplog.text.count("placement is now called placement_mode") == 1
