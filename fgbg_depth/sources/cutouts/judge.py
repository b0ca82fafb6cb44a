"""Whether a cut-out is good enough to be kept: the one place where `cutouts` calls checks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from fgbg_depth.sources.checks.finding import CERTAIN, Picture
from fgbg_depth.sources.checks.registry import check_cutout

SOLID = 128  # of 255; alpha from it on counts as inside the object
MIN_SIDE_PX = 16  # of the object; a smaller one shows nothing at the usual size of 80 to 120 pixels
MAX_COVERED = 0.97  # of the photograph; a matte that covers more found no outline
MAX_CUT = 0.05  # of the object's height or width on one side of the photograph, above which it is cut off

# Names of checks. A halo or a hole is for people to judge, and what is enlarged depends on the recipe.
LEAVES_OUT = frozenset({"empty", "tiny", "surround", "parts", "cut_off"})


@dataclass(frozen=True)
class Verdict:
    """The result of the checks.

    Args:
        reason: why the photograph is left out; "" if it is kept.
        notes: what is doubtful about a cut-out that is kept.
    """

    reason: str = ""
    notes: tuple[str, ...] = ()


def judge_matte(matte: np.ndarray) -> Verdict:
    """Checks before anything is cut out.

    Args:
        matte: (h, w) uint8 as `outline.clean_matte` returns it.
    """
    solid = matte >= SOLID
    if not solid.any():
        return Verdict("no object found: the matte is empty")
    covered = float(solid.mean())
    if covered > MAX_COVERED:
        return Verdict(f"no outline found: the matte covers {covered:.0%} of the photograph")
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    if min(height, width) < MIN_SIDE_PX:
        return Verdict(f"too small: the object has {width}x{height} pixels; each side needs at least {MIN_SIDE_PX}")
    sides = {
        "left": solid[:, 0].sum() / height,
        "right": solid[:, -1].sum() / height,
        "top": solid[0].sum() / width,
        "bottom": solid[-1].sum() / width,
    }
    cut = [side for side, share in sides.items() if share > MAX_CUT]
    if cut:
        return Verdict(f"cut off by the photograph's edge: {', '.join(cut)}")
    return Verdict()


def judge_cutout(cutout: Image.Image) -> Verdict:
    """The checks of `check-sources`, of the finished cut-out.

    A certain finding of a kind in `LEAVES_OUT` is a reason to leave it out; all others are notes.

    Args:
        cutout: RGBA, straight alpha.
    """
    findings = check_cutout(Picture.cutout(cutout))
    reasons = [each for each in findings if each.check in LEAVES_OUT and each.certainty >= CERTAIN]
    if reasons:
        return Verdict("; ".join(f"{each.check}: {each.detail}" for each in reasons))
    return Verdict(notes=tuple(str(each) for each in findings))
