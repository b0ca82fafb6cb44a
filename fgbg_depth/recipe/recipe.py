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
from fgbg_depth.recipe.fields import (
    Shapes,
    accepts_old_names,
    field_options,
    old_names,
    option,
    with_current_names,
)
from fgbg_depth.recipe.values import check_program_name, checked, parse_size
from fgbg_depth.schema import LABELS

DEMO = "demo"  # the bundled sources
NO_DEPTH = "none"  # the depth model of a dataset without depth
BOTH = "both"  # every kind of depth label

_sources = functools.partial(option, group="sources")
_composites = functools.partial(option, group="composites")
_depth = functools.partial(option, group="depth")
_output = functools.partial(option, group="output")


@accepts_old_names
@dataclass(frozen=True)
class Recipe:
    """What to build. Two equal recipes with the same sources give the same bytes.

        Recipe(backgrounds=Path("bg"), foregrounds="fg", size=224, placements=np.int64(4))

    Args:
        The fields below, each with its help text. Numbers may be numpy's, and paths `os.PathLike`.
    Raises:
        RecipeError: a value has the wrong type, is outside its range, or contradicts another field.
    """

    name: str = _output("fgbg", "name of the dataset; title of its card", shapes=Shapes.NOTHING)
    backgrounds: str = _sources(
        DEMO,
        "folder of pictures, or hf://datasets/USER/NAME[@REV][#COLUMN]; demo = bundled",
        shapes=Shapes.SOURCES,
        names_folder=True,
    )
    foregrounds: str = _sources(
        DEMO,
        "folder of cut-outs with alpha, hf://datasets/USER/NAME, or photographs with instance masks: coco:FILE.json, "
        "pascal:FOLDER or openimages:FOLDER, each with options such as ?min_side=64&classes=dog,cat; demo = bundled",
        shapes=Shapes.SOURCES,
        names_folder=True,
    )
    trim_frames: bool = _sources(
        False, "cut frames and letterboxes of one colour away from backgrounds", shapes=Shapes.SOURCES
    )
    defringe: Literal["off", "auto", "on"] = _sources(
        "off",
        "estimate the colours of a cut-out's soft edge, so that nothing of its old background shows as a halo: auto = "
        "only where a halo of one colour is found, on = for every cut-out, as coco:, pascal: and openimages: need",
        shapes=Shapes.SOURCES,
    )
    size: int = _composites(224, "side of the square composite", shapes=Shapes.PIXELS, low=16, high=4096, unit="px")

    foreground_measure: Literal["height", "longest", "canvas"] = _composites(
        "longest",
        "what foreground_min and foreground_max measure: height = the height of the cut-out's visible part, longest = "
        "its longest side, canvas = the longest side of the whole file",
        shapes=Shapes.SOURCES,
    )
    foreground_min: float = _composites(
        0.35,
        "smallest cut-out: a fraction of size up to 1, pixels above 1",
        shapes=Shapes.SOURCES,
        low=0.01,
        high=4096,
    )
    foreground_max: float = _composites(
        0.55,
        "largest cut-out; each cut-out's size is drawn once, between min and max",
        shapes=Shapes.SOURCES,
        low=0.01,
        high=4096,
    )

    mirror: bool = _composites(True, "also place each cut-out mirrored", shapes=Shapes.PIXELS)
    placements: int = _composites(
        20,
        "random places for each background, cut-out and mirroring",
        shapes=Shapes.PIXELS,
        low=1,
        high=100_000,
        unit="rows",
    )
    placement_mode: Literal["uniform", "ground"] = _composites(
        "uniform",
        "uniform = anywhere in the frame; ground = with the lower edge in ground_band, like an object on the ground",
        shapes=Shapes.PIXELS,
        old_name="placement",
    )
    ground_band: tuple[float, float] = _composites(
        (0.72, 0.97),
        "where the lower edge of a cut-out may be, as fractions of the frame's height from the top; a cut-out that is "
        "too tall for it stands as high as visible_min allows",
        shapes=Shapes.PIXELS,
        only_if=("placement_mode", "ground"),
        low=0,
        high=1,
    )
    visible_min: float = _composites(
        1.0,
        "least visible fraction of the cut-out's width and height; below 1, cut-outs may reach beyond the frame",
        shapes=Shapes.PIXELS,
        low=0.1,
        high=1,
    )
    seed: int = _composites(0, "seed of all randomness", shapes=Shapes.PIXELS, low=0, high=2**63 - 1)
    holdout: float = _composites(
        0.1,
        "fraction of the backgrounds and of the cut-outs that are kept out of train; of two or more at least one is",
        shapes=Shapes.GROUPS,
        low=0,
        high=0.5,
    )

    image_format: Literal["jpeg", "png"] = _composites("jpeg", "file format of fg_bg", shapes=Shapes.PIXELS)
    jpeg_quality: int = _composites(
        90,
        "JPEG quality of fg_bg",
        shapes=Shapes.PIXELS,
        only_if=("image_format", "jpeg"),
        low=1,
        high=100,
    )
    jpeg_subsampling: Literal["4:2:0", "4:4:4"] = _composites(
        "4:2:0", "JPEG chroma subsampling of fg_bg", shapes=Shapes.PIXELS, only_if=("image_format", "jpeg")
    )

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
    skip_bad: bool = _sources(
        False, "leave out bad source files (the card lists them) instead of failing", shapes=Shapes.SOURCES
    )
    license: str = _output("other", "licence of the dataset, as a Hub licence id", shapes=Shapes.NOTHING)
    background_license: str = _sources("", "origin and licence of the backgrounds, for the card", shapes=Shapes.NOTHING)
    foreground_license: str = _sources("", "origin and licence of the cut-outs, for the card", shapes=Shapes.NOTHING)

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
        values = self.to_dict()
        return {
            name: values[name]
            for name, options in OPTIONS.items()
            if options.shapes is Shapes.PIXELS
            and (options.only_if is None or values[options.only_if[0]] == options.only_if[1])
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
