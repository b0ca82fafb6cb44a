"""Buildings, houses, cars, street lamps, signs and fences, each added at (x, z) metres."""

import numpy as np

from demo.render.arrays import f32
from demo.render.furniture import part_adder
from demo.render.materials import Color, Material, edge, hsv, mix, plain, tiles
from demo.render.noise import hash01, noise
from demo.render.palette import Rng, any_color, bricks
from demo.render.scene_types import Scene


def facade(
    wall: Material,
    glass: Color,
    frame: Color,
    bay: tuple[float, float],
    window: tuple[float, float],
    seed: int,
    lit: float = 0.1,
    shop: Material | None = None,
) -> Material:
    """A wall with rows of windows; v = 0 is the ground.

    Args:
        wall: material around the windows.
        glass, frame: colours of the panes and frames.
        bay: distance between windows, metres (across, up).
        window: size of a window, metres (across, up).
        seed: varies the panes.
        lit: share of windows with light in them.
        shop: material of the ground floor, up to 3.2 metres; None for the same as above.
    """
    across, up = bay
    wide, tall = window

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        x, y = u / across, v / up
        column, row = np.floor(x), np.floor(y)
        dx, dy = np.abs(x - column - 0.5) * across, np.abs(y - row - 0.5) * up
        inner = edge(wide / 2 - dx, fp) * edge(tall / 2 - dy, fp)
        outer = edge(wide / 2 + 0.12 - dx, fp) * edge(tall / 2 + 0.12 - dy, fp)
        bar = edge(0.03 - np.abs(dx), fp) * 0.8
        far = np.clip(fp / min(bay) * 2 - 0.5, 0, 1)
        cover = np.float32(wide * tall / across / up)
        inner, outer = inner + (cover - inner) * far, outer + (cover * 1.2 - outer) * far
        color = mix(wall(u, v, fp), frame, outer)
        sheen = (
            0.5
            + 0.7 * hash01(column, row, seed + 1)
            + 0.5 * np.clip(y - row, 0, 1)
            + 0.15 * noise("fbm", u, v, 4.0, fp)
        )
        pane = np.asarray(glass, np.float32) * sheen[:, None]
        pane = mix(pane, f32([1.5, 1.25, 0.8]), (hash01(row, column, seed) < lit).astype(np.float32))
        color = mix(color, pane, inner * (1 - bar))
        if shop is not None:
            color = mix(color, shop(u, v, fp), edge(3.2 - v, fp))
        return color

    return material


def random_facade(rng: Rng, night: bool = False) -> Material:
    """A facade of paint, brick or slabs, with or without shops; at night half of the windows are lit."""
    color = hsv(rng.choice([0.03, 0.08, 0.1, 0.6]), rng.uniform(0, 0.45), rng.uniform(0.2, 0.72))
    wall = plain(color, 0.1, "fbm", 6.0)
    if rng.uniform() < 0.3:
        wall = bricks(rng)
    elif rng.uniform() < 0.3:
        wall = tiles(color, color * 1.1, color * 0.7, rng.uniform(0.6, 1.6), rng.uniform(0.3, 0.8), 0.03, offset=0.5)
    across, up = rng.uniform(1.6, 3.6), rng.uniform(2.9, 3.7)
    glass, seed = hsv(0.58, rng.uniform(0.1, 0.5), rng.uniform(0.06, 0.35)), int(rng.integers(9999))
    shop = None
    if rng.uniform() < 0.5:
        paint = any_color(rng, (0.1, 0.7), (0.05, 0.4))
        shop = facade(
            plain(paint, 0.05),
            hsv(0.58, 0.2, 0.12),
            paint * 0.5,
            (across * 1.5, 3.2),
            (across * 1.2, 2.3),
            seed + 7,
            0.35,
        )
    window = (across * rng.uniform(0.35, 0.8), up * rng.uniform(0.42, 0.68))
    return facade(
        wall,
        glass,
        color * rng.uniform(0.5, 1.5),
        (across, up),
        window,
        seed,
        0.5 if night else float(rng.choice([0, 0.05, 0.2])),
        shop,
    )


def building(
    scene: Scene, rng: Rng, x: float, z: float, half_x: float, half_z: float, height: float, night: bool = False
) -> None:
    """A building with a flat roof and a cornice, sometimes with a gable roof or a structure on the roof."""
    material = random_facade(rng, night)
    scene.add("box", (x, height / 2, z), (half_x, height / 2, half_z), material, shift=(rng.uniform(0, 3), 0))
    trim = plain(hsv(0.09, rng.uniform(0, 0.2), rng.uniform(0.15, 0.6)), 0.1)
    out = rng.uniform(0.05, 0.3)
    scene.add("box", (x, height + 0.15, z), (half_x + out, 0.2, half_z), trim, casts=False)
    if rng.uniform() < 0.3 and height < 10:
        roof = tiles(hsv(0.03, 0.5, 0.3), hsv(0.04, 0.4, 0.2), np.zeros(3, np.float32), 0.4, 0.3, 0.03, offset=0.5)
        scene.add("prism", (x, height + 1.3, z), (half_x + out, 1.1, half_z), roof, taper=1.0, casts=False)
    elif rng.uniform() < 0.35:
        scene.add(
            "box",
            (x, height + 1.2, z + rng.uniform(-0.5, 0.5) * half_z),
            (half_x * 0.3, 1.0, half_z * 0.3),
            trim,
            casts=False,
        )


def house(scene: Scene, rng: Rng, x: float, z: float, yaw: float = 0.0, size: float = 1.0) -> None:
    """A cottage with a gable roof, a door and a chimney."""
    put = part_adder(scene, x, z, yaw)
    w, h, d = size * rng.uniform(2.2, 3.6), size * rng.uniform(1.3, 1.8), size * rng.uniform(2, 3)
    paint = hsv(rng.uniform(0, 0.6), rng.uniform(0.05, 0.5), rng.uniform(0.4, 0.85))
    wall = plain(paint, 0.06) if rng.uniform() < 0.6 else tiles(paint, paint * 0.95, paint * 0.6, 6.0, 0.18, 0.015)
    windows = facade(
        wall, hsv(0.58, 0.3, 0.2), hsv(0.1, 0.05, 0.85), (w * 0.66, 2 * h), (0.9, 1.0), int(rng.integers(999)), 0.1
    )
    put("box", 0, h, 0, (w, h, d), windows, shift=(w, 0))
    roof = tiles(
        hsv(rng.uniform(0, 0.08), 0.5, 0.3), hsv(0.04, 0.4, 0.18), np.zeros(3, np.float32), 0.4, 0.25, 0.03, offset=0.5
    )
    put("prism", 0, 2 * h + 0.75 * size, 0, (w * 1.12, 0.75 * size, d * 1.12), roof, taper=1.0)
    put("box", w * 0.5, 2 * h + 1.1 * size, d * 0.3, (0.25, 0.7 * size, 0.25), bricks(rng))
    door = any_color(rng, (0.4, 0.9), (0.15, 0.5))
    put("box", 0, 1.0, -d, (0.55, 1.05, 0.04), plain(np.full(3, 0.8), 0.02))
    put("box", 0, 1.0, -d, (0.45, 1.0, 0.07), plain(door, 0.04))


def car(scene: Scene, rng: Rng, x: float, z: float, yaw: float) -> None:
    """A saloon car or a van: body, glass cabin, wheels and lamps."""
    put = part_adder(scene, x, z, yaw)
    paint = plain(
        any_color(rng, (0, 0.9), (0.05, 0.75)) if rng.uniform() < 0.6 else hsv(0, 0, rng.uniform(0.03, 0.8)), 0.02
    )
    dark, glass = plain(np.full(3, 0.03), 0.05), plain(f32([0.05, 0.06, 0.075]), 0.05)
    tall = rng.choice([0.0, 0.25])
    put("box", 0, 0.52, 0, (0.86, 0.24, 2.1), paint, gloss=0.7, contact=0.8)
    put("prism", 0, 0.8, 0, (0.86, 0.1, 2.1), paint, gloss=0.7, taper=1.08)
    put("prism", 0, 1.14 + tall / 2, 0.1, (0.78, 0.28 + tall / 2, 1.25), glass, gloss=1.0, taper=1.35)
    put("prism", 0, 1.43 + tall, 0.1, (0.58, 0.04, 0.85), paint, gloss=0.6, taper=1.1)
    put("box", 0, 0.38, 0, (0.88, 0.08, 2.12), dark)
    for a in (-1, 1):
        for b in (-1.3, 1.3):
            put("ball", a * 0.78, 0.33, b, (0.13, 0.33, 0.33), dark)
            put("ball", a * 0.86, 0.33, b, (0.06, 0.18, 0.18), plain(np.full(3, 0.5), 0.02), contact=0)
        put("box", a * 0.6, 0.62, -2.1, (0.16, 0.07, 0.03), plain(f32([1, 0.97, 0.85]), 0), glow=0.6)
        put("box", a * 0.62, 0.66, 2.1, (0.14, 0.07, 0.03), plain(f32([0.6, 0.02, 0.02]), 0), glow=0.4)


def lamp_post(scene: Scene, rng: Rng, x: float, z: float, toward: float = 1.0) -> None:
    """A street lamp whose arm points to +x (`toward` 1) or -x (-1)."""
    h, metal = rng.uniform(3, 5.5), plain(f32([0.08, 0.085, 0.09]), 0.05)
    scene.add("cone", (x, h / 2, z), (0.06, h / 2, 0.06), metal, taper=0.4)
    scene.add("box", (x + toward * 0.35, h, z), (0.4, 0.03, 0.03), metal)
    scene.add(
        "ball",
        (x + toward * 0.7, h - 0.08, z),
        (0.22, 0.08, 0.12),
        plain(f32([1, 0.95, 0.8]), 0),
        glow=1.0,
        casts=False,
    )


def sign(scene: Scene, rng: Rng, x: float, z: float) -> None:
    """A coloured square sign on a pole."""
    h, metal = rng.uniform(2.1, 2.6), plain(np.full(3, 0.3), 0.05)
    scene.add("cone", (x, h / 2, z), (0.035, h / 2, 0.035), metal)
    scene.add("box", (x, h - 0.3, z - 0.04), (0.3, 0.3, 0.015), plain(any_color(rng, (0.6, 0.95), (0.3, 0.9)), 0.02))


def fence(scene: Scene, rng: Rng, x: float, near: float, far: float) -> None:
    """A wooden fence along z from `near` to `far`."""
    color = plain(hsv(0.08, 0.3, rng.uniform(0.1, 0.6)), 0.2, "streak", 0.6)
    for i in range(int((far - near) / 2.2) + 1):
        scene.add("box", (x, 0.5, near + 2.2 * i), (0.05, 0.5, 0.05), color)
    for y in (0.42, 0.8):
        scene.add("box", (x, y, (near + far) / 2), (0.025, 0.05, (far - near) / 2), color, contact=0)
