"""The tab Compare: both labels of a row on one scale, a slider for pointer and keyboard, and the right numbers."""

import io
import math
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from app_browser import NEEDS_BROWSER, PHONE, WIDE_AND_PHONE, Visit, settled
from app_outputs import make_output
from app_server import serving
from PIL import Image

from fgbg_depth.app import images, view_compare
from fgbg_depth.app.pixels import decode_values, mask_array
from fgbg_depth.depth.kinds import METRIC, RELATIVE_DISPARITY
from fgbg_depth.read.reader import DatasetReader
from fgbg_depth.schema import FOREGROUND_ALPHA

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PREDICTED, PLACED = "fg_bg_depth", "fg_bg_depth_placed"


@pytest.fixture(scope="module")
def reader(both_labels: Path) -> DatasetReader:
    return DatasetReader.open(str(both_labels))


def links(reader: DatasetReader) -> images.Links:
    return images.links(reader, None)


def numbers(reader: DatasetReader, index: int) -> tuple[float, float]:
    """Mean absolute difference of the labels inside the cut-out and outside, in the plainest way."""
    row, spec = reader.row("train", index), reader.manifest.depth
    assert spec is not None
    first, second = (decode_values(row.images[name], spec).tolist() for name in (PREDICTED, PLACED))
    mask = mask_array(row.images["fg_bg_mask"]).tolist()
    found: dict[bool, list[float]] = {True: [], False: []}
    for one, other, alpha in zip(*map(chain.from_iterable, (first, second, mask)), strict=True):
        if not (math.isnan(one) or math.isnan(other)):
            found[alpha >= FOREGROUND_ALPHA].append(abs(one - other))
    return sum(found[True]) / len(found[True]), sum(found[False]) / len(found[False])


def test_numbers_are_those_of_the_stored_labels(reader: DatasetReader) -> None:
    row = reader.row("train", 4)
    inside, outside = numbers(reader, 4)
    page = view_compare.page(reader, row, links(reader))
    assert f"<dd>{inside:.2f} m</dd>" in page and f"<dd>{outside:.2f} m</dd>" in page
    lines = {line.name: line.values for line in view_compare.check_lines(row, ["predicted", "placed"])}
    facts = row.facts
    assert lines["step at the outline"] == [f"{facts[c]:.2f}" for c in ("boundary_recall", "placed_boundary_recall")]
    ratio = f"{math.exp(facts['nearer']):.3g}"
    assert lines["distance outside / inside"][0] == ratio
    assert lines["drift of the background"][1] == "–", "placed labels cannot drift"


def test_units_and_invalid_pixels() -> None:
    first = np.array([[1.0, 2.0], [np.nan, 4.0]], np.float32)
    second = np.array([[1.5, 2.0], [9.0, np.nan]], np.float32)
    inside = np.array([[True, False], [True, False]])
    assert view_compare.differences(first, second, inside, METRIC) == [
        ("inside the cut-out", "0.50 m"), ("outside", "0.00 m"),
    ]  # fmt: skip
    assert view_compare.differences(first, second, ~(inside | ~inside), RELATIVE_DISPARITY)[0][1] == "–"
    assert view_compare.differences(first, second, inside, RELATIVE_DISPARITY)[0][1] == "0.500", "no unit"
    assert view_compare.check_text("nearer", float("nan")) == "not defined"
    assert view_compare.middle_of(inside) == 25.0 and view_compare.middle_of(inside & False) == 50.0


def test_a_dataset_with_one_label_has_nothing_to_compare(tmp_path: Path) -> None:
    for depth in ("metric", None):
        reader = DatasetReader.open(str(make_output(tmp_path / str(depth), depth=depth)))
        assert not view_compare.can_compare(reader.manifest)
        assert "nothing to compare" in view_compare.page(reader, reader.row("train", 0), links(reader))


@pytest.fixture(scope="module")
def output(both_labels: Path) -> Path:
    return both_labels


@WIDE_AND_PHONE
class TestInBrowser:
    """The console is silent and no request leaves the machine."""

    pytestmark = NEEDS_BROWSER

    @pytest.mark.slow
    def test_slider_numbers_and_steps(
        self,
        chromium: "Browser",
        url: str,
        reader: DatasetReader,
        size: tuple[int, int],
        dark: bool,
    ) -> None:
        visit = Visit(chromium, url, size, dark)
        page = visit.page
        page.goto(f"{url}/?tab=compare&row=train/4")
        page.locator("[data-compared='train/4']").wait_for()
        visit.fits_the_window()
        inside, outside = numbers(reader, 4)
        assert page.locator(".fg-comparenumbers dd").all_inner_texts() == [f"{inside:.2f} m", f"{outside:.2f} m"]

        cut = "document.querySelector('[data-compared]').style.getPropertyValue('--cut')"
        slider = page.locator("[data-cut]")
        start = float(slider.input_value())
        slider.focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate(cut) == f"{start + 0.5:g}%"
        page.keyboard.press("End")
        assert page.evaluate(cut) == "100%"
        box = slider.bounding_box()
        assert box is not None
        place = box["x"] + 0.25 * box["width"], box["y"] + box["height"] / 3
        if size == PHONE:
            page.touchscreen.tap(*place)
        else:
            page.mouse.move(*place)
            page.mouse.down()
            page.mouse.move(place[0] + 0.25 * box["width"], place[1], steps=3)
            page.mouse.up()
        wanted = 25 if size == PHONE else 50
        assert float(page.evaluate(cut).rstrip("%")) == pytest.approx(wanted, abs=4)

        # both pictures have the same colours for the same depth
        pictures = {}
        for side, column in (("left", PREDICTED), ("right", PLACED)):
            address = page.locator(f"[data-picture={side}]").get_attribute("src")
            assert address and address.endswith(f"/shown/train/4/{column}")
            response = page.request.get(url + address if address.startswith("/") else address)
            pictures[side] = np.asarray(Image.open(io.BytesIO(response.body())).convert("RGB"))
        row = reader.row("train", 4)
        same = np.asarray(Image.open(io.BytesIO(row.images[PREDICTED]))) == np.asarray(
            Image.open(io.BytesIO(row.images[PLACED]))
        )
        assert same.any() and (pictures["left"][same] == pictures["right"][same]).all()

        moved = page.evaluate(cut)
        page.locator("[data-side=right]").select_option("fg_bg")
        page.locator("#fg-compare [data-step='1']").click()
        page.wait_for_function("document.querySelector('[data-compared]').dataset.compared !== 'train/4'")
        settled(page)
        address = page.locator("[data-compared]").get_attribute("data-compared")
        assert f"row={address}" in page.evaluate("location.search"), "the row of the tab Row, too"
        assert page.evaluate(cut) == moved, "the line stays where the visitor put it"
        assert (page.locator("[data-picture=right]").get_attribute("src") or "").endswith("/fg_bg")
        page.go_back()
        page.locator("[data-compared='train/4']").wait_for()
        visit.done()

    @pytest.mark.slow
    def test_a_row_leads_to_it(self, chromium: "Browser", url: str, size: tuple[int, int], dark: bool) -> None:
        visit = Visit(chromium, url, size, dark)
        visit.page.goto(f"{url}/?tab=row&row=train/4")
        visit.page.locator(".fg-row[data-row='train/4']").wait_for()
        visit.page.locator("#fg-rowbar").get_by_role("link", name="Compare labels").click()
        visit.page.locator("[data-compared='train/4']").wait_for()
        assert not visit.page.get_by_role("link", name="Compare labels").count(), "it is open already"
        visit.page.get_by_role("link", name="Show the row").click()
        visit.page.locator(".fg-row[data-row='train/4']").wait_for()
        visit.done()

    @pytest.mark.slow
    def test_the_tab_is_hidden_where_there_is_one_label(
        self,
        chromium: "Browser",
        tmp_path: Path,
        size: tuple[int, int],
        dark: bool,
    ) -> None:
        with serving(str(make_output(tmp_path / "out"))) as url:
            visit = Visit(chromium, url, size, dark)
            visit.page.goto(url)
            visit.page.locator("#fg-gallery [data-open]").first.wait_for()
            assert not visit.page.get_by_role("tab", name="Compare").count()
            visit.page.goto(f"{url}/?tab=row")
            visit.page.locator(".fg-row").wait_for()
            visit.page.locator("#fg-rowbar [data-place]", has_text="of").wait_for()
            assert not visit.page.locator("#fg-rowbar [data-tab=compare]").is_visible()
            visit.done()
