"""`Manifest`: reads and checks `statistics.json`, and writes the same values back."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from made_statistics import DISPARITY, METRIC, made_manifest, made_statistics

from fgbg_depth.errors import OutputError
from fgbg_depth.manifest import ColumnStatistics, DepthStatistics, FileEntry, Manifest
from fgbg_depth.recipe import Recipe
from fgbg_depth.statistics import ColumnSums
from fgbg_depth.storage.files import Storage


@pytest.mark.parametrize("depth", [METRIC, DISPARITY, None])
def test_writing_and_reading_gives_the_same_manifest(tmp_path: Any, depth: dict | None) -> None:
    manifest = made_manifest(Recipe(), depth)
    assert Manifest.from_json(manifest.to_json()) == manifest
    storage = Storage(tmp_path)
    assert Manifest.read(storage) is None
    manifest.write(storage)
    assert Manifest.read(storage) == manifest
    assert isinstance(manifest.kinds.get("fg_bg_depth"), DepthStatistics) == (depth is not None)


def test_statistics_of_a_column_of_numbers() -> None:
    sums = ColumnSums(0.0, 1.0)
    empty = ColumnStatistics.of(sums)
    assert (empty.count, empty.mean, empty.median, empty.quantiles) == (0, None, None, {})
    sums.add_values([0.0, 0.25, 0.5, 1.0, float("nan")])
    found = ColumnStatistics.of(sums)
    assert (found.count, found.missing, found.mean, found.min, found.max) == (4, 1, 0.4375, 0.0, 1.0)
    assert found.quantiles == {"0.05": 0.0, "0.25": 0.0, "0.5": 0.25, "0.75": 0.5, "0.95": 1.0}
    assert (found.median, found.low, found.high, sum(found.counts)) == (0.25, 0.0, 1.0, 4)


SHARD = "data/train-bg_000-000000000000000000000000.parquet"
MISSING = object()


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("rows",), "many", 'here/statistics.json: rows is "many"; allowed: a whole number.'),
        (("rows",), 3.5, "rows is 3.5; allowed: a whole number."),
        (("rows",), MISSING, "the key rows is missing."),
        (("shards", SHARD, "bytes"), None, f"shards.{SHARD}.bytes is null; allowed: a whole number."),
        (("kinds", "fg_bg", "mean"), [0.1, "x"], 'kinds.fg_bg.mean.1 is "x"; allowed: a number.'),
        (("kinds", "fg_bg_depth", "mean"), MISSING, "the key kinds.fg_bg_depth.mean is missing."),
        (("kinds", "bg"), 3, "kinds.bg is 3; allowed: an object."),
        (("recipe", "size"), 3, "recipe: size is 3; allowed: a whole number from 16 to 4096 px."),
        (("recipe",), 7, "recipe: 7 is not an object."),
        (("depth", "kind"), "fathoms", "depth: depth kind is 'fathoms'; allowed: metric"),
        (("depth",), 3, "depth: 3 is not an object."),
        (("sources",), [], "sources is []; allowed: an object."),
        (("sources", "bg", "bg_000", "held_out"), "maybe", 'held_out is "maybe"; allowed: true or false.'),
        (("shards", "data/../../x.parquet"), {}, "'data/../../x.parquet' is not the path of a shard"),
        (("files", "../x"), {}, "'../x' is not the path of a file of bg, fg or preview"),
        (("files", "assets/train-0123456789abcdef.parquet"), {}, "is not the path of a file of bg, fg or preview"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_do(keys: tuple[str, ...], value: Any, message: str) -> None:
    values = json.loads(json.dumps(made_statistics(Recipe())))
    inner = values
    for key in keys[:-1]:
        inner = inner[key]
    if value is MISSING:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    with pytest.raises(OutputError, match=re.escape(message)) as e:
        Manifest.from_dict(values, "here/statistics.json")
    assert "Delete it and build again" in str(e.value)


def test_another_format_names_the_program_to_use() -> None:
    with pytest.raises(OutputError, match=r"format 99; .* reads format 2.\n  Build the dataset again") as e:
        Manifest.from_dict(made_statistics(Recipe()) | {"format": 99})
    assert "Delete" not in str(e.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not JSON"), ("[" * 10**5, "not JSON"), ("[]", "no key 'format'"), ("{}", "no key 'format'")],
)
def test_text_that_is_not_a_manifest(text: str, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        Manifest.from_json(text)


def test_the_keys_of_the_file_do_not_change() -> None:
    text = made_manifest(Recipe()).to_json()
    assert list(json.loads(text)) == [
        "format", "name", "version", "rows", "splits", "kinds", "by_split", "coverage", "heat_map", "depth_histogram",
        "color_range", "lower_edge", "depth", "columns", "columns_by_split", "texts", "without_ground", "recipe",
        "sources", "skipped", "warnings", "ignored", "license_notes", "trimmed", "defringed", "classes", "shards",
        "files", "pictures", "history", "card",
    ]  # fmt: skip
    assert text.startswith('{\n "format": 2,\n') and text.endswith("}\n")


def test_files_by_config_and_split() -> None:
    manifest = made_manifest(Recipe())
    assert list(manifest.files_of("bg")) == ["bg/train-0123456789abcdef.parquet"]
    assert manifest.files_of("default") == manifest.shards
    assert list(manifest.shards_of("train")) == [SHARD]
    assert manifest.shards_of("nothing") == {}
    assert len(manifest.parquet_files) == len(manifest.shards) + len(manifest.files)
    assert manifest.held_out == {"bg": ["bg_000"], "fg": ["fg_000", "fg_001"]}
    entry = manifest.shards[SHARD]
    assert (entry.info.bytes, entry.info.sha256) == (entry.bytes, entry.sha256)


def test_later_keys_are_ignored_and_old_names_are_read() -> None:
    values = made_statistics(Recipe(placement_mode="ground"))
    values["recipe"]["placement"] = values["recipe"].pop("placement_mode")
    values["recipe"]["new_field"] = 1
    manifest = Manifest.from_dict(values | {"new_key": 2})
    assert manifest.recipe == Recipe(placement_mode="ground")


def test_manifests_of_the_same_files() -> None:
    manifest = made_manifest(Recipe())
    assert manifest.describes_same_files(manifest.replace(version="v1", warnings=["x"]))
    more = {"preview/train-ffffffffffffffff.parquet": FileEntry(rows=1, bytes=1, sha256="0")}
    assert not manifest.describes_same_files(manifest.with_files(more))
    assert list(manifest.with_files(more).files)[-1] in more


def test_the_range_of_the_colour_scale() -> None:
    low, high = made_manifest(Recipe()).depth_range
    assert METRIC["low"] <= low < high <= METRIC["high"]
    assert made_manifest(Recipe()).replace(depth_histogram=None).depth_range == (METRIC["low"], METRIC["high"])
    with pytest.raises(ValueError, match="no depth labels"):
        _ = made_manifest(Recipe(), None).depth_range
