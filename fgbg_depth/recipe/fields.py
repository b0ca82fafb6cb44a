"""Fields of a recipe: what each one says of itself, and the check of a value against it."""

from __future__ import annotations

import dataclasses
import enum
import math
from typing import Any, Literal, get_args, get_origin

from fgbg_depth.errors import RecipeError


class Shapes(enum.Enum):
    """What a field has an effect on. It decides which digests change with the field."""

    PIXELS = "pixels"  # fg_bg and fg_bg_mask: part of the compose digest of every shard
    SOURCES = "sources"  # prepared backgrounds and cut-outs: their digests are part of the compose digest
    GROUPS = "groups"  # which rows share a split and a shard; no row changes
    LABELS = "labels"  # fg_bg_depth: part of the depth spec, and by that of the label digest
    NOTHING = "nothing"  # words for the card, and how the work is done


GROUPS = ("sources", "composites", "depth", "output")


@dataclasses.dataclass(frozen=True)
class FieldOptions:
    """What a recipe field says of itself.

    Args:
        help: one line for `--help`, recipe files and the card.
        shapes: what the field has an effect on.
        group: heading under which help texts list it.
        low, high: allowed range of numbers, both ends included; None: no limit.
        unit: of numbers.
        only_if: (field, value): the field has no effect unless that other field has this value.
        digest_key: the key in the compose digest, where it is not the field's name.
        old_name: a name that the field had in the version before; it still works, with a note.
    """

    help: str
    shapes: Shapes
    group: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    only_if: tuple[str, Any] | None = None
    digest_key: str = ""
    old_name: str = ""


def option(default: Any, help: str, *, shapes: Shapes, group: str, **more: Any) -> Any:
    """A recipe field. Leaving out what it shapes is an error at import: finished shards could be wrongly reused."""
    if group not in GROUPS:
        raise TypeError(f"group is {group!r}; allowed: {', '.join(GROUPS)}")
    return dataclasses.field(default=default, metadata={"options": FieldOptions(help, shapes, group, **more)})


def field_options(recipe_class: type) -> dict[str, FieldOptions]:
    """Every field's options by name, in the fields' order.

    Raises:
        TypeError: a field was declared without `option(...)`, so it does not say what it shapes.
    """
    undeclared = [f.name for f in dataclasses.fields(recipe_class) if "options" not in f.metadata]
    if undeclared:
        raise TypeError(f"{recipe_class.__name__}: declare {', '.join(undeclared)} with option(..., shapes=...)")
    return {f.name: f.metadata["options"] for f in dataclasses.fields(recipe_class)}


def checked(key: str, value: Any, hint: Any, options: FieldOptions) -> Any:
    """`value` as the field's type.

    Raises:
        RecipeError: the type or the value is not allowed; the message names the key, the value and what is allowed.
    """
    if get_origin(hint) is Literal:
        allowed = get_args(hint)
        if type(value) is bool or value not in allowed:
            raise RecipeError(f"{key} is {show(value)}; allowed: {', '.join(map(str, allowed))}.")
        return allowed[allowed.index(value)]
    if hint is bool:
        if type(value) is not bool:
            raise RecipeError(f"{key} is {show(value)}; allowed: true, false.")
        return value
    if hint is str:
        if type(value) is not str:
            raise RecipeError(f"{key} is {show(value)}; allowed: a text (put it in quotes).")
        if any(ord(c) < 32 for c in value) or not value.isprintable():
            raise RecipeError(f"{key} is {show(value)}; line breaks and control characters are not allowed.")
        return value
    if hint in (int, float):
        return _number(key, value, hint, options)
    if value is None and type(None) in get_args(hint):
        return None
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise RecipeError(f"{key} is {show(value)}; allowed: two numbers, such as [0.1, 0.9].")
    return tuple(_number(key, v, float, options) for v in value)


def _number(key: str, value: Any, kind: type, options: FieldOptions) -> Any:
    low, high = options.low, options.high
    allowed = "a whole number" if kind is int else "a number"
    if low is not None:
        allowed += f" from {low} to {high}{' ' + options.unit if options.unit else ''}"
    is_number = type(value) is int or (kind is float and type(value) is float and math.isfinite(value))
    if not is_number or (low is not None and high is not None and not low <= value <= high):
        raise RecipeError(f"{key} is {show(value)}; allowed: {allowed}.")
    return kind(value)


def show(value: Any) -> str:
    """A value for a message, shortened to 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def parse_size(text: str) -> tuple[int, int] | None:
    """`"480x640"` as (height, width); None when `text` is not a size."""
    parts = text.lower().split("x")
    if len(parts) == 2 and all(p.isascii() and p.isdigit() and 0 < int(p) <= 8192 for p in parts):
        return int(parts[0]), int(parts[1])
    return None
