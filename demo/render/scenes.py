"""The nine kinds of scenes, and one of them rendered from a seed: picture, exact depth, kind and camera."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from demo.render import countryside, indoors, streets, wilderness
from demo.render.camera import Camera
from demo.render.raycast import render
from demo.render.scene_types import Scene
from demo.render.tone_mapping import tone_map

KINDS: dict[str, Callable[[np.random.Generator], Scene]] = {
    "room": indoors.room,
    "corridor": indoors.corridor,
    "hall": indoors.hall,
    "street": streets.street,
    "road": countryside.road,
    "meadow": countryside.meadow,
    "forest": wilderness.forest,
    "lake": wilderness.lake,
    "garden": countryside.garden,
}
SHARES = {  # probability of each kind; the order is part of what a seed means
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
    """A rendered scene.

    image: (h, w, 3) float32 in [0, 1], sRGB-like.
    depth_m: (h, w) float32, metres along z, inf for sky.
    """

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
    """Build and render the scene of this seed and kind.

    Args:
        seed: decides everything random; the same seed gives the same scene.
        size: side of the square picture in pixels.
        kind: a key of KINDS; None draws one with the probabilities of SHARES.
        oversample: rays per pixel along each axis; depth is then their lower median.
        strength: how much exposure, colour and grain vary; see `tone_map`.
        shadow_samples: shadow rays towards each light.
    """
    rng = np.random.default_rng(seed)
    drawn = str(rng.choice(list(KINDS), p=list(SHARES.values())))
    kind = kind or drawn
    scene = KINDS[kind](rng)
    light, depth = render(scene, size * oversample, size * oversample, shadow_samples)
    if oversample > 1:
        # Highlights are capped before averaging; otherwise a bright lamp would erode the dark edges beside it.
        cells = np.minimum(light, 3.0).reshape(size, oversample, size, oversample, 3)
        light = cells.mean((1, 3))
        blocks = depth.reshape(size, oversample, size, oversample).transpose(0, 2, 1, 3).reshape(size, size, -1)
        depth = np.sort(blocks, axis=-1)[..., (oversample * oversample - 1) // 2]
    return Rendered(tone_map(light, rng, strength), depth, kind, scene.camera)
