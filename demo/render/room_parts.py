"""Parts of every indoor scene: floor, walls and ceiling, doors, windows, pictures and lamps."""

from typing import Any

import numpy as np

from demo.render.arrays import f32
from demo.render.materials import Material, edge, hsv, mix, picture, plain, stripes, tiles
from demo.render.noise import noise
from demo.render.palette import Rng, floor, wall, wall_paint, wood
from demo.render.scene_types import Light, Scene


def build_shell(
    scene: Scene, rng: Rng, left: float, right: float, back: float, far: float, height: float, grand: bool = False
) -> None:
    """Add floor, walls, ceiling, skirting and cornice of a box-shaped room.

    Args:
        left, right: x of the side walls, metres.
        back, far: z of the wall behind the camera and of the one ahead, metres.
        height: y of the ceiling, metres.
        grand: use the materials of palaces and hotels.
    """
    walls, ground = wall(rng, height, grand), floor(rng, grand)
    end = walls if rng.uniform() < 0.6 else wall(rng, height, grand)
    ceiling: Material = plain(hsv(rng.uniform(), rng.uniform(0, 0.12), rng.uniform(0.6, 0.92)), 0.03)
    if rng.uniform() < 0.3:
        color = wall_paint(rng)
        ceiling = tiles(color, color * 0.95, color * 0.7, 0.6, 0.6, 0.02)
    middle = ((left + right) / 2, height / 2, (far + back) / 2)
    half = ((right - left) / 2, height / 2, (far - back) / 2)
    scene.add("room", middle, half, None, faces={0: walls, 1: walls, 2: walls, 3: end, 4: ground, 5: ceiling})
    scene.room = (f32([left, 0, back]), f32([right, height, far]))
    trim = plain(wall_paint(rng) * 0.6 + 0.25, 0.02)
    strips = [(0.05, 0.05)] if rng.uniform() < 0.75 else []
    strips += [(height - 0.05, 0.05)] if grand or rng.uniform() < 0.4 else []
    for y, half_height in strips:
        for x in (left, right):
            scene.add("box", (x, y, middle[2]), (0.02, half_height, half[2]), trim, casts=False, contact=0)
        scene.add("box", (middle[0], y, far), (half[0], half_height, 0.02), trim, casts=False, contact=0)


def window_pane(rng: Rng, w: float, h: float) -> Material:
    """A window as a picture: sky above, green below, and frames in front. w, h: half its width and height, metres."""
    sky, ground, frame = (
        hsv(0.57, rng.uniform(0, 0.45), 1.0),
        hsv(rng.uniform(0.2, 0.4), 0.4, 0.4),
        wall_paint(rng) * 0.4 + 0.5,
    )
    columns = rng.integers(1, 4)

    def material(u: np.ndarray, v: np.ndarray, fp: np.ndarray) -> np.ndarray:
        horizon = 0.7 * h + 0.12 * noise("fbm", u, u * 0, 3.0, fp)
        view = mix(sky * 1.6, ground, edge(horizon - v, fp + 0.05)) * (1 + 0.12 * noise("fbm", u, v, 3.0, fp))[:, None]
        bars = np.maximum(stripes((u + w) / (2 * w) * columns, 0.09, fp / w), stripes(v / h, 0.07, fp / h))
        return mix(view, frame, bars)

    return material


def add_wall_fittings(scene: Scene, rng: Rng, left: float, right: float, far: float, count: int) -> None:
    """Add up to `count` doors, windows and pictures to the three walls in view; those that would overlap are left out.

    left, right, far: as in `build_shell`.
    """
    used: list[tuple[int, float, float]] = []
    for _ in range(count):
        side, kind = int(rng.integers(3)), int(rng.integers(5))
        w, h, y = rng.uniform(0.3, 0.8), rng.uniform(0.25, 0.6), 1.55
        if kind == 0:
            w, h, y = 0.45, 1.02, 1.02
        room_left, room_right = min(left + 1, (left + right) / 2), max(right - 1, (left + right) / 2)
        at = rng.uniform(room_left, room_right) if side == 0 else rng.uniform(1.2, max(far - 1.2, 1.5))
        if any(s == side and abs(at - a) < w + b + 0.2 for s, a, b in used):
            continue
        used.append((side, at, w))

        def panel(
            depth: float,
            w: float,
            h: float,
            y: float,
            material: Material,
            side: int = side,
            at: float = at,
            **options: Any,
        ) -> None:
            place = (at, y, far) if side == 0 else ((left if side == 1 else right), y, at)
            half = (w, h, depth) if side == 0 else (depth, h, w)
            scene.add("box", place, half, material, casts=False, contact=0, **options)

        if kind == 0:
            color = wood(rng) if rng.uniform() < 0.6 else wall_paint(rng)
            panel(0.05, w + 0.07, h + 0.05, y + 0.02, plain(color * 0.7, 0.02))
            panel(0.07, w, h, y, tiles(color, color, color * 0.55, w * 0.95, h * 0.98, 0.03), shift=(w * 0.5, 0))
        elif kind < 3:
            panel(0.05, w + 0.06, h + 0.06, y, plain(wall_paint(rng) * 0.4 + 0.5, 0.02))
            panel(0.06, w, h, y, window_pane(rng, w, h), glow=rng.uniform(0.5, 1.5))
        else:
            panel(0.03, w + 0.04, h + 0.04, y, plain(wood(rng) * rng.uniform(0.4, 1.5), 0.05))
            panel(0.04, w, h, y, picture(rng))


def add_lamps(scene: Scene, rng: Rng, left: float, right: float, far: float, height: float) -> None:
    """Add one or two lamps below the ceiling, and the ambient light. Arguments as in `build_shell`."""
    for _ in range(int(rng.integers(1, 3))):
        place = f32(
            [rng.uniform(0.6 * left, 0.6 * right), height - rng.uniform(0.2, 0.5), rng.uniform(0.3, 0.9) * min(far, 6)]
        )
        color = hsv(rng.choice([0.09, 0.12, 0.6]), rng.uniform(0, 0.3), 1.0) * np.float32(
            rng.uniform(1.0, 2.2) * (height / 2.7) ** 1.3
        )
        scene.lights.append(Light(place, color, soft=0.15))
        if rng.uniform() < 0.5:
            scene.add(
                "ball",
                (float(place[0]), height - 0.12, float(place[2])),
                (0.18, 0.07, 0.18),
                plain(np.ones(3), 0),
                glow=3.0,
                casts=False,
            )
    scene.ambient = (hsv(rng.choice([0.1, 0.6]), rng.uniform(0, 0.15), 1.0) * rng.uniform(0.35, 0.75)).astype(
        np.float32
    )
