"""`Recipe`: every choice that shapes a dataset, read from and written to YAML.

Each field of the recipe declares what it shapes, its group and its help text; digests, command-line options and
documents are made from these declarations. To add a field, declare it in `source_fields`, `composite_fields`
or `recipe`, and use it.
"""

from fgbg_depth.recipe.demo import demo_recipe
from fgbg_depth.recipe.fields import FieldOptions, Shapes
from fgbg_depth.recipe.folders import LOCAL_PATHS, local_paths, published, with_absolute_folders, with_local_folders
from fgbg_depth.recipe.parse import load_recipe, parse_recipe
from fgbg_depth.recipe.recipe import (
    HINTS,
    NO_DEPTH,
    OPTIONS,
    Recipe,
    current_names,
    defaults,
    from_dict,
    from_stored,
)
from fgbg_depth.recipe.source_fields import DEMO
from fgbg_depth.recipe.values import parse_size

__all__ = [
    "DEMO",
    "HINTS",
    "LOCAL_PATHS",
    "NO_DEPTH",
    "OPTIONS",
    "FieldOptions",
    "Recipe",
    "Shapes",
    "current_names",
    "defaults",
    "demo_recipe",
    "from_dict",
    "from_stored",
    "load_recipe",
    "local_paths",
    "parse_recipe",
    "parse_size",
    "published",
    "with_absolute_folders",
    "with_local_folders",
]
