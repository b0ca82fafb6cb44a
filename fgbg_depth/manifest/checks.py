"""Checks of values in `statistics.json`, and sentences about what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from fgbg_depth import schema
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import DepthError, RecipeError
from fgbg_depth.recipe import Recipe, from_stored

_MEANINGS = {  # of pydantic's error types, for messages
    "int": "a whole number",
    "float": "a number",
    "string": "a text",
    "bool": "true or false",
    "list": "a list",
    "dict": "an object",
    "model": "an object",
}


def _as_recipe(value: Any) -> Recipe:
    if isinstance(value, Recipe):
        return value
    try:
        return from_stored(_object(value))
    except RecipeError as e:
        raise ValueError(str(e)) from e


def _as_spec(value: Any) -> DepthSpec | None:
    if value is None or isinstance(value, DepthSpec):
        return value
    try:
        return DepthSpec.from_dict(_object(value))
    except DepthError as e:
        raise ValueError(str(e)) from e


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not an object")
    return value


def _to_dict(value: Recipe | DepthSpec | None) -> dict[str, Any] | None:
    return None if value is None else value.to_dict()


def _shard_path(path: str) -> str:
    schema.ShardName.parse(path)
    return path


def _config_path(path: str) -> str:
    if not schema.is_config_path(path):
        raise ValueError(f"{path!r} is not the path of a file of bg, fg or preview")
    return path


RecipeField = Annotated[Recipe, BeforeValidator(_as_recipe), PlainSerializer(_to_dict)]
SpecField = Annotated[DepthSpec | None, BeforeValidator(_as_spec), PlainSerializer(_to_dict)]
# Anybody may have written the file: its paths are checked here, so that they name nothing outside the dataset.
ShardPath = Annotated[str, AfterValidator(_shard_path)]
ConfigPath = Annotated[str, AfterValidator(_config_path)]


def sentence(error: Mapping[str, Any]) -> str:
    """One problem that pydantic found, an item of `ValidationError.errors()`: the key, its value, what is allowed."""
    key = ".".join(str(part) for part in error["loc"] if part not in ("<depth>", "<image>", "[key]"))
    if error["type"] == "missing":
        return f"the key {key} is missing"
    if error["type"] == "value_error":
        return f"{key}: {str(error['ctx']['error']).rstrip('.')}"
    value = json.dumps(error["input"], default=repr)
    value = value if len(value) <= 80 else value[:77] + "..."
    allowed = _MEANINGS.get(error["type"].split("_")[0], error["msg"])
    return f"{key} is {value}; allowed: {allowed}"
