"""The card's section "What varies from row to row": the options of rows with scenes, in words and with counts."""

from __future__ import annotations

from fgbg_depth import schema
from fgbg_depth.card.markdown import code, count, number
from fgbg_depth.manifest import Manifest
from fgbg_depth.render.poisson import MAX_CHANGE, SHARE
from fgbg_depth.render.soften import BOX_PX, FEATHER_PX, KERNEL_FRAME, MIN_SIGMA_PX, MIN_WIDTH_PX, MOTION_PX
from fgbg_depth.scene.draw import MAX_IOU
from fgbg_depth.scene.stage import MIN_RELATIVE_SIZE, NEARER

MAX_NAMES = 50  # backgrounds without ground that are listed by name

MEASURES = {
    "height": "its height",
    "longest": "its longest side",
    "canvas": "the longest side of its whole file",
}


def variation_section(manifest: Manifest) -> str:
    """The section as Markdown, with its heading; "" for plain rows."""
    if schema.SCENE not in manifest.extras:
        return ""
    parts = [
        _sizes(manifest),
        _angles(manifest),
        _objects(manifest),
        _visible(manifest),
        _places(manifest),
        _occlusion(manifest),
        _light(manifest),
        _outlines(manifest),
    ]
    lines = ["## What varies from row to row", "", *(f"- {part}" for part in parts if part), ""]
    lines += _objects_table(manifest) + _blends_table(manifest) + _without_ground(manifest)
    return "\n".join(lines) + "\n"


def _sizes(manifest: Manifest) -> str:
    recipe = manifest.recipe
    if recipe.scale_per != "row":
        return ""
    low, high = (round(side) for side in recipe.foreground_range_px())
    what = MEASURES[recipe.foreground_measure]
    nearest = ", where it stands at the lower edge of the picture" if recipe.placement_mode == "scene" else ""
    return (
        f"**Size**: drawn for each row and cut-out: {what} before turning is {low} to {high} pixels{nearest}. "
        "`width` and `height` are those of the box after turning."
    )


def _angles(manifest: Manifest) -> str:
    most = manifest.recipe.rotation_max
    if not most:
        return ""
    return f"**Angle**: each cut-out is turned by up to {most} degrees to either side, drawn for each row (`angle`)."


def _objects(manifest: Manifest) -> str:
    low, high = manifest.recipe.objects
    if high == 1:
        return ""
    column = manifest.columns.get("num_objects")
    mean = f", {column.mean:.2f} on average" if column and column.mean is not None else ""
    return (
        f"**Number of cut-outs**: {low} to {high} are drawn for a row{mean}. The row's own cut-out is the column `fg`; "
        "the others are drawn among the cut-outs of the same file under `data/`, so no cut-out is in another split. "
        "What stands lower in the picture is nearer and is pasted later. The boxes of two cut-outs overlap by at most "
        f"{100 * MAX_IOU:.0f} % (intersection over union). A cut-out for which no place is found is left out."
    )


def _visible(manifest: Manifest) -> str:
    column = manifest.columns.get("visible")
    if manifest.recipe.visible_min == 1 or column is None or not column.count:
        return ""
    low, middle = column.quantiles["0.05"], column.quantiles["0.5"]
    return (
        f"**Visible share**: at least {100 * manifest.recipe.visible_min:.0f} % of the foreground of every cut-out. Of "
        f"the row's own cut-out (column `visible`), the median is {100 * middle:.3g} %, and 5 % of the rows are below "
        f"{100 * low:.3g} %."
    )


def _places(manifest: Manifest) -> str:
    if manifest.recipe.placement_mode != "scene":
        return ""
    return (
        "**Place and perspective**: cut-outs stand on the ground that the depth of the background shows, every point "
        "of it equally likely. Their size follows the perspective: it is proportional to the distance, in rows, "
        f"between the foot and the horizon, and at least {100 * MIN_RELATIVE_SIZE:.0f} % of the size at the lower edge "
        "of the picture. The config `bg` has the `horizon` of each background and the error of the fit, `ground_error`."
    )


def _occlusion(manifest: Manifest) -> str:
    if not manifest.recipe.occlusion:
        return ""
    return (
        "**Occlusion**: parts of a cut-out are hidden where the background is at least "
        f"{100 * (1 - NEARER):.0f} % nearer than the place where the cut-out stands, is not ground, and reaches down "
        "to its foot. The matte is 0 there."
    )


def _light(manifest: Manifest) -> str:
    share = manifest.recipe.match_light
    if not share:
        return ""
    return (
        f"**Light**: the mean and the deviation of the colours of each cut-out (CIE Lab) are moved by up to "
        f"{100 * share:.0f} % towards those of the background around it."
    )


def _outlines(manifest: Manifest) -> str:
    recipe = manifest.recipe
    if recipe.blend == "alpha":
        return ""
    if recipe.blend == "feather":
        return (
            f"**Outline**: the matte of each cut-out is softened by a Gaussian blur with a standard deviation of "
            f"{number(recipe.feather_sigma)} pixels."
        )
    return (
        "**Outline**: one of several ways of blending is drawn for each row, so that a network cannot find the "
        "cut-outs by the marks of one. `fg_bg_mask` is the softened matte that was used."
    )


def _objects_table(manifest: Manifest) -> list[str]:
    """Rows by number of cut-outs, counted."""
    column = manifest.columns.get("num_objects")
    if manifest.recipe.objects[1] == 1 or column is None or not column.count:
        return []
    numbers = [(i, rows) for i, rows in enumerate(column.counts) if rows]  # its histogram has a bin for each number
    return [
        f"| cut-outs in a row |{''.join(f' {i} |' for i, _ in numbers)}",
        f"|---|{'---:|' * len(numbers)}",
        f"| rows |{''.join(f' {count(rows)} |' for _, rows in numbers)}",
        f"| share |{''.join(f' {_percent(rows / column.count)} |' for _, rows in numbers)}",
        "",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def _blends_table(manifest: Manifest) -> list[str]:
    """Rows by blend, counted."""
    counts = manifest.texts.get("blend", {})
    if manifest.recipe.blend != "mixed" or not counts:
        return []
    meanings = blend_meanings(manifest.recipe.size)
    order = {blend: position for position, blend in enumerate(meanings)}
    total = sum(counts.values())
    return [
        "| `blend` | outline | rows | share |",
        "|---|---|---:|---:|",
        *(
            f"| {code(blend)} | {meanings.get(blend, '')} | {count(rows)} | {_percent(rows / total)} |"
            for blend, rows in sorted(counts.items(), key=lambda item: order.get(item[0], len(order)))
        ),
        "",
    ]


def blend_meanings(size: int) -> dict[str, str]:
    """What each value of the column `blend` of `mixed` means, by value.

    Args:
        size: side of the frame in pixels; the widths of blurs scale with it.
    """
    scale = size / KERNEL_FRAME
    return {
        "alpha": "as in the file",
        **{
            name: f"blurred by a Gaussian with a standard deviation of {max(sigma * scale, MIN_SIGMA_PX):.3g} px"
            for name, sigma in FEATHER_PX.items()
        },
        "box": f"blurred by a box {max(BOX_PX * scale, MIN_WIDTH_PX):.3g} px wide",
        **{
            f"motion_{angle}": f"motion blur of {max(MOTION_PX * scale, MIN_WIDTH_PX):.3g} px at {angle} degrees"
            for angle in (0, 45, 90, 135)
        },
        "poisson": f"as in the file; colours moved by {100 * SHARE:.0f} % towards those of Poisson cloning (OpenCV's "
        f"seamlessClone), by at most {MAX_CHANGE} of 255 levels",
    }


def _without_ground(manifest: Manifest) -> list[str]:
    if manifest.recipe.placement_mode != "scene":
        return []
    names, total = manifest.without_ground, len(manifest.sources[schema.BG])
    if not names:
        return [f"Ground was found on all {count(total)} backgrounds.", ""]
    low, high = (100 * end for end in manifest.recipe.ground_band)
    listed = ", ".join(code(name) for name in names[:MAX_NAMES])
    more = f" and {count(len(names) - MAX_NAMES)} more (`horizon` is NaN in the config `bg`)" * (len(names) > MAX_NAMES)
    hidden = ", and nothing hides them" if manifest.recipe.occlusion else ""
    return [
        f"**No ground was found on {count(len(names))} of {count(total)} backgrounds**: {listed}{more}. There the "
        f"lower edge of a cut-out is {number(low)} to {number(high)} % down the picture, as far as its height allows; "
        f"its size does not follow the perspective{hidden}.",
        "",
    ]
