"""The format webdataset, opened with webdataset's own loader."""

# ruff: noqa: F811 (fixtures are imported by name)

from __future__ import annotations

import io
import json
import math
import tarfile
from pathlib import Path

import numpy as np
import pytest
import webdataset
from datasets import load_dataset
from exports import counts_of, run_export, stored_rows
from PIL import Image
from small_output import metric_output  # noqa: F401
from tiny import make_sources, pixels_of, quiet_build, tiny_recipe, tree


@pytest.fixture(scope="module")
def tars(metric_output: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web") / "to"
    run_export(metric_output, folder, "webdataset")
    return folder


def test_the_loader_finds_every_row_with_its_stored_bytes(metric_output: Path, tars: Path) -> None:
    stored = stored_rows(metric_output)
    seen = set()
    for split, count in counts_of(stored).items():
        rows = list(webdataset.WebDataset([str(p) for p in sorted(tars.glob(f"{split}-*.tar"))], shardshuffle=False))
        assert len(rows) == count
        for found in rows:
            facts = json.loads(found["json"])
            row = stored[split, facts["row"]]
            assert found["__key__"] == f"{split}_{facts['row']:06d}" and facts["split"] == split
            assert found["jpg"] == row["fg_bg"]["bytes"] and found["mask.png"] == row["fg_bg_mask"]["bytes"]
            assert found["depth.png"] == row["fg_bg_depth"]["bytes"]
            assert found["depth_placed.png"] == row["fg_bg_depth_placed"]["bytes"]
            for name in ("bg", "fg", "flip", "x", "y", "width", "height"):
                assert facts[name] == row[name]
            recall = facts["boundary_recall"]
            assert np.float32(recall) == np.float32(row["boundary_recall"]) or math.isnan(row["boundary_recall"])
            seen.add(found["__key__"])
    assert len(seen) == len(stored)


def test_depth_keeps_its_sixteen_bits(metric_output: Path, tars: Path) -> None:
    """As docs/export.md shows it; webdataset's decode("pil") would make 8-bit RGB of it."""
    found = next(iter(webdataset.WebDataset(str(tars / "train-000000.tar"), shardshuffle=False)))
    depth = np.asarray(Image.open(io.BytesIO(found["depth.png"])))
    row = stored_rows(metric_output)["train", json.loads(found["json"])["row"]]
    assert depth.dtype == np.uint16 and np.array_equal(depth, pixels_of(row["fg_bg_depth"]))


def test_headers_have_no_time_and_no_owner(metric_output: Path, tars: Path, tmp_path: Path) -> None:
    run_export(metric_output, tmp_path / "again", "webdataset")
    assert tree(tmp_path / "again") == tree(tars)
    with tarfile.open(tars / "train-000000.tar") as tar:
        for member in tar:
            assert (member.mtime, member.uid, member.gid, member.uname, member.mode) == (0, 0, 0, "", 0o644)


def test_a_file_mixes_backgrounds(metric_output: Path, tars: Path) -> None:
    stored = stored_rows(metric_output)
    rows = list(webdataset.WebDataset(str(tars / "train-000000.tar"), shardshuffle=False))
    names = [stored["train", json.loads(row["json"])["row"]]["bg"] for row in rows]
    assert len(set(names)) == 3
    assert len(set(names[:6])) == 3, "rows of different backgrounds alternate"


def test_a_split_has_several_files_so_that_workers_share_it(tmp_path: Path) -> None:
    folder = make_sources(tmp_path / "in", 5, 2)
    quiet_build(tiny_recipe(folder, placements=20, holdout=0), folder / "out")
    run_export(folder / "out", tmp_path / "to", "webdataset")
    assert [p.name for p in sorted((tmp_path / "to").glob("*.tar"))] == [f"train-{n:06d}.tar" for n in range(4)]
    rows = webdataset.WebDataset(str(tmp_path / "to" / "train-{000000..000003}.tar"), shardshuffle=False)
    found = [json.loads(row["json"]) for row in rows]
    assert sorted(row["row"] for row in found) == list(range(400))
    for first in range(0, 400, 100):
        names = [row["bg"] for row in found[first : first + 20]]
        assert len(set(names)) == 5, "all backgrounds alternate in each file, although a shard has one"


def test_datasets_reads_it_too(metric_output: Path, tars: Path, tmp_path: Path) -> None:
    """With 16 bits, which its images keep."""
    files = [str(path) for path in sorted(tars.glob("train-*.tar"))]
    rows = load_dataset("webdataset", data_files={"train": files}, split="train", cache_dir=str(tmp_path))
    stored = stored_rows(metric_output)
    for row in rows:
        expected = stored["train", row["json"]["row"]]
        assert np.array_equal(np.asarray(row["depth.png"]), pixels_of(expected["fg_bg_depth"]))
    assert len(rows) == counts_of(stored)["train"]
