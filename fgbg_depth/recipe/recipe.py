"""`Recipe`: every choice that shapes a dataset, in one frozen dataclass."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

import yaml

from fgbg_depth.errors import RecipeError
from fgbg_depth.recipe.addresses import parse_address
from fgbg_depth.recipe.card_fields import CardFields
from fgbg_depth.recipe.fields import (
    Shapes,
    accepts_old_names,
    field_options,
    old_names,
    option,
    with_current_names,
)
from fgbg_depth.recipe.values import check_program_name, checked, parse_size
from fgbg_depth.schema import GROUND, INSTANCES, LABELS, SCENE

NO_DEPTH = "none"  # the depth model of a dataset without depth
BOTH = "both"  # every kind of depth label

_depth = functools.partial(option, group="depth")
_output = functools.partial(option, group="output")


@accepts_old_names
@dataclass(frozen=True)
class Recipe(CardFields):
    """What to build. Two equal recipes with the same sources give the same bytes.

        Recipe(backgrounds=Path("bg"), foregrounds="fg", size=224, placements=np.int64(4))

    Args:
        The fields below and those of its bases, each with its help text. Numbers may be numpy's, and paths
        `os.PathLike`.
    Raises:
        RecipeError: a value has the wrong type, is outside its range, or contradicts another field.
    """

    depth_model: str = _depth(
        "densedepth-demo",
        "densedepth-demo, densedepth-nyu, densedepth-kitti, a folder, a Hub id, none for no depth, or a labeller: its "
        "name, or exec:PYTHON:MODULE:FUNCTION (without PYTHON: in a recipe); see docs/labellers.md",
        shapes=Shapes.LABELS,
        null_advice="for no depth, write none",
        names_folder=True,
    )
    depth_label: Literal["predicted", "placed", "both"] = _depth(
        BOTH,
        "predicted = the model's depth of each composite, column fg_bg_depth; placed = the model's depth of the bare "
        "background with the cut-out set in where it stands, column fg_bg_depth_placed; both = both columns",
        shapes=Shapes.LABELS,
    )
    depth_revision: str = _depth("", "commit, tag or branch of a depth model on the Hub", shapes=Shapes.LABELS)
    depth_kind: Literal["auto", "metric", "relative_depth", "relative_disparity"] = _depth(
        "auto", "what the model predicts; auto = from the table of known models", shapes=Shapes.LABELS
    )
    depth_range: tuple[float, float] | None = _depth(
        None,
        "lowest and highest value that can be stored, for relative kinds only; null = measure it on the backgrounds",
        shapes=Shapes.LABELS,
    )
    depth_bits: Literal[16, 8] = _depth(16, "bits of each stored depth value", shapes=Shapes.LABELS, unit="bit")
    depth_input: str = _depth(
        "auto",
        "input size of the model: auto, native (the size of fg_bg) or HEIGHTxWIDTH",
        shapes=Shapes.LABELS,
        unit="px",
    )
    depth_precision: Literal["auto", "fp32", "tf32", "fp16", "bf16"] = _depth(
        "auto", "number format of the model; auto = fp16 on a GPU, fp32 elsewhere", shapes=Shapes.LABELS
    )
    depth_flip: bool = _depth(
        False, "average each prediction with the prediction for the mirrored picture", shapes=Shapes.LABELS
    )
    depth_batch: int = _depth(
        0,
        "rows in each call of the model; 0 = chosen for the device",
        shapes=Shapes.NOTHING,
        low=0,
        high=4096,
        unit="rows",
    )

    shard_rows: int = _output(
        4000,
        "largest number of rows in a shard, approximately",
        shapes=Shapes.GROUPS,
        low=1,
        high=1_000_000,
        unit="rows",
    )
    license: str = _output("other", "licence of the dataset, as a Hub licence id", shapes=Shapes.NOTHING)

    def __post_init__(self) -> None:
        for name, options in OPTIONS.items():
            object.__setattr__(self, name, checked(name, getattr(self, name), HINTS[name], options))
        self._check_combinations()

    def _check_combinations(self) -> None:
        check_program_name(self.depth_model)
        if self.foreground_min > self.foreground_max:
            raise RecipeError(
                f"foreground_min is {self.foreground_min}, more than foreground_max, {self.foreground_max}.\n"
                "  Set foreground_min <= foreground_max (equal: every cut-out has that size)."
            )
        if (self.foreground_min <= 1) != (self.foreground_max <= 1):
            raise RecipeError(
                f"foreground_min {self.foreground_min} and foreground_max {self.foreground_max} have different units.\n"
                "  Give both as fractions of size (at most 1), or both in pixels (more than 1)."
            )
        if self.objects[0] > self.objects[1]:
            raise RecipeError(f"objects is {list(self.objects)}; the first number must not be more than the second.")
        if self.placement_mode == "scene" and not self.has_depth:
            raise RecipeError(
                "placement_mode is scene, but depth_model is none: the depth of a background shows where its ground "
                "is.\n  Choose a depth model, or placement_mode: ground."
            )
        for key in ("ground_band", "depth_range"):
            pair = getattr(self, key)
            if pair is not None and not pair[0] < pair[1]:
                raise RecipeError(f"{key} is {list(pair)}; the first number must be less than the second.")
        if self.depth_input not in ("auto", "native") and parse_size(self.depth_input) is None:
            raise RecipeError(
                f"depth_input is {self.depth_input!r}; allowed: auto, native, or HEIGHTxWIDTH such as 480x640."
            )
        _ = parse_address(self.backgrounds), parse_address(self.foregrounds)  # raise RecipeError
        for key in ("name", "backgrounds", "foregrounds", "depth_model"):
            if not getattr(self, key).strip():
                raise RecipeError(f"{key} is empty; leave the line out for the default, {defaults()[key]!r}.")

    @property
    def flips(self) -> tuple[bool, ...]:
        """Values of the column `flip`, in the order of a shard's rows."""
        return (False, True) if self.mirror else (False,)

    @property
    def rows_per_pair(self) -> int:
        """Number of rows of one cut-out on one background."""
        return len(self.flips) * self.placements

    @property
    def is_varied(self) -> bool:
        """Whether rows are scenes: drawn with more than a place. Plain rows are composed in a faster way."""
        plain = ("scale_per", "rotation_max", "blend", "match_light", "objects")
        return self.placement_mode == "scene" or any(getattr(self, name) != defaults()[name] for name in plain)

    @functools.cached_property
    def extras(self) -> tuple[str, ...]:
        """What rows and sources have besides the columns of every dataset, of `schema.EXTRAS`."""
        has = {
            SCENE: self.is_varied,
            INSTANCES: self.objects[1] > 1,
            GROUND: self.placement_mode == "scene",
        }
        return tuple(name for name, is_there in has.items() if is_there)

    @property
    def has_depth(self) -> bool:
        """Whether the dataset has depth labels."""
        return self.depth_model != NO_DEPTH

    @property
    def labels(self) -> tuple[str, ...]:
        """The kinds of depth labels, of `schema.LABELS`; empty without depth."""
        if not self.has_depth:
            return ()
        return tuple(LABELS) if self.depth_label == BOTH else (self.depth_label,)

    def foreground_range_px(self) -> tuple[float, float]:
        """(smallest, largest) size of cut-outs, in pixels of the composite."""
        scale = self.size if self.foreground_max <= 1 else 1
        return self.foreground_min * scale, self.foreground_max * scale

    def pixel_choices(self) -> dict[str, Any]:
        """Values of the fields that shape fg_bg and fg_bg_mask, without the sources; JSON types."""
        values, all_defaults = self.to_dict(), defaults()
        return {
            name: values[name]
            for name, options in OPTIONS.items()
            if options.shapes is Shapes.PIXELS
            and (options.only_if is None or values[options.only_if[0]] in options.only_if[1])
            and not (options.skip_default and getattr(self, name) == all_defaults[name])
        }

    def replace(self, **changes: Any) -> Recipe:
        """A copy with some fields changed.

        Raises:
            RecipeError: a name is unknown, or a value is not allowed.
        """
        return from_dict(self.to_dict() | current_names(changes))

    def to_dict(self) -> dict[str, Any]:
        """Values as YAML and JSON types, in the order of the fields."""
        values = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    def to_yaml(self) -> str:
        """The recipe as YAML, each field with its help text as a comment."""
        lines = [
            "# Recipe of an fgbg-depth dataset. To build the dataset again: fgbg-depth build --recipe FILE",
            "# Relative paths are relative to the folder of this file.",
        ]
        for name, value in self.to_dict().items():
            text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9).strip()
            lines.append(f"{name}: {text.removesuffix('...').strip()}  # {OPTIONS[name].help}")
        return "\n".join(lines) + "\n"


OPTIONS = field_options(Recipe)
HINTS = get_type_hints(Recipe)


def current_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with old field names replaced by the current ones; a warning is logged for each.

    Raises:
        RecipeError: a field is given under both names.
    """
    return with_current_names(Recipe, values)


def from_dict(values: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """A recipe from plain values; missing fields get their defaults.

    Args:
        values: by field name.
        where: what the values come from, for messages.
    Raises:
        RecipeError: a key is unknown, or a value is not allowed; the message starts with `where`.
    """
    try:
        values = current_names({str(key): value for key, value in values.items()})
        for key in values:
            if key not in OPTIONS:
                similar = difflib.get_close_matches(key, OPTIONS, n=1)
                hint = f"did you mean {similar[0]}?\n  " if similar else ""
                raise RecipeError(f"unknown key {key!r}; {hint}Known keys: {', '.join(OPTIONS)}.")
        return Recipe(**values)
    except RecipeError as e:
        raise RecipeError(f"{where}: {e}") from None


def from_stored(values: Mapping[str, Any]) -> Recipe:
    """The recipe in an output's `statistics.json`.

    Old names are read without a warning, and fields that a later version added are ignored.

    Raises:
        RecipeError: a value is not allowed.
    """
    current_of = old_names(Recipe)
    current = {current_of.get(key, key): value for key, value in values.items()}
    return Recipe(**{key: value for key, value in current.items() if key in OPTIONS})


def defaults() -> dict[str, Any]:
    """Default values by field name."""
    return {f.name: f.default for f in dataclasses.fields(Recipe)}
