"""The state of the page: what its address says, and the other way round.

Tab, row, filters, order, shown column and page are all of it, so Back, Forward, reload and a copied link restore it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fgbg_depth import schema
from fgbg_depth.app.row_objects import INSTANCES
from fgbg_depth.errors import UsageError
from fgbg_depth.read.order import STORED, Sort
from fgbg_depth.read.reader import DatasetReader, Filter
from fgbg_depth.schema import LABELS, PLACED, PREDICTED

SHOWN_COLUMNS = {
    "Composite": "fg_bg",
    "Mask": "fg_bg_mask",
    "Cut-outs": INSTANCES,
    "Depth": LABELS[PREDICTED],
    "Placed depth": LABELS[PLACED],
}
SAMPLES, ROW, SCENE = "samples", "row", "3d"  # names of tabs in the address
FLIPS = {"": None, "yes": True, "no": False}
_MAX_FIELDS, _MAX_NUMBER = 100, 10**9
_ADDRESS = re.compile(r"([\w-]{1,60})/([0-9]{1,12})", re.ASCII)


@dataclass(frozen=True)
class PageState:
    """What the page shows.

    Args:
        row: the open row, such as "train/12"; "" for the first row of the order.
        split, bg, fg, flip: filters; "" does not filter. `flip` is a key of `FLIPS`.
        texts: (column, text) filters.
        ranges: (column, lowest, highest) filters; infinite where an end is open.
        sort: as in `Sort.parse`.
        seed: of the shuffled order.
        shown: the image column that tiles show.
        page: of the tab Samples, from 1.
    """

    tab: str = SAMPLES
    row: str = ""
    split: str = ""
    bg: str = ""
    fg: str = ""
    flip: str = ""
    texts: tuple[tuple[str, str], ...] = ()
    ranges: tuple[tuple[str, float, float], ...] = ()
    sort: str = ""
    seed: int = 0
    shown: str = "fg_bg"
    page: int = 1

    def but(self, **changes: Any) -> PageState:
        """The same state with other values of some fields."""
        return replace(self, **changes)

    def without_filters(self) -> PageState:
        """The same state for all rows, on the first page."""
        return self.but(split="", bg="", fg="", flip="", texts=(), ranges=(), page=1)

    def with_range(self, column: str, low: float, high: float) -> PageState:
        """The same state with this range of a column, on the first page."""
        others = tuple(item for item in self.ranges if item[0] != column)
        added = ((column, low, high),) if math.isfinite(low) or math.isfinite(high) else ()
        return self.but(ranges=tuple(sorted(others + added)), page=1)

    @property
    def filter(self) -> Filter:
        """The filter that the rows of the tab Samples match."""
        return Filter(
            self.split or None,
            self.bg or None,
            self.fg or None,
            FLIPS[self.flip],
            ranges=self.ranges,
            texts=self.texts,
        )

    @property
    def order(self) -> Sort:
        """The order of these rows."""
        return Sort.parse(self.sort, self.seed)

    def to_query(self) -> str:
        """The query of the page's address, with its "?"; values that a new visitor sees are left out."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        pairs = [(_KEYS.get(name, name), str(v)) for name, v in plain.items() if v != getattr(_FIRST, name)]
        pairs += self.texts
        for column, low, high in self.ranges:
            pairs += [(f"{column}_{end}", f"{v:.9g}") for end, v in (("min", low), ("max", high)) if math.isfinite(v)]
        return "?" + urlencode(pairs, safe="/") if pairs else ""


_PLAIN = ("tab", "row", "split", "bg", "fg", "flip", "sort", "seed", "shown", "page")
_KEYS = {"page": "p"}  # `page` in an address is gradio's own
_FIRST = PageState()


def parse_query(query: str, browser: DatasetReader, tabs: Iterable[str]) -> tuple[PageState, list[str]]:
    """The state that an address describes, and what is wrong with the address.

    Unknown fields are ignored: other programs add their own. A wrong value is replaced by its default.

    Args:
        query: with or without its "?".
        tabs: names of the page's tabs.
    """
    try:
        pairs = dict(parse_qsl(query.lstrip("?"), max_num_fields=_MAX_FIELDS))
    except ValueError:
        return PageState(), [f"The address has more than {_MAX_FIELDS} fields."]
    numbers, wrong = browser.number_columns, list[str]()

    def choice(name: str, allowed: Iterable[str]) -> str:
        value = pairs.get(name, getattr(_FIRST, name))
        if value == getattr(_FIRST, name) or value in allowed:
            return str(value)
        wrong.append(f"The address has {name}={value}, which this dataset does not have.")
        return str(getattr(_FIRST, name))

    def number(name: str) -> int:
        key = _KEYS.get(name, name)
        value = pairs.get(key, "")
        if value.isascii() and value.isdigit() and int(value[:20]) <= _MAX_NUMBER:
            return int(value)
        if value:
            wrong.append(f"The address has {key}={value}; it must be a whole number from 0 to {_MAX_NUMBER}.")
        return int(getattr(_FIRST, name))

    row = pairs.get("row", "")
    try:
        if row:
            find_row(browser, row)
    except UsageError as e:
        wrong.append(str(e))
        row = ""
    orders = [STORED, *numbers, *(f"-{column}" for column in numbers)]
    ranges = []
    for column in numbers:
        low, high = (_bound(pairs, column, end, wrong) for end in ("min", "max"))
        if math.isfinite(low) or math.isfinite(high):
            ranges.append((column, low, high))
    state = PageState(
        tab=choice("tab", tabs),
        row=row,
        split=choice("split", browser.splits),
        bg=choice("bg", browser.manifest.sources["bg"]),
        fg=choice("fg", browser.manifest.sources["fg"]),
        flip=choice("flip", FLIPS),
        texts=tuple((column, pairs[column]) for column in browser.text_columns if pairs.get(column)),
        ranges=tuple(sorted(ranges)),
        sort=choice("sort", orders),
        seed=number("seed"),
        shown=choice("shown", shown_columns(browser).values()),
        page=max(1, number("page")),
    )
    return state, wrong


def _bound(pairs: dict[str, str], column: str, end: str, wrong: list[str]) -> float:
    """One end of a range; infinite if the address has none."""
    name, sign = f"{column}_{end}", 1 if end == "max" else -1
    text = pairs.get(name, "")
    try:
        value = float(text) if text else math.inf * sign
    except ValueError:
        value = math.nan
    if math.isnan(value):
        wrong.append(f"The address has {name}={text}; it must be a number.")
        return math.inf * sign
    return value


def parse_address(address: str) -> tuple[str, int]:
    """ "train/12" -> ("train", 12).

    Raises:
        UsageError: not an address. Whether the row exists is not checked.
    """
    found = _ADDRESS.fullmatch(str(address))
    if found is None:
        raise UsageError(f"{address!r} is not the address of a row. Write it as SPLIT/NUMBER, such as train/12.")
    return found[1], int(found[2])


def find_row(browser: DatasetReader, address: str) -> tuple[str, int]:
    """Split and number of a row that exists.

    Raises:
        UsageError: not an address, or no such row.
    """
    split, index = parse_address(address)
    browser.check_row(split, index)
    return split, index


def shown_columns(browser: DatasetReader) -> dict[str, str]:
    """The image columns that tiles can show, by the words for them."""
    manifest = browser.manifest
    present = schema.image_columns(labels=manifest.labels, extras=manifest.extras)
    return {words: column for words, column in SHOWN_COLUMNS.items() if column in present}
