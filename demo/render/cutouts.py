"""The 23 kinds of cut-outs, and one of them rendered from a seed."""

from collections.abc import Callable

import numpy as np

from demo.render import animals, chairs_and_cars, people, pets, plants, toys
from demo.render.sdf import Body
from demo.render.trace import Cutout, trace

# The names and their order are part of the seeds of the training set (see `demo.train.dataset.write_cutouts`).
MAKERS: dict[str, Callable[[np.random.Generator], Body]] = {
    "dog": pets.dog,
    "cat": pets.cat,
    "sitting": pets.sitting,
    "lying": pets.lying,
    "sheep": animals.sheep,
    "rabbit": animals.rabbit,
    "duck": animals.duck,
    "teddy": animals.teddy,
    "person": people.person,
    "robot": toys.robot,
    "houseplant": plants.houseplant,
    "cactus": plants.cactus,
    "chair": chairs_and_cars.chair,
    "armchair": chairs_and_cars.armchair,
    "mug": toys.mug,
    "beach_ball": toys.beach_ball,
    "football": toys.football,
    "apple": plants.apple,
    "pear": plants.pear,
    "mushroom": plants.mushroom,
    "car": chairs_and_cars.car,
    "die": toys.die,
    "snowman": toys.snowman,
}


def render_cutout(kind: str, seed: int, size: int, oversample: int = 2) -> Cutout:
    """Build and render the cut-out of this kind and seed, lit from a random side.

    Args:
        kind: a key of MAKERS.
        seed: decides everything random; the same seed gives the same cut-out.
        size: most pixels along its longer side.
        oversample: rays per pixel along each axis.
    """
    rng = np.random.default_rng(seed)
    body = MAKERS[kind](rng)
    around = rng.uniform(-1.2, 1.2)
    return trace(body, size, np.array([np.sin(around), rng.uniform(0.5, 1.1), -np.cos(around)]), oversample=oversample)
