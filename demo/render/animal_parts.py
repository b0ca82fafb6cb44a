"""Parts shared by several animals: fur patterns and colours, faces, and the heads of cats and dogs."""

import numpy as np

from demo.render.arrays import f32
from demo.render.materials import hsv, mix, smooth
from demo.render.noise import noise
from demo.render.palette import Rng
from demo.render.sdf import Body, Pattern, Triple


def patches(color: Triple, size: float, threshold: float, shift: float) -> Pattern:
    """Irregular patches of `color` on the furry parts.

    Args:
        size: metres, about the width of a patch.
        threshold: higher values give fewer patches.
        shift: metres, moves the patches.
    """

    def pattern(p: np.ndarray, base: np.ndarray, fur: np.ndarray) -> np.ndarray:
        where = noise("blotch", p[:, 0] + 0.5 * p[:, 1] + shift, p[:, 2] + 0.4 * p[:, 1], size * 8, 0.01)
        share = smooth(where, threshold, threshold + 0.25) * (fur > 0.5)
        return mix(base, f32(color), share)

    return pattern


def tabby(color: Triple, width: float, shift: float) -> Pattern:
    """Wavy stripes of `color` across the furry parts, `width` metres apart; `shift` (metres) moves them."""

    def pattern(p: np.ndarray, base: np.ndarray, fur: np.ndarray) -> np.ndarray:
        bent = p[:, 2] + 0.06 * noise("blotch", p[:, 1] + shift, p[:, 0] + shift, 1.2, 0.01) + 0.25 * np.abs(p[:, 0])
        wave = np.abs(np.mod(bent / width, 1) - 0.5) * 2
        return mix(base, f32(color), 0.8 * smooth(wave, 0.45, 0.8) * (fur > 0.5))

    return pattern


def add_fur_pattern(body: Body, rng: Rng, color: np.ndarray, striped: bool) -> None:
    """Give the body patches, stripes (only if `striped`) or no pattern."""
    shift = rng.uniform(0, 9)
    if striped and rng.uniform() < 0.6:
        body.pattern = tabby(color * np.float32(0.35), rng.uniform(0.07, 0.12), shift)
    elif rng.uniform() < 0.75:
        second = np.clip(color * np.float32(rng.choice([0.3, 1.9])) + 0.02, 0, 0.92)
        body.pattern = patches(second, rng.uniform(0.12, 0.3), rng.uniform(0.0, 0.7), shift)


def fur_colors(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Colours of the coat (tan, brown, grey, black, cream or ginger) and of the lighter belly, linear RGB (3,) each."""
    kind = rng.integers(6)
    color = [
        hsv(0.08, 0.45, 0.5),
        hsv(0.06, 0.6, 0.22),
        hsv(0.6, 0.06, rng.uniform(0.2, 0.5)),
        hsv(0.08, 0.15, 0.05),
        hsv(0.1, 0.18, 0.8),
        hsv(0.065, 0.72, 0.62),
    ][kind] * np.float32(rng.uniform(0.8, 1.2))
    return color, np.clip(color * np.float32(rng.uniform(1.1, 1.6)) + 0.06, 0, 0.92)


def add_eyes(body: Body, y: float, z: float, size: float, eye: Triple, apart: float = 0.42) -> None:
    """Two eyes of colour `eye` with pupils and highlights, at (y, z) on a head of radius `size` metres.

    apart: each eye's distance from the middle, as a share of `size`.
    """
    for side in (-1, 1):
        x = side * size * apart
        body.ball((x, y, z), size * 0.19, eye, 1.2, 0.004)
        body.ball((x * 1.02, y + 0.006, z - size * 0.13), size * 0.11, (0.01, 0.01, 0.01), 2.0, 0.003)
        body.ball((x * 0.92, y + size * 0.06, z - size * 0.215), size * 0.03, (1, 1, 1), 0.5, 0.002)


def add_cat_face(body: Body, y: float, z: float, color: Triple, light: Triple) -> float:
    """Cheeks and ears for a head at (y, z); returns the z of the nose."""
    for side in (-1, 1):
        body.ball((side * 0.03, y - 0.038, z - 0.088), (0.037, 0.032, 0.04), light, 0.05, 0.02, 1)
        body.limb(
            (side * 0.07, y + 0.075, z + 0.01), (side * 0.088, y + 0.165, z + 0.015), 0.045, 0.008, color, 0.05, 0.02, 1
        )
        body.limb(
            (side * 0.071, y + 0.085, z - 0.022),
            (side * 0.086, y + 0.145, z - 0.012),
            0.022,
            0.005,
            (0.7, 0.4, 0.38),
            0.05,
            0.006,
        )
    return z - 0.125


def add_dog_face(body: Body, rng: Rng, y: float, z: float, color: np.ndarray, light: Triple) -> float:
    """Snout, ears and sometimes a tongue for a head at (y, z); returns the z of the nose."""
    snout, pricked = rng.uniform(0.08, 0.14), rng.uniform() < 0.45
    body.limb((0, y - 0.035, z - 0.07), (0, y - 0.05, z - 0.08 - snout), 0.072, 0.05, light, 0.05, 0.04, 1)
    for side in (-1, 1):
        if pricked:
            body.limb(
                (side * 0.075, y + 0.07, z + 0.02),
                (side * 0.1, y + 0.19, z + 0.03),
                0.05,
                0.015,
                color * 0.75,
                0.05,
                0.02,
                1,
            )
        else:
            body.leaf(
                (side * 0.1, y + 0.08, z + 0.01),
                (side * 0.145, y - 0.12, z - 0.01),
                0.062,
                0.026,
                color * 0.65,
                0.05,
                0.025,
                1,
            )
    tip = z - 0.08 - snout - 0.045
    if rng.uniform() < 0.6:
        body.ball((0, y - 0.09, tip + 0.055), (0.022, 0.03, 0.03), (0.7, 0.22, 0.25), 0.3, 0.008)
    return tip
