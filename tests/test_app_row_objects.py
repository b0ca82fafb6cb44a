"""The cut-outs of a row with a scene: their table, boxes and colours."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from app_outputs import encode, make_output
from PIL import Image
from test_app import HOSTILE, PICTURES, assert_harmless, row_page

from fgbg_depth.app import view_gallery, view_row
from fgbg_depth.app.pixels import MASK_RGB
from fgbg_depth.app.row_objects import INSTANCES, instances_png, object_views, overlay_png
from fgbg_depth.app.state import PageState, shown_columns
from fgbg_depth.app.templating import render
from fgbg_depth.card.scene_pictures import INSTANCE_RGB, color_instances
from fgbg_depth.read.reader import DatasetReader, StoredRow

SIZE = 64


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> DatasetReader:
    return DatasetReader.open(make_output(tmp_path_factory.mktemp("app") / "out", names=HOSTILE, size=SIZE))


def item(fg: str, **values: Any) -> dict[str, Any]:
    return {"fg": fg, "flip": False, "x": -4, "y": 50, "width": 20, "height": 30, "angle": -7, "visible": 0.55} | values


@pytest.fixture
def row(browser: DatasetReader) -> StoredRow:
    """A row as a build with scenes stores it."""
    plain = browser.row("train", 3)
    instances = np.zeros((SIZE, SIZE), np.uint8)
    instances[10:20, 10:20], instances[30:40, 30:40] = 1, 2
    other = next(name for name in HOSTILE if name != plain.facts["fg"])
    objects = [item(other, flip=True), item(plain.facts["fg"], x=30, y=10)]
    facts = plain.facts | {"objects": objects, "num_objects": 2, "coverage": 0.25, "blend": "box"}
    return replace(plain, facts=facts, images=plain.images | {INSTANCES: encode(instances)})


def test_the_page_lists_all_cut_outs_and_no_name_becomes_markup(browser: DatasetReader, row: StoredRow) -> None:
    page = assert_harmless(row_page(browser, row))
    lines = [attributes for name, attributes in page.found if name == "tr" and "data-object" in attributes]
    assert [line["data-object"] for line in lines] == ["1", "2"]
    picked = [parse_qs(a["href"].lstrip("?"))["fg"][0] for _, a in page.found if a.get("data-pick") == "fg"]
    assert {item["fg"] for item in row.facts["objects"]} <= set(picked)
    assert "20 × 30 at -4, 50" in page.text and "−7°" in page.text and "55.0\N{NO-BREAK SPACE}%" in page.text
    assert "objects" not in [fact.name for fact in view_row.column_facts(row, PageState())]
    assert "Coverage" not in page.text, "the column coverage says it"
    tile = assert_harmless(render("tile.html", tile=view_gallery.tiles([row], PageState(), PICTURES)[0]))
    assert "+1" in tile.text


def test_a_plain_page_has_one_box(browser: DatasetReader) -> None:
    page = assert_harmless(row_page(browser, browser.row("train", 3)))
    assert not [a for name, a in page.found if "data-object" in a or "data-number" in a]
    assert sum(name == "rect" for name, _ in page.found) == 1
    assert "Cut-outs" not in shown_columns(browser)


def test_numbers_stay_inside_the_frame(row: StoredRow) -> None:
    for view in object_views(row, SIZE, 9):
        assert 0 <= view.label_x <= SIZE - 7 and 9 <= view.label_y <= SIZE
    assert [view.is_own for view in object_views(row, SIZE, 9)] == [False, True]


def test_colours_are_those_of_the_contact_sheet() -> None:
    instances = np.arange(256, dtype=np.uint8).reshape(16, 16)
    shown = np.asarray(Image.open(io.BytesIO(instances_png(encode(instances)))).convert("RGB"))
    assert np.array_equal(shown, color_instances(instances))


def test_the_overlay_has_the_colour_of_each_cut_out_and_the_opacity_of_the_mask() -> None:
    instances, mask = np.array([[0, 1, 2]], np.uint8), np.array([[90, 255, 128]], np.uint8)
    overlay = np.asarray(Image.open(io.BytesIO(overlay_png(encode(instances), encode(mask)))))
    assert overlay[0].tolist() == [[*MASK_RGB, 90], [*INSTANCE_RGB[0], 255], [*INSTANCE_RGB[1], 128]]


def test_the_reader_reads_instances_without_being_asked(tmp_path: Path) -> None:
    from varied_output import make_varied_output

    reader = DatasetReader.open(make_varied_output(tmp_path, placements=1, depth_label="placed"))
    row = reader.row("train", 0)
    assert INSTANCES in row.images and "objects" in row.facts
    assert "Cut-outs" in shown_columns(reader)
    assert_harmless(row_page(reader, row))
