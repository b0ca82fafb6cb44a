"""Cut-outs from photographs with instance masks: COCO, PASCAL VOC and Open Images."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny import make_sources, quiet_build, save, scene, statistics_of, tiny_recipe, tree

from fgbg_depth.errors import RecipeError, SourceError
from fgbg_depth.recipe import load_recipe, published, with_absolute_folders
from fgbg_depth.recipe.addresses import Address, parse_address
from fgbg_depth.sources.decode import load_rgba
from fgbg_depth.sources.folder import FolderListing
from fgbg_depth.sources.instances.listing import list_instances
from fgbg_depth.sources.instances.packed import Instance, unpack
from fgbg_depth.sources.load import load_sources
from fgbg_depth.verify.check import verify

HEIGHT, WIDTH = 120, 160
RED = (200, 30, 30)
BOXES = {1: (20, 30, 100, 90), 2: (110, 40, 140, 110), 3: (5, 100, 25, 115)}  # left, top, right, bottom of each disc


def disc(box: tuple[int, int, int, int]) -> np.ndarray:
    """(HEIGHT, WIDTH) bool: an ellipse that fills a box."""
    left, top, right, bottom = box
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    return np.hypot((2 * x - left - right) / (right - left), (2 * y - top - bottom) / (bottom - top)) < 1


def outline(box: tuple[int, int, int, int]) -> list[float]:
    left, top, right, bottom = box
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    points = [
        (left + right + (right - left) * np.cos(angles)) / 2,
        (top + bottom + (bottom - top) * np.sin(angles)) / 2,
    ]
    return [round(float(value), 2) for value in np.stack(points, -1).ravel()]


def photo() -> np.ndarray:
    """(HEIGHT, WIDTH, 3) uint8: red discs on a scene."""
    pixels = scene(7, HEIGHT, WIDTH)
    for box in BOXES.values():
        pixels[disc(box)] = RED
    return pixels


def annotations() -> dict[str, Any]:
    return {
        "licenses": [{"id": 4, "name": "Attribution License", "url": "http://creativecommons.org/licenses/by/2.0/"}],
        "images": [{"id": 9, "file_name": "000009.png", "width": WIDTH, "height": HEIGHT, "license": 4}],
        "categories": [{"id": 18, "name": "dog"}, {"id": 17, "name": "cat"}],
        "annotations": [
            {
                "id": key,
                "image_id": 9,
                "category_id": 18 if key != 2 else 17,
                "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                "segmentation": [outline(box)],
                "iscrowd": 0,
            }
            for key, box in BOXES.items()
        ],
    }


def write_coco(folder: Path, values: dict[str, Any] | None = None) -> Path:
    """The layout in which COCO is published; returns the annotation file."""
    save(photo(), folder / "val2017" / "000009.png")
    file = folder / "annotations" / "instances_val2017.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(values or annotations()))
    return file


def listed(text: str) -> FolderListing:
    return list_instances(parse_address(text), "foregrounds")


def cutouts_of(text: str) -> dict[str, np.ndarray]:
    return {file.name: np.asarray(load_rgba(file.read())) for file in listed(text).pictures}


def check_disc(pixels: np.ndarray, box: tuple[int, int, int, int]) -> None:
    """The cut-out is the disc of a box, cropped to it and a margin of 4, with a soft edge inside the disc."""
    left, top, right, bottom = box
    inside = disc(box)[max(0, top - 4) : bottom + 4, max(0, left - 4) : right + 4]
    assert np.abs(np.subtract(pixels.shape[:2], inside.shape)).max() <= 1
    height, width = np.minimum(pixels.shape[:2], inside.shape)
    alpha, inside = pixels[:height, :width, 3], inside[:height, :width]
    assert alpha[~inside].mean() < 2, "opaque beside the disc"
    assert (alpha == 255).sum() > 0.7 * inside.sum()
    assert 0.02 < ((alpha > 0) & (alpha < 255)).mean() < 0.25, "the edge is not soft"
    assert np.abs(pixels[:height, :width, :3][alpha == 255].astype(int) - RED).max() <= 3


def test_addresses() -> None:
    assert parse_address("some/folder") == Address("", "some/folder")
    assert parse_address("hf://datasets/a/b@v1#x") == Address("hf://", "datasets/a/b@v1#x")
    found = parse_address("coco:a/b.json?min_side=20&classes=dog, big%20cat")
    assert (found.path, found.min_side, found.classes) == ("a/b.json", 20, ("dog", "big cat"))
    assert found.with_path("/x.json") == "coco:/x.json?min_side=20&classes=dog, big%20cat"
    for text in ("coco:", "coco:?min_side=3", "pascal:a?min_side=-1", "openimages:a?size=3"):
        with pytest.raises(RecipeError, match=text.split("?")[0]):
            parse_address(text)


def test_packed_instances_are_unpacked() -> None:
    instance = Instance(b"photo", {"file": 3, "void": 255}, 4, 5, b"mask")
    assert unpack(instance.pack()) == instance
    assert unpack(b"\x89PNG...") is None


def test_coco_polygons_become_cutouts_with_a_soft_edge(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="it is in requirements-dev.txt")
    found = cutouts_of(f"coco:{write_coco(tmp_path)}?min_side=30")
    assert list(found) == ["dog/000009-1.png", "cat/000009-2.png"]
    check_disc(found["dog/000009-1.png"], BOXES[1])
    check_disc(found["cat/000009-2.png"], BOXES[2])


def test_coco_run_length_masks(tmp_path: Path) -> None:
    masks = pytest.importorskip("pycocotools.mask", reason="it is in requirements-dev.txt")
    values = annotations()
    packed = masks.encode(np.asfortranarray(disc(BOXES[1]).astype(np.uint8)))
    values["annotations"][0]["segmentation"] = {"size": packed["size"], "counts": packed["counts"].decode()}
    column = disc(BOXES[2]).T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], column.astype(int), [0]])))
    counts = np.diff(np.concatenate([[0], edges, [column.size]])).tolist()
    values["annotations"][1]["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": counts}
    found = cutouts_of(f"coco:{write_coco(tmp_path, values)}?min_side=30")
    check_disc(found["dog/000009-1.png"], BOXES[1])
    check_disc(found["cat/000009-2.png"], BOXES[2])


def test_what_is_left_out_is_counted_and_the_licences_are_stated(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="it is in requirements-dev.txt")
    values = annotations()
    crowd = values["annotations"][1] | {"id": 10, "iscrowd": 1}
    lost = values["annotations"][1] | {"id": 11, "image_id": 1}
    values["annotations"] += [crowd, lost]
    file = write_coco(tmp_path, values)
    listing = listed(f"coco:{file}")
    left_out = "1 smaller than 64 pixels, 1 crowd, 1 without mask or photograph"
    assert listing.ignored == f"instances left out of instances_val2017.json: {left_out}"
    assert listing.license_note == "Attribution License http://creativecommons.org/licenses/by/2.0/ (2)"
    only_cats = listed(f"coco:{file}?classes=cat")
    assert [picture.class_name for picture in only_cats.pictures] == ["cat"]
    with pytest.raises(SourceError, match=r"has no class 'bird'\.\n  Its classes are cat, dog"):
        listed(f"coco:{file}?classes=bird")
    with pytest.raises(SourceError, match=r"no instance that can be used \(left out: .*smaller than 900 pixels"):
        listed(f"coco:{file}?min_side=900")


def test_photographs_that_are_missing_or_of_another_size(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="it is in requirements-dev.txt")
    file = write_coco(tmp_path)
    (tmp_path / "val2017" / "000009.png").unlink()
    picture = next(iter(listed(f"coco:{file}").pictures))
    with pytest.raises(SourceError, match=r"has no photograph: 000009.png is in none of .*val2017"):
        picture.read()
    save(photo()[:, :100], tmp_path / "images" / "000009.png")
    with pytest.raises(SourceError, match="photograph of 100x120 pixels, but its annotations say 160x120"):
        load_rgba(picture.read())


def test_a_turned_photograph_is_taken_as_its_annotations_mean_it(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="it is in requirements-dev.txt")
    file = write_coco(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees
    for pixels in (Image.fromarray(photo()), Image.fromarray(photo()).rotate(90, expand=True)):
        pixels.save(tmp_path / "val2017" / "000009.png", exif=exif)
        check_disc(cutouts_of(f"coco:{file}")["dog/000009-1.png"], BOXES[1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is no COCO annotation file of instances: it needs the lists images, annotations, categories"),
        ('{"images": [], "annotations": [{"id": 1}], "categories": []}', r"annotations\[0\] has no 'bbox'"),
        ('{"images": [3], "annotations": [], "categories": []}', r"images\[0\] has no 'file_name'"),
        ('{"images": [], "annotations": [], "categories": []}', r"no instance that can be used \(left out: none\)"),
    ],
)
def test_bad_annotation_files(tmp_path: Path, content: str, message: str) -> None:
    pytest.importorskip("pycocotools", reason="it is in requirements-dev.txt")
    file = tmp_path / "a.json"
    file.write_text(content)
    with pytest.raises(SourceError, match=message):
        listed(f"coco:{file}")
    with pytest.raises(SourceError, match=r"missing.json cannot be read \(No such file"):
        listed(f"coco:{tmp_path}/missing.json")


def test_a_malformed_mask_names_its_instance(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="it is in requirements-dev.txt")
    values = annotations()
    values["annotations"][0]["segmentation"] = [[1, 2, 3]]
    values["annotations"][1]["segmentation"] = [[300, 300, 310, 300, 310, 310]]
    make_sources(tmp_path, 2, 0)
    recipe = tiny_recipe(tmp_path, foregrounds=f"coco:{write_coco(tmp_path, values)}?min_side=30")
    with pytest.raises(SourceError, match=r"dog/000009-1\.png has a mask that cannot be read") as e:
        load_sources(recipe)
    assert "cat/000009-2.png has an empty mask" in str(e.value)


def test_without_pycocotools_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    with pytest.raises(
        SourceError, match=r"need the package pycocotools, which is not installed.\n  Install it: .*coco"
    ):
        listed(f"coco:{write_coco(tmp_path)}")


def test_instance_masks_are_no_backgrounds(tmp_path: Path) -> None:
    make_sources(tmp_path, 0, 2)
    recipe = tiny_recipe(tmp_path, backgrounds="pascal:VOC2012")
    with pytest.raises(
        SourceError, match=r"pascal:.*VOC2012 names instance masks, which are cut-outs and no backgrounds"
    ):
        load_sources(recipe)


def write_pascal(folder: Path) -> Path:
    """Two discs: values 1 (a dog) and 2 (a cat), with a border of unknown pixels."""
    (folder / "JPEGImages").mkdir(parents=True)
    Image.fromarray(photo()).save(folder / "JPEGImages" / "2007_000033.jpg", quality=100, subsampling=0)
    objects, classes = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    for value, (key, label) in enumerate(((1, 12), (2, 8)), 1):
        box = BOXES[key]
        ring = disc((box[0] - 2, box[1] - 2, box[2] + 2, box[3] + 2))
        core = disc((box[0] + 2, box[1] + 2, box[2] - 2, box[3] - 2))
        for values, number in ((objects, value), (classes, label)):
            values[ring], values[core] = 255, number
    for name, values in (("SegmentationObject", objects), ("SegmentationClass", classes)):
        image = Image.fromarray(values)
        image.putpalette([channel for index in range(256) for channel in (index, 255 - index, index)])
        (folder / name).mkdir()
        image.save(folder / name / "2007_000033.png")
    return folder


def test_pascal_instances(tmp_path: Path) -> None:
    folder = write_pascal(tmp_path / "VOC2012")
    found = cutouts_of(f"pascal:{folder}?min_side=30")
    assert list(found) == ["dog/2007_000033-1.png", "cat/2007_000033-2.png"]
    for name, key in zip(found, (1, 2), strict=True):
        assert 0.75 < (found[name][..., 3] > 127).sum() / disc(BOXES[key]).sum() < 1.05
        assert np.abs(found[name][found[name][..., 3] == 255][:, :3].astype(int) - RED).max() < 40
    with pytest.raises(SourceError, match="has no folder SegmentationObject"):
        listed(f"pascal:{tmp_path}")


def write_open_images(folder: Path) -> Path:
    """A disc with a mask of half the resolution, as Open Images has them."""
    (folder / "images").mkdir(parents=True)
    Image.fromarray(photo()).save(folder / "images" / "00a1b2c3d4e5f607.jpg", quality=100, subsampling=0)
    mask = Image.fromarray(np.where(disc(BOXES[1]), 255, 0).astype(np.uint8)).resize((WIDTH // 2, HEIGHT // 2))
    (folder / "masks").mkdir()
    mask.point(lambda value: 255 * (value > 127)).convert("1").save(
        folder / "masks" / "00a1b2c3d4e5f607_m0bt9lr_3f5a0b1c.png"
    )
    (folder / "class-descriptions-boxable.csv").write_text("/m/0bt9lr,Dog\n/m/01yrx,Cat\n")
    return folder


def test_open_images_instances(tmp_path: Path) -> None:
    folder = write_open_images(tmp_path / "oi")
    found = cutouts_of(f"openimages:{folder}")
    assert list(found) == ["Dog/00a1b2c3d4e5f607-3f5a0b1c.png"]
    pixels = next(iter(found.values()))
    assert np.abs(np.subtract(pixels.shape[:2], (60 + 8, 80 + 8))).max() <= 3
    assert 0.8 < (pixels[..., 3] > 127).sum() / disc(BOXES[1]).sum() < 1
    assert np.abs(pixels[pixels[..., 3] == 255][:, :3].astype(int) - RED).max() < 40
    (folder / "class-descriptions-boxable.csv").unlink()
    assert list(cutouts_of(f"openimages:{folder}")) == ["m0bt9lr/00a1b2c3d4e5f607-3f5a0b1c.png"]
    with pytest.raises(SourceError, match="is not a folder"):
        listed(f"openimages:{tmp_path}/none")


def test_a_build_from_coco_can_be_repeated_from_its_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pycocotools", reason="it is in requirements-dev.txt")
    make_sources(tmp_path, 3, 0)
    file = write_coco(tmp_path / "coco")
    recipe = tiny_recipe(tmp_path, foregrounds=f"coco:{file}?min_side=30", defringe="on")
    quiet_build(recipe, tmp_path / "out")
    assert verify(str(tmp_path / "out")).ok
    text = (tmp_path / "out" / "recipe.yaml").read_text()
    assert "foregrounds: coco:./instances_val2017.json?min_side=30" in text
    assert "Attribution License" in (tmp_path / "out" / "README.md").read_text()
    assert statistics_of(tmp_path / "out")["license_notes"]
    assert str(tmp_path) not in text + (tmp_path / "out" / "statistics.json").read_text()
    monkeypatch.chdir(tmp_path / "coco")
    quiet_build(load_recipe(tmp_path / "out" / "recipe.yaml"), tmp_path / "again")
    assert tree(tmp_path / "again") == tree(tmp_path / "out")


def test_relative_addresses_are_relative_to_the_recipes_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipe.yaml").write_text("foregrounds: coco:annotations/a.json?min_side=9\nbackgrounds: bg\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    recipe = load_recipe("../recipe.yaml")
    assert recipe.foregrounds == "coco:../annotations/a.json?min_side=9"
    absolute = with_absolute_folders(recipe)
    assert absolute.foregrounds == f"coco:{tmp_path}/annotations/a.json?min_side=9"
    assert published(absolute).foregrounds == "coco:./a.json?min_side=9"


def test_an_instance_at_the_pictures_edge_stays_opaque_there() -> None:
    pixels = np.full((60, 60, 3), RED, np.uint8)
    mask = io.BytesIO()
    Image.fromarray(np.pad(np.full((40, 30), 255, np.uint8), ((10, 10), (0, 30)))).save(mask, "PNG")
    picture = io.BytesIO()
    Image.fromarray(pixels).save(picture, "PNG")
    data = Instance(picture.getvalue(), {"file": 255, "void": None}, mask_file=mask.getvalue()).pack()
    alpha = np.asarray(load_rgba(data))[..., 3]
    assert (alpha[10:-10, 0] == 255).all()
    assert alpha[0, 0] == 0
