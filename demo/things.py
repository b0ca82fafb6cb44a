"""Robots, plants, furniture, balls, fruit, cars and other things without fur."""

import numpy as np

from demo.materials import hsv
from demo.palette import Rng
from demo.sdf import Body


def robot(rng: Rng) -> Body:
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


def _pot(body: Body, rng: Rng) -> None:
    color = hsv(rng.uniform(0.02, 0.1), rng.uniform(0.2, 0.7), rng.uniform(0.35, 0.8))
    body.cylinder((0, 0.15, 0), 0.15, 0.15, 0.02, color, 0.2, taper=0.22)
    body.cylinder((0, 0.29, 0), 0.19, 0.03, 0.015, color * 0.92, 0.2)
    body.cylinder((0, 0.31, 0), 0.165, 0.02, 0.01, (0.07, 0.045, 0.03), 0.0)


def houseplant(rng: Rng) -> Body:
    """Broad leaves on arching stalks in a pot."""
    body = Body()
    _pot(body, rng)
    hue, count = rng.uniform(0.24, 0.36), int(rng.integers(12, 18))
    for i in range(count):
        a, share = i * 2.39996, (i + 0.5) / count
        out, up = 0.1 + 0.24 * share, 0.62 - 0.4 * share + rng.uniform(-0.05, 0.05)
        side = np.float32([np.cos(a), 0, np.sin(a)])
        bend = np.float32([0, 0.32, 0]) + side * out * 0.5 + np.float32([0, up * 0.8, 0])
        tip = bend + side * rng.uniform(0.2, 0.28) + np.float32([0, rng.uniform(-0.08, 0.12), 0])
        green = hsv(hue, rng.uniform(0.6, 0.85), rng.uniform(0.22, 0.5))
        body.limb((0, 0.31, 0), bend, 0.011, 0.008, green * 0.7, 0.1, 0.006)
        body.leaf(bend - side * 0.03, tip, rng.uniform(0.055, 0.085), 0.009, green, 0.45, 0.004)
    body.yaw, body.pitch = rng.uniform(0, 6), rng.uniform(0.15, 0.3)
    return body


def cactus(rng: Rng) -> Body:
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


def chair(rng: Rng) -> Body:
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


def mug(rng: Rng) -> Body:
    body, color = Body(), hsv(rng.uniform(), rng.uniform(0.3, 0.9), rng.uniform(0.4, 0.9))
    body.cylinder((0, 0.06, 0), 0.045, 0.058, 0.012, color, 0.9)
    body.cylinder((0, 0.1165, 0), 0.038, 0.004, 0.002, (0.12, 0.06, 0.03), 0.6, 0.002)
    body.ring((0.055, 0.062, 0), 0.03, 0.0085, color, 2, 0.9, 0.008)
    body.cylinder((0, 0.06, 0), 0.0458, 0.012, 0.004, (0.92, 0.9, 0.85), 0.8, 0.001)
    body.yaw, body.pitch = rng.uniform(-0.8, 0.8), rng.uniform(0.25, 0.45)
    return body


def beach_ball(rng: Rng) -> Body:
    body, hue, colors = Body(), rng.uniform(), int(rng.integers(3, 5))
    tilt = rng.uniform(0.3, 0.9)
    body.ball((0, 0.2, 0), 0.2, (1, 1, 1), 0.9)

    def panels(p: np.ndarray, color: np.ndarray, fur: np.ndarray) -> np.ndarray:
        q = p - np.float32([0, 0.2, 0])
        y = np.cos(tilt) * q[:, 1] + np.sin(tilt) * q[:, 2]
        z = np.cos(tilt) * q[:, 2] - np.sin(tilt) * q[:, 1]
        number = np.floor(np.arctan2(q[:, 0], z) / np.pi * colors).astype(int)
        paint = np.stack([hsv(hue + k / colors, 0.78, 0.85) for k in range(colors)])[(number // 2) % colors]
        on = (number % 2 == 0) & (np.abs(y) < 0.185)
        return np.where(on[:, None], paint, np.float32([0.92, 0.92, 0.9])).astype(np.float32)

    body.pattern, body.yaw, body.pitch = panels, rng.uniform(0, 3), 0.15
    return body


def football(rng: Rng) -> Body:
    """White with twelve dark pentagons where an icosahedron has its corners."""
    body, golden = Body(), (1 + 5**0.5) / 2
    body.ball((0, 0.11, 0), 0.11, (0.9, 0.9, 0.88), 0.5)
    corners = np.float32([[0, a, b * golden] for a in (-1, 1) for b in (-1, 1)])
    corners = np.concatenate([np.roll(corners, k, 1) for k in range(3)]) / np.sqrt(1 + golden**2)
    dark, seam = hsv(rng.choice([0.0, 0.6, 0.0]), rng.choice([0.0, 0.7]), 0.05), np.float32([0.45, 0.45, 0.44])

    def patches(p: np.ndarray, color: np.ndarray, fur: np.ndarray) -> np.ndarray:
        q = (p - np.float32([0, 0.11, 0])) / 0.11
        closeness = np.sort(q @ corners.T.astype(np.float32), 1)
        on = closeness[:, -1] > 0.935
        line = np.abs(closeness[:, -1] - closeness[:, -2]) < 0.02
        return np.where(on[:, None], dark, np.where(line[:, None], seam, color)).astype(np.float32)

    body.pattern, body.yaw, body.pitch = patches, rng.uniform(0, 6), rng.uniform(0.1, 0.5)
    return body


def apple(rng: Rng) -> Body:
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
    body, color = Body(), hsv(rng.uniform(0.13, 0.22), 0.75, 0.65)
    body.ball((0, 0.04, 0), (0.041, 0.04, 0.041), color, 0.5, 0.02)
    body.ball((0.002, 0.088, 0), (0.022, 0.032, 0.022), color, 0.5, 0.035)
    body.limb((0.002, 0.115, 0), (0.012, 0.138, 0), 0.0025, 0.003, (0.15, 0.09, 0.03), 0.1, 0.004)
    body.yaw, body.pitch = rng.uniform(0, 6), rng.uniform(0.1, 0.3)
    return body


def mushroom(rng: Rng) -> Body:
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


def car(rng: Rng) -> Body:
    body, paint, dark = Body(), hsv(rng.uniform(), rng.uniform(0.5, 0.9), rng.uniform(0.35, 0.8)), (0.04, 0.04, 0.05)
    glass = (0.06, 0.075, 0.095)
    body.box((0, 0.52, 0), (0.82, 0.24, 1.95), 0.2, paint, 0.9, 0.05)
    body.box((0, 0.66, -1.1), (0.76, 0.13, 0.8), 0.12, paint, 0.9, 0.1)
    body.box((0, 0.95, 0.25), (0.66, 0.3, 1.0), 0.24, glass, 1.2, 0.05)
    body.box((0, 1.22, 0.28), (0.56, 0.05, 0.72), 0.05, paint, 0.9, 0.03)
    for side in (-1, 1):
        body.limb((side * 0.62, 0.78, -0.72), (side * 0.53, 1.2, -0.4), 0.04, 0.035, paint, 0.9, 0.02)
        body.limb((side * 0.64, 0.78, 0.3), (side * 0.56, 1.22, 0.3), 0.035, 0.035, paint, 0.9, 0.02)
        body.limb((side * 0.62, 0.78, 1.25), (side * 0.53, 1.2, 0.95), 0.06, 0.05, paint, 0.9, 0.02)
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


def die(rng: Rng) -> Body:
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
            at = np.insert(np.float32([a * 0.05, b * 0.05]), axis, sign * 0.098)
            half = np.insert(np.float32([0.019, 0.019]), axis, 0.006)
            body.ball(at + np.float32([0, 0.1, 0]), half, pip, 0.5, 0.001)
    body.yaw, body.pitch = rng.uniform(0.3, 1.2), rng.uniform(0.3, 0.5)
    return body


def snowman(rng: Rng) -> Body:
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
