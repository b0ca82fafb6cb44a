"""Indoor scenes: rooms, corridors and halls."""

import numpy as np

from demo.render.camera import sample_camera
from demo.render.furniture import PIECES, bed, cabinet, chair, potted_plant, shelf, small_object
from demo.render.materials import hsv, plain, tiles
from demo.render.palette import Rng, cloth, marble, wall, wall_paint, wood
from demo.render.room_parts import add_lamps, add_wall_fittings, build_shell, window_pane
from demo.render.scene_types import Scene


def room(rng: Rng) -> Scene:
    """A furnished living room, bedroom or study."""
    scene = Scene(rng)
    width, height, far, back = rng.uniform(3.2, 7), rng.uniform(2.4, 3.4), rng.uniform(3, 8.5), -rng.uniform(0.4, 1.2)
    left = -width * rng.uniform(0.35, 0.65)
    right = left + width
    scene.camera = sample_camera(rng, (-0.3, -0.03), yaw=0.2)
    build_shell(scene, rng, left, right, back, far, height)
    add_wall_fittings(scene, rng, left, right, far, int(rng.integers(1, 7)))
    if rng.uniform() < 0.5:
        half = (rng.uniform(0.6, 1.4), 0.006, rng.uniform(0.5, 1.1))
        place = (rng.uniform(left + half[0], right - half[0]), 0.006, rng.uniform(1.8, max(2.0, far - 1)))
        scene.add("box", place, half, cloth(rng), rng.normal(0, 0.2), casts=False, contact=0)
    taken: list[tuple[float, float]] = []
    for _ in range(int(rng.integers(3, 12))):
        piece = PIECES[rng.integers(len(PIECES))]
        for _ in range(8):
            side = rng.integers(4)
            x, z, yaw = (
                rng.uniform(left + 0.6, right - 0.6),
                rng.uniform(1.6, max(1.8, far - 0.6)),
                rng.uniform(0, 6.28),
            )
            if side == 0 or piece in (bed, shelf):
                z, yaw = far - (1.1 if piece is bed else 0.45), 0.0
            elif side == 1:
                x, yaw = left + 0.45, -np.pi / 2
            elif side == 2:
                x, yaw = right - 0.45, np.pi / 2
            if np.hypot(x, z) > 1.7 and all(np.hypot(x - a, z - b) > 1.15 for a, b in taken):
                taken.append((x, z))
                piece(scene, rng, x, z, yaw)
                break
    for _ in range(int(rng.integers(0, 5))):
        small_object(scene, rng, rng.uniform(left + 0.3, right - 0.3), 0.0, rng.uniform(1.4, far - 0.3))
    add_lamps(scene, rng, left, right, far, height)
    return scene


def corridor(rng: Rng) -> Scene:
    """A long corridor with doors, pillars or beams."""
    scene = Scene(rng)
    width, height, far = rng.uniform(1.7, 4), rng.uniform(2.4, 3.6), rng.uniform(8, 32)
    left = -width * rng.uniform(0.35, 0.65)
    right = left + width
    middle = (left + right) / 2
    scene.camera = sample_camera(rng, (-0.2, 0.03), yaw=0.06)
    build_shell(scene, rng, left, right, -0.6, far, height)
    step, z, kind = rng.uniform(1.8, 4), rng.uniform(1.4, 3.0), rng.integers(4)
    color = wood(rng) if rng.uniform() < 0.6 else wall_paint(rng)
    door, pillar = tiles(color, color, color * 0.5, 0.45, 1.0, 0.03), wall(rng, height)
    frame, lit = plain(color * 0.65, 0.02), plain(np.ones(3), 0)
    while z < far - 0.6:
        for x in (left, right):
            if kind < 2 or (kind == 3 and rng.uniform() < 0.5):
                scene.add("box", (x, 1.05, z), (0.06, 1.05, 0.52), frame, contact=0)
                scene.add("box", (x, 1.02, z), (0.08, 1.02, 0.45), door, shift=(0.2, 0), contact=0)
            elif kind == 2:
                scene.add("box", (x, height / 2, z), (0.2, height / 2, 0.2), pillar)
        if kind == 3:
            scene.add("box", (middle, height - 0.12, z), (width, 0.12, 0.12), pillar)
        scene.add("box", (middle, height, z + step / 2), (0.2, 0.02, 0.5), lit, glow=3.0, casts=False)
        z += step
    if rng.uniform() < 0.6:
        half = (min(0.8, width / 3), 1.05, 0.05)
        scene.add(
            "box",
            (middle, 1.05, far),
            half,
            window_pane(rng, half[0], 1.05),
            glow=rng.uniform(0.2, 1.4),
            casts=False,
            contact=0,
        )
    add_wall_fittings(scene, rng, left, right, far, int(rng.integers(0, 4)))
    for _ in range(int(rng.integers(0, 3))):
        piece = (potted_plant, chair, cabinet)[rng.integers(3)]
        side = rng.choice([-1, 1])
        piece(scene, rng, middle + side * (width / 2 - 0.4), rng.uniform(2.5, far * 0.7), side * np.pi / 2)
    add_lamps(scene, rng, left, right, far, height)
    scene.ambient = scene.ambient * np.float32(1.25)
    return scene


def hall(rng: Rng) -> Scene:
    """A high lobby, palace hall or shopping mall with columns and, at random, a carpet, stairs and chandeliers."""
    scene = Scene(rng)
    width, height, far = rng.uniform(6, 14), rng.uniform(4, 8), rng.uniform(9, 26)
    left = -width * rng.uniform(0.42, 0.58)
    right = left + width
    middle = (left + right) / 2
    scene.camera = sample_camera(rng, (-0.16, 0.08), yaw=0.08)
    grand = rng.uniform() < 0.75
    build_shell(scene, rng, left, right, -0.6, far, height, grand)
    color = hsv(rng.uniform(0.05, 0.13), rng.uniform(0.02, 0.3), rng.uniform(0.35, 0.8))
    shaft = marble(color, color * 0.5) if rng.uniform() < 0.6 else plain(color, 0.04)
    gold = plain(hsv(0.11, 0.6, 0.6), 0.2, "grain", 0.5) if grand else plain(color * 0.8, 0.03)
    radius, inset, step = rng.uniform(0.16, 0.35), rng.uniform(0.5, 1.6), rng.uniform(2.2, 4)
    z, round_ = rng.uniform(2.5, 4.5), rng.uniform() < 0.7
    while z < far - 0.5 and rng.uniform() < 0.97:
        for x in (left + inset, right - inset):
            scene.add(
                "cone" if round_ else "box",
                (x, height / 2, z),
                (radius, height / 2, radius),
                shaft,
                contact=0,
                gloss=0.15,
            )
            for y, tall in ((0.12, 0.12), (height - 0.15, 0.15)):
                scene.add("box", (x, y, z), (radius * 1.4, tall, radius * 1.4), gold)
        z += step
    if rng.uniform() < 0.5:
        half = (rng.uniform(0.7, 1.5), 0.005, far / 2)
        scene.add(
            "box",
            (middle, 0.005, far / 2),
            half,
            plain(
                hsv(rng.choice([0.0, 0.02, 0.6, 0.1, 0.4]), rng.uniform(0.4, 0.8), rng.uniform(0.15, 0.45)),
                0.2,
                "leaf",
                1.2,
            ),
            casts=False,
            contact=0,
        )
    if rng.uniform() < 0.4:
        stairs = marble(color * 0.9, color * 0.5)
        wide, steps = width * rng.uniform(0.15, 0.35), int(rng.integers(6, 14))
        for i in range(steps):
            scene.add("box", (middle, 0.08 + 0.16 * i, far - 0.3 * (steps - i) + 0.15), (wide, 0.08, 0.16), stairs)
    if rng.uniform() < 0.5:  # a gallery
        scene.add("box", (middle, height * 0.55, far), (width / 2, 0.12, rng.uniform(0.5, 1.5)), gold)
    for _ in range(int(rng.integers(0, 3))):  # chandeliers: rings of lamps
        z, y = rng.uniform(4, far * 0.8), height - rng.uniform(0.8, 1.6)
        for k in range(10):
            a = k * 2 * np.pi / 10
            scene.add(
                "ball",
                (middle + 0.5 * np.cos(a), y + 0.08 * (k % 2), z + 0.5 * np.sin(a)),
                0.06,
                plain(hsv(0.11, 0.2, 1.0), 0),
                glow=3.0,
                casts=False,
            )
        scene.add("cone", (middle, (y + height) / 2, z), (0.02, (height - y) / 2, 0.02), gold, casts=False)
        scene.add("ball", (middle, y - 0.1, z), (0.3, 0.15, 0.3), gold, gloss=0.5, casts=False)
    add_wall_fittings(scene, rng, left, right, far, int(rng.integers(1, 6)))
    for _ in range(int(rng.integers(0, 6))):
        piece = PIECES[rng.choice([2, 4, 5, 9, 9])]
        side = rng.choice([-1, 1])
        piece(
            scene,
            rng,
            middle + side * rng.uniform(0.3, 0.9) * width / 2,
            rng.uniform(3, far * 0.8),
            rng.uniform(0, 6.28),
        )
    add_lamps(scene, rng, left, right, far, height)
    scene.ambient = scene.ambient * np.float32(1.2)
    return scene
