"""The command `build`: options of the run, the dry run, and what is printed at the end."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgbg_depth.cli.recipe_options import add_recipe_options, recipe_from
from fgbg_depth.errors import UsageError, command
from fgbg_depth.recipe import Recipe

if TYPE_CHECKING:
    from fgbg_depth.builder.pipeline import BuildResult
    from fgbg_depth.plan import Plan

DEFAULT_OUTPUT = "fgbg-dataset"
DESCRIPTION = """\
Build a dataset, or continue a build. Without source folders the bundled demonstration is built; it needs no network.

Finished shards are kept: the same command continues where the last run stopped, and a changed recipe or source
rebuilds only the shards that it changes. Shards that the recipe no longer describes are deleted at the end of a build.

Readable backgrounds: JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, PPM, TGA, JPEG 2000. Cut-outs: those of them that have an
alpha channel. Converted depth models are kept in $FGBG_DEPTH_HOME (default: fgbg-depth in the user's cache folder).
"""


def add_build(commands: Any) -> None:
    """Add the subcommand `build`."""
    parser = commands.add_parser(
        "build",
        help="build a dataset, or continue a build",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f"{command('build')} [--backgrounds DIR --foregrounds DIR] [--output DIR] [options]",
    )
    run = parser.add_argument_group("run (does not change the data)")
    run.add_argument("--recipe", metavar="FILE", help="start from this YAML recipe; other options change its fields")
    run.add_argument(
        "--output", metavar="DIR", default=DEFAULT_OUTPUT, help="folder or fsspec URL (default: %(default)s)"
    )
    run.add_argument(
        "--dry-run", action="store_true", help="print rows, bytes and time, draw a contact sheet; build nothing"
    )
    run.add_argument(
        "--workers", type=int, metavar="N", help="processes, 1 to 1024; 1 builds in this process (default: one a core)"
    )
    run.add_argument(
        "--device", default="auto", help="device of the depth model: auto, cpu, cuda, cuda:1, mps (default: auto)"
    )
    run.add_argument(
        "--shards", metavar="i/n", help="build only slice i of n, from 1; other machines build the other slices"
    )
    run.add_argument(
        "--finish", action="store_true", help="after all slices: check that they are there, write statistics and card"
    )
    run.add_argument("--engine", choices=("local", "ray"), default="local", help="local processes, or a Ray cluster")
    run.add_argument("--address", help="address of a running Ray cluster (default: start one on this machine)")
    run.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    add_recipe_options(parser)
    parser.set_defaults(run=_build)


def _build(options: argparse.Namespace) -> int:
    from fgbg_depth.builder.pipeline import build
    from fgbg_depth.builder.planning import default_workers, plan_build

    recipe = recipe_from(options)
    if options.workers is not None and not 1 <= options.workers <= 1024:
        raise UsageError(f"--workers is {options.workers}; allowed: a whole number from 1 to 1024.")
    slice_of = _slice(options.shards)
    if slice_of and options.finish:
        raise UsageError("--shards builds a slice and --finish ends the build; give only one of them.")
    _echo(recipe)
    if options.dry_run:
        workers = options.workers or default_workers(recipe, options.device)
        return _dry_run(options, plan_build(recipe, workers, options.device), workers)
    result = build(
        recipe,
        options.output,
        workers=options.workers,
        device=options.device,
        slice_of=slice_of,
        finish=options.finish,
        engine_name=options.engine,
        address=options.address,
    )
    if options.json:
        print(json.dumps(dataclasses.asdict(result)))
    else:
        _print_result(result, options.shards)
    return 0


def _print_result(result: BuildResult, slice_text: str | None) -> None:
    """Say what was built and which command to type next."""
    output = shlex.quote(result.output)
    if not result.whole:
        print(f"Slice {slice_text} is finished: {result.output}")
        print(f"When all slices are finished: {command(f'build ... --output {output} --finish')}")
        return
    print(f"{_count(result.rows, 'row')} in {_count(result.shards, 'shard')}: {result.output}")
    if result.skipped:
        print(f"Skipped {_count(len(result.skipped), 'bad source file')}; the card lists the reasons.")
    verify = f"check:    {command(f'verify {output}')}"
    if "://" in result.output:  # the app and `push` read folders only
        print(verify)
        files = f"{result.output.rstrip('/')}/data/train-*.parquet"
        print(f'load:     load_dataset("parquet", data_files="{files}")')
        return
    print(f"browse:   {command(f'app {output}')}")
    print(verify)
    print(f"load:     load_dataset({result.output!r})")
    print(f"publish:  {command(f'push {output} USER/NAME --tag v1.0.0')}")


def _echo(recipe: Recipe) -> None:
    """Print the recipe as it was understood: the most important fields, and every field that is not the default."""
    values, defaults = recipe.to_dict(), Recipe().to_dict()
    always = ("backgrounds", "foregrounds", "size", "placements", "seed", "depth_model")
    shown = {k: v for k, v in values.items() if v != defaults[k] or k in always}
    print("recipe: " + ", ".join(f"{k} {v}" for k, v in shown.items()), file=sys.stderr)


def _dry_run(options: argparse.Namespace, plan: Plan, workers: int) -> int:
    from fgbg_depth.builder.dry_run import estimate
    from fgbg_depth.render.png import encode_png
    from fgbg_depth.storage.files import Storage

    found = estimate(plan, workers, options.device)
    sheet = Path(f"{Path(options.output).name or DEFAULT_OUTPUT}-contact-sheet.png")  # in the current folder
    Storage(".").write(sheet.name, encode_png(found.sheet))
    if options.json:
        values = {f.name: getattr(found, f.name) for f in dataclasses.fields(found) if f.name != "sheet"}
        print(json.dumps(values | {"sheet": sheet.name}))
        return 0
    num_bg, num_fg = len(plan.sources.backgrounds), len(plan.sources.cutouts)
    labels = f", label {found.label_rows_per_s:,.0f} rows/s" if found.label_rows_per_s else ""
    print(f"sources        {_count(num_bg, 'background')} x {_count(num_fg, 'cut-out')}")
    print(f"rows           {found.rows:,}: " + ", ".join(f"{k} {v:,}" for k, v in found.splits.items()))
    print(f"shards         {found.shards:,}, {found.bytes / 1e9:,.2f} GB in all")
    print(f"time           about {_duration(found.seconds)} with {_count(workers, 'worker')}")
    print(f"               (each worker: compose {found.compose_rows_per_s:,.0f} rows/s{labels})")
    print(f"contact sheet  {sheet}")
    return 0


def _count(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _slice(text: str | None) -> tuple[int, int] | None:
    """`"3/8"` as (3, 8).

    Raises:
        UsageError: `text` is not of this form.
    """
    if text is None:
        return None
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise UsageError(f"--shards is {text!r}; write i/n with 1 <= i <= n, such as --shards 3/8.")
    return int(index), int(count)
