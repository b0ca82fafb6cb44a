"""Errors that the command line shows as a message without a traceback, and the command that messages name."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def command(arguments: str) -> str:
    """A command for people to type next, with the program's name as they started it.

    Args:
        arguments: subcommand and options, such as "build --output DIR".
    Returns:
        "python builder.py ..." in a checkout ("python app.py ..." for the subcommand `app`), "fgbg-depth ..." where
        the package is installed, "python -m fgbg_depth ..." where it was started like that.
    """
    program = Path(sys.argv[0])
    if program.name == "__main__.py" and program.parent.name == "fgbg_depth":
        return f"python -m fgbg_depth {arguments}"
    is_script = program.name in ("builder.py", "app.py")
    if not is_script and (program.stem == "fgbg-depth" or shutil.which("fgbg-depth")):
        return f"fgbg-depth {arguments}"
    if arguments == "app" or arguments.startswith("app "):
        return f"python app.py{arguments.removeprefix('app')}"
    return f"python builder.py {arguments}"


class FgBgError(Exception):
    """Base class of this project's errors. The command line prints the text and exits with `exit_code`."""

    exit_code = 1


class UsageError(FgBgError):
    """The command line is wrong: an unknown option, two options that exclude each other, a missing argument."""

    exit_code = 2


class RecipeError(FgBgError):
    """A recipe has an unknown key, or a value of the wrong type or outside its range."""

    exit_code = 2


class SourceError(FgBgError):
    """A background or a cut-out cannot be used."""


class PlacementError(FgBgError):
    """A cut-out cannot be placed in the frame."""


class DepthError(FgBgError):
    """A depth model cannot be found, loaded or used."""


class ShardError(FgBgError):
    """A shard cannot be built or read."""


class OutputError(FgBgError):
    """The output folder cannot be used: read-only, full, in use, or not an output of this project."""


class EngineError(FgBgError):
    """Worker processes were killed or could not be started."""


class HubError(FgBgError):
    """The Hugging Face Hub refused a request or could not be reached."""
