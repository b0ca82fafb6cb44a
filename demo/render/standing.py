"""A body that stands in a scene, seen by the scene's camera without the scene."""

from dataclasses import dataclass

import numpy as np

from demo.render.arrays import f32
from demo.render.camera import Camera, camera_rays, pixel_window
from demo.render.sdf import Body
from demo.render.solids import Solid
from demo.render.trace import march, shade_body


@dataclass(frozen=True)
class Standing:
    """A body at a place in a scene.

    place: (3,) metres, the point of the scene where the body's origin is: the middle of its footprint.
    scale: how many times larger than its own size the body is.
    """

    body: Body
    place: np.ndarray
    scale: float = 1.0

    @property
    def bounding_box(self) -> Solid:
        """The box around the body, turned with it, as a solid of the scene."""
        low, high = self.body.bounds()
        middle, half = (low + high) / 2 * self.scale, (high - low) / 2 * self.scale
        cos, sin = np.float32(np.cos(self.yaw)), np.float32(np.sin(self.yaw))
        offset = f32([cos * middle[0] + sin * middle[2], middle[1], cos * middle[2] - sin * middle[0]])
        return Solid("box", f32(self.place) + offset, half, None, self.yaw)

    @property
    def yaw(self) -> float:
        """Radians around the vertical axis, as `Solid.yaw`: the body's own yaw counts from the direction of view."""
        return float(np.arctan2(self.place[0], self.place[2])) - self.body.yaw


def trace_standing(
    standing: Standing, camera: Camera, height: int, width: int, light: np.ndarray, rim: float = 0.15
) -> tuple[np.ndarray, np.ndarray]:
    """Cast one ray through the centre of each pixel; the body's `pitch` is not used, because it stands upright.

    Args:
        light: (3,) direction towards the main light, in the scene's frame.
        rim: strength of the light along the outline.
    Returns:
        rgb: (height, width, 3) float32, sRGB-like in [0, 1]; 0 where the body is not hit.
        depth: (height, width) float32, metres along z, inf where the body is not hit.
    """
    rgb = np.zeros((height, width, 3), np.float32)
    depth = np.full((height, width), np.inf, np.float32)
    focal = np.float32(camera.focal_px(width))
    rays, axes = camera_rays(camera, height, width, focal)
    eye = f32([0, camera.height, 0])
    box = standing.bounding_box
    window = pixel_window(box, tuple(eye), axes, focal, height, width)
    low, high = standing.body.bounds()
    radius = float(np.sqrt((((high - low) / 2) ** 2).sum()))
    away = float(np.linalg.norm(eye - box.center)) / standing.scale
    if window is None or away < 1.05 * radius:  # out of view, or around the camera
        return rgb, depth
    cos, sin = np.cos(standing.yaw), np.sin(standing.yaw)
    turn = f32([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    seen = rays[window].reshape(-1, 3)
    length = np.sqrt((seen * seen).sum(1))
    directions = ((seen / length[:, None]) @ turn.T).astype(np.float32)
    origin = (turn @ (eye - f32(standing.place)) / np.float32(standing.scale)).astype(np.float32)
    t, hit = march(standing.body, origin, directions, radius, away)
    at = np.flatnonzero(hit)
    colors, distances = np.zeros((len(seen), 3), np.float32), np.full(len(seen), np.inf, np.float32)
    if len(at):
        towards = (turn @ (f32(light) / np.linalg.norm(light))).astype(np.float32)
        points = origin + t[at, None] * directions[at]
        colors[at] = shade_body(standing.body, points, directions[at], towards, radius, rim)[0]
        distances[at] = t[at] * np.float32(standing.scale) / length[at]
    shape = rays[window].shape[:2]
    rgb[window], depth[window] = colors.reshape(*shape, 3), distances.reshape(shape)
    return rgb, depth
