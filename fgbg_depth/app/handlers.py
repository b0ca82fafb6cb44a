"""What happens on each click: the handlers read the controls' values and give back what the components show."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from fgbg_depth.app import gallery, header, viewer
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.wording import SPLIT_NAMES
from fgbg_depth.errors import FgBgError, UsageError
from fgbg_depth.read.reader import Browser, Filter

PAGE_ROWS = 24
MIRRORED = {"any": None, "mirrored": True, "as is": False}
ANY = ""


def told(work: Callable[..., Any]) -> Callable[..., Any]:
    """Our own errors become a message on the page; any other stays an error in the server's log."""

    @functools.wraps(work)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return work(*args, **kwargs)
        except FgBgError as e:
            raise gr.Error(str(e), print_exception=False) from e

    return run


def parse_address(address: str) -> tuple[str, int]:
    """("train", 12) of "train/12"."""
    split, _, index = str(address).partition("/")
    if not index.isascii() or not index.isdigit() or len(index) > 12:
        raise UsageError(f"{address!r} is not a row; write it as train/12.")
    return split, int(index)


def make_filter(chosen: Sequence[Any], top: float) -> Filter:
    """What the six controls say; the last two in percent, where `top` and above is no limit."""
    split, bg, fg, mirrored, low, high = chosen
    share = (low / 100 if low > 0 else 0.0, high / 100 if high < top else 1.0)
    return Filter(split or None, bg or None, fg or None, MIRRORED.get(mirrored), share)


def coverage_top(browser: Browser) -> int:
    """Percent at which the coverage sliders end: just above the fullest row."""
    histogram = browser.statistics.get("coverage", {}).get("histogram") or [1]
    last = max((i for i, count in enumerate(histogram) if count), default=0)
    return max(2, -(-(last + 1) * 100 // len(histogram)))


@dataclass
class Page:
    """The components that handlers read and write."""

    opened: Opened
    head: gr.HTML
    tabs: gr.Tabs
    filters: list[Any]
    shown: gr.Radio
    seed: gr.Number
    number: gr.State
    tiles: gr.HTML
    row: gr.HTML
    address: gr.State
    only_with_depth: list[Any]  # what leads to the 3-D view and shapes it

    def sample(self, *values: Any) -> tuple[str, int]:
        """The gallery for the filters' values, the shown column, the seed and the page number."""
        *chosen, shown, seed, number = values
        browser = self.opened()
        column = gallery.SHOWN.get(shown, "fg_bg")
        if column == "fg_bg_depth" and not browser.statistics.get("depth"):
            column = "fg_bg"
        wanted = make_filter(chosen, coverage_top(browser))
        seed = int(seed or 0) % 2**63
        rows = browser.sample(wanted, PAGE_ROWS, seed, number, (column,))
        return gallery.tiles(browser, rows, column, browser.count(wanted), number * PAGE_ROWS), number

    def show(self, address: str) -> tuple[Any, ...]:
        """Open a row and go to it."""
        browser = self.opened()
        row = browser.row(*parse_address(address))
        return viewer.view(browser, row), row.address, gr.Tabs(selected="row")

    def step(self, address: str, by: int) -> tuple[Any, ...]:
        """The row before or after."""
        browser = self.opened()
        split, index = parse_address(address or f"{next(iter(browser.splits))}/0")
        return self.show(f"{split}/{(index + by) % max(browser.splits.get(split, 1), 1)}")

    def lucky(self, *chosen: Any) -> tuple[Any, ...]:
        """A random one of the rows that match the filters."""
        browser = self.opened()
        wanted = make_filter(chosen, coverage_top(browser))
        found = browser.sample(wanted, 1, secrets.randbelow(2**32), 0, ())
        if not found:
            raise UsageError("No row matches the filters.")
        return self.show(found[0].address)

    def pick(self, kind: str, name: str, *values: Any) -> tuple[Any, ...]:
        """Show the rows made from one source: set that filter, clear the others."""
        shown, seed = values
        top = coverage_top(self.opened())
        chosen = [ANY, name if kind == "bg" else ANY, name if kind == "fg" else ANY, "any", 0, top]
        tiles, number = self.sample(*chosen, shown, seed, 0)
        return *chosen, tiles, number, gr.Tabs(selected="samples")

    def load(self, request: gr.Request) -> tuple[Any, ...]:
        """What a visitor sees first. `?row=train/12` opens that row."""
        try:
            browser = self.opened()
        except FgBgError as e:
            return (
                header.problem(str(e)),
                gr.Tabs(visible=False),
                *[gr.skip()] * (len(self.filters) + 5 + len(self.only_with_depth)),
            )
        top = coverage_top(browser)
        controls = [
            gr.Dropdown(choices=[("all", ANY), *((SPLIT_NAMES.get(s, s), s) for s in browser.splits)], value=ANY),
            gr.Dropdown(choices=[("all", ANY), *((n, n) for n in browser.names("bg"))], value=ANY),
            gr.Dropdown(choices=[("all", ANY), *((n, n) for n in browser.names("fg"))], value=ANY),
            gr.Radio(value="any"),
            gr.Slider(maximum=top, value=0),
            gr.Slider(maximum=top, value=top),
        ]
        columns = [name for name in gallery.SHOWN if name != "Depth" or browser.statistics.get("depth")]
        tiles, number = self.sample(ANY, ANY, ANY, "any", 0, top, "Composite", 0, 0)
        row, address, selected = gr.skip(), "", gr.Tabs(visible=True)
        wanted = request.query_params.get("row") if request else None
        if wanted:
            try:
                row, address, _ = self.show(wanted)
                selected = gr.Tabs(visible=True, selected="row")
            except FgBgError as e:
                gr.Warning(str(e))
        return (
            header.header(browser),
            selected,
            *controls,
            gr.Radio(choices=columns, value="Composite"),
            tiles,
            number,
            row,
            address,
            *[gr.update(visible=bool(browser.statistics.get("depth")))] * len(self.only_with_depth),
        )
