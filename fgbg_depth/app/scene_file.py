"""What the 3-D tab draws, as one binary file: the picture, the background, the cut-outs and all their depth maps.

The file: uint32 little-endian length of the header, the header as JSON, then blocks of bytes. The header's `blocks`
has the first byte, counted from the end of the header, and the number of bytes of each block. static/scene_data.js
reads it.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgbg_depth import schema
from fgbg_depth.app import pixels
from fgbg_depth.app.row_objects import INSTANCES
from fgbg_depth.app.scene_layers import Layer, row_layers
from fgbg_depth.depth.colors import COLORS
from fgbg_depth.depth.spec import INVALID, DepthSpec
from fgbg_depth.errors import UsageError
from fgbg_depth.read.reader import DatasetReader, StoredRow

LABELS = {"fg_bg_depth_placed": "placed", "fg_bg_depth": "predicted"}  # by column; the first one is shown first
WORDS = {
    "fg_bg_depth_placed": "the background's depth, with the cut-out at the place where it stands",
    "fg_bg_depth": "as the depth model sees the finished picture",
}
NO_BACKGROUND = (
    "This dataset does not store the depth of its backgrounds, so the row is one surface, with holes where depth jumps."
)
DIFFERENCE_SHARE = 0.95  # of the pixels of the cut-outs whose difference is within the range of colours


@dataclass(frozen=True)
class Maps:
    """The depth maps of a row and of its background: (H, W) uint16 stored values.

    Args:
        labels: by name, "placed" and "predicted".
        background: None if the dataset does not store it.
    """

    labels: dict[str, NDArray[np.uint16]]
    background: NDArray[np.uint16] | None


def image_columns(browser: DatasetReader) -> tuple[str, ...]:
    """The image columns of a row that `scene_file` needs."""
    columns = ["fg_bg", "fg_bg_mask", *browser.manifest.depth_columns]
    return (*columns, INSTANCES) if schema.SCENE in browser.manifest.extras else tuple(columns)


def scene_file(browser: DatasetReader, row: StoredRow) -> bytes:
    """The file for one row, which must have the images of `image_columns`.

    Raises:
        UsageError: the dataset has no depth.
    """
    spec = browser.manifest.depth
    if spec is None or not browser.manifest.depth_columns:
        raise UsageError("This dataset has no depth maps, so no row of it can be shown in 3-D.")
    source = browser.sources(schema.BG).get(row.facts["bg"])
    labels = {
        name: pixels.stored_numbers(row.images[column]) for column, name in LABELS.items() if column in row.images
    }
    shape = next(iter(labels.values())).shape
    picture = pixels.rgb_array(source.image) if source is not None and source.depth else None
    background = pixels.stored_numbers(source.depth) if source is not None and source.depth else None
    if picture is None or background is None or background.shape != shape or picture.shape[:2] != shape:
        picture, background = None, None
    maps = Maps(labels, background)
    layers = row_layers(row, picture) if picture is not None else []

    blocks = {"picture": row.images["fg_bg"], "colors": _colors()}
    blocks |= {f"label:{name}": _numbers(values) for name, values in labels.items()}
    if source is not None and background is not None:
        blocks |= {"background": source.image, "background:depth": _numbers(background)}
    for layer in layers:
        blocks[f"layer:{layer.number}"] = pixels.png(Image.fromarray(layer.rgba))
        blocks |= {f"layer:{layer.number}:{name}": _numbers(layer.depths(values)) for name, values in labels.items()}
    header = {
        "row": row.address,
        "width": shape[1],
        "height": shape[0],
        "depth": depth_scale(browser, spec),
        "labels": [
            {"name": name, "column": column, "words": WORDS[column]}
            for column, name in LABELS.items()
            if column in row.images
        ],
        "background": row.facts["bg"] if background is not None else None,
        "layers": [
            {
                "number": layer.number,
                "fg": layer.fg,
                "x": layer.x,
                "y": layer.y,
                "width": layer.rgba.shape[1],
                "height": layer.rgba.shape[0],
            }
            for layer in layers
        ],
        "note": None if background is not None else NO_BACKGROUND,
        "differenceLimit": difference_limit(maps, layers, spec),
    }
    return _encode(header, blocks)


def depth_scale(browser: DatasetReader, spec: DepthSpec) -> dict[str, Any]:
    """How the page turns stored values into values, colours and distances, without knowing kinds of depth.

    Value: offset + step * stored. Distance d: d = a + b * value, or 1 / d = a + b * value if `inverse`.
    """
    kind = spec.meaning
    low, high = kind.shown_range(*browser.manifest.depth_range)
    near, far = kind.distances(np.array([spec.low, spec.high]), spec.low, spec.high).astype(float).tolist()
    inverse = kind.larger_is_nearer
    ends = (1 / near, 1 / far) if inverse else (near, far)
    b = (ends[1] - ends[0]) / (spec.high - spec.low)
    return {
        "title": kind.title, "label": kind.label, "unit": kind.unit, "offset": spec.offset, "step": spec.step,
        "low": low, "high": high, "logarithmic": kind.is_metric, "largerIsNearer": kind.larger_is_nearer,
        "inverse": inverse, "a": ends[0] - b * spec.low, "b": b,
    }  # fmt: skip


def difference_limit(maps: Maps, layers: list[Layer], spec: DepthSpec) -> float | None:
    """The end of the colours of "placed minus predicted", in the unit of depth; None without both labels."""
    if len(maps.labels) < 2:
        return None
    differences = []
    for layer in layers:
        placed, predicted = (layer.depths(maps.labels[name]).astype(np.float64) for name in ("placed", "predicted"))
        chosen = (layer.rgba[..., 3] >= schema.FOREGROUND_ALPHA) & (placed != INVALID) & (predicted != INVALID)
        differences.append(np.abs(placed - predicted)[chosen] * spec.step)
    found = np.concatenate(differences) if differences else np.zeros(0)
    return max(float(np.quantile(found, DIFFERENCE_SHARE)), spec.step) if found.size else spec.step


def _encode(header: dict[str, Any], blocks: dict[str, bytes]) -> bytes:
    """Header and blocks as one file; every block starts at an even byte, as arrays of uint16 need."""
    places, body, offset = {}, [], 0
    for name, data in blocks.items():
        places[name] = [offset, len(data)]
        padded = data + b"\0" * (len(data) % 2)
        body.append(padded)
        offset += len(padded)
    text = json.dumps(header | {"blocks": places}, separators=(",", ":")).encode()
    text += b" " * (len(text) % 2)
    return b"".join([struct.pack("<I", len(text)), text, *body])


def _numbers(values: NDArray[np.uint16]) -> bytes:
    return values.astype("<u2").tobytes()


def _colors() -> bytes:
    """The colours of depth, far to near: 256 times R, G, B."""
    return bytes(np.asarray(COLORS, np.uint8).reshape(-1)[: 256 * 3].tobytes())
