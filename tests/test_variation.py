"""The card's words about what varies from row to row."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from made_statistics import METRIC, made_statistics
from markdown_it import MarkdownIt

from fgbg_depth import schema
from fgbg_depth.card import text as card
from fgbg_depth.card.variation import blend_meanings, variation_section
from fgbg_depth.manifest import ColumnStatistics, Manifest
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.soften import BLENDS
from fgbg_depth.statistics import ColumnSums

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table"])
EVERYTHING: dict[str, Any] = {
    "scale_per": "row",
    "foreground_min": 0.25,
    "foreground_max": 0.5,
    "rotation_max": 12,
    "blend": "mixed",
    "match_light": 0.4,
    "objects": (1, 3),
    "placement_mode": "scene",
    "occlusion": True,
    "visible_min": 0.5,
}


def statistics(name: str, values: list[float]) -> ColumnStatistics:
    """As a build counts a column with these values."""
    column = next(c for c in schema.columns(extras=schema.EXTRAS) if c.name == name)
    assert column.histogram is not None
    sums = ColumnSums(*column.histogram)
    sums.add_values(np.array(values))
    return ColumnStatistics.of(sums)


def manifest_of(**choices: Any) -> Manifest:
    """A manifest of 100 rows: 60 with one cut-out, 40 with three."""
    found = Manifest.from_dict(made_statistics(Recipe(**choices), METRIC))
    return found.replace(
        columns={
            "num_objects": statistics("num_objects", [1] * 60 + [3] * 40),
            "visible": statistics("visible", [1] * 90 + [0.6] * 10),
        },
        texts={"blend": {"box": 25, "alpha": 75}},
        without_ground=["bg_001", "bg_002"] if choices.get("placement_mode") == "scene" else [],
    )


def test_everything_that_varies_is_named_with_its_range_and_counted() -> None:
    section = variation_section(manifest_of(**EVERYTHING)).replace("\N{NO-BREAK SPACE}", " ")
    for words in (
        "its longest side before turning is 56 to 112 pixels",
        "up to 12 degrees",
        "1 to 3 are drawn for a row, 1.80 on average",
        "the median is 100 %, and 5 % of the rows are below 60 %",
        "proportional to the distance, in rows, between the foot and the horizon",
        "at least 5 % nearer",
        "by up to 40 % towards",
        "| rows | 60 | 40 |",
        "| share | 60.0 % | 40.0 % |",
        "| <code>alpha</code> | as in the file | 75 | 75.0 % |\n"
        "| <code>box</code> | blurred by a box 3 px wide | 25 | 25.0 % |",
        "No ground was found on 2 of 10 backgrounds",
        "<code>bg&#95;001</code>, <code>bg&#95;002</code>",
        "72 to 97 % down the picture",
    ):
        assert words in section, words


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"scale_per": "row"}, "Size"),
        ({"rotation_max": 5}, "Angle"),
        ({"blend": "feather", "feather_sigma": 1.5}, "Outline"),
        ({"match_light": 0.2}, "Light"),
        ({"objects": (2, 4)}, "Number of cut-outs"),
        ({"placement_mode": "scene"}, "Place and perspective"),
    ],
)
def test_only_what_varies_is_named(choices: dict[str, Any], words: str) -> None:
    assert re.findall(r"^- \*\*(.*?)\*\*", variation_section(manifest_of(**choices)), re.M) == [words]


def test_plain_rows_have_no_such_section() -> None:
    assert variation_section(manifest_of()) == ""
    text = card.render_card(manifest_of())
    assert "What varies" not in text and "compose_row" not in text and "instances" not in text


def test_every_blend_has_a_meaning() -> None:
    assert tuple(blend_meanings(224)) == BLENDS


@pytest.mark.parametrize("choices", [EVERYTHING, {"match_light": 0.5}, {"objects": (1, 2), "image_format": "png"}])
def test_a_varied_card_is_whole(choices: dict[str, Any]) -> None:
    text = card.render_card(manifest_of(**choices), repo_id="me/scenes")
    rendered = MARKDOWN.render(text.split("---\n", 2)[2])
    for leftover in ("{{", "{%", "None", "  \n", "\n\n\n"):
        assert leftover not in text, leftover
    several = "objects" in choices
    assert ("fg_bg_instances" in text.split("The complete recipe")[0]) == several
    assert all(f"| `{name}` | {kind} |" in text for name, (kind, _) in schema.OBJECT_FIELDS.items())
    assert "compose_row(repo, row)" in text and "ImageOps" not in text
    for table in re.findall(r"<table>.*?</table>", rendered, re.S):  # no row lost a cell
        assert len({len(re.findall(r"<t[hd]", row)) for row in re.findall(r"<tr>.*?</tr>", table, re.S)}) == 1
