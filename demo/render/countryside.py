"""Country roads, meadows and gardens."""

import numpy as np

from demo.render.arrays import f32
from demo.render.camera import sample_camera
from demo.render.ground import land, pavement, roadway
from demo.render.materials import Color, grass, hsv, plain, tiles
from demo.render.nature import bush, conifer, hills, rock, scatter_tufts, tree, tuft
from demo.render.palette import Rng, leaf_green
from demo.render.scene_types import Scene
from demo.render.sky import add_sky
from demo.render.town import building, car, fence, house


def _scatter_plants(scene: Scene, rng: Rng, kind: str, color: Color, aside: float) -> None:
    """Trees, bushes, rocks and grass that suit the kind of land, at least `aside` metres from the middle line."""
    if kind in ("sand", "snow", "earth"):
        number, makers = int(rng.integers(2, 16)), [rock, rock, conifer if kind == "snow" else bush]
    else:
        number, makers = int(rng.integers(4, 34)), [tree, tree, bush, conifer, rock]
    chosen = makers[rng.integers(len(makers))]
    for _ in range(number):
        z = rng.uniform(4.5, 12) if rng.uniform() < 0.25 else rng.uniform(9, 80)
        x = rng.choice([-1, 1]) * rng.uniform(aside + 1.2, aside + 3 + 0.75 * z)
        maker = chosen if rng.uniform() < 0.7 else makers[rng.integers(len(makers))]
        maker(scene, rng, x, z, rng.uniform(1.0, 2.0))
    if kind in ("grass", "dry", "flowers"):
        scatter_tufts(scene, rng, color, int(rng.integers(0, 60)), aside)


def road(rng: Rng) -> Scene:
    """A road or path through open country."""
    scene = Scene(rng)
    add_sky(scene, rng)
    scene.camera = sample_camera(rng, (-0.2, 0.06), yaw=0.15)
    soil, color, kind = land(rng)
    tone, half = rng.uniform(0.06, 0.35), rng.uniform(1.0, 4.5)
    track = rng.uniform() < 0.4
    asphalt = hsv(0.09, rng.uniform(0.2, 0.45), tone + 0.15) if track else f32([1, 1, 1.03]) * tone
    mark = asphalt if track else f32([(0.8, 0.8, 0.8), (0.8, 0.6, 0.1)][rng.integers(2)])
    ground = roadway(asphalt, mark, soil, half, dash=float(rng.choice([0, 3.0])))
    x = rng.uniform(-0.6, 0.6) * half
    scene.add("ground", (x, 0, 0), 1, ground, rng.normal(0, 0.1), mirror=float(rng.choice([0, 0.3], p=[0.9, 0.1])))
    _scatter_plants(scene, rng, kind, color, half + abs(x))
    if rng.uniform() < 0.4:  # rows of trees along the road
        z, step, green = rng.uniform(3, 6), rng.uniform(4, 9), leaf_green(rng, rng.uniform() < 0.4)
        while z < 70:
            for side in (-1, 1):
                tree(scene, rng, x + side * (half + 1.5), z, rng.uniform(1.4, 1.9), green)
            z += step
    if rng.uniform() < 0.3:
        fence(scene, rng, x + rng.choice([-1, 1]) * (half + 0.8), 2.5, 36)
    if rng.uniform() < 0.25:
        car(scene, rng, x + half * 0.5, rng.uniform(9, 40), float(rng.choice([0, np.pi])))
    if rng.uniform() < 0.8:
        hills(scene, rng, rng.uniform(45, 110), int(rng.integers(1, 4)), color, rng.uniform() < 0.4)
    return scene


def meadow(rng: Rng) -> Scene:
    """Open land without a road: a meadow, dunes or a snow field, sometimes with a cottage."""
    scene = Scene(rng)
    add_sky(scene, rng)
    scene.camera = sample_camera(rng, (-0.22, 0.05), yaw=0.4)
    soil, color, kind = land(rng)
    scene.add("ground", (0, 0, 0), 1, soil, rng.uniform(0, 6))
    _scatter_plants(scene, rng, kind, color, 0.0)
    if rng.uniform() < 0.35:
        z = rng.uniform(11, 30)
        house(scene, rng, rng.uniform(-0.4, 0.4) * z, z, rng.uniform(-0.6, 0.6))
    if rng.uniform() < 0.3:
        fence(scene, rng, rng.choice([-1, 1]) * rng.uniform(2, 5), 2.5, 36)
    if rng.uniform() < 0.85:
        hills(scene, rng, rng.uniform(35, 110), int(rng.integers(1, 5)), color, rng.uniform() < 0.35)
    return scene


def garden(rng: Rng) -> Scene:
    """A lawn in front of a house, with hedges and trees, and sometimes a pool or a path."""
    scene = Scene(rng)
    add_sky(scene, rng)
    scene.camera = sample_camera(rng, (-0.2, 0.03), yaw=0.2)
    first = leaf_green(rng)
    scene.add("ground", (0, 0, 0), 1, grass(first, first * np.float32(rng.uniform(0.7, 1.3)), 9.0))
    z = rng.uniform(10, 22)
    if rng.uniform() < 0.7:
        house(scene, rng, rng.uniform(-0.3, 0.3) * z, z + 3, rng.normal(0, 0.25), rng.uniform(1.0, 1.5))
    else:
        building(scene, rng, rng.uniform(-0.3, 0.3) * z, z + 6, rng.uniform(6, 16), 4, rng.uniform(4, 12))
    paved = 0.3
    if rng.uniform() < 0.45:
        paved = 9.0
        slabs = pavement(rng, rng.uniform(0.2, 0.4))
        long, wide, x = rng.uniform(2, 4.5), rng.uniform(1.8, 4), rng.normal(0, 1)
        at = rng.uniform(4.0, 6.0) + long
        scene.add("box", (x, 0.02, at), (wide + 0.8, 0.04, long + 0.8), slabs, casts=False, contact=0)
        pool = tiles(hsv(0.52, 0.65, 0.55), hsv(0.53, 0.6, 0.5), hsv(0.5, 0.4, 0.65), 0.3, 0.3, 0.02)
        scene.add("box", (x, 0.04, at), (wide, 0.03, long), pool, casts=False, contact=0, mirror=0.5)
    elif rng.uniform() < 0.6:
        paved = 2.6
        scene.add(
            "box",
            (rng.normal(0, 1), 0.01, 0.0),
            (rng.uniform(0.5, 1.2), 0.015, z - 1),
            pavement(rng, rng.uniform(0.2, 0.4)),
            casts=False,
            contact=0,
        )
    green = leaf_green(rng)
    for side in (-1, 1):
        if rng.uniform() < 0.6:
            x, clipped = side * rng.uniform(3.5, 8), rng.uniform() < 0.4
            for i in range(int(rng.integers(4, 12))):
                if clipped:
                    scene.add("box", (x, 0.55, 3.5 + 2 * i), (0.45, 0.55, 1.02), plain(green, 0.35, "leaf", 1.0))
                else:
                    bush(scene, rng, x + rng.normal(0, 0.3), 3.5 + 1.8 * i, rng.uniform(0.9, 1.6), green)
    for _ in range(int(rng.integers(2, 10))):
        maker = (tree, tree, bush, conifer)[rng.integers(4)]
        at = rng.uniform(6, 40)
        maker(scene, rng, rng.choice([-1, 1]) * rng.uniform(2.8, 4 + 0.6 * at), at, rng.uniform(0.9, 1.7))
    for _ in range(int(rng.integers(0, 14))):
        x = rng.uniform(-5, 5)
        if abs(x) > paved:
            tuft(scene, rng, x, rng.uniform(2.2, 10), green)
    if rng.uniform() < 0.6:
        hills(scene, rng, rng.uniform(60, 120), int(rng.integers(1, 3)), first)
    return scene
