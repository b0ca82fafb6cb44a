"""Names of external labellers: entry points of installed packages, and `exec:` programs of this computer.

A recipe holds only names, so that a published recipe has no path of the maker's computer and cannot start a program by
itself. Which Python runs `exec:MODULE:FUNCTION` is stated on the command line or in the environment.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from fgbg_depth.depth.known_models import look_up
from fgbg_depth.errors import DepthError
from fgbg_depth.recipe import NO_DEPTH

GROUP = "fgbg_depth.labellers"
PREFIX = "exec:"
VARIABLE = "FGBG_DEPTH_EXEC"
SEPARATOR = ";"  # between several programs in the variable


@dataclass(frozen=True)
class Program:
    """A function that runs in a Python of its own.

    python: absolute path of the Python.
    module: name of a module that it can import, or absolute path of a .py file.
    function: name of a function of the module.
    """

    python: str
    module: str
    function: str

    @property
    def name(self) -> str:
        """The name in recipes and datasets: exec:MODULE:FUNCTION, without the folder of a .py file."""
        module = Path(self.module).stem if self.module.endswith(".py") else self.module
        return f"{PREFIX}{module}:{self.function}"

    @property
    def text(self) -> str:
        """The program as --depth-model and the environment variable take it."""
        return f"{PREFIX}{self.python}:{self.module}:{self.function}"


@dataclass(frozen=True)
class Installed:
    """A function that an installed package registers as an entry point; it runs in this process."""

    name: str
    entry_point: EntryPoint


def find_labeller(model: str) -> Program | Installed | None:
    """The external labeller of a recipe's `depth_model`; None if it is another kind of depth model.

    Raises:
        DepthError: this computer was not told which program exec:MODULE:FUNCTION is, or the name is ambiguous.
    """
    if model.startswith(PREFIX):
        return _find_program(model)
    return _find_installed(model)


def remember_program(model: str) -> str:
    """Make a program known to this process and its workers, if `model` states one.

    The workers read it from the environment variable FGBG_DEPTH_EXEC, which they inherit.

    Args:
        model: exec:PYTHON:MODULE:FUNCTION, or any other depth model.
    Returns:
        the depth model for the recipe: exec:MODULE:FUNCTION, or `model` itself.
    Raises:
        DepthError: `model` starts with exec: and is malformed, or there is no such Python or .py file.
    """
    if not model.startswith(PREFIX) or model.count(":") == 2:
        return model
    program = parse_program(model)
    os.environ[VARIABLE] = SEPARATOR.join((_known_programs() | {program.name: program.text}).values())
    return program.name


def parse_program(text: str) -> Program:
    """The program that exec:PYTHON:MODULE:FUNCTION states. Relative paths start at the current folder.

    Raises:
        DepthError: the text is malformed, or there is no such Python or .py file.
    """
    python, module, function = _split(text)
    found = shutil.which(os.path.expanduser(python))  # a path, or a name such as python3.10
    if found is None:
        raise DepthError(
            f"{text}: there is no program {python}.\n"
            "  PYTHON is the path of the Python that has the model's packages, such as .venv-moge/bin/python."
        )
    if module.endswith(".py"):
        path = Path(module).expanduser().absolute()
        if not path.is_file():
            raise DepthError(f"{text}: there is no file {module}.\n  MODULE is a .py file, or a module of that Python.")
        module = str(path)
    return Program(os.path.abspath(found), module, function)  # not resolve(): the link is what makes a venv a venv


def installed_names() -> list[str]:
    """Names of the labellers that installed packages register, sorted."""
    return sorted({found.name for found in entry_points(group=GROUP)})


def _split(text: str) -> tuple[str, str, str]:
    """(PYTHON, MODULE, FUNCTION) of a program's text. The path of the Python may have colons."""
    parts = text.removeprefix(PREFIX).rsplit(":", 2)
    if not text.startswith(PREFIX) or len(parts) != 3 or not all(parts) or SEPARATOR in text:
        raise DepthError(
            f"{text!r} is not a labeller program; write exec:PYTHON:MODULE:FUNCTION, such as "
            "exec:.venv-moge/bin/python:moge_labeller.py:predict."
        )
    return parts[0], parts[1], parts[2]


def _known_programs() -> dict[str, str]:
    """Texts of the programs in the environment variable by name; their files are not looked for yet."""
    texts = [text.strip() for text in os.environ.get(VARIABLE, "").split(SEPARATOR) if text.strip()]
    return {Program(*_split(text)).name: text for text in texts}


def _find_program(model: str) -> Program:
    if (text := _known_programs().get(model)) is not None:
        return parse_program(text)
    program = f"{PREFIX}PYTHON:MODULE:{model.rpartition(':')[2]}"
    raise DepthError(
        f"depth model {model} runs a program, and a recipe does not say where that is: it has no path of a Python or "
        "of a module.\n"
        f"  If you have that program and trust it, add --depth-model {program}, or set the environment variable "
        f"{VARIABLE}={program}.\n"
        "  PYTHON is the path of a Python, MODULE a .py file or a module of that Python; see docs/labellers.md."
    )


def _find_installed(model: str) -> Installed | None:
    if model == NO_DEPTH or "/" in model or look_up(model):  # none, a path or Hub id, one of the densedepth-* names
        return None
    found = list(entry_points(group=GROUP, name=model))
    if not found:
        return None
    values = sorted({point.value for point in found})
    if len(values) > 1:
        raise DepthError(
            f"depth model {model!r} is registered by several installed packages: {', '.join(values)}.\n"
            "  Uninstall all but one of them."
        )
    if Path(model).exists():
        raise DepthError(
            f"depth model {model!r} is both a folder here and a labeller of an installed package ({values[0]}).\n"
            f"  For the folder write ./{model}; for the labeller start the command in another folder."
        )
    return Installed(model, found[0])
