"""The formats yolo-seg and yolo-depth: opened with supervision, and read as Ultralytics documents its layout."""

# ruff: noqa: F811 (fixtures are imported by name)

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision
import yaml
from exports import counts_of, mask_of, run_export, stored_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from small_output import DISPARITY, make_output, metric_output  # noqa: F401
from test_classes import CLASS_OF
from tiny import make_sources, pixels_of, quiet_build, save, thing, tiny_recipe

from fgbg_depth.cli.main import main
from fgbg_depth.depth.spec import DepthSpec, decode_depth, metric_scale
from fgbg_depth.errors import OutputError, UsageError
from fgbg_depth.export.polygons import polygon_of, relative
from fgbg_depth.export.selection import Selection
from fgbg_depth.export.yolo_depth import YoloDepth
from fgbg_depth.export.yolo_splits import yolo_keys
from fgbg_depth.manifest import Manifest
from fgbg_depth.storage.files import Storage

ALL = ("train", "test_unseen_bg", "test_unseen_fg", "test_unseen_both")


def filled(line: str, height: int, width: int, rounding: str) -> np.ndarray:
    """(H, W) bool: a label's polygon, filled as its reader does.

    Args:
        rounding: "down" as Ultralytics' `polygon2mask`, which makes int32 of the products; "nearest" as supervision.
    """
    numbers = np.array(line.split()[1:], np.float32).reshape(-1, 2) * np.array([width, height], np.float32)
    corners = (np.floor(numbers) if rounding == "down" else np.round(numbers)).astype(np.int32)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [corners], 1)
    return mask.astype(bool)


def label_of(mask: np.ndarray) -> str:
    return "0 " + " ".join(f"{value:.6f}" for value in relative(polygon_of(mask, cv2), *mask.shape).ravel())


def ring() -> np.ndarray:
    y, x = np.mgrid[:40, :50]
    return (np.hypot(y - 20, x - 24) < 15) & (np.hypot(y - 18, x - 22) > 6)


def two_holes() -> np.ndarray:
    mask = np.zeros((30, 41), bool)
    mask[3:27, 2:39] = True
    mask[8:14, 6:15] = mask[10:20, 22:30] = mask[17:24, 8:11] = False
    return mask


@pytest.mark.parametrize("rounding", ["down", "nearest"])
@pytest.mark.parametrize("mask", [ring(), two_holes(), np.ones((7, 5), bool), np.eye(9, dtype=bool)])
def test_a_mask_of_one_part_is_exact_also_with_holes(mask: np.ndarray, rounding: str) -> None:
    assert np.array_equal(filled(label_of(mask), *mask.shape, rounding), mask)


def blob(seed: int) -> np.ndarray:
    """(64, 64) bool: one connected area with an irregular outline and many holes."""
    rng = np.random.default_rng(seed)
    heights = cv2.GaussianBlur(rng.random((64, 64)).astype(np.float32), (0, 0), rng.uniform(1, 3))
    high = heights > np.quantile(heights, rng.uniform(0.1, 0.6))
    _, parts = cv2.connectedComponents(high.astype(np.uint8), connectivity=8)
    return parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])


@pytest.mark.parametrize("seed", range(20))
def test_irregular_areas_with_many_holes_are_exact(seed: int) -> None:
    assert np.array_equal(filled(label_of(blob(seed)), 64, 64, "down"), blob(seed))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_few_pixels_are_still_a_polygon(size: int) -> None:
    """Fewer than three corners would be read as a box."""
    mask = np.zeros((20, 30), bool)
    mask[4, 7 : 7 + size] = True
    assert len(label_of(mask).split()) >= 7
    assert np.array_equal(filled(label_of(mask), 20, 30, "down"), mask)


def test_separate_parts_are_joined_by_a_line_of_one_pixel() -> None:
    mask = np.zeros((32, 32), bool)
    mask[2:10, 2:10] = mask[20:30, 22:30] = True
    found = filled(label_of(mask), 32, 32, "down")
    assert (found & mask).sum() == mask.sum()
    assert 0 < (found & ~mask).sum() <= 13, "from (9, 9) to (20, 22)"


@given(st.integers(0, 2**32 - 1), st.integers(3, 24), st.integers(3, 24), st.floats(0.3, 0.9))
@settings(max_examples=60, deadline=None)
def test_every_pixel_of_any_mask_is_in_its_polygon(seed: int, height: int, width: int, share: float) -> None:
    """What is beyond the mask are lines between parts."""
    mask = np.random.default_rng(seed).random((height, width)) < share
    if not mask.any():
        return
    values = np.array(label_of(mask).split()[1:], float)
    assert values.min() >= 0 and values.max() < 1
    parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
    for rounding in ("down", "nearest"):
        found = filled(label_of(mask), height, width, rounding)
        assert not (mask & ~found).any()
        assert (found & ~mask).sum() <= (parts - 1) * (height + width)


def test_supervision_opens_it_with_exact_masks(metric_output: Path, tmp_path: Path) -> None:
    to = tmp_path / "to"
    run_export(metric_output, to, "yolo-seg")
    stored = stored_rows(metric_output)
    for split, count in counts_of(stored).items():
        rows = supervision.DetectionDataset.from_yolo(
            str(to / "images" / split), str(to / "labels" / split), str(to / "data.yaml"), force_masks=True
        )
        assert rows.classes == ["foreground"] and len(rows) == count
        for path, _, found in rows:
            row = stored[split, int(Path(path).stem)]
            assert Path(path).read_bytes() == row["fg_bg"]["bytes"]
            mask = mask_of(row)
            parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
            assert parts == 1 and np.array_equal(found.mask[0], mask)


def test_scenes_and_classes(tmp_path: Path) -> None:
    folder = make_sources(tmp_path / "in", 3, 0)
    for index, name in enumerate(CLASS_OF):
        save(thing(index), folder / "fg" / name)
    quiet_build(tiny_recipe(folder, objects=[2, 3], placements=1), folder / "out")
    run_export(folder / "out", tmp_path / "to", "yolo-seg")
    names = yaml.safe_load((tmp_path / "to" / "data.yaml").read_text())["names"]
    assert names == {0: "cat", 1: "dog", 2: "dog/small", 3: "foreground"}
    for (split, index), row in stored_rows(folder / "out").items():
        lines = (tmp_path / "to" / "labels" / split / f"{index:06d}.txt").read_text().splitlines()
        instances = pixels_of(row["fg_bg_instances"])
        shown = [o["fg"] for n, o in enumerate(row["objects"], 1) if (instances == n).any()]
        classes = [CLASS_OF[f"{name}.png"] or "foreground" for name in shown]
        assert [names[int(line.split()[0])] for line in lines] == classes


def test_the_keys_of_yolo() -> None:
    both = {"train": ["train"], "val": ["test_unseen_bg", "test_unseen_fg"], "test": ["test_unseen_both"]}
    assert yolo_keys(ALL) == both
    assert yolo_keys(ALL[:3]) == {key: both[key] for key in ("train", "val")}
    assert yolo_keys(["train"]) == {"train": ["train"], "val": ["train"]}
    assert yolo_keys(["train", "test_unseen_both"]) == {"train": ["train"], "val": ["test_unseen_both"]}
    assert yolo_keys(["test_unseen_both"]) == {"train": ["test_unseen_both"], "val": ["test_unseen_both"]}
    assert yolo_keys(["test_unseen_bg", "test_unseen_both"]) == {
        "train": ["test_unseen_bg"],
        "val": ["test_unseen_both"],
    }


def test_without_a_split_for_val_the_file_and_the_command_say_so(
    metric_output: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = ["export", str(metric_output), str(tmp_path / "to"), "--format", "yolo-seg", "--split", "train"]
    assert main(line) == 0
    assert "say nothing about new images" in capsys.readouterr().out
    text = (tmp_path / "to" / "data.yaml").read_text()
    assert "say nothing about new images" in text
    assert yaml.safe_load(text)["val"] == "images/train"


@pytest.mark.parametrize("label", ["predicted", "placed"])
def test_depth_is_the_stored_bytes_and_depth_scale_gives_metres(
    metric_output: Path,
    tmp_path: Path,
    label: str,
) -> None:
    to, column = tmp_path / "to", {"predicted": "fg_bg_depth", "placed": "fg_bg_depth_placed"}[label]
    line = ["export", str(metric_output), str(to), "--format", "yolo-depth", "--depth-label", label]
    assert main(line) == 0
    data = yaml.safe_load((to / "data.yaml").read_text())
    assert data["nc"] == 1 and data["names"] == {0: "depth"} and data["depth_scale"] == 1000
    assert data["val"] == ["images/test_unseen_bg", "images/test_unseen_fg"] and "path" not in data
    manifest = Manifest.read(Storage(metric_output))
    assert manifest is not None and manifest.depth is not None
    for (split, index), row in stored_rows(metric_output).items():
        image = to / "images" / split / f"{index:06d}.jpg"
        depth = Path(str(image).replace("/images/", "/depth/")).with_suffix(".png")  # as Ultralytics finds it
        assert image.read_bytes() == row["fg_bg"]["bytes"] and depth.read_bytes() == row[column]["bytes"]
        pixels = cv2.imread(str(depth), cv2.IMREAD_UNCHANGED)
        assert pixels.dtype == np.uint16
        metres = decode_depth(row[column]["bytes"], manifest.depth)
        assert np.allclose(np.where(pixels > 0, pixels / data["depth_scale"], np.nan), metres, equal_nan=True)


def test_the_placed_label_is_the_default(metric_output: Path) -> None:
    assert YoloDepth(Selection(metric_output)).image_columns == ("fg_bg", "fg_bg_depth_placed")


def test_the_scale_of_far_scenes_is_that_of_kitti(tmp_path: Path) -> None:
    spec = DepthSpec("far", digest="0123456789abcdef", input_size="64x64", license="mit", **metric_scale(None))
    output = make_output(tmp_path / "in", spec, depth_label="predicted", placements=1)
    run_export(output, tmp_path / "to", "yolo-depth")
    assert yaml.safe_load((tmp_path / "to" / "data.yaml").read_text())["depth_scale"] == 256
    with pytest.raises(UsageError, match="has no placed depth; it has predicted"):
        YoloDepth(Selection(output), "placed")


def test_depth_without_metres_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = make_output(tmp_path / "in", DISPARITY, placements=1)
    assert main(["export", str(output), str(tmp_path / "to"), "--format", "yolo-depth"]) == 1
    message = capsys.readouterr().err
    assert "relative disparity" in message and "needs depth in metres" in message
    assert not (tmp_path / "to").exists()


@pytest.mark.slow
def test_depth_of_eight_bits_and_no_depth_are_refused(tmp_path: Path) -> None:
    spec = DepthSpec("coarse", digest="0" * 16, bits=8, license="mit", **metric_scale(10, 8))
    output = make_output(tmp_path / "in", spec, depth_bits=8, placements=1)
    with pytest.raises(OutputError, match="with 8 bits; yolo-depth needs 16"):
        YoloDepth(Selection(output))
    folder = make_sources(tmp_path / "none", 2, 2)
    quiet_build(tiny_recipe(folder), folder / "out")
    with pytest.raises(OutputError, match="has no depth labels"):
        YoloDepth(Selection(folder / "out"))


def test_the_other_label_is_another_export(metric_output: Path, tmp_path: Path) -> None:
    line = ["export", str(metric_output), str(tmp_path / "to"), "--format", "yolo-depth", "--depth-label"]
    assert main(line[:-1]) == 0
    assert main([*line, "placed"]) == 0, "the default"
    assert main([*line, "predicted"]) == 1
