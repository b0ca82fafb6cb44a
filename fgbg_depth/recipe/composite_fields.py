"""The recipe's fields about composites: sizes, places, outlines, light, and the files of images."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

from fgbg_depth.recipe.fields import Shapes, option
from fgbg_depth.recipe.source_fields import SourceFields

_composites = functools.partial(option, group="composites")


@dataclass(frozen=True)
class CompositeFields(SourceFields):
    """See `Recipe`."""

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
    scale_per: Literal["cutout", "row"] = _composites(
        "cutout",
        "how often a size between foreground_min and foreground_max is drawn: once for each cut-out, or for each row",
        shapes=Shapes.PIXELS,
        skip_default=True,
    )
    rotation_max: int = _composites(
        0,
        "largest angle by which a cut-out is turned to either side, drawn for each row",
        shapes=Shapes.PIXELS,
        low=0,
        high=180,
        unit="degrees",
        skip_default=True,
    )
    blend: Literal["alpha", "feather", "mixed"] = _composites(
        "alpha",
        "outline of pasted cut-outs: alpha = as in the file, feather = softened by feather_sigma, mixed = drawn for "
        "each row among alpha, two feathers, box blur, motion blur and Poisson cloning; the stored mask is the alpha "
        "that was used",
        shapes=Shapes.PIXELS,
        skip_default=True,
    )
    feather_sigma: float = _composites(
        1.0,
        "standard deviation of the blur of blend feather",
        shapes=Shapes.PIXELS,
        only_if=("blend", ("feather",)),
        low=0.1,
        high=10,
        unit="px",
        skip_default=True,
    )
    poisson_share: float | None = _composites(
        None,
        "share of the rows of blend mixed that are cloned by OpenCV's seamlessClone; null = 0.1 where OpenCV is "
        "installed, else 0",
        shapes=Shapes.PIXELS,
        only_if=("blend", ("mixed",)),
        low=0,
        high=0.5,
        skip_default=True,
    )
    match_light: float = _composites(
        0.0,
        "how far the colours of a cut-out move towards those of the background around it: 0 = not at all, 1 = fully",
        shapes=Shapes.PIXELS,
        low=0,
        high=1,
        skip_default=True,
    )
    objects: tuple[int, int] = _composites(
        (1, 1),
        "least and largest number of cut-outs in a row; the others come from the same shard, so shard_rows and "
        "holdout decide which ones can meet; a row has fewer where visible_min leaves no room",
        shapes=Shapes.PIXELS,
        low=1,
        high=8,
        skip_default=True,
    )
    placement_mode: Literal["uniform", "ground", "scene"] = _composites(
        "uniform",
        "uniform = anywhere in the frame; ground = with the lower edge in ground_band, like an object on the ground; "
        "scene = with the lower edge on the ground that the background's depth shows, smaller where that is farther",
        shapes=Shapes.PIXELS,
        old_name="placement",
    )
    occlusion: bool = _composites(
        False,
        "hide the parts of a cut-out that stand behind nearer things of the background",
        shapes=Shapes.PIXELS,
        only_if=("placement_mode", ("scene",)),
        skip_default=True,
    )
    ground_band: tuple[float, float] = _composites(
        (0.72, 0.97),
        "where the lower edge of a cut-out may be, as fractions of the frame's height from the top; a cut-out that is "
        "too tall for it stands as high as visible_min allows",
        shapes=Shapes.PIXELS,
        only_if=("placement_mode", ("ground", "scene")),
        low=0,
        high=1,
    )
    visible_min: float = _composites(
        1.0,
        "least visible fraction of the cut-out's width and height, with any option that varies scenes also of its "
        "area; below 1, cut-outs may reach beyond the frame and cover each other",
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
        only_if=("image_format", ("jpeg",)),
        low=1,
        high=100,
    )
    jpeg_subsampling: Literal["4:2:0", "4:4:4"] = _composites(
        "4:2:0", "JPEG chroma subsampling of fg_bg", shapes=Shapes.PIXELS, only_if=("image_format", ("jpeg",))
    )
