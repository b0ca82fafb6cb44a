"""Solids, and where a ray first hits each of them.

A solid is a unit shape that is scaled, turned and moved. The functions below work in its own frame, where a box fills
[-1, 1]^3, a ball has radius 1 and a cylinder radius 1 and y in [-1, 1]. Rays are origin + t * direction; a ray that
misses has t = FAR. An origin is three numbers (one camera) or three arrays (one for each ray).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from demo.render.arrays import f32
from demo.render.materials import Material
from demo.render.noise import hash01, noise

FAR = np.float32(1e9)  # t of a ray that hits nothing
NEAR = np.float32(1e-3)  # hits before this t are ignored
Axes = tuple[Any, Any, Any]  # x, y, z: numbers or arrays that broadcast together
FOLIAGE = ("leaf_cluster", "conifer", "tuft")


@dataclass
class Solid:
    """One solid of a scene. `center` and `half`, half its size, are in metres; `yaw` is in radians around y (up)."""

    shape: str  # box, room, ground, ball, cone, prism, ridge, leaf_cluster, conifer, tuft
    center: np.ndarray
    half: np.ndarray
    material: Material | None
    yaw: float = 0.0
    glow: float = 0.0  # emitted light, as a multiple of the albedo
    gloss: float = 0.0  # strength of the highlight
    taper: float = 0.0  # cone: 0 is a cylinder, 1 ends in a point; prism: see _prism; ridge: 0 a hill, 1 a mountain
    casts: bool = True  # casts a shadow
    seen: bool = True  # False: invisible, only casts a shadow
    faces: dict[int, Material] | None = None  # by face: 0 -x, 1 +x, 2 -z, 3 +z, 4 bottom, 5 top
    shift: tuple[float, float] = (0.0, 0.0)  # added to texture coordinates
    seed: int = 0  # varies ridges and foliage
    mirror: float = 0.0  # share of the sky reflected (water, wet roads)

    def local(self, vector: Axes, is_point: bool) -> Axes:
        """A world vector in the unit shape's frame; a point is moved as well as turned and scaled."""
        c, s = np.float32(np.cos(self.yaw)), np.float32(np.sin(self.yaw))
        x, y, z = vector
        if is_point:
            x, y, z = x - self.center[0], y - self.center[1], z - self.center[2]
        return (c * x - s * z) / self.half[0], y / self.half[1], (s * x + c * z) / self.half[2]

    def world_normal(self, normal: np.ndarray) -> np.ndarray:
        """(n, 3) normals of the unit shape, converted to the world and normalised."""
        n = normal / self.half
        c, s = np.float32(np.cos(self.yaw)), np.float32(np.sin(self.yaw))
        n = np.stack([c * n[:, 0] + s * n[:, 2], n[:, 1], c * n[:, 2] - s * n[:, 0]], 1)
        unit: np.ndarray = n / np.maximum(np.sqrt((n * n).sum(1, keepdims=True)), 1e-9)
        return unit


def _box(o: Axes, d: Axes, inside: bool = False) -> np.ndarray:
    """Seen from outside, or with `inside` from within (a room's walls)."""
    enter, leave = -FAR, FAR
    for a, b in zip(o, d, strict=True):
        inverse = 1 / np.where(np.abs(b) < 1e-7, np.float32(1e-7), b)
        p, q = (-1 - a) * inverse, (1 - a) * inverse
        enter, leave = np.maximum(enter, np.minimum(p, q)), np.minimum(leave, np.maximum(p, q))
    if inside:
        return np.where(leave > NEAR, leave, FAR)
    return np.where((leave > enter) & (enter > NEAR), enter, FAR)


def _prism(o: Axes, d: Axes, taper: float) -> np.ndarray:
    """A box with a smaller top: car cabins and gable roofs.

    A taper of up to 1 shrinks the top along x by that share; a taper of 1 + s shrinks it along x and z by s.
    """
    tx, tz = (taper, 0.0) if taper <= 1 else (taper - 1, taper - 1)
    enter, leave = f32(-FAR), f32(FAR)
    planes: list[tuple[float, float, float, float]] = [(0, 1, 0, 1), (0, -1, 0, 1)]
    for sign in (-1, 1):
        planes += [(sign, tx / 2, 0, 1 - tx / 2), (0, tz / 2, sign, 1 - tz / 2)]
    for nx, ny, nz, limit in planes:
        speed = nx * d[0] + ny * d[1] + nz * d[2]
        gap = limit - (nx * o[0] + ny * o[1] + nz * o[2])
        t = gap / np.where(np.abs(speed) < 1e-7, np.float32(1e-7), speed)
        enter = np.where(speed < 0, np.maximum(enter, t), enter)
        leave = np.where(speed >= 0, np.minimum(leave, t), leave)
    return np.where((leave > enter) & (enter > NEAR), enter, FAR)


def _ball(o: Axes, d: Axes) -> np.ndarray:
    a = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    b = o[0] * d[0] + o[1] * d[1] + o[2] * d[2]
    c = o[0] * o[0] + o[1] * o[1] + o[2] * o[2] - 1
    inside = b * b - a * c
    t = (-b - np.sqrt(np.maximum(inside, 0))) / a
    return np.where((inside > 0) & (t > NEAR), t, FAR)


def _cone(o: Axes, d: Axes, taper: float) -> np.ndarray:
    """An upright cone with caps; its radius is 1 at y = -1 and 1 - taper at y = 1."""
    h = np.float32(0.5 * taper)
    r, dr = 1 - h - h * o[1], -h * d[1]
    a = d[0] * d[0] + d[2] * d[2] - dr * dr
    b = o[0] * d[0] + o[2] * d[2] - r * dr
    c = o[0] * o[0] + o[2] * o[2] - r * r
    a = np.where(np.abs(a) < 1e-9, np.float32(1e-9), a)
    inside = b * b - a * c
    root = np.sqrt(np.maximum(inside, 0))
    best = f32(FAR)
    for t in ((-b - root) / a, (-b + root) / a) if taper else ((-b - root) / a,):
        hit = (inside > 0) & (np.abs(o[1] + t * d[1]) <= 1) & (t > NEAR)
        best = np.minimum(best, np.where(hit, t, FAR))
    dy = np.where(np.abs(d[1]) < 1e-7, np.float32(1e-7), d[1])
    t = (-np.sign(dy) - o[1]) / dy
    x, z = o[0] + t * d[0], o[2] + t * d[2]
    limit = np.where(dy > 0, np.float32(1), f32((1 - taper) ** 2))
    first: np.ndarray = np.minimum(best, np.where((x * x + z * z <= limit) & (t > NEAR), t, FAR))
    return first


def _ground(o: Axes, d: Axes) -> np.ndarray:
    """The plane y = 0, seen from above."""
    down = d[1] < -1e-6
    return np.where(down, -o[1] / np.where(down, d[1], -1), FAR)


def _ridge(o: Axes, d: Axes, solid: Solid) -> np.ndarray:
    """A hill or mountain: a slope that rises from y = 0 at z = -1 towards z = 1 and ends at an irregular skyline."""
    speed = d[1] - d[2] / 2
    t = ((o[2] + 1) / 2 - o[1]) / np.where(np.abs(speed) < 1e-7, np.float32(1e-7), speed)
    x, y = o[0] + t * d[0], o[1] + t * d[1]
    line = np.zeros_like(x) + solid.seed * 0.37
    rough = 0.22 + 0.2 * solid.taper
    top = (
        0.55
        + 0.24 * noise("blotch", x * 2, line, 8.0, 0.01) * (1 - solid.taper / 2)
        + 0.1 * rough * noise("fbm", x * 3, line, 3.0, 0.002)
    )
    top = top + solid.taper * (0.16 * noise("fbm", x * 2, line + 1, 4.0, 0.01))
    top = top * np.clip((1 - np.abs(x)) * 3, 0, 1)
    return np.where((t > NEAR) & (y >= 0) & (y < np.minimum(top, 1)), t, FAR)


def _foliage(o: Axes, d: Axes, solid: Solid) -> np.ndarray:
    """Leaves, conifers or grass: a disc that faces the camera and bulges like a ball, with an irregular outline."""
    away = np.hypot(o[0], o[2]) + np.float32(1e-6)
    toward = -(o[0] * d[0] + o[2] * d[2]) / away  # speed of the ray towards the vertical plane through the middle
    ahead = toward > 1e-4
    middle = away / np.where(ahead, toward, 1)
    q = [a + middle * b for a, b in zip(o, d, strict=True)]
    u, v = (q[0] * o[2] - q[2] * o[0]) / away, q[1]
    s = np.float32(solid.seed * 0.731)
    if solid.shape == "tuft":  # blades of grass: each interval of u has its own height
        blade = np.floor((u + 0.12 * v * np.sign(u)) * 14)
        height = 0.35 + 0.65 * hash01(blade, blade * 0 + solid.seed, 5)
        slim = np.abs((u + 0.12 * v * np.sign(u)) * 14 - blade - 0.5) * 2
        keep = ((v + 1) / 2 < height * (1 - u * u) * (1 - 0.5 * slim)) & (np.abs(u) < 1) & (v > -1)
        bulge = np.float32(0)
    elif solid.shape == "conifer":
        layer = (v + 1) * 3.5
        width = np.maximum(1 - v, 0) / 2 * (1.0 - 0.35 * (layer - np.floor(layer)))
        rim = width * (0.9 + 0.12 * noise("leaf", u.ravel() + s, v.ravel(), 1.6, 0.004).reshape(u.shape))
        keep = (np.abs(u) < rim) & (np.abs(v) < 1)
        bulge = np.sqrt(np.clip(1 - (u / np.maximum(width, 1e-3)) ** 2, 0, 1)) * width
    else:
        r2 = u * u + v * v
        near = r2 < 1.0
        n = np.zeros(u.shape, np.float32)
        n[near] = noise("leaf", u[near] * 0.8 + s, v[near] * 0.8 + s * 1.7, 1.0, 0.001)
        n[near] += 0.6 * noise("fbm", u[near] + s, v[near] - s, 3.0, 0.004)
        keep = r2 < 0.66 + 0.17 * np.clip(n, -2.2, 1.9)
        bulge = np.sqrt(np.clip(1 - r2, 0, 1))
    t = middle - bulge * 0.7 / np.where(ahead, toward, 1)
    return np.where(keep & ahead & (t > NEAR), t, FAR)


def intersect(solid: Solid, origin: Axes, direction: Axes, *, shadow: bool = False) -> np.ndarray:
    """t of the first hit along world rays, FAR where there is none. To shadow rays foliage is a cone or small ball."""
    o, d = solid.local(origin, True), solid.local(direction, False)
    if solid.shape in ("box", "room"):
        return _box(o, d, solid.shape == "room")
    if solid.shape == "prism":
        return _prism(o, d, solid.taper)
    if solid.shape == "ground":
        return _ground(o, d)
    if solid.shape == "cone":
        return _cone(o, d, solid.taper)
    if solid.shape == "ridge":
        return _ridge(o, d, solid)
    if solid.shape in FOLIAGE:
        if not shadow:
            return _foliage(o, d, solid)
        if solid.shape == "conifer":
            return _cone(o, d, 1.0)
        return _ball(tuple(a * 1.2 for a in o), tuple(a * 1.2 for a in d))
    return _ball(o, d)
