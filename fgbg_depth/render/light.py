"""Match a cut-out's light to the background around it: colour transfer in CIE Lab (Reinhard et al. 2001).

Statistics are exact integers. The change of colour is computed for a lattice of colours, element by element in float32,
and Pillow interpolates it in integers. So the pixels do not depend on the process or the number of threads, and the
cost hardly depends on the size of the cut-out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from fgbg_depth.schema import FOREGROUND_ALPHA

# Limits of the change at share 1, for L, a, b. `match_light` names the pictures that they come from.
SHIFT_LIMITS = ((-30.0, 15.0), (-8.0, 8.0), (-8.0, 8.0))
GAIN_LIMITS = ((0.7, 1.4), (0.8, 1.25), (0.8, 1.25))
MIN_DEVIATION = 0.5  # a smaller deviation of the cut-out is taken for this one: a plain colour has none

MAX_SAMPLES = 4096  # pixels from which statistics are taken, in a regular grid
LATTICE = 17  # colours on each axis of the RGB cube

_DELTA = 6 / 29  # where f of Lab becomes linear
_F_UNIT = 1 << 14  # fixed point of f
_FIXED = 1 << 15  # fixed point of the matrix: 65535 << 15 fits 32 bits
_LIGHT = 65535  # linear light 0..1 in 16 bits
# Linear sRGB to XYZ / the D65 white point, whose rows sum to 1. Source: IEC 61966-2-1.
_TO_XYZ = np.array(
    [
        [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883],
    ]
)


def match_light(cutout: Image.Image, around: Image.Image, share: float) -> Image.Image:
    """Move the mean and the standard deviation of a cut-out's colours towards those of the background around it.

    For each of L, a and b: new = mean + share * shift + (1 + share * (gain - 1)) * (old - mean), where shift is the
    difference of the means, and gain the ratio of the deviations. Both are limited, because the unlimited transfer
    takes the colour of things for the colour of light. Pictures that showed it, and the rules that came from them:

    - A white puppy on a green meadow became turquoise, a golden dog beside a pool white and blue, an orange cat before
      pink flowers blue along its edges: a and b shift by at most 8, with a gain of 0.8 to 1.25.
    - A black dog on a marble floor became white: L rises by at most 15.
    - A pale dog in a dark forest became invisible; but in shade a pale dog is grey: L falls by at most 30.
    - A brindled dog on dry grass got glaring stripes: the gain of L is 0.7 to 1.4.

    Args:
        cutout: (h, w) RGBA, straight alpha.
        around: RGB, the background's pixels around the cut-out's place; see `around_box`.
        share: 0..1, of the change; 0 returns the cut-out as it is.
    Returns:
        RGBA of the same size, alpha unchanged.
    Raises:
        ValueError: `share` is outside 0..1.
    Source: Reinhard et al. 2001, "Color Transfer between Images"; here in CIE Lab with D65 white.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; it must be from 0 to 1")
    own = _statistics(_visible(cutout))
    if share == 0 or own is None:
        return cutout
    there = _statistics(_sampled(np.asarray(around.convert("RGB"))).reshape(-1, 3))
    if there is None:
        return cutout
    lit = cutout.convert("RGB").filter(_transfer(own, there, share))
    lit.putalpha(cutout.getchannel("A"))
    return lit


def around_box(x: int, y: int, width: int, height: int, frame_size: int) -> tuple[int, int, int, int]:
    """The part of a background whose light a cut-out takes: its box, grown by a quarter of its size on each side.

    Args:
        x, y, width, height: box of the cut-out, in pixels of the frame, y down; it may reach beyond the frame.
        frame_size: width and height of the frame in pixels.
    Returns:
        (left, top, right, bottom), clipped to the frame; at least one pixel.
    """
    left, right = _grown(x, width, frame_size)
    top, bottom = _grown(y, height, frame_size)
    return left, top, right, bottom


def _grown(start: int, length: int, frame_size: int) -> tuple[int, int]:
    grow = (length + 3) // 4
    first = min(max(start - grow, 0), frame_size - 1)
    return first, max(min(start + length + grow, frame_size), first + 1)


@dataclass(frozen=True)
class _Statistics:
    """Mean and standard deviation of L, a and b, rounded to 1/256."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def _visible(cutout: Image.Image) -> NDArray[np.uint8]:
    """(n, 4) pixels of the cut-out with alpha >= 128; all of them if the sampled ones have none."""
    pixels = np.asarray(cutout)
    found = _sampled(pixels)
    found = found[found[..., 3] >= FOREGROUND_ALPHA]
    return found if len(found) else pixels[pixels[..., 3] >= FOREGROUND_ALPHA][:MAX_SAMPLES]


def _sampled(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every n-th row and column, so that at most `MAX_SAMPLES` pixels stay."""
    step = 1
    while -(-pixels.shape[0] // step) * -(-pixels.shape[1] // step) > MAX_SAMPLES:
        step += 1
    return pixels[::step, ::step]


def _statistics(pixels: NDArray[np.uint8]) -> _Statistics | None:
    """Statistics of (n, 3 or 4) pixels, n <= 4096; None without pixels."""
    count = len(pixels)
    if count == 0:
        return None
    means, deviations = [], []
    for values in _lab(pixels):
        total, squares = int(values.sum()), int((values * values).sum())  # exact: |values| < 2**23
        means.append(round(256 * total / count / _F_UNIT) / 256)
        variance = (squares * count - total * total) / count**2
        deviations.append(round(256 * variance**0.5 / _F_UNIT) / 256)
    return _Statistics(tuple(means), tuple(deviations))


def _lab(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """L, a and b of (n, 3 or 4) sRGB pixels, in units of 2**-14."""
    tables = _tables()
    red, green, blue = (tables.linear[pixels[:, channel]] for channel in range(3))
    fx, fy, fz = (tables.f[(r * red + g * green + b * blue) >> 15] for r, g, b in tables.to_xyz)
    return 116 * fy - 16 * _F_UNIT, 500 * (fx - fy), 200 * (fy - fz)


def _transfer(own: _Statistics, there: _Statistics, share: float) -> ImageFilter.Color3DLUT:
    """The change of colours, as a table for the colours of the lattice."""
    tables = _tables()
    changed = []
    for channel, values in enumerate(tables.lattice):
        mean, (low, high) = own.mean[channel], SHIFT_LIMITS[channel]
        shift = min(max(there.mean[channel] - mean, low), high)
        low, high = GAIN_LIMITS[channel]
        gain = min(max(there.deviation[channel] / max(own.deviation[channel], MIN_DEVIATION), low), high)
        gain = round(256 * (1 + share * (gain - 1))) / 256
        offset = round(256 * (mean * (1 - gain) + share * shift)) / 256
        changed.append(values * np.float32(gain) + np.float32(offset))
    fy = (changed[0] + np.float32(16)) * np.float32(1 / 116)
    fx, fz = fy + changed[1] * np.float32(1 / 500), fy - changed[2] * np.float32(1 / 200)
    x, y, z = (_f_inverse(f) for f in (fx, fy, fz))
    table = np.empty((LATTICE**3, 3), np.float32)
    for channel, (from_x, from_y, from_z) in enumerate(tables.from_xyz):
        light = np.clip(from_x * x + from_y * y + from_z * z, 0, 1) * np.float32(_LIGHT)
        table[:, channel] = tables.encoded[light.astype(np.int32)]
    return ImageFilter.Color3DLUT(LATTICE, table.ravel(), _copy_table=False)


def _f_inverse(f: NDArray[np.float32]) -> NDArray[np.float32]:
    """X, Y or Z relative to white from f of Lab."""
    linear = np.float32(3 * _DELTA**2) * (f - np.float32(4 / 29))
    return np.where(f > np.float32(_DELTA), f * f * f, linear)


@dataclass(frozen=True)
class _Tables:
    """What does not depend on the pictures. All values are rounded, so that they are the same on every machine."""

    linear: NDArray[np.uint32]  # (256,) linear light of sRGB, 0..65535
    f: NDArray[np.int64]  # (65536,) f of Lab, in units of 2**-14
    encoded: NDArray[np.float32]  # (65536,) sRGB of linear light, 0..1
    to_xyz: tuple[tuple[np.uint32, ...], ...]  # rows sum to 2**15
    from_xyz: tuple[tuple[np.float32, ...], ...]
    lattice: tuple[NDArray[np.float32], ...]  # L, a and b of the lattice's colours, red changing fastest


@cache
def _tables() -> _Tables:
    """The tables, 1 MB; made at the first use in a few milliseconds."""
    value, t = np.arange(256) / 255, np.arange(_LIGHT + 1) / _LIGHT
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    encoded = np.where(t <= 0.0031308, 12.92 * t, 1.055 * t ** (1 / 2.4) - 0.055)
    to_xyz = np.rint(_FIXED * _TO_XYZ).astype(int)
    to_xyz[:, 1] += _FIXED - to_xyz.sum(1)  # white stays white
    from_xyz = np.rint(np.linalg.inv(_TO_XYZ) * 65536) / 65536
    nodes = np.arange(LATTICE) / (LATTICE - 1)
    light = np.where(nodes <= 0.04045, nodes / 12.92, ((nodes + 0.055) / 1.055) ** 2.4)
    blue, green, red = (axis.ravel() for axis in np.meshgrid(light, light, light, indexing="ij"))
    fx, fy, fz = (_f(r * red + g * green + b * blue) for r, g, b in _TO_XYZ.tolist())
    lab = (116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz))
    return _Tables(
        np.rint(_LIGHT * linear).astype(np.uint32),
        np.rint(_F_UNIT * _f(t)).astype(np.int64),
        (np.rint(encoded * 65536) / 65536).astype(np.float32),
        tuple(tuple(np.uint32(weight) for weight in row) for row in to_xyz.tolist()),
        tuple(tuple(np.float32(weight) for weight in row) for row in from_xyz.tolist()),
        tuple((np.rint(channel * 1024) / 1024).astype(np.float32) for channel in lab),
    )


def _f(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """f of Lab. Source: CIE 15:2004."""
    return np.where(t > _DELTA**3, np.cbrt(t), t / (3 * _DELTA**2) + 4 / 29)
