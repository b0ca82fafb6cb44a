"""The tab Try it in a browser: dragging, keys, uploads. The console is silent and no request leaves the machine."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from app_browser import NEEDS_BROWSER, WIDE_AND_PHONE, Visit, tiles
from app_outputs import make_cutout
from app_server import serving
from try_pictures import bench_of, jpeg_bytes, png, values_of

from fgbg_depth.app import try_it
from fgbg_depth.read.reader import DatasetReader
from fgbg_depth.render.codecs import decode_grey

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def output(both_labels: Path) -> Path:
    return both_labels


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where gradio and Python's tempfile would write files."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "gradio"))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@pytest.fixture(scope="module")
def url(output: Path, temporary: Path) -> Iterator[str]:
    with serving(str(output)) as address:
        yield address


def ready(visit: Visit) -> None:
    visit.page.locator("[data-try][data-ready]").wait_for()


@pytest.mark.slow
@WIDE_AND_PHONE
def test_drag_keys_and_upload(
    chromium: "Browser",
    url: str,
    output: Path,
    temporary: Path,
    size: tuple[int, int],
    dark: bool,
) -> None:
    visit = Visit(chromium, url, size, dark)
    page = visit.page
    page.goto(url)
    tiles(page).first.wait_for()
    visit.tab("Try it")
    ready(visit)
    reader = DatasetReader.open(str(output))
    manifest = reader.manifest
    frame = manifest.recipe.size
    bench = bench_of(reader, reader.names("bg")[0], reader.names("fg")[0])

    def placement() -> try_it.Placement:
        width, height, x, y = (int(n) for n in _numbers(page.locator("[data-where]").inner_text()))
        return try_it.Placement(x, y, width, height, page.locator("[data-flip]").is_checked())

    def check() -> None:
        ready(visit)
        expected = try_it.compose(bench, placement(), manifest.recipe, manifest.depth)
        mask = page.locator("[data-image=mask]").get_attribute("src")
        placed = page.locator("[data-download=placed]").get_attribute("href")
        assert mask and (decode_grey(values_of(mask)) == expected.mask).all()
        assert placed and (decode_grey(values_of(placed)) == expected.placed).all()

    check()
    first = placement()
    stage = page.locator("[data-stage]").bounding_box()
    assert stage is not None
    scale = stage["width"] / frame
    middle = stage["x"] + (first.x + first.width / 2) * scale, stage["y"] + (first.y + first.height / 2) * scale
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - 10 * scale, middle[1] - 6 * scale, steps=4)
    assert page.locator(".fg-moving [data-ghost] img").is_visible(), "the browser shows it before the server answers"
    page.mouse.up()
    check()
    assert (placement().x, placement().y) == pytest.approx((first.x - 10, first.y - 6), abs=1)

    before = placement()
    page.locator("[data-stage]").focus()
    for pressed in ("ArrowRight", "Shift+ArrowUp", "m", "+"):
        page.keyboard.press(pressed)
    check()
    assert placement().flip != before.flip and placement().height == before.height + 1

    upload = png(make_cutout(2, 500))
    page.locator("[data-file=fg]").set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": upload})
    page.wait_for_function("document.querySelector('[data-source=fg]').selectedOptions[0].textContent == 'mine.png'")
    bench = try_it.Bench(bench.background, try_it.uploaded_picture("fg", "mine.png", upload, manifest.recipe))  # type: ignore[arg-type]
    check()
    for name, data, message in [
        ("notes.txt", b"no picture", "is not a picture"), ("big.png", bytes(try_it.MAX_BYTES + 5), "at most 12 MB"),
        ("photo.jpg", jpeg_bytes(), "has no transparency"),
    ]:  # fmt: skip
        page.locator("[data-file=fg]").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})
        page.locator("[data-message]", has_text=message).wait_for()
    own = jpeg_bytes()
    page.locator("[data-file=bg]").set_input_files({"name": "own.jpg", "mimeType": "image/jpeg", "buffer": own})
    page.locator("[data-hint=placed]").wait_for()
    visit.fits_the_window()

    visit.tab("Card")
    visit.tab("Try it")
    assert "own.jpg" in page.locator("[data-source=bg]").inner_text(), "it stays when the tab is left"
    visit.done()
    files = [path for path in temporary.rglob("*") if path.is_file()]
    for path in files:
        data = path.read_bytes()
        assert own not in data and upload not in data and b"mine.png" not in data, path
    assert not [path for path in files if path.suffix in {".png", ".jpg", ".jpeg", ".webp"}]


def _numbers(text: str) -> list[str]:
    """ "55 × 58 px at 84, -3" -> the four numbers."""
    size, at = text.split(" px at ")
    return [*size.split(" × "), *at.split(", ")]
