"""A scene before it is rendered: solids, lights, contact shadows, sky and camera.

Axes: x right, y up, z forward, metres.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from demo.render.arrays import f32
from demo.render.camera import Camera
from demo.render.materials import Color, Material
from demo.render.solids import FOLIAGE, Solid

# (unit directions (n, 3), focal length in pixels) -> colours (n, 3) and the horizon's colour (3,), the colour of haze.
Sky = Callable[[np.ndarray, float], tuple[np.ndarray, Color]]


@dataclass
class Light:
    """A lamp at `place` (metres), or the sun in the direction `place`.

    `soft` is the standard deviation of the shadow rays' targets around `place`; larger values give softer shadows.
    """

    place: np.ndarray
    color: Color
    sun: bool = False
    soft: float = 0.1


@dataclass
class Contact:
    """A rectangle on the ground that is darkened because something stands on it. Metres; `yaw` in radians.

    `strength` is the share of light removed inside the rectangle; it fades over `reach` metres outside.
    """

    x: float
    z: float
    half_x: float
    half_z: float
    yaw: float
    strength: float
    reach: float


@dataclass
class Scene:
    """Everything that `raycast.render` needs. `rng` draws the solids' seeds and the directions of shadow rays."""

    rng: np.random.Generator
    camera: Camera = field(default_factory=Camera)
    solids: list[Solid] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    ambient: Color = field(default_factory=lambda: f32([0.3, 0.3, 0.3]))
    sky: Sky | None = None
    fog: float = 0.0  # share of light lost per metre
    room: tuple[np.ndarray, np.ndarray] | None = None  # lowest and highest corner; darkens the edges between walls

    def add(
        self,
        shape: str,
        center: tuple[float, float, float],
        half: tuple[float, float, float] | float,
        material: Material | None,
        yaw: float = 0.0,
        *,
        contact: float = 0.5,
        **options: Any,
    ) -> None:
        """Add a solid.

        Args:
            shape: one of the shapes listed at `Solid.shape`.
            center: metres.
            half: half the size along the solid's own axes, metres; one number for all three.
            material: colour of the surface; None for solids with `faces`.
            yaw: rotation around the vertical axis, radians.
            contact: strength of the contact shadow if the solid reaches the ground; 0 for none.
            options: further fields of `Solid`.
        """
        size = (half, half, half) if isinstance(half, (int, float)) else half
        solid = Solid(shape, f32(center), f32(size), material, yaw, **options)
        solid.seed = solid.seed or len(self.solids) + 1 + int(self.rng.integers(1000))
        self.solids.append(solid)
        if contact and shape not in ("room", "ground", "ridge") and center[1] - size[1] < 0.06 and size[1] > 0.02:
            thin = 0.6 if shape in ("ball", *FOLIAGE) else 1.0
            reach = 0.06 + 0.25 * min(size[1], 1.2)
            self.contacts.append(Contact(center[0], center[2], size[0] * thin, size[2] * thin, yaw, contact, reach))
