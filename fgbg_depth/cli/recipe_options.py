"""Every field of the recipe as an option of `build`; the recipe that the options ask for."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from fgbg_depth.cli.parser import number
from fgbg_depth.depth.external.names import remember_program
from fgbg_depth.errors import RecipeError, command
from fgbg_depth.paths import CHECKOUT
from fgbg_depth.recipe import HINTS, OPTIONS, FieldOptions, Recipe, current_names, defaults, demo_recipe, load_recipe
from fgbg_depth.recipe.fields import GROUPS
from fgbg_depth.schema import RECIPE

_PREFIX = "recipe_"  # of the parsed options' names, so that they cannot collide with those of the run
_TITLES = {
    "sources": "recipe: sources",
    "composites": "recipe: composites and mattes",
    "depth": "recipe: depth labels",
    "output": "recipe: the dataset and its files",
    "card": "recipe: what only the maker of the dataset can say, for its card and croissant.json",
}


def add_recipe_options(parser: argparse.ArgumentParser, without: Collection[str] = (), about_sources: str = "") -> None:
    """Add an option for each field of the recipe, in the recipe's groups and order.

    Args:
        without: fields that get no option.
        about_sources: what the command does without sources; default: what a build does.
    """
    values = defaults()
    groups = {group: parser.add_argument_group(_TITLES[group]) for group in GROUPS}
    groups["sources"].description = about_sources or _demo_description()
    for name, options in OPTIONS.items():
        if name in without:
            continue
        _add_option(groups[options.group], name, options, HINTS[name], values[name])


def names_no_source(options: argparse.Namespace) -> bool:
    """Whether the options have neither a recipe file nor a source folder."""
    return not options.recipe and not {_PREFIX + "backgrounds", _PREFIX + "foregrounds"} & vars(options).keys()


def given_fields(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of the recipe that parsed options give, by their current names."""
    return current_names({k.removeprefix(_PREFIX): v for k, v in vars(options).items() if k.startswith(_PREFIX)})


def recipe_from(options: argparse.Namespace, base: Recipe | None = None) -> Recipe:
    """The recipe that parsed options describe.

    The recipe file given by --recipe is the start; without one, the demonstration if no source folder is given, and
    the defaults otherwise. Options change single fields of it.

    Args:
        base: the start if the options name no recipe file; default: the demonstration, or the defaults if they name a
            source folder.
    Raises:
        RecipeError: the recipe file or a value is wrong.
    """
    changes = given_fields(options)
    if "depth_model" in changes:
        changes["depth_model"] = remember_program(changes["depth_model"])
    if options.recipe:
        base = read_recipe_file(options.recipe)
    elif base is None:
        base = demo_recipe() if names_no_source(options) else Recipe()
    if changes.get("depth_model", base.depth_model) != base.depth_model:
        changes.setdefault("depth_range", None)  # the recipe's range was found for the other model
    try:
        return base.replace(**changes)
    except RecipeError as e:
        raise RecipeError(str(e).removeprefix("recipe: ")) from None


def _demo_description() -> str:
    """What a build does without sources, and where the demonstration differs from the defaults shown."""
    demo, values = demo_recipe(), defaults()
    differing = [
        f"{_flag(name)} {shown_value(getattr(demo, name))}"
        for name, options in OPTIONS.items()
        if options.group == "composites" and getattr(demo, name) != values[name]
    ]
    return (
        "Without --recipe, --backgrounds and --foregrounds, an output that exists is built again from its own recipe, "
        f"and a new one is the bundled demonstration, whose defaults are {', '.join(differing)}."
    ).replace("%", "%%")


def read_recipe_file(path: str) -> Recipe:
    """The recipe in a file that the user named.

    Raises:
        RecipeError: there is no such file, or it is not a recipe.
    """
    file = Path(path).expanduser()
    if file.is_dir() and (file / RECIPE).is_file():
        raise RecipeError(f"{path} is a folder. Did you mean {file / RECIPE}?")
    if not file.exists():
        folders = dict.fromkeys([file.parent, Path("recipes"), CHECKOUT / "recipes"])
        known = {p.stem: str(p) for folder in reversed(folders) for p in folder.glob("*.yaml")}
        similar = difflib.get_close_matches(file.stem, known, n=1)
        hint = f" Did you mean {known[similar[0]]}?" if similar else ""
        raise RecipeError(
            f"There is no recipe file {path}.{hint}\n  Write one to start from: {command('recipe > mine.yaml')}"
        )
    return load_recipe(file)


def _add_option(group: Any, name: str, options: FieldOptions, hint: Any, default: Any) -> None:
    """One option. Ranges are checked by the recipe, so that files and options give the same messages."""
    kwargs: dict[str, Any] = {"dest": _PREFIX + name, "default": argparse.SUPPRESS}
    kwargs["help"] = f"{options.help} ({'; '.join(_details(options, default))})".replace("%", "%%")
    if hint is bool:
        kwargs["action"] = argparse.BooleanOptionalAction
    elif get_origin(hint) is Literal:
        allowed = get_args(hint)
        kwargs |= {"choices": allowed, "type": type(allowed[0])}
        if type(allowed[0]) is int:
            kwargs["type"] = number(int, f"allowed: {', '.join(map(str, allowed))}")
    elif hint in (int, float):
        kwargs |= {"type": number(hint, _range(options)), "metavar": "N"}
    elif hint is str:
        kwargs["metavar"] = "TEXT"
    elif hint == float | None:
        kwargs |= {"type": number(float, _range(options)), "metavar": "N"}
    elif hint == tuple[str, ...]:
        kwargs |= {"nargs": "*", "metavar": "TEXT"}
    else:
        kind = int if int in get_args(hint) else float
        kwargs |= {"type": number(kind, _range(options)), "nargs": 2, "metavar": ("LOW", "HIGH")}
    group.add_argument(_flag(name), **kwargs)
    if options.old_name:
        kwargs |= {"dest": _PREFIX + options.old_name, "help": argparse.SUPPRESS}
        group.add_argument(_flag(options.old_name), **kwargs)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _details(options: FieldOptions, default: Any) -> list[str]:
    """What stands in brackets behind an option's help: its range, what it depends on, its default."""
    details = [_range(options)] if options.low is not None else []
    if options.only_if is not None:
        details.append(f"used with {_flag(options.only_if[0])} {' or '.join(options.only_if[1])}")
    return [*details, f"default: {shown_value(default)}"]


def _range(options: FieldOptions) -> str:
    if options.low is None or options.high is None:
        return ""
    return f"{shown_value(options.low)} to {shown_value(options.high)}{' ' + options.unit if options.unit else ''}"


def shown_value(value: Any) -> str:
    """A value of a recipe field for help texts: `yes`, `0.72 0.97`, `4,000`, `empty`, `not set`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value == ():
        return "none"
    if isinstance(value, tuple):
        return " ".join(map(shown_value, value))
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return f"{int(value):,}" if value < 2**32 else f"2^{int(value).bit_length()} - 1"
    return {None: "not set", "": "empty"}.get(value, str(value))
