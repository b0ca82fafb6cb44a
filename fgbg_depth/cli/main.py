"""The commands of `builder.py`: options and messages. Results go to stdout, everything else to stderr.

Nothing heavy is imported before a command needs it, so `--help` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from fgbg_depth.cli import build as cli_build
from fgbg_depth.cli import push as cli_hub
from fgbg_depth.errors import FgBgError

EPILOG = """\
start here:
  python builder.py build                                     a demonstration, no network, about a minute
  python app.py                                               look at it in the browser
  python builder.py build --backgrounds DIR --foregrounds DIR --output DIR --dry-run
  python builder.py build --backgrounds DIR --foregrounds DIR --output DIR
  python builder.py push DIR USER/NAME --tag v1.0.0

Each command explains its options: python builder.py build --help
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="builder.py",
        description="Datasets of (image, mask, depth) from a folder of backgrounds and a folder of cut-outs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    cli_build.add_commands(commands)
    cli_hub.add_commands(commands)
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
    except BrokenPipeError:  # `builder.py ... | head`
        sys.stderr.close()
        return 0
