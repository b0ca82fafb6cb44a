"""Commands that make and check an output: `build`, `verify`, `recipe`, `convert-weights`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from fgbg_depth.errors import RecipeError, UsageError
from fgbg_depth.recipe import HINTS, OPTIONS, FieldOptions, Recipe, defaults, demo_recipe, load_recipe
from fgbg_depth.recipe.fields import GROUPS

DEFAULT_OUTPUT = "fgbg-dataset"


def add_commands(commands: Any) -> None:
    _add_build(commands)
    verify = commands.add_parser(
        "verify", help="check that an output is whole and true", description="Check that an output is whole and true: "
        "every file is there with its hash, statistics add up, and rows can be made again from their columns."
    )  # fmt: skip
    verify.add_argument("output", metavar="OUTPUT", help="folder that `build` made")
    verify.add_argument("--full", action="store_true", help="make every row again and count every pixel; takes long")
    verify.add_argument("--labels", type=int, default=0, metavar="N", help="predict N depth maps again and compare")
    verify.add_argument("--device", default="auto", help="where the depth model runs: auto, cpu, cuda, cuda:1, mps")
    verify.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    verify.set_defaults(run=_verify)
    recipe = commands.add_parser(
        "recipe", help="print a recipe with every choice explained", description="Print a recipe with every choice "
        "explained, to save and change: python builder.py recipe > mine.yaml"
    )  # fmt: skip
    recipe.add_argument("file", metavar="FILE", nargs="?", help="complete this recipe instead of the defaults")
    recipe.set_defaults(run=_print_recipe)
    convert = commands.add_parser(
        "convert-weights", help="turn the DenseDepth authors' nyu.h5 or kitti.h5 into a model folder",
        description="Turn the DenseDepth authors' Keras file into a folder that --depth-model takes and "
        "AutoModelForDepthEstimation opens. The architecture is read from the file itself.",
    )  # fmt: skip
    convert.add_argument("file", metavar="FILE.h5", help="nyu.h5, kitti.h5, or a file saved by the authors' code")
    convert.add_argument("folder", metavar="FOLDER", help="new folder for the model")
    convert.add_argument("--dataset", choices=("nyu", "kitti"), help="what it was trained on (default: by its name)")
    convert.set_defaults(run=_convert_weights)


def _add_build(commands: Any) -> None:
    build = commands.add_parser(
        "build",
        help="make a dataset, or go on making it",
        description="Make a dataset. Without options: a demonstration from bundled sources. Finished shards are "
        "kept: the same command goes on where the last one stopped, and remakes only what a changed recipe or "
        "source changes.",
    )
    run = build.add_argument_group("running (shapes no data)")
    run.add_argument("--recipe", metavar="FILE", help="start from this YAML recipe; other options change it")
    run.add_argument(
        "--output", metavar="DIR", default=DEFAULT_OUTPUT, help="folder or fsspec URL (default: %(default)s)"
    )
    run.add_argument(
        "--dry-run", action="store_true", help="show rows, bytes, minutes and a contact sheet; build nothing"
    )
    run.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core; 1 = in this process)")
    run.add_argument("--device", default="auto", help="where the depth model runs: auto, cpu, cuda, cuda:1, mps")
    run.add_argument("--shards", metavar="i/n", help="make only slice i of n (other machines make the others)")
    run.add_argument("--finish", action="store_true", help="after all slices: check them, write statistics and card")
    run.add_argument("--engine", choices=("local", "ray"), default="local", help="who runs the shards")
    run.add_argument("--address", help="of a running Ray cluster (default: start one on this machine)")
    run.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    values = defaults()
    groups = {title: build.add_argument_group(f"recipe: {title}") for title in GROUPS}
    for name, options in OPTIONS.items():
        _add_recipe_option(groups[options.group], name, options, HINTS[name], values[name])
    build.set_defaults(run=_build)


def _add_recipe_option(group: Any, name: str, options: FieldOptions, hint: Any, default: Any) -> None:
    """One recipe field as an option; values are checked by the recipe, so that messages are the same."""
    flags = ["--" + word.replace("_", "-") for word in (name, options.old_name) if word]
    unit = f" [{options.unit}]" if options.unit else ""
    if default is None:
        default = "null"
    if isinstance(default, tuple):
        default = " ".join(map(str, default))
    words: dict[Any, str] = {"": "empty", False: "no", True: "yes"}
    shown = words[default] if isinstance(default, (str, bool)) and default in words else default
    text = f"{options.help}{unit} (default: {shown})".replace("%", "%%")
    kwargs: dict[str, Any] = {"dest": f"recipe_{name}", "default": argparse.SUPPRESS, "help": text}
    if hint is bool:
        kwargs["action"] = argparse.BooleanOptionalAction
    elif get_origin(hint) is Literal:
        allowed = get_args(hint)
        kwargs |= {"choices": allowed, "type": type(allowed[0])}
    elif hint in (int, float):
        kwargs |= {"type": hint, "metavar": "N"}
    elif hint is not str:
        kwargs |= {"type": float, "nargs": 2, "metavar": ("LOW", "HIGH")}
    else:
        kwargs["metavar"] = "TEXT"
    group.add_argument(*flags, **kwargs)


def recipe_from(options: argparse.Namespace) -> Recipe:
    """The recipe that the command line asks for."""
    changes = {k.removeprefix("recipe_"): v for k, v in vars(options).items() if k.startswith("recipe_")}
    if options.recipe:
        base = load_recipe(options.recipe)
    elif not {"backgrounds", "foregrounds"} & changes.keys():
        base = demo_recipe()
    else:
        base = Recipe()
    if changes.get("depth_model", base.depth_model) != base.depth_model:
        changes.setdefault("depth_range", None)  # it was found for the other model
    try:
        return base.replace(**changes)
    except RecipeError as e:
        raise RecipeError(str(e).removeprefix("recipe: ")) from None


def _build(options: argparse.Namespace) -> int:
    from fgbg_depth.builder.pipeline import build, default_workers, plan_build

    recipe = recipe_from(options)
    if options.workers is not None and not 1 <= options.workers <= 1024:
        raise UsageError(f"--workers is {options.workers}; allowed: a whole number from 1 to 1024.")
    part = _slice(options.shards)
    if part and options.finish:
        raise UsageError("--shards makes a slice and --finish ends the build; give one of them.")
    _echo(recipe)
    if options.dry_run:
        workers = options.workers or default_workers(recipe, options.device)
        return _dry_run(options, plan_build(recipe, workers, options.device), workers)
    result = build(
        recipe,
        options.output,
        workers=options.workers,
        device=options.device,
        slice_of=part,
        finish=options.finish,
        engine_name=options.engine,
        address=options.address,
    )
    if options.json:
        print(json.dumps(dataclasses.asdict(result)))
        return 0
    where = shlex.quote(result.output)
    if not result.whole:
        print(f"slice {options.shards} is ready in {result.output}")
        print(f"when all slices are: python builder.py build ... --output {where} --finish")
        return 0
    print(f"{result.rows:,} rows in {result.shards} shards: {result.output}")
    if result.skipped:
        print(f"{len(result.skipped)} bad source files were left out; the card lists them.")
    if "://" in result.output:  # the app and the push read folders
        print(f"check:   python builder.py verify {where}")
        print(f'load:    load_dataset("parquet", data_files="{result.output.rstrip("/")}/data/train-*.parquet")')
        return 0
    print(f"look:    python app.py {where}")
    print(f"check:   python builder.py verify {where}")
    print(f"load:    load_dataset({result.output!r})")
    print(f"publish: python builder.py push {where} USER/NAME --tag v1.0.0")
    return 0


def _echo(recipe: Recipe) -> None:
    """The recipe as it was understood: what differs from the defaults, and what people ask about first."""
    values, defaults = recipe.to_dict(), Recipe().to_dict()
    asked = ("backgrounds", "foregrounds", "size", "placements", "seed", "depth_model")
    shown = {k: v for k, v in values.items() if v != defaults[k] or k in asked}
    print("recipe: " + ", ".join(f"{k} {v}" for k, v in shown.items()), file=sys.stderr)


def _dry_run(options: argparse.Namespace, plan: Any, workers: int) -> int:
    from fgbg_depth.builder.dry_run import estimate
    from fgbg_depth.render.codecs import encode_png
    from fgbg_depth.storage.files import Storage

    found = estimate(plan, workers, options.device)
    sheet = Path(f"{Path(options.output).name or DEFAULT_OUTPUT}-contact-sheet.png")  # in the current folder
    Storage(".").write(sheet.name, encode_png(found.sheet))
    if options.json:
        values = {f.name: getattr(found, f.name) for f in dataclasses.fields(found) if f.name != "sheet"}
        print(json.dumps(values | {"sheet": sheet.name}))
        return 0
    sources = plan.sources
    print(f"sources   {len(sources.backgrounds)} backgrounds x {len(sources.cutouts)} cut-outs")
    print(f"rows      {found.rows:,}: " + ", ".join(f"{k} {v:,}" for k, v in found.splits.items()))
    print(f"shards    {found.shards}, {found.bytes / 1e9:,.2f} GB in all")
    labels = f", label {found.label_rows_per_s:,.0f} rows/s" if found.label_rows_per_s else ""
    print(f"time      about {_duration(found.seconds)} with {workers} workers")
    print(f"          (each: compose {found.compose_rows_per_s:,.0f} rows/s{labels})")
    print(f"look at   {sheet}")
    return 0


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _slice(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise UsageError(f"--shards is {text!r}; write i/n with 1 <= i <= n, such as --shards 3/8.")
    return int(index), int(count)


def _verify(options: argparse.Namespace) -> int:
    from fgbg_depth.verify.check import verify

    with _rows_bar() as on_rows:
        report = verify(
            options.output, full=options.full, labels=options.labels, device=options.device, progress=on_rows
        )
    if options.json:
        print(json.dumps(dataclasses.asdict(report)))
    else:
        for line in [*report.problems, *(f"note: {note}" for note in report.notes)]:
            print(line)
        print(report.summary())
    return 1 if report.problems else 0


@contextmanager
def _rows_bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for work that tells (rows done, rows in all)."""
    from tqdm import tqdm

    with tqdm(unit=" rows", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def _print_recipe(options: argparse.Namespace) -> int:
    print((load_recipe(options.file) if options.file else Recipe()).to_yaml(), end="")
    return 0


def _convert_weights(options: argparse.Namespace) -> int:
    from fgbg_depth.depth.densedepth.convert import convert_weights

    print(convert_weights(options.file, options.folder, options.dataset))
    print(f"use it: python builder.py build --depth-model {shlex.quote(options.folder)} ...")
    return 0
