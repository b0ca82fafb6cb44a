"""Commands that prepare what a build reads: `recipe` and `convert-weights`."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from fgbg_depth.cli.recipe_options import read_recipe_file
from fgbg_depth.errors import command
from fgbg_depth.recipe import Recipe


def add_recipe(commands: Any) -> None:
    """Add the subcommand `recipe`."""
    parser = commands.add_parser(
        "recipe",
        help="print a recipe with every field explained",
        description="Print a recipe with every field explained, to save and edit: "
        f"{command('recipe > mine.yaml')}. A recipe file as argument is completed with the defaults.",
    )
    parser.add_argument("file", metavar="FILE", nargs="?", help="complete this recipe (default: the default recipe)")
    parser.set_defaults(run=_print_recipe)


def add_convert_weights(commands: Any) -> None:
    """Add the subcommand `convert-weights`."""
    parser = commands.add_parser(
        "convert-weights",
        help="convert the DenseDepth authors' nyu.h5 or kitti.h5 into a model folder",
        description="Convert a Keras file of the DenseDepth authors into a folder that --depth-model takes and "
        "AutoModelForDepthEstimation opens. The architecture is read from the file itself.",
    )
    parser.add_argument("file", metavar="FILE.h5", help="nyu.h5, kitti.h5, or a file that the authors' code saved")
    parser.add_argument("folder", metavar="FOLDER", help="new folder for the model")
    parser.add_argument(
        "--dataset", choices=("nyu", "kitti"), help="data that the model was trained on (default: by the file's name)"
    )
    parser.set_defaults(run=_convert_weights)


def _print_recipe(options: argparse.Namespace) -> int:
    print((read_recipe_file(options.file) if options.file else Recipe()).to_yaml(), end="")
    return 0


def _convert_weights(options: argparse.Namespace) -> int:
    from fgbg_depth.depth.densedepth.convert import convert_weights

    print(convert_weights(options.file, options.folder, options.dataset))
    print(f"Use it: {command(f'build --depth-model {shlex.quote(options.folder)} ...')}")
    return 0
