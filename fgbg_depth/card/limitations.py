"""What a dataset cannot do, and what it shows too much of: one list for the card and for `croissant.json`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fgbg_depth import schema
from fgbg_depth.manifest import Manifest


@dataclass(frozen=True)
class Statement:
    """One limitation or bias: a sentence that says it, and sentences that explain it. Column names are in backticks."""

    claim: str
    reason: str = ""

    @property
    def markdown(self) -> str:
        """For the card; the claim is bold."""
        return f"**{self.claim}** {self.reason}".strip()

    @property
    def plain(self) -> str:
        """For programs: without the backticks."""
        return f"{self.claim} {self.reason}".strip().replace("`", "")


def limitations(manifest: Manifest, quote: Callable[[str], str] = str) -> list[Statement]:
    """What the rows and labels of a dataset do not hold, from its recipe and its depth model.

    Args:
        quote: applied to the name of the depth model, which is a user's text.
    """
    found = _of_depth(manifest, quote) if manifest.depth is not None else []
    recipe = manifest.recipe
    if recipe.placement_mode == "uniform":
        found += [
            Statement(
                "Cut-outs do not stand on the ground.",
                "Positions are uniform, so cut-outs also appear on walls and in the sky, and their size does not "
                "follow the perspective of the scene.",
            )
        ]
    elif recipe.placement_mode == "scene":
        found += [
            Statement(
                "The ground is estimated from predicted depth.",
                "Where the prediction is wrong, cut-outs stand at wrong places or in wrong sizes. Their sizes are "
                "compared with each other, not with the scene: a cut-out may be larger or smaller than the thing it "
                "shows would be there.",
            )
        ]
    else:
        found += [
            Statement(
                "Cut-outs stand in a fixed band of the picture,",
                "not on the ground of each scene, and their size does not follow the perspective of the scene.",
            )
        ]
    light = (
        "light and colour are matched only in their mean and deviation,"
        if recipe.match_light
        else "light and colour are not matched,"
    )
    found += [
        Statement(
            "The composites look pasted.",
            f"There are no shadows, {light} and blending is done on encoded sRGB values. A network can learn these "
            "traces instead of the objects; test it on real pictures.",
        ),
        Statement(
            f"The mask marks only the pasted cut-out{'s' if schema.INSTANCES in manifest.extras else ''}.",
            "People and objects in the background picture count as background.",
        ),
    ]
    if recipe.image_format == "jpeg":
        half = " (stored at half resolution)" if recipe.jpeg_subsampling == "4:2:0" else ""
        found += [
            Statement(
                "The pictures are compressed.",
                "`fg_bg` is JPEG: its pixels differ slightly from the exact blend, mostly at sharp edges and in colour"
                f"{half}.",
            )
        ]
    return found


def _of_depth(manifest: Manifest, quote: Callable[[str], str]) -> list[Statement]:
    """The limitations of the depth labels."""
    depth = manifest.depth
    assert depth is not None
    found = [
        Statement(
            "Depth is a prediction, not a measurement.",
            f"Its errors are those of {quote(depth.model)}, and a network trained on it learns them. Accuracy against "
            "these labels is not accuracy against measured depth.",
        )
    ]
    if schema.PREDICTED in manifest.labels:
        found += [
            Statement(
                "In `fg_bg_depth`, the depth of a cut-out is less reliable than that of the background.",
                "The model sees a pasted object without a shadow or contact with the ground, so it can estimate the "
                "distance only from the object's size and position. Where the object resembles its surroundings, the "
                "label may miss it.",
            )
        ]
    if schema.PLACED in manifest.labels:
        found += [
            Statement(
                "In `fg_bg_depth_placed`, a cut-out is flat and stands upright.",
                "It has one depth, at most nearer where the background itself is nearer. A cut-out that is pasted onto "
                "a wall or into the sky has no true depth; its label says only that it is in front of what it hides.",
            )
        ]
    if depth.meaning.is_metric:
        found += [
            Statement(
                "The scale in metres comes from the model.",
                "It holds for scenes and cameras like those in its training data. Depth outside its range is clipped "
                "to the nearest end; the histogram shows how many pixels that concerns.",
            )
        ]
    else:
        found += [
            Statement(
                "There is no unit.",
                "Values can be compared within one picture. Scale and shift may differ between pictures, so use a loss "
                "that is invariant to them.",
            )
        ]
    return found


def biases(manifest: Manifest) -> list[Statement]:
    """What the rows show more often than the world does, as far as the way they are made decides it."""
    num_bg, num_fg = (len(manifest.sources[kind]) for kind in ("bg", "fg"))
    return [
        Statement(
            "Rows are not independent.",
            f"{manifest.rows:,} rows come from {num_bg:,} scenes and {num_fg:,} cut-outs and share their content and "
            "biases. The mattes are as accurate as the alpha channels of the cut-outs.",
        ),
        Statement(
            "Every cut-out is placed on every background equally often.",
            "So things appear in scenes where they are rare or impossible in the world, and what the scene shows says "
            "nothing about what stands in it.",
        ),
    ]
