"""What a check looks at (`Picture`), what it says (`Finding`), and how it describes itself (`Check`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from fgbg_depth.recipe import Recipe
from fgbg_depth.render.resample import resize_cutout
from fgbg_depth.schema import FOREGROUND_ALPHA, VISIBLE_ALPHA

Kind = Literal["backgrounds", "foregrounds"]
BOTH: tuple[Kind, ...] = ("backgrounds", "foregrounds")
CERTAIN = 0.9  # `skip_bad` leaves out files with a finding that is at least so certain, of a check with `skips`
BACKGROUND_SIDE = 640  # pixels: a background is looked at with its longer side reduced to this
CUTOUT_SIDE = 256  # pixels: a cut-out is looked at with the longer side of its visible part reduced to this


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a source file."""

    check: str  # name of the check
    certainty: float  # 0 to 1
    detail: str  # such as "left, right and bottom: white, 3 px"
    advice: str  # what to do

    def __str__(self) -> str:
        return f"{self.check} ({self.certainty:.0%}): {self.detail}"


@dataclass(frozen=True)
class Picture:
    """A decoded picture at the size at which checks look at it.

    Args:
        rgb: (h, w, 3) uint8 sRGB. Of a cut-out: its visible part, with straight alpha.
        alpha: (h, w) uint8; None: the picture has no alpha channel.
        is_cutout: whether it is a cut-out, with or without an alpha channel, or a background.
        width, height: of the file, in its pixels.
        box: (left, top, right, bottom) of the visible part, in the file's pixels; of a background the whole file.
        largest_px: the longest side that the recipe gives the visible part, in pixels of the composite; of a
            background the composite's size.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None
    is_cutout: bool
    width: int
    height: int
    box: tuple[int, int, int, int]
    largest_px: float

    @property
    def scale(self) -> float:
        """Pixels of the file in one pixel of `rgb`, at least 1."""
        return float(
            max((self.box[2] - self.box[0]) / self.rgb.shape[1], (self.box[3] - self.box[1]) / self.rgb.shape[0])
        )

    @property
    def solid(self) -> np.ndarray:
        """(h, w) bool: inside the outline."""
        if self.alpha is None:
            return np.ones(self.rgb.shape[:2], bool)
        return self.alpha >= FOREGROUND_ALPHA

    @classmethod
    def background(cls, image: Image.Image, full_size: tuple[int, int] | None = None, size: int = 224) -> Picture:
        """A background for the checks.

        Args:
            image: RGB.
            full_size: (width, height) of the file, if `image` was decoded at a reduced size.
            size: side of the composite, in pixels.
        """
        width, height = full_size or image.size
        return cls(
            np.asarray(_reduced(image, BACKGROUND_SIDE)), None, False, width, height, (0, 0, width, height), size
        )

    @classmethod
    def cutout(cls, image: Image.Image, largest_px: float = 123.2) -> Picture:
        """A cut-out for the checks: RGBA, or RGB if the file has no alpha channel.

        Args:
            largest_px: see the class; default: that of the default recipe.
        """
        width, height = image.size
        if image.mode != "RGBA":
            rgb = np.asarray(_reduced(image.convert("RGB"), BACKGROUND_SIDE))
            return cls(rgb, None, True, width, height, (0, 0, width, height), largest_px)
        box = image.getchannel("A").point(lambda a: 255 * (a >= VISIBLE_ALPHA)).getbbox() or (0, 0, width, height)
        part = image.crop(box)
        factor = CUTOUT_SIDE / max(part.size)
        if factor < 1:
            part = resize_cutout(part, (max(1, round(part.width * factor)), max(1, round(part.height * factor))))
        pixels = np.asarray(part)
        return cls(pixels[..., :3], pixels[..., 3], True, width, height, box, largest_px)


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Args:
        name: unique; also the heading of its section in docs/sources.md.
        kinds: of sources that can have it.
        wrong: what is wrong, in words.
        advice: what to do.
    """

    name: str
    kinds: tuple[Kind, ...]
    wrong: str
    advice: str

    def found(self, certainty: float, detail: str) -> Finding:
        """A finding of this fault."""
        return Finding(self.name, round(min(1.0, certainty), 2), detail, self.advice)


@dataclass(frozen=True)
class Check(Fault):
    """A fault that is seen in a single picture.

    Args:
        look: returns (certainty 0 to 1, detail), or None if nothing is wrong. It depends on the picture alone.
        skips: whether `skip_bad` leaves the file out if the finding is certain (`CERTAIN`).
        cured_by: (field of the recipe, values with which the build removes the fault).
    """

    look: Callable[[Picture], tuple[float, str] | None]
    skips: bool = False
    cured_by: tuple[str, tuple[object, ...]] = ("", ())

    def is_cured(self, recipe: Recipe) -> bool:
        """Whether a build with this recipe removes the fault, so that it needs no finding."""
        field, values = self.cured_by
        return recipe.to_dict().get(field) in values

    def __call__(self, picture: Picture) -> Finding | None:
        """The finding about a picture, or None."""
        seen = self.look(picture)
        return None if seen is None else self.found(*seen)


def _reduced(image: Image.Image, side: int) -> Image.Image:
    """The image with its longer side reduced to `side` pixels; a smaller image is returned as it is."""
    factor = side / max(image.size)
    if factor >= 1:
        return image
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BOX)
