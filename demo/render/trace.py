"""Render a body by sphere tracing, to an RGBA picture with straight alpha and its relief."""

from dataclasses import dataclass

import numpy as np

from demo.render.arrays import f32
from demo.render.noise import noise
from demo.render.sdf import Body


@dataclass
class Cutout:
    """A rendered cut-out.

    rgba: (h, w, 4) uint8, straight alpha, cropped to its visible pixels.
    relief_m: (h, w) float32, metres behind (+) or in front of (-) the middle of the body, NaN outside.
    pixel_m: width of a pixel at that middle, metres.
    """

    rgba: np.ndarray
    relief_m: np.ndarray
    pixel_m: float


def trace(
    body: Body,
    size: int,
    light: np.ndarray,
    *,
    oversample: int = 2,
    rim: float = 0.25,
    fov: float = 0.42,
    ruffle: float = 0.006,
) -> Cutout:
    """Render `body` so that it fills a square of `size` pixels, then crop.

    Args:
        light: (3,) direction towards the main light, in the camera's frame (x right, y up, z away from the camera).
        oversample: rays per pixel along each axis; alpha is the share of them that hit.
        rim: strength of the light along the outline.
        fov: field of view of the body's bounding sphere, radians.
        ruffle: how far fur moves pixels, as a share of the picture.
    """
    side = size * oversample
    turn = _rotation(body.yaw, body.pitch)
    low, high = body.bounds()
    middle = (low + high) / 2
    radius = float(np.sqrt((((high - low) / 2) ** 2).sum()))
    away = radius / np.sin(fov / 2)
    spread = float(np.tan(fov / 2))
    origin = (middle + turn @ f32([0, 0, -away])).astype(np.float32)
    # A coarse image finds the body; the fine one covers only the square around it.
    rays, _ = _rays(turn, 72, 0.0, 0.0, spread)
    seen = march(body, origin, rays, radius, away)[1].reshape(72, 72)
    (top, bottom), (left, right) = (
        (at[0] - 2, at[-1] + 3) for at in (np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0)))
    )
    x, y, half = (left + right) / 72 - 1, 1 - (top + bottom) / 72, max(bottom - top, right - left) / 72
    rays, forward = _rays(turn, side, x * spread, y * spread, half * spread)
    t, hit = march(body, origin, rays, radius, away)
    at = np.flatnonzero(hit)
    color, fur = shade_body(
        body,
        origin + t[at, None] * rays[at],
        rays[at],
        turn @ (light / np.sqrt(light @ light)).astype(np.float32),
        radius,
        rim,
    )
    picture, relief, hairy = (
        np.zeros((side * side, 4), np.float32),
        np.full(side * side, np.nan, np.float32),
        np.zeros(side * side, np.float32),
    )
    picture[at, :3], picture[at, 3], relief[at], hairy[at] = color, 1, t[at] * forward[at] - away, fur
    picture, relief = _ruffle(
        picture.reshape(side, side, 4), relief.reshape(side, side), hairy.reshape(side, side), ruffle
    )
    return _shrink(picture, relief, size, oversample, float(2 * away * half * spread / size))


def _rays(turn: np.ndarray, side: int, x: float, y: float, half: float) -> tuple[np.ndarray, np.ndarray]:
    """Rays through a square of the picture plane, which lies at distance 1.

    Args:
        turn: (3, 3) from the camera's frame to the body's.
        side: rays along each side.
        x, y, half: centre and half the side of the square.
    Returns:
        (side * side, 3) unit directions in the body's frame, and (side * side,) their components along the view.
    """
    grid = ((np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1) * np.float32(half)
    across, up = np.meshgrid(grid + np.float32(x), np.float32(y) - grid)
    rays = np.stack([across, up, np.ones_like(up)], -1).reshape(-1, 3)
    rays /= np.sqrt((rays * rays).sum(1, keepdims=True))
    return rays @ turn.T, rays[:, 2].copy()


def _rotation(yaw: float, pitch: float) -> np.ndarray:
    """(3, 3) rotation from the camera's frame to the body's."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    around_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    around_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return np.asarray(around_y @ around_x, np.float32)


def march(
    body: Body, origin: np.ndarray, rays: np.ndarray, radius: float, away: float
) -> tuple[np.ndarray, np.ndarray]:
    """Step along each ray by the distance to the body until it is hit or passed.

    Args:
        origin: (3,) where all rays start, in the body's frame.
        rays: (n, 3) unit directions in the body's frame.
        radius: of the body's bounding sphere, metres.
        away: distance from the origin to the middle of that sphere, metres.
    Returns:
        t (n,) float32 in metres, and (n,) bool, whether the ray hit.
    """
    t = np.full(len(rays), away - radius * 1.05, np.float32)
    hit, live = np.zeros(len(rays), bool), np.arange(len(rays))
    for _ in range(72):
        gap = body.distance(origin + t[live, None] * rays[live])
        t[live] += gap * np.float32(0.9)
        done = gap < radius * 7e-4
        hit[live[done]] = True
        live = live[~done & (t[live] < away + radius * 1.05)]
        if not len(live):
            break
    return t, hit


def shade_body(
    body: Body, points: np.ndarray, rays: np.ndarray, light: np.ndarray, radius: float, rim: float
) -> tuple[np.ndarray, np.ndarray]:
    """Colour and fur of points on the body.

    Args:
        points: (n, 3) in the body's frame, metres.
        rays: (n, 3) unit directions of the rays that hit them.
        light: (3,) unit direction towards the main light, in the body's frame.
        radius: of the body's bounding sphere, metres.
        rim: strength of the light along the outline.
    Returns:
        colour (n, 3) float32, sRGB-like in [0, 1], and fur (n,) in [0, 1].
    """
    normal = np.zeros_like(points)
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):  # gradient from the corners of a tetrahedron
        direction = f32(corner)
        normal += direction * body.distance(points + direction * np.float32(radius * 2e-3))[:, None]
    normal /= np.maximum(np.sqrt((normal * normal).sum(1, keepdims=True)), 1e-9)
    color, gloss, fur = body.paint(points)
    hair = np.stack(
        [
            noise(
                "leaf",
                points[:, i] + 0.4 * points[:, 2 - i],
                points[:, 1] * 0.6 + 0.3 * i,
                radius * 0.6,
                0.001 * radius,
            )
            for i in (0, 2)
        ],
        1,
    )
    normal += (0.22 * fur)[:, None] * np.stack([hair[:, 0], hair.mean(1) * 0.3, hair[:, 1]], 1)
    normal /= np.sqrt((normal * normal).sum(1, keepdims=True))
    color = color * (1 + 0.16 * fur * hair[:, 0])[:, None]
    exposed = (  # share of ambient light: small where other parts are close
        sum(np.clip(body.distance(points + normal * np.float32(radius * r)) / (radius * r), 0, 1) for r in (0.09, 0.25))
        / 2
    )
    clear, step = np.ones(len(points), np.float32), radius * 0.06
    for _ in range(10):  # soft shadow of the body on itself
        gap = body.distance(points + light * np.float32(step) + normal * np.float32(radius * 0.01))
        clear = np.minimum(clear, np.clip(6 * gap / step + 0.1, 0, 1))
        step += radius * 0.07
    halfway = light - rays
    halfway /= np.sqrt((halfway * halfway).sum(1, keepdims=True))
    shine = gloss * np.maximum((normal * halfway).sum(1), 0) ** 48 * 1.2 * clear
    edge = (1 - np.maximum(-(normal * rays).sum(1), 0)) ** 3
    ambient = (0.32 + 0.2 * normal[:, 1]) * (0.35 + 0.65 * exposed)
    direct = np.maximum((normal @ light) * 0.85 + 0.15, 0) * clear
    lit = 0.85 * color * (ambient + direct)[:, None] + shine[:, None]
    lit += (rim * edge * (0.5 + 0.5 * normal[:, 1]) * exposed)[:, None] * (0.4 + 0.6 * color)
    return np.clip(lit * (1 + lit / 9) / (1 + lit * 0.35) * 1.25, 0, 1) ** (1 / 2.2), fur


def _ruffle(picture: np.ndarray, relief: np.ndarray, hairy: np.ndarray, amount: float) -> tuple[np.ndarray, np.ndarray]:
    """Make fur irregular: move its pixels by noise along streaks, which frays outlines and patterns.

    Args:
        picture: (n, n, 4) float32 RGBA.  relief: (n, n).  hairy: (n, n), fur in [0, 1].
        amount: distance moved for noise of 1, as a share of n.
    """
    side = len(picture)
    if not hairy.any() or amount <= 0:
        return picture, relief
    spread = hairy.copy()
    for _ in range(3):  # fur also extends slightly beyond the outline
        padded = np.pad(spread, max(1, side // 100))
        k = 2 * max(1, side // 100)
        wider = np.maximum.reduce([padded[a : a + side, b : b + side] for a in (0, k // 2, k) for b in (0, k // 2, k)])
        spread = np.where(picture[..., 3] > 0, spread, wider)
    rows, columns = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    u, v = (columns / side).ravel().astype(np.float32), (rows / side).ravel().astype(np.float32)
    along = noise("streak", v + 0.25 * u, u, 0.5, 0.0005).reshape(side, side)
    across = noise("leaf", u, v, 0.35, 0.0005).reshape(side, side)
    dy, dx = (np.round(amount * side * spread * n).astype(int) for n in (along, 0.7 * across + 0.3 * along))
    y, x = np.clip(rows + dy, 0, side - 1), np.clip(columns + dx, 0, side - 1)
    return picture[y, x], relief[y, x]


def _shrink(picture: np.ndarray, relief: np.ndarray, size: int, by: int, pixel_m: float) -> Cutout:
    """Average blocks of `by` x `by` rays to pixels, colours weighted by alpha, and crop."""
    mean = picture.reshape(size, by, size, by, 4).mean((1, 3))
    alpha = mean[..., 3:]
    weighted = (picture[..., :3] * picture[..., 3:]).reshape(size, by, size, by, 3).mean((1, 3))
    rgb = np.where(alpha > 0, weighted / np.maximum(alpha, 1e-6), 0)
    hits = np.isfinite(relief).reshape(size, by, size, by).sum((1, 3))
    depth = np.nan_to_num(relief).reshape(size, by, size, by).sum((1, 3)) / np.maximum(hits, 1)
    rgba = np.round(np.concatenate([rgb, alpha], -1) * 255).astype(np.uint8)
    rows, columns = np.flatnonzero((rgba[..., 3] > 8).any(1)), np.flatnonzero((rgba[..., 3] > 8).any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return Cutout(rgba[box], np.where(hits > 0, depth, np.nan).astype(np.float32)[box], pixel_m)
