"""Ground materials of outdoor scenes: roads, pavements, grass, sand, snow, earth and water."""

import numpy as np

from demo.render.arrays import f32
from demo.render.materials import Color, Material, edge, grass, hsv, mix, plain, speckled, tiles
from demo.render.noise import noise
from demo.render.palette import Rng, leaf_green


def roadway(
    asphalt: Color,
    mark: Color,
    verge: Material,
    half: float,
    *,
    kerb: Color | None = None,
    dash: float = 3.0,
    zebra: float | None = None,
) -> Material:
    """A road along v with markings.

    Args:
        asphalt, mark: colours of the road and of its markings.
        verge: material beside the road.
        half: half the road's width, metres; its middle is u = 0.
        kerb: colour of the kerbstones; None for none.
        dash: length of the middle line's dashes, metres; 0 for a continuous line.
        zebra: v of a zebra crossing, metres; None for none.
    """

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        rough = 1 + 0.12 * noise("grain", u, v, 1.0, fp) + 0.1 * noise("fbm", u, v, 9.0, fp)
        worn = 1 - 0.12 * np.exp(-((np.abs(np.abs(u) - half * 0.5) / 0.4) ** 2))
        color = np.asarray(asphalt, np.float32) * (rough * worn)[:, None]
        on = (np.mod(v / dash, 2) < 1).astype(np.float32) if dash else np.ones_like(v, np.float32)
        on = np.where(fp > dash, 0.5, on) if dash else on
        color = mix(color, mark, edge(0.07 - np.abs(u), fp) * on * 0.9)
        color = mix(color, mark * 0.9, edge(0.06 - np.abs(np.abs(u) - half + 0.3), fp) * 0.85)
        if zebra is not None:
            bars = (np.mod(u, 1.0) < 0.5).astype(np.float32) * edge(1.5 - np.abs(v - zebra), fp)
            color = mix(color, np.full(3, 0.75), bars)
        color = mix(color, verge(u, v, fp), edge(np.abs(u) - half, fp))
        if kerb is not None:
            color = mix(color, kerb, edge(0.13 - np.abs(np.abs(u) - half), fp))
        return color

    return material


def pavement(rng: Rng, tone: float) -> Material:
    """Slabs, concrete or bricks, slightly lighter than the grey `tone` in [0, 1]."""
    kind = rng.integers(3)
    if kind == 0:
        size = rng.uniform(0.3, 1.0)
        return tiles(np.full(3, tone + 0.14), np.full(3, tone + 0.2), np.full(3, tone), size, size, 0.02, offset=0.5)
    if kind == 1:
        return plain(f32([1, 0.97, 0.92]) * (tone + 0.15), 0.1, "grain", 1.0)
    return tiles(
        hsv(0.05, 0.35, tone + 0.1), hsv(0.07, 0.3, tone + 0.2), np.full(3, tone), 0.25, 0.12, 0.015, offset=0.5
    )


def land(rng: Rng) -> tuple[Material, Color, str]:
    """Random open land: its material, its mean colour and its kind (grass, dry, sand, snow, flowers or earth)."""
    kind = str(rng.choice(["grass", "dry", "sand", "snow", "flowers", "earth"], p=[0.45, 0.16, 0.1, 0.07, 0.14, 0.08]))
    first, second = leaf_green(rng), leaf_green(rng)
    if kind == "dry":
        first, second = hsv(0.12, rng.uniform(0.4, 0.7), 0.5), hsv(0.1, 0.45, rng.uniform(0.3, 0.6))
    elif kind == "sand":
        first, second = hsv(0.1, 0.35, 0.65), hsv(0.09, 0.3, 0.5)
    elif kind == "snow":
        first, second = hsv(0.6, 0.04, 0.9), hsv(0.6, 0.1, 0.78)
    elif kind == "earth":
        first, second = hsv(0.07, 0.4, 0.25), hsv(0.09, 0.4, 0.35)
    material = grass(first, second)
    if kind == "sand":
        material = sand(first, second)
    if kind == "flowers":
        bloom = hsv(rng.choice([0.0, 0.13, 0.75, 0.92]), rng.uniform(0.1, 0.85), 0.8)
        material = speckled(material, bloom, rng.uniform(2.5, 5), rng.uniform(0.8, 1.6))
    return material, (first + second) / 2, kind


def sand(first: Color, second: Color) -> Material:
    """Sand with ripples, between two colours."""

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        ripple = 0.5 + 0.2 * noise("wave", v * 0.7, u, 6.0, fp) + 0.2 * noise("fbm", u, v, 11.0, fp)
        return mix(first, second, np.clip(ripple, 0, 1)) * (1 + 0.08 * noise("grain", u, v, 0.8, fp))[:, None]

    return material


def water(color: Color) -> Material:
    """Water with waves; reflections are the solid's `mirror`."""
    deep = color * np.float32(0.6)
    return lambda u, v, fp: mix(color, deep, np.clip(0.5 + 0.3 * noise("wave", v * 0.2, u * 0.5, 6.0, fp), 0, 1))
