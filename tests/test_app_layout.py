"""What visitors see without scrolling, on three sizes of screen; and that nothing strangers write makes a request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from app_browser import (
    NEEDS_BROWSER,
    PHONE,
    SMALL,
    WIDE,
    Visit,
    settled,
    tiles,
    wait_for_row,
    wait_for_rows,
)
from app_outputs import make_output
from app_server import serving
from varied_output import make_varied_output

from fgbg_depth.app import pixels
from fgbg_depth.read.reader import DatasetReader

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [*NEEDS_BROWSER, pytest.mark.slow]
EVIL = "http://127.0.0.1:9/evil.png"
HOSTILE = (f"<img src={EVIL}>", f"\"><img src='{EVIL}'>", f"${{fetch('{EVIL}')}}{{{{x}}}}", f"<style>@import '{EVIL}'")
TABS = ("Samples", "Row", "3-D", "Statistics", "Sources", "Card")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_output(tmp_path_factory.mktemp("layout") / "out", 3, 5, 6, size=64, names=HOSTILE)
    hostile = "\n\n".join(HOSTILE)
    (made / "README.md").write_text(f"# T\n\n{hostile}\n\n![x]({EVIL})\n")
    return made


@pytest.fixture(params=[WIDE, SMALL, PHONE], ids=["1440", "1024", "390"])
def visit(request: pytest.FixtureRequest, chromium: Browser, url: str) -> Iterator[Visit]:
    made = Visit(chromium, url, request.param, dark=request.param == SMALL)
    yield made
    made.done()


def in_view(visit: Visit, selector: str) -> bool:
    """Whether the whole element can be seen without scrolling."""
    return bool(
        visit.page.locator(selector).first.evaluate(
            "e => { const b = e.getBoundingClientRect();"
            " return b.width > 0 && b.top >= 0 && b.left >= 0"
            " && b.bottom <= innerHeight && b.right <= innerWidth + 1; }"
        )
    )


def test_every_tab_is_as_wide_as_the_others(visit: Visit) -> None:
    page = visit.page
    page.goto(visit.url)
    tiles(page).first.wait_for()
    settled(page)
    widths = {}
    for name in TABS:
        visit.tab(name)
        page.wait_for_timeout(300)
        settled(page)
        widths[name] = page.evaluate("document.querySelector('#fg-tabs').getBoundingClientRect().width")
        visit.fits_the_window()
    assert max(widths.values()) - min(widths.values()) < 1, widths


def test_pictures_come_first(visit: Visit) -> None:
    page = visit.page
    page.goto(visit.url)
    tiles(page).first.wait_for()
    settled(page)
    assert in_view(visit, "#fg-gallery .fg-tile img") and in_view(visit, "#fg-gallery .fg-pager")
    footer = page.locator("footer").first.evaluate(
        "e => { const s = getComputedStyle([...e.querySelectorAll('*')].find(x => x.textContent.trim()) ?? e);"
        " return [s.color, getComputedStyle(document.body).backgroundColor, getComputedStyle(e).opacity]; }"
    )
    assert contrast(footer[0], footer[1]) >= 4.5 and footer[2] == "1", footer


def contrast(one: str, other: str) -> float:
    """Contrast of two CSS colours. Source: WCAG 2.1, "contrast ratio"."""

    def luminance(color: str) -> float:
        parts = [float(p) / 255 for p in color[color.index("(") + 1 : -1].split(",")[:3]]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_depth_under_the_pointer_is_read_without_scrolling(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.url}/?tab=row&row=train/7")
    wait_for_row(page, "train/7")
    settled(page)
    frame = page.locator("[data-panel=fg_bg_depth] .fg-frame")
    page.wait_for_function("[...document.querySelectorAll('.fg-panel img')].slice(0, 3).every(i => i.naturalWidth)")
    page.wait_for_timeout(300)
    box = frame.bounding_box()
    size = page.viewport_size
    assert box is not None and size is not None and box["y"] + box["height"] * 0.75 <= size["height"]
    for share in (0.1, 0.9):
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * 0.5)
        page.wait_for_selector(".fg-row.fg-reading")
        assert " m" in page.locator("[data-readout]").inner_text() and in_view(visit, "[data-readout]")
        tag = page.locator("[data-panel=fg_bg_depth] [data-tag]")
        tag.wait_for()
        assert tag.inner_text().endswith(" m") and in_view(visit, "[data-panel=fg_bg_depth] [data-tag]")
    assert page.evaluate("scrollY") == 0


def test_an_enlarged_picture_moves_nothing(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.url}/?tab=row&row=train/7&sort=stored")
    wait_for_row(page, "train/7")
    settled(page)
    places = "[...document.querySelectorAll('.fg-panels .fg-frame')].map(f => f.getBoundingClientRect().toJSON())"
    before = page.evaluate(places)
    button = page.locator("[data-panel=fg_bg_depth] [data-grow]")
    button.click()
    box = page.locator("[data-lightbox] .fg-frame").bounding_box()
    size = page.viewport_size
    assert box is not None and size is not None and box["width"] > 0.85 * min(size["width"], size["height"])
    assert box["x"] >= 0 and box["y"] >= 0 and box["y"] + box["height"] <= size["height"]
    assert page.evaluate(places) == before
    page.keyboard.press("ArrowRight")
    wait_for_row(page, "train/8")
    page.wait_for_function("document.querySelector('[data-lightbox] img')?.src.includes('/train/8/fg_bg_depth')")
    assert page.locator("[data-lightbox][open]").count() == 1
    page.keyboard.press("Escape")
    page.wait_for_selector("[data-lightbox]", state="hidden")
    page.wait_for_function("document.activeElement.hasAttribute('data-grow')")  # the focus returns to the button


@pytest.mark.parametrize("field", ["row", "tab", "bg", "fg", "split", "sort", "shown", "coverage_min", "p", "seed"])
def test_no_address_makes_a_request(chromium: Browser, url: str, field: str) -> None:
    visit = Visit(chromium, url, WIDE, dark=False)
    text = f"<img src={EVIL}>"
    visit.page.goto(f"{url}/?{field}={quote(text)}" + ("/1" if field == "row" else ""))
    if field != "fg":  # a cut-out has this name
        visit.page.locator(".fg-messages p").first.wait_for()
        assert text in visit.page.locator(".fg-messages p").first.inner_text(), "shown as text"
        assert visit.page.locator(f"img[src='{EVIL}']").count() == 0
    else:
        wait_for_rows(visit.page, text)
    visit.done()


def test_no_name_and_no_card_makes_a_request(chromium: Browser, url: str) -> None:
    visit = Visit(chromium, url, WIDE, dark=False)
    page = visit.page
    page.goto(url)
    tiles(page).first.wait_for()
    for name in HOSTILE:
        page.locator("select[name=fg]").select_option(name)
        wait_for_rows(page, f"cut-out {name}"[:30])
        settled(page)
        tiles(page).first.click()
        wait_for_row(page)
        settled(page)
        page.locator("[data-strip] .fg-name b").first.wait_for()
        visit.tab("Samples")
        settled(page)
    for tab in ("Statistics", "Sources", "Card"):
        visit.tab(tab)
        page.wait_for_timeout(600)
    page.locator("#fg-card .fg-cardpage h1").wait_for()
    visit.tab("Sources")
    page.locator("#fg-kind label", has_text="Cut-outs").click()
    page.locator("#fg-sources [data-pick=fg]").first.wait_for()
    assert page.locator(f"img[src='{EVIL}']").count() == 0
    visit.done()


def test_each_depth_map_is_read_for_itself(chromium: Browser, tmp_path: Path) -> None:
    """The value over the predicted map is the predicted one, also where there is a placed one."""
    output = make_varied_output(tmp_path, placements=1, depth_label="both")
    reader = DatasetReader.open(output)
    row, spec = reader.row("train", 0), reader.manifest.depth
    assert spec is not None
    with serving(str(output)) as url:
        visit = Visit(chromium, url, WIDE, dark=False)
        visit.page.goto(f"{url}/?tab=row&row=train/0")
        wait_for_row(visit.page, "train/0")
        settled(visit.page)
        for column in ("fg_bg_depth", "fg_bg_depth_placed"):
            values = pixels.decode_values(row.images[column], spec)
            height, width = values.shape
            frame = visit.page.locator(f".fg-panel[data-panel={column}] .fg-frame")
            box = frame.bounding_box()
            assert box is not None
            visit.page.wait_for_timeout(300)
            y, x = height // 2, width // 3
            visit.page.mouse.move(
                box["x"] + (x + 0.5) * box["width"] / width, box["y"] + (y + 0.5) * box["height"] / height
            )
            words = visit.page.locator("[data-readout]").inner_text().split()
            assert words[words.index(column) + 1] == f"{values[y, x]:.2f}"
        visit.done()
