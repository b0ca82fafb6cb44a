"""Filters of the card's template: users' text escaped for Markdown, and numbers formatted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

# HTML entities are never read as markup: not in table cells, not in link texts, not in HTML.
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~#&!$^\"']")
_MAYBE_LINK = re.compile(r"(?i)\b(javascript|data|vbscript):")


def text(value: Any) -> str:
    """A user's text as one line of Markdown that renders as this text: no markup, no HTML, no line breaks."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    line = _SPECIAL.sub(lambda m: f"&#{ord(m[0])};", line)
    line = _MAYBE_LINK.sub(r"\1&#58;", line)
    # characters that start a list, a heading or a quotation at the beginning of a line
    return re.sub(r"^([-+=:]|\d+(?=[.)]))", lambda m: f"&#{ord(m[0][0])};{m[0][1:]}", line)


def code(value: Any) -> str:
    """A user's text as inline code."""
    return f"<code>{text(value)}</code>"


def fence(value: str, language: str = "") -> str:
    """A fenced code block. The fence is longer than any run of backticks in the text."""
    longest = max((len(run) for run in re.findall(r"`+", value)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{value.rstrip()}\n{marks}"


def quotation(value: str) -> str:
    """The text of a file of the user as a code block.

    HTML comments are removed, and each line is indented: a quoted line must not be one by which `notes` finds the words
    of a person in a card.
    """
    shown = re.sub(r"<!--.*?-->", "", value, flags=re.DOTALL).replace("<!--", "<! --")
    lines = re.sub(r"\n\s*\n", "\n\n", shown).strip().split("\n")
    return fence("\n".join(f"  {line}".rstrip() for line in lines), "text")


def count(value: int) -> str:
    return f"{value:,}"


def size(num_bytes: float) -> str:
    """A size such as "12.3 MB", with a no-break space; units are powers of 1000, as on the Hub."""
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if num_bytes < 999.5:
            break
        num_bytes, unit = num_bytes / 1000, larger
    return f"{num_bytes:.0f}\u00a0{unit}" if unit == "B" else f"{num_bytes:.3g}\u00a0{unit}"


def channels(values: Sequence[float]) -> str:
    return ", ".join(f"{v:.4f}" for v in values)


def span(ends: Sequence[int]) -> str:
    """A range of whole numbers such as "80–110", or one number if both ends are equal."""
    return str(ends[0]) if ends[0] == ends[-1] else f"{ends[0]}–{ends[-1]}"


def number(value: float) -> str:
    """A number without trailing zeros: 0.001, 10, 0.00390625."""
    return f"{value:.10g}"
