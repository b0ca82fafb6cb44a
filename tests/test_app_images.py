"""Pictures over HTTP: the right bytes, kept by the browser, of this dataset only, also below another path."""

from __future__ import annotations

import gzip
import io
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from app_outputs import make_output
from app_server import serving
from fastapi import FastAPI
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient
from varied_output import make_varied_output

from fgbg_depth.app import card, images, pixels
from fgbg_depth.app.images import FORMS, Links, image_routes
from fgbg_depth.app.opened import Opened
from fgbg_depth.read.reader import DatasetReader


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_output(tmp_path_factory.mktemp("images") / "out", size=64)


@pytest.fixture(scope="module")
def browser(output: Path) -> DatasetReader:
    return DatasetReader.open(output)


@pytest.fixture(scope="module")
def client(output: Path) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=image_routes(Opened(str(output))))) as made:
        yield made


def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, Message, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=20) as found:
            return found.status, found.headers, found.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def opened_image(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_stored_bytes_and_pictures(client: TestClient, browser: DatasetReader) -> None:
    links, row = Links("", browser.digest), browser.row("train", 5)
    for column, data in row.images.items():
        assert client.get(links.image("stored", "train", 5, column)).content == data
    for column in ("fg_bg", "fg_bg_mask"):
        assert client.get(links.image("shown", "train", 5, column)).content == row.images[column]
    depth = client.get(links.image("shown", "train", 5, "fg_bg_depth"))
    assert depth.headers["content-type"] == "image/png" and opened_image(depth.content).mode == "P"
    overlay = opened_image(client.get(links.image("overlay", "train", 5, "fg_bg_mask")).content).convert("RGBA")
    assert np.array_equal(np.asarray(overlay)[..., 3], pixels.mask_array(row.images["fg_bg_mask"]))
    readings = client.get(links.image("readings", "train", 5, "fg_bg_mask"))
    assert readings.content == pixels.readings([row.images["fg_bg_depth"]], row.images["fg_bg_mask"])
    for kind in ("bg", "fg"):
        name = browser.names(kind)[1]
        assert client.get(links.image("shown", kind, 1, "image")).content == browser.sources(kind)[name].image
        assert max(opened_image(client.get(links.image("tile", kind, 1, "image")).content).size) <= 160


def test_browsers_may_keep_pictures_for_ever(client: TestClient, browser: DatasetReader) -> None:
    address = Links("", browser.digest).image("tile", "train", 2, "fg_bg")
    first = client.get(address)
    assert "immutable" in first.headers["cache-control"] and "private" in first.headers["cache-control"]
    again = client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == first.headers["etag"]
    other = client.get(Links("", browser.digest).image("tile", "train", 3, "fg_bg"))
    assert other.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    "path",
    [
        "{digest}/shown/train/99999/fg_bg",
        "{digest}/shown/nowhere/1/fg_bg",
        "{digest}/shown/train/1/recipe",
        "{digest}/shown/train/1/bg",
        "{digest}/raw/train/1/fg_bg",
        "{digest}/shown/fg/99/image",
        "{digest}/stored/fg/0/image",
        "{digest}/shown/train/-1/fg_bg",
        "{digest}/shown/..%2F..%2Fetc/1/passwd",
        "0000000000000000/shown/train/1/fg_bg",
        "{digest}/shown/train/1/<script>",
    ],
)
def test_wrong_addresses_are_not_found(client: TestClient, browser: DatasetReader, path: str) -> None:
    answer = client.get("/fgbg/image/" + path.format(digest=browser.digest))
    assert answer.status_code == 404 and not answer.headers["content-type"].startswith("text/html")
    assert "immutable" not in answer.headers.get("cache-control", "")


def test_what_is_no_picture_is_not_shown_as_one(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Opened(str(output))
    read = DatasetReader.row

    def hostile(self: DatasetReader, *arguments: object) -> object:
        row = read(self, *arguments)  # type: ignore[arg-type]
        return type(row)(**(row.__dict__ | {"images": dict.fromkeys(row.images, b"<script>alert(1)</script>")}))

    monkeypatch.setattr(DatasetReader, "row", hostile)
    with TestClient(Starlette(routes=image_routes(opened))) as client:
        for form in FORMS:
            answer = client.get(Links("", opened().digest).image(form, "train", 1, "fg_bg"))
            assert answer.status_code == 404 or (
                answer.headers["content-type"] == "application/octet-stream"
                and answer.headers["content-disposition"] == "attachment"
                and answer.headers["x-content-type-options"] == "nosniff"
            )


def test_a_new_version_of_the_dataset_has_new_addresses(tmp_path: Path) -> None:
    output = make_output(tmp_path / "out", 2, 2, 2, size=32)
    opened = Opened(str(output))
    with TestClient(Starlette(routes=image_routes(opened))) as client:
        address = Links("", opened().digest).image("tile", "train", 0, "fg_bg")
        before = client.get(address)
        assert before.status_code == 200
        make_output(tmp_path / "out", 2, 2, 2, size=32, seed=7)
        assert client.get(address).status_code == 404
        after = client.get(Links("", opened().digest).image("tile", "train", 0, "fg_bg"))
        assert after.status_code == 200 and after.content != before.content


@pytest.mark.slow
def test_rows_with_scenes(tmp_path: Path) -> None:
    opened = Opened(str(make_varied_output(tmp_path, placements=1, depth_label="both")))
    with TestClient(Starlette(routes=image_routes(opened))) as client:
        links = Links("", opened().digest)
        for column in ("fg_bg_instances", "fg_bg_depth", "fg_bg_depth_placed"):
            for form in ("tile", "shown"):
                assert opened_image(client.get(links.image(form, "train", 0, column)).content).size[0] > 20
        assert opened_image(client.get(links.image("overlay", "train", 0, "fg_bg_mask")).content).mode == "RGBA"


def test_pictures_of_the_card(tmp_path: Path) -> None:
    """PNG and WebP, as builds write them."""
    output = make_output(tmp_path / "out", 2, 2, 2, size=32)
    (output / "assets").mkdir()
    for name in ("a.png", "b.webp"):
        Image.new("RGB", (4, 4)).save(output / "assets" / name)
    (output / "README.md").write_text("![a](assets/a.png) ![b](assets/b.webp)")
    opened = Opened(str(output))
    links = Links("", opened().digest)
    addresses = re.findall(r'src="([^"]+)"', card.page(opened(), links))
    with TestClient(Starlette(routes=image_routes(opened))) as client:
        assert [client.get(a).headers["content-type"] for a in addresses] == ["image/png", "image/webp"]
        for wrong in ("..%2Frecipe.yaml", "a.svg", "..png", "a.png"):
            assert client.get(links.image("shown", "card", 1, wrong)).status_code == 404


def test_the_server_has_the_route(output: Path, browser: DatasetReader) -> None:
    with serving(str(output)) as url:
        status, headers, body = get(url + Links("", browser.digest).image("tile", "train", 2, "fg_bg"))
        assert status == 200 and headers["Content-Type"] == "image/jpeg" and body.startswith(b"\xff\xd8")
        status, headers, body = get(
            url + Links("", browser.digest).image("readings", "train", 2, "fg_bg_mask"), {"Accept-Encoding": "gzip"}
        )
        assert headers["Content-Encoding"] == "gzip" and len(gzip.decompress(body)) == 3 * 64 * 64


def test_below_another_path(output: Path) -> None:
    """A Space or a proxy may serve the app below a path; the page's pictures then lie below it too."""
    opened, seen = Opened(str(output)), list[str]()

    def show(request: gr.Request) -> str:
        seen.append(images.links(opened(), request).image("tile", "train", 0, "fg_bg"))
        return "x"

    with gr.Blocks() as demo:
        box = gr.Textbox()
        box.submit(show, None, box, api_name="show")
    app = FastAPI()
    app = gr.mount_gradio_app(app, demo, path="/under/here", app_kwargs={"routes": image_routes(opened)})
    with TestClient(app) as client:
        client.post("/under/here/gradio_api/run/show", json={"data": []})
        assert seen and seen[0].startswith("/under/here/fgbg/image/")
        assert client.get(seen[0]).status_code == 200
