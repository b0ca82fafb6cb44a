"""Materials of surfaces.

A material is a function of (u, v, footprint), each (n,) in metres, that returns linear RGB albedo (n, 3). u and v are
positions on the surface; the footprint is the width of a pixel there, which is used for anti-aliasing.
"""

from collections.abc import Callable

import numpy as np

from demo.render.noise import hash01, noise

Material = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Color = np.ndarray


def hsv(hue: float, saturation: float, value: float) -> Color:
    """Linear RGB (3,) float32 of a hue (0 red, 1/3 green, 2/3 blue; whole turns are ignored), saturation and value.

    Source: the usual HSV hexcone, in the closed form f(n) = v - v s max(0, min(k, 4 - k, 1)) with k = (n + 6 h) mod 6.
    """
    k = (np.array([5.0, 3.0, 1.0]) + (hue % 1.0) * 6) % 6
    color: Color = (value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1)).astype(np.float32)
    return color


def mix(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Interpolate from a (where `share` (n,) is 0) to b (where it is 1); a and b broadcast to (n, 3)."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    mixed: np.ndarray = a + (b - a) * share[:, None]
    return mixed


def smooth(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smoothstep: 0 below `low`, 1 above `high`, a cubic in between."""
    t: np.ndarray = np.clip((x - low) / (high - low), 0, 1)
    step: np.ndarray = t * t * (3 - 2 * t)
    return step


def edge(distance: np.ndarray, footprint: np.ndarray) -> np.ndarray:
    """Share of each pixel on the positive side of an edge; `distance` to the edge in metres."""
    coverage: np.ndarray = np.clip(distance / np.maximum(footprint, 1e-3) + 0.5, 0, 1).astype(np.float32)
    return coverage


def stripes(x: np.ndarray, width: float, footprint: np.ndarray) -> np.ndarray:
    """Share of each pixel covered by stripes of width `width` at the integers of x.

    footprint: in units of x. Where a pixel spans more than half a period, the result is the mean, `width`.
    """
    distance = np.abs(x - np.round(x))
    cover = np.clip((width / 2 - distance) / np.maximum(footprint, 1e-4) + 0.5, 0, 1)
    return np.where(footprint > 0.5, np.float32(width), cover).astype(np.float32)


def plain(color: Color, rough: float = 0.05, kind: str = "fbm", period: float = 2.0) -> Material:
    """One colour, multiplied by 1 + `rough` x noise of this kind and period (metres)."""
    color = np.asarray(color, np.float32)
    return lambda u, v, fp: color * np.maximum(1 + np.float32(rough) * noise(kind, u, v, period, fp), 0.1)[:, None]


def tiles(
    first: Color,
    second: Color,
    grout: Color,
    width: float,
    height: float,
    gap: float = 0.02,
    *,
    offset: float = 0.0,
    rough: float = 0.08,
    kind: str = "grain",
    checker: bool = False,
) -> Material:
    """Rectangles with joints, for tiles, bricks, slabs, panels and books.

    Args:
        first, second: each rectangle has a random mix of these colours, or with `checker` one or the other in turn.
        grout: colour of the joints.
        width, height, gap: of a rectangle and of the joints, metres.
        offset: shifts every other row by this share of the width, as in brickwork.
        rough, kind: strength and kind of the noise.
    """

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        y = v / height
        row = np.floor(y)
        x = u / width + offset * np.mod(row, 2)
        column = np.floor(x)
        far = np.clip(fp / min(width, height) * 2 - 0.4, 0, 1)
        share = np.mod(row + column, 2) if checker else hash01(row, column)
        color = mix(first, second, share * (1 - far) + 0.5 * far)
        color = color * (1 + rough * noise(kind, u + 3.1 * column, v + 1.7 * row, 1.3, fp))[:, None]
        line = np.maximum(stripes(x, gap / width, fp / width), stripes(y, gap / height, fp / height))
        return mix(color, grout, line)

    return material


def planks(color: Color, width: float = 0.14, length: float = 1.6, vary: float = 0.25) -> Material:
    """Boards along u; `vary` is how much their brightness differs."""
    color = np.asarray(color, np.float32)

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        y = v / width
        row = np.floor(y)
        x = u / length + hash01(row, row * 0, 3)
        column = np.floor(x)
        far = np.clip(fp / width * 1.5 - 0.4, 0, 1)
        tone = (hash01(row, column) - 0.5) * (1 - far)
        figure = noise("streak", u + 7 * tone, v, 1.5, fp)
        shade = 1 + vary * tone + 0.10 * figure
        line = np.maximum(stripes(y, 0.006 / width, fp / width), stripes(x, 0.006 / length, fp / length))
        board: np.ndarray = color * (shade * (1 - 0.6 * line))[:, None]
        return board

    return material


def grass(color: Color, second: Color, patch: float = 23.0) -> Material:
    """Grass in patches of two colours, `patch` metres in period, with variation at the size of tufts."""

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        base = mix(color, second, np.clip(0.5 + 0.3 * noise("fbm", u, v, patch, fp), 0, 1))
        tufts = 1 + 0.26 * noise("leaf", u, v, 2.2, fp) + 0.15 * noise("grain", u, v, 0.8, fp)
        return base * np.clip(tufts, 0.3, 1.9)[:, None]

    return material


def speckled(base: Material, spot: Color, period: float, threshold: float) -> Material:
    """`base` with spots of another colour (flowers, fallen leaves) where noise exceeds `threshold` deviations."""

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        where = smooth(noise("leaf", u + 3, v + 7, period, fp), threshold, threshold + 0.5)
        return mix(base(u, v, fp), spot, where)

    return material


def picture(rng: np.random.Generator) -> Material:
    """An abstract painting."""
    colors = rng.uniform(0.05, 0.9, (3, 3)).astype(np.float32)
    period, shift = rng.uniform(0.6, 2.0), rng.uniform(0, 9, 2)

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        share = np.clip(0.5 + 0.4 * noise("fbm", u + shift[0], v + shift[1], period, fp), 0, 1)
        spots = smooth(noise("blotch", u + shift[1], v + shift[0], period * 1.5, fp), 0.6, 0.8)
        return mix(mix(colors[0], colors[1], share), colors[2], spots)

    return material
