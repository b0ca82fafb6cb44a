"""Whole builds: the same bytes however they are made, no repeated work, no file left over, exact statistics."""

import io
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tiny import make_sources, pixels_of, quiet_build, save, scene, statistics_of, thing, tiny_recipe, tree

from fgbg_depth import schema
from fgbg_depth.builder import messages, row_composers
from fgbg_depth.engine import local
from fgbg_depth.errors import OutputError, SourceError
from fgbg_depth.manifest import Version
from fgbg_depth.recipe import load_recipe
from fgbg_depth.storage.files import Storage


def rows_of(output: Path, split: str = "*") -> list[dict[str, Any]]:
    """All rows of the default config, in the order of file names."""
    return [
        row for path in sorted((output / "data").glob(f"{split}-*.parquet")) for row in pq.read_table(path).to_pylist()
    ]


def shards_with(output: Path, name: str, column: str) -> set[str]:
    """Paths of the shards with a row that has `name` in `column`."""
    paths = (output / "data").glob("*.parquet")
    return {f"data/{p.name}" for p in paths if name in pq.read_table(p, columns=[column])[column].to_pylist()}


def test_the_output_is_a_dataset_repository(built: Path) -> None:
    names = tree(built)
    assert {n.split("/")[0] for n in names} == {
        "README.md", "recipe.yaml", "statistics.json", "croissant.json", "fiftyone.yml", "assets", "data", "bg", "fg",
        "preview",
    }  # fmt: skip
    assert not [n for n in names if "/." in n or n.startswith(".")]
    statistics = statistics_of(built)
    assert set(statistics["shards"]) == {n for n in names if n.startswith("data/")}
    for path, entry in (statistics["shards"] | statistics["files"]).items():
        assert entry["sha256"] == names[path] and entry["bytes"] == (built / path).stat().st_size
        assert entry["rows"] == pq.ParquetFile(built / path).metadata.num_rows
    assert statistics["rows"] == 5 * 5 * 2 * 3 == sum(statistics["splits"].values()) == len(rows_of(built))
    assert list(statistics["splits"]) == list(schema.SPLITS)


def test_a_rerun_writes_nothing(built: Path, sources: Path) -> None:
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in built.rglob("*") if p.name != ".lock"}
    result = quiet_build(tiny_recipe(sources), built)
    assert (result.made, result.changed, result.whole) == (0, False, True)
    assert before == {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in built.rglob("*") if p.name != ".lock"}


def test_a_build_says_what_it_does(built: Path, sources: Path, tmp_path: Path) -> None:
    recipe, out, logged = tiny_recipe(sources), tmp_path / "out", list[str]()
    shutil.copytree(built, out)
    quiet_build(recipe, out, log=logged.append)
    num_shards = len(list((out / "data").iterdir()))
    for path in sorted((out / "data").iterdir())[:2]:
        path.unlink()
    quiet_build(recipe, out, log=logged.append)
    (out / "README.md").unlink()
    quiet_build(recipe, out, log=logged.append)
    quiet_build(recipe, tmp_path / "new", log=logged.append)
    assert [line for line in logged if not line.startswith("warning: held out")] == [
        f"Nothing to do: all {num_shards} shards exist.",
        f"Reused {num_shards - 2} finished shards; building 2.",
        f"Built 2 of {num_shards} shards.",
        f"Reused {num_shards} finished shards; writing statistics and card.",
        f"Built {num_shards} of {num_shards} shards.",
    ]


def test_messages_have_singular_and_plural() -> None:
    assert messages.count(1, "row") == "1 row" and messages.count(4000, "row") == "4,000 rows"
    assert messages.nothing_to_do(1) == "Nothing to do: the only shard exists."
    assert messages.built(1, 1, 0) == "Built 1 of 1 shard."
    assert messages.built(3, 2, 1) == "Built 2 of 3 shards, 1 of them with reused composites."
    assert messages.reused(3, 2) == "Reused 1 finished shard; building 2."
    assert messages.slice_started((2, 3), 4, 4) == "Slice 2 of 3 has 4 shards: building 4."
    assert messages.slice_started((2, 3), 1, 0) == "Slice 2 of 3 has 1 shard: reused 1, building 0."


def test_the_old_argument_part_is_accepted_with_a_note(sources: Path, tmp_path: Path) -> None:
    logged: list[str] = []
    result = quiet_build(tiny_recipe(sources), tmp_path / "out", part=(1, 2), log=logged.append)
    assert not result.whole and 0 < result.made < result.shards
    assert "slice_of" in logged[0]


def test_the_recipe_in_the_output_builds_it_again(built: Path, tmp_path: Path) -> None:
    quiet_build(load_recipe(built / "recipe.yaml"), tmp_path / "again")
    assert tree(tmp_path / "again") == tree(built)


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(built: Path, sources: Path, tmp_path: Path) -> None:
    result = quiet_build(tiny_recipe(sources), tmp_path / "out", workers=2)
    assert result.made == result.shards and tree(tmp_path / "out") == tree(built)


def test_slices_then_finish_write_the_same_bytes(built: Path, sources: Path, tmp_path: Path) -> None:
    recipe, out = tiny_recipe(sources), tmp_path / "out"
    for index in (3, 1):
        result = quiet_build(recipe, out, slice_of=(index, 3))
        assert not result.whole and not (out / "statistics.json").exists()
    with pytest.raises(OutputError, match="missing"):
        quiet_build(recipe, out, finish=True)
    quiet_build(recipe, out, slice_of=(2, 3))
    assert quiet_build(recipe, out, finish=True).made == 0
    assert tree(out) == tree(built)


def test_an_fsspec_url_gets_the_same_bytes(built: Path, sources: Path, tmp_path: Path) -> None:
    url = f"memory://{tmp_path}/out"
    quiet_build(tiny_recipe(sources), url)
    storage = Storage(url)
    for name, digest in tree(built).items():
        assert storage.sha256(name) == digest, name
    assert not quiet_build(tiny_recipe(sources), url).changed


@pytest.mark.parametrize("kind", ["bg", "fg"])
def test_one_more_source_changes_no_other_row(built: Path, sources: Path, tmp_path: Path, kind: str) -> None:
    """Shards without the new source keep their bytes, and are not built again unless a source changes its split."""
    shutil.copytree(sources, tmp_path / "src")
    shutil.copytree(built, tmp_path / "out")
    save(scene(77) if kind == "bg" else thing(77), tmp_path / "src" / kind / "zzz.png")
    recipe = tiny_recipe(tmp_path / "src", backgrounds=str(tmp_path / "src" / "bg"))
    before, result = tree(built), quiet_build(recipe, tmp_path / "out", replace=True)
    after = tree(tmp_path / "out")
    name = "zzz.png" if kind == "bg" else "zzz"
    involved = shards_with(tmp_path / "out", name, kind)
    old_shards = {n: d for n, d in before.items() if n.startswith("data/")}
    new_shards = {n: d for n, d in after.items() if n.startswith("data/")}
    assert len(involved) >= 2
    held_out = {
        k: {n for n, s in statistics_of(o)["sources"][k].items() if s["held_out"]}
        for o in (built,)
        for k in ("bg", "fg")
    }
    now = {
        k: {n for n, s in statistics_of(tmp_path / "out")["sources"][k].items() if s["held_out"]} for k in ("bg", "fg")
    }
    if held_out == now:
        untouched = new_shards.keys() - involved
        assert all(old_shards[n] == new_shards[n] for n in untouched) and result.made == len(involved)
    rows = {(r["bg"], r["fg"], r["flip"], r["placement"]): r for r in rows_of(built)}
    for row in rows_of(tmp_path / "out"):
        if row[kind] != name:
            assert rows[(row["bg"], row["fg"], row["flip"], row["placement"])] == row
    quiet_build(recipe, tmp_path / "fresh")
    assert {k: v for k, v in after.items() if k != "statistics.json" and k != "README.md"} == {
        k: v for k, v in tree(tmp_path / "fresh").items() if k != "statistics.json" and k != "README.md"
    }


def test_a_removed_source_leaves_no_trace(built: Path, sources: Path, tmp_path: Path) -> None:
    shutil.copytree(sources, tmp_path / "src")
    save(scene(77), tmp_path / "src" / "bg" / "zzz.png")
    recipe = tiny_recipe(tmp_path / "src")
    quiet_build(recipe, tmp_path / "out")
    (tmp_path / "src" / "bg" / "zzz.png").unlink()
    quiet_build(recipe, tmp_path / "out", replace=True)
    parquet = {n: d for n, d in tree(tmp_path / "out").items() if n.endswith(".parquet")}
    assert parquet == {n: d for n, d in tree(built).items() if n.endswith(".parquet")}


def test_another_recipe_replaces_the_shards_and_the_first_one_restores_them(
    built: Path, sources: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    quiet_build(tiny_recipe(sources, seed=5), out)
    other = tree(out)
    quiet_build(tiny_recipe(sources), out, replace=True)
    assert {n: d for n, d in tree(out).items() if n.endswith((".parquet", ".yaml"))} == {
        n: d for n, d in tree(built).items() if n.endswith((".parquet", ".yaml"))
    }
    assert not {n for n in other if n.startswith("data/")} & tree(out).keys()


def test_a_changed_licence_changes_the_card_only(built: Path, sources: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "out")
    result = quiet_build(tiny_recipe(sources, license="mit"), tmp_path / "out")
    assert result.made == 0 and result.changed
    assert "license: mit" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.slow
def test_missing_files_are_written_again(built: Path, sources: Path, tmp_path: Path) -> None:
    one_of_each = {name.split("/")[0]: name for name in tree(built) if name != "recipe.yaml"}
    for index, name in enumerate(one_of_each.values()):
        out = tmp_path / str(index)
        shutil.copytree(built, out)
        (out / name).unlink()
        assert quiet_build(tiny_recipe(sources), out).changed, name
        assert tree(out) == tree(built), name


def check_kind(entry: dict[str, Any], images: list[np.ndarray], cells: list[dict]) -> None:
    """Compare one entry of `kinds` with numpy over the decoded images."""
    top = 65535 if images[0].dtype == np.uint16 else 255
    flat = np.concatenate([i.reshape(-1, i.shape[2] if i.ndim == 3 else 1) for i in images]).astype(np.float64) / top
    assert entry["count"] == len(images) and entry["bytes"] == sum(len(c["bytes"]) for c in cells)
    assert entry["height"] == [min(i.shape[0] for i in images), max(i.shape[0] for i in images)]
    assert entry["width"] == [min(i.shape[1] for i in images), max(i.shape[1] for i in images)]
    assert entry["mean"] == pytest.approx(flat.mean(0), abs=1e-9) and entry["std"] == pytest.approx(
        flat.std(0), abs=1e-9
    )


def test_statistics_equal_numpy_over_the_loaded_rows(sources: Path, tmp_path: Path, simple_depth: list) -> None:
    quiet_build(tiny_recipe(sources, depth_model="simple"), tmp_path / "out")
    statistics = statistics_of(tmp_path / "out")
    for split in (*schema.SPLITS, "*"):
        rows = rows_of(tmp_path / "out", split)
        kinds = statistics["kinds"] if split == "*" else statistics["by_split"][split]
        for kind in ("fg_bg", "fg_bg_mask", "fg_bg_depth"):
            check_kind(kinds[kind], [pixels_of(r[kind]) for r in rows], [r[kind] for r in rows])
        depth_m = np.stack([pixels_of(r["fg_bg_depth"]) for r in rows]) * 0.001
        valid = depth_m[depth_m > 0]
        entry = kinds["fg_bg_depth"]
        assert entry["mean_value"] == pytest.approx(valid.mean(), abs=1e-9)
        assert entry["std_value"] == pytest.approx(valid.std(), abs=1e-9)
        assert (entry["min_value"], entry["max_value"]) == pytest.approx((valid.min(), valid.max()))
        assert entry["invalid_fraction"] == (depth_m == 0).mean()
    for kind in ("bg", "fg"):
        cells = [r["image"] for p in (tmp_path / "out" / kind).iterdir() for r in pq.read_table(p).to_pylist()]
        check_kind(statistics["kinds"][kind], [pixels_of(c) for c in cells], cells)
    masks = np.stack([pixels_of(r["fg_bg_mask"]) for r in rows]) / 255
    assert statistics["coverage"]["mean"] == pytest.approx(masks.mean(), abs=1e-9)
    assert np.array(statistics["heat_map"]) == pytest.approx(masks.mean(0), abs=1e-6)  # 32 px: a cell is a pixel
    histogram = statistics["depth_histogram"]
    assert sum(histogram["counts"]) == len(valid) and len(histogram["edges"]) == len(histogram["counts"]) + 1
    assert histogram["counts"] == np.histogram(valid, histogram["edges"])[0].tolist()


@pytest.mark.slow
def test_relabelling_composes_nothing(
    sources: Path, tmp_path: Path, simple_depth: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another depth model, or none, images are copied byte by byte, and the result is that of a new build."""
    recipe = tiny_recipe(sources, depth_model="simple")
    quiet_build(recipe, tmp_path / "out")
    before = rows_of(tmp_path / "out")
    composed = []
    original = row_composers.compose_rows
    monkeypatch.setattr(row_composers, "compose_rows", lambda *a: composed.append(1) or original(*a))
    none = recipe.replace(depth_model="none")
    result = quiet_build(none, tmp_path / "out", replace=True)
    assert not composed and result.relabelled == result.made == result.shards
    after = rows_of(tmp_path / "out")
    composed_columns = [column.name for column in schema.columns(labels=())]
    assert [{name: row[name] for name in composed_columns} for row in before] == after
    result = quiet_build(recipe, tmp_path / "out", replace=True)
    assert not composed and result.relabelled == result.shards and rows_of(tmp_path / "out") == before
    assert simple_depth[-1].images == len(before)  # those of the backgrounds were predicted by another one


def test_bad_sources_stop_before_anything_is_written(sources: Path, tmp_path: Path) -> None:
    shutil.copytree(sources, tmp_path / "src")
    (tmp_path / "src" / "bg" / "bad.png").write_bytes(b"no")
    with pytest.raises(SourceError, match=r"bad\.png"):
        quiet_build(tiny_recipe(tmp_path / "src"), tmp_path / "out")
    assert tree(tmp_path / "out") == {}
    logged: list[str] = []
    result = quiet_build(tiny_recipe(tmp_path / "src", skip_bad=True), tmp_path / "out", log=logged.append)
    assert result.skipped and any("bad.png" in line for line in logged)
    assert statistics_of(tmp_path / "out")["skipped"][0]["file"] == "bad.png"
    assert "bad.png" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize("content", ["notes.txt", "data/mine.parquet", "recipe.yaml + data/mine.parquet", "file"])
def test_files_of_others_are_refused_and_not_touched(sources: Path, tmp_path: Path, content: str) -> None:
    out = tmp_path / "out"
    if content == "file":
        out.write_text("mine")
    else:
        for name in content.split(" + "):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text("mine")
    with pytest.raises(OutputError, match=r"not made by fgbg-depth|A file has the name of a folder|did not make"):
        quiet_build(tiny_recipe(sources), out)
    left = [p for p in [out, *out.rglob("*")] if p.is_file() and p.name != ".lock"]
    assert {p.read_text() for p in left} == {"mine"} and len(left) == len(content.split(" + "))


def test_history_and_version_survive_an_interrupted_build(
    built: Path, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(built, out)
    history = [Version(version="v1.0.0", rows=150).model_dump()]
    statistics = statistics_of(out) | {"version": "v1.0.0", "history": history}
    (out / "statistics.json").write_text(json.dumps(statistics))
    monkeypatch.setattr(local, "run", lambda *args: 1 / 0)  # after statistics.json was removed
    with pytest.raises(ZeroDivisionError):
        quiet_build(tiny_recipe(sources, seed=1), out, replace=True)
    assert not (out / "statistics.json").exists()
    monkeypatch.undo()
    quiet_build(tiny_recipe(sources, seed=1), out)
    assert statistics_of(out)["history"] == statistics["history"] and statistics_of(out)["version"] is None


def test_odd_and_small_frames(tmp_path: Path) -> None:
    """With one source of each kind; 16 pixels is the smallest frame."""
    make_sources(tmp_path, 1, 1)
    for size in (16, 33, 100):
        out = tmp_path / str(size)
        quiet_build(tiny_recipe(tmp_path, size=size, placements=1), out)
        assert {pixels_of(r["fg_bg"]).shape for r in rows_of(out)} == {(size, size, 3)}
        assert statistics_of(out)["splits"] == {"train": 2}


RECIPES = sorted((Path(__file__).parent.parent / "recipes").glob("*.yaml"))
SIZES = {  # side of the composite; foreground_measure, and its least and largest value in pixels
    "school-224": (224, "height", 105, 105),
    "stanford-200": (200, "canvas", 200, 200),
    "indoor-200": (200, "longest", 80, 110),
    "lobby-128": (128, "height", 50, 50),
    "street-192": (192, "canvas", 96, 96),
    "varied-224": (224, "longest", 56, 134),
}


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
@pytest.mark.slow
def test_the_six_recipes(path: Path, tmp_path: Path) -> None:
    recipe = load_recipe(path)
    size, measure, low, high = SIZES[path.stem]
    assert recipe.size == size and recipe.foreground_measure == measure
    for i in range(2):
        save(scene(i, 300, 400), tmp_path / "bg" / f"b{i}.jpg")
        save(thing(i, 220 + 40 * i, 180), tmp_path / "fg" / f"f{i}.png")
    changes = {"backgrounds": str(tmp_path / "bg"), "foregrounds": str(tmp_path / "fg"), "placements": 1}
    model = {"depth_model": "densedepth-demo", "depth_label": "placed"} if recipe.is_varied else {"depth_model": "none"}
    quiet_build(recipe.replace(**changes, **model), tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 2 * 2 * 2
    for row in rows:
        assert pixels_of(row["fg_bg"]).shape == (size, size, 3) and pixels_of(row["fg_bg_mask"]).shape == (size, size)
        if measure == "canvas":
            assert max(row["height"], row["width"]) <= high
        elif recipe.is_varied:  # turned by up to 10 degrees, and smaller where the ground is farther
            assert max(row["height"], row["width"]) <= high * math.sqrt(2) and 1 <= row["num_objects"] <= 3
        else:
            measured = row["height"] if measure == "height" else max(row["height"], row["width"])
            assert low <= measured <= high
        opened = Image.open(io.BytesIO(row["fg_bg"]["bytes"]))
        assert opened.format == "JPEG"


def test_there_are_six_recipes() -> None:
    assert {p.stem for p in RECIPES} == SIZES.keys()
