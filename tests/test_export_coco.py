"""The format coco, opened with pycocotools and with supervision."""

# ruff: noqa: F811 (fixtures are imported by name)

from __future__ import annotations

import builtins
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import supervision
from exports import counts_of, mask_of, run_export, stored_rows
from PIL import Image
from pycocotools.coco import COCO
from small_output import SIZE, make_output, metric_output  # noqa: F401
from test_classes import CLASS_OF
from tiny import encoded, make_sources, pixels_of, quiet_build, save, thing, tiny_recipe

from fgbg_depth.cli.main import main
from fgbg_depth.export.objects import objects_of
from fgbg_depth.export.selection import Selection


@pytest.fixture(scope="module")
def coco_folder(metric_output: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coco") / "to"
    run_export(metric_output, folder, "coco")
    return folder


@pytest.fixture(scope="module")
def scene_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_output(tmp_path_factory.mktemp("scenes"), objects=[2, 3], placements=1, occlusion=False)


def opened(folder: Path, split: str) -> COCO:
    return COCO(str(folder / "annotations" / f"instances_{split}.json"))


def test_masks_boxes_and_areas_are_exact(metric_output: Path, coco_folder: Path) -> None:
    stored = stored_rows(metric_output)
    for split, count in counts_of(stored).items():
        coco = opened(coco_folder, split)
        assert len(coco.imgs) == len(coco.anns) == count
        assert min(coco.anns) == 1, "COCOeval takes the id 0 for no match"
        for annotation in coco.anns.values():
            row = stored[split, annotation["image_id"]]
            mask = mask_of(row)
            assert np.array_equal(coco.annToMask(annotation), mask)
            ys, xs = np.nonzero(mask)
            assert annotation["bbox"] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
            assert annotation["area"] == mask.sum() and annotation["iscrowd"] == 0
            assert annotation["fg"] == row["fg"]
            inside = (
                row["x"] >= 0 and row["y"] >= 0 and row["x"] + row["width"] <= SIZE and row["y"] + row["height"] <= SIZE
            )
            assert annotation["visible"] == 1 if inside else 0 < annotation["visible"] <= 1


def test_cut_outs_beyond_the_frame_are_visible_in_part(tmp_path: Path) -> None:
    folder = make_sources(tmp_path / "in", 2, 3)
    quiet_build(tiny_recipe(folder, visible_min=0.4, placements=6, holdout=0), folder / "out")
    run_export(folder / "out", tmp_path / "to", "coco")
    shares = [a["visible"] for a in opened(tmp_path / "to", "train").anns.values()]
    assert min(shares) < 0.9 and max(shares) == 1


def test_images_and_depth_files_are_the_stored_bytes(metric_output: Path, coco_folder: Path) -> None:
    stored = stored_rows(metric_output)
    for split in counts_of(stored):
        for image in opened(coco_folder, split).imgs.values():
            row = stored[split, image["id"]]
            assert (image["width"], image["height"]) == (SIZE, SIZE)
            assert (coco_folder / "images" / split / image["file_name"]).read_bytes() == row["fg_bg"]["bytes"]
            assert (coco_folder / image["fg_bg_depth_file"]).read_bytes() == row["fg_bg_depth"]["bytes"]
            assert image["row"]["bg"] == row["bg"] and image["row"]["width"] == row["width"]


def test_supervision_opens_it(metric_output: Path, coco_folder: Path) -> None:
    stored = stored_rows(metric_output)
    rows = supervision.DetectionDataset.from_coco(
        str(coco_folder / "images" / "train"),
        str(coco_folder / "annotations" / "instances_train.json"),
        force_masks=True,
    )
    assert rows.classes == ["foreground"] and len(rows) == counts_of(stored)["train"]
    for path, image, found in rows:
        row = stored["train", int(Path(path).stem)]
        assert image.shape == (SIZE, SIZE, 3)
        assert np.array_equal(found.mask[0], mask_of(row)) and found.class_id.tolist() == [0]


def test_scenes_have_an_annotation_for_each_object(scene_output: Path, tmp_path: Path) -> None:
    run_export(scene_output, tmp_path / "to", "coco")
    stored = stored_rows(scene_output)
    num_objects = 0
    for split in counts_of(stored):
        coco = opened(tmp_path / "to", split)
        for index in coco.imgs:
            row = stored[split, index]
            instances = pixels_of(row["fg_bg_instances"])
            annotations = coco.loadAnns(coco.getAnnIds(imgIds=index))
            shown = [n for n in range(1, len(row["objects"]) + 1) if (instances == n).any()]
            assert len(annotations) == len(shown)
            for n, annotation in zip(shown, annotations, strict=True):
                assert np.array_equal(coco.annToMask(annotation), instances == n)
                assert annotation["fg"] == row["objects"][n - 1]["fg"]
                assert np.float32(annotation["visible"]) == np.float32(row["objects"][n - 1]["visible"])
                num_objects += 1
    assert num_objects > len(stored)


def test_a_hidden_object_has_no_annotation(scene_output: Path) -> None:
    selection = Selection(scene_output, splits=["train"])
    row = selection.read(selection.blocks()[0], selection.image_columns)[0]
    instances = pixels_of({"bytes": row.images["fg_bg_instances"]}).copy()
    instances[instances == 2] = 1
    hidden = dataclasses.replace(row, images={**row.images, "fg_bg_instances": encoded(Image.fromarray(instances))})
    before, after = ([found.name for found in objects_of(r, selection)] for r in (row, hidden))
    assert after == [name for n, name in enumerate(before) if n != 1]


def test_classes_are_the_folders_of_cut_outs(tmp_path: Path) -> None:
    folder = make_sources(tmp_path / "in", 3, 0)
    for index, name in enumerate(CLASS_OF):
        save(thing(index), folder / "fg" / name)
    quiet_build(tiny_recipe(folder), folder / "out")
    run_export(folder / "out", tmp_path / "to", "coco", where="fg_class == 'dog'")
    found = list((tmp_path / "to" / "annotations").iterdir())
    for path in found:
        coco = COCO(str(path))
        names = {entry["name"]: entry for entry in coco.cats.values()}
        assert list(names) == ["cat", "dog", "dog/small", "foreground"], "all classes, whatever rows are chosen"
        assert names["dog/small"]["supercategory"] == "dog" and min(coco.cats) == 1
        assert {a["category_id"] for a in coco.anns.values()} == {names["dog"]["id"]}
    assert found


def test_the_file_is_valid_json_although_checks_may_be_missing(coco_folder: Path) -> None:
    """A NaN, which Python reads and other languages refuse, is null."""

    def refuse(text: str) -> Any:
        raise AssertionError(f"{text} is no JSON")

    for path in (coco_folder / "annotations").iterdir():
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
        assert content["info"]["depth"]["kind"] == "metric"


def test_without_pycocotools_the_message_says_what_to_install(
    metric_output: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.startswith("pycocotools"):
            raise ImportError("No module named 'pycocotools'")
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["export", str(metric_output), str(tmp_path / "to"), "--format", "coco"]) == 1
    message = capsys.readouterr().err
    assert "needs the package pycocotools" in message and "requirements-export.txt" in message
    assert not (tmp_path / "to").exists()
