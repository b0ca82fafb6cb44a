"""Random cut-outs by kind and number."""

from collections.abc import Callable

import numpy as np

from demo import critters, people, pets, plants, things, toys
from demo.sdf import Body
from demo.trace import Cutout, trace

MAKERS: dict[str, Callable[[np.random.Generator], Body]] = {
    "dog": pets.dog,
    "cat": pets.cat,
    "sitting": pets.sitting,
    "lying": pets.lying,
    "sheep": critters.sheep,
    "rabbit": critters.rabbit,
    "duck": critters.duck,
    "teddy": critters.teddy,
    "person": people.person,
    "robot": toys.robot,
    "houseplant": plants.houseplant,
    "cactus": plants.cactus,
    "chair": things.chair,
    "armchair": things.armchair,
    "mug": toys.mug,
    "beach_ball": toys.beach_ball,
    "football": toys.football,
    "apple": plants.apple,
    "pear": plants.pear,
    "mushroom": plants.mushroom,
    "car": things.car,
    "die": toys.die,
    "snowman": toys.snowman,
}


def render_cutout(kind: str, seed: int, size: int, oversample: int = 2) -> Cutout:
    """The cut-out of this kind with this number, its longer side at most `size` pixels, lit from a random side."""
    rng = np.random.default_rng(seed)
    body = MAKERS[kind](rng)
    around = rng.uniform(-1.2, 1.2)
    return trace(body, size, np.array([np.sin(around), rng.uniform(0.5, 1.1), -np.cos(around)]), oversample=oversample)
