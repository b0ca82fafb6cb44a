"""Answers to the events of tabs: from values of controls to values of components. `visit` has the page as a whole."""

from __future__ import annotations

import functools
import html
import json
import secrets
from collections.abc import Callable
from typing import Any

import gradio as gr

from fgbg_depth.app.opened import Opened
from fgbg_depth.app.state import SAMPLES, PageState
from fgbg_depth.app.view_filters import link
from fgbg_depth.errors import FgBgError, UsageError
from fgbg_depth.read.reader import DatasetReader

MIRRORED = {"any": None, "mirrored": True, "as is": False}  # values of the endpoint /samples


def show_errors(work: Callable[..., Any]) -> Callable[..., Any]:
    """Show errors of this project as a message. Any other error goes to the server's log.

    For endpoints. Handlers of the page use `show_errors_on_page`, because the page shows messages as HTML.
    """
    return _with_errors(work, str)


def show_errors_on_page(work: Callable[..., Any]) -> Callable[..., Any]:
    """Like `show_errors`, with the message escaped: gradio shows it as HTML, and it may name what a visitor typed."""
    return _with_errors(work, lambda error: html.escape(str(error)))


def _with_errors(work: Callable[..., Any], text: Callable[[FgBgError], str]) -> Callable[..., Any]:
    @functools.wraps(work)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return work(*args, **kwargs)
        except FgBgError as e:
            raise gr.Error(text(e), print_exception=False) from e

    return run


class Handlers:
    """The handlers of one page."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened

    def filter_by(self, column: str, low: float, high: float) -> str:
        """Show the rows whose value of a column is in a range, on the tab Samples. For a clicked bar of a histogram.

        Args:
            column: a column of numbers, such as "coverage" or "boundary_recall".
            low, high: both ends are included.
        Returns:
            The value of the component `page.address`, which makes the page follow the address.
        Raises:
            UsageError: the dataset has no such column.
        """
        if column not in self.opened().number_columns:
            raise UsageError(f"Rows cannot be filtered by {column!r}.")
        return follow(PageState(tab=SAMPLES).with_range(column, float(low), float(high)))


def follow(state: PageState) -> str:
    """The value of the component `page.address` that makes the page follow the address of a state."""
    return json.dumps({"go": link(state), "id": secrets.token_hex(4)})  # with an id: two equal values are no change


def first_address(browser: DatasetReader) -> str:
    """Address of the first row of the first split."""
    return f"{next(iter(browser.splits))}/0"
