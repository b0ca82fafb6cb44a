"""docs/scenes.md agrees with the code, and its pictures exist."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from fgbg_depth.recipe import OPTIONS
from fgbg_depth.render.soften import BLENDS
from fgbg_depth.scene import draw, ground, stage

DOCS = Path(__file__).parent.parent / "docs"
TEXT = (DOCS / "scenes.md").read_text(encoding="utf-8")
VARYING = ("scale_per", "rotation_max", "blend", "match_light", "objects", "placement_mode", "occlusion", "visible_min")


def test_every_option_has_a_heading() -> None:
    headings = re.findall(r"^### `(\w+)", TEXT, re.M)
    assert tuple(headings) == VARYING and set(headings) <= OPTIONS.keys()


def test_pictures_exist_and_are_small() -> None:
    named = set(re.findall(r"\]\((scenes/\w+\.jpg)\)", TEXT))
    assert named == {f"scenes/{path.name}" for path in (DOCS / "scenes").iterdir()}
    assert all((DOCS / name).stat().st_size < 100_000 for name in named)


def test_shares_of_blends_are_those_of_the_code() -> None:
    for blend, share in zip(draw.MIXED, draw._MIXED_SHARES, strict=True):
        line = next(line for line in TEXT.splitlines() if line.startswith("| `") and f"`{blend}`" in line)
        assert f"| {100 * share:.0f} %" in line
    assert all(f"`{blend}`" in TEXT for blend in BLENDS)
    assert np.isclose(sum(draw._MIXED_SHARES), 1)


def test_numbers_are_those_of_the_code() -> None:
    text = " ".join(TEXT.split())
    for words in (
        f"intersection over union of at most {draw.MAX_IOU}",
        f"in steps of 1/{draw.SCALE_STEPS} of the largest size",
        f"until one keeps all rules, {draw.TRIES} at most",
        f"at least {100 * (1 - stage.NEARER):.0f} % nearer",
        f"covers {100 * ground.MIN_SHARE:.0f} % of the frame",
        f"spans {100 * ground.MIN_HEIGHT:.0f} % of its height",
        f"in {100 * ground.MIN_EDGE_SHARE:.0f} % of the columns",
        "at {:.0f} to {:.0f} % of the height".format(*(100 * end for end in ground.HORIZON_RANGE)),
        f"median error of at most {100 * ground.MAX_ERROR:.0f} %",
    ):
        assert words in text, words
    assert stage.MIN_RELATIVE_SIZE == 0.25
