"""Animals other than cats and dogs: a sheep, a rabbit, a duck and a teddy bear."""

import numpy as np

from demo.render.animal_parts import fur_colors
from demo.render.materials import hsv
from demo.render.palette import Rng
from demo.render.sdf import Body


def sheep(rng: Rng) -> Body:
    """A standing sheep; its wool is 46 overlapping balls."""
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
    """A sitting rabbit."""
    body = Body()
    color, light = fur_colors(rng)
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
    """A standing duck."""
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
    """A sitting teddy bear with a bow."""
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
