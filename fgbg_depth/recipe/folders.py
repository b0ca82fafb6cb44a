"""Folders that a recipe names: relative to its file, published by their names, remembered beside an output's recipe."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from fgbg_depth.recipe.recipe import NO_DEPTH, OPTIONS, Recipe
from fgbg_depth.recipe.source_fields import DEMO

LOCAL_PATHS = ".paths.json"  # hidden file beside the recipe of an output; never published

Paths = Mapping[str, Mapping[str, str]]  # by field, then by the folder in the published recipe: its path


def published(recipe: Recipe) -> Recipe:
    """The recipe as it is published: folders by their names, such as `./photos`, without the paths of this machine.

    A recipe that is published already stays as it is.

    Args:
        recipe: its folders are paths by their form, as `with_absolute_folders` makes them.
    """
    paths = {field: getattr(recipe, field) for field in _FIELDS if _has_path(field, getattr(recipe, field))}
    names = {field: f"./{os.path.basename(os.path.abspath(path)) or field}" for field, path in paths.items()}
    sources = [field for field in _SOURCES if field in names]
    if len({names[field] for field in sources}) < len({os.path.abspath(paths[field]) for field in sources}):
        names |= {field: f"./{field}/{os.path.basename(names[field])}" for field in sources}  # two folders of one name
    return recipe.replace(**names)


def with_absolute_folders(recipe: Recipe) -> Recipe:
    """The recipe with absolute paths of folders, so that it holds in every current folder. `~` is the home folder."""
    return recipe.replace(
        **{
            field: os.path.abspath(os.path.expanduser(value))
            for field in _FIELDS
            if _has_path(field, value := getattr(recipe, field))
            or (field not in _SOURCES and value != NO_DEPTH and not recipe.depth_revision and os.path.isdir(value))
        }
    )


def with_local_folders(recipe: Recipe, folder: str | Path) -> Recipe:
    """The recipe with paths that hold in the current folder.

    Args:
        recipe: as its file states it; relative paths are relative to the folder of that file.
        folder: the folder of the file. If it is an output, the paths that its build remembered are used.
    """
    remembered = _read_local_paths(Path(folder))
    changes = {}
    for field in _FIELDS:
        value = getattr(recipe, field)
        known = remembered.get(field, {}).get(value)
        if known and (os.path.isdir(known) or not os.path.isdir(os.path.join(folder, value))):
            changes[field] = known
        elif _is_folder(field, value, folder, recipe.depth_revision):
            path = os.path.normpath(os.path.join(folder, os.path.expanduser(value)))
            changes[field] = path if is_path(path) else f"./{path}"
    return recipe.replace(**changes)


def local_paths(recipe: Recipe) -> bytes:
    """The content of `LOCAL_PATHS`: the path on this machine of each folder in the published recipe.

    Args:
        recipe: with absolute folders.
    """
    names = published(recipe)
    paths = {
        field: {getattr(names, field): getattr(recipe, field)}
        for field in _FIELDS
        if _has_path(field, getattr(recipe, field))
    }
    return (json.dumps(paths, indent=1, ensure_ascii=False) + "\n").encode()


def is_path(text: str) -> bool:
    """Whether a text is a path by its form: `./x`, `../x`, `~/x`, `/x` or `a/b/c`, but not `user/name`."""
    return text.startswith(("./", "../", "~")) or text in (".", "..") or os.path.isabs(text) or text.count("/") > 1


_FIELDS = tuple(name for name, options in OPTIONS.items() if options.names_folder)
_SOURCES = tuple(name for name in _FIELDS if OPTIONS[name].group == "sources")


def _has_path(field: str, value: str) -> bool:
    """Whether the value of a field is a folder by its form alone."""
    return value != DEMO and "://" not in value if field in _SOURCES else is_path(value)


def _is_folder(field: str, value: str, folder: str | Path, revision: str) -> bool:
    """Whether the value of a field in a recipe's file is a folder: by its form, or because it is in `folder`.

    A depth model `a/b` is a folder if `a` is one, even if there is no `b` in it: otherwise a folder that is missing
    would be looked for on the Hub. With a revision it is a model on the Hub.
    """
    if _has_path(field, value):
        return True
    if field in _SOURCES or value == NO_DEPTH or revision:
        return False
    return os.path.isdir(os.path.join(folder, os.path.dirname(value) or value))


def _read_local_paths(folder: Path) -> Paths:
    """The content of `LOCAL_PATHS`; {} if there is none, or if it is damaged: then the recipe's own paths are used."""
    try:
        values = json.loads((folder / LOCAL_PATHS).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(values, dict):
        return {}
    return {
        field: {name: path for name, path in paths.items() if isinstance(path, str)}
        for field, paths in values.items()
        if isinstance(paths, dict)
    }
