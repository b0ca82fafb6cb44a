"""The recipe's fields about the dataset's name and its sources."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from fgbg_depth.recipe.fields import Shapes, option

DEMO = "demo"  # the bundled sources

_sources = functools.partial(option, group="sources")


@dataclass(frozen=True)
class SourceFields:
    """See `Recipe`."""

    name: str = option("fgbg", "name of the dataset; title of its card", shapes=Shapes.NOTHING, group="output")
    backgrounds: str = _sources(
        DEMO,
        "folder of pictures, or hf://datasets/USER/NAME[@REV][#COLUMN]; demo = bundled",
        shapes=Shapes.SOURCES,
        names_folder=True,
    )
    foregrounds: str = _sources(
        DEMO,
        "folder of cut-outs with alpha, or hf://datasets/USER/NAME; demo = bundled",
        shapes=Shapes.SOURCES,
        names_folder=True,
    )
    exclude: tuple[str, ...] = _sources(
        (),
        "source files to leave out: names, paths below the folder or globs, such as bg7.jpg old/*; foregrounds:NAME "
        "looks only there",
        shapes=Shapes.SOURCES,
    )
    skip_bad: bool = _sources(
        False,
        "leave out bad source files (the card lists them) instead of failing: unreadable ones, and those that "
        "check-sources certainly finds empty, checkerboard or surround",
        shapes=Shapes.SOURCES,
    )
    background_license: str = _sources("", "origin and licence of the backgrounds, for the card", shapes=Shapes.NOTHING)
    foreground_license: str = _sources("", "origin and licence of the cut-outs, for the card", shapes=Shapes.NOTHING)
