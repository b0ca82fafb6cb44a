"""The command `fgbg-depth`, also `python builder.py`. Results go to stdout, everything else to stderr.

Nothing heavy is imported before a command needs it, so `--help` answers at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from fgbg_depth import __version__
from fgbg_depth.app import launch
from fgbg_depth.cli.build import add_build
from fgbg_depth.cli.check_sources import add_check_sources
from fgbg_depth.cli.compare import add_compare
from fgbg_depth.cli.cutouts import add_cutouts
from fgbg_depth.cli.evaluate import add_evaluate
from fgbg_depth.cli.export import add_export
from fgbg_depth.cli.inputs import add_convert_weights, add_recipe
from fgbg_depth.cli.outputs import add_push, add_verify
from fgbg_depth.cli.parser import CommandParser
from fgbg_depth.cli.versions import add_diff, add_log, add_rollback
from fgbg_depth.errors import command, program, run_command
from fgbg_depth.paths import home

EPILOG = """\
start here:
  {build}
      build the demonstration dataset; takes about a minute and needs no network
  {app}
      browse it
  {build} --backgrounds DIR --foregrounds DIR --output DIR --dry-run
      check your own images and estimate size and time
  {build} --backgrounds DIR --foregrounds DIR --output DIR
      build a dataset from them
  {push} DIR USER/NAME --tag v1.0.0
      publish it on the Hugging Face Hub

options of a command: {build} --help

kept outside of outputs:
  {home}
      converted depth models, and what the Python builder FgBgDepth built; FGBG_DEPTH_HOME names another folder
  depth models and datasets of the Hub are in the cache of huggingface_hub; HF_HOME names another folder
"""


_STOPPED = {
    "build": "Stopped. Finished shards are kept; the same command continues from there.",
    "cutouts": "Stopped. Finished cut-outs are kept; the same command continues from there.",
    "export": "Stopped. Exported rows are kept; the same command continues from there.",
    "push": "Stopped. The same command continues; files that are already on the Hub are not uploaded again.",
    "rollback": "Stopped. The branch holds either the version before or the one that was asked for.",
}


def parser() -> CommandParser:
    """The whole command line."""
    top = CommandParser(
        prog=program(),
        description="Build datasets of (image, mask, depth) from a folder of backgrounds and a folder of cut-outs.",
        epilog=EPILOG.format(build=command("build"), app=command("app"), push=command("push"), home=home()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"fgbg-depth {__version__}", help="print the version")
    commands = top.add_subparsers(metavar="COMMAND", dest="command", required=True)
    add_build(commands)
    add_check_sources(commands)
    launch.add_arguments(commands.add_parser("app", help="browse a dataset in the browser"))
    add_compare(commands)
    add_evaluate(commands)
    add_export(commands)
    add_verify(commands)
    add_push(commands)
    add_log(commands)
    add_diff(commands)
    add_rollback(commands)
    add_cutouts(commands)
    add_recipe(commands)
    add_convert_weights(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0, 1 for an error, 2 for wrong usage, 130 for Ctrl-C, 141 if nobody reads the output any more.
    """

    def run() -> int:  # parsing is a part of it, because --help prints, too
        options: Any = parser().parse_args(arguments)
        return run_command(lambda: options.run(options), _STOPPED.get(options.command, "Stopped."))

    return run_command(run)
