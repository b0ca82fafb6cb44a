"""A small numpy ray-caster: turns a scene into linear RGB and exact depth along z.

A ray is t * (x, y, 1) in the camera's frame, so t is the depth along z.
"""

import numpy as np

from demo.render.camera import camera_rays, pixel_window
from demo.render.scene_types import Scene
from demo.render.shade import shade
from demo.render.solids import FAR, intersect


def render(scene: Scene, height: int, width: int, shadow_samples: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Cast one ray through the centre of each pixel.

    Args:
        shadow_samples: shadow rays towards each light; more give smoother soft shadows.
    Returns:
        image: (height, width, 3) float32, linear light, 0 or more.
        depth: (height, width) float32, metres along z, inf for sky.
    """
    focal = np.float32(scene.camera.focal_px(width))
    rays, axes = camera_rays(scene.camera, height, width, focal)
    origin = (np.float32(0), np.float32(scene.camera.height), np.float32(0))
    depth = np.full((height, width), FAR, np.float32)
    nearest = np.full((height, width), -1, np.int32)  # index of the solid that each pixel shows
    for index, solid in enumerate(scene.solids):
        window = pixel_window(solid, origin, axes, focal, height, width) if solid.seen else None
        if window is None:
            continue
        t = intersect(solid, origin, (rays[window][..., 0], rays[window][..., 1], rays[window][..., 2]))
        nearer = t < depth[window]
        depth[window] = np.where(nearer, t, depth[window])
        nearest[window] = np.where(nearer, index, nearest[window])
    image = shade(scene, rays.reshape(-1, 3), depth.ravel(), nearest.ravel(), (height, width), focal, shadow_samples)
    return image.reshape(height, width, 3), np.where(depth < FAR, depth, np.inf).astype(np.float32)
