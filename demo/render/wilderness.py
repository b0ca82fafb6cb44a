"""Scenes of forests and lakes."""

import numpy as np

from demo.render.camera import sample_camera
from demo.render.ground import land, roadway, water
from demo.render.materials import grass, hsv, plain, planks, speckled
from demo.render.nature import bush, conifer, furrowed, hills, rock, scatter_tufts, tree, tuft
from demo.render.palette import Rng, leaf_green, wood
from demo.render.scene_types import Scene
from demo.render.sky import add_sky


def forest(rng: Rng) -> Scene:
    """Inside a forest: trunks, undergrowth, sometimes a path, leaves overhead and more trees behind."""
    scene = Scene(rng)
    add_sky(scene, rng, str(rng.choice(["clear", "white", "haze", "cloudy"])))
    scene.camera = sample_camera(rng, (-0.14, 0.1), yaw=0.3)
    autumn = rng.uniform() < 0.3
    green = leaf_green(rng, autumn)
    litter = grass(hsv(rng.uniform(0.06, 0.12), 0.5, rng.uniform(0.12, 0.3)), green * np.float32(0.7), 6.0)
    floor_ = speckled(litter, leaf_green(rng, True), 2.2, rng.uniform(0.6, 1.8))
    half = rng.uniform(0.6, 1.6) if rng.uniform() < 0.6 else 0.0
    ground = floor_
    if half:
        path = hsv(0.09, rng.uniform(0.1, 0.4), rng.uniform(0.15, 0.45))
        ground = roadway(path, path, floor_, half, dash=0)
    x0 = rng.normal(0, 0.4)
    scene.add("ground", (x0, 0, 0), 1, ground, rng.normal(0, 0.12))
    tone, conifers = hsv(rng.uniform(0.05, 0.12), rng.uniform(0.1, 0.45), rng.uniform(0.05, 0.3)), rng.uniform() < 0.3
    for _ in range(int(rng.integers(25, 60))):
        z = 3.2 + 40 * rng.uniform() ** 1.4
        x = x0 + rng.choice([-1, 1]) * rng.uniform(half + 0.7, half + 2 + 0.75 * z)
        thick = rng.uniform(0.07, 0.3)
        trunk = furrowed(tone * np.float32(rng.uniform(0.6, 1.4)))
        scene.add("cone", (x, 5, z), (thick, 5, thick), trunk, taper=0.25)
        if conifers and rng.uniform() < 0.5:
            conifer(scene, rng, x, z, rng.uniform(1.2, 2.4), green * np.float32(0.5))
        else:
            leaves = plain(green * np.float32(rng.uniform(0.6, 1.4)), 0.2, "leaf", 1.5)
            for low, high in ((3.4, 6.5), (8.5, 10.5)):
                r = rng.uniform(1.0, 2.2)
                at = (x + rng.normal(0, 0.5), rng.uniform(low, high), z)
                scene.add("leaf_cluster", at, (r * 1.4, r, r), leaves, casts=low < 5 and rng.uniform() < 0.3)
    for distance in (26.0, 42.0):  # more trees behind: two rows of leaf clusters hide the horizon
        for _ in range(16):
            r = rng.uniform(2.5, 6) * distance / 30
            leaves = plain(green * np.float32(rng.uniform(0.35, 0.9)), 0.25, "leaf", 2.5)
            at = (rng.uniform(-0.8, 0.8) * distance, rng.uniform(0.4, 9), distance + rng.uniform(-4, 8))
            scene.add("leaf_cluster", at, (r, r * 0.9, r), leaves, casts=False, contact=0)
    for _ in range(int(rng.integers(5, 30))):
        z = 2.4 + 14 * rng.uniform() ** 1.5
        x = x0 + rng.choice([-1, 1]) * rng.uniform(half + 0.4, half + 1 + 0.6 * z)
        if rng.uniform() < 0.6:
            tuft(scene, rng, x, z, green, rng.uniform(0.8, 1.8))
        elif rng.uniform() < 0.6:
            bush(scene, rng, x, z, rng.uniform(0.5, 1.0), green)
        else:
            rock(scene, rng, x, z, rng.uniform(0.4, 1.0))
    return scene


def lake(rng: Rng) -> Scene:
    """A lake or a beach: a near shore, water, and sometimes a far shore, hills and a jetty."""
    scene = Scene(rng)
    mood = add_sky(scene, rng)
    scene.camera = sample_camera(rng, (-0.16, 0.06), yaw=0.25)
    soil, color, kind = land(rng)
    lake_ = water(hsv(rng.uniform(0.45, 0.6), rng.uniform(0.3, 0.7), rng.uniform(0.1, 0.35)))
    near, far, bend = rng.uniform(3, 9), rng.uniform(25, 60), rng.uniform(0.3, 1.5)
    scene.add("ground", (0, -0.02, 0), 1, lake_, mirror=0.75)
    # The land is flat slabs that lie on the water; low mounds make the shoreline wavy.
    yaw = rng.normal(0, 0.12)
    scene.add("box", (0, -0.15, near - 25), (120, 0.15, 25), soil, yaw, casts=False, contact=0)
    for _ in range(14):
        r = rng.uniform(0.5, 2.5)
        at = (rng.uniform(-1, 1) * (near + 4), -0.13, near + rng.normal(0, bend))
        scene.add("cone", at, (r * 2, 0.13, r), soil, casts=False, contact=0)
    if rng.uniform() < 0.65:
        scene.add("box", (0, -0.1, far + 60), (300, 0.3, 60), soil, casts=False, contact=0)
        for _ in range(int(rng.integers(8, 40))):
            maker = conifer if rng.uniform() < 0.5 else tree
            maker(scene, rng, rng.uniform(-0.8, 0.8) * far, far + rng.uniform(0.5, 25), rng.uniform(1.3, 2.5))
        hills(scene, rng, far * rng.uniform(1.3, 2), int(rng.integers(1, 4)), leaf_green(rng), rng.uniform() < 0.7)
    elif rng.uniform() < 0.6:
        hills(scene, rng, rng.uniform(80, 200), 2, leaf_green(rng) * np.float32(0.7), rng.uniform() < 0.5)
    for _ in range(int(rng.integers(0, 7))):
        z = rng.uniform(3.0, near + 3)
        x = rng.choice([-1, 1]) * rng.uniform(0.9, 1.0 + 0.6 * z)
        (rock if kind in ("sand", "earth", "snow") or rng.uniform() < 0.5 else bush)(
            scene, rng, x, z, rng.uniform(0.4, 1.1)
        )
    if kind in ("grass", "dry", "flowers"):
        scatter_tufts(scene, rng, color, int(rng.integers(0, 30)), 0.3, near)
    if rng.uniform() < 0.35 and mood != "storm":  # a jetty
        x, long = rng.uniform(-1.5, 1.5), rng.uniform(4, 10)
        boards = planks(wood(rng), 9.0, 0.18)
        scene.add("box", (x, 0.22, near + long - 1), (rng.uniform(0.6, 1.2), 0.05, long), boards, contact=0)
        for i in range(5):
            scene.add("cone", (x - 0.6, 0.1, near + 2 * i), (0.06, 0.35, 0.06), plain(wood(rng) * 0.6, 0.2))
    return scene
