"""The picture of a comparison: some rows, each with the predicted and the placed depth of every model."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from fgbg_depth.card.charts import INK, MUTED, PAPER, font, shorten
from fgbg_depth.card.sheets import contact_sheet
from fgbg_depth.comparison.drawn_rows import DrawnRows
from fgbg_depth.comparison.label_rows import LabelledRows
from fgbg_depth.comparison.result import ModelResult
from fgbg_depth.depth.spec import decode_depth
from fgbg_depth.schema import LABELS

SHEET_ROWS = 6
_CELL_PX, _HEAD, _MARGIN = 208, 72, 36


def comparison_sheet(
    drawn: DrawnRows, shown: Sequence[int], models: Sequence[ModelResult], labelled: Sequence[LabelledRows]
) -> Image.Image:
    """One line for each row: the composite, then the predicted and the placed depth of each model.

    Each model has a range of colours of its own, because the values of different kinds of depth cannot be compared.

    Args:
        shown: numbers of the rows.
        models, labelled: of the same models, in the same order.
    """
    pictures = [{"fg_bg": drawn.image(i), "note": f"{drawn.rows[i].fg} on {drawn.rows[i].bg}"} for i in shown]
    parts = [_with_title(contact_sheet(pictures, columns=("fg_bg",), cell_px=_CELL_PX), "", "")]
    for model, rows in zip(models, labelled, strict=True):
        depths = [
            {LABELS[label]: decode_depth(stored, model.spec) for label, stored in rows.shown[i].items()} for i in shown
        ]
        sheet = contact_sheet(depths, model.spec, columns=tuple(LABELS.values()), cell_px=_CELL_PX)
        parts.append(_with_title(sheet, f"{model.letter}  {model.spec.model}", model.spec.meaning.title))
    return _side_by_side(parts)


def _with_title(sheet: Image.Image, title: str, words: str) -> Image.Image:
    """A sheet with two lines of text above it."""
    whole = Image.new("RGB", (sheet.width, sheet.height + _HEAD), PAPER)
    draw = ImageDraw.Draw(whole)
    width = sheet.width - 2 * _MARGIN
    draw.text((_MARGIN, 20), shorten(title, width, 24), font=font(24), fill=INK)
    draw.text((_MARGIN, 52), shorten(words, width, 15), font=font(15), fill=MUTED)
    whole.paste(sheet, (0, _HEAD))
    return whole


def _side_by_side(parts: Sequence[Image.Image]) -> Image.Image:
    """The parts from left to right; of two margins that meet, one is left out."""
    size = (sum(part.width - _MARGIN for part in parts) + _MARGIN, max(part.height for part in parts))
    whole = Image.new("RGB", size, PAPER)
    x = 0
    for part in parts:
        whole.paste(part, (x, 0))
        x += part.width - _MARGIN
    return whole
