"""The command `compare`: which rows, which depth models, and where the result goes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, get_args

from fgbg_depth.cli.recipe_options import add_recipe_options, given_fields, recipe_from
from fgbg_depth.errors import UsageError, command
from fgbg_depth.recipe import HINTS, OPTIONS, Recipe

DESCRIPTION = """\
Compare depth models on the same rows: how well the labels agree with the cut-out's outline (those that the model
predicts, and placed ones), how much the models disagree, images a second and memory. Nothing is built.

The rows are those of a finished dataset, or a recipe's, of which only these rows are composed. Without either, the
bundled demonstration is used. They are spread over splits, backgrounds and cut-outs, and are the same in every run.

examples:
  {compare} my-set --models densedepth-nyu Intel/zoedepth-nyu
      two models on 500 rows of a finished dataset
  {compare} --backgrounds bg/ --foregrounds fg/ --rows 50 --models densedepth-demo ./my-model=metric
      a quick look before building; my-model is a folder with a model that predicts metres
  {compare} my-set --models densedepth-nyu densedepth-kitti --page comparison.md
      also write comparison.md, and comparison.png with some rows and their labels
"""
# part of --models, or without effect on what is compared
_LEFT_OUT = (
    "depth_model", "depth_label", "depth_revision", "depth_kind", "depth_range",
    "name", "license", "background_license", "foreground_license",
)  # fmt: skip


def add_compare(commands: Any) -> None:
    """Add the subcommand `compare`."""
    parser = commands.add_parser(
        "compare",
        help="compare depth models on the same rows",
        description=DESCRIPTION.format(compare=command("compare")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f"{command('compare')} [DATASET] --models MODEL [MODEL ...] [--rows N] [options]",
    )
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        nargs="?",
        help="folder or URL that `build` wrote, or USER/NAME on the Hub; write it before --models",
    )
    run = parser.add_argument_group("comparison")
    run.add_argument(
        "--models",
        metavar="MODEL",
        nargs="+",
        action="extend",
        required=True,
        help="depth models: densedepth-demo, densedepth-nyu, densedepth-kitti, a folder, a Hub id (also "
        "USER/NAME@REVISION), the name of a labeller, or exec:PYTHON:MODULE:FUNCTION; MODEL=KIND states the kind of "
        f"depth of a model that is not known, with KIND one of {', '.join(get_args(HINTS['depth_kind'])[1:])}",
    )
    run.add_argument("--rows", type=int, default=500, metavar="N", help="rows to compare on (default: 500)")
    run.add_argument(
        "--device", default="auto", help="device of the depth models: auto, cpu, cuda, cuda:1, mps (default: auto)"
    )
    run.add_argument("--page", metavar="FILE.md", help="also write a Markdown page, and FILE.png with some rows")
    run.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    run.add_argument("--recipe", metavar="FILE", help="compose the rows of this YAML recipe; options change its fields")
    add_recipe_options(parser, without=_LEFT_OUT)
    parser.set_defaults(run=_compare)


def _compare(options: argparse.Namespace) -> int:
    from fgbg_depth.comparison.compare import compare
    from fgbg_depth.comparison.page import as_text, check_page, write_page

    if options.rows < 1:
        raise UsageError(f"--rows is {options.rows}; allowed: a whole number from 1.")
    if options.page is not None:
        check_page(options.page)
    fields = given_fields(options)
    depth_fields = {name: value for name, value in fields.items() if OPTIONS[name].group == "depth"}
    source = _source(options, sorted(fields.keys() - depth_fields.keys()))
    with _progress() as on_progress:
        found = compare(
            source, options.models, options.rows, device=options.device, depth_fields=depth_fields,
            on_progress=on_progress,
        )  # fmt: skip
    print(json.dumps(found.to_dict()) if options.json else as_text(found), flush=True)
    if options.page is not None:
        page, picture = write_page(found, options.page)
        print(f"Wrote {page} and {picture}.", file=sys.stderr)
    return 0


def _source(options: argparse.Namespace, fields: list[str]) -> Recipe | str:
    """The dataset or the recipe that the options name.

    Args:
        fields: of the recipe, without those of depth labels, that the options give.
    Raises:
        UsageError: they name both.
    """
    if options.dataset is None:
        return recipe_from(options)
    composed = [*(["recipe"] if options.recipe else []), *fields]
    if composed:
        flags = ", ".join("--" + name.replace("_", "-") for name in composed)
        raise UsageError(
            f"{flags} would change how rows are composed, but the rows of the dataset {options.dataset} are used as "
            "they are.\n  Leave out either the dataset or these options."
        )
    return str(options.dataset)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Progress on stderr; yields a function that takes a model, the rows that it has labelled, and the rows in all.

    A terminal gets a bar for each model, other streams a line.
    """
    from tqdm import tqdm

    is_terminal = sys.stderr.isatty()
    bars: dict[str, tqdm[Any]] = {}

    def show(model: str, done: int, total: int) -> None:
        if model not in bars:
            if not is_terminal:
                print(f"Labelling the rows with {model}.", file=sys.stderr, flush=True)
            bars[model] = tqdm(total=total, desc=model, unit=" rows", disable=not is_terminal, dynamic_ncols=True)
        bars[model].update(done - bars[model].n)
        if done == total:
            bars[model].close()

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()
