"""The 3-D tab in a real browser: layers without holes, the linked crosshair, distances and the difference."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np
import pytest
from app_browser import NEEDS_BROWSER, PHONE, WIDE, Visit
from app_scene_visit import CANVAS, INDEX, choose, cleared, drawn, holes, inside_pixel, opened, point, reading, turn
from app_scenes import PLACED, SIZE, background_depth, make_layered_output, stored_row
from PIL import Image

from fgbg_depth.app.cloud import unproject

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [*NEEDS_BROWSER, pytest.mark.slow]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_layered_output(tmp_path_factory.mktemp("scene") / "out")


@pytest.fixture(
    params=[(WIDE, False), pytest.param((PHONE, True), marks=pytest.mark.slow)], ids=["wide, light", "phone, dark"]
)
def visit(request: pytest.FixtureRequest, chromium: "Browser", url: str) -> Iterator[Visit]:
    made = opened(chromium, url, *request.param)
    yield made
    made.done()


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


@pytest.mark.slow
def test_fingers_turn_zoom_and_mark(chromium: "Browser", url: str) -> None:
    visit = opened(chromium, url, PHONE)
    page = visit.page
    session = visit.context.new_cdp_session(page)
    box = page.locator(CANVAS).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def touch(kind: str, *fingers: tuple[float, float]) -> None:
        points = [{"x": x + dx, "y": y + dy, "id": number} for number, (dx, dy) in enumerate(fingers)]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    seen = drawn(page)
    touch("Start", (0, 0))
    for moved in (20, 40, 60):
        touch("Move", (moved, 0))
    touch("End")
    turned = drawn(page)
    assert np.abs(turned.astype(int) - seen).mean() > 3 and page.evaluate("scrollY") == 0
    touch("Start", (-30, 0), (30, 0))
    for apart in (40, 50, 60):
        touch("Move", (-apart, 0), (apart, 0))
    touch("End")
    assert cleared(drawn(page)).mean() < cleared(turned).mean() - 0.02, "two fingers that move apart zoom in"
    assert page.locator("[data-clear]").is_hidden(), "neither marks a point"
    touch("Start", (0, 30))
    touch("End")
    page.locator("[data-clear]").wait_for()
    visit.done()


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
