"""Answers to the page's events: from values of controls to values of components. `page` connects them to events."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gradio as gr

from fgbg_depth.app import view_gallery, view_header, view_row, view_scene
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.templating import split_label
from fgbg_depth.errors import FgBgError, UsageError
from fgbg_depth.read.reader import DatasetReader, Filter

PAGE_ROWS = 24
ANY = ""  # value of a drop-down that does not filter
MIRRORED = {"any": None, "mirrored": True, "as is": False}  # also the values of the endpoint /samples
SHAPES = {"Surface": True, "Points": False}


def show_errors(work: Callable[..., Any]) -> Callable[..., Any]:
    """Show errors of this project as a message on the page. Any other error goes to the server's log."""

    @functools.wraps(work)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return work(*args, **kwargs)
        except FgBgError as e:
            raise gr.Error(str(e), print_exception=False) from e

    return run


def parse_address(address: str) -> tuple[str, int]:
    """ "train/12" -> ("train", 12).

    Raises:
        UsageError: not an address. Whether the row exists is not checked.
    """
    split, _, index = str(address).partition("/")
    if not index.isascii() or not index.isdigit() or len(index) > 12:
        raise UsageError(f"{address!r} is not the address of a row. Write it as SPLIT/NUMBER, such as train/12.")
    return split, int(index)


def make_filter(values: Sequence[Any], top: int) -> Filter:
    """The filter that the six controls describe.

    Args:
        values: split, background, cut-out, mirrored, least and greatest coverage in per cent.
        top: upper end of the coverage sliders in per cent; there the slider does not filter.
    """
    split, bg, fg, mirrored, low, high = values
    share = (low / 100 if low > 0 else 0.0, high / 100 if high < top else 1.0)
    return Filter(split or None, bg or None, fg or None, MIRRORED.get(mirrored), share)


def coverage_top(browser: DatasetReader) -> int:
    """Upper end of the coverage sliders in per cent: just above the row whose mask covers most."""
    histogram = browser.manifest.coverage.histogram or [1]
    last = max((i for i, rows in enumerate(histogram) if rows), default=0)
    return max(2, -(-(last + 1) * 100 // len(histogram)))


class GalleryPage(NamedTuple):
    """HTML of the tiles, and the page's number, from 0."""

    tiles: str
    number: int


class OpenRow(NamedTuple):
    """HTML of the row, its address, and the tabs with the tab of the row selected."""

    html: str
    address: str
    tabs: gr.Tabs


class FirstView(NamedTuple):
    """Values of all components that depend on the dataset, in the order of the fields; `filters` are six controls."""

    header: str
    tabs: gr.Tabs
    filters: list[Any]
    columns: gr.Radio
    gallery: GalleryPage
    row: Any
    address: str
    has_depth: bool


class Handlers:
    """The handlers of one page. Filter values are those of `make_filter`."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened

    def sample(self, filters: Sequence[Any], column: str, seed: float | None, number: int) -> GalleryPage:
        """One page of the rows that match the filters, shuffled by the seed."""
        browser = self.opened()
        row_filter = make_filter(filters, coverage_top(browser))
        name = view_gallery.shown_columns(browser).get(column, "fg_bg")
        rows = browser.sample(row_filter, PAGE_ROWS, int(seed or 0) % 2**63, number, (name,))
        tiles = view_gallery.rows(browser, rows, name, browser.count(row_filter), number * PAGE_ROWS)
        return GalleryPage(tiles, number)

    def open_row(self, address: str) -> OpenRow:
        """Show a row and change to its tab."""
        browser = self.opened()
        row = browser.row(*parse_address(address))
        return OpenRow(view_row.page(browser, row), row.address, gr.Tabs(selected="row"))

    def step(self, address: str, by: int) -> OpenRow:
        """Show the row `by` rows after the open one; after the last row of the split comes its first."""
        browser = self.opened()
        split, index = parse_address(address or first_address(browser))
        return self.open_row(f"{split}/{(index + by) % max(browser.splits.get(split, 1), 1)}")

    def random_row(self, filters: Sequence[Any]) -> OpenRow:
        """Show a random row of those that match the filters."""
        browser = self.opened()
        row_filter = make_filter(filters, coverage_top(browser))
        found = browser.sample(row_filter, 1, secrets.randbelow(2**32), 0, ())
        if not found:
            raise UsageError("No row matches the filters of the tab Samples.")
        return self.open_row(found[0].address)

    def filters_for(self, kind: str = "", name: str = "") -> list[Any]:
        """Filter values for the rows made from one source; without arguments for all rows."""
        bg, fg = (name if kind == each else ANY for each in ("bg", "fg"))
        return [ANY, bg, fg, "any", 0, coverage_top(self.opened())]

    def filter_by(self, column: str, low: float, high: float) -> list[Any]:
        """Show the rows whose value of a column is in a range, on the tab Samples. For a clicked bar of a histogram.

        Args:
            column: a column of numbers, such as "coverage" or "boundary_recall".
            low, high: both ends are included.
        Returns:
            Values for `SamplesTab.filter_outputs`.
        """
        if column != "coverage":
            raise UsageError(f"Rows cannot be filtered by {column!r}.")
        filters = [*self.filters_for()[:4], round(low * 100), round(high * 100)]
        return [*filters, *self.sample(filters, "Composite", 0, 0), gr.Tabs(selected="samples")]

    def scene(self, address: str, fov_deg: float, shape: str, drop_edges: bool) -> tuple[str, str]:
        """Description and canvas of the 3-D tab, for the open row or else the first one."""
        try:
            browser = self.opened()
            row = browser.row(
                *parse_address(address or first_address(browser)), ("fg_bg", *browser.manifest.depth_columns)
            )
            glb = view_scene.row_glb(browser, row, fov_deg, drop_edges, SHAPES.get(shape, True))
        except FgBgError as e:
            return view_scene.note(str(e)), ""
        return view_scene.description(browser, row), view_scene.canvas(row, glb)

    def first_view(self, address: str | None) -> FirstView:
        """What a visitor sees first.

        Args:
            address: the row to open, from the page's own address (`?row=train/12`), or None.
        Raises:
            FgBgError: the dataset cannot be opened.
        """
        browser = self.opened()
        top = coverage_top(browser)
        splits = [(split_label(split), split) for split in browser.splits]
        names = {kind: [(name, name) for name in browser.names(kind)] for kind in ("bg", "fg")}
        filters = [
            *(gr.Dropdown([("all", ANY), *choices], value=ANY) for choices in (splits, names["bg"], names["fg"])),
            gr.Dropdown(value="any"),
            gr.Slider(maximum=top, value=0),
            gr.Slider(maximum=top, value=top),
        ]
        has_depth = browser.manifest.depth is not None
        columns = list(view_gallery.shown_columns(browser))
        gallery = self.sample(self.filters_for(), "Composite", 0, 0)
        row, tabs = OpenRow(gr.skip(), "", gr.Tabs()), gr.Tabs(visible=True)
        if address:
            try:
                row, tabs = self.open_row(address), gr.Tabs(visible=True, selected="row")
            except FgBgError as e:
                gr.Warning(str(e))
        return FirstView(
            header=view_header.header(browser),
            tabs=tabs,
            filters=filters,
            columns=gr.Radio(columns, value="Composite"),
            gallery=gallery,
            row=row.html,
            address=row.address,
            has_depth=has_depth,
        )


def first_address(browser: DatasetReader) -> str:
    """Address of the first row of the first split."""
    return f"{next(iter(browser.splits))}/0"
