"""The app's parts: pictures, point clouds, markup that nothing from a dataset can break out of."""

import base64
import io
import json
import re
import struct
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from app_outputs import depth_spec, encode, make_output
from PIL import Image

from fgbg_depth.app import card, gallery, header, numbers, pixels, scene, source_tiles, viewer
from fgbg_depth.app.cloud import distances, edges, make_cloud, unproject
from fgbg_depth.app.handlers import coverage_top, make_filter, parse_address
from fgbg_depth.app.markup import escape, tag
from fgbg_depth.depth.colors import colorize
from fgbg_depth.depth.kinds import METRIC
from fgbg_depth.errors import UsageError
from fgbg_depth.read.reader import Browser, Filter

HOSTILE = ("<img src=x onerror=alert(1)>", '"><script>alert(2)</script>', "${alert(3)}{{alert}}'`")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return Browser.open(make_output(tmp_path_factory.mktemp("app") / "out", names=HOSTILE, size=64))


@pytest.fixture(scope="module", params=["relative_disparity", None])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    folder = tmp_path_factory.mktemp("other") / "out"
    return Browser.open(make_output(folder, 2, 2, 2, size=64, depth=request.param))


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, name: str, attributes: list) -> None:
        self.found.append((name, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(html: str) -> Tags:
    parsed = Tags(html)
    for name, attributes in parsed.found:
        assert name not in {"script", "iframe", "object", "style", "form", "base", "link", "meta"}
        assert not any(key.startswith("on") for key in attributes), (name, attributes)
        for key in ("src", "href"):
            assert re.match(r"data:image/(png|jpeg);base64,|https?://|#|$", attributes.get(key) or ""), attributes
    return parsed


def pages(browser: Browser) -> dict[str, str]:
    rows = browser.sample(Filter(), 12)
    return {
        "header": header.header(browser),
        "gallery": gallery.tiles(browser, rows, "fg_bg", 12, 0),
        "viewer": viewer.view(browser, browser.row("train", 3)),
        "numbers": numbers.page(browser),
        "backgrounds": source_tiles.page(browser, "bg"),
        "cutouts": source_tiles.page(browser, "fg"),
        "card": card.render(browser.files),
        "problem": header.problem(f"{HOSTILE[0]}\n  python builder.py {HOSTILE[1]}"),
    }


def test_no_name_becomes_markup(browser: Browser) -> None:
    made = pages(browser)
    for html in made.values():
        assert_harmless(html)
    shown = {name for name in HOSTILE if name in Tags(made["cutouts"]).text}
    assert shown == set(HOSTILE), "they read as they are"


def test_every_kind_of_dataset_has_pages(other: Browser) -> None:
    for html in pages(other).values():
        assert_harmless(html)


def test_markup_escapes_all_but_its_own() -> None:
    assert tag("p", "<b>", tag("i", "&"), class_='"x') == '<p class="&quot;x">&lt;b&gt;<i>&amp;</i></p>'
    assert escape(escape("<")) == "&lt;"


def test_the_card_holds_nothing_foreign(tmp_path: Path) -> None:
    output = make_output(tmp_path / "out", 2, 2, 2, size=64)
    (output / "assets").mkdir()
    (output / "assets" / "a.png").write_bytes(encode(np.zeros((2, 2), np.uint8)))
    (output / "assets" / "b.png").write_bytes(b"<svg onload=alert(1)>")
    (output / "README.md").write_text(
        "---\nlicense: x\n---\n# T\n<script>alert(1)</script>\n\n<details onclick=a><summary>S</summary>\n\nin\n\n"
        "</details>\n\n![a](assets/a.png) ![b](assets/b.png) ![c](https://evil.example/x.png) ![d](../../../etc/passwd)"
        " [l](javascript:alert(1)) [m](https://ok.example) <img src=x onerror=alert(1)>\n\n"
        "<details><summary>ok</summary>"
        "\n\ntext\n\n</details>\n"
    )
    html = card.render(Browser.open(output).files)
    parsed = assert_harmless(html)
    sources = [a["src"] for name, a in parsed.found if name == "img"]
    assert [bool(s) for s in sources] == [True, False, False, False]
    assert [a["href"] for name, a in parsed.found if name == "a"] == ["https://ok.example"]
    assert [name for name, _ in parsed.found].count("details") == 1 and "license" not in html


def test_the_line_to_copy_loads_exactly_this_row(browser: Browser, tmp_path: Path, monkeypatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    row = browser.row("train", 17)
    scope: dict = {}
    exec(viewer.load_line(browser, row), scope)
    loaded = scope["rows"].cast_column("fg_bg", datasets.Image(decode=False))[row.shard_row]
    assert loaded["fg_bg"]["bytes"] == row.images["fg_bg"]
    assert {key: loaded[key] for key in row.facts} == row.facts


def test_pixel_readings_are_the_stored_numbers(browser: Browser) -> None:
    row = browser.row("train", 5)
    depth, mask = row.images["fg_bg_depth"], row.images["fg_bg_mask"]
    raw = zlib.decompress(base64.b64decode(pixels.readings(depth, mask)))
    stored = np.frombuffer(raw[: 2 * 64 * 64], "<u2").reshape(64, 64)
    assert (stored == np.asarray(Image.open(io.BytesIO(depth)))).all()
    assert raw[2 * 64 * 64 :] == Image.open(io.BytesIO(mask)).tobytes()


def test_depth_colours_are_the_cards(browser: Browser) -> None:
    values = pixels.decode(browser.row("train", 5).images["fg_bg_depth"], browser.statistics["depth"])
    shown = np.asarray(Image.open(io.BytesIO(pixels.depth_png(values, 1, 9, "metric"))).convert("RGB"))
    assert np.isnan(values).any() and (shown[np.isnan(values)] == 128).all()
    assert np.abs(shown.astype(int) - colorize(values, 1, 9, METRIC)).max() <= 8, "255 levels instead of 256"


def test_the_overlay_is_as_opaque_as_the_matte(browser: Browser) -> None:
    mask = browser.row("train", 5).images["fg_bg_mask"]
    overlay = np.asarray(Image.open(io.BytesIO(pixels.overlay_png(mask))).convert("RGBA"))
    assert (overlay[..., 3] == np.asarray(Image.open(io.BytesIO(mask)))).all()


def parse_glb(data: bytes) -> tuple[dict, np.ndarray, np.ndarray, np.ndarray | None]:
    """Check the container as the specification words it; (document, points, colours, triangles)."""
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
def test_glb_is_valid(browser: Browser, as_surface: bool) -> None:
    row = browser.row("train", 5)
    document, points, colours, triangles = parse_glb(scene.cloud_of(browser, row, 60, True, as_surface))
    assert len(points) == len(colours) > 1000 and np.isfinite(points).all()
    assert document["cameras"][0]["perspective"]["aspectRatio"] == 1
    assert document["meshes"][0]["primitives"][0]["mode"] == (4 if as_surface else 0)
    if triangles is not None:
        assert triangles.max() == len(points) - 1
        a, b, c = (points[triangles[:, k]] for k in range(3))
        facing = np.cross(b - a, c - a)
        camera = np.array([0, 0, document["nodes"][1]["translation"][2]])
        assert ((camera - a) * facing).sum(1).min() > 0, "all triangles face the camera"


def test_points_without_depth_or_at_edges_are_left_out() -> None:
    spec = depth_spec("metric")
    values = np.full((20, 20), 4.0, np.float32)
    values[5:15, 5:15] = 1.0
    values[0, 0] = np.nan
    image = np.arange(1200, dtype=np.uint32).reshape(20, 20, 3).astype(np.uint8)
    _, points, _, _ = parse_glb(make_cloud(image, values, spec, drop_edges=False))
    assert len(points) == 399
    jump = edges(values)
    assert jump[5, 5] and jump[4, 5] and not jump[10, 10] and not jump[2, 2]
    _, points, colours, _ = parse_glb(make_cloud(image, values, spec, drop_edges=True))
    assert len(points) == 399 - jump.sum() == len(colours)
    _, _, _, triangles = parse_glb(make_cloud(image, values, spec, drop_edges=False, as_surface=True))
    assert triangles is not None and 0 < len(triangles) < 2 * 19 * 19


def test_a_map_without_any_depth_gives_an_empty_cloud() -> None:
    data = make_cloud(np.zeros((4, 4, 3), np.uint8), np.full((4, 4), np.nan, np.float32), depth_spec("metric"))
    assert json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])["accessors"][0]["count"] == 0


def test_relative_kinds_keep_their_order() -> None:
    disparity = distances(np.array([[0.0, 0.5, 1.0]], np.float32), depth_spec("relative_disparity"))
    assert disparity[0].tolist() == pytest.approx([4, 1.6, 1])


def test_addresses_and_filters() -> None:
    assert parse_address("train/12") == ("train", 12)
    for wrong in ("train", "train/", "train/-1", "train/1e3", "train/²", "x/" + "9" * 30):
        with pytest.raises(UsageError):
            parse_address(wrong)
    assert make_filter(["", "", "", "any", 0, 18], 18) == Filter()
    assert make_filter(["train", "b", "", "mirrored", 5, 10], 18) == Filter("train", "b", None, True, (0.05, 0.1))


def test_coverage_slider_reaches_the_fullest_row(browser: Browser) -> None:
    top = coverage_top(browser) / 100
    assert browser.count(Filter(coverage=(0, top))) == browser.num_rows


def test_the_app_needs_no_torch() -> None:
    check = (
        "import sys, fgbg_depth.app.launch; "
        "print([m for m in ('torch', 'transformers', 'datasets', 'h5py', 'matplotlib') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
