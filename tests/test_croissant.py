"""`croissant.json`: valid for `mlcroissant`, which also reads the rows by it; the same dataset has the same bytes."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import mlcroissant
import numpy as np
import pytest
from datasets import load_dataset
from made_statistics import DISPARITY, METRIC, made_manifest
from small_output import metric_output  # noqa: F401
from varied_output import make_varied_output

from fgbg_depth import schema
from fgbg_depth.card.croissant import CONFORMS_TO, HubPlace, croissant_json, describe, place_of
from fgbg_depth.card.spdx import NOT_STATED, license_url
from fgbg_depth.manifest import Manifest, Version
from fgbg_depth.recipe import Recipe
from fgbg_depth.storage.files import Storage

PLACE = HubPlace("me/scenes")
NEURIPS_2026 = {  # what it asks for; source: see card/responsible_ai.py
    "rai:dataLimitations",
    "rai:dataBiases",
    "rai:personalSensitiveInformation",
    "rai:dataUseCases",
    "rai:dataSocialImpact",
    "rai:hasSyntheticData",
    "prov:wasDerivedFrom",
    "prov:wasGeneratedBy",
}


def published(recipe: Recipe, depth: dict[str, Any] | None = METRIC) -> Manifest:
    """A manifest as a push makes it."""
    history = [Version(version="v1.1.0", date="2026-05-02"), Version(version="v1.0.0", date="2026-04-01")]
    return made_manifest(recipe, depth).replace(version="v1.1.0", history=history)


def issues(path: Path, caplog: pytest.LogCaptureFixture, **options: Any) -> tuple[list[str], mlcroissant.Dataset]:
    """The errors and warnings of `mlcroissant` for a file, and the dataset that it opened."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        dataset = mlcroissant.Dataset(jsonld=str(path), **options)
    found = dataset.metadata.ctx.issues
    return [*found.errors, *found.warnings, *(record.getMessage() for record in caplog.records)], dataset


CASES: dict[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
    "metric depth": (METRIC, {"license": "cc-by-4.0", "creators": ["Ann Bee", "C. Dee"]}),
    "disparity, several cut-outs": (DISPARITY, {"objects": [1, 3], "placement_mode": "scene", "license": "my own"}),
    "no depth, one split": (None, {"depth_model": "none", "holdout": 0}),
}


@pytest.mark.parametrize("case", CASES)
def test_mlcroissant_finds_no_error_and_no_warning(case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    depth, choices = CASES[case]
    path = tmp_path / schema.CROISSANT
    path.write_text(croissant_json(published(Recipe(**choices), depth), PLACE), encoding="utf-8")
    found, dataset = issues(path, caplog)
    assert found == []
    assert dataset.metadata.version == "1.1.0" and dataset.metadata.url == "https://huggingface.co/datasets/me/scenes"
    assert dataset.metadata.data_limitations and dataset.metadata.data_biases and dataset.metadata.data_social_impact


@pytest.mark.parametrize("case", CASES)
def test_every_field_that_conferences_ask_for_is_there(case: str) -> None:
    depth, choices = CASES[case]
    described = describe(published(Recipe(**choices), depth), PLACE)
    assert tuple(described["conformsTo"]) == CONFORMS_TO and described.keys() >= NEURIPS_2026
    assert all(described[key] for key in NEURIPS_2026)
    text = json.dumps(described)
    assert ("fg_bg_depth" in text) == ("rai:machineAnnotationTools" in described) == bool(depth)


def test_every_column_of_every_config_is_a_field() -> None:
    manifest = published(Recipe(objects=(1, 3), placement_mode="scene"))
    records = {r["name"]: r for r in describe(manifest)["recordSet"]}
    for config in schema.CONFIGS:
        fields = {field["name"]: field for field in records[config]["field"]}
        columns = schema.columns(config, manifest.labels, manifest.extras)
        assert set(fields) - {"split"} == {column.name for column in columns} - {"split"}
        for column in columns:
            field = fields[column.name]
            assert field["description"] == column.meaning.replace("`", "")
            assert (field.get("dataType") == "sc:ImageObject") == (column.type == "image")
    nested = next(f for f in records["default"]["field"] if f["name"] == "objects")
    assert [f["name"] for f in nested["subField"]] == list(schema.OBJECT_FIELDS)
    assert [row["splits/name"] for row in records["splits"]["data"]] == list(manifest.splits)


def test_the_only_warning_before_a_dataset_is_published_is_the_missing_date(
    metric_output: Path,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    found, _ = issues(metric_output / schema.CROISSANT, caplog)
    assert found and all("datePublished" in issue for issue in found)


@pytest.mark.parametrize("is_published", [False, True])
def test_mlcroissant_reads_the_rows(metric_output: Path, tmp_path: Path, is_published: bool) -> None:  # noqa: F811
    """From the folder by its own file, or by the published file with the folder in the place of the repository."""
    path, mapping = metric_output / schema.CROISSANT, None
    if is_published:
        path, mapping = tmp_path / schema.CROISSANT, {"repository": str(metric_output)}
        manifest = Manifest.read(Storage(metric_output))
        assert manifest is not None
        path.write_text(croissant_json(manifest, PLACE), encoding="utf-8")
    dataset = mlcroissant.Dataset(jsonld=str(path), mapping=mapping)
    for split, expected in load_dataset(str(metric_output)).items():
        rows = list(dataset.records("default", filters={"default/split": split}))
        by_key = {tuple(row[name] for name in ("bg", "fg", "flip", "placement")): row for row in expected}
        assert len(rows) == len(by_key) > 0
        row = rows[-1]
        texts = (row["default/bg"].decode(), row["default/fg"].decode())
        same = by_key[(*texts, bool(row["default/flip"]), int(row["default/placement"]))]
        for name in ("fg_bg", "fg_bg_mask", "fg_bg_depth", "fg_bg_depth_placed"):
            assert np.array_equal(np.asarray(row[f"default/{name}"]), np.asarray(same[name])), name
        assert row["default/x"] == same["x"] and row["default/nearer"] == pytest.approx(same["nearer"], nan_ok=True)
    for config in ("bg", "fg", "preview"):
        assert len(list(dataset.records(config))) == len(load_dataset(str(metric_output), config, split="train"))


@pytest.mark.slow
def test_mlcroissant_reads_the_cutouts_of_scenes(tmp_path: Path) -> None:
    output = make_varied_output(tmp_path)
    rows = mlcroissant.Dataset(jsonld=str(output / schema.CROISSANT)).records("default")
    row = next(iter(rows))
    found = row["default/objects"]
    assert 1 <= len(found) == row["default/num_objects"] <= 3
    assert set(found[0]) == {f"default/objects/{name}" for name in schema.OBJECT_FIELDS}


def test_the_same_dataset_has_the_same_bytes() -> None:
    manifest = published(Recipe(creators=("A",)))
    again = Manifest.from_json(manifest.to_json())
    assert croissant_json(manifest, PLACE) == croissant_json(again, PLACE)


@pytest.mark.parametrize("place", [None, PLACE, HubPlace("me/scenes", "big/new")])
@pytest.mark.parametrize("tag", [None, "v1.1.0"])
def test_the_place_can_be_read_from_the_file(place: HubPlace | None, tag: str | None) -> None:
    described = describe(published(Recipe()).replace(version=tag), place)
    found = place_of(described)
    assert (found and found.repo_id) == (place and place.repo_id)
    assert describe(published(Recipe()).replace(version=tag), found) == described
    if place is not None:
        address = next(r["contentUrl"] for r in described["distribution"] if "contentUrl" in r)
        end = {(None, "main"): "", (None, "big/new"): "/tree/refs%2Fheads%2Fbig%2Fnew"}.get((tag, place.branch))
        assert (
            address
            == f"https://huggingface.co/datasets/me/scenes{'/tree/refs%2Ftags%2Fv1.1.0' if end is None else end}"
        )


@pytest.mark.parametrize(
    ("tag", "expected"),
    [("v1.2.3", "1.2.3"), ("2", "2.0.0"), ("v1.4", "1.4.0"), ("spring", "0.0.0+"), (None, "0.0.0+")],
)
def test_the_version_has_three_numbers(tag: str | None, expected: str) -> None:
    version = describe(published(Recipe()).replace(version=tag))["version"]
    assert version.startswith(expected) and (version == expected) == (expected[-1] != "+")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("cc-by-4.0", "https://spdx.org/licenses/CC-BY-4.0.html"),
        ("cc-by-nc-sa-3.0", "https://spdx.org/licenses/CC-BY-NC-SA-3.0.html"),
        ("bsd-3-clause", "https://spdx.org/licenses/BSD-3-Clause.html"),
        ("Apache-2.0", "https://spdx.org/licenses/Apache-2.0.html"),
        ("our terms", "our terms"),
        ("other", NOT_STATED),
        ("", NOT_STATED),
    ],
)
def test_licences_are_spdx_addresses_or_the_makers_words(words: str, expected: str) -> None:
    assert license_url(words) == expected
