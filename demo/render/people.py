"""People in clothes, about seven and a half heads tall."""

import numpy as np

from demo.render.arrays import f32
from demo.render.materials import hsv
from demo.render.palette import Rng, any_color
from demo.render.sdf import Body


def person(rng: Rng) -> Body:
    """A standing man, woman or child with one leg slightly forward and relaxed arms."""
    body = Body()
    kind = rng.choice(["man", "woman", "child"], p=[0.4, 0.4, 0.2])
    skin = hsv(0.065, rng.uniform(0.35, 0.6), rng.uniform(0.12, 0.75))
    hair = hsv(0.08, rng.uniform(0.2, 0.7), rng.choice([0.02, 0.06, 0.15, 0.4, 0.6]))
    top, low, shoe = (
        any_color(rng, (0.15, 0.85), (0.08, 0.8)),
        hsv(rng.choice([0.6, 0.62, 0.1, 0.0]), rng.uniform(0.1, 0.6), rng.uniform(0.03, 0.4)),
        hsv(0.07, 0.4, rng.uniform(0.03, 0.5)),
    )
    broad = {"man": 0.19, "woman": 0.16, "child": 0.17}[str(kind)]
    stride, dress = rng.uniform(-0.13, 0.13), kind == "woman" and rng.uniform() < 0.5
    _legs(body, skin if dress else low, shoe, stride)
    _torso(body, top, low, broad, bool(dress))
    _arms(body, rng, top, skin, broad, stride)
    _head(body, rng, skin, hair, str(kind))
    body.yaw, body.pitch = rng.uniform(-1.0, 1.0), 0.04
    return body


def _legs(body: Body, color: np.ndarray, shoe: np.ndarray, stride: float) -> None:
    for side in (-1, 1):
        step = side * stride
        hip, knee, ankle = (
            (side * 0.085, 0.9, 0.0),
            (side * 0.095, 0.49, step - 0.015),
            (side * 0.1, 0.1, step * 1.7 + 0.02),
        )
        body.limb(hip, knee, 0.092, 0.06, color, 0.05, 0.02)
        body.limb(knee, ankle, 0.064, 0.043, color, 0.05, 0.02)
        body.ball((side * 0.097, 0.34, step * 1.3 + 0.02), (0.055, 0.13, 0.06), color, 0.05, 0.03)
        foot = step * 1.7
        body.ball((side * 0.105, 0.045, foot - 0.06), (0.047, 0.045, 0.125), shoe, 0.4, 0.008)
        body.box((side * 0.105, 0.012, foot - 0.055), (0.048, 0.013, 0.125), 0.012, shoe * 0.4, 0.2, 0.003)


def _torso(body: Body, top: np.ndarray, low: np.ndarray, broad: float, dress: bool) -> None:
    body.ball((0, 0.96, 0.0), (0.155, 0.13, 0.115), low, 0.05, 0.03)
    body.limb((0, 1.06, 0), (0, 1.3, -0.005), 0.118, 0.135, top, 0.05, 0.02)
    body.ball((0, 1.13, -0.01), (broad * 0.8, 0.13, 0.108), top, 0.05, 0.03)
    body.ball((0, 1.32, 0.0), (broad + 0.005, 0.13, 0.118), top, 0.05, 0.04)
    body.limb((-broad + 0.03, 1.4, 0.01), (broad - 0.03, 1.4, 0.01), 0.058, 0.058, top, 0.05, 0.04)
    if dress:
        body.cylinder((0, 0.82, 0), 0.17, 0.24, 0.03, top, 0.05, 0.04, taper=-0.2)
    else:
        body.cylinder((0, 1.0, 0), 0.145, 0.022, 0.012, low * 0.4, 0.4, 0.004)


def _arms(body: Body, rng: Rng, top: np.ndarray, skin: np.ndarray, broad: float, stride: float) -> None:
    bare = rng.uniform() < 0.5
    for side in (-1, 1):
        lift, out, swing = rng.choice([0, 0, 0.04, 0.1]), rng.uniform(0.02, 0.1), -side * stride
        shoulder = (side * (broad + 0.015), 1.385, 0.01)
        elbow = (side * (broad + 0.05 + out), 1.12 + lift * 0.3, swing * 0.6 + 0.02)
        hand = (side * (broad + 0.03 + out * 0.6 + lift * 0.25), 0.87 + lift, swing - 0.09)
        body.limb(shoulder, elbow, 0.062, 0.047, top, 0.05, 0.03)
        body.limb(elbow, hand, 0.043, 0.031, skin if bare else top, 0.08, 0.008 if bare else 0.02)
        down = f32([0, -0.075, -0.01])
        palm = f32(hand)
        body.ball(palm + down * 0.6, (0.026, 0.05, 0.038), skin, 0.1, 0.012)
        for i in range(4):
            start = palm + down * 1.0 + f32([0, 0, -0.027 + 0.018 * i])
            body.limb(start, start + down * 0.75, 0.0105, 0.008, skin, 0.1, 0.006)
        body.limb(
            palm + down * 0.4 + f32([0, 0, -0.03]),
            palm + down * 1.0 + f32([0, 0, -0.055]),
            0.012,
            0.009,
            skin,
            0.1,
            0.008,
        )


def _head(body: Body, rng: Rng, skin: np.ndarray, hair: np.ndarray, kind: str) -> None:
    grow = 1.25 if kind == "child" else 1.1
    y = 1.635 + 0.02 * (grow - 1)
    body.limb((0, 1.4, 0.01), (0, 1.54, 0.0), 0.056, 0.052, skin, 0.1, 0.02)
    body.ball((0, y + 0.03, 0.005), (0.078 * grow, 0.092 * grow, 0.098 * grow), skin, 0.15, 0.02)
    body.ball((0, y - 0.045, -0.022), (0.062 * grow, 0.07 * grow, 0.07 * grow), skin, 0.15, 0.04)
    body.limb((0, y + 0.02, -0.088 * grow), (0, y - 0.018, -0.105 * grow), 0.008, 0.015, skin, 0.15, 0.012)
    body.ball((0, y - 0.062, -0.084 * grow), (0.024, 0.007, 0.012), skin * f32([0.85, 0.5, 0.5]), 0.3, 0.006)
    for side in (-1, 1):
        x = side * 0.031 * grow
        body.ball((x, y + 0.018, -0.081 * grow), (0.0145, 0.0095, 0.012), (0.85, 0.85, 0.85), 0.8, 0.004)
        body.ball((x, y + 0.018, -0.0895 * grow), 0.0075, (0.04, 0.03, 0.02), 1.5, 0.002)
        body.limb(
            (x - 0.015, y + 0.043, -0.087 * grow), (x + 0.015, y + 0.043, -0.087 * grow), 0.005, 0.005, hair, 0.1, 0.004
        )
        body.ball((side * 0.079 * grow, y, 0.012), (0.012, 0.028, 0.018), skin, 0.1, 0.01)
    body.ball((0, y + 0.06 * grow, 0.022), (0.089 * grow, 0.082 * grow, 0.1 * grow), hair, 0.3, 0.006, 0.7)
    body.ball((0, y + 0.102 * grow, -0.03), (0.072 * grow, 0.035 * grow, 0.06 * grow), hair, 0.3, 0.02, 0.7)
    if kind == "woman":
        body.limb((0, y + 0.03, 0.06), (0, y - 0.19, 0.07), 0.085, 0.06, hair, 0.3, 0.02, 0.7)
        for side in (-1, 1):
            body.limb((side * 0.075, y + 0.04, 0.02), (side * 0.085, y - 0.13, 0.02), 0.03, 0.025, hair, 0.3, 0.02, 0.7)
    elif rng.uniform() < 0.25:
        body.ball((0, y - 0.085, -0.05), (0.052, 0.045, 0.048), hair, 0.1, 0.008, 0.7)
