"""The tab Statistics: its charts have the card's numbers, axes and values, and a bar shows the rows that it counts."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from app_browser import NEEDS_BROWSER, WIDE_AND_PHONE, Visit, tiles
from app_outputs import make_output
from varied_output import make_varied_output

from fgbg_depth.app import chart_spec, tab_statistics, view_statistics
from fgbg_depth.app.opened import Opened
from fgbg_depth.card import chart_data, check_charts
from fgbg_depth.card.scene_charts import scene_bars
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.reader import DatasetReader

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_output(tmp_path_factory.mktemp("statistics") / "out", 3, 4, 5, size=96)


@pytest.fixture(scope="module")
def manifest(output: Path) -> Manifest:
    return DatasetReader.open(str(output)).manifest


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_varied_output(tmp_path_factory.mktemp("varied"), depth_label="both", holdout=0.4)


def values_of(chart: view_statistics.Chart) -> list[dict]:
    found: list[dict] = chart.spec["layer"][0]["data"]["values"]
    return found


def test_charts_have_the_numbers_of_the_card(manifest: Manifest) -> None:
    charts = view_statistics.charts(manifest)
    assert list(charts) == ["coverage", "depth", "places"]
    counts = np.array(manifest.coverage.histogram)
    shares = [bar["share"] for bar in values_of(charts["coverage"])]
    assert shares == pytest.approx(counts[counts > 0] / counts.sum())
    histogram = manifest.depth_histogram
    assert histogram is not None and manifest.depth is not None
    card = chart_data.depth_bars(histogram.edges, histogram.counts, manifest.depth.meaning)
    drawn = values_of(charts["depth"])
    assert [bar["height"] for bar in drawn] == card.heights[card.shares > 0].tolist()
    assert {bar["column"] for bar in drawn} == {""}, "pixels are counted, not rows"
    kind = manifest.depth.meaning
    low, high = kind.histogram_range(histogram.edges, histogram.counts)
    shares, _ = kind.bars(histogram.edges, histogram.counts, low, high, chart_data.NUM_DEPTH_BARS)
    assert [bar["share"] for bar in drawn] == shares[shares > 0].tolist()
    assert all(bar["name"].endswith(" m") for bar in drawn), "the kind's unit"
    cells = [cell["share"] for cell in values_of(charts["places"])]
    assert cells == np.asarray(manifest.heat_map).ravel().tolist()


def test_the_range_of_a_bar_holds_the_rows_it_counts(output: Path, manifest: Manifest) -> None:
    reader = DatasetReader.open(str(output))
    rows = [reader.row(split, i, ("fg_bg_mask",)) for split, n in reader.splits.items() for i in range(n)]
    from fgbg_depth.app.pixels import mask_array

    covered = np.array([mask_array(row.images["fg_bg_mask"]).mean() / 255 for row in rows])
    for bar in values_of(view_statistics.charts(manifest)["coverage"]):
        assert ((covered >= bar["low"]) & (covered < bar["high"])).mean() == pytest.approx(bar["share"])
        assert bar["name"] == f"{100 * bar['low']:g} % to {100 * bar['high']:g} %" and bar["column"] == "coverage"


def test_axes_and_mean() -> None:
    chart = chart_data.coverage_bars([0, 30, 10, *[0] * 47], 0.03)
    spec = chart_spec.bars(chart)
    x = spec["layer"][0]["encoding"]["x"]["axis"]
    assert x["values"] == [position for position, _ in chart.x_ticks] and '"10 %"' in x["labelExpr"]
    assert spec["layer"][1]["encoding"]["x"]["datum"] == pytest.approx(0.3)
    assert json.loads(chart_spec.plot(spec).plot) == spec and spec["description"].startswith(chart.title)


def test_numbers_of_charts() -> None:
    chart = chart_data.coverage_bars([0, 30, 10, *[0] * 47], 0.03)
    assert len(chart.heights) == 5, "empty bins at the end are left out"
    assert chart.heights[1] == pytest.approx(3 * chart.heights[2]) and chart.heights.max() <= 1
    assert chart.shares.tolist() == [0, 0.75, 0.25, 0, 0] and chart.edges[-1] == pytest.approx(0.1)
    assert chart.mean == pytest.approx(0.3) and chart.x_ticks[-1] == (1.0, "10 %")
    assert chart_data.coverage_bars([0] * 50, 0.0).heights.max() == 0
    assert chart_data.coverage_bars([0] * 49 + [3], 1.0).mean == 1.0
    assert chart_data.round_steps(17) == [0, 5, 10, 15] and chart_data.round_steps(0.011)[-1] == 0.01
    heat = chart_data.heat_map_cells([[0.0, 0.2], [0.1, 0.0]])
    assert heat.colors.shape == (2, 2, 3) and heat.ticks == [(0.0, "0 %"), (1.0, "20 %")]


def test_a_dataset_without_rows_in_a_chart(manifest: Manifest) -> None:
    empty = manifest.replace(coverage=manifest.coverage.model_copy(update={"histogram": [0] * 50}), depth=None)
    charts = view_statistics.charts(empty)
    assert list(charts) == ["coverage", "places"] and values_of(charts["coverage"]) == []
    assert view_statistics.splits_with_charts(empty) == []


@pytest.mark.slow
def test_checks_and_scenes_by_split(varied: Path) -> None:
    opened = Opened(str(varied))
    manifest = opened().manifest
    charts = view_statistics.charts(manifest)
    assert list(charts) == list(view_statistics.SLOTS), "the dataset has every chart"
    assert set(view_statistics.splits_with_charts(manifest)) == set(manifest.splits)
    for name, chart in charts.items():
        ends = {(bar["low"], bar["high"]) for bar in values_of(chart) if "low" in bar}
        assert all(low <= high for low, high in ends), name
        shares = [bar["share"] for bar in values_of(chart) if bar.get("column")]
        num_labels = len({bar["column"] for bar in values_of(chart) if bar.get("column")})
        assert sum(shares) == pytest.approx(num_labels), "each row is in one bar of each label"
    assert {bar["column"] for bar in values_of(charts["nearer"])} == {"nearer", "placed_nearer"}
    card = {bars.columns[0]: bars for bars in scene_bars(manifest)}["angle"]
    assert [bar["share"] for bar in values_of(charts["angle"])] == card.shares[card.shares > 0].tolist()

    split = list(manifest.splits)[-1]
    of_split = view_statistics.charts(manifest, split)
    expected = manifest.replace(columns=manifest.columns_by_split[split])
    bars = check_charts.check_bars("nearer", check_charts.check_statistics(expected, "nearer"))
    assert values_of(of_split["nearer"]) == chart_spec.bar_values(bars) != values_of(charts["nearer"])
    assert of_split["coverage"] == charts["coverage"], "coverage is counted over all rows"
    values = tab_statistics.show(opened, split)
    assert values[0].value == split and tab_statistics.show(opened, "misspelled")[0].value == ""


@WIDE_AND_PHONE
class TestInBrowser:
    """In both colour schemes; the console is silent and no request leaves the machine."""

    pytestmark = NEEDS_BROWSER

    @pytest.mark.slow
    def test_bars_have_the_values_and_filter(
        self,
        chromium: "Browser",
        url: str,
        manifest: Manifest,
        size: tuple[int, int],
        dark: bool,
    ) -> None:
        visit = Visit(chromium, url, size, dark)
        page = visit.page
        page.goto(url)
        tiles(page).first.wait_for()
        visit.tab("Statistics")
        bars = page.locator("#fg-chart-coverage .mark-rect path")
        bars.first.wait_for()
        shown = bars.evaluate_all("found => found.map(bar => bar.__data__.datum.share)")
        expected = values_of(view_statistics.charts(manifest)["coverage"])
        assert shown == pytest.approx([bar["share"] for bar in expected])
        boxes = bars.evaluate_all("found => found.map(bar => bar.getBoundingClientRect().height)")
        assert np.array(boxes) / max(boxes) == pytest.approx(np.array(shown) / max(shown), abs=0.03)
        texts = page.locator("#fg-chart-depth .role-axis-label text").all_text_contents()
        assert any(text.endswith(" m") for text in texts) and any(text.endswith(" %") for text in texts)
        ink = page.evaluate("getComputedStyle(document.querySelector('#fg-chart-depth svg text')).fill")
        muted = page.evaluate(
            "(e => { e.style.color = 'var(--fg-muted)'; document.body.append(e); return getComputedStyle(e).color })"
            "(document.createElement('i'))"
        )
        assert ink == muted, "the text has the colours of the page, light or dark"

        tallest = int(np.argmax(shown))
        bars.nth(tallest).hover()
        tooltip = page.locator("#vg-tooltip-element")
        tooltip.get_by_text(expected[tallest]["name"]).wait_for()
        visit.fits_the_window()
        bars.nth(tallest).click()
        page.locator("#fg-gallery [data-open]").first.wait_for()
        num_rows = round(expected[tallest]["share"] * manifest.rows)
        page.wait_for_function(
            "n => document.querySelector('#fg-gallery .fg-count')?.textContent.includes(n)", arg=f" {num_rows} "
        )
        visit.done()

    @pytest.mark.slow
    def test_the_table_of_values_is_reached_by_keyboard(
        self,
        chromium: "Browser",
        url: str,
        manifest: Manifest,
        size: tuple[int, int],
        dark: bool,
    ) -> None:
        visit = Visit(chromium, url, size, dark)
        page = visit.page
        page.goto(url)
        tiles(page).first.wait_for()
        visit.tab("Statistics")
        summary = page.locator("#fg-chart-coverage summary")
        summary.wait_for()
        summary.focus()
        page.keyboard.press("Enter")
        table = page.locator("#fg-chart-coverage table")
        table.wait_for()
        first = values_of(view_statistics.charts(manifest)["coverage"])[0]
        assert first["name"] in table.inner_text() and f"{100 * first['share']:.2f} %" in table.inner_text()
        table.locator("button").first.focus()
        page.keyboard.press("Enter")
        page.locator("#fg-gallery [data-open]").first.wait_for()
        visit.done()
