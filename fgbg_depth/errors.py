"""Errors that the command line shows as a message without a traceback, and the command that messages name."""

from __future__ import annotations

import os
import select
import shlex
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

_CHECKOUT = Path(__file__).resolve().parent.parent  # holds builder.py and app.py in a checkout; errors imports no room


def program() -> str:
    """The program to type for a subcommand, named as the user started it: `program() + " build"` is a command line.

    Returns:
        - started as `python builder.py` or `python app.py` of this checkout: "python builder.py"
        - started as `fgbg-depth`: "fgbg-depth"
        - started as `python -m fgbg_depth`: "python -m fgbg_depth"
        - imported by another program (a notebook, a script): "python builder.py" in a checkout, elsewhere "fgbg-depth"
          if the shell finds it, else "python -m fgbg_depth"

        A virtual environment that is not activated is named too: ".venv/bin/python builder.py".

    The text depends on how and where the program was started. Use it in messages, never in files that are stored.
    """
    started = Path(sys.argv[0]) if sys.argv and sys.argv[0] else Path("-")
    if _is_checkout_script(started):
        return f"{_python()} builder.py"
    if started.name == "__main__.py" and started.parent.name == "fgbg_depth":
        return f"{_python()} -m fgbg_depth"
    if started.stem == "fgbg-depth":
        return _typed(started)
    if (_CHECKOUT / "builder.py").is_file():
        return "python builder.py"
    return "fgbg-depth" if shutil.which("fgbg-depth") else f"{_python()} -m fgbg_depth"


def command(arguments: str) -> str:
    """A command line for the user to type next.

    Args:
        arguments: subcommand and options, such as "build --output DIR"; quote paths with `shlex.quote`.
    Returns:
        `program()` and the arguments. In a checkout the subcommand `app` is "python app.py ...".
    """
    start = program()
    if start.endswith(" builder.py") and arguments.split(" ", 1)[0] == "app":
        return start.removesuffix("builder.py") + "app.py" + arguments.removeprefix("app")
    return f"{start} {arguments}"


def install_command(extra: str) -> str:
    """The command that installs the packages of an extra of pyproject.toml, such as "app" or "ray".

    A checkout has them, with exact versions, in requirements-EXTRA.txt or, where that is missing, in requirements.txt.
    """
    if not (_CHECKOUT / "builder.py").is_file():
        return f"{_python()} -m pip install 'fgbg-depth[{extra}]'"
    names = (f"requirements-{extra}.txt", "requirements.txt")
    return f"{_python()} -m pip install -r " + next(name for name in names if (_CHECKOUT / name).is_file())


def _is_checkout_script(started: Path) -> bool:
    """Whether `started` is our builder.py or app.py. Users have files of these names, too."""
    return started.name in ("builder.py", "app.py") and started.resolve().parent == _CHECKOUT


def _python() -> str:
    """How to start this Python: "python", or its path if it is in a virtual environment that is not activated."""
    executable, found = Path(sys.executable or "python"), shutil.which("python")
    if sys.prefix == sys.base_prefix:
        return "python" if found else executable.name  # some systems have only python3
    return "python" if found and Path(found).parent == executable.parent else _shown(executable)


def _typed(script: Path) -> str:
    """How to start a script again: its name if the shell finds it on PATH, else its path."""
    found = shutil.which(script.stem)
    is_found = found is not None and (not script.exists() or os.path.samefile(found, script))
    return script.stem if is_found else _shown(script)


def _shown(path: Path) -> str:
    """A path as people type it: relative to the current folder if it is in a folder below it, quoted if needed."""
    with suppress(ValueError, OSError):
        below = path.relative_to(Path.cwd())
        path = below if len(below.parts) > 1 else path  # the shell would look for a bare name on PATH
    return shlex.quote(str(path))


def run_command(run: Callable[[], int | None], stopped: str = "Stopped.") -> int:
    """Run a command; its errors become messages on stderr, without a traceback.

    Args:
        run: the command; returns its exit code, None for 0.
        stopped: what to print after Ctrl-C.
    Returns:
        The exit code: that of `run` or of its `FgBgError`; 130 after Ctrl-C; 141 if nobody reads the output any more,
        as in `fgbg-depth ... | head -1`. The last two are 128 + the number of the signal, as in a shell.
    """
    try:
        try:
            code = run() or 0
        except FgBgError as e:
            print(f"{type(e).__name__}: {e}", file=sys.stderr)
            code = e.exit_code
        except KeyboardInterrupt:
            print(f"\n{stopped}", file=sys.stderr)
            code = 130
        finally:
            if sys.stdout is not None:  # None: stdout was closed before Python started
                sys.stdout.flush()
        return code
    except BrokenPipeError:
        closed = [stream for stream in (sys.stdout, sys.stderr) if stream is not None and _is_closed_pipe(stream)]
        if not closed:
            raise  # of another pipe or a connection
        for stream in closed:  # Python flushes them again when it exits
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return 141


def _is_closed_pipe(stream: TextIO) -> bool:
    """Whether a stream writes to a pipe that nobody reads any more."""
    try:
        stream.flush()  # text that could not be written is still in the stream's buffer, if it has one
        if sys.platform == "win32":  # which has no poll
            return False
        poll = select.poll()
        poll.register(stream, 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except BrokenPipeError:
        return True
    except (OSError, ValueError):  # not a stream of the system
        return False


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


class MattingError(FgBgError):
    """A matting model is not known, or cannot be downloaded, loaded or run."""


class DepthError(FgBgError):
    """A depth model cannot be found, loaded or used."""


class ShardError(FgBgError):
    """A shard cannot be built or read."""


class OutputError(FgBgError):
    """The output folder cannot be used: read-only, full, in use, or not an output of this project."""


class EngineError(FgBgError):
    """Worker processes were killed or could not be started."""


class AppError(FgBgError):
    """The app cannot start: a package that it needs is not installed, or its address or port cannot be used."""


class HubError(FgBgError):
    """The Hugging Face Hub refused a request or could not be reached."""
