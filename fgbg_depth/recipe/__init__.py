"""Every choice that shapes a dataset: `Recipe`, read from and written to YAML.

A field of the recipe says itself what it shapes, its group and its help; digests, command-line options and documents
follow from that. To add a field, add it to `Recipe` in `recipe.py` and use it.
"""

from fgbg_depth.recipe.fields import FieldOptions, Shapes, parse_size
from fgbg_depth.recipe.recipe import (
    DEMO,
    HINTS,
    NO_DEPTH,
    OPTIONS,
    Recipe,
    current_names,
    defaults,
    demo_recipe,
    from_dict,
    known_fields,
    load_recipe,
    parse_recipe,
)

__all__ = [
    "DEMO",
    "HINTS",
    "NO_DEPTH",
    "OPTIONS",
    "FieldOptions",
    "Recipe",
    "Shapes",
    "current_names",
    "defaults",
    "demo_recipe",
    "from_dict",
    "known_fields",
    "load_recipe",
    "parse_recipe",
    "parse_size",
]
