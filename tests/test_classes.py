"""Classes of sources: from sub-folders to columns, filters and the card; no columns where there are no sub-folders."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from tiny import make_sources, quiet_build, save, statistics_of, thing, tiny_recipe, tree

from fgbg_depth import schema
from fgbg_depth.builder.dataset import FgBgDepth
from fgbg_depth.manifest import FileEntry, Manifest
from fgbg_depth.plan import make_plan
from fgbg_depth.read.load import load
from fgbg_depth.read.reader import DatasetReader
from fgbg_depth.sources.load import load_sources
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import read_record, write_parquet
from fgbg_depth.verify.check import verify

CLASS_OF = {
    "dog/thing_00.png": "dog",
    "dog/small/thing_01.png": "dog/small",
    "cat/thing_02.png": "cat",
    "thing_03.png": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Backgrounds in one folder; cut-outs in sub-folders, and one in none."""
    make_sources(tmp_path, 3, 0)
    for index, name in enumerate(CLASS_OF):
        save(thing(index), tmp_path / "fg" / name)
    return tmp_path


def rows_of(output: Path, config: str = "data") -> list[dict[str, object]]:
    files = sorted((output / config).glob("*.parquet"))
    return list(pa.concat_tables(pq.read_table(file) for file in files).to_pylist())


def test_the_class_is_the_folder_and_names_stay_what_they_are(folder: Path) -> None:
    sources = load_sources(tiny_recipe(folder))
    assert {f"{s.name}.png": s.class_name for s in sources.cutouts} == CLASS_OF
    assert {s.class_name for s in sources.backgrounds} == {""}
    assert sources.classes.extras == ("fg_class",)


def test_rows_are_built_again_when_only_a_class_changes(folder: Path) -> None:
    """An annotation may state another class for the same cut-out."""
    source = load_sources(tiny_recipe(folder)).cutouts[0]
    digests = {dataclasses.replace(source, class_name=name).content_digest for name in ("", "a", "b")}
    assert len(digests) == 3


@pytest.mark.slow
def test_rows_sources_statistics_and_card_have_the_classes(folder: Path) -> None:
    quiet_build(tiny_recipe(folder), folder / "out")
    rows = rows_of(folder / "out")
    assert {(row["fg"], row["fg_class"]) for row in rows} == {(k.removesuffix(".png"), v) for k, v in CLASS_OF.items()}
    assert "bg_class" not in rows[0]
    assert {f"{row['name']}.png": row["class_name"] for row in rows_of(folder / "out", "fg")} == CLASS_OF
    assert "class_name" not in rows_of(folder / "out", "bg")[0]
    counts = {"": 1, "cat": 1, "dog": 1, "dog/small": 1}
    assert statistics_of(folder / "out")["classes"] == {"fg": counts}
    card = (folder / "out" / "README.md").read_text()
    assert "| `fg_class` | string | class of the cut-out:" in card
    assert (
        "with the number of cut-outs: no class 1, <code>cat</code> 1, <code>dog</code> 1, <code>dog/small</code> 1."
        in card
    )
    assert verify(str(folder / "out"), full=True).ok


def test_loaded_rows_and_filters_have_the_classes(folder: Path) -> None:
    quiet_build(tiny_recipe(folder, holdout=0), folder / "out")
    assert set(load_dataset(str(folder / "out"), split="train")["fg_class"]) == set(CLASS_OF.values())
    dogs = load(str(folder / "out"), split="train", where="fg_class == 'dog'")
    assert set(dogs["fg"]) == {"dog/thing_00"}
    assert load(str(folder / "out"), config="fg", split="train", where="class_name == 'cat'")["name"] == [
        "cat/thing_02"
    ]
    row = DatasetReader.open(folder / "out").row("train", 0)
    assert row.facts["fg_class"] == CLASS_OF[f"{row.facts['fg']}.png"]


@pytest.mark.parametrize("label", ["both", "placed", "predicted"])
@pytest.mark.slow
def test_labelled_rows_have_the_classes_in_the_declared_order(folder: Path, label: str) -> None:
    recipe = tiny_recipe(folder, depth_model="densedepth-demo", depth_label=label, placements=1)
    quiet_build(recipe, folder / "out")
    columns = schema.features(labels=recipe.labels, extras=("fg_class",))
    for file in (folder / "out" / "data").glob("*.parquet"):
        assert pq.read_schema(file).names == list(columns)
    assert verify(str(folder / "out")).ok


@pytest.mark.slow
def test_reused_composites_keep_the_classes(folder: Path) -> None:
    """A build with other labels takes the images of finished shards."""
    quiet_build(tiny_recipe(folder), folder / "out")
    recipe = tiny_recipe(folder, depth_model="densedepth-demo")
    quiet_build(recipe, folder / "out", replace=True)
    quiet_build(recipe, folder / "fresh")
    assert tree(folder / "out" / "data") == tree(folder / "fresh" / "data")
    assert verify(str(folder / "out")).ok


def test_flat_folders_keep_their_columns_and_digests(folder: Path) -> None:
    """The same pictures without sub-folders: no column, no other digest than without this feature."""
    flat = make_sources(folder / "flat", 3, 3)
    sources = load_sources(tiny_recipe(flat))
    assert sources.classes.extras == () and sources.classes.counts() == {}
    plan = make_plan(tiny_recipe(flat), sources, None)
    assert plan.extras == ()
    quiet_build(tiny_recipe(flat), flat / "out")
    assert list(rows_of(flat / "out")[0]) == list(schema.features(labels=()))
    assert list(rows_of(flat / "out", "fg")[0]) == list(schema.features("fg"))


def test_the_first_class_gives_all_shards_the_column(folder: Path) -> None:
    flat = make_sources(folder / "flat", 2, 3)
    quiet_build(tiny_recipe(flat), flat / "out")
    (flat / "fg" / "new").mkdir()
    save(thing(9), flat / "fg" / "new" / "a.png")
    quiet_build(tiny_recipe(flat), flat / "out", replace=True)
    names = {tuple(pq.read_schema(file).names) for file in (flat / "out" / "data").glob("*.parquet")}
    assert names == {tuple(schema.features(labels=(), extras=("fg_class",)))}


def test_verify_finds_a_wrong_class(folder: Path) -> None:
    """A shard with a wrong class, listed in statistics.json as if it were right."""
    quiet_build(tiny_recipe(folder), folder / "out")
    storage = Storage(str(folder / "out"))
    file = sorted((folder / "out" / "data").glob("*.parquet"))[0]
    table, path = pq.read_table(file), f"data/{file.name}"
    record = read_record(storage, path)
    index = table.schema.get_field_index("fg_class")
    wrong = table.set_column(index, "fg_class", pa.array(["bird"] * len(table)))
    columns = schema.features(labels=(), extras=("fg_class",))
    written = write_parquet(storage, path, columns, [wrong], lambda: record)
    manifest = Manifest.read(storage)
    assert manifest is not None
    entry = FileEntry(rows=len(table), bytes=written.bytes, sha256=written.sha256)
    manifest.replace(shards={**manifest.shards, path: entry}).write(storage)
    problems = " ".join(str(problem) for problem in verify(str(folder / "out")).problems)
    assert "row 0: fg_class is 'bird'; its source has the class 'cat'" in problems


def test_the_datasets_builder_has_the_classes(folder: Path, tmp_path: Path) -> None:
    values = tiny_recipe(folder, holdout=0).to_dict()
    del values["name"]  # `datasets` calls its config so
    builder = FgBgDepth(**values, cache_dir=str(tmp_path / "cache"), workers=1)
    builder.download_and_prepare()
    rows = builder.as_dataset(split="train")
    assert set(rows["fg_class"]) == set(CLASS_OF.values())


def test_classes_of_backgrounds(folder: Path) -> None:
    for name, place in (("scene_00.png", "indoor"), ("scene_01.png", "outdoor")):
        (folder / "bg" / place).mkdir()
        shutil.move(folder / "bg" / name, folder / "bg" / place / name)
    quiet_build(tiny_recipe(folder), folder / "out")
    assert {(r["bg"], r["bg_class"]) for r in rows_of(folder / "out")} == {
        ("indoor/scene_00.png", "indoor"),
        ("outdoor/scene_01.png", "outdoor"),
        ("scene_02.png", ""),
    }
    assert verify(str(folder / "out")).ok
