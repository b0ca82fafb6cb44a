"""A halo: the outline of a cut-out has the colour of the background that it was cut from."""

from __future__ import annotations

import numpy as np
from PIL import Image

from fgbg_depth.sources.checks.areas import color_name
from fgbg_depth.sources.checks.finding import Check, Picture
from fgbg_depth.sources.halo import find_halo


def _look(picture: Picture) -> tuple[float, str] | None:
    if picture.alpha is None:
        return None
    halo = find_halo(Image.fromarray(np.dstack([picture.rgb, picture.alpha])))
    if halo is None:
        return None
    where = "the outermost opaque pixels are" if halo.rim else "the soft edge is"
    word = "paler" if halo.is_pale else "darker"
    name = color_name(np.array(halo.color))
    return 0.5 + 0.4 * halo.strength, f"{where} {name}, much {word} than what lies inside"


CHECK = Check(
    "halo",
    ("foregrounds",),
    "the outline is much paler or darker than what lies inside it: a rest of the background it was cut from",
    "set defringe: auto, or cut it out again",
    _look,
    cured_by=("defringe", ("auto", "on")),
)
