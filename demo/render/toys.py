"""Balls, a mug, a die, a snowman and a robot."""

import numpy as np

from demo.render.arrays import f32
from demo.render.materials import hsv
from demo.render.palette import Rng
from demo.render.sdf import Body


def beach_ball(rng: Rng) -> Body:
    """A beach ball with coloured panels."""
    body, hue, colors = Body(), rng.uniform(), int(rng.integers(3, 5))
    tilt = rng.uniform(0.3, 0.9)
    body.ball((0, 0.2, 0), 0.2, (1, 1, 1), 0.9)

    def panels(p: np.ndarray, color: np.ndarray, fur: np.ndarray) -> np.ndarray:
        q = p - f32([0, 0.2, 0])
        y = np.cos(tilt) * q[:, 1] + np.sin(tilt) * q[:, 2]
        z = np.cos(tilt) * q[:, 2] - np.sin(tilt) * q[:, 1]
        number = np.floor(np.arctan2(q[:, 0], z) / np.pi * colors).astype(int)
        paint = np.stack([hsv(hue + k / colors, 0.78, 0.85) for k in range(colors)])[(number // 2) % colors]
        on = (number % 2 == 0) & (np.abs(y) < 0.185)
        return np.where(on[:, None], paint, f32([0.92, 0.92, 0.9])).astype(np.float32)

    body.pattern, body.yaw, body.pitch = panels, rng.uniform(0, 3), 0.15
    return body


def football(rng: Rng) -> Body:
    """A white ball with twelve dark patches at the corners of an icosahedron, and seams between them."""
    body, golden = Body(), (1 + 5**0.5) / 2
    body.ball((0, 0.11, 0), 0.11, (0.9, 0.9, 0.88), 0.5)
    corners = f32([[0, a, b * golden] for a in (-1, 1) for b in (-1, 1)])
    corners = np.concatenate([np.roll(corners, k, 1) for k in range(3)]) / np.sqrt(1 + golden**2)
    dark, seam = hsv(rng.choice([0.0, 0.6, 0.0]), rng.choice([0.0, 0.7]), 0.05), f32([0.45, 0.45, 0.44])

    def patches(p: np.ndarray, color: np.ndarray, fur: np.ndarray) -> np.ndarray:
        q = (p - f32([0, 0.11, 0])) / 0.11
        closeness = np.sort(q @ corners.T.astype(np.float32), 1)
        on = closeness[:, -1] > 0.935
        line = np.abs(closeness[:, -1] - closeness[:, -2]) < 0.02
        return np.where(on[:, None], dark, np.where(line[:, None], seam, color)).astype(np.float32)

    body.pattern, body.yaw, body.pitch = patches, rng.uniform(0, 6), rng.uniform(0.1, 0.5)
    return body


def mug(rng: Rng) -> Body:
    """A mug of coffee with a light band."""
    body, color = Body(), hsv(rng.uniform(), rng.uniform(0.3, 0.9), rng.uniform(0.4, 0.9))
    body.cylinder((0, 0.06, 0), 0.045, 0.058, 0.012, color, 0.9)
    body.cylinder((0, 0.1165, 0), 0.038, 0.004, 0.002, (0.12, 0.06, 0.03), 0.6, 0.002)
    body.ring((0.055, 0.062, 0), 0.03, 0.0085, color, 2, 0.9, 0.008)
    body.cylinder((0, 0.06, 0), 0.0458, 0.012, 0.004, (0.92, 0.9, 0.85), 0.8, 0.001)
    body.yaw, body.pitch = rng.uniform(-0.8, 0.8), rng.uniform(0.25, 0.45)
    return body


def die(rng: Rng) -> Body:
    """A die that shows 1, 2, 3 and 5; the hidden faces have no spots."""
    body, color = Body(), hsv(rng.uniform(), rng.uniform(0, 0.9), rng.uniform(0.5, 0.9))
    pip = (0.95, 0.95, 0.93) if float(color.min()) < 0.4 else (0.03, 0.03, 0.03)
    body.box((0, 0.1, 0), (0.1, 0.1, 0.1), 0.02, color, 0.8)
    spots = {
        1: [(0, 0)],
        2: [(-1, -1), (1, 1)],
        3: [(-1, -1), (0, 0), (1, 1)],
        5: [(-1, -1), (-1, 1), (1, -1), (1, 1), (0, 0)],
    }
    for number, axis, sign in ((1, 2, -1), (2, 0, -1), (5, 0, 1), (3, 1, 1)):
        for a, b in spots[number]:
            at = np.insert(f32([a * 0.05, b * 0.05]), axis, sign * 0.098)
            half = np.insert(f32([0.019, 0.019]), axis, 0.006)
            body.ball(at + f32([0, 0.1, 0]), half, pip, 0.5, 0.001)
    body.yaw, body.pitch = rng.uniform(0.3, 1.2), rng.uniform(0.3, 0.5)
    return body


def snowman(rng: Rng) -> Body:
    """A snowman with a hat and a scarf."""
    body, snow = Body(), (0.93, 0.94, 0.97)
    for y, r in ((0.27, 0.29), (0.68, 0.21), (0.99, 0.15)):
        body.ball((0, y, 0), r, snow, 0.2, 0.03)
    body.limb((0, 0.99, -0.14), (0, 0.97, -0.3), 0.03, 0.004, (0.95, 0.45, 0.08), 0.2, 0.005)
    for side in (-1, 1):
        body.ball((side * 0.055, 1.03, -0.135), 0.02, (0.02, 0.02, 0.02), 1.0, 0.003)
        body.limb((side * 0.18, 0.75, 0), (side * 0.48, 0.92, -0.05), 0.018, 0.012, (0.2, 0.11, 0.05), 0.05, 0.01)
    for y in (0.62, 0.72):
        body.ball((0, y, -0.2), 0.022, (0.03, 0.03, 0.03), 0.6, 0.003)
    scarf = hsv(rng.uniform(), 0.8, 0.6)
    body.ring((0, 0.86, 0), 0.13, 0.04, scarf, 1, 0.05, 0.01)
    body.limb((0.08, 0.84, -0.12), (0.1, 0.62, -0.2), 0.04, 0.035, scarf, 0.05, 0.01)
    body.cylinder((0, 1.12, 0), 0.17, 0.012, 0.01, (0.05, 0.05, 0.06), 0.2)
    body.cylinder((0, 1.22, 0), 0.11, 0.1, 0.01, (0.05, 0.05, 0.06), 0.2)
    body.cylinder((0, 1.15, 0), 0.113, 0.025, 0.01, scarf, 0.2)
    body.yaw, body.pitch = rng.uniform(-0.6, 0.6), rng.uniform(0.05, 0.2)
    return body


def robot(rng: Rng) -> Body:
    """A toy robot with an aerial."""
    body, color, dark = Body(), hsv(rng.uniform(), rng.uniform(0.2, 0.85), rng.uniform(0.4, 0.85)), (0.14, 0.15, 0.17)
    body.box((0, 0.52, 0), (0.2, 0.2, 0.15), 0.05, color, 0.7)
    body.box((0, 0.5, -0.15), (0.11, 0.1, 0.015), 0.01, (0.08, 0.1, 0.13), 0.8)
    body.box((0, 0.9, 0), (0.16, 0.12, 0.13), 0.05, color * 0.9, 0.7)
    body.box((0, 0.91, -0.125), (0.12, 0.06, 0.015), 0.01, (0.03, 0.03, 0.04), 1.0)
    for i in range(3):
        body.ball((-0.06 + 0.06 * i, 0.53, -0.165), 0.018, hsv((0, 0.13, 0.35)[i], 0.9, 0.9), 0.6, 0.003)
    for side in (-1, 1):
        body.ball((side * 0.06, 0.92, -0.142), 0.03, (0.3, 0.95, 1.0), 1.0, 0.003)
        body.ball((side * 0.22, 0.64, 0), 0.065, dark, 0.5, 0.006)
        body.limb((side * 0.24, 0.63, 0), (side * 0.33, 0.45, -0.03), 0.045, 0.04, color, 0.5, 0.006)
        body.ball((side * 0.33, 0.45, -0.03), 0.05, dark, 0.5, 0.006)
        body.limb((side * 0.33, 0.45, -0.03), (side * 0.32, 0.3, -0.14), 0.04, 0.035, color, 0.6, 0.006)
        for finger in (-1, 1):
            body.limb(
                (side * 0.32, 0.28, -0.16), (side * 0.32 + finger * 0.035, 0.22, -0.2), 0.02, 0.014, dark, 0.5, 0.006
            )
        body.limb((side * 0.1, 0.34, 0), (side * 0.1, 0.12, 0), 0.05, 0.05, dark, 0.5, 0.008)
        body.box((side * 0.11, 0.06, -0.03), (0.08, 0.06, 0.12), 0.03, color * 0.8, 0.6)
        body.cylinder((side * 0.18, 0.9, 0), 0.03, 0.05, 0.01, dark, 0.5)
    body.cylinder((0, 0.75, 0), 0.06, 0.05, 0.01, dark, 0.5)
    body.limb((0, 1.02, 0), (0, 1.12, 0), 0.012, 0.01, dark, 0.5, 0.005)
    body.ball((0, 1.14, 0), 0.03, (0.95, 0.2, 0.15), 0.9, 0.003)
    body.yaw, body.pitch = rng.uniform(-0.8, 0.8), rng.uniform(0.05, 0.2)
    return body
