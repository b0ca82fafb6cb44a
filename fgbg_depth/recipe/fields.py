"""What each field of a recipe declares: its effect, help text, group, range and old name."""

from __future__ import annotations

import dataclasses
import enum
import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fgbg_depth.errors import RecipeError

logger = logging.getLogger("fgbg_depth")
Class = TypeVar("Class", bound=type)


class Shapes(enum.Enum):
    """What a field has an effect on. It decides which digests change with the field."""

    PIXELS = "pixels"  # fg_bg and fg_bg_mask: part of the compose digest of every shard
    SOURCES = "sources"  # prepared backgrounds and cut-outs: their digests are part of the compose digest
    GROUPS = "groups"  # which rows share a split and a shard; no row changes
    LABELS = "labels"  # the depth labels: part of the depth spec, and so of the label digest
    NOTHING = "nothing"  # text of the card, and how the work is done


GROUPS = ("sources", "composites", "depth", "output", "card")


@dataclasses.dataclass(frozen=True)
class FieldOptions:
    """The declaration of one recipe field.

    Args:
        help: one line for `--help`, recipe files and the card.
        shapes: what the field has an effect on.
        group: heading under which help texts list the field.
        low, high: allowed range of numbers, both ends included; None: no limit.
        unit: unit of numbers.
        only_if: (field, values): the field has no effect unless that other field has one of these values.
        old_name: the field's name in the version before; it still works, with a warning.
        null_advice: what to write instead of null, for the error message.
        names_folder: the value may be a folder; in a file a relative path is relative to the folder of that file.
        skip_default: left out of the digests while it has its default, so that datasets from before the field keep
            their shards.
    """

    help: str
    shapes: Shapes
    group: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    only_if: tuple[str, tuple[Any, ...]] | None = None
    old_name: str = ""
    null_advice: str = ""
    names_folder: bool = False
    skip_default: bool = False


def option(default: Any, help: str, *, shapes: Shapes, group: str, **more: Any) -> Any:
    """Declare a recipe field.

    `shapes` has no default on purpose: a field that shapes pixels but is missing from the digest would let a build
    reuse shards with other pixels.

    Args:
        default: the field's default value.
        help, shapes, group, more: see `FieldOptions`.
    Raises:
        TypeError: no such group or option, or `shapes` is missing.
    """
    if group not in GROUPS:
        raise TypeError(f"group is {group!r}; allowed: {', '.join(GROUPS)}")
    return dataclasses.field(default=default, metadata={"options": FieldOptions(help, shapes, group, **more)})


def field_options(recipe_class: type) -> dict[str, FieldOptions]:
    """Options of every field of a recipe class, by name, in the order of declaration.

    Raises:
        TypeError: a field was declared without `option(...)`, so what it shapes is not known.
    """
    undeclared = [f.name for f in dataclasses.fields(recipe_class) if "options" not in f.metadata]
    if undeclared:
        raise TypeError(f"{recipe_class.__name__}: declare {', '.join(undeclared)} with option(..., shapes=...)")
    return {f.name: f.metadata["options"] for f in dataclasses.fields(recipe_class)}


@functools.cache
def old_names(recipe_class: type) -> dict[str, str]:
    """Current field names by old ones."""
    return {options.old_name: name for name, options in field_options(recipe_class).items() if options.old_name}


def with_current_names(recipe_class: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with old field names replaced by the current ones; a warning is logged for each.

    Raises:
        RecipeError: a field is given under both names.
    """
    current_of = old_names(recipe_class)
    renamed: dict[str, Any] = {}
    for key, value in values.items():
        name = current_of.get(key, key)
        if name != key:
            if name in values:
                raise RecipeError(f"{name} is given twice: {key} is its old name.\n  Keep only {name}.")
            _log_rename(key, name)
        renamed[name] = value
    return renamed


@functools.cache
def _log_rename(old_name: str, name: str) -> None:
    """Log it once in a process: a build reads its output's recipe, too."""
    logger.warning("recipe: %s is now called %s; the old name will stop working in the next version", old_name, name)


def accepts_old_names(recipe_class: Class) -> Class:
    """Class decorator: the constructor takes old field names, too. `Recipe(placement="ground")` works."""
    init: Callable[..., None] = vars(recipe_class)["__init__"]

    @functools.wraps(init)
    def init_with_old_names(self: Any, *args: Any, **values: Any) -> None:
        init(self, *args, **with_current_names(recipe_class, values))

    type.__setattr__(recipe_class, "__init__", init_with_old_names)
    return recipe_class
