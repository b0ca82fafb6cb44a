"""Random cut-outs by kind and number."""

from collections.abc import Callable

import numpy as np

from demo import animals, people, things
from demo.sdf import Body
from demo.trace import Cutout, trace

MAKERS: dict[str, Callable[[np.random.Generator], Body]] = {
    "dog": animals.dog,
    "cat": animals.cat,
    "sitting": animals.sitting,
    "lying": animals.lying,
    "sheep": animals.sheep,
    "rabbit": animals.rabbit,
    "duck": animals.duck,
    "teddy": animals.teddy,
    "person": people.person,
    "robot": things.robot,
    "houseplant": things.houseplant,
    "cactus": things.cactus,
    "chair": things.chair,
    "armchair": things.armchair,
    "mug": things.mug,
    "beach_ball": things.beach_ball,
    "football": things.football,
    "apple": things.apple,
    "pear": things.pear,
    "mushroom": things.mushroom,
    "car": things.car,
    "die": things.die,
    "snowman": things.snowman,
}


def render_cutout(kind: str, seed: int, size: int, oversample: int = 2) -> Cutout:
    """The cut-out of this kind with this number, its longer side at most `size` pixels, lit from a random side."""
    rng = np.random.default_rng(seed)
    body = MAKERS[kind](rng)
    around = rng.uniform(-1.2, 1.2)
    return trace(body, size, np.array([np.sin(around), rng.uniform(0.5, 1.1), -np.cos(around)]), oversample=oversample)
