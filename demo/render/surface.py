"""Normals and texture coordinates of a solid at the points where rays hit it."""

import numpy as np

from demo.render.arrays import f32
from demo.render.noise import noise
from demo.render.solids import FOLIAGE, Solid


def surface(
    solid: Solid, points: np.ndarray, to_camera: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The geometry that shading needs.

    Args:
        points: (n, 3) world positions on the surface.
        to_camera: (n, 3) unit vectors from the points to the camera.
    Returns:
        normal (n, 3) in the world, u (n,) and v (n,) in metres, face (n,) 0..5 as in `Solid.faces`.
    """
    lx, ly, lz = solid.local((points[:, 0], points[:, 1], points[:, 2]), True)
    hx, hy, hz = solid.half
    count = len(points)
    face = np.zeros(count, np.int64)
    if solid.shape in ("box", "room", "prism"):
        across = np.stack([np.abs(lx), np.abs(ly), np.abs(lz)], 1)
        if solid.shape == "prism":
            across *= _prism_stretch(solid.taper, ly)
        axis = across.argmax(1)
        sign = np.sign(np.stack([lx, ly, lz], 1)[np.arange(count), axis])
        normal = np.zeros((count, 3), np.float32)
        normal[np.arange(count), axis] = -sign if solid.shape == "room" else sign
        if solid.shape == "prism":
            lean = solid.taper if solid.taper <= 1 else solid.taper - 1
            normal[:, 1] += np.where(axis != 1, lean / 2, 0)
        face = np.where(axis == 1, 4, np.where(axis == 0, 0, 2)) + (sign > 0)
        u = np.where(axis == 0, lz * hz, lx * hx)
        v = np.where(axis == 1, lz * hz, (ly + 1) * hy)
        return solid.world_normal(normal), u, v, face
    if solid.shape == "ground":
        return np.tile(f32([0, 1, 0]), (count, 1)), lx * hx, lz * hz, face + 5
    if solid.shape == "cone":
        cap = np.abs(ly) > 0.999
        normal = np.stack([np.where(cap, 0, lx), np.where(cap, np.sign(ly), solid.taper / 2), np.where(cap, 0, lz)], 1)
        return solid.world_normal(normal), np.arctan2(lx, lz) * hx, (ly + 1) * hy, face
    if solid.shape == "ridge":
        return _ridge_normal(solid, lx, ly), lx * hx, ly * hy, face
    if solid.shape in FOLIAGE:
        return _foliage_normal(solid, (lx, ly, lz), to_camera), lx * hx + lz * hz, (ly + 1) * hy, face
    return solid.world_normal(np.stack([lx, ly, lz], 1)), np.arctan2(lx, lz) * hx, (ly + 1) * hy, face


def _prism_stretch(taper: float, y: np.ndarray) -> np.ndarray:
    """(n, 3) factors of the axes at height y that move the slanted faces to 1."""
    tx, tz = (taper, 0.0) if taper <= 1 else (taper - 1, taper - 1)
    return np.stack(
        [1 / np.maximum(1 - tx * (y + 1) / 2, 0.02), np.ones_like(y), 1 / np.maximum(1 - tz * (y + 1) / 2, 0.02)], 1
    )


def _ridge_normal(solid: Solid, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Normals of a slope with gullies: that of a plane, changed by the gradient of noise."""
    at, step = np.float32(solid.seed * 0.61), np.float32(0.01)
    wide = solid.half[0] / solid.half[1]

    def height(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        big = noise("fbm", a * wide + at, b * 0.7, 2.4, 0.012)
        return big + solid.taper * 0.5 * noise("leaf", a * wide, b * 0.5 + at, 1.2, 0.008)

    middle = height(x, y)
    gradient = np.stack([height(x + step / wide, y) - middle, 0 * x, height(x, y + step) - middle], 1) / step
    plane = np.stack([0 * x, np.full_like(x, 0.75), np.full_like(x, -0.65)], 1)
    normal = plane - (0.05 + 0.07 * solid.taper) * gradient
    c, s = np.float32(np.cos(solid.yaw)), np.float32(np.sin(solid.yaw))
    normal = np.stack([c * normal[:, 0] + s * normal[:, 2], normal[:, 1], c * normal[:, 2] - s * normal[:, 0]], 1)
    unit: np.ndarray = normal / np.sqrt((normal * normal).sum(1, keepdims=True))
    return unit


def _foliage_normal(solid: Solid, local: tuple[np.ndarray, ...], to_camera: np.ndarray) -> np.ndarray:
    """Normals as of a ball, turned slightly towards the camera and varied by noise, as clumps of leaves."""
    lx, ly, lz = local
    normal = np.stack([lx, ly * 0.8 + 0.25, lz], 1) + 0.5 * to_camera
    at = np.float32(solid.seed * 0.37)
    a = noise("leaf", (lx + lz) * 0.9 + at, ly * 0.9, 1.3, 0.004)
    b = noise("leaf", (lx - lz) * 0.9, ly * 0.9 + at, 1.3, 0.004)
    normal = normal + 0.45 * np.stack([a, b, -a], 1)
    unit: np.ndarray = normal / np.maximum(np.sqrt((normal * normal).sum(1, keepdims=True)), 1e-6)
    return unit
