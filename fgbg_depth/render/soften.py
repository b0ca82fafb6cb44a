"""Soften the outline of a cut-out: feather, box blur or motion blur of its matte.

Training on several blendings of pasted objects keeps a network from finding the paste by its outline (Dwibedi et al.
2017, "Cut, Paste and Learn": no blending, Gaussian, box and motion blur, and Poisson, mixed).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageChops, ImageFilter

BLENDS = (
    "alpha",
    "feather_fine",
    "feather_wide",
    "box",
    "motion_0",
    "motion_45",
    "motion_90",
    "motion_135",
    "poisson",
)
"""The values of the column `blend`. "alpha" and "poisson" leave the matte as it is."""

KERNEL_FRAME = 224  # the frame size, in pixels, for which the sizes below are stated
FEATHER_PX = {"feather_fine": 0.75, "feather_wide": 1.5}  # sigma
BOX_PX = 3.0  # width; 3 in the code of Dwibedi et al.
MOTION_PX = 5.0  # length; shorter ones can hardly be told from the plain paste
# In small frames the scaled kernels would change nothing; these still move about a fifth of an outline pixel.
MIN_SIGMA_PX = 0.5
MIN_WIDTH_PX = 1.5

_HALF = [(value + 1) // 2 for value in range(256)]


def soften(cutout: Image.Image, blend: str, frame_size: int, sigma_px: float | None = None) -> tuple[Image.Image, int]:
    """Blur the matte of a cut-out and give the pixels that it gains the colour of their neighbourhood.

    - Alpha is the blurred alpha, but never less than half of what it was: thin parts such as legs of 2 px become
      softer and stay in the binary mask (alpha >= 128).
    - Where alpha does not rise, the colour stays. Where it rises, the colour is the mean of the pixel's own colour,
      weighted by its old alpha, and the blurred premultiplied colour, weighted by the rise. So neither the colour
      that files hold in transparent pixels nor the rounded colours of faint ones become visible as a fringe.

    Args:
        cutout: (h, w) RGBA, straight alpha, at its placed size.
        blend: one of `BLENDS`, or "feather" with its own sigma. Motion is in degrees, counterclockwise from the
            horizontal. Sizes are stated for a frame of 224 px and scale with the frame: sigma 0.75 and 1.5 px, box
            3 px wide, motion 5 px long.
        frame_size: width of the frame in pixels.
        sigma_px: of "feather", in pixels of the frame, not scaled; None for all others.
    Returns:
        The cut-out, grown by a margin on each of its four sides, RGBA with straight alpha; and that margin in pixels,
        the smallest that holds all of the blurred outline. Where nothing changes: `cutout` itself and 0.
    Raises:
        ValueError: `blend` is unknown, or `sigma_px` is missing or not wanted.
    """
    if blend != "feather" and blend not in BLENDS:
        raise ValueError(f"blend is {blend!r}; it must be feather or one of {', '.join(BLENDS)}")
    if (blend == "feather") != (sigma_px is not None):
        raise ValueError(
            f"blend is {blend!r} and sigma_px is {sigma_px}; sigma_px is given with feather, and only then"
        )
    if blend in ("alpha", "poisson") or sigma_px == 0:
        return cutout, 0
    kernel = _kernel(blend, frame_size, sigma_px)
    margin = _reach(kernel)
    if margin == 0:
        return cutout, 0
    grown = Image.new("RGBA", (cutout.width + 2 * margin, cutout.height + 2 * margin))
    grown.paste(cutout, (margin, margin))
    blurred = kernel.blur(grown.convert("RGBa")).convert("RGBA")
    before = grown.getchannel("A")
    after = ImageChops.lighter(blurred.getchannel("A"), before.point(_HALF))
    softened = Image.composite(grown.convert("RGB"), blurred.convert("RGB"), _share_kept(before, after))
    softened.putalpha(after)
    return softened, margin


def _share_kept(before: Image.Image, after: Image.Image) -> Image.Image:
    """The share, 0..255, of a pixel's new alpha that comes from its old one: min(1, before / after)."""
    old, new = np.asarray(before).astype(np.uint16), np.asarray(after)
    share = (255 * old) // np.maximum(new, 1)
    return Image.fromarray(np.minimum(share, 255).astype(np.uint8))


@dataclass(frozen=True)
class _Kernel:
    """A blur: "gauss" with sigma `size`, or "box", 0, 45, 90, 135 (degrees) with width or length `size`, in pixels."""

    shape: str
    size: float

    def blur(self, image: Image.Image) -> Image.Image:
        """The blurred image; L or RGBa, with at least the kernel's reach of zeros around what is visible."""
        radius = (self.size - 1) / 2  # Pillow's box is 2 radius + 1 wide, with fractions at both ends
        if self.shape == "gauss":
            return image.filter(ImageFilter.GaussianBlur(self.size))
        if self.shape == "box":
            return image.filter(ImageFilter.BoxBlur(radius))
        if self.shape in ("0", "90"):
            return image.filter(ImageFilter.BoxBlur((radius, 0) if self.shape == "0" else (0, radius)))
        return self._blur_along_diagonal(image)

    def _blur_along_diagonal(self, image: Image.Image) -> Image.Image:
        """Blur along a diagonal, in integers: one tap every sqrt(2) pixels, with fractions at both ends."""
        weights = _diagonal_weights(self.size)
        reach = len(weights) - 1
        height, width = image.height, image.width
        pixels = np.asarray(image).astype(np.uint16)  # at most 255 * 256, the sum of the weights: no overflow
        total = np.full_like(pixels, 128)
        for step in range(-reach, reach + 1):
            dx, dy = step, (-step if self.shape == "45" else step)  # y points down
            target = slice(max(0, dy), height + min(0, dy)), slice(max(0, dx), width + min(0, dx))
            source = slice(max(0, -dy), height + min(0, -dy)), slice(max(0, -dx), width + min(0, -dx))
            total[target] += weights[abs(step)] * pixels[source]
        return Image.frombytes(image.mode, image.size, (total >> 8).astype(np.uint8).tobytes())


def _kernel(blend: str, frame_size: int, sigma_px: float | None) -> _Kernel:
    scale = frame_size / KERNEL_FRAME
    if sigma_px is not None:
        return _Kernel("gauss", sigma_px)
    if blend in FEATHER_PX:
        return _Kernel("gauss", max(MIN_SIGMA_PX, FEATHER_PX[blend] * scale))
    if blend == "box":
        return _Kernel("box", max(MIN_WIDTH_PX, BOX_PX * scale))
    return _Kernel(blend.removeprefix("motion_"), max(MIN_WIDTH_PX, MOTION_PX * scale))


@cache
def _diagonal_weights(length: float) -> tuple[np.uint16, ...]:
    """Weights in 1/256 of the taps at distance 0, 1, 2... along a diagonal, those of both sides summing to 256."""
    reach = max(0.0, (length / 2**0.5 - 1) / 2)
    shares = [1.0] * (1 + int(reach)) + [reach - int(reach)]
    total = 2 * sum(shares) - shares[0]
    sides = [round(256 * share / total) for share in shares[1:]]
    while sides and sides[-1] == 0:
        sides.pop()
    return tuple(np.uint16(weight) for weight in (256 - 2 * sum(sides), *sides))


@cache
def _reach(kernel: _Kernel) -> int:
    """How many pixels beyond a cut-out its blurred alpha is above 0, at most.

    No cut-out reaches farther than an opaque one with long straight sides, because blurring is monotone.
    """
    room = 8 + 4 * int(kernel.size)  # of Pillow's Gaussian, the widest: 3 boxes, less than 4 sigma
    square = Image.new("L", (3 * room, 3 * room))
    square.paste(255, (room, room, 2 * room, 2 * room))
    box = kernel.blur(square).getbbox()
    assert box is not None
    return max(room - box[0], room - box[1])
