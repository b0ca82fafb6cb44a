"""The command `fgbg-depth`, also `python builder.py`. Results go to stdout, everything else to stderr.

Nothing heavy is imported before a command needs it, so `--help` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from fgbg_depth import __version__
from fgbg_depth.app import launch
from fgbg_depth.cli import build as cli_build
from fgbg_depth.cli import push as cli_hub
from fgbg_depth.errors import FgBgError, command, program

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
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog=program(),
        description="Build datasets of (image, mask, depth) from a folder of backgrounds and a folder of cut-outs.",
        epilog=EPILOG.format(build=command("build"), app=command("app"), push=command("push")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"fgbg-depth {__version__}", help="print the version")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    cli_build.add_commands(commands)
    cli_hub.add_commands(commands)
    launch.add_arguments(commands.add_parser("app", help="browse a dataset in the browser"))
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 for an error, 2 for wrong usage, 130 for Ctrl-C."""
    options: Any = parser().parse_args(arguments)
    try:
        code = options.run(options)
        sys.stdout.flush()
        return int(code or 0)
    except FgBgError as e:
        print(f"{type(e).__name__}: {e}", file=sys.stderr)
        return e.exit_code
    except KeyboardInterrupt:
        print("\nStopped. Finished shards are kept; the same command goes on from there.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `fgbg-depth ... | head`
        sys.stderr.close()
        return 0
