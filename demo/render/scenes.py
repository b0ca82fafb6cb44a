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
    scene, kind = build_scene(seed, kind)
    light, depth = render(scene, size * oversample, size * oversample, shadow_samples)
    picture = tone_map(mean_light(light, oversample), scene.rng, strength)
    return Rendered(picture, lower_median(depth, oversample), kind, scene.camera)


def build_scene(seed: int, kind: str | None = None) -> tuple[Scene, str]:
    """The scene of this seed and its kind, not yet rendered; `scene.rng` then draws shadows and the camera's look.

    Args:
        kind: a key of KINDS; None draws one with the probabilities of SHARES.
    """
    rng = np.random.default_rng(seed)
    drawn = str(rng.choice(list(KINDS), p=list(SHARES.values())))
    kind = kind or drawn
    return KINDS[kind](rng), kind


def mean_light(light: np.ndarray, oversample: int) -> np.ndarray:
    """(h, w, 3) light of pixels from (h * oversample, w * oversample, 3) light of rays."""
    if oversample == 1:
        return light
    # Highlights are capped before averaging; otherwise a bright lamp would erode the dark edges beside it.
    mean: np.ndarray = _blocks(np.minimum(light, 3.0), oversample).mean((1, 3))
    return mean


def lower_median(depth: np.ndarray, oversample: int) -> np.ndarray:
    """(h, w) depth of pixels from (h * oversample, w * oversample) depth of rays: never a mean across an edge."""
    if oversample == 1:
        return depth
    blocks = _blocks(depth[..., None], oversample).swapaxes(1, 2)
    sorted_rays = np.sort(blocks.reshape(*blocks.shape[:2], -1), axis=-1)
    lower: np.ndarray = sorted_rays[..., (oversample * oversample - 1) // 2]
    return lower


def _blocks(rays: np.ndarray, oversample: int) -> np.ndarray:
    """(h, oversample, w, oversample, c) of (h * oversample, w * oversample, c)."""
    height, width, channels = rays.shape
    return rays.reshape(height // oversample, oversample, width // oversample, oversample, channels)
