"""The page: tabs, filters and what happens on each click. Everything shown is made by the modules beside this one."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from fgbg_depth.app import card, gallery, header, numbers, source_tiles, space, viewer
from fgbg_depth.app.markup import tag
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.theme import static
from fgbg_depth.app.wording import SPLIT_NAMES
from fgbg_depth.browse import Browser, Filter
from fgbg_depth.errors import FgBgError, UsageError

PAGE_ROWS = 24
MIRRORED = {"any": None, "mirrored": True, "as is": False}
ACTIONS = static("actions.js")
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


def make_filter(split: str, bg: str, fg: str, mirrored: str, low: float, high: float, top: float = 100) -> Filter:
    """What the controls say; `low` and `high` in percent, where `top` and above is no limit."""
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

    def sample(self, *values: Any) -> tuple[str, int]:
        """The gallery for the filters' values, the shown column, the seed and the page number."""
        *chosen, shown, seed, number = values
        browser = self.opened()
        column = gallery.SHOWN.get(shown, "fg_bg")
        if column == "fg_bg_depth" and not browser.statistics.get("depth"):
            column = "fg_bg"
        wanted = make_filter(*chosen, top=coverage_top(browser))
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
            return header.problem(str(e)), gr.Tabs(visible=False), *[gr.skip()] * (len(self.filters) + 5)
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
        return header.header(browser), selected, *controls, gr.Radio(choices=columns, value="Composite"), tiles, number, row, address


def build_page(opened: Opened) -> gr.Blocks:
    """The whole demo, not yet started."""
    with gr.Blocks(title="fgbg-depth", analytics_enabled=False, delete_cache=(600, 3600)) as demo:
        head = gr.HTML(header.waiting(), elem_id="fg-header", apply_default_css=False)
        with gr.Tabs(elem_id="fg-tabs") as tabs:
            with gr.Tab("Samples", id="samples"):
                with gr.Row(elem_id="fg-filters"):
                    filters = [
                        gr.Dropdown([("all", ANY)], value=ANY, label="Split", elem_id="fg-split"),
                        gr.Dropdown([("all", ANY)], value=ANY, label="Background", elem_id="fg-bg"),
                        gr.Dropdown([("all", ANY)], value=ANY, label="Cut-out", elem_id="fg-fg"),
                        gr.Dropdown(list(MIRRORED), value="any", label="Mirrored", elem_id="fg-flip", filterable=False),
                        gr.Slider(0, 100, 0, step=1, label="Covers at least, % of the frame", elem_id="fg-low", buttons=[]),
                        gr.Slider(0, 100, 100, step=1, label="Covers at most, %", elem_id="fg-high", buttons=[]),
                    ]
                with gr.Row(elem_id="fg-bar"):
                    more = gr.Button("More", variant="primary", elem_id="fg-more")
                    shuffle = gr.Button("Shuffle", elem_id="fg-shuffle")
                    clear = gr.Button("Clear filters", elem_id="fg-clear")
                    seed = gr.Number(0, label="Seed", precision=0, minimum=0, elem_id="fg-seed", elem_classes="fg-push")
                    shown = gr.Radio(list(gallery.SHOWN), value="Composite", show_label=False, container=False, elem_classes="fg-segment", elem_id="fg-shown")
                tiles = gr.HTML(gallery.skeleton(12), js_on_load=ACTIONS, apply_default_css=False, elem_id="fg-gallery")
            with gr.Tab("Row", id="row"):
                with gr.Row(elem_id="fg-rowbar"):
                    before = gr.Button("← Previous", elem_id="fg-before")
                    after = gr.Button("Next →", elem_id="fg-after")
                    lucky = gr.Button("Any other", elem_id="fg-lucky")
                    turn = gr.Button("See it in 3-D", elem_id="fg-turn")
                row = gr.HTML(viewer.nothing(), js_on_load=f"{ACTIONS}\n{static('viewer.js')}", apply_default_css=False, elem_id="fg-view")
            cloud = space.tab(opened)
            with gr.Tab("Statistics", id="statistics") as statistics_tab:
                statistics = gr.HTML(apply_default_css=False)
            with gr.Tab("Sources", id="sources") as sources_tab:
                kind = gr.Radio([("Backgrounds", "bg"), ("Cut-outs", "fg")], value="bg", show_label=False, container=False, elem_classes="fg-segment", elem_id="fg-kind")
                sources = gr.HTML(js_on_load=ACTIONS, apply_default_css=False, elem_id="fg-sources")
            with gr.Tab("Card", id="card") as card_tab:
                text = gr.HTML(apply_default_css=False, elem_id="fg-card")
        address, number = gr.State(""), gr.State(0)
        page = Page(opened, head, tabs, filters, shown, seed, number, tiles, row, address)
        _wire_samples(page, more, shuffle, clear)
        _wire_row(page, before, after, lucky)
        _wire_sources(page, kind, sources, sources_tab)
        space.wire(cloud, opened, page.address, turn, page.tabs)
        hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        statistics_tab.select(told(lambda: numbers.page(opened())), outputs=statistics, **hidden)
        card_tab.select(told(lambda: tag("article", card.render(opened().files), class_="fg-cardpage")), outputs=text, **hidden)
        demo.load(page.load, outputs=[head, tabs, *filters, shown, tiles, number, row, address], **hidden)
    return demo


def _wire_samples(page: Page, more: gr.Button, shuffle: gr.Button, clear: gr.Button) -> None:
    view = [*page.filters, page.shown, page.seed]
    out: dict[str, Any] = {"outputs": [page.tiles, page.number], "api_visibility": "private", "show_progress": "hidden"}

    def again(*values: Any) -> Any:
        return page.sample(*values, 0)

    def further(*values: Any) -> Any:
        return page.sample(*values[:-1], values[-1] + 1)

    def reshuffle(*values: Any) -> Any:
        seed = int(values[-1] or 0) + 1
        return *page.sample(*values[:-1], seed, 0), seed

    def cleared(*values: Any) -> Any:
        return page.pick("", "", *values)[:-1]

    changes = [page.shown.input, page.seed.submit, page.seed.blur]
    changes += [f.release if isinstance(f, gr.Slider) else f.input for f in page.filters]
    gr.on(changes, told(again), view, trigger_mode="always_last", **out)
    more.click(told(further), [*view, page.number], **out)
    shuffle.click(told(reshuffle), view, **out | {"outputs": [page.tiles, page.number, page.seed]})
    clear.click(told(cleared), [page.shown, page.seed], **out | {"outputs": [*page.filters, page.tiles, page.number]})


def _wire_row(page: Page, before: gr.Button, after: gr.Button, lucky: gr.Button) -> None:
    out: dict[str, Any] = {
        "outputs": [page.row, page.address, page.tabs],
        "api_visibility": "private",
        "show_progress": "hidden",
    }

    def opened(event: gr.EventData) -> Any:
        return page.show(event._data["address"])

    def other(*chosen: Any) -> Any:
        browser = page.opened()
        wanted = make_filter(*chosen, top=coverage_top(browser))
        found = browser.sample(wanted, 1, secrets.randbelow(2**32), 0, ())
        if not found:
            raise UsageError("No row matches the filters.")
        return page.show(found[0].address)

    page.tiles.open(told(opened), None, **out)
    before.click(told(lambda address: page.step(address, -1)), page.address, **out)
    after.click(told(lambda address: page.step(address, 1)), page.address, **out)
    lucky.click(told(other), page.filters, **out)


def _wire_sources(page: Page, kind: gr.Radio, sources: gr.HTML, tab: gr.Tab) -> None:
    out: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    listed = told(lambda chosen: source_tiles.page(page.opened(), chosen))
    gr.on([tab.select, kind.input], listed, kind, sources, **out)

    def picked(shown: str, seed: float, event: gr.EventData) -> Any:
        return page.pick(event._data["kind"], event._data["name"], shown, seed)

    outputs = [*page.filters, page.tiles, page.number, page.tabs]
    for html in (sources, page.row):
        html.pick(told(picked), [page.shown, page.seed], outputs, **out)
