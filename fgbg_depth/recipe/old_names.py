"""Fields of a recipe under the names of the version before."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fgbg_depth.errors import RecipeError
from fgbg_depth.recipe.fields import field_options

logger = logging.getLogger("fgbg_depth")
Class = TypeVar("Class", bound=type)


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
            logger.warning("recipe: %s is now called %s; the old name will stop working in the next version", key, name)
        renamed[name] = value
    return renamed


def accepts_old_names(recipe_class: Class) -> Class:
    """Class decorator: the constructor takes old field names, too. `Recipe(placement="ground")` works."""
    init: Callable[..., None] = vars(recipe_class)["__init__"]

    @functools.wraps(init)
    def init_with_old_names(self: Any, *args: Any, **values: Any) -> None:
        init(self, *args, **with_current_names(recipe_class, values))

    type.__setattr__(recipe_class, "__init__", init_with_old_names)
    return recipe_class
