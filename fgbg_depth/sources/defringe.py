"""Remove the colours of the old background from the soft edge of a cut-out."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from fgbg_depth.sources.halo import find_halo

OFF, AUTO, ON = "off", "auto", "on"  # values of the recipe's field `defringe`
MAX_SIDE = 2048  # pixels: larger cut-outs are reduced first; 2048x2048 take 3 s and 450 MB

_REGULARIZATION = np.float32(1e-5)  # as published: colours of neighbours with equal alpha are hardly drawn together
_SMALL = 32  # pixels: levels up to this size get more iterations, as published
_SMALL_ITERATIONS, _ITERATIONS = 10, 8  # published: 10 and 2; 8 takes the error from 15 to 11 of 255
_UNIFORM = 12  # of 255: standard deviation up to which the hidden colours were filled in and show no background
_RIM = 2  # pixels: width of the outline that is taken from inside if opaque pixels show a halo

Pixels = np.ndarray  # (height, width, ...)


def defringe(cutout: Image.Image, mode: str, max_side: int = MAX_SIDE) -> Image.Image | None:
    """The cut-out with colours of the foreground alone in its soft edge; None if nothing is to be done.

    Done at the cut-out's own size: estimated after reducing it to its placed size, the colours were 2.5 times as far
    from the truth, because reducing mixes them (benchmarks/defringe.py).

    Args:
        cutout: (height, width, 4) uint8 sRGB, straight alpha.
        mode: "on", "auto" (only if `find_halo` finds a halo) or "off".
        max_side: a larger cut-out is reduced to this size.
    Returns:
        the same alpha; colours of opaque pixels are the same unless they show a halo themselves.
    """
    if mode == OFF:
        return None
    halo = find_halo(cutout)
    if halo is None and mode == AUTO:
        return None
    if (scale := max_side / max(cutout.size)) < 1:
        size = (max(1, round(cutout.width * scale)), max(1, round(cutout.height * scale)))
        cutout = cutout.convert("RGBa").resize(size, Image.Resampling.BOX).convert("RGBA")
    pixels = np.array(cutout)
    colors, alpha = pixels[..., :3], pixels[..., 3]
    known = np.ones(alpha.shape, bool)
    hidden = alpha == 0
    if halo is not None and not halo.rim:
        colors[hidden] = halo.color
    elif _is_uniform(colors[hidden & _grown(alpha > 0, 8)]):
        known = ~hidden  # the transparent pixels were filled with one colour, which need not be the background's
    if halo is not None and halo.rim:
        known &= ~_grown(alpha < 128, _RIM)
    soft = (alpha > 0) & ((alpha < 255) | ~known)
    if not soft.any():
        return None
    estimated = estimate_foreground(colors, alpha, known)
    pixels[soft, :3] = estimated[soft]
    return Image.fromarray(pixels)


def estimate_foreground(image: Pixels, alpha: Pixels, known: Pixels | None = None) -> Pixels:
    """Colours F of the foreground in I = aF + (1 - a)B, estimated at every pixel together with those of B.

    F and B are as smooth as the image allows, less so where alpha changes: the sum over all pixels of
    |aF + (1 - a)B - I|^2 and, over their neighbours, (1e-5 + |difference of a|)(|dF|^2 + |dB|^2) is small. It is
    solved from a picture of one pixel up to the full size; each level starts with the solution of the level before.

    Here a level is solved in two halves, like the fields of a chessboard, and on large levels only near soft pixels.
    All steps are additions, multiplications and divisions of single numbers (IEEE 754 float32) and no sums whose order
    may differ. So the result is the same in every process and on every machine.

    Args:
        image: (height, width, 3) uint8, the colours I.
        alpha: (height, width) uint8, 255 a.
        known: (height, width) bool, False where the image says nothing about F and B; None: True everywhere.
    Returns:
        (height, width, 3) uint8.
    Source: Germer, Uelwer, Conrad, Harmeling 2020, "Fast Multi-Level Foreground Estimation", arXiv:2006.14970.
    """
    height, width = alpha.shape
    weight = np.ones(alpha.shape, np.float32) if known is None else known.astype(np.float32)
    composite, coverage = image.astype(np.float32) / np.float32(255), alpha.astype(np.float32) / np.float32(255)
    start = _first_color(image, (alpha >= 230) & (weight > 0))
    foreground, background = start, _first_color(image, (alpha <= 25) & (weight > 0), start)
    levels = max(1, math.ceil(math.log2(max(width, height))))
    for level in range(levels + 1):
        size = (_side(height, level, levels), _side(width, level, levels))
        iterations = _SMALL_ITERATIONS if max(size) <= _SMALL else _ITERATIONS
        foreground, background = _solve(
            _sampled(composite, size),
            _sampled(coverage, size),
            _sampled(weight, size),
            _sampled(foreground, size),
            _sampled(background, size),
            iterations,
        )
    return (foreground * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def _solve(
    image: Pixels, alpha: Pixels, weight: Pixels, foreground: Pixels, background: Pixels, iterations: int
) -> tuple[Pixels, Pixels]:
    """Improve foreground and background of one level.

    Args:
        image: (h, w, 3) float32, 0..1.
        alpha, weight: (h, w) float32; weight 0 where the image is not known.
        foreground, background: (h, w, 3) float32, from the level before.
    """
    height, width = alpha.shape
    opaque = (alpha == 1) & (weight > 0)
    foreground = np.where(opaque[..., None], image, foreground)
    active = _grown(~opaque & (alpha > 0), 2) if max(height, width) > _SMALL else np.ones(alpha.shape, bool)
    flat_image, flat_alpha, flat_weight = image.reshape(-1, 3), alpha.reshape(-1), weight.reshape(-1)
    flat_foreground, flat_background = foreground.reshape(-1, 3), np.ascontiguousarray(background).reshape(-1, 3)
    rows, columns = np.nonzero(active)
    for _ in range(iterations):
        for field in (0, 1):
            chosen = (rows + columns) % 2 == field
            y, x = rows[chosen], columns[chosen]
            here = y * width + x
            neighbours = (
                np.maximum(y - 1, 0) * width + x,
                np.minimum(y + 1, height - 1) * width + x,
                y * width + np.maximum(x - 1, 0),
                y * width + np.minimum(x + 1, width - 1),
            )
            a = flat_alpha[here][:, None]
            b, w = 1 - a, flat_weight[here][:, None]
            ff, fb, bb = w * a * a, w * a * b, w * b * b
            right_f, right_b = w * a * flat_image[here], w * b * flat_image[here]
            for there in neighbours:
                draw = _REGULARIZATION + np.abs(a - flat_alpha[there][:, None])
                ff, bb = ff + draw, bb + draw
                right_f, right_b = right_f + draw * flat_foreground[there], right_b + draw * flat_background[there]
            determinant = ff * bb - fb * fb
            solved_f = np.clip((bb * right_f - fb * right_b) / determinant, 0, 1)
            flat_background[here] = np.clip((ff * right_b - fb * right_f) / determinant, 0, 1)
            is_opaque = (a == 1) & (w > 0)
            flat_foreground[here] = np.where(is_opaque, flat_image[here], solved_f)
    return flat_foreground.reshape(image.shape), flat_background.reshape(image.shape)


def _side(full: int, level: int, levels: int) -> int:
    """A side of a level's picture: 1 on the first, `full` on the last."""
    return round(math.pow(full, level / levels))


def _sampled(values: Pixels, size: tuple[int, int]) -> Pixels:
    """The nearest pixels, as published: means would mix foreground and background."""
    rows = np.arange(size[0]) * values.shape[0] // size[0]
    columns = np.arange(size[1]) * values.shape[1] // size[1]
    sampled: Pixels = values[rows[:, None], columns[None]]
    return sampled


def _first_color(image: Pixels, chosen: Pixels, otherwise: Pixels | None = None) -> Pixels:
    """(1, 1, 3) float32, 0..1: the mean of the chosen pixels, summed as integers so that the order has no effect."""
    count = int(chosen.sum())
    if not count:
        return np.full((1, 1, 3), 0.5, np.float32) if otherwise is None else otherwise
    color: Pixels = (image[chosen].sum(axis=0, dtype=np.int64) / (255 * count)).astype(np.float32)[None, None]
    return color


def _is_uniform(colors: Pixels) -> bool:
    """Whether (n, 3) uint8 colours are all nearly the same; computed with integers, so that no rounding decides."""
    values, count = colors.astype(np.int64), len(colors)
    spread = count * (values**2).sum(axis=0) - values.sum(axis=0) ** 2  # the variance, times the squared count
    return bool((spread <= _UNIFORM**2 * count**2).all())


def _grown(chosen: Pixels, steps: int) -> Pixels:
    """(h, w) bool: pixels within so many steps (also diagonal ones) of the chosen pixels."""
    for _ in range(steps):
        padded = np.pad(chosen, 1)
        height, width = chosen.shape
        rows = padded[:height] | padded[1 : height + 1] | padded[2:]
        chosen = rows[:, :width] | rows[:, 1 : width + 1] | rows[:, 2:]
    return chosen
