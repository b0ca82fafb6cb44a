"""Writes docs/cli.md, docs/recipe.md and the tree in docs/architecture.md from the code: `python docs/generate.py`.

A test fails while they differ from the code.
"""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path
from typing import Literal, get_args, get_origin

import yaml

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))  # for running it in a checkout

from fgbg_depth.cli.main import parser  # noqa: E402
from fgbg_depth.recipe import HINTS, OPTIONS, FieldOptions, Recipe, Shapes  # noqa: E402
from fgbg_depth.recipe.fields import GROUPS  # noqa: E402

HEAD = "<!-- Written by docs/generate.py from the code; do not edit. -->\n\n"
# Rooms of the package, highest layer first; tests/test_architecture.py has the layers.
ROOMS = (
    "__main__", "cli", "app", "hub", "comparison", "export", "training", "verify", "builder", "card", "engine", "read",
    "manifest", "plan", "depth", "sources", "render", "scene", "storage", "statistics", "recipe", "schema", "retry",
    "rng", "paths", "errors",
)  # fmt: skip
SHAPES = {
    Shapes.PIXELS: "`fg_bg` and `fg_bg_mask`: all shards are built again",
    Shapes.SOURCES: "the prepared sources: the shards of changed sources are built again",
    Shapes.GROUPS: "splits and shards; rows keep their bytes",
    Shapes.LABELS: "`fg_bg_depth`: rows are labelled again, nothing is composed",
    Shapes.NOTHING: "nothing in the data",
}


def cli_page() -> str:
    """Every command with its options, in Markdown."""
    top = parser()
    commands = next(a for a in top._actions if isinstance(a, argparse._SubParsersAction)).choices
    lines = [
        "# Commands",
        "",
        "`fgbg-depth COMMAND` after `pip install`; `python builder.py COMMAND` in a checkout (for `app`:",
        "`python app.py`). Results go to stdout, everything else to stderr. Exit codes: 0 success, 1 error,",
        "2 wrong usage, 130 Ctrl-C, 141 nobody reads the output any more.",
        "",
    ]
    for name, command in commands.items():
        lines += [f"## {name}", "", *_paragraphs(command.description or ""), "", "| option | meaning |", "|---|---|"]
        lines += [f"| {_names(action)} | {_cell(action.help % vars(action))} |" for action in _visible(command)]
        lines.append("")
    return HEAD + "\n".join(lines)


def recipe_page() -> str:
    """Every field of the recipe, in Markdown."""
    lines = [
        "# Recipe",
        "",
        "A recipe is a YAML file of `key: value` lines. `fgbg-depth recipe` prints one with every field. A build",
        "writes the recipe that it used to `OUTPUT/recipe.yaml`. Each field is also an option of `build`:",
        "`foreground_min` is `--foreground-min`. Relative paths are relative to the folder of the recipe's file.",
        "A build publishes folders by their names, without the paths of the machine. The last column says what a",
        "changed field changes.",
        "",
    ]
    for group in GROUPS:
        lines += [
            f"## {group.capitalize()}",
            "",
            "| field | default | meaning | allowed | shapes |",
            "|---|---|---|---|---|",
        ]
        for name, options in OPTIONS.items():
            if options.group == group:
                cells = (
                    f"`{name}`",
                    _default(name),
                    _cell(options.help),
                    _allowed(name, options),
                    SHAPES[options.shapes],
                )
                lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return HEAD + "\n".join(lines)


def architecture_page() -> str:
    """docs/architecture.md with its tree made again: the first line of each module's docstring."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    before, _, rest = text.partition("```tree\n")
    return f"{before}```tree\n{tree()}```{rest.partition('```')[2]}"


def tree() -> str:
    """The package's files, highest layer first, with a line each."""
    package = DOCS.parent / "fgbg_depth"
    lines = [f"fgbg_depth/{' ' * 18}{_summary(package / '__init__.py')}"]
    for room in ROOMS:
        path = package / room
        if path.is_dir():
            lines += _folder(path, 2)
        else:
            lines.append(_line(path.with_suffix(".py"), 2))
    return "\n".join(lines) + "\n"


def _folder(path: Path, indent: int) -> list[str]:
    head = f"{' ' * indent}{path.name}/".ljust(29) + _summary(path / "__init__.py")
    files = [_line(file, indent + 2) for file in sorted(path.glob("*.py")) if file.name != "__init__.py"]
    folders = [_folder(inner, indent + 2) for inner in sorted(path.iterdir()) if (inner / "__init__.py").is_file()]
    return [head, *files, *(line for folder in folders for line in folder)]


def _line(file: Path, indent: int) -> str:
    return f"{' ' * indent}{file.name}".ljust(29) + _summary(file)


def _summary(file: Path) -> str:
    """The first sentence of a module's docstring, without the full stop."""
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(docstring.split("\n\n", 1)[0].split())
    return paragraph.split(". ")[0].rstrip(".:")


def _visible(command: argparse.ArgumentParser) -> list[argparse.Action]:
    return [a for a in command._actions if a.help != argparse.SUPPRESS and not isinstance(a, argparse._HelpAction)]


def _names(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar}`"
    value = action.metavar or (
        "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    )
    value = " ".join(value) if isinstance(value, tuple) else value
    takes_value = action.nargs != 0
    return ", ".join(f"`{flag} {value}`" if takes_value else f"`{flag}`" for flag in action.option_strings)


def _default(name: str) -> str:
    return "`" + yaml.safe_dump(Recipe().to_dict()[name], default_flow_style=True).removesuffix("...\n").strip() + "`"


def _allowed(name: str, options: FieldOptions) -> str:
    if get_origin(HINTS[name]) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(HINTS[name]))
    limits = f"{options.low:g} to {options.high:,}" if options.low is not None else ""
    return f"{limits} {options.unit}".strip()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _paragraphs(text: str) -> list[str]:
    return text.strip().splitlines()


PAGES = {"cli.md": cli_page, "recipe.md": recipe_page, "architecture.md": architecture_page}

if __name__ == "__main__":
    sys.argv[0] = "fgbg-depth"  # examples name the installed command
    for file, page in PAGES.items():
        (DOCS / file).write_text(page(), encoding="utf-8")
