"""The address is the state of the page: Back, Forward, reload, links, steps through rows, the keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from app_browser import (
    NEEDS_BROWSER,
    PHONE,
    WIDE,
    Visit,
    addresses,
    query,
    settled,
    tiles,
    wait_for_query,
    wait_for_row,
    wait_for_rows,
    wait_for_value,
)
from app_outputs import make_output

from fgbg_depth.read.order import Sort
from fgbg_depth.read.reader import DatasetReader, Filter

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

pytestmark = [*NEEDS_BROWSER, pytest.mark.slow]
NUM_ROWS = 3 * 4 * 2 * 6


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_output(tmp_path_factory.mktemp("address") / "out", 3, 4, 6, size=48)


@pytest.fixture
def visit(chromium: Browser, url: str) -> Iterator[Visit]:
    made = Visit(chromium, url, WIDE, dark=False)
    yield made
    made.done()


def in_order(output: Path, row_filter: Filter, sort: Sort) -> list[str]:
    reader = DatasetReader.open(output)
    return [row.address for row in reader.rows_of(reader.order(row_filter, sort), 0, 10_000, ())]


def test_back_forward_and_reload_restore_everything(visit: Visit) -> None:
    page = visit.page
    page.goto(visit.url)
    tiles(page).first.wait_for()
    assert query(page) == ""
    page.locator("select[name=fg]").select_option("object_001")
    wait_for_rows(page, "1 to 24 of 36 rows that match")
    page.locator("select[name=sort]").select_option("-coverage")
    wait_for_rows(page, "by coverage, highest first")
    page.locator("#fg-gallery [data-focus=next-above]").click()
    wait_for_rows(page, "25 to 36")
    state = query(page)
    assert state == "?fg=object_001&sort=-coverage&p=2"
    shown = addresses(page)
    tiles(page).nth(3).click()
    row = wait_for_row(page)
    settled(page)
    assert row == shown[3] and query(page) == f"?tab=row&row={row}&fg=object_001&sort=-coverage&p=2"
    page.locator("[data-step='1']").click()
    wait_for_row(page, shown[4])
    visit.tab("Card")
    page.locator(".fg-cardpage h1").wait_for()

    page.go_back()
    wait_for_row(page, shown[4])
    page.locator("#fg-view:visible").wait_for()
    page.go_back()
    wait_for_row(page, row)
    page.go_back()
    wait_for_query(page, state)
    tiles(page).first.wait_for()
    assert addresses(page) == shown
    page.go_back()
    wait_for_rows(page, "1 to 24 of 36 rows that match, by coverage")
    page.go_back()
    wait_for_rows(page, "shuffled")
    wait_for_value(page, "select[name=sort]", "")
    assert query(page) == "?fg=object_001"
    page.go_back()
    wait_for_rows(page, f"of {NUM_ROWS} rows, shuffled")
    wait_for_value(page, "select[name=fg]", "")
    for _ in range(4):
        settled(page)
        page.go_forward()
    wait_for_row(page, row)
    page.reload()
    wait_for_row(page, row)
    settled(page)
    assert page.locator("[data-place]").inner_text() == "28 of 36, by coverage, highest first"
    visit.tab("Samples")
    wait_for_rows(page, "25 to 36")
    assert addresses(page) == shown and page.locator("select[name=fg]").input_value() == "object_001"


def test_a_copied_link_opens_the_same_page(visit: Visit, chromium: Browser) -> None:
    page = visit.page
    page.goto(f"{visit.url}/?tab=row&row=train/7&split=train&sort=stored")
    wait_for_row(page, "train/7")
    settled(page)
    page.locator("[data-step='1']").click()
    wait_for_row(page, "train/8")
    settled(page)
    page.locator("#fg-rowbar [data-copylink]").click()
    page.get_by_text("Copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    other = Visit(chromium, visit.url, PHONE, dark=True)
    other.page.goto(link)
    wait_for_row(other.page, "train/8")
    other.page.wait_for_function("document.querySelector('[data-place]').textContent === '9 of 72, as stored'")
    other.done()


@pytest.mark.parametrize("filtered", [False, True])
def test_next_and_previous_follow_the_filtered_sorted_rows(visit: Visit, output: Path, filtered: bool) -> None:
    row_filter = Filter(fg="object_002", flip=True) if filtered else Filter()
    expected = in_order(output, row_filter, Sort("coverage") if filtered else Sort())
    page = visit.page
    page.goto(visit.url + ("/?tab=row&fg=object_002&flip=yes&sort=coverage" if filtered else "/?tab=row"))
    assert wait_for_row(page) == expected[0], "the tab Row opens with the first row of the set"
    settled(page)
    page.locator("[data-step='1']").click()
    wait_for_row(page, expected[1])
    page.locator("[data-step='-1']").click()
    wait_for_row(page, expected[0])
    page.locator("[data-step='-1']").click()
    wait_for_row(page, expected[-1])
    settled(page)
    page.keyboard.press("ArrowRight")
    wait_for_row(page, expected[0])
    visit.tab("3-D")
    page.wait_for_selector(f"[data-drawn='{expected[0]}']")


def test_no_quick_click_and_no_held_key_is_lost(visit: Visit, output: Path) -> None:
    expected = in_order(output, Filter(fg="object_001"), Sort())
    page = visit.page
    page.goto(f"{visit.url}/?tab=row&fg=object_001")
    wait_for_row(page, expected[0])
    settled(page)
    page.evaluate("for (let i = 0; i < 20; i++) document.querySelector('[data-step=\"1\"]').click()")
    wait_for_row(page, expected[20])
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    wait_for_row(page, expected[(40) % 36])
    settled(page)
    for _ in range(7):
        page.locator("[data-step='-1']").click(no_wait_after=True)
    wait_for_row(page, expected[(40 - 7) % 36])
    settled(page)
    assert wait_for_row(page) == expected[33]
    assert query(page) == f"?tab=row&row={expected[33]}&fg=object_001"


def test_filters_are_applied_by_keyboard(visit: Visit, output: Path) -> None:
    page = visit.page
    page.goto(visit.url)
    tiles(page).first.wait_for()
    reader = DatasetReader.open(output)
    field = page.locator("input[name=coverage_min]")
    field.fill("0.1")
    field.press("Enter")
    expected = reader.count(Filter(coverage=(0.1, 1)))
    wait_for_rows(page, f"of {expected} rows that match")
    assert query(page) == "?coverage_min=0.1"
    assert page.evaluate("document.activeElement.name") == "coverage_min", "the field keeps the focus"
    select = page.locator("select[name=flip]")
    select.focus()
    select.press("ArrowDown")
    wait_for_rows(page, f"of {reader.count(Filter(flip=True, coverage=(0.1, 1)))} rows that match")
    page.locator("input[name=coverage_max]").press_sequentially("0.15")
    wait_for_rows(page, f"of {reader.count(Filter(flip=True, coverage=(0.1, 0.15)))} rows that match")
    page.locator("#fg-gallery .fg-chip", has_text="coverage").click()
    wait_for_rows(page, f"of {reader.count(Filter(flip=True))} rows that match")
    assert page.locator("input[name=coverage_min]").input_value() == ""
    page.locator("#fg-filters [data-clear]").click()
    wait_for_rows(page, f"of {NUM_ROWS} rows, shuffled")


def test_switching_what_tiles_show_keeps_page_and_focus(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.url}/?p=3")
    tiles(page).first.wait_for()
    before = addresses(page)
    assert "page 3 of 6" in page.locator(".fg-pager").first.inner_text()
    page.locator(".fg-segments a", has_text="Depth").click()
    page.wait_for_function("document.querySelector('#fg-gallery img').src.includes('fg_bg_depth')")
    settled(page)
    assert addresses(page) == before and query(page) == "?shown=fg_bg_depth&p=3"
    page.wait_for_function("document.activeElement.textContent === 'Depth'")
    page.locator("[data-focus=next-below]").click()
    wait_for_rows(page, "73 to 96")
    page.wait_for_function("document.querySelector('#fg-tabs').getBoundingClientRect().top > -2")
    page.locator("[data-focus=previous-above]").click()
    wait_for_rows(page, "49 to 72")
    assert addresses(page) == before
    page.goto(f"{visit.url}/?p=99")
    wait_for_rows(page, "121 to 144")


def test_opening_a_tile_lands_at_the_top_and_back_returns_to_it(visit: Visit) -> None:
    page = visit.page
    page.goto(visit.url)
    tiles(page).first.wait_for()
    tile = tiles(page).nth(21)
    tile.scroll_into_view_if_needed()
    tile.focus()
    address = tile.get_attribute("data-open") or ""
    scrolled = page.evaluate("scrollY")
    assert scrolled > 100
    page.keyboard.press("Enter")
    wait_for_row(page, address)
    page.wait_for_function("document.activeElement.className === 'fg-title'")
    top = page.locator(".fg-frame").first.bounding_box()
    assert top is not None and 0 < top["y"] < 450
    page.go_back()
    tiles(page).nth(21).wait_for()
    page.wait_for_function("a => document.activeElement.dataset.open === a", arg=address)
    assert abs(page.evaluate("scrollY") - scrolled) < 40


def test_a_link_of_a_row_leads_to_its_rows_and_strips_to_other_rows(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.url}/?tab=row&row=train/7&sort=stored")
    wait_for_row(page, "train/7")
    assert page.locator("[data-strip]").count() == 2
    strips = page.locator("[data-strip]")
    names = strips.first.locator(".fg-name b").all_inner_texts()
    own = page.locator(".fg-facts [data-pick=fg]").inner_text()
    assert own not in names and len(set(names)) == len(names) == 3
    backgrounds = strips.last.locator(".fg-sub").all_inner_texts()
    assert set(strips.last.locator(".fg-name b").all_inner_texts()) == {own} and len(backgrounds) == 1
    other = strips.first.locator("[data-open]").first
    address = other.get_attribute("data-open") or ""
    other.click()
    wait_for_row(page, address)
    settled(page)
    page.locator(".fg-facts [data-pick=bg]").click()
    wait_for_rows(page, "of 48 rows that match")
    settled(page)
    assert query(page) == f"?row={address}&bg=scene+000&sort=stored"


def test_wrong_values_of_the_address_are_named_and_left_out(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.url}/?row=train/99999&sort=sideways&coverage_min=x&__theme=dark&utm=1")
    page.get_by_text("train has rows 0 to").wait_for()
    tiles(page).first.wait_for()
    settled(page)
    page.wait_for_function("location.search === '?__theme=dark'")
    assert page.evaluate("document.body.classList.contains('dark')")


@pytest.mark.parametrize("start", ["", "?tab=statistics"])
def test_a_tab_that_is_clicked_before_the_first_answer_opens(visit: Visit, url: str, start: str) -> None:
    page = visit.page
    held: list[Route] = []
    delayed = True
    page.route("**/queue/join*", lambda route: held.append(route) if delayed else route.continue_())
    page.goto(url + "/" + start)
    page.locator("#fg-tabs [role=tab]:visible").first.wait_for()
    visit.tab("Row")
    page.wait_for_timeout(300)
    assert held and not page.locator(".fg-row").count(), "the server has not been asked yet"
    delayed = False
    for route in held:
        route.continue_()
    wait_for_row(page)
    settled(page)
    assert "tab=row" in query(page)
    assert page.locator(".fg-row").is_visible()
