"""The top of the page: the dataset in one sentence and five figures, or the error that prevents showing it."""

from __future__ import annotations

from pathlib import PurePath

from fgbg_depth.app.templating import render
from fgbg_depth.card.markdown import count
from fgbg_depth.errors import program
from fgbg_depth.read.reader import DatasetReader

_PROGRAMS = frozenset({"python", "python3", "fgbg-depth", "hf", "pip"})


def header(browser: DatasetReader) -> str:
    """Name, one sentence and five figures."""
    manifest = browser.manifest
    num_bg, num_fg = len(manifest.sources["bg"]), len(manifest.sources["fg"])
    labels = "a mask and a depth map" if manifest.depth else "a mask"
    height, width = browser.frame
    return render(
        "header.html",
        title=browser.name,
        sentence=(
            f"{_plural(browser.num_rows, 'image')} of {_plural(num_fg, 'cut-out')} on {_plural(num_bg, 'background')}, "
            f"each with {labels}."
        ),
        figures=[
            ("rows", count(browser.num_rows)),
            ("image size", f"{width} × {height}"),
            ("depth", manifest.depth.meaning.short if manifest.depth else "none"),
            ("version", manifest.version or "not published"),
            ("licence", manifest.recipe.license or "not stated"),
        ],
    )


def waiting() -> str:
    """The header while the dataset is being opened."""
    return render("header.html", title="fgbg-depth", sentence="Opening the dataset.", figures=[])


def problem(message: str) -> str:
    """An error as a page.

    Args:
        message: text of an `FgBgError`: what happened, and on further lines what to do.
    """
    what, *lines = message.split("\n")
    return render("problem.html", what=what, steps=[_step(line.strip()) for line in lines if line.strip()])


def _step(line: str) -> dict[str, str]:
    """ "Build it: python builder.py build" as text and command; the command is shown as code."""
    text, separator, command = line.partition(": ")
    first_word = command.split(" ")[0]
    if separator and (PurePath(first_word).name in _PROGRAMS or command.startswith(program())):
        return {"text": text + ":", "command": command}
    return {"text": line, "command": ""}


def _plural(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"
