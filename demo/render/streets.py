"""Scenes of town streets."""

import numpy as np

from demo.render.arrays import f32
from demo.render.camera import sample_camera
from demo.render.ground import pavement, roadway
from demo.render.materials import hsv, plain, tiles
from demo.render.nature import hills, tree
from demo.render.palette import Rng
from demo.render.scene_types import Scene
from demo.render.sky import add_sky
from demo.render.town import building, car, lamp_post, sign


def street(rng: Rng) -> Scene:
    """A town street between buildings, with trees, street lamps, signs and cars."""
    scene = Scene(rng)
    mood = add_sky(scene, rng)
    scene.camera = sample_camera(rng, (-0.14, 0.08), yaw=0.08)
    night = mood == "night"
    half, walk, tone = rng.uniform(2.5, 6.5), rng.uniform(1.4, 4), rng.uniform(0.08, 0.3)
    middle = rng.uniform(-0.8, 0.8) * half
    pave, wet = pavement(rng, tone), float(rng.choice([0, 0.35], p=[0.85, 0.15]))
    asphalt = f32([1, 1, 1.03]) * tone
    mark = f32([(0.8, 0.8, 0.8), (0.8, 0.6, 0.1)][rng.integers(2)])
    if rng.uniform() < 0.78:
        zebra = rng.uniform(4, 12) if rng.uniform() < 0.3 else None
        ground = roadway(asphalt, mark, pave, half, kerb=asphalt + 0.2, dash=float(rng.choice([0, 3.0])), zebra=zebra)
    else:
        ground = tiles(asphalt, asphalt * 1.5, asphalt * 0.6, 0.18, 0.14, 0.02, offset=0.5, rough=0.2)
    scene.add("ground", (middle, 0, 0), 1, ground, mirror=wet)
    tall = 2.6 if rng.uniform() < 0.25 else 1.0
    for side in (-1, 1):
        z, gap = rng.uniform(-6, 2), rng.uniform(0, 0.35)
        while z < 110:
            long = rng.uniform(5, 15)
            if rng.uniform() > gap:
                height = rng.uniform(4, 13) * (tall if rng.uniform() < 0.5 else 1)
                off = half + walk + 5 + rng.uniform(0, 1.5) * (rng.uniform() < 0.4)
                x = middle + side * off
                building(scene, rng, x, z + long / 2, 5.0, long / 2 * 0.995, height, night)
                if rng.uniform() < 0.35:
                    awning = plain(hsv(rng.uniform(), 0.6, 0.4), 0.05)
                    scene.add("prism", (x - side * 5.3, 3.0, z + long / 2), (0.8, 0.16, long * 0.35), awning, taper=0.6)
            elif rng.uniform() < 0.7:
                tree(scene, rng, middle + side * (half + walk + 2.5), z + long / 2, 1.5)
            z += long
        z, step, what = rng.uniform(3.5, 9), rng.uniform(6, 12), rng.integers(5)
        while z < 60:
            x = middle + side * (half + 0.6)
            if what == 0:
                tree(scene, rng, x, z, rng.uniform(1.0, 1.4))
            elif what == 1:
                lamp_post(scene, rng, x, z, -side)
            elif what == 2 and rng.uniform() < 0.75:
                car(scene, rng, middle + side * (half - 1.1), z + 1, float(rng.choice([0, np.pi])))
            elif what == 3:
                sign(scene, rng, x, z)
            z += step
    if rng.uniform() < 0.4:
        building(scene, rng, middle, rng.uniform(35, 80), half + walk + 8, 3, rng.uniform(8, 18) * tall, night)
    else:
        hills(scene, rng, 130, 1, hsv(0.3, 0.3, 0.2))
    if rng.uniform() < 0.3:
        car(scene, rng, middle + rng.choice([-0.5, 0.5]) * half, rng.uniform(7, 25), float(rng.choice([0, np.pi])))
    return scene
