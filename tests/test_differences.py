"""`manifest.differences`: what changed between two versions, from their manifests."""

from __future__ import annotations

import json
from typing import Any

from made_statistics import METRIC, made_statistics

from fgbg_depth.manifest import Manifest
from fgbg_depth.manifest.differences import (
    FieldDifference,
    FileDifferences,
    SourceDifferences,
    differences,
    value_text,
)
from fgbg_depth.recipe import Recipe


def _manifest(recipe: Recipe | None = None, **changes: Any) -> Manifest:
    depth = changes.pop("depth", METRIC)
    return Manifest.from_dict(made_statistics(recipe or Recipe(), depth, **changes))


def test_equal_versions_do_not_differ() -> None:
    found = differences(_manifest(), _manifest())
    assert found.is_empty
    assert str(found) == "Nothing changed: same rows, sources, recipe and depth model."
    assert found.depth_model is None
    assert not found.backgrounds


def test_rows_are_listed_by_split() -> None:
    older, newer = _manifest(num_bg=10), _manifest(num_bg=20)
    found = differences(older, newer)
    assert found.rows["all"] == (older.rows, newer.rows)
    assert found.rows["train"] == (older.splits["train"], newer.splits["train"])
    assert next(iter(found.lines())).startswith(f"rows: {older.rows:,} -> {newer.rows:,} (train ")


def test_a_split_that_only_one_version_has() -> None:
    found = differences(_manifest(Recipe(holdout=0.0)), _manifest())
    assert found.rows["test_unseen_bg"][0] == 0 < found.rows["test_unseen_bg"][1]


def test_sources_are_added_removed_changed_and_moved() -> None:
    older = _manifest()
    entries = dict(older.sources["bg"])
    names = sorted(entries)
    entries["park"] = entries.pop(names[0])
    entries[names[1]] = entries[names[1]].model_copy(update={"digest": "f" * 64})
    entries[names[2]] = entries[names[2]].model_copy(update={"held_out": not entries[names[2]].held_out})
    found = differences(older, older.replace(sources=older.sources | {"bg": entries}))
    assert found.backgrounds == SourceDifferences(("park",), (names[0],), (names[1],), (names[2],))
    assert not found.cutouts
    assert str(found) == (
        f"backgrounds: 1 added (park), 1 removed ({names[0]}), 1 with new content ({names[1]}), "
        f"1 moved between train and test ({names[2]})"
    )


def test_long_lists_of_names_are_shortened_in_the_text_only() -> None:
    older = _manifest()
    found = differences(older, older.replace(sources=older.sources | {"fg": {}}))
    assert len(found.cutouts.removed) == 20
    assert str(found).endswith(" and 15 more)")


def test_recipe_fields_have_their_old_and_new_values() -> None:
    found = differences(_manifest(), _manifest(Recipe(placements=7, depth_flip=True)))
    by_name = {field.name: field for field in found.recipe}
    assert by_name["placements"] == FieldDifference("placements", Recipe().placements, 7)
    assert f"recipe: placements: {Recipe().placements} -> 7" in found.lines()
    assert "recipe: depth_flip: false -> true" in found.lines()


def test_another_depth_model() -> None:
    newer = _manifest(depth=METRIC | {"model": "someone/depth", "revision": "0123abc", "precision": "fp16"})
    found = differences(_manifest(), newer)
    assert found.depth_model == FieldDifference("depth model", "densedepth-nyu", "someone/depth@0123abc")
    assert found.labels == (FieldDifference("precision", "fp32", "fp16"),)
    assert "depth model: densedepth-nyu -> someone/depth@0123abc" in found.lines()


def test_other_files_of_the_same_depth_model() -> None:
    found = differences(_manifest(), _manifest(depth=METRIC | {"digest": "cd" * 8}))
    assert found.depth_model is not None
    assert found.depth_model.new == f"densedepth-nyu (files {'cd' * 8})"


def test_depth_labels_that_were_removed() -> None:
    found = differences(_manifest(), _manifest(depth=None))
    assert found.depth_model == FieldDifference("depth model", "densedepth-nyu", None)
    assert found.labels == ()
    assert "depth model: densedepth-nyu -> none" in found.lines()


def test_shards_are_compared_by_content() -> None:
    older = _manifest()
    paths = sorted(older.shards)
    moved = {
        **older.shards,
        paths[0]: older.shards[paths[0]].model_copy(update={"sha256": "e" * 64, "bytes": 5_000_000}),
    }
    found = differences(older, older.replace(shards=moved))
    contents = len({entry.sha256 for entry in older.shards.values()})
    assert found.shards.added == 1
    assert found.shards.added_bytes == 5_000_000
    assert found.shards.kept + found.shards.added >= contents
    assert any(line.startswith("shards: ") and "1 new (5.0 MB)" in line for line in found.lines())


def test_a_shard_that_moved_to_another_split_is_kept() -> None:
    entries = _manifest().shards
    (entry,) = list(entries.values())[:1]
    assert FileDifferences.between({"a": entry}, {"b": entry}) == FileDifferences(kept=1)


def test_differences_as_json() -> None:
    found = differences(_manifest(), _manifest(Recipe(placements=7), num_bg=20))
    values = json.loads(json.dumps(found.to_dict()))
    assert values["rows"]["all"] == list(found.rows["all"])
    assert {"name": "placements", "old": Recipe().placements, "new": 7} in values["recipe"]
    assert values["backgrounds"]["added"] == list(found.backgrounds.added)


def test_values_are_written_as_people_write_them() -> None:
    assert [value_text(v) for v in (None, "", True, 0.5, [40, 80.0], "a b")] == [
        "none", "none", "true", "0.5", "40 80", "a b"
    ]  # fmt: skip
