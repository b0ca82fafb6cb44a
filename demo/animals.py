"""Dogs, cats, a sheep, a rabbit, a duck, a bear: bodies for `trace`."""

import numpy as np

from demo.materials import hsv, smooth
from demo.noise import noise
from demo.palette import Rng
from demo.sdf import Body, Pattern, Triple


def patches(color: Triple, size: float, threshold: float, shift: float) -> Pattern:
    """Blotches of `color`, on fur only."""

    def pattern(p: np.ndarray, base: np.ndarray, fur: np.ndarray) -> np.ndarray:
        where = noise("blotch", p[:, 0] + 0.5 * p[:, 1] + shift, p[:, 2] + 0.4 * p[:, 1], size * 8, 0.01)
        return base + (np.float32(color) - base) * (smooth(where, threshold, threshold + 0.25) * (fur > 0.5))[:, None]

    return pattern


def tabby(color: Triple, width: float, shift: float) -> Pattern:
    """Wavy stripes across the body."""

    def pattern(p: np.ndarray, base: np.ndarray, fur: np.ndarray) -> np.ndarray:
        bent = p[:, 2] + 0.06 * noise("blotch", p[:, 1] + shift, p[:, 0] + shift, 1.2, 0.01) + 0.25 * np.abs(p[:, 0])
        wave = np.abs(np.mod(bent / width, 1) - 0.5) * 2
        return base + (np.float32(color) - base) * (0.8 * smooth(wave, 0.45, 0.8) * (fur > 0.5))[:, None]

    return pattern


def _coat(body: Body, rng: Rng, color: np.ndarray, striped: bool) -> None:
    shift = rng.uniform(0, 9)
    if striped and rng.uniform() < 0.6:
        body.pattern = tabby(color * np.float32(0.35), rng.uniform(0.07, 0.12), shift)
    elif rng.uniform() < 0.75:
        second = np.clip(color * np.float32(rng.choice([0.3, 1.9])) + 0.02, 0, 0.92)
        body.pattern = patches(second, rng.uniform(0.12, 0.3), rng.uniform(0.0, 0.7), shift)


def _fur_colors(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Coat and a lighter belly: tan, brown, grey, black, cream or ginger."""
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


def _face(body: Body, y: float, z: float, size: float, eye: Triple, apart: float = 0.42) -> None:
    """Two eyes with pupils and a highlight, on a head of radius `size` at height y."""
    for side in (-1, 1):
        x = side * size * apart
        body.ball((x, y, z), size * 0.19, eye, 1.2, 0.004)
        body.ball((x * 1.02, y + 0.006, z - size * 0.13), size * 0.11, (0.01, 0.01, 0.01), 2.0, 0.003)
        body.ball((x * 0.92, y + size * 0.06, z - size * 0.215), size * 0.03, (1, 1, 1), 0.5, 0.002)


def _quadruped(rng: Rng, cat: bool) -> Body:
    body = Body()
    color, light = _fur_colors(rng)
    leg, half, girth = (
        (0.30, 0.24, 0.105) if cat else (rng.uniform(0.34, 0.5), rng.uniform(0.27, 0.35), rng.uniform(0.135, 0.165))
    )
    y = leg + 0.08
    body.limb((0, y + 0.01, -half), (0, y + 0.03, half), girth, girth * 0.88, color, 0.05, 0.05, 1)
    body.ball((0, y - 0.02, -half + 0.02), (girth * 0.95, girth * 1.15, girth * 0.95), light, 0.05, 0.05, 1)
    body.ball((0, y + 0.01, half - 0.02), (girth * 0.95, girth * 1.0, girth * 1.05), color, 0.05, 0.05, 1)
    for side in (-1, 1):
        for z in (-half, half * 0.95):
            swing = rng.uniform(-0.05, 0.05) + (0.04 if z > 0 else 0)
            x0, x1 = side * girth * 0.62, side * girth * 0.7
            body.limb((x0, y - 0.03, z), (x1, leg * 0.45, z + swing), girth * 0.5, girth * 0.3, color, 0.05, 0.04, 1)
            body.limb(
                (x1, leg * 0.45, z + swing),
                (x1, 0.05, z + swing - 0.02),
                girth * 0.3,
                girth * 0.27,
                light,
                0.05,
                0.03,
                1,
            )
            body.ball((x1, 0.035, z + swing - 0.04), (girth * 0.34, 0.035, girth * 0.5), light, 0.05, 0.03, 1)
    hy, hz, head = y + (0.19 if cat else 0.24), -half - 0.12, 0.115 if cat else 0.12
    body.limb((0, y + 0.04, -half + 0.03), (0, hy - 0.05, hz + 0.03), girth * 0.75, girth * 0.62, color, 0.05, 0.06, 1)
    body.ball((0, hy, hz), (head, head * 0.93, head), color, 0.05, 0.05, 1)
    if cat:
        tip = _cat_head(body, hy, hz, color, light)
    else:
        tip = _dog_head(body, rng, hy, hz, color, light)
    body.ball((0, hy - (0.02 if cat else 0.03), tip), 0.017 if cat else 0.026, (0.05, 0.035, 0.035), 0.8, 0.008)
    _face(body, hy + 0.028, hz - head * 0.83, head, hsv(0.25, 0.6, 0.6) if cat else (0.12, 0.06, 0.02))
    long, bend = rng.uniform(0.22, 0.35), rng.uniform(-0.12, 0.12)
    body.limb(
        (0, y + 0.05, half + 0.03),
        (bend, y + long * 0.55, half + long * 0.6),
        0.038 if cat else 0.048,
        0.032,
        color,
        0.05,
        0.04,
        1,
    )
    body.limb(
        (bend, y + long * 0.55, half + long * 0.6),
        (bend * 1.6, y + long * 1.2, half + long * 0.55),
        0.032,
        0.018,
        color,
        0.05,
        0.03,
        1,
    )
    if rng.uniform() < 0.6:
        body.ring((0, hy - 0.105, hz + 0.045), head * 0.82, 0.017, hsv(rng.uniform(), 0.8, 0.6), 1, 0.4, 0.006)
    _coat(body, rng, color, cat)
    body.yaw, body.pitch = rng.uniform(-1.25, 1.25), rng.uniform(0.05, 0.22)
    return body


def _cat_head(body: Body, y: float, z: float, color: Triple, light: Triple) -> float:
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


def _dog_head(body: Body, rng: Rng, y: float, z: float, color: np.ndarray, light: Triple) -> float:
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


def dog(rng: Rng) -> Body:
    return _quadruped(rng, False)


def cat(rng: Rng) -> Body:
    return _quadruped(rng, True)


def sitting(rng: Rng) -> Body:
    """A puppy or a cat that sits and looks at you."""
    body, feline = Body(), bool(rng.uniform() < 0.5)
    color, light = _fur_colors(rng)
    body.ball((0, 0.2, 0.06), (0.165, 0.2, 0.2), color, 0.05, 0.06, 1)
    body.limb((0, 0.22, 0.02), (0, 0.46, -0.05), 0.155, 0.1, color, 0.05, 0.06, 1)
    body.ball((0, 0.33, -0.1), (0.1, 0.15, 0.08), light, 0.05, 0.05, 1)
    for side in (-1, 1):
        body.limb((side * 0.085, 0.34, -0.1), (side * 0.085, 0.05, -0.15), 0.055, 0.043, color, 0.05, 0.03, 1)
        body.ball((side * 0.085, 0.035, -0.19), (0.05, 0.035, 0.07), light, 0.05, 0.02, 1)
        body.ball((side * 0.16, 0.1, 0.02), (0.08, 0.1, 0.13), color, 0.05, 0.05, 1)
        body.ball((side * 0.17, 0.035, -0.11), (0.045, 0.035, 0.08), light, 0.05, 0.02, 1)
    y, z = 0.62, -0.08
    body.ball((0, y, z), (0.145, 0.13, 0.135), color, 0.05, 0.05, 1)
    if feline:
        for side in (-1, 1):
            body.limb(
                (side * 0.085, y + 0.08, z + 0.01),
                (side * 0.115, y + 0.2, z + 0.01),
                0.055,
                0.008,
                color,
                0.05,
                0.02,
                1,
            )
            body.ball((side * 0.035, y - 0.045, z - 0.105), (0.045, 0.038, 0.04), light, 0.05, 0.02, 1)
        body.ball((0, y - 0.02, z - 0.148), 0.016, (0.6, 0.3, 0.3), 0.6, 0.006)
        _face(body, y + 0.035, z - 0.112, 0.14, hsv(rng.uniform(0.12, 0.4), 0.65, 0.6))
    else:
        body.limb((0, y - 0.045, z - 0.09), (0, y - 0.055, z - 0.16), 0.077, 0.055, light, 0.05, 0.04, 1)
        body.ball((0, y - 0.03, z - 0.222), 0.027, (0.04, 0.03, 0.03), 0.9, 0.006)
        for side in (-1, 1):
            body.leaf(
                (side * 0.11, y + 0.09, z + 0.01), (side * 0.17, y - 0.13, z), 0.068, 0.028, color * 0.6, 0.05, 0.025, 1
            )
        _face(body, y + 0.03, z - 0.115, 0.14, (0.1, 0.05, 0.02))
    body.limb((0, 0.06, 0.24), (0.18, 0.09, 0.36), 0.042, 0.025, color, 0.05, 0.04, 1)
    if rng.uniform() < 0.7:
        body.ring((0, 0.5, -0.055), 0.105, 0.018, hsv(rng.uniform(), 0.8, 0.6), 1, 0.4, 0.006)
    _coat(body, rng, color, feline)
    body.yaw, body.pitch = rng.uniform(-0.9, 0.9), rng.uniform(0.05, 0.2)
    return body


def lying(rng: Rng) -> Body:
    """A dog that lies down, head up."""
    body = Body()
    color, light = _fur_colors(rng)
    body.limb((0, 0.16, -0.22), (0, 0.15, 0.3), 0.15, 0.16, color, 0.05, 0.06, 1)
    for side in (-1, 1):
        body.limb((side * 0.11, 0.12, -0.25), (side * 0.12, 0.05, -0.55), 0.065, 0.045, color, 0.05, 0.03, 1)
        body.ball((side * 0.12, 0.04, -0.58), (0.05, 0.04, 0.07), light, 0.05, 0.02, 1)
        body.ball((side * 0.16, 0.11, 0.24), (0.08, 0.11, 0.15), color, 0.05, 0.05, 1)
        body.ball((side * 0.2, 0.04, 0.1), (0.045, 0.04, 0.1), light, 0.05, 0.03, 1)
    y, z = 0.43, -0.36
    body.limb((0, 0.22, -0.24), (0, y - 0.06, z + 0.05), 0.12, 0.09, color, 0.05, 0.06, 1)
    body.ball((0, y, z), (0.12, 0.112, 0.12), color, 0.05, 0.05, 1)
    tip = _dog_head(body, rng, y, z, color, light)
    body.ball((0, y - 0.03, tip), 0.026, (0.05, 0.035, 0.035), 0.8, 0.008)
    _face(body, y + 0.028, z - 0.1, 0.12, (0.12, 0.06, 0.02))
    body.limb((0, 0.12, 0.42), (0.2, 0.06, 0.55), 0.045, 0.025, color, 0.05, 0.04, 1)
    _coat(body, rng, color, False)
    body.yaw, body.pitch = rng.uniform(-1.3, 1.3), rng.uniform(0.1, 0.3)
    return body


def sheep(rng: Rng) -> Body:
    body = Body()
    wool, skin = hsv(0.1, rng.uniform(0.03, 0.15), rng.uniform(0.6, 0.85)), hsv(0.06, 0.3, rng.uniform(0.03, 0.5))
    body.ball((0, 0.55, 0), (0.24, 0.25, 0.38), wool, 0.02, 0.04, 1)
    for i in range(46):
        a, h = i * 2.4, 1 - 2 * (i + 0.5) / 46
        ring = np.sqrt(1 - h * h)
        at = (0.22 * ring * np.cos(a), 0.55 + 0.24 * ring * np.sin(a), 0.37 * h)
        body.ball(at, rng.uniform(0.055, 0.085), wool * np.float32(rng.uniform(0.92, 1.05)), 0.02, 0.025, 1)
    for side in (-1, 1):
        for z in (-0.22, 0.22):
            body.limb(
                (side * 0.12, 0.4, z), (side * 0.12, 0.04, z + rng.uniform(-0.03, 0.03)), 0.045, 0.035, skin, 0.1, 0.02
            )
        body.leaf((side * 0.06, 0.82, -0.44), (side * 0.19, 0.79, -0.42), 0.035, 0.018, skin, 0.1, 0.01)
    body.limb((0, 0.66, -0.34), (0, 0.8, -0.43), 0.11, 0.085, wool, 0.02, 0.04, 1)
    body.limb((0, 0.8, -0.46), (0, 0.72, -0.6), 0.078, 0.052, skin, 0.1, 0.03)
    for i in range(7):
        body.ball(
            (0.05 * np.cos(i * 2.4), 0.875 + 0.015 * np.sin(i * 2.4), -0.43 + 0.05 * np.sin(i * 2.4)),
            0.05,
            wool,
            0.02,
            0.02,
            1,
        )
    for side in (-1, 1):
        body.ball((side * 0.058, 0.81, -0.52), 0.017, (0.85, 0.75, 0.4), 1.0, 0.004)
        body.ball((side * 0.066, 0.81, -0.53), 0.011, (0.02, 0.02, 0.02), 1.5, 0.003)
    body.yaw, body.pitch = rng.uniform(-1.3, 1.3), rng.uniform(0.05, 0.2)
    return body


def rabbit(rng: Rng) -> Body:
    body = Body()
    color, light = _fur_colors(rng)
    body.ball((0, 0.13, 0.04), (0.11, 0.13, 0.15), color, 0.05, 0.04, 1)
    body.ball((0, 0.14, -0.06), (0.08, 0.11, 0.08), light, 0.05, 0.04, 1)
    body.ball((0, 0.11, 0.19), 0.05, light, 0.05, 0.02, 1)
    for side in (-1, 1):
        body.ball((side * 0.08, 0.08, 0.06), (0.055, 0.08, 0.09), color, 0.05, 0.03, 1)
        body.ball((side * 0.085, 0.025, -0.03), (0.035, 0.025, 0.085), light, 0.05, 0.02, 1)
        body.limb((side * 0.045, 0.13, -0.11), (side * 0.045, 0.03, -0.14), 0.032, 0.026, color, 0.05, 0.02, 1)
        lop = 0.03 + 0.05 * rng.uniform()
        body.leaf((side * 0.03, 0.34, -0.11), (side * (0.03 + lop), 0.56, -0.08), 0.034, 0.016, color, 0.05, 0.015, 1)
        body.leaf(
            (side * 0.034, 0.37, -0.124),
            (side * (0.028 + lop), 0.53, -0.098),
            0.019,
            0.008,
            (0.75, 0.45, 0.42),
            0.05,
            0.004,
        )
    body.ball((0, 0.29, -0.12), (0.08, 0.075, 0.09), color, 0.05, 0.03, 1)
    for side in (-1, 1):
        body.ball((side * 0.024, 0.268, -0.192), (0.03, 0.026, 0.026), light, 0.05, 0.012, 1)
        body.ball((side * 0.062, 0.31, -0.165), 0.018, (0.06, 0.03, 0.02), 1.8, 0.004)
        body.ball((side * 0.066, 0.316, -0.181), 0.004, (1, 1, 1), 0.5, 0.001)
    body.ball((0, 0.285, -0.214), (0.012, 0.009, 0.01), (0.7, 0.3, 0.32), 0.4, 0.004)
    body.yaw, body.pitch = rng.uniform(-1.1, 1.1), rng.uniform(0.08, 0.25)
    return body


def duck(rng: Rng) -> Body:
    body, color, orange = (
        Body(),
        hsv(rng.uniform(0.1, 0.15), rng.uniform(0.1, 0.85), rng.uniform(0.7, 0.95)),
        (0.95, 0.42, 0.05),
    )
    body.ball((0, 0.14, 0.02), (0.13, 0.11, 0.18), color, 0.25, 0.04, 0.3)
    body.limb((0, 0.17, -0.1), (0, 0.28, -0.12), 0.075, 0.06, color, 0.25, 0.05, 0.3)
    body.ball((0, 0.32, -0.13), (0.085, 0.08, 0.085), color, 0.25, 0.03, 0.3)
    body.ball((0, 0.308, -0.225), (0.042, 0.013, 0.05), orange, 0.4, 0.006)
    body.ball((0, 0.292, -0.215), (0.034, 0.009, 0.04), (0.8, 0.3, 0.03), 0.4, 0.004)
    body.limb((0, 0.18, 0.17), (0, 0.25, 0.26), 0.05, 0.012, color, 0.25, 0.04, 0.3)
    for side in (-1, 1):
        body.ball((side * 0.045, 0.345, -0.197), 0.0155, (0.01, 0.01, 0.01), 2.0, 0.003)
        body.ball((side * 0.047, 0.351, -0.21), 0.004, (1, 1, 1), 0.5, 0.001)
        body.leaf((side * 0.125, 0.17, -0.07), (side * 0.13, 0.16, 0.17), 0.065, 0.03, color * 0.9, 0.25, 0.012, 0.3)
        body.limb((side * 0.05, 0.06, 0), (side * 0.06, 0.02, -0.01), 0.02, 0.015, orange, 0.2, 0.01)
        body.ball((side * 0.06, 0.012, -0.05), (0.045, 0.012, 0.06), orange, 0.2, 0.01)
    body.yaw, body.pitch = rng.uniform(-1.2, 1.2), rng.uniform(0.1, 0.25)
    return body


def teddy(rng: Rng) -> Body:
    body = Body()
    color = hsv(rng.uniform(0.04, 0.1), rng.uniform(0.4, 0.75), rng.uniform(0.2, 0.6))
    light = np.clip(color * 1.5 + 0.1, 0, 0.9)
    body.ball((0, 0.19, 0), (0.14, 0.17, 0.12), color, 0.03, 0.03, 1)
    body.ball((0, 0.18, -0.07), (0.09, 0.11, 0.06), light, 0.03, 0.02, 1)
    body.ball((0, 0.43, -0.01), (0.13, 0.115, 0.115), color, 0.03, 0.03, 1)
    body.ball((0, 0.4, -0.1), (0.06, 0.048, 0.05), light, 0.03, 0.015, 1)
    body.ball((0, 0.423, -0.148), (0.022, 0.016, 0.014), (0.03, 0.02, 0.02), 0.8, 0.004)
    for side in (-1, 1):
        body.ball((side * 0.1, 0.53, 0), (0.05, 0.05, 0.03), color, 0.03, 0.015, 1)
        body.ball((side * 0.1, 0.53, -0.02), (0.03, 0.03, 0.02), light, 0.03, 0.008, 1)
        body.ball((side * 0.045, 0.455, -0.107), 0.015, (0.02, 0.015, 0.01), 2.0, 0.003)
        body.limb((side * 0.12, 0.29, 0), (side * 0.2, 0.17, -0.07), 0.05, 0.045, color, 0.03, 0.02, 1)
        body.limb((side * 0.08, 0.08, -0.03), (side * 0.13, 0.06, -0.2), 0.06, 0.055, color, 0.03, 0.025, 1)
        body.ball((side * 0.135, 0.062, -0.25), (0.04, 0.042, 0.012), light, 0.03, 0.01, 1)
    bow = hsv(rng.uniform(), 0.8, 0.55)
    for side in (-1, 1):
        body.ball((side * 0.045, 0.315, -0.115), (0.045, 0.03, 0.02), bow, 0.3, 0.005)
    body.ball((0, 0.315, -0.125), 0.018, bow * 0.8, 0.3, 0.003)
    body.yaw, body.pitch = rng.uniform(-0.7, 0.7), rng.uniform(0.08, 0.25)
    return body
