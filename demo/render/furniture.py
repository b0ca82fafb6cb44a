"""Furniture made of boxes, balls and cones.

Each function adds one piece at (x, z) metres, turned by `yaw` radians; with yaw 0 its back is towards +z.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from demo.render.materials import Material, hsv, plain, planks, tiles
from demo.render.palette import Rng, any_color, cloth, leaf_green, wall_paint, wood
from demo.render.scene_types import Scene

AddPart = Callable[..., None]


def part_adder(scene: Scene, x: float, z: float, yaw: float) -> AddPart:
    """A function that adds a part of a piece that stands at (x, z) and is turned by yaw.

    Its arguments are those of `Scene.add`, with the centre as three numbers in the piece's own frame.
    """
    c, s = np.cos(yaw), np.sin(yaw)

    def put(
        shape: str,
        part_x: float,
        y: float,
        part_z: float,
        half: tuple[float, float, float],
        material: Material,
        **options: Any,
    ) -> None:
        center = (x + c * part_x + s * part_z, y, z - s * part_x + c * part_z)
        scene.add(shape, center, half, material, yaw, **options)

    return put


def _legs(put: AddPart, width: float, depth: float, height: float, thick: float, material: Material) -> None:
    for a in (-1, 1):
        for b in (-1, 1):
            put(
                "box",
                a * (width - thick),
                height / 2,
                b * (depth - thick),
                (thick, height / 2, thick),
                material,
                contact=0.3,
            )


def table(scene: Scene, rng: Rng, x: float, z: float, yaw: float) -> None:
    """A table on four legs or one, with up to three small objects on it."""
    put = part_adder(scene, x, z, yaw)
    w, d, h = rng.uniform(0.4, 0.9), rng.uniform(0.3, 0.5), rng.uniform(0.4, 0.78)
    material = planks(wood(rng), 0.12) if rng.uniform() < 0.7 else plain(wall_paint(rng), 0.03)
    if rng.uniform() < 0.7:
        put("box", 0, h, 0, (w, 0.025, d), material, gloss=0.1)
        _legs(put, w, d, h, 0.03, material)
    else:
        put("cone", 0, h, 0, (w * 0.8, 0.025, w * 0.8), material, gloss=0.1)
        put("cone", 0, h / 2, 0, (0.05, h / 2, 0.05), material, contact=0)
        put("cone", 0, 0.03, 0, (0.28, 0.03, 0.28), material, taper=0.4)
    for _ in range(rng.integers(0, 4)):
        small_object(scene, rng, x + rng.uniform(-0.5, 0.5) * w, h + 0.025, z + rng.uniform(-0.5, 0.5) * d, 0.6)


def chair(scene: Scene, rng: Rng, x: float, z: float, yaw: float) -> None:
    """A chair with a cushion."""
    put, h = part_adder(scene, x, z, yaw), rng.uniform(0.42, 0.48)
    material = planks(wood(rng), 0.1) if rng.uniform() < 0.6 else plain(any_color(rng), 0.05)
    put("box", 0, h, 0, (0.22, 0.025, 0.22), material)
    put("box", 0, h + 0.04, -0.01, (0.2, 0.025, 0.19), cloth(rng))
    _legs(put, 0.21, 0.21, h, 0.02, material)
    for a in (-1, 1):
        put("box", a * 0.19, h + 0.25, 0.2, (0.02, 0.25, 0.02), material)
    for y in (0.2, 0.33, 0.45):
        put("box", 0, h + y, 0.2, (0.2, 0.035, 0.012), material)


def armchair(scene: Scene, rng: Rng, x: float, z: float, yaw: float, width: float | None = None) -> None:
    """An armchair, or with a larger half width (metres) a sofa."""
    put, fabric, w = part_adder(scene, x, z, yaw), cloth(rng), width or rng.uniform(0.36, 0.46)
    put("box", 0, 0.23, 0, (w, 0.17, 0.42), fabric, contact=0.65)
    put("box", 0, 0.55, 0.36, (w, 0.32, 0.09), fabric)
    for a in (-1, 1):
        put("box", a * w, 0.33, 0, (0.09, 0.29, 0.44), fabric, contact=0.65)
        put("cone", a * w, 0.62, 0, (0.09, 0.02, 0.44), fabric)
    seats = max(1, round(w / 0.4))
    for i in range(seats):
        at = (i + 0.5) / seats * 2 - 1
        put("box", at * (w - 0.09), 0.45, -0.03, ((w - 0.1) / seats * 0.97, 0.07, 0.36), fabric)
        put("prism", at * (w - 0.09), 0.7, 0.24, ((w - 0.1) / seats * 0.95, 0.2, 0.07), fabric, taper=0.15)
    for _ in range(rng.integers(0, 3)):
        put("ball", rng.uniform(-0.6, 0.6) * w, 0.66, 0.13, (0.19, 0.17, 0.08), cloth(rng))


def sofa(scene: Scene, rng: Rng, x: float, z: float, yaw: float) -> None:
    """A sofa for two or three."""
    armchair(scene, rng, x, z, yaw, rng.uniform(0.7, 1.15))


def bed(scene: Scene, rng: Rng, x: float, z: float, yaw: float) -> None:
    """A bed with a blanket and two pillows."""
    put, w, frame = part_adder(scene, x, z, yaw), rng.uniform(0.55, 0.9), planks(wood(rng))
    put("box", 0, 0.16, 0, (w, 0.14, 1.0), frame, contact=0.7)
    put("box", 0, 0.39, 0.05, (w - 0.02, 0.1, 0.94), plain(hsv(0.1, 0.05, 0.8), 0.03))
    put("box", 0, 0.41, -0.28, (w + 0.01, 0.12, 0.66), cloth(rng))
    put("box", 0, 0.5, 1.0, (w, 0.5, 0.04), frame)
    for a in (-0.5, 0.5):
        put("ball", a * w, 0.54, 0.7, (0.4 * w, 0.1, 0.22), plain(hsv(0.1, 0.04, 0.85), 0.03))


def shelf(scene: Scene, rng: Rng, x: float, z: float, yaw: float) -> None:
    """A bookshelf."""
    put = part_adder(scene, x, z, yaw)
    w, h, d = rng.uniform(0.3, 0.7), rng.uniform(0.5, 1.1), rng.uniform(0.14, 0.22)
    frame = planks(wood(rng), 0.1)
    put("box", 0, h, d, (w, h, 0.02), frame)
    for a in (-1, 1):
        put("box", a * w, h, 0, (0.02, h, d), frame)
    rows = int(rng.integers(3, 6))
    for i in range(rows):
        y = 2 * h * i / (rows - 1)
        put("box", 0, max(y, 0.02), 0, (w, 0.015, d), frame)
        if i == rows - 1:
            continue
        left = -w + 0.04
        while left < w - 0.12:  # groups of books, each with its own colours and height
            block = rng.uniform(0.08, 0.3)
            right = min(left + block, w - 0.04)
            tall = (
                (2 * h / (rows - 1) - 0.05)
                * rng.uniform(0.45, 0.46 if rng.uniform() < 0.2 else 0.5)
                * rng.uniform(0.7, 1)
            )
            if rng.uniform() < 0.8:
                books = tiles(
                    any_color(rng), any_color(rng), np.zeros(3, np.float32), rng.uniform(0.025, 0.05), 10.0, 0.006
                )
                put("box", (left + right) / 2, y + 0.015 + tall, 0.02, ((right - left) / 2, tall, d * 0.7), books)
            left = right + rng.uniform(0, 0.06)


def cabinet(scene: Scene, rng: Rng, x: float, z: float, yaw: float) -> None:
    """A cabinet with doors, and up to two small objects on top."""
    w, h, d = rng.uniform(0.3, 0.8), rng.uniform(0.35, 1.1), rng.uniform(0.2, 0.3)
    color = wood(rng) if rng.uniform() < 0.6 else wall_paint(rng)
    doors = tiles(color, color * 1.08, color * 0.3, w * 2 / rng.integers(1, 4), 2 * h / rng.integers(1, 5), 0.015)
    scene.add("box", (x, h, z), (w, h, d), doors, yaw, shift=(w, 0), gloss=0.05, contact=0.65)
    for _ in range(rng.integers(0, 3)):
        small_object(scene, rng, x + rng.uniform(-0.5, 0.5) * w, 2 * h, z, 0.7)


def potted_plant(scene: Scene, rng: Rng, x: float, z: float, yaw: float = 0.0) -> None:
    """A pot plant; `yaw` is ignored."""
    h = rng.uniform(0.22, 0.4)
    pot = plain(hsv(rng.uniform(0, 0.1), rng.uniform(0.1, 0.7), rng.uniform(0.2, 0.7)), 0.08)
    scene.add("cone", (x, h / 2, z), (h * 0.42, h / 2, h * 0.42), pot, taper=-0.3)
    green = leaf_green(rng)
    for _ in range(rng.integers(3, 8)):
        size = rng.uniform(0.14, 0.3)
        at = (x + rng.normal(0, 0.13), h + rng.uniform(0.12, 0.75), z + rng.normal(0, 0.13))
        scene.add(
            "leaf_cluster",
            at,
            (size, size * rng.uniform(0.8, 1.5), size),
            plain(green * rng.uniform(0.7, 1.4), 0.2, "leaf", 0.6),
        )


def floor_lamp(scene: Scene, rng: Rng, x: float, z: float, yaw: float = 0.0) -> None:
    """A standard lamp whose shade may glow; `yaw` is ignored."""
    h, metal = rng.uniform(1.2, 1.7), plain(wood(rng) * 0.4, 0.02)
    scene.add("cone", (x, h / 2, z), (0.018, h / 2, 0.018), metal, contact=0)
    scene.add("cone", (x, 0.02, z), (0.15, 0.02, 0.15), metal)
    shade = plain(hsv(0.1, 0.15, 0.8), 0.02)
    scene.add("cone", (x, h + 0.12, z), (0.2, 0.15, 0.2), shade, taper=0.4, glow=rng.uniform(0, 1.5), casts=False)


def small_object(scene: Scene, rng: Rng, x: float, y: float, z: float, size: float = 1.0) -> None:
    """A ball, a can, a box, a vase or a pile of books, standing at height y."""
    kind, q = rng.integers(5), rng.uniform(0.05, 0.15) * size * (1.7 if y == 0 else 1)
    material = plain(any_color(rng, (0.1, 0.85), (0.08, 0.85)), 0.08, "blotch", 0.5)
    gloss = rng.uniform(0, 0.5)
    if kind == 0:
        scene.add("ball", (x, y + q, z), q, material, rng.uniform(0, 6), gloss=gloss)
    elif kind == 1:
        scene.add("cone", (x, y + q, z), (q * 0.6, q, q * 0.6), material, gloss=gloss)
    elif kind == 2:
        scene.add(
            "box", (x, y + q * 0.6, z), (q, q * 0.6, q * rng.uniform(0.4, 1)), material, rng.uniform(0, 3), gloss=gloss
        )
    elif kind == 3:
        scene.add("ball", (x, y + q * 0.8, z), (q * 0.7, q * 0.8, q * 0.7), material, gloss=gloss)
        scene.add("cone", (x, y + q * 1.7, z), (q * 0.3, q * 0.35, q * 0.3), material, gloss=gloss)
    else:
        for i in range(3):
            half = (q * rng.uniform(0.8, 1.2), q * 0.2, q * rng.uniform(0.7, 0.9))
            scene.add("box", (x, y + q * (0.2 + 0.4 * i), z), half, cloth(rng), rng.uniform(-0.4, 0.4))


PIECES = [table, table, chair, chair, armchair, sofa, bed, shelf, cabinet, potted_plant, floor_lamp]
