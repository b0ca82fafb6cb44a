"""The tab Try it: what it shows is what a build makes, uploads are checked and never written to a file."""

import base64
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np
import pytest
from app_outputs import make_cutout, make_output
from PIL import Image
from try_pictures import bench_of, jpeg_bytes, png, values_of

from fgbg_depth.app import launch, tab_try, try_it
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.page import build_page
from fgbg_depth.app.predictor import MAX_WAITING, Predictor
from fgbg_depth.depth import models
from fgbg_depth.depth.placed import place_depth
from fgbg_depth.errors import PlacementError, SourceError, UsageError
from fgbg_depth.read.reader import DatasetReader
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.codecs import decode_grey, encode_image
from fgbg_depth.render.png import header
from fgbg_depth.schema import FOREGROUND_ALPHA

if TYPE_CHECKING:
    pass

KEY = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def reader(both_labels: Path) -> DatasetReader:
    return DatasetReader.open(str(both_labels))


def test_the_placement_of_a_row_gives_its_stored_images(reader: DatasetReader) -> None:
    manifest = reader.manifest
    for split, count in reader.splits.items():
        row = reader.row(split, count // 2)
        f = row.facts
        placement = try_it.Placement(f["x"], f["y"], f["width"], f["height"], f["flip"])
        found = try_it.compose(bench_of(reader, f["bg"], f["fg"]), placement, manifest.recipe, manifest.depth)
        recipe = manifest.recipe
        stored = encode_image(found.image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling)
        assert stored == row.images["fg_bg"]
        assert (found.mask == decode_grey(row.images["fg_bg_mask"])).all()
        assert found.placed is not None
        assert (found.placed == decode_grey(row.images["fg_bg_depth_placed"])).all()


def test_placed_depth_at_another_place_and_size(reader: DatasetReader) -> None:
    manifest = reader.manifest
    bench = bench_of(reader, reader.names("bg")[0], reader.names("fg")[0])
    size = manifest.recipe.size
    found = try_it.compose(bench, try_it.Placement(-3, size // 3, 31, 40, True), manifest.recipe, manifest.depth)
    assert bench.background is not None and bench.background.depth is not None and manifest.depth is not None
    expected = place_depth(bench.background.depth, found.mask >= FOREGROUND_ALPHA, manifest.depth)
    changed = found.placed != bench.background.depth
    assert changed.any() and not (changed & (found.mask < FOREGROUND_ALPHA)).any()
    assert found.placed is not None and expected.dtype == found.placed.dtype


def test_a_dataset_without_depth_has_composite_and_matte_only(tmp_path: Path) -> None:
    reader = DatasetReader.open(str(make_output(tmp_path / "out", depth=None)))
    bench = bench_of(reader, reader.names("bg")[0], reader.names("fg")[0])
    found = try_it.compose(bench, try_it.Placement(5, 5, 30, 30), reader.manifest.recipe, None)
    assert found.placed is None and found.mask.any()
    page = tab_try.page(reader, Predictor())
    assert "data-predict" not in page and "Placed" not in page and "Matte" in page
    assert not Predictor().available(reader.manifest)
    with pytest.raises(UsageError, match="cannot be predicted here"):
        Predictor()(reader.manifest, np.zeros((96, 96, 3), np.uint8))


def test_what_is_not_a_placement() -> None:
    good = {"x": 3, "y": -4, "width": 10, "height": 12, "flip": True}
    assert try_it.Placement.of(good, 64) == (3, -4, 10, 12, True)
    for wrong in ({"x": "3"}, {"x": 64}, {"y": None}, {"width": 0}, {"height": 129}, {"width": True}, {"x": 1.5}):
        with pytest.raises(UsageError, match="allowed: a whole number from"):
            try_it.Placement.of(good | wrong, 64)


def test_a_cutout_outside_the_frame_or_too_small(reader: DatasetReader) -> None:
    bench = bench_of(reader, reader.names("bg")[0], reader.names("fg")[0])
    manifest = reader.manifest
    with pytest.raises(PlacementError, match="outside the frame"):
        try_it.compose(bench, try_it.Placement(-50, 0, 20, 20), manifest.recipe, manifest.depth)
    with pytest.raises(UsageError, match="no longer has your pictures"):
        try_it.compose(try_it.Bench(), try_it.Placement(0, 0, 20, 20), manifest.recipe, manifest.depth)


def huge_png(width: int, height: int) -> bytes:
    """A valid header of a PNG whose pixels would take gigabytes."""
    body = zlib.compress(bytes(1000))
    idat = len(body).to_bytes(4, "big") + b"IDAT" + body + zlib.crc32(b"IDAT" + body).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + header(width, height, 8, 6) + idat


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("bg", b"", "is not a picture in a supported format"),
        ("bg", b"hello, this is a text" * 10, "is not a picture in a supported format"),
        ("bg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "is not a picture"),
        ("bg", huge_png(60_000, 60_000), "is too large; at most 25 million pixels"),
        ("fg", huge_png(6_000, 6_000), "6000x6000 pixels; at most 25 million pixels"),
        ("bg", huge_png(300, 300), "is damaged"),
        ("bg", jpeg_bytes()[:3000], "is damaged"),
        ("bg", bytes(try_it.MAX_BYTES + 1), "has 12.0 MB; at most 12 MB"),
        ("bg", png(np.zeros((2, 90, 3), np.uint8)), "is smaller than 4 pixels"),
        ("fg", jpeg_bytes(), "has no transparency"),
        ("fg", png(np.full((30, 30, 4), 255, np.uint8)), "has no transparency"),
        ("fg", png(np.zeros((30, 30, 4), np.uint8)), "is fully transparent"),
        ("fg", png(np.full((30, 30, 4), 90, np.uint8)), "is too faint"),
        ("fg", png(np.pad(np.full((2, 2, 4), 255, np.uint8), ((9, 9), (9, 9), (0, 0)))), "visible part of 2x2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_uploads_give_messages(kind: str, data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as error:
        try_it.uploaded_picture(kind, "mine.png", data, Recipe())
    assert str(error.value).startswith("mine.png ") and "\n  " in str(error.value)


def test_uploads_are_prepared_like_sources() -> None:
    recipe = Recipe(size=64)
    square = np.full((50, 100, 4), 255, np.uint8)
    square[:, :, 0], square[:, 50:, 3] = 0, 0
    background = try_it.uploaded_picture("bg", "mine.png", png(square), recipe)
    assert background.image.mode == "RGB" and background.image.size == (64, 64)
    assert background.image.getpixel((63, 30)) == (255, 255, 255), "transparent parts of a background become white"
    cutout = try_it.uploaded_picture("fg", "mine.png", png(square), recipe)
    assert cutout.image.size == (50, 50), "cropped to what is visible"
    large = try_it.uploaded_picture("fg", "big.png", png(make_cutout(0, 4000)), recipe)
    assert max(large.image.size) == try_it.KEPT_SIDE_PX
    placement = try_it.first_placement(large.image, recipe, from_dataset=False)
    assert placement.width <= 64 and placement.height <= 64
    assert placement.width / placement.height == pytest.approx(large.image.width / large.image.height, abs=0.03)


def test_memory_is_bounded() -> None:
    benches = try_it.Benches(limit=3)
    keys = [f"{i:032x}" for i in range(5)]
    picture = try_it.Cutout("a", "", Image.new("RGBA", (4, 4)))
    for key in keys[:3]:
        benches.put(key, cutout=picture)
    benches.get(keys[0])
    benches.put(keys[3], cutout=picture)
    assert len(benches) == 3 and benches.get(keys[0]).cutout is picture, "the longest unused one is dropped"
    assert benches.get(keys[1]).cutout is None
    benches.drop(keys[0])
    assert len(benches) == 2
    for wrong in (None, 7, "", "x" * 32, "../../etc/passwd", "0" * 33):
        with pytest.raises(UsageError, match="key"):
            benches.get(wrong)


def test_functions_of_the_server(both_labels: Path) -> None:
    opened, benches = Opened(str(both_labels)), try_it.Benches()
    functions = {f.__name__: f for f in tab_try.server_functions(opened, Predictor(), benches)}
    assert set(functions) == {"try_source", "try_place", "try_predict", "try_leave"}
    browser = opened()
    place, source = functions["try_place"], functions["try_source"]
    where = {"key": KEY, "x": 3, "y": 3, "width": 20, "height": 20}
    assert "no longer has your pictures" in place(where)["error"]
    for kind in ("bg", "fg"):
        assert source({"key": KEY, "kind": kind, "name": browser.names(kind)[0]})["image"].startswith("data:image/png")
    answer = place(where | {"final": True})
    assert set(answer) == {"image", "mask", "placed", "placed_file"}
    expected = try_it.compose(
        benches.get(KEY), try_it.Placement(3, 3, 20, 20), browser.manifest.recipe, browser.manifest.depth
    )
    assert (decode_grey(values_of(answer["mask"])) == expected.mask).all()
    assert (decode_grey(values_of(answer["placed_file"])) == expected.placed).all(), "as the dataset stores it"
    assert "placed_file" not in place(where), "not sent while the cut-out is dragged"

    # a cut-out of the visitor, which no file of the server has
    text = base64.b64encode(png(make_cutout(1, 300))).decode()
    answer = source({"key": KEY, "kind": "fg", "file": "mine.png", "base64": text})
    assert answer["placement"]["height"] <= browser.manifest.recipe.size
    assert set(place(where)) == {"image", "mask", "placed"}
    # the depth of a visitor's background is not known
    text = base64.b64encode(jpeg_bytes()).decode()
    source({"key": KEY, "kind": "bg", "file": "mine.jpg", "base64": text})
    assert set(place(where)) == {"image", "mask"}
    for wrong, message in [
        ({"kind": "xx", "name": "a"}, "allowed: bg, fg"), ({"kind": "bg", "name": "none"}, "no bg named"),
        ({"kind": "fg", "file": "a", "base64": 7}, "did not arrive"),
        ({"kind": "fg", "file": "a", "base64": "§"}, "did not arrive complete"),
        ({"kind": "fg", "file": "a.png", "base64": "A" * (try_it.MAX_BYTES * 2)}, "more than 12 MB"),
    ]:  # fmt: skip
        assert message in source({"key": KEY, **wrong})["error"]
    assert "error" in place(json.loads("[1]")) and "error" in place({}), "anything else gives a message, too"
    functions["try_leave"]({"key": KEY})
    assert len(benches) == 0


def test_predictions_that_wait_are_limited(reader: DatasetReader, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor, image = Predictor(), np.zeros((64, 64, 3), np.uint8)
    monkeypatch.setattr(models, "load_labeller", lambda recipe, spec: lambda images: images[..., 0])
    assert predictor(reader.manifest, image).shape == (64, 64)
    for _ in range(MAX_WAITING):
        assert predictor._places.acquire(blocking=False)
    with pytest.raises(UsageError, match="Too many visitors wait"):
        predictor(reader.manifest, image)


@pytest.mark.slow
def test_predicted_depth_is_that_of_the_dataset(both_labels: Path) -> None:
    opened, predictor = Opened(str(both_labels)), Predictor()
    browser, benches = opened(), try_it.Benches()
    assert predictor.available(browser.manifest)
    row = browser.row("train", 1)
    f = row.facts
    where = {"key": KEY, "final": True, **{name: f[name] for name in ("x", "y", "width", "height", "flip")}}
    for kind in ("bg", "fg"):
        tab_try.choose(browser, benches, {"key": KEY, "kind": kind, "name": f[kind]})
    answer = tab_try.predict(browser, benches, predictor, where)
    stored = decode_grey(row.images["fg_bg_depth"]).astype(int)
    # another number of rows in a call of the model may change the last digit
    assert abs(decode_grey(values_of(answer["predicted_file"])).astype(int) - stored).max() <= 2
    text = base64.b64encode(jpeg_bytes()).decode()
    tab_try.choose(browser, benches, {"key": KEY, "kind": "bg", "file": "mine.jpg", "base64": text})
    assert "placed" in tab_try.predict(browser, benches, predictor, where), "from the predicted bare background"
    assert "placed" in tab_try.place(browser, benches, where), "and it stays known"


def test_when_the_tab_is_shown(both_labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, predictor = Opened(str(both_labels)), Predictor()
    assert tab_try.is_enabled(opened, predictor)
    monkeypatch.setenv("SPACE_ID", "me/space")
    monkeypatch.setattr(Predictor, "available", lambda self, manifest: False)
    assert not tab_try.is_enabled(opened, predictor)
    monkeypatch.setenv(tab_try.TRY, "1")
    assert tab_try.is_enabled(opened, predictor)
    assert "data-predict" not in tab_try.page(opened(), predictor), "only the button is missing"
    monkeypatch.setenv(tab_try.NO_TRY, "1")
    assert not tab_try.is_enabled(opened, predictor)
    assert not tab_try.is_enabled(Opened(None), predictor)

    def labels() -> list[str]:
        return [block.label for block in build_page(opened).blocks.values() if isinstance(block, gr.Tab)]

    assert "Try it" not in labels()
    monkeypatch.setenv(tab_try.NO_TRY, "0")
    assert "Try it" in labels()
    monkeypatch.setattr(launch, "serve", lambda *arguments: None)
    assert launch.main([str(both_labels), "--no-try"]) == 0
    assert "Try it" not in labels()
