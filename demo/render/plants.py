"""Plants, fruit and mushrooms."""

import numpy as np

from demo.render.arrays import f32
from demo.render.materials import hsv
from demo.render.palette import Rng
from demo.render.sdf import Body


def _pot(body: Body, rng: Rng) -> None:
    color = hsv(rng.uniform(0.02, 0.1), rng.uniform(0.2, 0.7), rng.uniform(0.35, 0.8))
    body.cylinder((0, 0.15, 0), 0.15, 0.15, 0.02, color, 0.2, taper=0.22)
    body.cylinder((0, 0.29, 0), 0.19, 0.03, 0.015, color * 0.92, 0.2)
    body.cylinder((0, 0.31, 0), 0.165, 0.02, 0.01, (0.07, 0.045, 0.03), 0.0)


def houseplant(rng: Rng) -> Body:
    """A pot plant with broad leaves on arching stalks."""
    body = Body()
    _pot(body, rng)
    hue, count = rng.uniform(0.24, 0.36), int(rng.integers(12, 18))
    for i in range(count):
        a, share = i * 2.39996, (i + 0.5) / count
        out, up = 0.1 + 0.24 * share, 0.62 - 0.4 * share + rng.uniform(-0.05, 0.05)
        side = f32([np.cos(a), 0, np.sin(a)])
        bend = f32([0, 0.32, 0]) + side * out * 0.5 + f32([0, up * 0.8, 0])
        tip = bend + side * rng.uniform(0.2, 0.28) + f32([0, rng.uniform(-0.08, 0.12), 0])
        green = hsv(hue, rng.uniform(0.6, 0.85), rng.uniform(0.22, 0.5))
        body.limb((0, 0.31, 0), bend, 0.011, 0.008, green * 0.7, 0.1, 0.006)
        body.leaf(bend - side * 0.03, tip, rng.uniform(0.055, 0.085), 0.009, green, 0.45, 0.004)
    body.yaw, body.pitch = rng.uniform(0, 6), rng.uniform(0.15, 0.3)
    return body


def cactus(rng: Rng) -> Body:
    """A ribbed cactus with two arms and a flower, in a pot."""
    body = Body()
    _pot(body, rng)
    green = hsv(rng.uniform(0.3, 0.42), 0.6, rng.uniform(0.25, 0.5))
    body.limb((0, 0.3, 0), (0, 0.85, 0), 0.1, 0.085, green, 0.1, 0.02)
    for side, y in ((-1, 0.5), (1, 0.6)):
        body.limb((0, y, 0), (side * 0.2, y + 0.02, 0), 0.055, 0.055, green, 0.1, 0.02)
        body.limb((side * 0.2, y + 0.02, 0), (side * 0.21, y + 0.2, 0), 0.055, 0.048, green, 0.1, 0.02)
    bloom = hsv(rng.choice([0.9, 0.12, 0.0]), 0.7, 0.9)
    for i in range(6):
        a = i * np.pi / 3
        body.leaf((0, 0.93, 0), (0.07 * np.cos(a), 0.97, 0.07 * np.sin(a)), 0.02, 0.008, bloom, 0.2, 0.004)

    def ribs(p: np.ndarray, color: np.ndarray, fur: np.ndarray) -> np.ndarray:
        stripe = np.abs(np.mod(np.arctan2(p[:, 0], p[:, 2]) / (2 * np.pi) * 14, 1) - 0.5) * 2
        plant = (color[:, 1] > color[:, 0] * 1.2) & (p[:, 1] > 0.33)
        return color * np.where(plant, 0.65 + 0.5 * stripe, 1)[:, None].astype(np.float32)

    body.pattern = ribs
    body.yaw, body.pitch = rng.uniform(-0.8, 0.8), rng.uniform(0.1, 0.25)
    return body


def apple(rng: Rng) -> Body:
    """An apple with a second colour on one side, a stalk and a leaf."""
    body = Body()
    color, second = hsv(rng.choice([0.0, 0.98, 0.25]), 0.85, 0.6), hsv(rng.uniform(0.1, 0.25), 0.7, 0.75)
    for i in range(5):
        a = i * 2 * np.pi / 5
        body.ball((0.014 * np.cos(a), 0.04, 0.014 * np.sin(a)), (0.031, 0.038, 0.031), color, 0.7, 0.012)
    for i in range(7):
        a = i * 2 * np.pi / 7
        body.ball((0.018 * np.cos(a), 0.05, 0.018 * np.sin(a)), (0.026, 0.027, 0.026), color, 0.7, 0.012)
    body.limb((0, 0.066, 0), (0.006, 0.094, 0.002), 0.0022, 0.0028, (0.15, 0.08, 0.03), 0.1, 0.003)
    body.leaf((0.004, 0.086, 0), (0.036, 0.1, -0.012), 0.012, 0.002, hsv(0.3, 0.7, 0.4), 0.4, 0.001)

    def blush(p: np.ndarray, base: np.ndarray, fur: np.ndarray) -> np.ndarray:
        share = (
            np.clip((p[:, 1] - 0.04) * 14 + p[:, 0] * 9, 0, 0.8)
            * (np.hypot(p[:, 0], p[:, 2]) > 0.006)
            * (base[:, 1] < base[:, 0] * 3)
        )
        skin = (p[:, 1] < 0.078)[:, None]
        return np.where(skin, base + (second - base) * share[:, None], base).astype(np.float32)

    body.pattern, body.yaw, body.pitch = blush, rng.uniform(-0.6, 0.6), rng.uniform(0.2, 0.4)
    return body


def pear(rng: Rng) -> Body:
    """A pear with a stalk."""
    body, color = Body(), hsv(rng.uniform(0.13, 0.22), 0.75, 0.65)
    body.ball((0, 0.04, 0), (0.041, 0.04, 0.041), color, 0.5, 0.02)
    body.ball((0.002, 0.088, 0), (0.022, 0.032, 0.022), color, 0.5, 0.035)
    body.limb((0.002, 0.115, 0), (0.012, 0.138, 0), 0.0025, 0.003, (0.15, 0.09, 0.03), 0.1, 0.004)
    body.yaw, body.pitch = rng.uniform(0, 6), rng.uniform(0.1, 0.3)
    return body


def mushroom(rng: Rng) -> Body:
    """A mushroom with a spotted cap."""
    body, cap = Body(), hsv(rng.uniform(0, 0.09), rng.uniform(0.6, 0.9), rng.uniform(0.5, 0.85))
    body.limb((0, 0.03, 0), (0, 0.2, 0), 0.075, 0.055, (0.88, 0.84, 0.74), 0.1, 0.03)
    body.ball((0, 0.24, 0), (0.19, 0.12, 0.19), cap, 0.5, 0.02)
    body.ring((0, 0.17, 0), 0.06, 0.014, (0.85, 0.8, 0.7), 1, 0.1, 0.02)
    for i in range(11):
        a, e = i * 2.4, 0.25 + 1.1 * ((i * 0.618) % 1)
        at = (np.cos(a) * np.cos(e) * 0.185, 0.24 + np.sin(e) * 0.115, np.sin(a) * np.cos(e) * 0.185)
        body.ball(at, 0.026 * rng.uniform(0.6, 1.2), (0.95, 0.93, 0.88), 0.2, 0.005)
    body.yaw, body.pitch = rng.uniform(0, 6), rng.uniform(0, 0.2)
    return body
