"""Cut-outs of chairs and cars."""

from demo.render.materials import hsv
from demo.render.palette import Rng
from demo.render.sdf import Body


def chair(rng: Rng) -> Body:
    """A wooden chair with a cushion."""
    body = Body()
    wood, seat = (
        hsv(rng.uniform(0.05, 0.09), rng.uniform(0.4, 0.7), rng.uniform(0.25, 0.6)),
        hsv(rng.uniform(), rng.uniform(0.3, 0.8), rng.uniform(0.3, 0.75)),
    )
    body.box((0, 0.44, 0), (0.22, 0.022, 0.22), 0.02, wood, 0.2)
    body.box((0, 0.475, -0.01), (0.2, 0.028, 0.19), 0.028, seat, 0.05)
    for side in (-1, 1):
        body.limb((side * 0.18, 0.43, -0.18), (side * 0.2, 0.02, -0.2), 0.022, 0.018, wood, 0.2, 0.006)
        body.limb((side * 0.18, 0.43, 0.18), (side * 0.2, 0.02, 0.22), 0.022, 0.018, wood, 0.2, 0.006)
        body.limb((side * 0.19, 0.43, 0.19), (side * 0.19, 0.92, 0.25), 0.022, 0.02, wood, 0.2, 0.006)
    for i in range(3):
        body.box((0, 0.6 + 0.13 * i, 0.212 + 0.018 * i), (0.19, 0.035, 0.012), 0.01, wood, 0.2)
    body.yaw, body.pitch = rng.uniform(-1.2, 1.2), rng.uniform(0.12, 0.3)
    return body


def armchair(rng: Rng) -> Body:
    """An upholstered armchair with a pillow."""
    body, fabric = Body(), hsv(rng.uniform(), rng.uniform(0.3, 0.8), rng.uniform(0.2, 0.7))
    wood = hsv(0.07, 0.6, 0.2)
    body.box((0, 0.26, 0.02), (0.36, 0.13, 0.36), 0.05, fabric * 0.95, 0.05, 0.01)
    body.box((0, 0.43, -0.04), (0.28, 0.075, 0.32), 0.07, fabric, 0.05, 0.006)
    body.box((0, 0.64, 0.28), (0.34, 0.33, 0.11), 0.1, fabric, 0.05, 0.01)
    for side in (-1, 1):
        body.box((side * 0.36, 0.38, -0.02), (0.085, 0.22, 0.36), 0.08, fabric, 0.05, 0.01)
        for z in (-0.28, 0.28):
            body.limb((side * 0.32, 0.14, z), (side * 0.34, 0.015, z), 0.03, 0.018, wood, 0.3, 0.004)
    body.box((0.02, 0.6, 0.1), (0.17, 0.15, 0.06), 0.06, hsv(rng.uniform(), 0.5, 0.7), 0.05, 0.006)
    for i in range(6):
        body.ball((-0.2 + 0.2 * (i % 3), 0.68 + 0.16 * (i // 3), 0.165), 0.014, fabric * 0.55, 0.2, 0.012)
    body.yaw, body.pitch = rng.uniform(-0.9, 0.9), rng.uniform(0.12, 0.25)
    return body


def car(rng: Rng) -> Body:
    """A saloon car."""
    body, paint, dark = Body(), hsv(rng.uniform(), rng.uniform(0.5, 0.9), rng.uniform(0.35, 0.8)), (0.04, 0.04, 0.05)
    glass = (0.06, 0.075, 0.095)
    body.box((0, 0.52, 0), (0.82, 0.24, 1.95), 0.2, paint, 0.9, 0.05)
    body.box((0, 0.66, -1.1), (0.76, 0.13, 0.8), 0.12, paint, 0.9, 0.1)
    body.box((0, 0.95, 0.25), (0.66, 0.3, 1.0), 0.24, glass, 1.2, 0.05)
    body.box((0, 1.22, 0.28), (0.56, 0.05, 0.72), 0.05, paint, 0.9, 0.03)
    for side in (-1, 1):
        body.limb((side * 0.67, 0.78, -0.8), (side * 0.54, 1.23, -0.42), 0.04, 0.035, paint, 0.9, 0.02)
        body.limb((side * 0.69, 0.78, 0.3), (side * 0.56, 1.24, 0.3), 0.035, 0.035, paint, 0.9, 0.02)
        body.limb((side * 0.67, 0.78, 1.3), (side * 0.54, 1.22, 0.98), 0.06, 0.05, paint, 0.9, 0.02)
        body.ball((side * 0.8, 0.86, -0.55), (0.09, 0.06, 0.07), paint, 0.9, 0.03)
        for z in (-1.2, 1.2):
            body.ring((side * 0.74, 0.33, z), 0.21, 0.115, dark, 0, 0.1, 0.004)
            body.ball((side * 0.78, 0.33, z), (0.06, 0.18, 0.18), (0.7, 0.7, 0.72), 0.9, 0.004)
            body.ball((side * 0.85, 0.33, z), (0.02, 0.05, 0.05), (0.3, 0.3, 0.32), 0.9, 0.004)
        body.ball((side * 0.55, 0.6, -1.88), (0.15, 0.09, 0.09), (1.0, 0.98, 0.85), 1.0, 0.005)
        body.ball((side * 0.6, 0.62, 1.9), (0.13, 0.09, 0.06), (0.8, 0.05, 0.05), 0.8, 0.005)
    body.box((0, 0.36, -1.92), (0.7, 0.09, 0.06), 0.05, (0.15, 0.15, 0.16), 0.6, 0.01)
    body.box((0, 0.36, 1.92), (0.7, 0.09, 0.06), 0.05, (0.15, 0.15, 0.16), 0.6, 0.01)
    body.yaw, body.pitch = rng.uniform(-1.3, 1.3), rng.uniform(0.1, 0.25)
    return body
