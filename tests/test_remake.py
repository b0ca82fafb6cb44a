"""A row composed again from its columns; and the example in the card that does it, run as it is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import load_dataset
from tiny import make_sources, quiet_build, tiny_recipe
from varied_output import NUM_ROWS, make_varied_output

import fgbg_depth
from fgbg_depth.builder import remake
from fgbg_depth.builder.remake import compose_row
from fgbg_depth.errors import RecipeError, UsageError
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.reader import DatasetReader
from fgbg_depth.storage.files import Storage


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_varied_output(tmp_path_factory.mktemp("varied"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_sources(tmp_path_factory.mktemp("plain"), 3, 3)
    quiet_build(tiny_recipe(folder), folder / "out")
    return folder / "out"


@pytest.fixture(autouse=True)
def no_shared_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def run_the_card(output: Path) -> dict[str, Any]:
    """The names that all Python examples of a card leave behind, run as they are printed."""
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", (output / "README.md").read_text(encoding="utf-8"), re.S):
        exec(block.replace("path/to/this/folder", str(output)), names)
    return names


def levels(a: Any, b: Any) -> np.ndarray:
    """Absolute difference of two pictures, in levels of 255."""
    return np.abs(np.asarray(a).astype(int) - np.asarray(b).astype(int))


def test_the_example_of_a_varied_card_composes_the_row(varied: Path) -> None:
    names = run_the_card(varied)
    row = names["row"]
    assert np.array_equal(names["mask"], np.asarray(row["fg_bg_mask"]))
    assert np.array_equal(names["composed"].instances, np.asarray(row["fg_bg_instances"]))
    assert levels(names["picture"], row["fg_bg"]).mean() < 4  # JPEG's loss


def test_the_example_of_a_plain_card_needs_no_fgbg_depth(plain: Path) -> None:
    names = run_the_card(plain)
    assert "fgbg_depth" not in names
    assert levels(names["picture"], names["row"]["fg_bg"]).mean() < 12  # JPEG's loss at 32 px, with noise


@pytest.mark.slow
def test_every_row_of_every_split_is_composed_again(varied: Path) -> None:
    """Also rows with Poisson blends, hidden cut-outs, and backgrounds without ground."""
    reader, without_occlusion = DatasetReader.open(varied), DatasetReader.open(varied)
    recipe = reader.manifest.recipe.replace(occlusion=False)
    without_occlusion.manifest = reader.manifest.replace(recipe=recipe)
    num_hidden = 0
    seen: dict[str, set[Any]] = {"blend": set(), "num_objects": set(), "bg": set()}
    num_rows = 0
    for rows in load_dataset(str(varied)).values():
        for row in rows:
            composed = compose_row(reader, row)
            assert np.array_equal(composed.mask, np.asarray(row["fg_bg_mask"]))
            assert np.array_equal(composed.instances, np.asarray(row["fg_bg_instances"]))
            assert levels(composed.image, row["fg_bg"]).mean() < 6
            num_rows += 1
            num_hidden += not np.array_equal(compose_row(without_occlusion, row).mask, composed.mask)
            for name, values in seen.items():
                values.add(row[name])
    assert num_hidden >= 3, "the rows do not show whether what hides cut-outs is known"
    assert num_rows == NUM_ROWS and seen["num_objects"] == {1, 2, 3} and len(seen["bg"]) == 3
    assert Manifest.read(Storage(varied)).without_ground == ["bedroom"]


def test_a_plain_row_is_composed_again(plain: Path) -> None:
    row = fgbg_depth.load(plain, split="train")[3]
    composed = fgbg_depth.compose_row(plain, row)
    assert np.array_equal(composed.mask, np.asarray(row["fg_bg_mask"])) and composed.instances is None


def test_rows_of_another_dataset_are_refused(varied: Path, plain: Path) -> None:
    row = dict(fgbg_depth.load(varied, split="train")[0])
    with pytest.raises(UsageError, match="has no bg named"):
        compose_row(plain, row)
    del row["objects"]
    with pytest.raises(UsageError, match="no column objects"):
        compose_row(varied, row)


def test_a_poisson_row_without_opencv_says_how_to_install_it(varied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = dict(fgbg_depth.load(varied, split="train")[0]) | {"blend": "poisson"}

    def missing() -> None:
        raise RecipeError("Poisson blending needs OpenCV.")

    monkeypatch.setattr(remake, "check_opencv", missing)
    with pytest.raises(RecipeError, match="OpenCV"):
        compose_row(varied, row)
