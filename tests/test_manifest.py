"""`statistics.json` as a typed object: read, checked, written back without a change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from made_statistics import DISPARITY, METRIC, made_manifest, made_statistics

from fgbg_depth.errors import OutputError
from fgbg_depth.manifest import DepthStatistics, FileEntry, Manifest
from fgbg_depth.recipe import Recipe
from fgbg_depth.storage.files import Storage


@pytest.mark.parametrize("depth", [METRIC, DISPARITY, None])
def test_what_is_read_is_written_back(tmp_path: Any, depth: dict | None) -> None:
    manifest = made_manifest(Recipe(), depth)
    assert Manifest.from_json(manifest.to_json()) == manifest
    storage = Storage(tmp_path)
    assert Manifest.read(storage) is None
    manifest.write(storage)
    assert Manifest.read(storage) == manifest
    assert isinstance(manifest.kinds.get("fg_bg_depth"), DepthStatistics) == (depth is not None)


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("rows",), "many", "rows"),
        (("shards", "data/train-bg_000-000000000000000000000000.parquet", "bytes"), None, "bytes"),
        (("kinds", "fg_bg", "mean"), [0.1, "x"], "kinds.fg_bg"),
        (("recipe", "size"), 3, "16 to 4096"),
        (("depth", "kind"), "fathoms", "fathoms"),
        (("format",), 99, "format 99"),
        (("sources",), [], "sources"),
    ],
)
def test_a_wrong_value_is_named(keys: tuple[str, ...], value: Any, message: str) -> None:
    values = json.loads(json.dumps(made_statistics(Recipe())))
    inner = values
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    with pytest.raises(OutputError, match=message):
        Manifest.from_dict(values, "here/statistics.json")


@pytest.mark.parametrize(("text", "message"), [("{", "not JSON"), ("[]", "no key 'format'"), ("{}", "no key 'format'")])
def test_what_is_not_a_manifest(text: str, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        Manifest.from_json(text)


def test_keys_of_later_versions_and_names_of_earlier_ones_are_read() -> None:
    values = made_statistics(Recipe(placement_mode="ground"))
    values["recipe"]["placement"] = values["recipe"].pop("placement_mode")
    values["recipe"]["new_field"] = 1
    manifest = Manifest.from_dict(values | {"new_key": 2})
    assert manifest.recipe == Recipe(placement_mode="ground")


def test_same_files() -> None:
    manifest = made_manifest(Recipe())
    assert manifest.describes_same_files(manifest.replace(version="v1", warnings=["x"]))
    more = {"preview/train-ffffffffffffffff.parquet": FileEntry(rows=1, bytes=1, sha256="0")}
    assert not manifest.describes_same_files(manifest.with_files(more))
    assert list(manifest.with_files(more).files)[-1] in more


def test_the_range_of_colours() -> None:
    low, high = made_manifest(Recipe()).depth_range
    assert METRIC["low"] <= low < high <= METRIC["high"]
    assert made_manifest(Recipe()).replace(depth_histogram=None).depth_range == (METRIC["low"], METRIC["high"])
    with pytest.raises(ValueError, match="no depth"):
        _ = made_manifest(Recipe(), None).depth_range
