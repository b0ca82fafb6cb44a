"""The layers of a row, the file that the 3-D tab draws, and its route."""

from __future__ import annotations

import gzip
import json
import struct
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_outputs import encode, make_output
from app_scenes import PLACED, SIZE, background_depth, decode, make_layered_output, stored_row
from hypothesis import given, settings
from hypothesis import strategies as st

from fgbg_depth.app import scene_file, scene_layers, scene_route, tab_scene
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.scene_glb import scene_glb
from fgbg_depth.depth.kinds import METRIC, RELATIVE_DEPTH, RELATIVE_DISPARITY, DepthKind
from fgbg_depth.depth.spec import DepthSpec, decode_depth, metric_scale, relative_scale
from fgbg_depth.errors import UsageError
from fgbg_depth.read.reader import DatasetReader, StoredRow


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_layered_output(tmp_path_factory.mktemp("scene") / "out")


@pytest.fixture(scope="module")
def browser(output: Path) -> DatasetReader:
    return DatasetReader.open(output)


def parsed(data: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Header and blocks of a scene file, read as static/scene_data.js does."""
    (length,) = struct.unpack("<I", data[:4])
    header = json.loads(data[4 : 4 + length])
    blocks = {}
    for name, (start, num_bytes) in header["blocks"].items():
        assert (4 + length + start) % 2 == 0, "arrays of uint16 start at even bytes"
        blocks[name] = data[4 + length + start : 4 + length + start + num_bytes]
    return header, blocks


def scene(browser: DatasetReader, index: int = 1) -> tuple[dict[str, Any], dict[str, bytes]]:
    row = browser.row("train", index, scene_file.image_columns(browser))
    return parsed(scene_file.scene_file(browser, row))


def numbers(data: bytes) -> np.ndarray:
    return np.frombuffer(data, "<u2")


def test_the_file_has_the_stored_values(browser: DatasetReader, output: Path) -> None:
    header, blocks = scene(browser)
    row = stored_row(output, "train", 1)
    assert [label["name"] for label in header["labels"]] == ["placed", "predicted"]
    assert (numbers(blocks["label:placed"]) == row[PLACED].ravel()).all()
    assert (numbers(blocks["label:predicted"]) == row["fg_bg_depth"].ravel()).all()
    assert (numbers(blocks["background:depth"]) == background_depth("metric").ravel()).all()
    assert decode(blocks["picture"]).shape == (SIZE, SIZE, 3) and header["background"] == row["bg"]
    assert len(header["layers"]) == 1 and header["layers"][0]["fg"] == row["fg"] and header["note"] is None


def test_a_layer_has_the_depth_and_the_matte_of_its_pixels(browser: DatasetReader, output: Path) -> None:
    header, blocks = scene(browser)
    row, (layer,) = stored_row(output, "train", 1), header["layers"]
    box = np.s_[layer["y"] : layer["y"] + layer["height"], layer["x"] : layer["x"] + layer["width"]]
    mask = row["fg_bg_mask"]
    outside = mask.copy()
    outside[box] = 0
    assert not outside.any(), "the layer contains the whole matte"
    rgba = decode(blocks["layer:1"])
    assert (rgba[..., 3] == mask[box]).all()
    inside = mask[box] >= 128
    for name, column in (("placed", PLACED), ("predicted", "fg_bg_depth")):
        depth = numbers(blocks[f"layer:1:{name}"]).reshape(inside.shape)
        assert (depth[inside] == row[column][box][inside]).all()
        assert set(np.unique(depth)) <= set(np.unique(row[column][mask >= 128])), "no value of the background"


def test_layers_over_the_background_are_the_picture(browser: DatasetReader, output: Path) -> None:
    header, blocks = scene(browser)
    (layer,) = header["layers"]
    box = np.s_[layer["y"] : layer["y"] + layer["height"], layer["x"] : layer["x"] + layer["width"]]
    picture = decode(blocks["background"]).astype(float)
    rgba = decode(blocks["layer:1"]).astype(float)
    alpha = rgba[..., 3:] / 255
    picture[box] = rgba[..., :3] * alpha + picture[box] * (1 - alpha)
    assert np.abs(picture - decode(blocks["picture"])).mean() < 6, "JPEG is not exact"


def test_soft_edges_belong_to_the_cut_out_beside_them(browser: DatasetReader) -> None:
    """Two cut-outs that touch: each pixel of the matte is in exactly one layer."""
    row = browser.row("train", 1, ("fg_bg", "fg_bg_mask"))
    alpha, instances = np.zeros((SIZE, SIZE), np.uint8), np.zeros((SIZE, SIZE), np.uint8)
    alpha[20:60, 20:80] = 90
    alpha[24:56, 24:76] = 255
    instances[24:56, 24:50], instances[24:56, 50:76] = 1, 2
    images = row.images | {"fg_bg_mask": encode(alpha), "fg_bg_instances": encode(instances)}
    facts = row.facts | {"objects": [{"fg": "far"}, {"fg": "near"}, {"fg": "hidden"}]}
    row = StoredRow(row.split, row.index, row.shard, row.shard_row, facts, images)
    layers = scene_layers.row_layers(row, np.zeros((SIZE, SIZE, 3), np.uint8))
    assert [(layer.number, layer.fg) for layer in layers] == [(1, "far"), (2, "near")]
    total = np.zeros((SIZE, SIZE), int)
    for layer in layers:
        height, width = layer.rgba.shape[:2]
        total[layer.y : layer.y + height, layer.x : layer.x + width] += layer.rgba[..., 3]
        assert set(np.unique(layer.depths(instances.astype(np.uint16)))) == {layer.number}
    assert (total == alpha).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_unblending_inverts_blending(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cutout, background = rng.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    alpha = rng.integers(128, 256, (8, 8), dtype=np.uint8)
    a = alpha[..., None] / 255
    image = np.rint(a * cutout + (1 - a) * background).astype(np.uint8)
    error = np.abs(scene_layers.unblended(image, alpha, background).astype(int) - cutout)
    assert error.max() <= 2, "half a step of the picture is at most one step of a cut-out that covers half, rounded"


def test_nearest_known_pixels() -> None:
    known = np.zeros((5, 7), bool)
    known[2, 3] = True
    assert (scene_layers.nearest_known(known, 10) == 2 * 7 + 3).all()
    near = scene_layers.nearest_known(known, 1)
    assert near[2, 2] == near[1, 3] == 17 and near[0, 0] == 0, "beyond the reach a pixel keeps its own index"
    assert (scene_layers.nearest_known(~known & known, 3) == np.arange(35).reshape(5, 7)).all()


@pytest.mark.parametrize("kind", [METRIC, RELATIVE_DEPTH, RELATIVE_DISPARITY], ids=lambda kind: kind.name)
def test_the_browser_computes_distances_as_the_kind_does(browser: DatasetReader, kind: DepthKind) -> None:
    scale = metric_scale(10) if kind.is_metric else relative_scale(-0.3, 4.5)
    spec = DepthSpec(model="m", kind=kind.name, unit=kind.unit, **scale)
    found = scene_file.depth_scale(browser, spec)
    stored = np.linspace(1, spec.levels, 500).astype(np.uint16)
    linear = found["a"] + found["b"] * (found["offset"] + found["step"] * stored.astype(float))
    expected = kind.distances(decode_depth(stored[None], spec)[0], spec.low, spec.high)
    assert np.allclose(1 / linear if found["inverse"] else linear, expected, rtol=1e-4)


def test_the_range_of_differences(browser: DatasetReader, output: Path) -> None:
    header, _ = scene(browser)
    row = stored_row(output, "train", 1)
    inside = row["fg_bg_mask"] >= 128
    difference = np.abs(row[PLACED][inside].astype(float) - row["fg_bg_depth"][inside]) / 1000
    assert header["differenceLimit"] == pytest.approx(np.quantile(difference, 0.95))


def test_the_glb_has_the_background_and_each_cut_out(browser: DatasetReader, output: Path) -> None:
    row = browser.row("train", 1, scene_file.image_columns(browser))
    data = scene_glb(browser, row, 60)
    (size,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + size])
    assert [mesh["name"] for mesh in document["meshes"]] == [row.facts["bg"], row.facts["fg"]]
    assert [mesh["primitives"][0]["material"] for mesh in document["meshes"]] == [0, 1], "only cut-outs are transparent"
    assert document["accessors"][0]["count"] == SIZE * SIZE, "the background is whole"
    assert document["accessors"][2]["count"] == 6 * (SIZE - 1) ** 2
    body = data[28 + size :]
    view = document["bufferViews"][3]
    points = np.frombuffer(body[view["byteOffset"] : view["byteOffset"] + view["byteLength"]], "<f4").reshape(-1, 3)
    stored = stored_row(output, "train", 1)
    placed = np.unique(stored[PLACED][stored["fg_bg_mask"] >= 128]) / 1000
    distances = document["nodes"][-1]["translation"][2] - points[:, 2]
    assert np.abs(distances[:, None] - placed).min(1).max() < 1e-3, "every vertex of the cut-out is at its placed depth"


def test_without_placed_labels_there_is_no_difference(tmp_path: Path) -> None:
    header, blocks = scene(DatasetReader.open(make_layered_output(tmp_path / "out", placed=False)))
    assert [label["name"] for label in header["labels"]] == ["predicted"] and header["differenceLimit"] is None
    assert len(header["layers"]) == 1 and "layer:1:predicted" in blocks


def test_without_the_depth_of_backgrounds_the_file_says_so(tmp_path: Path) -> None:
    header, blocks = scene(DatasetReader.open(make_output(tmp_path / "out", 2, 2, 1, size=64)))
    assert header["background"] is None and header["layers"] == [] and "background" not in blocks
    assert "does not store the depth of its backgrounds" in header["note"]


def test_without_depth_there_is_no_file_but_the_picture(tmp_path: Path) -> None:
    output = make_output(tmp_path / "out", 2, 2, 1, size=64, depth=None)
    with pytest.raises(UsageError, match="no depth maps"):
        scene(DatasetReader.open(output), 0)
    page = tab_scene.scene_page(Opened(str(output)), "")
    assert "no depth maps" in page and "data:image/jpeg" in page


def test_a_row_that_does_not_exist_gives_a_message(output: Path) -> None:
    assert "train has rows 0 to" in tab_scene.scene_page(Opened(str(output)), "train/9999")


def test_the_route(url: str, browser: DatasetReader) -> None:
    """The file, which a browser may keep: its address changes when the dataset does."""
    row = browser.row("train", 1, scene_file.image_columns(browser))
    with urllib.request.urlopen(f"{url}/{scene_route.file_path(browser, row)}", timeout=10) as answer:
        assert "immutable" in answer.headers["cache-control"] and answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(answer.read()) == scene_file.scene_file(browser, row)
    glb = scene_route.file_path(browser, row, "glb")
    with urllib.request.urlopen(f"{url}/{glb}?fov=40", timeout=10) as answer:
        assert answer.headers["content-type"] == "model/gltf-binary" and answer.read().startswith(b"glTF")


@pytest.mark.parametrize(
    "path",
    [
        "scene/{version}/train/99999.scene", "scene/{version}/nope/0.scene", "scene/0123456789abcdef/train/0.scene",
        "scene/{version}/train/0.glb?fov=0", "scene/{version}/train/0.glb?fov=wide", "scene/{version}/../etc/0.scene",
        "scene/{version}/train/0.txt",
    ],
)  # fmt: skip
def test_addresses_that_have_no_file(url: str, browser: DatasetReader, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{url}/{path.format(version=browser.digest)}", timeout=10)
    assert caught.value.code == 404 and "immutable" not in caught.value.headers.get("cache-control", "")
