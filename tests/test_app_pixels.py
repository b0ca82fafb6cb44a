"""Images and 3-D models that the app makes: sizes are checked, colours and numbers are right, .glb files are valid."""

import io
import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from app_outputs import depth_spec, make_output
from PIL import Image

from fgbg_depth.app import pixels, view_scene
from fgbg_depth.app.cloud import depth_edges, make_glb, unproject
from fgbg_depth.depth.colors import colorize
from fgbg_depth.depth.kinds import METRIC
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import ShardError
from fgbg_depth.read.reader import DatasetReader


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> DatasetReader:
    return DatasetReader.open(make_output(tmp_path_factory.mktemp("pixels") / "out", size=64))


def png_header(width: int, height: int) -> bytes:
    """A PNG file of a few bytes that claims to have this size."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    end = b"IDAT" + zlib.compress(b"")
    chunks = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (chunk, end))
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.slow
def test_importing_the_app_changes_no_limit_of_pillow() -> None:
    """Other code of the same process, such as a notebook, may open larger images."""
    code = (
        "from PIL import Image; before = Image.MAX_IMAGE_PIXELS; "
        "import fgbg_depth.app.pixels, fgbg_depth.app.page; print(Image.MAX_IMAGE_PIXELS == before)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "True"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("pillow_limit", [None, Image.MAX_IMAGE_PIXELS])
@pytest.mark.parametrize("size", [(8001, 8000), (12_000, 12_000), (60_000, 60_000)])
def test_huge_images_are_refused_before_they_are_decoded(
    size: tuple[int, int], pillow_limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillow_limit)
    spec = DepthSpec.from_dict(depth_spec("metric"))
    data = png_header(*size)
    for read in (
        pixels.open_image, pixels.rgb_array, pixels.mask_array, pixels.stored_numbers, pixels.overlay_png,
        lambda d: pixels.thumbnail(d, 100), lambda d: pixels.readings([], d), lambda d: pixels.decode_values(d, spec),
    ):  # fmt: skip
        with pytest.raises(ShardError, match="pixels"):
            read(data)
    assert pixels.open_image(png_header(8000, 8000)).size == (8000, 8000), "the largest that is allowed"


@pytest.mark.parametrize("file_format", ["BMP", "TIFF", "GIF", None])
def test_only_png_and_jpeg_are_decoded(file_format: str | None) -> None:
    buffer = io.BytesIO(b"<svg onload=alert(1)>")
    if file_format:
        Image.new("L", (4, 4)).save(buffer, file_format)
    with pytest.raises(ShardError, match="cannot be read"):
        pixels.open_image(buffer.getvalue())
    assert pixels.mime(buffer.getvalue()) == "application/octet-stream"


def test_pixel_readings_are_the_stored_numbers(browser: DatasetReader) -> None:
    row = browser.row("train", 5)
    depth, mask = row.images["fg_bg_depth"], row.images["fg_bg_mask"]
    raw = pixels.readings([depth], mask)
    stored = np.frombuffer(raw[: 2 * 64 * 64], "<u2").reshape(64, 64)
    assert (stored == np.asarray(Image.open(io.BytesIO(depth)))).all()
    assert raw[2 * 64 * 64 :] == Image.open(io.BytesIO(mask)).tobytes()


def test_depth_has_the_colours_of_the_card(browser: DatasetReader) -> None:
    values = pixels.decode_values(browser.row("train", 5).images["fg_bg_depth"], browser.manifest.depth)
    shown = np.asarray(Image.open(io.BytesIO(pixels.depth_png(values, 1, 9, METRIC))).convert("RGB"))
    assert np.isnan(values).any() and (shown[np.isnan(values)] == 128).all()
    assert np.abs(shown.astype(int) - colorize(values, 1, 9, METRIC)).max() <= 8, "255 levels instead of 256"


def test_the_opacity_of_the_overlay_is_the_mask(browser: DatasetReader) -> None:
    mask = browser.row("train", 5).images["fg_bg_mask"]
    overlay = np.asarray(Image.open(io.BytesIO(pixels.overlay_png(mask))).convert("RGBA"))
    assert (overlay[..., 3] == np.asarray(Image.open(io.BytesIO(mask)))).all()


def parse_glb(data: bytes) -> tuple[dict, np.ndarray, np.ndarray, np.ndarray | None]:
    """Check the container against the glTF specification; (document, points, colours, triangles)."""
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and size % 4 == 0
    document = json.loads(data[20 : 20 + size])
    body_size, kind = struct.unpack_from("<I4s", data, 20 + size)
    body = data[28 + size :]
    assert kind == b"BIN\0" and body_size == len(body) and len(body) % 4 == 0
    parts = []
    types = {5126: "<f4", 5123: "<u2", 5125: "<u4"}
    for accessor in document["accessors"]:
        view = document["bufferViews"][accessor["bufferView"]]
        dtype = np.dtype(types[accessor["componentType"]])
        width = {"VEC3": 3, "VEC4": 4, "SCALAR": 1}[accessor["type"]]
        assert view["byteOffset"] % 4 == 0 and view["byteLength"] == accessor["count"] * width * dtype.itemsize
        part = body[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        parts.append(np.frombuffer(part, dtype).reshape(-1, width))
    assert document["accessors"][0]["min"] == parts[0].min(0).tolist()
    assert document["accessors"][0]["max"] == parts[0].max(0).tolist()
    return document, parts[0], parts[1], parts[2].reshape(-1, 3) if len(parts) == 3 else None


def test_a_plane_stays_a_plane_and_the_field_of_view_is_kept() -> None:
    z = np.full((30, 40), 2.0, np.float32)
    points = unproject(z, 60)
    assert (points[..., 2] == -2).all()
    half_pixel = 2 * np.tan(np.radians(30)) / 40
    assert points[..., 0].max() - points[..., 0].min() == pytest.approx(4 * np.tan(np.radians(30)) - 2 * half_pixel)
    assert points[0, 0, 1] > 0 > points[-1, 0, 1], "y is up"


@pytest.mark.parametrize("as_surface", [False, True])
def test_glb_is_valid(browser: DatasetReader, as_surface: bool) -> None:
    row = browser.row("train", 5)
    document, points, colours, triangles = parse_glb(view_scene.row_glb(browser, row, 60, True, as_surface))
    assert len(points) == len(colours) > 1000 and np.isfinite(points).all()
    assert document["cameras"][0]["perspective"]["aspectRatio"] == 1
    assert document["meshes"][0]["primitives"][0]["mode"] == (4 if as_surface else 0)
    if triangles is not None:
        assert triangles.max() == len(points) - 1
        a, b, c = (points[triangles[:, k]] for k in range(3))
        facing = np.cross(b - a, c - a)
        camera = np.array([0, 0, document["nodes"][1]["translation"][2]])
        assert ((camera - a) * facing).sum(1).min() > 0, "all triangles face the camera"


def test_invalid_pixels_and_pixels_at_depth_edges_are_left_out() -> None:
    values = np.full((20, 20), 4.0, np.float32)
    values[5:15, 5:15] = 1.0
    values[0, 0] = np.nan
    image = np.arange(1200, dtype=np.uint32).reshape(20, 20, 3).astype(np.uint8)
    _, points, _, _ = parse_glb(make_glb(image, values, drop_edges=False))
    assert len(points) == 399
    jump = depth_edges(values)
    assert jump[5, 5] and jump[4, 5] and not jump[10, 10] and not jump[2, 2]
    _, points, colours, _ = parse_glb(make_glb(image, values, drop_edges=True))
    assert len(points) == 399 - jump.sum() == len(colours)
    _, _, _, triangles = parse_glb(make_glb(image, values, drop_edges=False, as_surface=True))
    assert triangles is not None and 0 < len(triangles) < 2 * 19 * 19


def test_a_map_without_valid_depth_gives_an_empty_model() -> None:
    data = make_glb(np.zeros((4, 4, 3), np.uint8), np.full((4, 4), np.nan, np.float32))
    assert json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])["accessors"][0]["count"] == 0
