"""Folders that a recipe names: relative to its file, published by their names, remembered beside an output's recipe."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from fgbg_depth.recipe.addresses import Address, parse_address
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
    values = {field: getattr(recipe, field) for field in _FIELDS if _has_path(field, getattr(recipe, field))}
    paths = {field: _address(field, value).path for field, value in values.items()}
    names = {field: f"./{os.path.basename(os.path.abspath(path)) or field}" for field, path in paths.items()}
    sources = [field for field in _SOURCES if field in names]
    if len({names[field] for field in sources}) < len({os.path.abspath(paths[field]) for field in sources}):
        names |= {field: f"./{field}/{os.path.basename(names[field])}" for field in sources}  # two folders of one name
    return recipe.replace(**{field: _address(field, values[field]).with_path(name) for field, name in names.items()})


def with_absolute_folders(recipe: Recipe) -> Recipe:
    """The recipe with absolute paths of folders, so that it holds in every current folder. `~` is the home folder."""
    return recipe.replace(
        **{
            field: _address(field, value).with_path(
                os.path.abspath(os.path.expanduser(_address(field, value).path)),
            )
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
        address = _address(field, value)
        known = remembered.get(field, {}).get(value)
        if known and (
            _exists(field, known) or not _exists(field, address.with_path(os.path.join(folder, address.path)))
        ):
            changes[field] = known
        elif _is_folder(field, value, folder, recipe.depth_revision):
            path = os.path.normpath(os.path.join(folder, os.path.expanduser(address.path)))
            changes[field] = address.with_path(path if is_path(path) else f"./{path}")
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


def _address(field: str, value: str) -> Address:
    """The parts of a field's value; of a field that is not about sources the value is the path."""
    return parse_address(value) if field in _SOURCES else Address("", value)


def _exists(field: str, value: str) -> bool:
    address = _address(field, value)
    return os.path.exists(address.path) if address.prefix else os.path.isdir(address.path)


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
