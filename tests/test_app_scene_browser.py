"""The 3-D tab in a real browser: layers without holes, the linked crosshair, distances, and what a dataset may lack."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np
import pytest
from app_browser import NEEDS_BROWSER, PHONE, WIDE, Visit, chromium
from app_outputs import depth_spec, make_output
from app_scenes import PLACED, SIZE, background_depth, make_layered_output, stored_row
from app_server import serving
from PIL import Image, ImageDraw
from varied_output import make_varied_output

from fgbg_depth.app.cloud import unproject
from fgbg_depth.app.scene_file import image_columns, scene_file
from fgbg_depth.depth.kinds import RELATIVE_DISPARITY
from fgbg_depth.depth.spec import DepthSpec, decode_depth
from fgbg_depth.read.reader import DatasetReader

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["chromium"]
pytestmark = NEEDS_BROWSER
CANVAS = "#fg-scene .fg3-stage canvas"
CLEAR = np.array([15, 14, 19])  # what scene_draw.js clears the canvas with
INDEX = 1


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_layered_output(tmp_path_factory.mktemp("scene") / "out")


@pytest.fixture(scope="module")
def url(output: Path) -> Iterator[str]:
    with serving(str(output)) as address:
        yield address


def opened(
    chromium: "Browser", url: str, size: tuple[int, int] = WIDE, dark: bool = False, row: str = f"train/{INDEX}"
) -> Visit:
    """A visit of the 3-D tab that does not sway."""
    visit = Visit(chromium, url, size, dark)
    visit.page.emulate_media(reduced_motion="reduce")
    show(visit, row)
    return visit


def show(visit: Visit, row: str) -> None:
    visit.page.goto(f"{visit.url}/?tab=3d&row={row}")
    visit.page.wait_for_selector(f"[data-drawn='{row}']")


@pytest.fixture(
    params=[(WIDE, False), pytest.param((PHONE, True), marks=pytest.mark.slow)], ids=["wide, light", "phone, dark"]
)
def visit(request: pytest.FixtureRequest, chromium: "Browser", url: str) -> Iterator[Visit]:
    made = opened(chromium, url, *request.param)
    yield made
    made.done()


def drawn(page: "Page") -> np.ndarray:
    """(h, w, 3) uint8 pixels of the canvas, below the buttons, without marks and without the frame of the focus."""
    page.wait_for_timeout(150)
    page.add_style_tag(content=".fg3-stage svg { visibility: hidden }")
    box = page.locator(CANVAS).bounding_box()
    assert box is not None
    clip = {"x": box["x"] + 4, "y": box["y"] + 50, "width": box["width"] - 8, "height": box["height"] - 60}
    return np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"))


def cleared(pixels: np.ndarray) -> np.ndarray:
    """(h, w) bool: pixels on which nothing was drawn."""
    return np.asarray(np.abs(pixels.astype(int) - CLEAR).max(-1) <= 2)


def holes(pixels: np.ndarray) -> int:
    """Pixels on which nothing was drawn, and that are not connected to the outside."""
    flooded = Image.fromarray(np.pad(cleared(pixels), 1, constant_values=True).astype(np.uint8)).copy()
    ImageDraw.floodfill(flooded, (0, 0), 2)
    return int((np.asarray(flooded) == 1).sum())


def choose(page: "Page", mode: str) -> None:
    page.locator(".fg3-modes label", has_text=mode).click()
    page.wait_for_selector(f".fg3[data-mode={mode.lower()}]")


def turn(page: "Page", steps: int) -> None:
    for _ in range(steps):
        page.locator(CANVAS).press("ArrowRight")


def point(page: "Page", view: str, x: int, y: int, act: str = "hover") -> None:
    """Point at a pixel of the picture or of the depth map."""
    frame = page.locator(f"[data-view={view}]")
    box = frame.bounding_box()
    assert box is not None
    position = {"x": box["width"] * (x + 0.5) / SIZE, "y": box["height"] * (y + 0.5) / SIZE}
    getattr(frame, act)(position=position)


def reading(page: "Page", name: str) -> str:
    return page.locator(f"[data-reading] [data-name='{name}']").inner_text().removeprefix(name).strip()


def inside_pixel(output: Path, index: int = INDEX) -> tuple[int, int]:
    """A pixel in the middle of the cut-out of a row of train."""
    rows, columns = np.nonzero(stored_row(output, "train", index)["fg_bg_mask"] == 255)
    middle = len(rows) // 2
    return int(columns[middle]), int(rows[middle])


def test_layers_have_no_hole_behind_the_cut_out_and_the_surface_has(visit: Visit) -> None:
    page = visit.page
    visit.fits_the_window()
    turn(page, 5)
    layers = drawn(page)
    assert layers.std() > 20, "the canvas is not empty"
    page.locator("[data-surface]").check()
    page.wait_for_selector(".fg3[data-mode=torn]")
    torn = drawn(page)
    assert holes(layers) < 20
    assert (cleared(torn) & ~cleared(layers)).sum() > 2_000, "where the surface is torn, the layers show the background"
    assert "predicted" in page.locator("[data-title=depth]").inner_text()
    page.locator("[data-surface]").uncheck()
    page.wait_for_selector(".fg3[data-mode=placed]")
    assert np.abs(drawn(page).astype(int) - layers).mean() < 1, "the same as before"


def test_from_the_place_of_its_camera_the_scene_is_the_picture(chromium: "Browser", url: str, output: Path) -> None:
    visit = opened(chromium, url)
    page = visit.page
    page.locator(CANVAS).press("Home")
    page.add_style_tag(content=".fg3-stage svg, .fg3-buttons { visibility: hidden }")
    page.wait_for_timeout(200)
    box = page.locator(CANVAS).bounding_box()
    assert box is not None
    side = box["height"] / 1.06  # MARGIN of scene_camera.js
    left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
    clip = {"x": left, "y": top, "width": side, "height": side}
    shown = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB").resize((SIZE, SIZE))
    picture = stored_row(output, "train", INDEX)["fg_bg"]
    error = np.abs(np.asarray(shown).astype(int) - picture)[2:-2, 2:-2]
    assert error.mean() < 6, error.mean()
    visit.done()


def test_turning_zooming_and_resetting(visit: Visit) -> None:
    page = visit.page
    seen = drawn(page)
    box = page.locator(CANVAS).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 120)
    page.mouse.down()
    page.mouse.move(box["x"] + 190, box["y"] + 140, steps=4)
    page.mouse.up()
    turned = drawn(page)
    assert np.abs(turned.astype(int) - seen).mean() > 3
    assert page.locator("[data-clear]").is_hidden(), "a drag marks no point"
    page.locator(CANVAS).press("+")
    assert np.abs(drawn(page).astype(int) - turned).mean() > 3
    page.locator("[data-reset]").click()
    assert np.abs(drawn(page).astype(int) - seen).mean() < 1
    with page.expect_download() as waiting:
        page.locator("[data-save]").click()
    assert waiting.value.suggested_filename == f"train-{INDEX}.glb"
    assert Path(waiting.value.path()).read_bytes().startswith(b"glTF")


@pytest.mark.parametrize("view", ["picture", "depth"])
def test_the_crosshair_reads_what_is_stored(visit: Visit, output: Path, view: str) -> None:
    page, row = visit.page, stored_row(output, "train", INDEX)
    for x, y, on in ((*inside_pixel(output), row["fg"]), (90, 70, "the background")):
        point(page, view, x, y)
        assert (reading(page, "x"), reading(page, "y"), reading(page, "on")) == (str(x), str(y), on)
        assert reading(page, "placed") == f"{row[PLACED][y, x] / 1000:.2f} m"
        assert reading(page, "predicted") == f"{row['fg_bg_depth'][y, x] / 1000:.2f} m"
        assert reading(page, "background alone") == f"{background_depth('metric')[y, x] / 1000:.2f} m"
        other = page.locator(f"[data-view={'depth' if view == 'picture' else 'picture'}] svg line").first
        assert float(other.get_attribute("x1") or "") == x + 0.5, "the crosshair is in both"
        assert page.locator("[data-overlay] circle").count() == 2, "and in the 3-D view"
    point(page, view, 1, 1)
    assert reading(page, "background alone") == "no depth"


def test_pointing_at_the_3d_view_finds_the_pixel_it_shows(chromium: "Browser", url: str, output: Path) -> None:
    """From the picture to the 3-D view and back: the crosshair's place there shows the same pixel."""
    visit = opened(chromium, url)
    page = visit.page
    turn(page, 2)
    for x, y, on in ((*inside_pixel(output), stored_row(output, "train", INDEX)["fg"]), (80, 80, "the background")):
        point(page, "picture", x, y)
        box = page.locator(CANVAS).bounding_box()
        circle = page.locator("[data-overlay] circle").first
        assert box is not None
        page.mouse.move(
            box["x"] + float(circle.get_attribute("cx") or ""), box["y"] + float(circle.get_attribute("cy") or "")
        )
        page.wait_for_timeout(300)
        found = int(reading(page, "x")), int(reading(page, "y"))
        assert abs(found[0] - x) <= 1 and abs(found[1] - y) <= 1 and reading(page, "on") == on
    visit.done()


def test_the_distance_between_two_points(visit: Visit, output: Path) -> None:
    page, row = visit.page, stored_row(output, "train", INDEX)
    inside = inside_pixel(output)
    pixels = (inside, (88, 80))
    for x, y in pixels:
        point(page, "picture", x, y, "tap" if page.evaluate("matchMedia('(pointer: coarse)').matches") else "click")

    def expected(labels: np.ndarray, fov: int) -> str:
        positions = unproject(labels.astype(np.float32) / 1000, fov)
        (x1, y1), (x2, y2) = pixels
        return f"{np.linalg.norm(positions[y1, x1] - positions[y2, x2]):.2f} m"

    shown = page.locator("[data-distance]")
    assert expected(row[PLACED], 60) in shown.inner_text() and "field of view of 60°" in shown.inner_text()
    page.locator("[data-fov]").fill("40")
    assert expected(row[PLACED], 40) in shown.inner_text() and "field of view of 40°" in shown.inner_text()
    assert "fov=40" in (page.locator("[data-save]").get_attribute("href") or "")
    choose(page, "Predicted")
    predicted = background_depth("metric").copy()  # the background keeps its own depth; only the cut-out is predicted
    predicted[inside[1], inside[0]] = row["fg_bg_depth"][inside[1], inside[0]]
    assert expected(predicted, 40) in shown.inner_text()
    page.locator("[data-clear]").click()
    assert "Click two points" in shown.inner_text() and page.locator(".fg3-point").count() == 0


def test_the_keyboard_reads_and_measures(chromium: "Browser", url: str) -> None:
    visit = opened(chromium, url)
    page, frame = visit.page, visit.page.locator("[data-view=depth]")
    frame.press("ArrowRight")
    assert (reading(page, "x"), reading(page, "y")) == (str(SIZE // 2 + 1), str(SIZE // 2))
    frame.press("Enter")
    frame.press("Shift+ArrowDown")
    frame.press("Enter")
    assert reading(page, "y") == str(SIZE // 2 + 10) and page.locator("[data-distance]").inner_text().startswith("A to")
    frame.press("Escape")
    assert page.locator(".fg3-point").count() == 0
    assert page.locator(".fg-title:visible").inner_text() == f"train, row {INDEX}", "arrow keys open no other row"
    visit.done()


def test_the_difference_of_both_labels(visit: Visit, output: Path) -> None:
    page, row = visit.page, stored_row(output, "train", INDEX)
    before = drawn(page)
    choose(page, "Difference")
    x, y = inside_pixel(output)
    point(page, "depth", x, y)
    difference = (int(row[PLACED][y, x]) - int(row["fg_bg_depth"][y, x])) / 1000
    assert difference != 0 and reading(page, "difference") == f"{difference:.2f} m".replace("-", "−")
    assert page.locator("[data-legend]").is_visible() and "m" in page.locator("[data-nearer]").inner_text()
    context = "document.querySelector('[data-view=depth] canvas').getContext('2d')"
    color = page.evaluate(f"() => [...{context}.getImageData({x}, {y}, 1, 1).data]")
    assert (color[2] > color[0]) == (difference < 0), "blue is nearer, orange is farther"
    pixels = drawn(page).astype(int)
    assert np.abs(pixels - before).mean() > 3
    colored = (pixels.max(-1) - pixels.min(-1) > 60).sum()
    assert colored > 500, "only the layer has colours"


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


def test_the_tab_and_its_neighbours_show_the_same_row(chromium: "Browser", url: str) -> None:
    """Also when no row was named: the tab shows the first row, and the next row is the one after it."""
    visit = Visit(chromium, url, WIDE, dark=False)
    page = visit.page
    page.goto(url)
    page.locator("#fg-gallery [data-open]").first.wait_for()
    visit.tab("3-D")
    page.wait_for_selector(".fg3[data-drawn]")
    first = page.locator(".fg3").get_attribute("data-row")
    visit.tab("Row")
    page.wait_for_selector(f".fg-row[data-row='{first}']")
    visit.tab("3-D")
    page.wait_for_selector(f".fg3[data-drawn='{first}']")
    page.locator(".fg3-steps [data-step='1']").click()
    page.wait_for_selector(f".fg3[data-drawn]:not([data-drawn='{first}'])")
    second = page.locator(".fg3").get_attribute("data-row")
    assert f"row={second}" in unquote(page.url)
    visit.tab("Row")
    page.wait_for_selector(f".fg-row[data-row='{second}']")
    visit.done()


def test_another_row_and_back_costs_no_second_request(chromium: "Browser", url: str) -> None:
    """The browser keeps the file, and the page's text stays small."""
    visit = opened(chromium, url)
    page = visit.page
    page.locator(".fg3-steps [data-step='1']").click()
    page.wait_for_selector(f"[data-drawn]:not([data-drawn='train/{INDEX}'])")
    page.locator(".fg3-steps [data-step='-1']").click()
    page.wait_for_selector(f"[data-drawn='train/{INDEX}']")
    name = f"e => e.name.includes('train/{INDEX}.scene')"
    sizes = page.evaluate(f"performance.getEntriesByType('resource').filter({name}).map(e => e.transferSize)")
    assert len(sizes) == 2 and sizes[0] > 0 and sizes[1] == 0, "the second time it comes from the browser's cache"
    assert page.evaluate("document.querySelector('#fg-scene').innerHTML.length") < 12_000
    visit.done()
