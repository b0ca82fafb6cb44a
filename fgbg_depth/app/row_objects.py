"""What the page of a row with a scene shows besides: its cut-outs in their order of depth, each with its colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from fgbg_depth.app import pixels
from fgbg_depth.app.templating import percent
from fgbg_depth.card.scene_pictures import BACKGROUND_RGB, INSTANCE_RGB
from fgbg_depth.read.reader import StoredRow

INSTANCES = "fg_bg_instances"


@dataclass(frozen=True)
class ObjectView:
    """One cut-out of a row.

    Args:
        number: 1 is the farthest; its value in `fg_bg_instances`.
        is_own: the row is named after it.
        x, y, width, height: its box, in pixels of the frame.
        label_x, label_y: where its number is drawn, in pixels, inside the frame.
        color: of its box and its instance.
        size, angle, visible: for people.
    """

    number: int
    fg: str
    flip: bool
    is_own: bool
    x: int
    y: int
    width: int
    height: int
    label_x: int
    label_y: int
    color: tuple[int, int, int]
    size: str
    angle: str
    visible: str


def object_views(row: StoredRow, frame_px: int, label_px: int) -> list[ObjectView]:
    """The cut-outs of a row, farthest first; none for plain rows.

    Args:
        frame_px: side of the frame.
        label_px: height of the numbers.
    """
    return [
        ObjectView(
            number=number,
            fg=item["fg"],
            flip=item["flip"],
            is_own=item["fg"] == row.facts["fg"],
            **{key: item[key] for key in ("x", "y", "width", "height")},
            label_x=min(max(item["x"], 0), frame_px - label_px) + 2,
            label_y=min(max(item["y"], 0) + label_px, frame_px - 2),
            color=INSTANCE_RGB[(number - 1) % len(INSTANCE_RGB)],
            size=f"{item['width']} × {item['height']}",
            angle=f"{item['angle']}°".replace("-", "−"),
            visible=percent(item["visible"]),
        )
        for number, item in enumerate(row.facts.get("objects", ()), start=1)
    ]


def instances_png(instances: bytes) -> bytes:
    """An encoded instance map in colours, as a palette PNG."""
    image = Image.fromarray(pixels.mask_array(instances))
    image.putpalette(_palette())
    return pixels.png(image)


def overlay_png(instances: bytes, mask: bytes) -> bytes:
    """The colour of the cut-out in front with the mask as its opacity, to lay over the composite.

    Soft edges, where no cut-out is in front because the mask is less than 128, have the colour of the page's masks.
    """
    colors = Image.fromarray(pixels.mask_array(instances))
    colors.putpalette(bytes([*pixels.MASK_RGB, *_palette()[3:]]))
    overlay = colors.convert("RGB")
    overlay.putalpha(Image.fromarray(pixels.mask_array(mask)))
    return pixels.png(overlay)


def _palette() -> bytes:
    repeated = np.resize(np.array(INSTANCE_RGB, np.uint8), (255, 3))
    return bytes([*BACKGROUND_RGB, *repeated.ravel().tolist()])
