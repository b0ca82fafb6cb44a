"""Recipes from YAML files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from fgbg_depth.errors import RecipeError
from fgbg_depth.recipe.folders import with_local_folders
from fgbg_depth.recipe.recipe import Recipe, from_dict

_NOUNS: dict[type, str] = {str: "a text", list: "a list", int: "a number", float: "a number", bool: "yes or no"}


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a YAML file. Relative paths in it are relative to the folder of the file.

    Returns:
        the recipe with paths that hold in the current folder.
    Raises:
        RecipeError: the file cannot be read, is not YAML or not a mapping, or has a bad key or value.
    """
    try:
        file = Path(os.path.expanduser(path))
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise RecipeError(f"{path}: cannot read this recipe ({e}).\n  See recipes/ for examples.") from e
    return with_local_folders(parse_recipe(text, str(path)), file.parent)


def parse_recipe(text: str, where: str = "recipe") -> Recipe:
    """Parse a YAML recipe. Paths stay as they are.

    Args:
        where: the file's path, for messages.
    Raises:
        RecipeError: not YAML, not a mapping, a key is unknown or given twice, or a value is not allowed.
    """
    try:
        values = yaml.load(text, _UniqueKeyLoader)
    except RecipeError as e:
        raise RecipeError(f"{where}: {e}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as e:  # ValueError: impossible dates and numbers
        raise RecipeError(f"{where}: not valid YAML: {_problem(e)}.") from e
    if values is None:  # an empty file
        values = {}
    if not isinstance(values, dict):
        found = _NOUNS.get(type(values), "something else")
        raise RecipeError(f"{where}: a recipe has lines `key: value`, but this is {found}.")
    return from_dict(values, where)


def _problem(error: Exception) -> str:
    """What is wrong with YAML text, in one line, with the line's number if it is known."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or " ".join(str(error).split()) or type(error).__name__
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else str(problem)


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that is given twice; YAML's own loader would silently use the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            key, line = key_node.value, key_node.start_mark.line + 1
            if key in lines:
                raise RecipeError(f"{key} is given twice, in lines {lines[key]} and {line}.\n  Keep one of them.")
            lines[key] = line
        return super().construct_mapping(node, deep)
