"""Pictures of rows with scenes: the card's contact sheet, and that of a dry run with its words."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from varied_output import BACKGROUNDS, varied_recipe

from fgbg_depth.card.scene_pictures import (
    BACKGROUND_RGB,
    INSTANCE_RGB,
    color_instances,
    draw_horizon,
    scene_words,
    with_words,
)
from fgbg_depth.card.sheets import contact_sheet
from fgbg_depth.cli.main import main

OBJECTS = [{"fg": "man", "angle": -3}, {"fg": "cat", "angle": 0}]


def test_each_cut_out_has_its_colour() -> None:
    colors = color_instances(np.array([[0, 1, 2, 8, 9]], np.uint8))[0].tolist()
    assert colors == [list(c) for c in (BACKGROUND_RGB, *INSTANCE_RGB[:2], INSTANCE_RGB[7], INSTANCE_RGB[0])]
    assert len(set(INSTANCE_RGB)) == 8


@pytest.mark.parametrize(
    ("horizon", "words"),
    [
        (None, "blend box; 2 cut-outs, farthest first: man (-3 degrees), cat"),
        (84.4, "blend box; 2 cut-outs, farthest first: man (-3 degrees), cat; horizon at row 84"),
        (math.nan, "blend box; 2 cut-outs, farthest first: man (-3 degrees), cat; no ground found"),
    ],
)
def test_a_line_says_what_was_chosen(horizon: float | None, words: str) -> None:
    assert scene_words(OBJECTS, "box", horizon) == words
    assert scene_words(OBJECTS[1:], "box", None) == "blend box; 1 cut-out: cat"


def test_the_horizon_is_drawn_where_it_is() -> None:
    picture = Image.new("RGB", (20, 40))
    draw_horizon(picture, math.nan, 20)
    assert not np.asarray(picture).any()
    draw_horizon(picture, 5.0, 20)
    assert np.flatnonzero(np.asarray(picture).any(axis=(1, 2))).tolist() == [11]


def test_a_sheet_of_scenes_has_a_column_and_a_line_more() -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    plain = {"bg": pixels, "fg_bg": pixels, "mask": pixels[..., 0], "bg_name": "a"}
    assert with_words(plain) is plain
    scene = with_words(
        {**plain, "instances": pixels[..., 0] + 1, "objects": OBJECTS, "blend": "box", "horizon": math.nan}
    )
    sheets = [contact_sheet([row, row], cell_px=64) for row in (plain, scene)]
    assert sheets[1].width - sheets[0].width == 64 + 12
    assert sheets[1].height - sheets[0].height == 2 * 22
    colors = {color for _, color in sheets[1].getcolors(1 << 16) or ()}
    assert INSTANCE_RGB[0] in colors


@pytest.mark.slow
def test_a_dry_run_names_the_backgrounds_without_ground(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = varied_recipe(tmp_path)
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    words = ["build", "--recipe", str(tmp_path / "recipe.yaml"), "--output", str(tmp_path / "out"), "--dry-run"]
    words += ["--workers", "1", "--depth-label", "placed"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "no ground on   1 of 3 backgrounds, where cut-outs stand in ground_band: bedroom" in printed
    assert not (tmp_path / "out").exists()
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ground_checked"] == len(BACKGROUNDS) and found["without_ground"] == ["bedroom"]
    sheet = Image.open(found["sheet"])
    assert sheet.width == 2 * 36 + 6 * (224 + 12) - 12  # with a column of instances
