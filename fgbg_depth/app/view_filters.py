"""The form with the filters and the order of rows, and the filters that are set."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fgbg_depth import schema
from fgbg_depth.app.state import PageState
from fgbg_depth.app.templating import render, split_label
from fgbg_depth.read.order import STORED
from fgbg_depth.read.reader import DatasetReader
from fgbg_depth.schema import BG_CLASS, CLASSES, FG_CLASS

Choices = list[tuple[str, str]]  # words and values
_TEXT_LABELS = {FG_CLASS: "Class of the cut-out", BG_CLASS: "Class of the background"}


@dataclass(frozen=True)
class Chip:
    """A filter that is set, in words, and the address without it."""

    words: str
    link: str


def form(browser: DatasetReader) -> str:
    """The form with all filters and orders. static/address.js fills in what the address says."""
    choices: list[tuple[str, str, Choices]] = [
        ("split", "Split", [(split_label(split), split) for split in browser.splits]),
        ("bg", "Background", [(name, name) for name in browser.names("bg")]),
        ("fg", "Cut-out", [(name, name) for name in browser.names("fg")]),
        ("flip", "Mirrored", [("mirrored", "yes"), ("not mirrored", "no")]),
    ]
    for column in browser.text_columns:
        found = texts_of(browser, column)
        choices.append((column, _TEXT_LABELS.get(column, column), [(text, text) for text in found]))
    meanings = {column.name: column.meaning for column in schema.columns(extras=schema.EXTRAS)}
    return render(
        "filters.html",
        sorts=sorts(browser),
        choices=[item for item in choices if len(item[2]) > 1],
        ranges=[(column, meanings[column]) for column in filter_columns(browser)],
    )


def filter_columns(browser: DatasetReader) -> list[str]:
    """The columns of numbers that the form offers: coverage, the scene's, and the checks of the labels."""
    with_range = {column.name for column in schema.columns(extras=schema.EXTRAS) if column.histogram}
    return [column for column in browser.number_columns if column in with_range]


def sorts(browser: DatasetReader) -> Choices:
    """The orders that the form offers."""
    found = [("shuffled", ""), ("as stored", STORED)]
    for column in filter_columns(browser):
        found += [(f"{column}, lowest first", column), (f"{column}, highest first", f"-{column}")]
    return found


def texts_of(browser: DatasetReader, column: str) -> list[str]:
    """The different texts of a column as statistics.json lists them, sorted."""
    kind = next((kind for kind, name in CLASSES.items() if name == column), "")
    counted = browser.manifest.classes.get(kind, {}) if kind else browser.manifest.texts.get(column, {})
    return sorted(text for text in counted if text)


def chips(browser: DatasetReader, state: PageState) -> list[Chip]:
    """The filters that are set, each with the address without it."""
    found = []
    for name, words in (
        ("split", split_label(state.split)),
        ("bg", f"background {state.bg}"),
        ("fg", f"cut-out {state.fg}"),
        ("flip", "mirrored" if state.flip == "yes" else "not mirrored"),
    ):
        if getattr(state, name):
            found.append(Chip(words, link(state.but(**{name: "", "page": 1}))))
    for column, text in state.texts:
        rest = tuple(item for item in state.texts if item[0] != column)
        found.append(Chip(f"{_TEXT_LABELS.get(column, column).lower()}: {text}", link(state.but(texts=rest, page=1))))
    for column, low, high in state.ranges:
        words = " to ".join(text for text in (_text(low), _text(high)))
        if not math.isfinite(low):
            words = f"up to {_text(high)}"
        elif not math.isfinite(high):
            words = f"from {_text(low)}"
        found.append(Chip(f"{column} {words}", link(state.with_range(column, -math.inf, math.inf))))
    return found


def sort_words(state: PageState) -> str:
    """The order of the rows in words."""
    if not state.sort:
        return f"shuffled with seed {state.seed}" if state.seed else "shuffled"
    if state.sort == STORED:
        return "as stored"
    return f"by {state.order.column}, {'highest' if state.order.descending else 'lowest'} first"


def link(state: PageState) -> str:
    """The address of a state, relative to the page."""
    return state.to_query() or "?"


def _text(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""
