"""The format folders: files and tables, opened with csv and Pillow; the same in archives."""

# ruff: noqa: F811 (fixtures are imported by name)

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from exports import run_export, stored_rows
from PIL import Image
from small_output import SIZE, make_output, metric_output  # noqa: F401
from tiny import make_sources, pixels_of, quiet_build, save, thing, tiny_recipe, tree

from fgbg_depth.export.folders import source_path
from fgbg_depth.export.run import export
from fgbg_depth.export.selection import Selection
from fgbg_depth.export.zipped import ZippedFolders

HOSTILE = ("../../up", "=1+1", 'a,"b"', "Cow", "cow", "con", "<b>", "中文 🐄", "a" * 120, "-rf", ".hidden")


def table_of(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_images_are_the_stored_bytes_and_tables_have_all_columns(metric_output: Path, tmp_path: Path) -> None:
    run_export(metric_output, tmp_path / "to", "folders")
    stored = stored_rows(metric_output)
    seen = 0
    for split in ("train", "test_unseen_bg", "test_unseen_fg", "test_unseen_both"):
        for line in table_of(tmp_path / "to" / f"{split}.csv"):
            row = stored[split, int(line["row"])]
            seen += 1
            for column in ("fg_bg", "fg_bg_mask", "fg_bg_depth"):
                assert (tmp_path / "to" / line[f"{column}_file"]).read_bytes() == row[column]["bytes"]
            assert line["flip"] == str(row["flip"]).lower()
            for column in ("bg", "fg"):
                assert line[column] == row[column]
            for column in ("placement", "x", "y", "width", "height"):
                assert int(line[column]) == row[column]
            for column in ("boundary_recall", "nearer", "background_drift"):
                value = np.float32(line[column] or "nan")
                assert np.array_equal(value, np.float32(row[column]), equal_nan=True), "the same float32"
    assert seen == len(stored) == 80
    depth = np.asarray(Image.open(tmp_path / "to" / "fg_bg_depth" / "train" / "000003.png"))
    assert depth.shape == (SIZE, SIZE) and np.array_equal(depth, pixels_of(stored["train", 3]["fg_bg_depth"]))


@pytest.mark.parametrize("kind", ["bg", "fg"])
def test_sources_are_the_stored_bytes(metric_output: Path, tmp_path: Path, kind: str) -> None:
    run_export(metric_output, tmp_path / "to", "folders")
    stored = {
        row["name"]: row for path in (metric_output / kind).glob("*.parquet") for row in pq.read_table(path).to_pylist()
    }
    lines = table_of(tmp_path / "to" / f"{kind}.csv")
    assert [line["name"] for line in lines] == sorted(stored)
    for line in lines:
        assert (tmp_path / "to" / line[f"{kind}_file"]).read_bytes() == stored[line["name"]]["image"]["bytes"]
        assert line["digest"] == stored[line["name"]]["digest"]
    assert len(list((tmp_path / "to" / kind).iterdir())) == len(stored)


def test_archives_hold_the_same_files_and_are_equal_in_every_run(metric_output: Path, tmp_path: Path) -> None:
    run_export(metric_output, tmp_path / "loose", "folders")
    for name in ("a", "b"):
        selection = Selection(metric_output)
        export(selection, tmp_path / name, ZippedFolders(selection))
    names = sorted(path.name for path in (tmp_path / "a").glob("*.zip"))
    assert names == ["bg.zip", "fg.zip", "fg_bg.zip", "fg_bg_depth.zip", "fg_bg_depth_placed.zip", "fg_bg_mask.zip"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        with zipfile.ZipFile(tmp_path / "a" / name) as archive:
            assert archive.testzip() is None
            assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
            assert not any(info.flag_bits & 0x08 for info in archive.infolist()), "sizes stand before the content"
            archive.extractall(tmp_path / "unpacked")
    unpacked, loose = tree(tmp_path / "unpacked"), tree(tmp_path / "loose")
    assert unpacked == {path: digest for path, digest in loose.items() if "/" in path}
    for table in (tmp_path / "loose").glob("*.csv"):
        assert table.read_bytes() == (tmp_path / "a" / table.name).read_bytes()


def test_hostile_names_have_safe_files_of_their_own(tmp_path: Path) -> None:
    """Also on file systems without upper and lower case, and beside files that are there already."""
    paths = [source_path("fg", name) for name in HOSTILE]
    assert len({path.lower() for path in paths}) == len(HOSTILE)
    for path in paths:
        folder, _, file = path.partition("/")
        assert folder == "fg" and "/" not in file and not file.startswith((".", "-")) and len(file) < 64
        assert file.isascii() and not set(file) & set('<>:"|?*\\ ')


def test_a_dataset_with_hostile_names(tmp_path: Path) -> None:
    folder = make_sources(tmp_path / "in", 2, 0)
    for n, name in enumerate(("=1+1", 'a,"b"', "Cow", "cow", "<b> 中文")):
        save(thing(n), folder / "fg" / f"{name}.png")
    quiet_build(tiny_recipe(folder), folder / "out")
    run_export(folder / "out", tmp_path / "to", "folders")
    lines = [line for path in (tmp_path / "to").glob("t*.csv") for line in table_of(path)]
    stored = stored_rows(folder / "out")
    assert (
        {line["fg"] for line in lines}
        == {row["fg"] for row in stored.values()}
        == {"=1+1", 'a,"b"', "Cow", "cow", "<b> 中文"}
    )
    assert all((tmp_path / "to" / line["fg_file"]).is_file() for line in lines)
    assert len({line["fg_file"].lower() for line in lines}) == 5


def test_without_depth_there_is_no_folder_for_it(tmp_path: Path) -> None:
    folder = make_sources(tmp_path / "in", 2, 3)
    quiet_build(tiny_recipe(folder), folder / "out")
    run_export(folder / "out", tmp_path / "to", "folders")
    folders = sorted(path.name for path in (tmp_path / "to").iterdir() if path.is_dir())
    assert folders == ["bg", "fg", "fg_bg", "fg_bg_mask"]
    assert "boundary_recall" not in table_of(tmp_path / "to" / "train.csv")[0]


def test_scenes_have_instances_and_objects(scene_output: Path, tmp_path: Path) -> None:
    run_export(scene_output, tmp_path / "to", "folders")
    stored = stored_rows(scene_output)
    for line in table_of(tmp_path / "to" / "train.csv"):
        row = stored["train", int(line["row"])]
        instances = Image.open(io.BytesIO((tmp_path / "to" / line["fg_bg_instances_file"]).read_bytes()))
        assert np.array_equal(np.asarray(instances), pixels_of(row["fg_bg_instances"]))
        objects = json.loads(line["objects"])
        assert [o["fg"] for o in objects] == [o["fg"] for o in row["objects"]]
        assert [np.float32(o["visible"]) for o in objects] == [np.float32(o["visible"]) for o in row["objects"]]


@pytest.fixture(scope="module")
def scene_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_output(tmp_path_factory.mktemp("scenes"), objects=[1, 3], placements=1)


def test_a_stopped_archive_continues(metric_output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped while the archives are put together: those that are finished stay, the others follow."""
    selection = Selection(metric_output)
    export(selection, tmp_path / "whole", ZippedFolders(selection))
    chosen = ZippedFolders(Selection(metric_output))
    finish, stop_before = ZippedFolders.finish, ["fg_bg_mask.zip"]

    def killed(self, blocks, folder):  # type: ignore[no-untyped-def]
        replace = folder.replace

        def until(name, content):  # type: ignore[no-untyped-def]
            if name in stop_before:
                raise KeyboardInterrupt
            replace(name, content)

        monkeypatch.setattr(folder, "replace", until)
        finish(self, blocks, folder)

    with monkeypatch.context() as patch:
        patch.setattr(ZippedFolders, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            export(Selection(metric_output), tmp_path / "to", chosen)
    assert (tmp_path / "to" / "fg_bg.zip").exists() and not (tmp_path / "to" / "fg_bg_mask.zip").exists()
    selection = Selection(metric_output)
    report = export(selection, tmp_path / "to", ZippedFolders(selection))
    assert report.new_rows == 0 and not report.was_complete
    shutil.rmtree(tmp_path / "to" / ".export", ignore_errors=True)
    assert tree(tmp_path / "to") == tree(tmp_path / "whole")
