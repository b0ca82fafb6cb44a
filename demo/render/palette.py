"""Random colours and materials in plausible ranges: wood, walls, floors, cloth, stone and leaves."""

import numpy as np

from demo.render.materials import Color, Material, edge, hsv, mix, plain, planks, smooth, stripes, tiles
from demo.render.noise import noise

Rng = np.random.Generator


def any_color(rng: Rng, saturation: tuple[float, float] = (0.1, 0.7), value: tuple[float, float] = (0.1, 0.8)) -> Color:
    """Any hue, with saturation and value from these ranges."""
    return hsv(rng.uniform(), rng.uniform(*saturation), rng.uniform(*value))


def wood(rng: Rng) -> Color:
    """A brown."""
    return hsv(rng.uniform(0.04, 0.1), rng.uniform(0.35, 0.7), rng.uniform(0.12, 0.55))


def wall_paint(rng: Rng) -> Color:
    """A light, pale colour, mostly warm."""
    hue = (
        rng.uniform(0.04, 0.17)
        if rng.uniform() < 0.6
        else rng.uniform(0.3, 0.62)
        if rng.uniform() < 0.75
        else rng.uniform()
    )
    return hsv(hue, rng.uniform(0, 0.3), rng.uniform(0.45, 0.9))


def stone(rng: Rng) -> Color:
    """A grey with a little yellow or brown."""
    return hsv(rng.uniform(0.05, 0.13), rng.uniform(0.02, 0.25), rng.uniform(0.15, 0.6))


def leaf_green(rng: Rng, autumn: bool = False) -> Color:
    """A green, or with `autumn` a red, orange or yellow."""
    if autumn:
        return hsv(rng.uniform(0.03, 0.14), rng.uniform(0.6, 0.9), rng.uniform(0.25, 0.6))
    return hsv(rng.uniform(0.2, 0.36), rng.uniform(0.45, 0.85), rng.uniform(0.1, 0.4))


def cloth(rng: Rng) -> Material:
    """Fabric of any colour."""
    return plain(
        any_color(rng, (0.1, 0.75), (0.08, 0.75)),
        0.12,
        str(rng.choice(["grain", "blotch", "fbm"])),
        rng.uniform(0.4, 1.5),
    )


def marble(color: Color, vein: Color) -> Material:
    """Marble with thin veins, which lie where a noise of low frequency crosses zero."""

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        line = 1 - smooth(np.abs(noise("fbm", u, v, 4.0, fp) + 0.3 * noise("leaf", u, v, 3.0, fp)), 0.0, 0.35)
        return mix(color, vein, 0.6 * line) * (1 + 0.03 * noise("fbm", u, v, 1.3, fp))[:, None]

    return material


def floor(rng: Rng, grand: bool = False) -> Material:
    """Planks, tiles, marble, carpet or concrete; with `grand`, mostly checkered tiles or marble."""
    kind = rng.integers(3, 5) if grand and rng.uniform() < 0.8 else rng.integers(6)
    if kind < 2:
        return planks(wood(rng), rng.uniform(0.09, 0.2), rng.uniform(1, 2.2))
    if kind in (2, 3):
        size, color = rng.uniform(0.3, 0.9), hsv(rng.uniform(), rng.uniform(0, 0.3), rng.uniform(0.2, 0.75))
        second = color * rng.uniform(0.35, 1.2)
        return tiles(color, second, color * 0.5, size, size, 0.012, checker=kind == 3 or rng.uniform() < 0.5)
    if kind == 4:
        return marble(hsv(rng.uniform(0.05, 0.12), 0.1, rng.uniform(0.4, 0.8)), hsv(0.08, 0.3, 0.25))
    return plain(any_color(rng, (0.05, 0.5), (0.15, 0.55)), 0.14, str(rng.choice(["grain", "fbm"])), rng.uniform(1, 3))


def bricks(rng: Rng) -> Material:
    """A brick wall."""
    color = hsv(rng.uniform(0.0, 0.07), rng.uniform(0.25, 0.65), rng.uniform(0.2, 0.55))
    return tiles(color, color * 1.35, color * 0.4 + 0.22, 0.24, 0.08, 0.012, offset=0.5, rough=0.15)


def wainscot(upper: Material, panel: Color, height: float, width: float = 0.6) -> Material:
    """Panels of colour `panel`, `width` metres wide, up to `height` metres; `upper` above them."""

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        inner = np.abs(np.mod(u / width, 1) - 0.5) * 2
        frame = edge((inner - 0.78) * width / 2, fp) * 0.22 + stripes(v / height, 0.06, fp / height) * 0.3
        wood_ = np.asarray(panel, np.float32) * (1 - frame * (v < height * 1.2))[:, None]
        return mix(upper(u, v, fp), wood_, edge(height - v, fp))

    return material


def gilded(base: Color, gold: Color, width: float, height: float) -> Material:
    """A palace wall: panels of this size in metres, with gold frames and a faint pattern."""

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        x, y = np.abs(np.mod(u / width, 1) - 0.5) * width, np.abs(np.mod(v / height, 1) - 0.5) * height
        rim = np.minimum(width * 0.4 - x, height * 0.43 - y)
        frame = edge(rim, fp) * edge(0.07 - rim, fp) + 0.8 * edge(rim - 0.13, fp) * edge(0.16 - rim, fp)
        color = (
            np.asarray(base, np.float32) * (1 + 0.16 * edge(rim, fp) * np.sign(noise("leaf", u, v, 1.2, fp)))[:, None]
        )
        shine = 1 + 0.35 * noise("grain", u, v, 0.6, fp)
        return mix(color, np.asarray(gold, np.float32) * shine[:, None], np.clip(frame, 0, 1))

    return material


def wall(rng: Rng, height: float, grand: bool = False) -> Material:
    """Paint, brick, panels, tiles or striped wallpaper for a wall of this height in metres; with `grand`, gilded."""
    color = wall_paint(rng)
    if grand and rng.uniform() < 0.75:
        gold = hsv(rng.uniform(0.09, 0.13), rng.uniform(0.5, 0.8), rng.uniform(0.5, 0.8))
        return gilded(color, gold, rng.uniform(1.2, 2.6), height * rng.uniform(0.45, 0.98))
    kind = rng.integers(7)
    if kind < 3:
        return plain(color, rng.uniform(0.01, 0.05), str(rng.choice(["fbm", "grain"])), 2.5)
    if kind == 3:
        return bricks(rng)
    if kind == 4:
        panel = wood(rng) if rng.uniform() < 0.4 else wall_paint(rng) * 0.8
        return wainscot(plain(color, 0.03), panel, rng.uniform(0.8, 1.3), rng.uniform(0.4, 0.9))
    if kind == 5:
        return tiles(color, color * 0.93, color * 0.8, rng.uniform(0.5, 1.5), rng.uniform(0.5, 2.8), 0.02)
    second, period = color * rng.uniform(0.75, 0.95), rng.uniform(0.15, 0.5)
    return lambda u, v, fp: mix(color, second, stripes(u / period, 0.5, fp / period))
