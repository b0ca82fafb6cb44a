"""Random scenes by number: kind, camera, picture and exact depth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from demo import country, indoors, streets, wilds
from demo.camera import Camera
from demo.develop import develop
from demo.raycast import Scene

KINDS: dict[str, Callable[[np.random.Generator], Scene]] = {
    "room": indoors.room,
    "corridor": indoors.corridor,
    "hall": indoors.hall,
    "street": streets.street,
    "road": country.road,
    "meadow": country.meadow,
    "forest": wilds.forest,
    "lake": wilds.lake,
    "garden": country.garden,
}
SHARES = {
    "room": 0.2,
    "corridor": 0.08,
    "hall": 0.11,
    "street": 0.19,
    "road": 0.12,
    "meadow": 0.07,
    "forest": 0.11,
    "lake": 0.06,
    "garden": 0.06,
}


@dataclass
class Rendered:
    """A picture (h, w, 3) float32 in [0, 1], its z-depth (h, w) float32 metres (inf: sky), kind and camera."""

    image: np.ndarray
    depth_m: np.ndarray
    kind: str
    camera: Camera


def render_scene(
    seed: int,
    size: int,
    kind: str | None = None,
    *,
    oversample: int = 1,
    strength: float = 1.0,
    shadow_samples: int = 1,
) -> Rendered:
    """The scene with this number.

    Args:
        seed: names the scene; the same number gives the same scene.
        size: side of the picture in pixels.
        kind: a key of KINDS; None draws one by SHARES.
        oversample: rays a pixel along each axis; depth is then the median of them.
        strength: how far the virtual photographer may err in exposure and colour.
    """
    rng = np.random.default_rng(seed)
    drawn = str(rng.choice(list(KINDS), p=list(SHARES.values())))
    kind = kind or drawn
    scene = KINDS[kind](rng)
    light, depth = scene.render(size * oversample, size * oversample, shadow_samples)
    if oversample > 1:
        cells = np.minimum(light, 3.0).reshape(size, oversample, size, oversample, 3)  # highlights must not eat edges
        light = cells.mean((1, 3))
        blocks = depth.reshape(size, oversample, size, oversample).transpose(0, 2, 1, 3).reshape(size, size, -1)
        depth = np.sort(blocks, axis=-1)[..., (oversample * oversample - 1) // 2]
    return Rendered(develop(light, rng, strength), depth, kind, scene.camera)
