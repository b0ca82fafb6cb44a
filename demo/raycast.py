"""A small numpy ray-caster: a scene of solids becomes linear RGB and exact z-depth.

Axes: x right, y up, z forward, metres. In the camera's frame a ray is t * (x, y, 1), so t *is* the depth along z.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from demo.arrays import f32
from demo.camera import Camera, camera_rays, window_of
from demo.materials import Color, Material
from demo.shade import shade
from demo.solids import FAR, PUFFS, Solid, intersect

# (directions (n, 3), pixel angle) -> colours (n, 3) and the horizon's colour (3,), which distant things fade to.
Sky = Callable[[np.ndarray, float], tuple[np.ndarray, Color]]


@dataclass
class Light:
    """A lamp at `place`, or with `sun` a direction towards the light. `soft`: its size, as the spread of rays."""

    place: np.ndarray
    color: Color
    sun: bool = False
    soft: float = 0.1


@dataclass
class Contact:
    """A darkened footprint on the ground around something that stands there."""

    x: float
    z: float
    half_x: float
    half_z: float
    yaw: float
    strength: float
    reach: float


@dataclass
class Scene:
    """Solids, lights and a camera; `rng` jitters the shadows."""

    rng: np.random.Generator
    camera: Camera = field(default_factory=Camera)
    solids: list[Solid] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    ambient: Color = field(default_factory=lambda: f32([0.3, 0.3, 0.3]))
    sky: Sky | None = None
    fog: float = 0.0  # share of light lost a metre
    room: tuple[np.ndarray, np.ndarray] | None = None  # corners, for darker edges between walls

    def add(
        self,
        shape: str,
        center: tuple[float, float, float],
        half: tuple[float, float, float] | float,
        material: Material | None,
        yaw: float = 0.0,
        *,
        contact: float = 0.5,
        **options: object,
    ) -> None:
        """Add a solid. What reaches down to the ground gets a contact shadow of strength `contact`."""
        size = (half, half, half) if isinstance(half, (int, float)) else half
        solid = Solid(shape, f32(center), f32(size), material, yaw, **options)  # type: ignore[arg-type]
        solid.seed = solid.seed or len(self.solids) + 1 + int(self.rng.integers(1000))
        self.solids.append(solid)
        if contact and shape not in ("room", "ground", "ridge") and center[1] - size[1] < 0.06 and size[1] > 0.02:
            thin = 0.6 if shape in ("ball", *PUFFS) else 1.0
            reach = 0.06 + 0.25 * min(size[1], 1.2)
            self.contacts.append(Contact(center[0], center[2], size[0] * thin, size[2] * thin, yaw, contact, reach))

    def render(self, height: int, width: int, shadow_samples: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Cast one ray a pixel.

        Returns:
            (height, width, 3) float32 linear light, and (height, width) float32 z-depth in metres, inf for sky.
        """
        focal = np.float32(self.camera.focal_px(width))
        rays, axes = camera_rays(self.camera, height, width, focal)
        origin = (np.float32(0), np.float32(self.camera.height), np.float32(0))
        depth = np.full((height, width), FAR, np.float32)
        owner = np.full((height, width), -1, np.int32)
        for index, solid in enumerate(self.solids):
            window = window_of(solid, origin, axes, focal, height, width) if solid.seen else None
            if window is None:
                continue
            t = intersect(solid, origin, tuple(rays[window][..., i] for i in range(3)))  # type: ignore[arg-type]
            nearer = t < depth[window]
            depth[window] = np.where(nearer, t, depth[window])
            owner[window] = np.where(nearer, index, owner[window])
        image = shade(self, rays.reshape(-1, 3), depth.ravel(), owner.ravel(), (height, width), focal, shadow_samples)
        return image.reshape(height, width, 3), np.where(depth < FAR, depth, np.inf).astype(np.float32)
