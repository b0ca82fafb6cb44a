"""The command `check-sources`: what is wrong with backgrounds and cut-outs, before anything is built."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fgbg_depth.cli.recipe_options import add_recipe_options, given_fields, recipe_from
from fgbg_depth.errors import UsageError
from fgbg_depth.recipe import OPTIONS, with_absolute_folders

_FIELDS = (
    "backgrounds",
    "foregrounds",
    "size",
    "foreground_measure",
    "foreground_min",
    "foreground_max",
    "trim_frames",
    "defringe",
    "exclude",
)  # of the recipe that decide what is checked, and how large it is placed
DESCRIPTION = """\
Check the source files of a dataset: frames, watermarks, baked checkerboards, tiny and empty pictures, copies; and of
cut-outs: missing transparency, halos, objects that the frame cuts off, separate parts, holes. docs/sources.md shows
each fault and its cure. Nothing is changed.

Exits with 0 if nothing is found, with 1 if there are findings (or if a folder cannot be read), with 2 for wrong usage.
"""


def add_check_sources(commands: Any) -> None:
    """Add the subcommand `check-sources`."""
    parser = commands.add_parser(
        "check-sources",
        help="check backgrounds and cut-outs for faults, before a build",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recipe", metavar="FILE", help="check the sources of this YAML recipe")
    parser.add_argument("--sheet", metavar="FILE.png", help="draw the files with findings, with the reasons below")
    parser.add_argument("--workers", type=int, metavar="N", help="threads, 1 to 1024 (default: one a core)")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON on stdout")
    about = (
        "Without --recipe, --backgrounds and --foregrounds the bundled sources are checked; with one folder, only it."
    )
    add_recipe_options(parser, set(OPTIONS) - set(_FIELDS), about)
    parser.set_defaults(run=_check_sources)


def _check_sources(options: argparse.Namespace) -> int:
    from fgbg_depth.builder.label_speed import default_workers
    from fgbg_depth.builder.source_findings import SHEET_FILES, report_lines, report_sheet, report_values
    from fgbg_depth.card.sheets import sheet_png
    from fgbg_depth.sources.checks.finding import BOTH
    from fgbg_depth.sources.checks.folders import check_sources

    if options.sheet is not None and not _is_writable(Path(options.sheet)):
        raise UsageError(f"--sheet is {options.sheet}; give a file in an existing folder, whose name ends in .png.")
    if options.workers is not None and not 1 <= options.workers <= 1024:
        raise UsageError(f"--workers is {options.workers}; allowed: a whole number from 1 to 1024.")
    recipe = with_absolute_folders(recipe_from(options))
    named = given_fields(options)
    kinds = BOTH
    if not options.recipe and ("backgrounds" in named) != ("foregrounds" in named):
        kinds = tuple(kind for kind in BOTH if kind in named)  # not the bundled ones of the other kind
    with _files_bar() as on_files:
        report = check_sources(
            recipe,
            kinds,
            workers=options.workers or default_workers(recipe, "cpu"),
            pictures=SHEET_FILES if options.sheet else 0,
            progress=on_files,
        )
    sheet = report_sheet(report) if options.sheet else None
    if sheet is not None:
        Path(options.sheet).write_bytes(sheet_png(sheet))
    if options.json:
        print(json.dumps(report_values(report) | {"sheet": options.sheet if sheet is not None else None}))
        return 1 if report.files else 0
    for ignored in report.ignored:
        print(f"ignored: {ignored}", file=sys.stderr)
    print("\n".join(report_lines(report)))
    if sheet is not None:
        print(f"sheet: {options.sheet}")
    elif options.sheet:
        print("No sheet was drawn, because nothing was found.")
    return 1 if report.files else 0


def _is_writable(path: Path) -> bool:
    """Whether a sheet can be written there: a name that ends in .png, in an existing folder."""
    return path.suffix.lower() == ".png" and path.parent.is_dir() and not path.is_dir()


@contextmanager
def _files_bar() -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr; yields a function that takes the number of files checked since its last call."""
    from tqdm import tqdm

    with tqdm(unit=" files", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:

        def show(count: int) -> None:
            bar.update(count)

        yield show
