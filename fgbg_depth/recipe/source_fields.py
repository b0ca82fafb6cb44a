"""The recipe's fields about the dataset's name and its sources."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

from fgbg_depth.recipe.fields import Shapes, option

DEMO = "demo"  # the bundled sources

_sources = functools.partial(option, group="sources")


@dataclass(frozen=True)
class SourceFields:
    """See `Recipe`."""

    name: str = option("fgbg", "name of the dataset; title of its card", shapes=Shapes.NOTHING, group="output")
    backgrounds: str = _sources(
        DEMO,
        "folder of pictures, or hf://datasets/USER/NAME[@REV][/CONFIG][:SPLIT][#COLUMN]; demo = bundled",
        shapes=Shapes.SOURCES,
        names_folder=True,
    )
    foregrounds: str = _sources(
        DEMO,
        "folder of cut-outs with alpha, hf://datasets/... as for backgrounds, or photographs with instance masks: "
        "coco:FILE.json, pascal:FOLDER or openimages:FOLDER, each with options such as ?min_side=64&classes=dog,cat; "
        "demo = bundled",
        shapes=Shapes.SOURCES,
        names_folder=True,
    )
    trim_frames: bool = _sources(
        False, "cut frames and letterboxes of one colour away from backgrounds", shapes=Shapes.SOURCES
    )
    defringe: Literal["off", "auto", "on"] = _sources(
        "off",
        "estimate the colours of a cut-out's soft edge, so that nothing of its old background shows as a halo: auto = "
        "only where a halo of one colour is found, on = for every cut-out, as coco:, pascal: and openimages: need",
        shapes=Shapes.SOURCES,
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
