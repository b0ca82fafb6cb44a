"""A comparison as text for a terminal, and as a Markdown page with a picture."""

from __future__ import annotations

import textwrap
from pathlib import Path
from urllib.parse import quote

from fgbg_depth.card import markdown
from fgbg_depth.card.sheets import png_bytes
from fgbg_depth.comparison.result import Comparison
from fgbg_depth.comparison.tables import Table, checks_table, disagreement_table, models_table, notes, summary
from fgbg_depth.errors import UsageError
from fgbg_depth.storage.files import Storage

_MARK = "<!-- Written by fgbg-depth compare. -->"
_WIDTH = 100


def as_text(found: Comparison) -> str:
    """The tables with their notes, at most 100 characters wide."""
    parts = [_wrapped(summary(found)), models_table(found).text(), checks_table(found).text()]
    if found.pairs:
        parts.append(f"disagreement after scale and shift\n{disagreement_table(found).text()}")
    parts.append("\n".join(_wrapped(note) for note in notes(found)))
    return "\n\n".join(parts)


def as_markdown(found: Comparison, picture: str) -> str:
    """The page.

    Args:
        picture: file name of the sheet, beside the page.
    """
    sections: list[tuple[str, Table]] = [
        ("Models", models_table(found, markdown.code)),
        ("Checks", checks_table(found)),
    ]
    if found.pairs:
        sections.append(("Disagreement after scale and shift", disagreement_table(found)))
    lines = [_MARK, "", "# Depth models compared", "", f"{summary(found, markdown.text)}.", ""]
    for title, table in sections:
        lines += [f"## {title}", "", table.markdown(), ""]
    lines += [*(f"- {note}" for note in notes(found)), "", "## Some rows", ""]
    lines += ["Each model has its own range of colours: near is bright, far is dark.", ""]
    lines += [f"![Rows with the depth of each model]({quote(picture)})", ""]
    return "\n".join(lines)


def check_page(page: str | Path) -> tuple[Path, Path]:
    """Where the page and its picture go. Call it before the work.

    Returns:
        the Markdown file and the PNG file beside it.
    Raises:
        UsageError: the name does not end in .md, there is no such folder, or a file of another origin is there.
    """
    path = Path(page)
    if path.suffix != ".md" or not path.stem:
        raise UsageError(f"--page is {str(page)!r}; give the name of a Markdown file, such as comparison.md.")
    if not path.parent.is_dir():
        raise UsageError(f"--page is {str(page)!r}, but there is no folder {path.parent}.\n  Make the folder first.")
    picture = path.with_suffix(".png")
    earlier = path.is_file() and path.read_bytes().startswith(_MARK.encode())
    for file in (path, picture):
        if file.exists() and not earlier:
            raise UsageError(f"{file} exists and is not from compare, so it is not replaced.\n  Give another --page.")
    return path, picture


def write_page(found: Comparison, page: str | Path) -> tuple[Path, Path]:
    """Write the page and its picture; those of an earlier comparison are replaced.

    Returns:
        as `check_page`.
    """
    path, picture = check_page(page)
    storage = Storage(path.parent)
    storage.write(picture.name, png_bytes(found.sheet))
    storage.write(path.name, as_markdown(found, picture.name).encode())
    return path, picture


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
