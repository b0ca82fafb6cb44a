"""Every choice that shapes a dataset, in one frozen dataclass."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_type_hints

import yaml

from fgbg_depth.errors import RecipeError
from fgbg_depth.recipe.fields import Shapes, checked, field_options, option, parse_size

DEMO = "demo"  # the bundled sources
NO_DEPTH = "none"
logger = logging.getLogger("fgbg_depth")

_sources = functools.partial(option, group="sources")
_composites = functools.partial(option, group="composites")
_depth = functools.partial(option, group="depth")
_output = functools.partial(option, group="output")


@dataclass(frozen=True)
class Recipe:
    """What to build. Two equal recipes over the same sources give the same bytes.

    Raises:
        RecipeError: a value has the wrong type or lies outside its range.
    """

    name: str = _output("fgbg", "name of the dataset; title of its card", shapes=Shapes.NOTHING)
    backgrounds: str = _sources(
        DEMO,
        "folder of pictures, or hf://datasets/USER/NAME[@REV][#COLUMN]; demo = bundled",
        shapes=Shapes.SOURCES,
    )
    foregrounds: str = _sources(
        DEMO,
        "folder of cut-outs with alpha, or hf://datasets/USER/NAME; demo = bundled",
        shapes=Shapes.SOURCES,
    )
    size: int = _composites(224, "side of the square composite", shapes=Shapes.PIXELS, low=16, high=4096, unit="px")

    foreground_measure: Literal["height", "longest", "canvas"] = _composites(
        "longest",
        "what foreground_min and foreground_max measure: the height or the longest side of the cut-out's visible "
        "part, or the longest side of its file",
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
        "uniform: anywhere in the frame; ground: with the foot in ground_band, as an object that stands on the ground",
        shapes=Shapes.PIXELS,
        digest_key="placement",  # digests, and so shards, of version 1 stay valid
        old_name="placement",
    )
    ground_band: tuple[float, float] = _composites(
        (0.72, 0.97),
        "where the foot stands, as fractions of the frame's height from the top",
        shapes=Shapes.PIXELS,
        only_if=("placement_mode", "ground"),
        low=0,
        high=1,
    )
    visible_min: float = _composites(
        1.0,
        "least visible fraction of the cut-out's width and height; below 1 it may reach over the frame's edge",
        shapes=Shapes.PIXELS,
        low=0.1,
        high=1,
    )
    seed: int = _composites(0, "seed of all randomness", shapes=Shapes.PIXELS, low=0, high=2**63 - 1)
    holdout: float = _composites(
        0.1,
        "fraction of the backgrounds and of the cut-outs that is kept out of train",
        shapes=Shapes.GROUPS,
        low=0,
        high=0.5,
    )

    image_format: Literal["jpeg", "png"] = _composites("jpeg", "how fg_bg is stored", shapes=Shapes.PIXELS)
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
        "densedepth-demo, densedepth-nyu, densedepth-kitti, a folder, a Hub id, or none for no depth column",
        shapes=Shapes.LABELS,
    )
    depth_revision: str = _depth("", "commit, tag or branch of a depth model on the Hub", shapes=Shapes.LABELS)
    depth_kind: Literal["auto", "metric", "relative_depth", "relative_disparity"] = _depth(
        "auto", "what the model predicts; auto = look it up in the table of known models", shapes=Shapes.LABELS
    )
    depth_range: tuple[float, float] | None = _depth(
        None,
        "values that the stored range spans, relative kinds only; null = find it on the backgrounds",
        shapes=Shapes.LABELS,
    )
    depth_bits: Literal[16, 8] = _depth(16, "bits of a stored depth value", shapes=Shapes.LABELS, unit="bit")
    depth_input: str = _depth(
        "auto",
        "input size of the model: auto, native (the size of the row) or HEIGHTxWIDTH",
        shapes=Shapes.LABELS,
        unit="px",
    )
    depth_precision: Literal["auto", "fp32", "tf32", "fp16", "bf16"] = _depth(
        "auto", "number format in which the model runs; auto = fp16 on a GPU, fp32 elsewhere", shapes=Shapes.LABELS
    )
    depth_flip: bool = _depth(False, "average each prediction with that of the mirrored picture", shapes=Shapes.LABELS)
    depth_batch: int = _depth(
        0,
        "rows for each call of the model; 0 = chosen by device",
        shapes=Shapes.NOTHING,
        low=0,
        high=4096,
        unit="rows",
    )

    shard_rows: int = _output(
        4000, "rows of a shard at most, approximately", shapes=Shapes.GROUPS, low=1, high=1_000_000, unit="rows"
    )
    skip_bad: bool = _sources(
        False, "leave out bad source files (the card lists them) instead of stopping", shapes=Shapes.SOURCES
    )
    license: str = _output("other", "licence of the dataset, as a Hub licence id", shapes=Shapes.NOTHING)
    background_license: str = _sources(
        "", "where the backgrounds come from and their licence, for the card", shapes=Shapes.NOTHING
    )
    foreground_license: str = _sources(
        "", "where the cut-outs come from and their licence, for the card", shapes=Shapes.NOTHING
    )

    def __post_init__(self) -> None:
        for name, options in OPTIONS.items():
            object.__setattr__(self, name, checked(name, getattr(self, name), HINTS[name], options))
        self._check_pairs()

    def _check_pairs(self) -> None:
        if self.foreground_min > self.foreground_max:
            raise RecipeError(
                f"foreground_min is {self.foreground_min}, above foreground_max {self.foreground_max}.\n"
                "  Set foreground_min <= foreground_max (equal: every cut-out has that size)."
            )
        if (self.foreground_min <= 1) != (self.foreground_max <= 1):
            raise RecipeError(
                f"foreground_min {self.foreground_min} and foreground_max {self.foreground_max} mix units.\n"
                "  Give both as fractions of size (at most 1) or both in pixels (above 1)."
            )
        for key in ("ground_band", "depth_range"):
            pair = getattr(self, key)
            if pair is not None and not pair[0] < pair[1]:
                raise RecipeError(f"{key} is {list(pair)}; the first number must be below the second.")
        if self.depth_input not in ("auto", "native") and parse_size(self.depth_input) is None:
            raise RecipeError(
                f"depth_input is {self.depth_input!r}; allowed: auto, native, or HEIGHTxWIDTH such as 480x640."
            )
        for key in ("name", "backgrounds", "foregrounds", "depth_model"):
            if not getattr(self, key).strip():
                raise RecipeError(f"{key} is empty; default: {defaults()[key]!r}.")

    @property
    def flips(self) -> tuple[bool, ...]:
        return (False, True) if self.mirror else (False,)

    @property
    def rows_per_pair(self) -> int:
        """Rows of one cut-out on one background."""
        return len(self.flips) * self.placements

    @property
    def has_depth(self) -> bool:
        return self.depth_model != NO_DEPTH

    def foreground_range_px(self) -> tuple[float, float]:
        """Smallest and largest cut-out, in pixels of the composite."""
        scale = self.size if self.foreground_max <= 1 else 1
        return self.foreground_min * scale, self.foreground_max * scale

    def pixel_choices(self) -> dict[str, Any]:
        """The values that shape fg_bg and fg_bg_mask, apart from the sources; JSON types, by digest key."""
        values = self.to_dict()
        return {
            options.digest_key or name: values[name]
            for name, options in OPTIONS.items()
            if options.shapes is Shapes.PIXELS
            and (options.only_if is None or values[options.only_if[0]] == options.only_if[1])
        }

    def replace(self, **changes: Any) -> Recipe:
        """A copy with some fields changed; unknown names are errors."""
        return from_dict(self.to_dict() | changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML and JSON types, in the fields' order."""
        values = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    def to_yaml(self) -> str:
        """The recipe as YAML, each field with its meaning as a comment."""
        lines = ["# Recipe of an fgbg-depth dataset. To build it again: fgbg-depth build --recipe THIS_FILE"]
        for name, value in self.to_dict().items():
            text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9).strip()
            lines.append(f"{name}: {text.removesuffix('...').strip()}  # {OPTIONS[name].help}")
        return "\n".join(lines) + "\n"


OPTIONS = field_options(Recipe)
HINTS = get_type_hints(Recipe)
OLD_NAMES = {options.old_name: name for name, options in OPTIONS.items() if options.old_name}


def current_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with old field names replaced by the current ones; each replacement is logged.

    Raises:
        RecipeError: a field is given under both names.
    """
    renamed: dict[str, Any] = {}
    for key, value in values.items():
        name = OLD_NAMES.get(key, key)
        if name in renamed or (name != key and name in values):
            raise RecipeError(f"{name} is given twice: {key} is its old name.\n  Keep only {name}.")
        if name != key:
            logger.warning("recipe: %s is now called %s; the old name will stop working in the next version", key, name)
        renamed[name] = value
    return renamed


_init = Recipe.__init__


def _init_with_old_names(self: Recipe, *args: Any, **values: Any) -> None:
    _init(self, *args, **current_names(values))


Recipe.__init__ = _init_with_old_names  # type: ignore[method-assign]  # Recipe(placement=...) works for one version


def from_dict(values: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """A recipe from plain values; fields not named keep their defaults.

    Raises:
        RecipeError: a key is unknown, or a value is wrong; the message names `where`.
    """
    try:
        values = current_names({str(key): value for key, value in values.items()})
        for key in values:
            if key not in OPTIONS:
                raise RecipeError(f"unknown key {key!r}.\n  Known keys: {', '.join(OPTIONS)}.")
        return Recipe(**values)
    except RecipeError as e:
        raise RecipeError(f"{where}: {e}") from None


def known_fields(values: Mapping[str, Any]) -> Recipe:
    """A recipe out of an output's statistics: old names are read silently, and fields of later versions are ignored.

    Raises:
        RecipeError: a value is wrong.
    """
    current = {OLD_NAMES.get(key, key): value for key, value in values.items()}
    return Recipe(**{key: value for key, value in current.items() if key in OPTIONS})


def load_recipe(path: str | Path) -> Recipe:
    """Read a YAML recipe.

    Raises:
        RecipeError: no such file, not YAML, not a mapping, or a bad key or value.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise RecipeError(f"{path}: cannot read this recipe ({e}).\n  See recipes/ for examples.") from e
    return parse_recipe(text, str(path))


def parse_recipe(text: str, where: str = "recipe") -> Recipe:
    """Parse the text of a YAML recipe; see `load_recipe`."""
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as e:  # ValueError: impossible dates and numbers
        raise RecipeError(f"{where}: not valid YAML.\n  {e}") from e
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise RecipeError(f"{where}: a recipe is `key: value` lines; this file holds a {type(values).__name__}.")
    return from_dict(values, where)


def defaults() -> dict[str, Any]:
    """Default values by field name."""
    return {f.name: f.default for f in dataclasses.fields(Recipe)}


def demo_recipe() -> Recipe:
    """The bundled demonstration: 16 x 16 sources, cut-outs standing on the ground."""
    return Recipe(
        name="fgbg-demo",
        foreground_min=0.25,
        foreground_max=0.45,
        placements=2,
        placement_mode="ground",
        ground_band=(0.78, 0.98),
        holdout=0.125,
        license="apache-2.0",
        background_license="rendered by this project (demo/), Apache-2.0",
        foreground_license="rendered by this project (demo/), Apache-2.0",
    )
