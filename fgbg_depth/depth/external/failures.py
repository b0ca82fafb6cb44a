"""Messages for labeller functions that fail: in this process or in another, they read the same."""

from __future__ import annotations

import re

from fgbg_depth.errors import DepthError

SHOWN_LINES = 15


class FunctionError(DepthError):
    """The function raised something or returned something wrong; it can be called again."""


def labeller_error(name: str, error_type: str, message: str, traceback: str = "") -> FunctionError:
    """The error for a function that raised something, or that returned something wrong.

    Args:
        name: of the depth model.
        error_type, message: of the exception; `runner.ContractError` if the result was wrong.
        traceback: of the other process; "" in this process, where the exception is chained.
    """
    if error_type == "ContractError":
        return FunctionError(f"depth model {name}: {message}.\n  docs/labellers.md says what a labeller must return.")
    shown = f"\n  Its traceback:{last_lines(traceback)}" if traceback else ""
    return FunctionError(f"depth model {name} failed with {error_type}: {message}{shown}")


def last_lines(text: str) -> str:
    """The last 15 lines of a text, indented for a message."""
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
    return "".join(f"\n  | {line}" for line in lines[-SHOWN_LINES:])
