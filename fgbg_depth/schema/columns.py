"""All columns of all configs: names, types, meanings, and which datasets have them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fgbg_depth.schema.names import (
    BG_CLASS,
    CHECKS,
    FG_CLASS,
    GROUND,
    INSTANCES,
    LABELS,
    PLACED,
    PREDICTED,
    SCENE,
)

if TYPE_CHECKING:
    from datasets import Features, Image, List, Value


@dataclass(frozen=True)
class Column:
    """A stored column.

    Args:
        name: in parquet files and loaded rows.
        type: "image" (encoded bytes), "objects" (a list of `OBJECT_FIELDS`), or the name of a `datasets.Value` type.
        meaning: a phrase for the card, the documents and the app, with unit and range.
        filled_by: the module of this package that computes the values.
        needs: the label without which a dataset does not have the column; "any" of `LABELS`, or "" for every dataset.
        histogram: low and high end of the column's histogram in `statistics.json`; None: it has none.
        extra: of `EXTRAS`, without which a dataset does not have the column; "" for every dataset.
        counted: whether `statistics.json` has the number of rows with each of its texts.
    """

    name: str
    type: Literal["image", "string", "bool", "int32", "float32", "objects"]
    meaning: str
    filled_by: str
    needs: str = ""
    histogram: tuple[float, float] | None = None
    extra: str = ""
    counted: bool = False


OBJECT_FIELDS = {  # of each element of the column `objects`: type and meaning
    "fg": ("string", "name of the cut-out"),
    "flip": ("bool", "whether it is mirrored"),
    "x": ("int32", "left edge of its box in pixels; may be negative"),
    "y": ("int32", "upper edge of its box in pixels, y down; may be negative"),
    "width": ("int32", "width of its box in pixels"),
    "height": ("int32", "height of its box in pixels"),
    "angle": ("int32", "degrees by which it is turned counter-clockwise, after mirroring"),
    "visible": ("float32", "visible share of its foreground, 0 to 1"),
}

_COMPOSED, _SCENE, _PREPARED = "render", "scene", "sources.prepared"
_CLASSES, _CLASS = "sources.classes", "its folder, or what its annotation says; empty = none"
_FG_BG = Column("fg_bg", "image", "the cut-out placed on the background, RGB", _COMPOSED)
_FG_BG_MASK = Column(
    "fg_bg_mask", "image", "the cut-out's alpha in the same place, 0 to 255; foreground where >= 128", _COMPOSED
)
_RECALL = "share of the cut-out's outline, 0 to 1, along which the background is clearly farther than the cut-out"
_NEARER = "median log ratio of the distances 5 px outside and 5 px inside the outline; above 0 = the cut-out is nearer"
_NAMES = (
    Column("bg", "string", "name of the background, the key of the config `bg`", _SCENE),
    Column("fg", "string", "name of the cut-out, the key of the config `fg`", _SCENE),
    Column("flip", "bool", "whether the cut-out is mirrored", _SCENE),
    Column("placement", "int32", "number of the random place, from 0, of this background, cut-out and flip", _SCENE),
)
_INSTANCES = Column(
    "fg_bg_instances",
    "image",
    "which object is in front at each pixel, 8-bit: 0 = background, i = the i-th of `objects`",
    _COMPOSED,
    extra=INSTANCES,
)
_BLEND = Column(
    "blend", "string", "how the outlines of the row's cut-outs were blended", _SCENE, extra=SCENE, counted=True
)
_OBJECTS = Column(
    "objects",
    "objects",
    "all cut-outs of the row, farthest first; each with " + ", ".join(OBJECT_FIELDS),
    _SCENE,
    extra=SCENE,
)

# To add a column, declare it here and compute its values in the module that `filled_by` names; columns of a row's
# layers that hold no image are computed by `scene.layers.row_facts`.
# Parquet files, the card's tables, the reader, the app and `verify` are made from these declarations.
COLUMNS: dict[str, tuple[Column, ...]] = {
    "default": (
        _FG_BG,
        _FG_BG_MASK,
        _INSTANCES,
        Column("fg_bg_depth", "image", "depth predicted from fg_bg; 0 = invalid", "depth.label_batch", PREDICTED),
        Column(
            "fg_bg_depth_placed",
            "image",
            "depth predicted from the bare background, with the cut-out set in where it stands; 0 = invalid",
            "depth.placed_labels",
            PLACED,
        ),
        *_NAMES,
        Column("x", "int32", "left edge of the placed cut-out's box, in pixels of fg_bg; may be negative", _SCENE),
        Column(
            "y",
            "int32",
            "upper edge of the placed cut-out's box, in pixels of fg_bg, y down; may be negative",
            _SCENE,
        ),
        Column("width", "int32", "width of the placed cut-out's box, in pixels", _SCENE),
        Column("height", "int32", "height of the placed cut-out's box, in pixels", _SCENE),
        Column(
            "angle",
            "int32",
            "degrees by which the cut-out is turned counter-clockwise, after mirroring",
            _SCENE,
            histogram=(-300, 300),  # steps of 3 degrees: no whole degree is halfway between two of them
            extra=SCENE,
        ),
        Column(
            "visible",
            "float32",
            "visible share of the cut-out's foreground, 0 to 1",
            _SCENE,
            histogram=(0, 1),
            extra=SCENE,
        ),
        Column(
            "coverage",
            "float32",
            "share of the frame that fg_bg_mask covers, sum of alpha, 0 to 1",
            _COMPOSED,
            histogram=(0, 1),
            extra=SCENE,
        ),
        Column("num_objects", "int32", "number of cut-outs in the row", _SCENE, histogram=(0, 200), extra=SCENE),
        _BLEND,
        _OBJECTS,
        Column("bg_class", "string", f"class of the background: {_CLASS}", _CLASSES, extra=BG_CLASS),
        Column("fg_class", "string", f"class of the cut-out: {_CLASS}", _CLASSES, extra=FG_CLASS),
        Column("boundary_recall", "float32", f"{_RECALL} in fg_bg_depth", "depth.checks", PREDICTED, (0, 1)),
        Column("nearer", "float32", f"{_NEARER} in fg_bg_depth", "depth.checks", PREDICTED, (-1, 3)),
        Column(
            "background_drift",
            "float32",
            "mean |log ratio| of the distances in fg_bg_depth and in the bare background's depth, more than 10 px away "
            "from the cut-out; 0 = the background's label did not move",
            "depth.checks",
            PREDICTED,
            (0, 1),
        ),
        Column("placed_boundary_recall", "float32", f"{_RECALL} in fg_bg_depth_placed", "depth.checks", PLACED, (0, 1)),
        Column("placed_nearer", "float32", f"{_NEARER} in fg_bg_depth_placed", "depth.checks", PLACED, (-1, 3)),
    ),
    "bg": (
        Column("name", "string", "the background's name, unique", _PREPARED),
        Column("image", "image", "the background, cropped and resized, RGB PNG, lossless", _PREPARED),
        Column("held_out", "bool", "whether it is kept out of train", _PREPARED),
        Column("digest", "string", "SHA-256 of the original file", _PREPARED),
        Column("depth", "image", "depth predicted from `image`; 0 = invalid", "builder.background_labels", "any"),
        Column(
            "horizon",
            "float32",
            "row of the horizon of the ground in `depth`, in pixels from the top; NaN = no ground found",
            "builder.background_labels",
            extra=GROUND,
        ),
        Column(
            "ground_error",
            "float32",
            "median |log ratio| of the ground's distances in `depth` and on the fitted plane; NaN = no ground found",
            "builder.background_labels",
            extra=GROUND,
        ),
        Column("class_name", "string", f"the background's class: {_CLASS}", _PREPARED, extra=BG_CLASS),
    ),
    "fg": (
        Column("name", "string", "the cut-out's name, unique", _PREPARED),
        Column("image", "image", "the cut-out at its placed size, RGBA PNG with straight alpha, lossless", _PREPARED),
        Column("mask", "image", "the alpha of `image`, 8-bit grey", _PREPARED),
        Column("held_out", "bool", "whether it is kept out of train", _PREPARED),
        Column("digest", "string", "SHA-256 of the original file", _PREPARED),
        Column("width", "int32", "width of `image` in pixels", _PREPARED),
        Column("height", "int32", "height of `image` in pixels", _PREPARED),
        Column("class_name", "string", f"the cut-out's class: {_CLASS}", _PREPARED, extra=FG_CLASS),
    ),
    "preview": (
        _FG_BG,
        _FG_BG_MASK,
        Column("fg_bg_depth_color", "image", "fg_bg_depth as colours, 8-bit RGB: near is bright", "card", PREDICTED),
        Column("fg_bg_depth_placed_color", "image", "fg_bg_depth_placed as colours", "card", PLACED),
        *_NAMES,
        Column(
            "fg_bg_instances_color", "image", "fg_bg_instances with a colour for each cut-out", "card", extra=INSTANCES
        ),
        _BLEND,
        _OBJECTS,
        Column("split", "string", "the split that contains the row", "card"),
    ),
}
CONFIGS = tuple(COLUMNS)


def columns(
    config: str = "default", labels: Collection[str] = tuple(LABELS), extras: Collection[str] = ()
) -> tuple[Column, ...]:
    """Columns of a config, in stored order.

    Args:
        config: one of `CONFIGS`.
        labels: the dataset's kinds of depth labels, of `LABELS`; empty without depth.
        extras: what the dataset's rows have besides, of `EXTRAS`.
    """
    needs, extra = {"", *labels, "any"} if labels else {""}, {"", *extras}
    return tuple(column for column in COLUMNS[config] if column.needs in needs and column.extra in extra)


def label_columns(label: str) -> tuple[str, ...]:
    """Names of the columns of one kind of label: the depth maps, and their checks."""
    return LABELS[label], *CHECKS[label].values()


def image_columns(
    config: str = "default", labels: Collection[str] = tuple(LABELS), extras: Collection[str] = ()
) -> tuple[str, ...]:
    """Names of the columns that hold encoded images."""
    return tuple(column.name for column in columns(config, labels, extras) if column.type == "image")


def fact_columns(
    config: str = "default", labels: Collection[str] = tuple(LABELS), extras: Collection[str] = ()
) -> tuple[str, ...]:
    """Names of the columns that hold no image."""
    return tuple(column.name for column in columns(config, labels, extras) if column.type != "image")


def features(
    config: str = "default", labels: Collection[str] = tuple(LABELS), extras: Collection[str] = ()
) -> Features:
    """The `datasets.Features` of a config."""
    from datasets import Features, Image, List, Value

    def feature(column: Column) -> Image | List | Value:
        if column.type == "image":
            return Image()
        if column.type == "objects":
            return List({name: Value(kind) for name, (kind, _) in OBJECT_FIELDS.items()})
        return Value(column.type)

    return Features({c.name: feature(c) for c in columns(config, labels, extras)})
