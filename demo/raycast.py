"""A small numpy ray-caster: a scene of solids becomes linear RGB and exact z-depth.

Axes: x right, y up, z forward, metres. In the camera's frame a ray is t * (x, y, 1), so t *is* the depth along z.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from demo.materials import Color, Material
from demo.noise import noise
from demo.solids import FAR, PUFFS, Solid, intersect
from demo.surface import surface

# (directions (n, 3), pixel angle) -> colours (n, 3) and the horizon's colour (3,), which distant things fade to.
Sky = Callable[[np.ndarray, float], tuple[np.ndarray, Color]]


@dataclass
class Camera:
    """A pinhole at (0, height, 0). Angles in radians: pitch > 0 looks up, yaw > 0 looks right."""

    height: float = 1.5
    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0
    fov: float = 1.047  # across the image's width

    def focal_px(self, width: int) -> float:
        """Focal length in pixels for an image `width` pixels wide."""
        return 0.5 * width / float(np.tan(self.fov / 2))


@dataclass
class Light:
    """A lamp at `place`, or with `sun` a direction towards the light. `soft` is its size, as the spread of shadow rays."""

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
    ambient: Color = field(default_factory=lambda: np.float32([0.3, 0.3, 0.3]))
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
        solid = Solid(shape, np.float32(center), np.float32(size), material, yaw, **options)  # type: ignore[arg-type]
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
        rays, axes = _rays(self.camera, height, width, focal)
        origin = (np.float32(0), np.float32(self.camera.height), np.float32(0))
        depth = np.full((height, width), FAR, np.float32)
        owner = np.full((height, width), -1, np.int32)
        for index, solid in enumerate(self.solids):
            window = _window(solid, origin, axes, focal, height, width) if solid.seen else None
            if window is None:
                continue
            t = intersect(solid, origin, tuple(rays[window][..., i] for i in range(3)))  # type: ignore[arg-type]
            nearer = t < depth[window]
            depth[window] = np.where(nearer, t, depth[window])
            owner[window] = np.where(nearer, index, owner[window])
        image = self._shade(rays.reshape(-1, 3), depth.ravel(), owner.ravel(), (height, width), focal, shadow_samples)
        return image.reshape(height, width, 3), np.where(depth < FAR, depth, np.inf).astype(np.float32)

    def _shade(
        self,
        rays: np.ndarray,
        t: np.ndarray,
        owner: np.ndarray,
        shape: tuple[int, int],
        focal: np.float32,
        samples: int,
    ) -> np.ndarray:
        count = len(t)
        length = np.sqrt((rays * rays).sum(1))
        points = np.float32([0, self.camera.height, 0]) + np.where(t < FAR, t, 0)[:, None] * rays
        toward = -rays / length[:, None]
        albedo, normals = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
        glow, gloss, open_, mirror = (np.full(count, v, np.float32) for v in (0, 0, 1, 0))
        order = np.argsort(owner, kind="stable")
        cuts = np.searchsorted(owner[order], np.arange(len(self.solids) + 1))
        for index, solid in enumerate(self.solids):
            at = order[cuts[index] : cuts[index + 1]]
            if not len(at):
                continue
            normal, u, v, face = surface(solid, points[at], toward[at])
            facing = np.abs((normal * toward[at]).sum(1))
            footprint = (t[at] / focal / np.maximum(np.sqrt(facing), 0.2)).astype(np.float32)
            u, v = u + np.float32(solid.shift[0]), v + np.float32(solid.shift[1])
            if solid.faces:
                for number in np.unique(face):
                    on = face == number
                    albedo[at[on]] = solid.faces[int(number)](u[on], v[on], footprint[on])
            elif solid.material is not None:
                albedo[at] = solid.material(u, v, footprint)
            if solid.shape in PUFFS:
                _dapple(albedo, at, solid, points[at], u, v)
            normals[at], glow[at], gloss[at], mirror[at] = normal, solid.glow, solid.gloss, solid.mirror
            if solid.shape in ("room", "ground"):
                low = at[(np.abs(normal[:, 1]) > 0.5) & (points[at, 1] < 0.05)]
                self._darken_contacts(open_, low, points)
        if self.room is not None:
            low, high = self.room
            for axis in range(3):
                gap = np.minimum(points[:, axis] - low[axis], high[axis] - points[:, axis])
                corner = 1 - 0.42 * np.exp(-np.maximum(gap, 0) / 0.4)
                open_ *= np.where(np.abs(normals[:, axis]) > 0.5, 1, corner).astype(np.float32)
        from_below = 0.55 if self.room is None else 0.85  # indoors, floors and walls throw light back at the ceiling
        upward = 0.5 + 0.5 * normals[:, 1:2]
        light = self.ambient * ((from_below + (1 - from_below) * upward) * open_[:, None])
        shine = np.zeros((count, 3), np.float32)
        solid_here = t < FAR
        for lamp in self.lights:
            to_lamp = np.broadcast_to(lamp.place, (count, 3)) if lamp.sun else lamp.place - points
            away2 = (to_lamp * to_lamp).sum(1)
            direction = to_lamp / np.sqrt(away2)[:, None]
            strength = np.maximum((normals * direction).sum(1), 0) / (1 if lamp.sun else 1 + away2 * np.float32(0.22))
            strength = strength * self._visible(lamp, points, normals, solid_here, shape, samples)
            light = light + strength[:, None] * lamp.color
            halfway = direction + toward
            halfway /= np.maximum(np.sqrt((halfway * halfway).sum(1, keepdims=True)), 1e-6)
            peak = np.maximum((normals * halfway).sum(1), 0) ** 40 * (strength > 0)
            shine += (gloss * peak / (1 if lamp.sun else 1 + away2 * 0.22))[:, None] * lamp.color
        image = albedo * (light + glow[:, None]) + shine
        if self.sky is not None:
            image = self._outdoors(image, rays / length[:, None], points, t * length, solid_here, mirror, focal)
        return image

    def _outdoors(
        self,
        image: np.ndarray,
        rays: np.ndarray,
        points: np.ndarray,
        distance: np.ndarray,
        solid: np.ndarray,
        mirror: np.ndarray,
        focal: np.float32,
    ) -> np.ndarray:
        """Sky where nothing was hit, its reflection in water, and the haze of distance."""
        assert self.sky is not None
        wet = mirror > 0
        if wet.any():
            bounced = rays[wet] * np.float32([1, -1, 1])
            at = points[wet]
            bounced[:, :2] += 0.035 * noise("wave", at[:, 0] * 0.3, at[:, 2], 5.0, distance[wet] / focal * 3)[:, None]
            bounced[:, 1] = np.abs(bounced[:, 1]) + 0.01
            grazing = mirror[wet] * (0.25 + 0.75 * (1 - np.minimum(np.abs(rays[wet, 1]) * 1.6, 1)) ** 2)
            image[wet] += (self.sky(bounced, float(focal))[0] - image[wet]) * grazing[:, None]
        above, horizon = self.sky(rays[~solid], float(focal))
        image[~solid] = above
        if self.fog:
            lost = (1 - np.exp(-np.minimum(distance, 900) * np.float32(self.fog)))[:, None]
            image = np.where(solid[:, None], image + (horizon - image) * lost, image)
        return image

    def _darken_contacts(self, open_: np.ndarray, at: np.ndarray, points: np.ndarray) -> None:
        for c in self.contacts:
            x, z = points[at, 0] - c.x, points[at, 2] - c.z
            close = (x * x + z * z) < (max(c.half_x, c.half_z) * 1.5 + 3 * c.reach) ** 2
            if not close.any():
                continue
            x, z, on = x[close], z[close], at[close]
            cos, sin = np.float32(np.cos(c.yaw)), np.float32(np.sin(c.yaw))
            dx, dz = np.abs(cos * x - sin * z) - c.half_x, np.abs(sin * x + cos * z) - c.half_z
            gap = np.hypot(np.maximum(dx, 0), np.maximum(dz, 0))
            open_[on] *= (1 - c.strength * np.exp(-((gap / c.reach) ** 1.3))).astype(np.float32)

    def _visible(
        self,
        lamp: Light,
        points: np.ndarray,
        normals: np.ndarray,
        solid: np.ndarray,
        shape: tuple[int, int],
        samples: int,
    ) -> np.ndarray:
        """(n,) share of the lamp that each point sees: jittered shadow rays for every fourth pixel, then a 3 x 3 mean."""
        casters = [s for s in self.solids if s.casts and s.shape not in ("room", "ground", "ridge")]
        if not casters:
            return np.ones(len(points), np.float32)
        h, w = shape
        some = solid.reshape(h, w)[::2, ::2]
        start = points.reshape(h, w, 3)[::2, ::2][some] + normals.reshape(h, w, 3)[::2, ::2][some] * np.float32(0.02)
        origin = (start[:, 0], start[:, 1], start[:, 2])
        seen = np.zeros(len(start), np.float32)
        for _ in range(samples):
            aim = lamp.place + self.rng.standard_normal((len(start), 3)).astype(np.float32) * np.float32(lamp.soft)
            aim = aim if lamp.sun else aim - start
            clear = np.ones(len(start), bool)
            for solid_ in casters:
                t = intersect(solid_, origin, (aim[:, 0], aim[:, 1], aim[:, 2]), shadow=True)
                clear &= t >= (FAR if lamp.sun else np.float32(0.98))
            seen += clear / np.float32(samples)
        grid = np.ones(some.shape, np.float32)
        grid[some] = seen
        padded = np.pad(grid, 1, mode="edge")
        grid = sum(padded[a : a + grid.shape[0], b : b + grid.shape[1]] for a in range(3) for b in range(3)) / 9  # type: ignore[assignment]
        return np.repeat(np.repeat(grid, 2, 0), 2, 1)[:h, :w].ravel()


def _dapple(albedo: np.ndarray, at: np.ndarray, solid: Solid, points: np.ndarray, u: np.ndarray, v: np.ndarray) -> None:
    """Light and dark leaves, and a darker underside."""
    size = float(max(solid.half[0], 0.3))
    clumps = noise("leaf", u + solid.seed, v, size * 1.6, 0.01 * size)
    height = (points[:, 1] - solid.center[1]) / solid.half[1]
    albedo[at] *= np.clip((0.9 + 0.3 * clumps) * (0.8 + 0.3 * height), 0.12, 1.8)[:, None].astype(np.float32)


def _rays(camera: Camera, height: int, width: int, focal: np.float32) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 3) world directions with forward component 1, and the camera's right, up and forward axes as rows."""
    rows = np.arange(height, dtype=np.float32) + np.float32(0.5 - height / 2)
    columns = np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)
    down, right = np.meshgrid(rows / focal, columns / focal, indexing="ij")
    (cr, sr), (cp, sp), (cy, sy) = ((np.cos(a), np.sin(a)) for a in (camera.roll, camera.pitch, camera.yaw))
    turn_x = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    tilt = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    axes = (roll @ tilt @ turn_x).astype(np.float32)
    return right[..., None] * axes[0] - down[..., None] * axes[1] + axes[2], axes


def _window(
    solid: Solid, origin: tuple[np.float32, ...], axes: np.ndarray, focal: np.float32, height: int, width: int
) -> tuple[slice, slice] | None:
    """The pixels that a solid can cover, from the corners of its box; None when it is out of sight."""
    everything = (slice(0, height), slice(0, width))
    if solid.shape in ("room", "ground"):
        return everything
    signs = np.float32([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * solid.half
    if solid.shape in PUFFS:  # a puff turns to face the camera
        wide = max(solid.half[0], solid.half[2])
        if np.hypot(solid.center[0], solid.center[2]) < 1.3 * wide + 0.4:
            return None  # the camera stands in the leaves
        signs = np.float32([[x * wide, y * solid.half[1], z * wide] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    c, s = np.float32(np.cos(solid.yaw)), np.float32(np.sin(solid.yaw))
    corners = np.stack([c * signs[:, 0] + s * signs[:, 2], signs[:, 1], c * signs[:, 2] - s * signs[:, 0]], 1)
    seen = (corners + solid.center - np.float32(origin)) @ axes.T
    if (seen[:, 2] < 0.05).all():
        return None
    if (seen[:, 2] < 0.3).any():
        return everything
    x = width / 2 + focal * seen[:, 0] / seen[:, 2]
    y = height / 2 - focal * seen[:, 1] / seen[:, 2]
    top, bottom = max(0, int(y.min()) - 1), min(height, int(y.max()) + 2)
    left, right = max(0, int(x.min()) - 1), min(width, int(x.max()) + 2)
    return (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None
