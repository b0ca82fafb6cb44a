"""Built datasets whose cut-outs stand on the ground that depth shows: places, labels, columns, and verify."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny import make_sources, pixels_of, quiet_build, save, scene, statistics_of, tiny_recipe, tree

from fgbg_depth import paths
from fgbg_depth.builder.planning import POISSON_SHARE, with_poisson_share
from fgbg_depth.comparison.drawn_rows import RecipeRows
from fgbg_depth.depth.background_ground import find_stage
from fgbg_depth.errors import RecipeError, UsageError
from fgbg_depth.manifest import Manifest
from fgbg_depth.recipe import Recipe
from fgbg_depth.render import poisson
from fgbg_depth.schema import ShardName
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import read_record, write_parquet
from fgbg_depth.verify.check import verify

SIZE = 128


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A road, a study and noise without ground; four cut-outs."""
    folder = make_sources(tmp_path_factory.mktemp("sources"), 0, 4)
    for name in ("country-road.jpg", "crossing.jpg"):
        save(np.zeros((8, 8, 3), np.uint8), folder / "bg" / "x.png").unlink()
        shutil.copy(paths.DATA / "backgrounds" / name, folder / "bg" / name)
    save(scene(5, 200, 200), folder / "bg" / "noise.png")
    return folder


def recipe_of(sources: Path, **changes: Any) -> Recipe:
    return tiny_recipe(
        sources,
        **{
            "size": SIZE,
            "placements": 1,
            "placement_mode": "scene",
            "occlusion": True,
            "objects": [1, 3],
            "visible_min": 0.5,
            "rotation_max": 8,
            "scale_per": "row",
            "foreground_min": 0.2,
            "foreground_max": 0.5,
            "match_light": 0.4,
            "blend": "mixed",
            "poisson_share": 0.2 if poisson.has_opencv() else 0.0,
            "depth_model": "densedepth-demo",
            "holdout": 0.0,
        }
        | changes,
    )


@pytest.fixture(scope="module")
def built(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("built") / "out"
    quiet_build(recipe_of(sources), output)
    return output


def manifest_of(output: Path) -> Manifest:
    manifest = Manifest.read(Storage(output))
    assert manifest is not None and manifest.depth is not None
    return manifest


def backgrounds_of(output: Path) -> dict[str, dict[str, Any]]:
    rows = [row for path in (output / "bg").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    return {row["name"]: row for row in rows}


def rows_of(output: Path) -> list[dict[str, Any]]:
    return [row for path in sorted((output / "data").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def compose_digests(output: Path) -> set[str]:
    return {ShardName.parse(path).compose_digest for path in Storage(output).list("data")}


def test_horizon_and_error_of_each_background_are_stored_and_missing_ground_is_named(built: Path) -> None:
    manifest, found = manifest_of(built), backgrounds_of(built)
    assert manifest.without_ground == ["noise.png"] and np.isnan(found["noise.png"]["horizon"])
    for name in ("country-road", "crossing"):
        assert 0.2 * SIZE < found[name]["horizon"] < 0.7 * SIZE
        assert 0 <= found[name]["ground_error"] < 0.1


def test_feet_are_on_the_ground_and_sizes_follow_it(built: Path) -> None:
    manifest, found = manifest_of(built), backgrounds_of(built)
    assert manifest.depth is not None
    stages = {name: find_stage(pixels_of(row["depth"]), manifest.depth) for name, row in found.items()}
    assert stages["noise.png"] is None
    on_ground = 0
    for row in rows_of(built):
        stage = stages[row["bg"]]
        for item in row["objects"] if stage else ():
            foot = item["y"] + item["height"] - 1
            assert foot > stage.ground.horizon
            column = int(np.clip(item["x"] + item["width"] // 2, 0, SIZE - 1))
            on_ground += bool(stage.is_ground[min(foot, SIZE - 1), column])
            assert max(item["width"], item["height"]) <= 1.1 * 0.5 * SIZE * stage.relative_size(foot) + 3
    assert on_ground > 20


def test_verify_finds_nothing_and_the_same_bytes(built: Path) -> None:
    report = verify(built, full=True)
    assert report.problems == () and report.notes == () and report.remade == len(rows_of(built)) == 24


@pytest.mark.parametrize(
    ("column", "change", "message"),
    [
        ("angle", lambda value: value + 1, "angle is"),
        ("blend", lambda value: "other", "blend is"),
        ("coverage", lambda value: value + 0.01, "coverage is"),
        ("num_objects", lambda value: value + 1, "num_objects is"),
        ("objects", lambda value: [value[0] | {"x": value[0]["x"] + 1}, *value[1:]], "objects is"),
        ("fg_bg_instances", lambda value: None, "fg_bg_instances is empty"),
    ],
)
def test_verify_finds_changed_columns(built: Path, tmp_path: Path, column: str, change: Any, message: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    storage, path = Storage(copy), sorted(Storage(copy).list("data"))[0]
    table, record = pq.read_table(copy / path), read_record(storage, path)
    values = table[column].to_pylist()
    values[2] = change(values[2])
    position = table.schema.get_field_index(column)
    table = table.set_column(position, table.field(column), pa.array(values, table.field(column).type))
    info = write_parquet(storage, path, datasets.Features.from_arrow_schema(table.schema), [table], lambda: record)
    manifest = manifest_of(copy)
    entry = manifest.shards[path].model_copy(update={"bytes": info.bytes, "sha256": info.sha256})
    manifest.replace(shards={**manifest.shards, path: entry}).write(storage)
    assert any(message in problem for problem in verify(copy, full=True).problems)


@pytest.mark.slow
def test_other_labels_reuse_the_images(
    sources: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    from fgbg_depth.builder import row_composers

    monkeypatch.setattr(row_composers, "compose_scene_rows", None)
    recipe = recipe_of(sources, depth_label="placed")
    quiet_build(recipe, copy, replace=True)
    monkeypatch.undo()
    quiet_build(recipe, tmp_path / "fresh")
    shards = [{k: v for k, v in tree(out).items() if k.startswith("data/")} for out in (copy, tmp_path / "fresh")]
    assert shards[0] == shards[1]
    assert statistics_of(copy)["texts"] == statistics_of(built)["texts"]


@pytest.mark.slow
def test_another_ground_is_not_reused(sources: Path, built: Path, tmp_path: Path) -> None:
    """Other depth of the backgrounds puts cut-outs elsewhere, so that the images are composed again."""
    before = compose_digests(built)
    quiet_build(recipe_of(sources, depth_precision="bf16"), tmp_path / "out")
    assert not before & compose_digests(tmp_path / "out")


def test_placement_on_the_ground_needs_a_depth_model(sources: Path) -> None:
    with pytest.raises(RecipeError, match=r"depth_model is none.*\n.*placement_mode: ground"):
        recipe_of(sources, depth_model="none")
    with pytest.raises(UsageError, match="Build it and compare"):
        RecipeRows(recipe_of(sources), lambda text: None).draw(3)


def test_the_share_of_poisson_cloning_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = Recipe(blend="mixed")
    monkeypatch.setattr("fgbg_depth.builder.planning.has_opencv", lambda: True)
    assert with_poisson_share(mixed).poisson_share == POISSON_SHARE
    monkeypatch.setattr("fgbg_depth.builder.planning.has_opencv", lambda: False)
    assert with_poisson_share(mixed).poisson_share == 0.0
    assert with_poisson_share(Recipe()).poisson_share is None
    monkeypatch.setattr(poisson, "has_opencv", lambda: False)
    with pytest.raises(RecipeError, match=r"(?s)OpenCV.*poisson_share: 0"):
        with_poisson_share(Recipe(blend="mixed", poisson_share=0.1))
