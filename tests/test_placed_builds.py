"""Builds with placed depth: how often the model runs, what is reused, and what `verify` finds."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from small_output import make_output
from tiny import make_sources, quiet_build, save, scene, tiny_recipe, tree

from fgbg_depth.builder import row_composers
from fgbg_depth.manifest import Manifest
from fgbg_depth.render.png import encode_depth
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.check import verify

Changes = Callable[[pa.Table], pa.Table]


def rows_of(output: Path) -> list[dict[str, Any]]:
    return [row for path in sorted((output / "data").iterdir()) for row in pq.read_table(path).to_pylist()]


def images_of(made: list) -> int:
    return sum(labeller.images for labeller in made)


def test_placed_depth_predicts_each_background_once(sources: Path, tmp_path: Path, simple_depth: list) -> None:
    recipe = tiny_recipe(sources, depth_model="simple", depth_label="placed")
    quiet_build(recipe, tmp_path / "out")
    assert images_of(simple_depth) == 5, "one inference for each background, none for the 150 rows"
    rows = rows_of(tmp_path / "out")
    assert "fg_bg_depth" not in rows[0] and "nearer" not in rows[0] and len(rows) == 150
    assert verify(tmp_path / "out", full=True).ok


@pytest.mark.slow
def test_a_new_background_is_the_only_one_that_is_predicted(tmp_path: Path, simple_depth: list) -> None:
    sources = make_sources(tmp_path / "src", 3, 3)
    recipe = tiny_recipe(sources, depth_model="simple", depth_label="placed", holdout=0)
    quiet_build(recipe, tmp_path / "out")
    before = tree(tmp_path / "out" / "data")
    simple_depth.clear()
    save(scene(50), sources / "bg" / "another.jpg")
    assert quiet_build(recipe, tmp_path / "out").made == 1
    assert images_of(simple_depth) == 1
    after = tree(tmp_path / "out" / "data")
    assert before.items() < after.items()
    assert verify(tmp_path / "out", full=True).ok


@pytest.mark.slow
def test_the_choice_of_labels_composes_nothing_and_predicts_what_is_missing(
    sources: Path, tmp_path: Path, simple_depth: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny_recipe(sources, depth_model="simple")
    quiet_build(recipe.replace(depth_label="placed"), tmp_path / "out")
    monkeypatch.setattr(row_composers, "compose_rows", None)
    for label, num_predicted in (("both", 150), ("predicted", 0), ("both", 0), ("placed", 0), ("predicted", 150)):
        simple_depth.clear()
        result = quiet_build(recipe.replace(depth_label=label), tmp_path / "out", replace=True)
        assert result.relabelled == result.shards
        assert images_of(simple_depth) == num_predicted, label
    assert verify(tmp_path / "out", full=True).ok


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 rows of 64 x 64 pixels with both labels."""
    return make_output(tmp_path_factory.mktemp("placed"))


def change_shard(output: Path, change: Changes) -> str:
    """Rewrite the first shard with a changed table but its own record, and correct its hash in the manifest."""
    storage = Storage(output)
    manifest = Manifest.read(storage)
    assert manifest is not None
    path = next(iter(manifest.shards))
    from fgbg_depth import schema
    from fgbg_depth.storage.parquet import read_record, write_parquet

    record = read_record(storage, path)
    record.pop("body")
    table = change(pq.read_table(output / path))
    info = write_parquet(storage, path, schema.features(labels=manifest.labels), [table], lambda: record)
    entry = manifest.shards[path].model_copy(update={"bytes": info.bytes, "sha256": info.sha256})
    manifest.replace(shards={**manifest.shards, path: entry}).write(storage)
    return path


def one_pixel(table: pa.Table) -> pa.Table:
    index = table.column_names.index("fg_bg_depth_placed")
    values = table.column(index).to_pylist()
    stored = np.asarray(Image.open(io.BytesIO(values[3]["bytes"]))).astype(np.uint16)
    stored[40, 20] += 1
    values[3] = {"bytes": encode_depth(stored), "path": None}
    return table.set_column(index, table.schema.field(index), pa.array(values, table.schema.field(index).type))


def one_check(name: str) -> Changes:
    def change(table: pa.Table) -> pa.Table:
        index = table.column_names.index(name)
        values: list[Any] = table.column(index).to_pylist()
        values[5] += 0.01
        return table.set_column(index, table.schema.field(index), pa.array(values, pa.float32()))

    return change


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (one_pixel, "row 3: fg_bg_depth_placed is not the depth of"),
        (one_check("placed_nearer"), "row 5: placed_nearer is"),
        (one_check("boundary_recall"), "row 5: boundary_recall is"),
        (one_check("background_drift"), "row 5: background_drift is"),
    ],
    ids=["a pixel", "placed_nearer", "boundary_recall", "background_drift"],
)
def test_verify_finds_a_changed_label_and_a_changed_check(
    built: Path, tmp_path: Path, change: Changes, what: str
) -> None:
    output = tmp_path / "out"
    shutil.copytree(built, output)
    path = change_shard(output, change)
    problems = verify(output, full=True).problems
    assert any(str(problem).startswith(path) and what in str(problem) for problem in problems), problems


def test_placed_labels_are_the_backgrounds_label_but_for_the_cutout(built: Path) -> None:
    """On stored rows, through no code of this project: outside of the matte equal, inside not farther."""
    bg = {row["name"]: row for path in (built / "bg").iterdir() for row in pq.read_table(path).to_pylist()}
    rows = rows_of(built)
    assert len(rows) == 80
    for row in rows:
        placed, mask, bare = (
            np.asarray(Image.open(io.BytesIO(image["bytes"])))
            for image in (row["fg_bg_depth_placed"], row["fg_bg_mask"], bg[row["bg"]]["depth"])
        )
        inside = mask >= 128
        assert (placed[~inside] == bare[~inside]).all() and (placed[inside] <= bare[inside]).all()
        assert inside.any() and (placed[inside] > 0).all()
