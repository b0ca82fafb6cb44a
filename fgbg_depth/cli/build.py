"""The command `build`: options of the run, the dry run, and what is printed at the end."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fgbg_depth.builder.messages import count
from fgbg_depth.cli.recipe_options import add_recipe_options, names_no_source, recipe_from
from fgbg_depth.errors import UsageError, command
from fgbg_depth.recipe import Recipe

if TYPE_CHECKING:
    from fgbg_depth.builder.deletion import Deletion
    from fgbg_depth.builder.pipeline import BuildResult

DEFAULT_OUTPUT = "fgbg-dataset"
DESCRIPTION = """\
Build a dataset, or continue a build. Without source folders the bundled demonstration is built; it needs no network.

If --output has a dataset already and neither --recipe nor a source folder is given, its own recipe is used: options
change single fields of it.

Finished shards are kept: the same command continues where the last run stopped, and a changed recipe or source
rebuilds only the shards that it changes. Finished shards that the recipe and the sources no longer give are deleted at
the end of the build, after a question in a terminal, elsewhere only with --replace. Slices (--shards) never ask and
never delete: without --replace they refuse to start such a build, and --finish deletes. Damaged shards are built again.

Continue a dataset on the Hub, on a computer that has neither its shards nor its original pictures:
  build --from USER/NAME@v1.0.0 --output DIR --add-backgrounds NEW
  push DIR USER/NAME --tag v1.1.0
The first command fetches recipe, statistics and prepared sources, about 1 % of a dataset, and builds only the shards
of the new pictures. The second uploads these; the shards on the Hub stay where they are. Options change the recipe as
in any build. With --backgrounds or --foregrounds, the pictures in that folder replace all of the dataset's; without
them, its prepared sources are used. A recipe that prepares these in another way needs the original pictures.

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
        "--from",
        dest="from_hub",
        metavar="USER/NAME[@REVISION]",
        help="continue this dataset on the Hub: its shards stay there, everything else is fetched into --output",
    )
    run.add_argument(
        "--add-backgrounds",
        metavar="DIR",
        default="",
        help="with --from, or in an output made with it: add the pictures in DIR to the dataset's backgrounds",
    )
    run.add_argument(
        "--add-foregrounds", metavar="DIR", default="", help="the same for cut-outs; this changes every shard"
    )
    run.add_argument(
        "--replace",
        action="store_true",
        help="delete finished shards that the recipe and the sources no longer give, without asking",
    )
    run.add_argument(
        "--output", metavar="DIR", default=DEFAULT_OUTPUT, help="folder or fsspec URL (default: %(default)s)"
    )
    run.add_argument(
        "--dry-run",
        action="store_true",
        help="print rows, bytes, time and faults of the sources, draw sheets of both; build nothing",
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

    if options.workers is not None and not 1 <= options.workers <= 1024:
        raise UsageError(f"--workers is {options.workers}; allowed: a whole number from 1 to 1024.")
    slice_of = _slice(options.shards)
    if slice_of and options.finish:
        raise UsageError("--shards builds a slice and --finish ends the build; give only one of them.")
    recipe = _recipe(options)
    _echo(recipe)
    if options.dry_run:
        return _dry_run(options, recipe)
    result = build(
        recipe,
        options.output,
        workers=options.workers,
        device=options.device,
        slice_of=slice_of,
        finish=options.finish,
        engine_name=options.engine,
        address=options.address,
        replace=options.replace,
        add_backgrounds=options.add_backgrounds,
        add_foregrounds=options.add_foregrounds,
        confirm=_confirm if sys.stdin.isatty() and sys.stderr.isatty() else None,
    )
    if options.json:
        print(json.dumps(dataclasses.asdict(result)))
    else:
        _print_result(result, options.shards)
    return 0


def _recipe(options: argparse.Namespace) -> Recipe:
    """The recipe that the options describe; without recipe file and source folders, the output's own is the start."""
    from fgbg_depth.builder.continuation import fetch_base
    from fgbg_depth.builder.messages import log_to_stderr
    from fgbg_depth.builder.output import output_recipe
    from fgbg_depth.read.hub_base import HubBase
    from fgbg_depth.storage.files import Storage

    storage = Storage(options.output)
    if options.from_hub:
        with storage.lock():
            fetch_base(options.from_hub, storage, log_to_stderr)
    base = HubBase.read(storage)
    own = output_recipe(storage) if base is not None or names_no_source(options) else None
    if own is None:
        return recipe_from(options)
    recipe, name = own
    if not options.recipe:
        reason = f"it continues {base}" if base is not None else "neither --recipe nor sources are given"
        print(f"Using the recipe of {storage} ({name}), because {reason}.", file=sys.stderr)
    return recipe_from(options, recipe)


def _confirm(deletion: Deletion) -> bool:
    """Ask in the terminal whether finished shards may be deleted."""
    print(f"{deletion.text()}\nDelete them? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _print_result(result: BuildResult, slice_text: str | None) -> None:
    """Say what was built and which command to type next."""
    from fgbg_depth.read.hub_base import HubBase
    from fgbg_depth.storage.files import Storage

    output = shlex.quote(result.output)
    if not result.whole:
        print(f"Slice {slice_text} is finished: {result.output}")
        print(f"When all slices are finished: {command(f'build --output {output} --finish')}")
        return
    print(f"{count(result.rows, 'row')} in {count(result.shards, 'shard')}: {result.output}")
    if result.skipped:
        print(f"Skipped {count(len(result.skipped), 'bad source file')}; the card lists the reasons.")
    verify = f"check:    {command(f'verify {output}')}"
    if "://" in result.output:  # the app and `push` read folders only
        print(verify)
        files = f"{result.output.rstrip('/')}/data/train-*.parquet"
        print(f'load:     load_dataset("parquet", data_files="{files}")')
        return
    print(f"browse:   {command(f'app {output}')}")
    print(verify)
    base = HubBase.read(Storage(result.output))
    if base is not None:  # its other shards are on the Hub, which `load_dataset` does not know
        print(f"load:     fgbg_depth.load({result.output!r})")
        print(f"publish:  {command(f'push {output} {base.repo_id} --tag NEW_TAG')}")
        return
    print(f"load:     load_dataset({result.output!r})")
    print(f"publish:  {command(f'push {output} USER/NAME --tag {_next_version(result.output)}')}")


def _next_version(output: str) -> str:
    """The next version of an output, which its history does not have yet."""
    from fgbg_depth.hub.history import next_free_version
    from fgbg_depth.manifest import Manifest
    from fgbg_depth.storage.files import Storage

    return next_free_version(Manifest.read(Storage(output)))


def _echo(recipe: Recipe) -> None:
    """Print the recipe as it was understood: the most important fields, and every field that is not the default."""
    values, defaults = recipe.to_dict(), Recipe().to_dict()
    always = ("backgrounds", "foregrounds", "size", "placements", "seed", "depth_model")
    shown = {k: v for k, v in values.items() if v != defaults[k] or k in always}
    print("recipe: " + ", ".join(f"{k} {v}" for k, v in shown.items()), file=sys.stderr)


def _dry_run(options: argparse.Namespace, recipe: Recipe) -> int:
    """Print what a build would do and cost; only the contact sheet is written."""
    from fgbg_depth.builder.dry_run import estimate, plan_dry_run, write_findings_sheet, write_sheet
    from fgbg_depth.builder.label_speed import default_workers
    from fgbg_depth.builder.source_findings import SHEET_FILES, report_lines, report_values
    from fgbg_depth.sources.checks.folders import check_sources
    from fgbg_depth.storage.files import Storage

    storage = Storage(options.output)
    workers = options.workers or default_workers(recipe, options.device)
    plan, work = plan_dry_run(
        recipe,
        storage,
        workers,
        options.device,
        add_backgrounds=options.add_backgrounds,
        add_foregrounds=options.add_foregrounds,
    )
    found = estimate(plan, work, workers, options.device)
    sheet = write_sheet(storage, found.sheet)
    report = check_sources(plan.recipe, workers=workers, pictures=SHEET_FILES)
    findings = write_findings_sheet(storage, report)
    if options.json:
        values = {f.name: getattr(found, f.name) for f in dataclasses.fields(found) if f.name != "sheet"}
        deletion = work.deletion
        values["deletes"] = {"shards": deletion.paths, "reasons": deletion.reasons} if deletion else None
        values |= {"sheet": str(sheet), "findings": report_values(report)}
        print(json.dumps(values | {"findings_sheet": None if findings is None else str(findings)}))
        return 0
    num_bg, num_fg = len(plan.sources.backgrounds), len(plan.sources.cutouts)
    labels = f", label {found.label_rows_per_s:,.0f} rows/s" if found.label_rows_per_s else ""
    print(f"sources        {count(num_bg, 'background')} x {count(num_fg, 'cut-out')}")
    if found.ground_checked:
        print(f"no ground on   {_without_ground(found.without_ground, found.ground_checked, num_bg)}")
    print(f"rows           {found.rows:,}: " + ", ".join(f"{k} {v:,}" for k, v in found.splits.items()))
    print(f"shards         {found.shards:,}, {found.bytes / 1e9:,.2f} GB in all")
    if found.shards_to_build < found.shards:
        print(f"               {found.shards - found.shards_to_build:,} exist, {found.shards_to_build:,} to build")
    duration = f"about {_duration(found.seconds)} with {count(workers, 'worker')}"
    print(f"time           {duration if found.shards_to_build else 'none: nothing to build'}")
    print(f"               (each worker: compose {found.compose_rows_per_s:,.0f} rows/s{labels})")
    print(f"contact sheet  {sheet}")
    if findings is not None:
        print(f"findings       {findings}")
        print("\n" + "\n".join(report_lines(report, limit=20)))
    if work.deletion is not None:
        print(f"\n{work.deletion.text()}\n  In a terminal the build asks first; elsewhere it needs --replace.")
    return 0


def _without_ground(names: Sequence[str], num_checked: int, num_bg: int) -> str:
    """The backgrounds of a dry run on which no ground was found, with their names."""
    of = f"{num_checked:,} of " * (num_checked < num_bg) + count(num_bg, "background")
    if not names:
        return f"none of {of}"
    more = f" and {len(names) - 20:,} more" if len(names) > 20 else ""
    return f"{len(names):,} of {of}, where cut-outs stand in ground_band: {', '.join(names[:20])}{more}"


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
    index, _, num_slices = text.partition("/")
    if not (index.isdecimal() and num_slices.isdecimal() and 1 <= int(index) <= int(num_slices)):
        raise UsageError(f"--shards is {text!r}; write i/n with 1 <= i <= n, such as --shards 3/8.")
    return int(index), int(num_slices)
