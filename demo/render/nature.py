"""Trees, bushes, grass tufts, rocks and hills.

The functions add one plant or rock at (x, z) metres; `size` scales it and `color` replaces its random green.
"""

import numpy as np

from demo.render.materials import Color, Material, hsv, mix, plain, smooth
from demo.render.noise import noise
from demo.render.palette import Rng, leaf_green, stone
from demo.render.scene_types import Scene


def bark(rng: Rng) -> Material:
    """Bark of a random brown."""
    return furrowed(hsv(rng.uniform(0.05, 0.11), rng.uniform(0.15, 0.5), rng.uniform(0.06, 0.25)))


def furrowed(color: Color) -> Material:
    """Vertical streaks, as of bark."""
    along = plain(color, 0.35, "streak", 1.2)
    return lambda u, v, fp: along(v, u, fp)


def tree(scene: Scene, rng: Rng, x: float, z: float, size: float = 1.0, color: Color | None = None) -> None:
    """A trunk with a crown of leaf clusters, or a conifer."""
    green = leaf_green(rng, rng.uniform() < 0.15) if color is None else color
    if rng.uniform() < 0.22:
        conifer(scene, rng, x, z, size, green * np.float32(0.7))
        return
    trunk = rng.uniform(1.6, 3.2) * size
    thick = trunk * 0.05 + 0.05
    lean = rng.normal(0, 0.04)
    scene.add("cone", (x, trunk * 0.62, z), (thick, trunk * 0.62, thick), bark(rng), taper=0.45)
    scene.contacts[-1].reach, scene.contacts[-1].strength = 0.6, 0.5
    spread = trunk * rng.uniform(0.5, 0.75)
    num_clusters = int(rng.integers(6, 12)) if z < 25 else int(rng.integers(3, 6))
    leaves = [plain(green * np.float32(f), 0.2, "leaf", 1.5) for f in (0.75, 1.0, 1.25)]
    for i in range(num_clusters):
        a, ring = i * 2.4 + rng.uniform(0, 1), 0.25 + 0.6 * ((i * 0.618) % 1)
        up = trunk + spread * (0.15 + 0.75 * rng.uniform(0, 1) * (1.15 - ring))
        r = spread * rng.uniform(0.5, 0.75) * (1.15 if num_clusters < 6 else 1)
        place = (x + lean * trunk + spread * ring * np.cos(a), up, z + spread * ring * np.sin(a))
        scene.add("leaf_cluster", place, (r, r * rng.uniform(0.7, 0.9), r), leaves[i % 3], contact=0, casts=i < 4)


def conifer(scene: Scene, rng: Rng, x: float, z: float, size: float = 1.0, color: Color | None = None) -> None:
    """A fir or spruce."""
    h = rng.uniform(2.2, 4.2) * size
    scene.add("cone", (x, h * 0.3, z), (h * 0.03 + 0.03, h * 0.3, h * 0.03 + 0.03), bark(rng))
    green = hsv(rng.uniform(0.27, 0.42), rng.uniform(0.35, 0.7), rng.uniform(0.05, 0.2)) if color is None else color
    wide = h * rng.uniform(0.32, 0.5)
    scene.add("conifer", (x, h * 0.62, z), (wide, h * 0.56, wide), plain(green, 0.25, "leaf", 1.5), contact=0)


def bush(scene: Scene, rng: Rng, x: float, z: float, size: float = 1.0, color: Color | None = None) -> None:
    """Two to four leaf clusters, sometimes with flowers."""
    green = leaf_green(rng) if color is None else color
    bloom = hsv(rng.choice([0.0, 0.13, 0.8, 0.93]), rng.uniform(0.1, 0.8), 0.8) if rng.uniform() < 0.3 else None
    for _ in range(int(rng.integers(2, 5))):
        r = size * rng.uniform(0.3, 0.6)
        leaves = plain(green * np.float32(rng.uniform(0.75, 1.25)), 0.2, "leaf", 1.0)
        material = leaves if bloom is None else _blooming(leaves, bloom)
        scene.add(
            "leaf_cluster",
            (x + size * rng.normal(0, 0.35), r * 0.7, z + size * rng.normal(0, 0.25)),
            (r * 1.2, r, r),
            material,
        )


def _blooming(leaves: Material, bloom: Color) -> Material:
    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        return mix(leaves(u, v, fp), bloom, smooth(noise("leaf", u, v, 1.4, fp), 0.7, 1.1))

    return material


def tuft(scene: Scene, rng: Rng, x: float, z: float, color: Color, size: float = 1.0) -> None:
    """A tuft of grass, reeds or fern."""
    h = size * rng.uniform(0.12, 0.4)
    material = plain(color * np.float32(rng.uniform(0.7, 1.4)), 0.2, "streak", 0.6)
    scene.add("tuft", (x, h * 0.95, z), (h * rng.uniform(0.8, 1.6), h, h), material, casts=False, contact=0.25)


def rock(scene: Scene, rng: Rng, x: float, z: float, size: float = 1.0) -> None:
    """One to three rocks."""
    color = stone(rng)
    for _ in range(int(rng.integers(1, 4))):
        r = size * rng.uniform(0.2, 0.6)
        at = (x + size * rng.normal(0, 0.3), r * 0.4, z + size * rng.normal(0, 0.3))
        half = (r * rng.uniform(0.8, 1.5), r * rng.uniform(0.6, 0.9), r)
        shape = "prism" if rng.uniform() < 0.5 else "ball"
        scene.add(
            shape,
            at,
            half,
            plain(color * np.float32(rng.uniform(0.8, 1.2)), 0.35, "leaf", 2.0),
            rng.uniform(0, 6),
            taper=1.5,
        )


def _slope(base: Color, high: Color, line: float, height: float) -> Material:
    """A hillside of colour `base`, with colour `high` above `line` (a share of the height, metres)."""

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        rough = noise("fbm", u, v, height * 1.5, fp)
        low = base * np.clip(1 + 0.22 * noise("leaf", u, v, height * 0.35, fp) + 0.18 * rough, 0.3, 1.8)[:, None]
        top = high * np.clip(1 + 0.15 * noise("leaf", u, v, height * 0.8, fp), 0.4, 1.5)[:, None]
        return mix(low, top, smooth(v / height * 0.5 + 0.09 * rough, line - 0.06, line + 0.08))

    return material


def hills(scene: Scene, rng: Rng, near: float, count: int, green: Color, mountains: bool = False) -> None:
    """Add ranges of hills, one behind the other.

    Args:
        near: distance of the first range, metres.
        count: number of ranges.
        green: colour of the hills.
        mountains: make the last two ranges high mountains of rock and snow.
    """
    distance = near
    for i in range(count):
        far = mountains and i >= count - 2
        height = distance * rng.uniform(0.07, 0.2) * (2.2 if far else 1.0)
        wide = distance * rng.uniform(1.5, 3)
        x = rng.normal(0, 0.5) * distance * (0.5 if far else 1)
        color = green * np.float32(rng.uniform(0.55, 1.05))
        rock_ = hsv(rng.uniform(0.05, 0.65), rng.uniform(0.03, 0.25), rng.uniform(0.18, 0.4))
        snow = hsv(0.6, 0.05, 0.9) if rng.uniform() < 0.6 else rock_ * np.float32(1.3)
        material = (
            _slope(rock_ if far else color, snow, rng.uniform(0.28, 0.5), height)
            if far
            else _slope(color, color, 2.0, height)
        )
        deep = height * rng.uniform(1.0, 2.0) if far else height * rng.uniform(1.5, 3.0)
        scene.add(
            "ridge",
            (x, -0.02 * height, distance + deep),
            (wide, height, deep),
            material,
            rng.normal(0, 0.12),
            taper=1.0 if far else 0.0,
            casts=False,
        )
        distance *= rng.uniform(1.5, 2.4)


def scatter_tufts(scene: Scene, rng: Rng, color: Color, count: int, aside: float = 0.0, reach: float = 14.0) -> None:
    """Add up to `count` tufts within `reach` metres of the camera, more than `aside` metres from the middle line."""
    for _ in range(count):
        z = 1.8 + reach * rng.uniform() ** 2
        x = rng.uniform(-1, 1) * (0.7 * z + 1)
        if abs(x) > aside:
            tuft(scene, rng, x, z, color)
