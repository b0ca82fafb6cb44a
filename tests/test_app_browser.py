"""The page in a real browser, on a wide screen and on a phone. The console must have no errors."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest
from app_browser import (
    NEEDS_BROWSER,
    PHONE,
    WIDE,
    Visit,
    addresses,
    settled,
    tiles,
    wait_for_row,
    wait_for_rows,
    wait_for_value,
)
from app_outputs import make_output
from app_server import serving
from PIL import Image
from varied_output import make_varied_output

from fgbg_depth.depth.kinds import METRIC, RELATIVE_DISPARITY

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = ("<img src=x onerror=\"document.title='hacked'\">", "${document.title='hacked'}{{x}}")
NUM_ROWS = 3 * 4 * 2 * 6  # backgrounds, cut-outs, mirrored or not, placements

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_output(tmp_path_factory.mktemp("browser") / "out", 3, 4, 6, size=96, names=HOSTILE)


@pytest.fixture(
    params=[(WIDE, False), pytest.param((PHONE, True), marks=pytest.mark.slow)], ids=["wide, light", "phone, dark"]
)
def visit(request: pytest.FixtureRequest, chromium: "Browser", url: str) -> Iterator[Visit]:
    made = Visit(chromium, url, *request.param)
    yield made
    made.done()


def test_samples(visit: Visit) -> None:
    page = visit.page
    page.goto(visit.url)
    tiles(page).first.wait_for()
    assert tiles(page).count() == 24 and page.locator("h1").inner_text() == "out"
    visit.fits_the_window()

    first = addresses(page)
    page.locator("[data-focus=next-above]").click()
    wait_for_rows(page, "25 to 48")
    assert not set(first) & set(addresses(page)), "no row is on two pages"
    page.locator("[data-focus=shuffle]").click()
    wait_for_rows(page, "shuffled with seed 1")
    assert addresses(page) != first

    if page.locator("[data-fold]").is_visible():
        assert not page.locator("select[name=split]").is_visible(), "on a phone the rows come first"
        page.locator("[data-fold]").click()
    page.locator("select[name=split]").select_option("train")
    wait_for_rows(page, f"of {2 * 3 * 2 * 6} rows that match")
    page.locator("select[name=bg]").select_option("scene 001")
    wait_for_rows(page, f"of {3 * 2 * 6} rows that match")
    page.locator("select[name=flip]").select_option("yes")
    wait_for_rows(page, f"of {3 * 6} rows that match")
    page.locator("select[name=fg]").select_option(HOSTILE[0])
    wait_for_rows(page, "of 6 rows that match")
    assert page.locator("#fg-gallery .fg-name b").all_inner_texts() == [HOSTILE[0]] * 6, "shown as text"
    page.locator("input[name=coverage_min]").fill("0.9")
    page.get_by_text("No row matches the filters.").wait_for()
    settled(page)
    page.locator("#fg-gallery [data-clear]").click()
    wait_for_rows(page, f"of {NUM_ROWS} rows")

    page.locator(".fg-segments a", has_text="Depth").click()
    page.wait_for_function("document.querySelector('#fg-gallery img').src.includes('fg_bg_depth')")
    tiles(page).last.scroll_into_view_if_needed()
    page.wait_for_function("[...document.querySelectorAll('#fg-gallery img')].every(i => i.complete && i.naturalWidth)")


def test_row(visit: Visit, output: Path) -> None:
    page = visit.page
    page.goto(f"{visit.url}/?tab=row&row=train/7&sort=stored")
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

    for step, address in ((1, "train/8"), (-1, "train/7")):
        page.locator(f"[data-step='{step}']").click()
        wait_for_row(page, address)
    assert overlay.evaluate("e => getComputedStyle(e).opacity") == "0.6", "the slider keeps its value"
    page.locator("[data-random]").click()
    page.wait_for_selector(".fg-row:not([data-row='train/7'])")
    page.locator(".fg-facts [data-pick=bg]").click()
    wait_for_rows(page, f"of {4 * 2 * 6} rows that match")
    tiles(page).nth(2).click()
    wait_for_row(page)


@pytest.mark.slow
def test_row_with_disparity(chromium: "Browser", tmp_path: Path) -> None:
    """Values without a unit, where larger is nearer."""
    output = make_output(tmp_path / "out", 2, 2, 2, size=64, depth=RELATIVE_DISPARITY.name)
    table = pq.read_table(min((output / "data").glob("train-*.parquet")))
    stored = np.asarray(Image.open(io.BytesIO(table["fg_bg_depth"][1].as_py()["bytes"])))
    x, y = 30, 40
    with serving(str(output)) as other:
        visit = Visit(chromium, other, PHONE, dark=False)
        visit.page.goto(f"{other}/?tab=row&row=train/1")
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


@pytest.mark.slow
def test_a_row_with_several_cut_outs(chromium: "Browser", tmp_path: Path) -> None:
    """Numbered boxes in the colours of the instance map, and a table whose lines show one box each."""
    output = make_varied_output(tmp_path, objects=[2, 3], placements=1, depth_label="placed")
    shard = min((output / "data").glob("train-*.parquet"))
    rows = pq.read_table(shard, columns=["objects", "num_objects"]).to_pylist()
    index = next(i for i, row in enumerate(rows) if row["num_objects"] > 1)
    with serving(str(output)) as url:
        visit = Visit(chromium, url, WIDE, dark=False)
        page = visit.page
        page.goto(f"{url}/?tab=row&row=train/{index}")
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
        page.locator(".fg-segments a", has_text="Cut-outs").click()
        page.wait_for_function("document.querySelector('#fg-gallery img')?.naturalWidth")
        visit.done()


@pytest.mark.slow
def test_a_plain_row_has_one_box_and_no_table_of_cut_outs(visit: Visit) -> None:
    visit.page.goto(f"{visit.url}/?tab=row&row=train/7")
    visit.page.locator(".fg-row").wait_for()
    assert visit.page.locator(".fg-box rect").count() == 1 and visit.page.locator(".fg-box text").count() == 0
    assert visit.page.locator(".fg-objects").count() == 0
    visit.tab("Samples")
    tiles(visit.page).first.wait_for()
    assert visit.page.locator(".fg-segments a", has_text="Cut-outs").count() == 0


@pytest.mark.slow
def test_statistics_sources_and_card(visit: Visit) -> None:
    page = visit.page
    page.goto(visit.url)
    tiles(page).first.wait_for()
    visit.tab("Statistics")
    page.get_by_text("How much the cut-outs cover").wait_for()
    page.locator("#fg-chart-places svg.marks").wait_for()
    assert page.locator(".fg-splits li").count() == 4
    visit.fits_the_window()

    visit.tab("Sources")
    page.locator("#fg-sources [data-pick=bg]").first.wait_for()
    page.locator("#fg-kind label", has_text="Cut-outs").click()
    page.locator("#fg-sources [data-pick=fg]").first.wait_for()
    assert set(HOSTILE) <= set(page.locator("#fg-sources b").all_inner_texts())
    visit.fits_the_window()
    page.locator("#fg-sources [data-pick=fg]", has_text="object_002").click()
    wait_for_rows(page, f"of {3 * 2 * 6} rows that match")
    wait_for_value(page, "select[name=fg]", "object_002")

    visit.tab("Card")
    page.locator(".fg-cardpage h1").wait_for()
    assert page.locator(".fg-cardpage td code").inner_text() == "fg_bg"
    visit.fits_the_window()


@pytest.mark.slow
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
