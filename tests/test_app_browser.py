"""The page in a real browser, on a wide screen and on a phone. The console must have no errors."""

import importlib.util
import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest
from app_outputs import make_output
from app_server import serving
from PIL import Image
from varied_output import make_varied_output

from fgbg_depth.depth.kinds import METRIC, RELATIVE_DISPARITY

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
WIDE, PHONE = (1440, 900), (390, 844)
HOSTILE = ("<img src=x onerror=\"document.title='hacked'\">", "${document.title='hacked'}{{x}}")
NUM_ROWS = 3 * 4 * 2 * 6  # backgrounds, cut-outs, mirrored or not, placements

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed (apt-get install chromium)"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_output(tmp_path_factory.mktemp("browser") / "out", 3, 4, 6, size=96, names=HOSTILE)


@pytest.fixture(scope="module")
def url(output: Path) -> Iterator[str]:
    with serving(str(output)) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A page, the errors in its console, and its requests to other servers."""

    def __init__(self, chromium: "Browser", url: str, size: tuple[int, int], dark: bool) -> None:
        phone = size == PHONE
        self.context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            has_touch=phone,
            is_mobile=phone,
            permissions=["clipboard-read", "clipboard-write"],
        )
        self.url = url
        self.errors: list[str] = []
        self.outside: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("request", lambda r: None if self.inside(r.url) else self.outside.append(r.url))

    def inside(self, address: str) -> bool:
        return address.startswith((self.url, "data:", "blob:"))

    def tab(self, name: str) -> None:
        self.page.locator("[role=tab]:visible", has_text=re.compile(f"^{name}$")).last.click()

    def fits_the_window(self) -> None:
        """The page does not scroll sideways."""
        sizes = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1] + 1, sizes

    def done(self) -> None:
        assert self.errors == [] and self.outside == []
        assert "hacked" not in self.page.title()
        self.context.close()


@pytest.fixture(
    params=[(WIDE, False), pytest.param((PHONE, True), marks=pytest.mark.slow)], ids=["wide, light", "phone, dark"]
)
def visit(request: pytest.FixtureRequest, chromium: "Browser", url: str) -> Iterator[Visit]:
    made = Visit(chromium, url, *request.param)
    yield made
    made.done()


def tiles(page: "Page") -> "Locator":
    return page.locator("#fg-gallery [data-open]")


def addresses(page: "Page") -> list[str]:
    return tiles(page).evaluate_all("found => found.map(tile => tile.dataset.open)")


def wait_for(page: "Page", words: str) -> None:
    page.wait_for_function("w => document.querySelector('#fg-gallery .fg-count')?.textContent.includes(w)", arg=words)


def choose(page: "Page", control: str, option: str) -> None:
    page.locator(f"#{control} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def test_samples(visit: Visit) -> None:
    page = visit.page
    page.goto(visit.url)
    tiles(page).first.wait_for()
    assert tiles(page).count() == 24 and page.locator("h1").inner_text() == "out"
    visit.fits_the_window()

    first = addresses(page)
    page.locator("#fg-more").click()
    wait_for(page, "25 to 48")
    assert not set(first) & set(addresses(page)), "no row is on two pages"
    page.locator("#fg-shuffle").click()
    wait_for(page, "1 to 24")
    assert addresses(page) != first and page.locator("#fg-seed input").input_value() == "1"

    choose(page, "fg-split", "train")
    wait_for(page, f"{2 * 3 * 2 * 6} rows match")
    choose(page, "fg-bg", "scene 001")
    wait_for(page, f"{3 * 2 * 6} rows match")
    choose(page, "fg-flip", "mirrored")
    wait_for(page, f"{3 * 6} rows match")
    choose(page, "fg-fg", HOSTILE[0])
    wait_for(page, "6 rows match")
    assert page.locator("#fg-gallery .fg-name b").all_inner_texts() == [HOSTILE[0]] * 6, "shown as text"
    page.locator("#fg-low input[type=number]").fill("17")
    page.locator("#fg-low input[type=number]").blur()
    page.locator("#fg-low input[type=range]").press("ArrowRight")
    page.get_by_text("No row matches the filters.").wait_for()
    page.locator("#fg-clear").click()
    wait_for(page, f"{NUM_ROWS} rows match")

    before = tiles(page).first.locator("img").get_attribute("src")
    page.locator("#fg-shown label", has_text="Depth").click()
    page.wait_for_function("b => document.querySelector('#fg-gallery img').src !== b", arg=before)
    drawn = "[...document.querySelectorAll('#fg-gallery img')].every(i => i.complete && i.naturalWidth)"
    page.wait_for_function(drawn)


def test_row(visit: Visit, output: Path) -> None:
    page = visit.page
    page.goto(f"{visit.url}/?row=train/7")
    row = page.locator(".fg-row")
    row.wait_for()
    assert row.get_attribute("data-row") == "train/7"
    assert page.locator(".fg-title:visible").inner_text() == "train, row 7"
    visit.fits_the_window()
    assert page.locator(".fg-panel").count() == 6
    page.wait_for_function("[...document.querySelectorAll('.fg-row img')].every(i => i.complete && i.naturalWidth)")

    overlay = page.locator(".fg-overlay")
    assert overlay.evaluate("e => getComputedStyle(e).opacity") == "0"
    page.locator("[data-overlay]").fill("60")
    assert overlay.evaluate("e => getComputedStyle(e).opacity") == "0.6"
    page.locator("[data-box]").check()
    page.wait_for_function("getComputedStyle(document.querySelector('.fg-box')).opacity === '1'")
    page.locator("[data-compare]").fill("20")
    assert "20%" in row.get_attribute("style")

    frame = page.locator("[data-panel=fg_bg_depth] .fg-frame")
    box = frame.bounding_box()
    assert box is not None
    frame.click(position={"x": box["width"] * 50.5 / 96, "y": box["height"] * 20.5 / 96})
    readout = page.locator("[data-readout]").inner_text().split()
    table = pq.read_table(min((output / "data").glob("train-*.parquet")))
    stored = np.asarray(Image.open(io.BytesIO(table["fg_bg_depth"][7].as_py()["bytes"])))[20, 50]
    assert readout[:4] == ["x", "50", "y", "20"] and readout[5] == f"{stored / 1000:.2f}" and readout[8] == str(stored)
    low, high = (float(row.get_attribute(f"data-{end}") or "") for end in ("low", "high"))
    nearness = METRIC.nearness(stored / 1000, low, high).item() * 100
    assert row.evaluate("e => parseFloat(e.style.getPropertyValue('--near'))") == pytest.approx(nearness, abs=0.01)
    frame.press("ArrowRight")
    assert page.locator("[data-readout]").inner_text().split()[1] == "51"

    with page.expect_download() as waiting:
        page.locator("a[download]", has_text="fg_bg_depth").click()
    assert waiting.value.suggested_filename == "train-7-fg_bg_depth.png"
    assert Path(waiting.value.path()).read_bytes() == table["fg_bg_depth"][7].as_py()["bytes"]
    page.locator("[data-copy]").first.click()
    page.get_by_text("Copied").wait_for()
    assert f"rows[{7}]" in page.evaluate("navigator.clipboard.readText()")
    assert json.loads(page.locator(".fg-code code").nth(1).inner_text())["bg"] == "scene 000"

    page.locator("[data-panel=fg_bg] [data-grow]").click()
    assert page.locator(".fg-large").count() == 1
    visit.fits_the_window()
    for button, address in (("fg-after", "train/8"), ("fg-before", "train/7")):
        page.locator(f"#{button}").click()
        page.wait_for_selector(f".fg-row[data-row='{address}']")
    assert overlay.evaluate("e => getComputedStyle(e).opacity") == "0.6", "the slider keeps its value"
    page.locator("#fg-lucky").click()
    page.wait_for_selector(".fg-row:not([data-row='train/7'])")
    page.locator(".fg-facts [data-pick=bg]").click()
    page.locator("#fg-gallery").wait_for()
    wait_for(page, f"{4 * 2 * 6} rows match")
    tiles(page).nth(2).click()
    page.wait_for_selector(".fg-row")


def test_row_with_disparity(chromium: "Browser", tmp_path: Path) -> None:
    """Values without a unit, where larger is nearer."""
    output = make_output(tmp_path / "out", 2, 2, 2, size=64, depth=RELATIVE_DISPARITY.name)
    table = pq.read_table(min((output / "data").glob("train-*.parquet")))
    stored = np.asarray(Image.open(io.BytesIO(table["fg_bg_depth"][1].as_py()["bytes"])))
    x, y = 30, 40
    with serving(str(output)) as other:
        visit = Visit(chromium, other, PHONE, dark=False)
        visit.page.goto(f"{other}/?row=train/1")
        row = visit.page.locator(".fg-row")
        row.wait_for()
        frame = visit.page.locator("[data-panel=fg_bg_depth] .fg-frame")
        box = frame.bounding_box()
        assert box is not None
        frame.click(position={"x": box["width"] * (x + 0.5) / 64, "y": box["height"] * (y + 0.5) / 64})
        readout = visit.page.locator("[data-readout]").inner_text().split()
        value = stored[y, x] / 65534
        assert readout[readout.index("disparity") + 1] == RELATIVE_DISPARITY.format_value(value)
        low, high = (float(row.get_attribute(f"data-{end}") or "") for end in ("low", "high"))
        nearness = RELATIVE_DISPARITY.nearness(value, low, high).item() * 100
        assert row.evaluate("e => parseFloat(e.style.getPropertyValue('--near'))") == pytest.approx(nearness, abs=0.01)
        assert visit.page.locator(".fg-ticks").inner_text().split() == ["far", "near"]
        visit.done()


def test_a_row_with_several_cut_outs(chromium: "Browser", tmp_path: Path) -> None:
    """Numbered boxes in the colours of the instance map, and a table whose lines show one box each."""
    output = make_varied_output(tmp_path, objects=[2, 3], placements=1, depth_label="placed")
    shard = min((output / "data").glob("train-*.parquet"))
    rows = pq.read_table(shard, columns=["objects", "num_objects"]).to_pylist()
    index = next(i for i, row in enumerate(rows) if row["num_objects"] > 1)
    with serving(str(output)) as url:
        visit = Visit(chromium, url, WIDE, dark=False)
        page = visit.page
        page.goto(f"{url}/?row=train/{index}")
        page.locator(".fg-row").wait_for()
        drawn = "() => [...document.querySelectorAll('.fg-box g')].map(g => getComputedStyle(g).opacity)"
        overlay = "() => getComputedStyle(document.querySelector('.fg-box')).opacity"
        assert page.evaluate(overlay) == "0"
        page.locator("[data-box]").check()
        page.wait_for_function(f"({overlay})() === '1'")
        numbers = [str(i + 1) for i in range(rows[index]["num_objects"])]
        assert page.locator(".fg-box text").all_text_contents() == numbers
        names = page.locator("[data-object] .fg-link").all_inner_texts()
        assert names == [item["fg"] for item in rows[index]["objects"]]
        page.locator("[data-box]").uncheck()
        page.locator("[data-object='2']").hover()
        page.wait_for_function(f"({overlay})() === '1'")
        assert page.evaluate(drawn) == ["1" if number == "2" else "0" for number in numbers]
        assert page.locator("[data-panel=fg_bg_instances] img").evaluate("i => i.complete && i.naturalWidth > 0")
        visit.fits_the_window()
        visit.tab("Samples")
        page.locator("#fg-shown label", has_text="Cut-outs").click()
        page.wait_for_function("document.querySelector('#fg-gallery img')?.naturalWidth")
        visit.done()


def test_a_plain_row_has_one_box_and_no_table_of_cut_outs(visit: Visit) -> None:
    visit.page.goto(f"{visit.url}/?row=train/7")
    visit.page.locator(".fg-row").wait_for()
    assert visit.page.locator(".fg-box rect").count() == 1 and visit.page.locator(".fg-box text").count() == 0
    assert visit.page.locator(".fg-objects").count() == 0
    visit.tab("Samples")
    tiles(visit.page).first.wait_for()
    assert visit.page.locator("#fg-shown label", has_text="Cut-outs").count() == 0


@pytest.mark.slow
def test_space(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.url}/?row=train/7")
    page.locator(".fg-row").wait_for()
    page.locator("#fg-turn").click()
    page.wait_for_selector("[data-drawn='train/7']")
    canvas = page.locator("#fg-scene canvas")
    visit.fits_the_window()

    def picture() -> bytes:  # below the buttons
        page.wait_for_timeout(150)
        box = canvas.bounding_box()
        assert box is not None
        return page.screenshot(clip=box | {"y": box["y"] + 80, "height": min(box["height"] - 80, 500)})

    seen = picture()
    assert len(seen) > 8_000, "a plain canvas compresses to less"
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 190, box["y"] + 120, steps=4)
    page.mouse.up()
    assert (turned := picture()) != seen
    if not page.evaluate("matchMedia('(pointer: coarse)').matches"):
        page.mouse.wheel(0, -300)
        assert picture() != turned
    page.locator("[data-reset]").click()
    assert picture() == seen
    page.locator("#fg-shape label", has_text="Points").click()
    page.wait_for_timeout(600)
    assert picture() != seen
    page.locator("#fg-edges input").uncheck()
    page.locator("#fg-fov input[type=range]").press("ArrowRight")
    page.wait_for_timeout(600)
    with page.expect_download() as waiting:
        page.locator("[data-save]").click()
    assert waiting.value.suggested_filename == "train-7.glb"
    assert Path(waiting.value.path()).read_bytes().startswith(b"glTF")


def test_statistics_sources_and_card(visit: Visit) -> None:
    page = visit.page
    page.goto(visit.url)
    tiles(page).first.wait_for()
    visit.tab("Statistics")
    page.get_by_text("How much the cut-outs cover").wait_for()
    assert page.locator(".fg-numbers svg").count() == 2 and page.locator("img.fg-heat").count() == 1
    assert page.locator(".fg-splits li").count() == 4
    visit.fits_the_window()

    visit.tab("Sources")
    page.locator("#fg-sources [data-pick=bg]").first.wait_for()
    page.locator("#fg-kind label", has_text="Cut-outs").click()
    page.locator("#fg-sources [data-pick=fg]").first.wait_for()
    assert set(HOSTILE) <= set(page.locator("#fg-sources b").all_inner_texts())
    visit.fits_the_window()
    page.locator("#fg-sources [data-pick=fg]", has_text="object_002").click()
    wait_for(page, f"{3 * 2 * 6} rows match")
    assert page.locator("#fg-fg input").input_value() == "object_002"

    visit.tab("Card")
    page.locator(".fg-cardpage h1").wait_for()
    assert page.locator(".fg-cardpage td code").inner_text() == "fg_bg"
    visit.fits_the_window()


def test_wrong_addresses_and_missing_data(chromium: "Browser", url: str, tmp_path: Path) -> None:
    visit = Visit(chromium, url, WIDE, dark=False)
    visit.page.goto(f"{url}/?row=train/99999")
    visit.page.get_by_text("train has rows 0 to").wait_for()
    visit.done()
    with serving(str(tmp_path / "nowhere")) as other:
        visit = Visit(chromium, other, PHONE, dark=True)
        visit.page.goto(other)
        visit.page.get_by_text("No dataset to show").wait_for()
        assert "builder.py build" in visit.page.locator(".fg-problem pre").inner_text()
        assert not visit.page.locator("#fg-tabs").is_visible()
        visit.fits_the_window()
        visit.done()
