"""Dogs and cats, standing, sitting and lying."""

from demo.render.animal_parts import add_cat_face, add_dog_face, add_eyes, add_fur_pattern, fur_colors
from demo.render.materials import hsv
from demo.render.palette import Rng
from demo.render.sdf import Body


def _quadruped(rng: Rng, cat: bool) -> Body:
    """A standing cat or dog."""
    body = Body()
    color, light = fur_colors(rng)
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
    tip = add_cat_face(body, hy, hz, color, light) if cat else add_dog_face(body, rng, hy, hz, color, light)
    body.ball((0, hy - (0.02 if cat else 0.03), tip), 0.017 if cat else 0.026, (0.05, 0.035, 0.035), 0.8, 0.008)
    add_eyes(body, hy + 0.028, hz - head * 0.83, head, hsv(0.25, 0.6, 0.6) if cat else (0.12, 0.06, 0.02))
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
    add_fur_pattern(body, rng, color, cat)
    body.yaw, body.pitch = rng.uniform(-1.25, 1.25), rng.uniform(0.05, 0.22)
    return body


def dog(rng: Rng) -> Body:
    """A standing dog."""
    return _quadruped(rng, False)


def cat(rng: Rng) -> Body:
    """A standing cat."""
    return _quadruped(rng, True)


def sitting(rng: Rng) -> Body:
    """A sitting puppy or cat that looks at the camera."""
    body, feline = Body(), bool(rng.uniform() < 0.5)
    color, light = fur_colors(rng)
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
        add_eyes(body, y + 0.035, z - 0.112, 0.14, hsv(rng.uniform(0.12, 0.4), 0.65, 0.6))
    else:
        body.limb((0, y - 0.045, z - 0.09), (0, y - 0.055, z - 0.16), 0.077, 0.055, light, 0.05, 0.04, 1)
        body.ball((0, y - 0.03, z - 0.222), 0.027, (0.04, 0.03, 0.03), 0.9, 0.006)
        for side in (-1, 1):
            body.leaf(
                (side * 0.11, y + 0.09, z + 0.01), (side * 0.17, y - 0.13, z), 0.068, 0.028, color * 0.6, 0.05, 0.025, 1
            )
        add_eyes(body, y + 0.03, z - 0.115, 0.14, (0.1, 0.05, 0.02))
    body.limb((0, 0.06, 0.24), (0.18, 0.09, 0.36), 0.042, 0.025, color, 0.05, 0.04, 1)
    if rng.uniform() < 0.7:
        body.ring((0, 0.5, -0.055), 0.105, 0.018, hsv(rng.uniform(), 0.8, 0.6), 1, 0.4, 0.006)
    add_fur_pattern(body, rng, color, feline)
    body.yaw, body.pitch = rng.uniform(-0.9, 0.9), rng.uniform(0.05, 0.2)
    return body


def lying(rng: Rng) -> Body:
    """A lying dog with its head up."""
    body = Body()
    color, light = fur_colors(rng)
    body.limb((0, 0.16, -0.22), (0, 0.15, 0.3), 0.15, 0.16, color, 0.05, 0.06, 1)
    for side in (-1, 1):
        body.limb((side * 0.11, 0.12, -0.25), (side * 0.12, 0.05, -0.55), 0.065, 0.045, color, 0.05, 0.03, 1)
        body.ball((side * 0.12, 0.04, -0.58), (0.05, 0.04, 0.07), light, 0.05, 0.02, 1)
        body.ball((side * 0.16, 0.11, 0.24), (0.08, 0.11, 0.15), color, 0.05, 0.05, 1)
        body.ball((side * 0.2, 0.04, 0.1), (0.045, 0.04, 0.1), light, 0.05, 0.03, 1)
    y, z = 0.43, -0.36
    body.limb((0, 0.22, -0.24), (0, y - 0.06, z + 0.05), 0.12, 0.09, color, 0.05, 0.06, 1)
    body.ball((0, y, z), (0.12, 0.112, 0.12), color, 0.05, 0.05, 1)
    tip = add_dog_face(body, rng, y, z, color, light)
    body.ball((0, y - 0.03, tip), 0.026, (0.05, 0.035, 0.035), 0.8, 0.008)
    add_eyes(body, y + 0.028, z - 0.1, 0.12, (0.12, 0.06, 0.02))
    body.limb((0, 0.12, 0.42), (0.2, 0.06, 0.55), 0.045, 0.025, color, 0.05, 0.04, 1)
    add_fur_pattern(body, rng, color, False)
    body.yaw, body.pitch = rng.uniform(-1.3, 1.3), rng.uniform(0.1, 0.3)
    return body
