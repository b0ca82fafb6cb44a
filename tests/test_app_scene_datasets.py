"""The 3-D tab in a real browser: what a dataset or a browser may lack, several cut-outs, and motion."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from app_browser import NEEDS_BROWSER, WIDE, Visit
from app_outputs import depth_spec, make_output
from app_scene_visit import INDEX, drawn, holes, inside_pixel, opened, point, reading, show, turn
from app_scenes import PLACED, SIZE, make_layered_output, stored_row
from app_server import serving
from varied_output import make_varied_output

from fgbg_depth.app.scene_file import image_columns, scene_file
from fgbg_depth.depth.kinds import RELATIVE_DISPARITY
from fgbg_depth.depth.spec import DepthSpec, decode_depth
from fgbg_depth.read.reader import DatasetReader

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [*NEEDS_BROWSER, pytest.mark.slow]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_layered_output(tmp_path_factory.mktemp("scene") / "out")


def test_a_row_with_several_cut_outs(chromium: "Browser", tmp_path: Path) -> None:
    output = make_varied_output(tmp_path, objects=[2, 3], placements=1, depth_label="both")
    browser = DatasetReader.open(output)
    index = next(i for i in range(browser.splits["train"]) if browser.row("train", i, ()).facts["num_objects"] > 1)
    row = browser.row("train", index, image_columns(browser))
    with serving(str(output)) as url:
        visit = opened(chromium, url, row=f"train/{index}")
        turn(visit.page, 4)
        assert holes(drawn(visit.page)) < 20
        instances = stored_row(output, "train", index)["fg_bg_instances"]
        for number, item in enumerate(row.facts["objects"], start=1):
            rows, columns = np.nonzero(instances == number)
            point(visit.page, "picture", int(columns[len(rows) // 2]), int(rows[len(rows) // 2]))
            assert reading(visit.page, "on") == item["fg"]
        assert scene_file(browser, row)
        visit.done()


def test_a_relative_kind_has_no_distances(chromium: "Browser", tmp_path: Path) -> None:
    output = make_layered_output(tmp_path / "out", RELATIVE_DISPARITY.name)
    stored = stored_row(output, "train", INDEX)[PLACED]
    value = decode_depth(stored, DepthSpec.from_dict(depth_spec(RELATIVE_DISPARITY.name)))
    with serving(str(output)) as url:
        visit = opened(chromium, url)
        x, y = inside_pixel(output)
        point(visit.page, "picture", x, y, "click")
        assert reading(visit.page, "placed") == RELATIVE_DISPARITY.format_value(float(value[y, x]))
        point(visit.page, "picture", 90, 80, "click")
        said = visit.page.locator("[data-distance]").inner_text()
        assert "relative disparity has no unit" in said and not re.search(r"\d", said)
        turn(visit.page, 4)
        assert holes(drawn(visit.page)) < 20
        visit.done()


def test_a_dataset_without_placed_labels(chromium: "Browser", tmp_path: Path) -> None:
    output = make_layered_output(tmp_path / "out", placed=False)
    with serving(str(output)) as url:
        visit = opened(chromium, url)
        assert visit.page.locator("[data-modes]").is_hidden() and visit.page.locator("[data-surface]").is_visible()
        turn(visit.page, 4)
        assert holes(drawn(visit.page)) < 20
        visit.done()


def test_a_dataset_without_the_depth_of_its_backgrounds(chromium: "Browser", tmp_path: Path) -> None:
    output = make_output(tmp_path / "out", 2, 2, 2, size=SIZE)
    with serving(str(output)) as url:
        visit = opened(chromium, url)
        assert "does not store the depth of its backgrounds" in visit.page.locator("[data-note]").inner_text()
        assert visit.page.locator("[data-surface-control]").is_hidden() and drawn(visit.page).std() > 20
        point(visit.page, "picture", 40, 40)
        assert reading(visit.page, "predicted").endswith(" m")
        visit.done()


def test_a_dataset_without_depth(chromium: "Browser", tmp_path: Path) -> None:
    output = make_output(tmp_path / "out", 2, 2, 2, size=SIZE, depth=None)
    with serving(str(output)) as url:
        visit = Visit(chromium, url, WIDE, dark=False)
        visit.page.goto(url)
        visit.page.locator("#fg-gallery [data-open]").first.wait_for()
        visit.tab("3-D")
        visit.page.get_by_text("This dataset has no depth maps").wait_for()
        assert visit.page.locator(".fg3-without img").evaluate("image => image.naturalWidth") == SIZE
        visit.done()


def test_a_browser_without_webgl(chromium: "Browser", url: str, output: Path) -> None:
    visit = Visit(chromium, url, WIDE, dark=False)
    visit.page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        "  return kind.startsWith('webgl') ? null : get.call(this, kind, ...rest); };"
    )
    show(visit, f"train/{INDEX}")
    assert "no WebGL 2" in visit.page.locator("[data-missing]").inner_text()
    x, y = inside_pixel(output)
    point(visit.page, "picture", x, y)
    assert reading(visit.page, "placed").endswith(" m"), "picture and depth map still work"
    visit.done()


def sways(page: "Page") -> bool:
    before = drawn(page)
    page.wait_for_timeout(700)
    return bool(np.abs(drawn(page).astype(int) - before).mean() > 0.5)


def test_the_view_sways_until_it_is_touched(chromium: "Browser", url: str) -> None:
    visit = Visit(chromium, url, WIDE, dark=False)
    visit.page.emulate_media(reduced_motion="no-preference")
    show(visit, f"train/{INDEX}")
    visit.page.mouse.move(5, 5)
    assert sways(visit.page)
    turn(visit.page, 1)
    assert not sways(visit.page)
    visit.done()


def test_nobody_who_asked_for_less_motion_sees_it_sway(chromium: "Browser", url: str) -> None:
    visit = opened(chromium, url)
    visit.page.mouse.move(5, 5)
    assert not sways(visit.page)
    visit.done()
