"""The camera: a random one, the ray through each pixel, and the pixels that a solid can cover."""

from dataclasses import dataclass

import numpy as np

from demo.render.arrays import f32
from demo.render.solids import FOLIAGE, Solid


@dataclass
class Camera:
    """A pinhole camera at (0, height, 0) metres. Angles in radians; pitch > 0 looks up, yaw > 0 looks right."""

    height: float = 1.5
    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0
    fov: float = 1.047  # horizontal field of view

    def focal_px(self, width: int) -> float:
        """Focal length in pixels of an image that is `width` pixels wide."""
        return 0.5 * width / float(np.tan(self.fov / 2))


def sample_camera(
    rng: np.random.Generator,
    pitch: tuple[float, float] = (-0.24, 0.06),
    yaw: float = 0.1,
    height: tuple[float, float] = (1.3, 1.7),
) -> Camera:
    """A camera as a person holds it: at eye height, 56 to 64 degrees wide, almost level.

    Args:
        pitch: range, radians.  yaw: standard deviation, radians.  height: range, metres.
    """
    return Camera(
        rng.uniform(*height),
        rng.uniform(*pitch),
        rng.normal(0, yaw),
        rng.normal(0, 0.015),
        np.radians(rng.uniform(56, 64)),
    )


def camera_rays(camera: Camera, height: int, width: int, focal: np.float32) -> tuple[np.ndarray, np.ndarray]:
    """The rays of an image of this size.

    Returns:
        rays: (height, width, 3) float32 directions in the world; their component along the view direction is 1.
        axes: (3, 3) float32, the camera's right, up and forward directions as rows.
    """
    rows = np.arange(height, dtype=np.float32) + np.float32(0.5 - height / 2)
    columns = np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)
    down, right = np.meshgrid(rows / focal, columns / focal, indexing="ij")
    (cr, sr), (cp, sp), (cy, sy) = ((np.cos(a), np.sin(a)) for a in (camera.roll, camera.pitch, camera.yaw))
    yaw = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    axes = (roll @ pitch @ yaw).astype(np.float32)
    return right[..., None] * axes[0] - down[..., None] * axes[1] + axes[2], axes


def pixel_window(
    solid: Solid, origin: tuple[np.float32, ...], axes: np.ndarray, focal: np.float32, height: int, width: int
) -> tuple[slice, slice] | None:
    """Rows and columns that a solid can cover, from the corners of its bounding box; None if it is out of view."""
    whole_image = (slice(0, height), slice(0, width))
    if solid.shape in ("room", "ground"):
        return whole_image
    signs = f32([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * solid.half
    if solid.shape in FOLIAGE:  # foliage always faces the camera, so its box must hold for any yaw
        wide = max(solid.half[0], solid.half[2])
        if np.hypot(solid.center[0], solid.center[2]) < 1.3 * wide + 0.4:
            return None  # the camera would stand inside the leaves
        signs = f32([[x * wide, y * solid.half[1], z * wide] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    c, s = np.float32(np.cos(solid.yaw)), np.float32(np.sin(solid.yaw))
    corners = np.stack([c * signs[:, 0] + s * signs[:, 2], signs[:, 1], c * signs[:, 2] - s * signs[:, 0]], 1)
    seen = (corners + solid.center - f32(origin)) @ axes.T
    if (seen[:, 2] < 0.05).all():
        return None
    if (seen[:, 2] < 0.3).any():
        return whole_image
    x = width / 2 + focal * seen[:, 0] / seen[:, 2]
    y = height / 2 - focal * seen[:, 1] / seen[:, 2]
    top, bottom = max(0, int(y.min()) - 1), min(height, int(y.max()) + 2)
    left, right = max(0, int(x.min()) - 1), min(width, int(x.max()) + 2)
    return (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None
