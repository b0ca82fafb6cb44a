"""Every choice that shapes the data, in one frozen dataclass, read from and written to YAML."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from fgbg_depth.errors import RecipeError

DEMO = "demo"  # the bundled sources
NO_DEPTH = "none"


def choice(default: Any, help: str, *, low: float | None = None, high: float | None = None, unit: str = "") -> Any:
    """A recipe field: its default, what it means, its unit and its allowed range (both ends included)."""
    metadata = {"help": help, "low": low, "high": high, "unit": unit}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Recipe:
    """What to make. Two equal recipes over the same sources give the same bytes.

    Raises:
        RecipeError: a value has the wrong type or lies outside its range.
    """

    name: str = choice("fgbg", "name of the dataset; title of its card")
    backgrounds: str = choice(DEMO, "folder of pictures, or hf://datasets/USER/NAME[@REV][#COLUMN]; demo = bundled")
    foregrounds: str = choice(DEMO, "folder of cut-outs with alpha, or hf://datasets/USER/NAME; demo = bundled")
    size: int = choice(224, "side of the square composite", low=16, high=4096, unit="px")

    foreground_measure: Literal["height", "longest", "canvas"] = choice(
        "longest",
        "what foreground_min..max measures: the visible part's height or longest side, or the whole file's",
    )
    foreground_min: float = choice(
        0.35, "smallest cut-out: fraction of size up to 1, above that pixels", low=0.01, high=4096
    )
    foreground_max: float = choice(
        0.55, "largest cut-out; drawn between min and max, once a cut-out", low=0.01, high=4096
    )

    mirror: bool = choice(True, "also place each cut-out mirrored")
    placements: int = choice(20, "places for each background, cut-out and mirroring", low=1, high=100_000, unit="rows")
    placement: Literal["uniform", "ground"] = choice(
        "uniform", "anywhere it fits, or with its foot in ground_band (an object standing on the ground)"
    )
    ground_band: tuple[float, float] = choice(
        (0.72, 0.97), "where the foot stands, as fractions of the frame's height from the top", low=0, high=1
    )
    visible_min: float = choice(
        1.0,
        "least visible fraction of the cut-out's width and height; below 1 it may hang over the edge",
        low=0.1,
        high=1,
    )
    seed: int = choice(0, "seed of all randomness", low=0, high=2**63 - 1)
    holdout: float = choice(0.1, "fraction of the backgrounds and of the cut-outs kept out of train", low=0, high=0.5)

    image_format: Literal["jpeg", "png"] = choice("jpeg", "how fg_bg is stored")
    jpeg_quality: int = choice(90, "JPEG quality of fg_bg", low=1, high=100)
    jpeg_subsampling: Literal["4:2:0", "4:4:4"] = choice("4:2:0", "JPEG chroma subsampling of fg_bg")

    depth_model: str = choice(
        "densedepth-demo", "densedepth-demo|-nyu|-kitti, a folder, a Hub id, or none for no depth column"
    )
    depth_revision: str = choice("", "commit, tag or branch of a depth model on the Hub")
    depth_kind: Literal["auto", "metric", "relative_depth", "relative_disparity"] = choice(
        "auto", "what the model predicts; auto = look it up in the table of known models"
    )
    depth_range: tuple[float, float] | None = choice(
        None, "values that the stored range spans, relative kinds only; null = find it on the backgrounds"
    )
    depth_bits: Literal[16, 8] = choice(16, "bits of a stored depth value", unit="bit")
    depth_input: str = choice(
        "auto", "input size of the model: auto, native (size of the row) or HEIGHTxWIDTH", unit="px"
    )
    depth_precision: Literal["auto", "fp32", "tf32", "fp16", "bf16"] = choice("auto", "arithmetic of the model")
    depth_flip: bool = choice(False, "average with the prediction of the mirrored picture")
    depth_batch: int = choice(0, "rows a model call; 0 = by device", low=0, high=4096, unit="rows")

    shard_rows: int = choice(4000, "rows a shard at most, about", low=1, high=1_000_000, unit="rows")
    skip_bad: bool = choice(False, "leave bad source files out (the card lists them) instead of stopping")
    license: str = choice("other", "licence of the dataset, as a Hub licence id")
    background_license: str = choice("", "where the backgrounds come from and their licence, for the card")
    foreground_license: str = choice("", "where the cut-outs come from and their licence, for the card")

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for f in dataclasses.fields(self):
            value = _checked(f.name, getattr(self, f.name), hints[f.name], f.metadata)
            object.__setattr__(self, f.name, value)
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
    def has_depth(self) -> bool:
        return self.depth_model != NO_DEPTH

    def foreground_range_px(self) -> tuple[float, float]:
        """Smallest and largest cut-out, in pixels of the composite."""
        scale = self.size if self.foreground_max <= 1 else 1
        return self.foreground_min * scale, self.foreground_max * scale

    def replace(self, **changes: Any) -> Recipe:
        """A copy with some fields changed; unknown names are errors."""
        return from_dict(self.to_dict() | changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML and JSON types, in the fields' order."""
        values = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    def to_yaml(self) -> str:
        """The recipe as YAML, each field with its meaning as a comment."""
        lines = ["# Recipe of an fgbg-depth dataset: python builder.py build --recipe THIS_FILE"]
        for f in dataclasses.fields(self):
            value = self.to_dict()[f.name]
            text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9).strip()
            lines.append(f"{f.name}: {text.removesuffix('...').strip()}  # {f.metadata['help']}")
        return "\n".join(lines) + "\n"


def from_dict(values: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """A recipe from plain values; fields not named keep their defaults.

    Raises:
        RecipeError: a key is unknown, or a value is wrong; the message names `where`.
    """
    known = [f.name for f in dataclasses.fields(Recipe)]
    for key in values:
        if key not in known:
            raise RecipeError(f"{where}: unknown key {key!r}.\n  Known keys: {', '.join(known)}.")
    try:
        return Recipe(**values)
    except RecipeError as e:
        raise RecipeError(f"{where}: {e}") from None


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
        raise RecipeError(f"{where}: a recipe is a list of `key: value` lines, not a {type(values).__name__}.")
    return from_dict(values, where)


def defaults() -> dict[str, Any]:
    return {f.name: f.default for f in dataclasses.fields(Recipe)}


def parse_size(text: str) -> tuple[int, int] | None:
    """`"480x640"` as (height, width); None when `text` is not a size."""
    parts = text.lower().split("x")
    if len(parts) == 2 and all(p.isascii() and p.isdigit() and 0 < int(p) <= 8192 for p in parts):
        return int(parts[0]), int(parts[1])
    return None


def _checked(key: str, value: Any, hint: Any, limits: Mapping[str, Any]) -> Any:
    """`value` as the field's type, or an error that names the key, the value and what is allowed."""
    if get_origin(hint) is Literal:
        options = get_args(hint)
        if type(value) is bool or value not in options:
            raise RecipeError(f"{key} is {_show(value)}; allowed: {', '.join(map(str, options))}.")
        return options[options.index(value)]
    if hint is bool:
        if type(value) is not bool:
            raise RecipeError(f"{key} is {_show(value)}; allowed: true, false.")
        return value
    if hint is str:
        if type(value) is not str:
            raise RecipeError(f"{key} is {_show(value)}; a text is wanted (put it in quotes).")
        if any(ord(c) < 32 for c in value) or not value.isprintable():
            raise RecipeError(f"{key} is {_show(value)}; line breaks and control characters are not allowed.")
        return value
    if hint in (int, float):
        return _number(key, value, hint, limits)
    if value is None and type(None) in get_args(hint):
        return None
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise RecipeError(f"{key} is {_show(value)}; two numbers are wanted, such as [0.1, 0.9].")
    return tuple(_number(key, v, float, limits) for v in value)


def _number(key: str, value: Any, kind: type, limits: Mapping[str, Any]) -> Any:
    low, high, unit = limits["low"], limits["high"], limits["unit"]
    allowed = "a whole number" if kind is int else "a number"
    if low is not None:
        allowed += f" from {low} to {high}{' ' + unit if unit else ''}"
    is_number = type(value) is int or (kind is float and type(value) is float and math.isfinite(value))
    if not is_number or (low is not None and not low <= value <= high):
        raise RecipeError(f"{key} is {_show(value)}; allowed: {allowed}.")
    return kind(value)


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def demo_recipe() -> Recipe:
    """The bundled demonstration: 16 x 16 sources, cut-outs standing on the ground."""
    return Recipe(
        name="fgbg-demo",
        foreground_min=0.25,
        foreground_max=0.45,
        placements=2,
        placement="ground",
        ground_band=(0.78, 0.98),
        holdout=0.125,
        license="apache-2.0",
        background_license="rendered by this project (demo/), Apache-2.0",
        foreground_license="rendered by this project (demo/), Apache-2.0",
    )
