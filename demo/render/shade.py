"""Shading of the points that rays hit: ambient light, lamps with soft shadows, highlights, reflections and haze."""

import numpy as np

from demo.render.arrays import f32
from demo.render.noise import noise
from demo.render.scene_types import Light, Scene
from demo.render.solids import FAR, FOLIAGE, Solid, intersect
from demo.render.surface import surface


def shade(
    scene: Scene,
    rays: np.ndarray,
    t: np.ndarray,
    nearest: np.ndarray,
    shape: tuple[int, int],
    focal: np.float32,
    samples: int,
) -> np.ndarray:
    """Linear light of every pixel.

    Args:
        rays: (n, 3) world directions of the pixels, row by row; t * rays is in metres.
        t: (n,) where each ray hits, FAR for sky.
        nearest: (n,) index into `scene.solids` of the solid that it hits, -1 for sky.
        shape: height and width of the image; n is their product.
        focal: focal length in pixels.
        samples: shadow rays towards each light.
    Returns:
        (n, 3), linear, 0 or more.
    """
    count = len(t)
    length = np.sqrt((rays * rays).sum(1))
    points = f32([0, scene.camera.height, 0]) + np.where(t < FAR, t, 0)[:, None] * rays
    to_camera = -rays / length[:, None]
    albedo, normals = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
    glow, gloss, exposed, mirror = (np.full(count, v, np.float32) for v in (0, 0, 1, 0))
    order = np.argsort(nearest, kind="stable")
    starts = np.searchsorted(nearest[order], np.arange(len(scene.solids) + 1))
    for index, solid in enumerate(scene.solids):
        at = order[starts[index] : starts[index + 1]]  # the pixels that show this solid
        if not len(at):
            continue
        normal, u, v, face = surface(solid, points[at], to_camera[at])
        facing = np.abs((normal * to_camera[at]).sum(1))
        footprint = (t[at] / focal / np.maximum(np.sqrt(facing), 0.2)).astype(np.float32)
        u, v = u + np.float32(solid.shift[0]), v + np.float32(solid.shift[1])
        if solid.faces:
            for number in np.unique(face):
                on = face == number
                albedo[at[on]] = solid.faces[int(number)](u[on], v[on], footprint[on])
        elif solid.material is not None:
            albedo[at] = solid.material(u, v, footprint)
        if solid.shape in FOLIAGE:
            _vary_leaves(albedo, at, solid, points[at], u, v)
        normals[at], glow[at], gloss[at], mirror[at] = normal, solid.glow, solid.gloss, solid.mirror
        if solid.shape in ("room", "ground"):
            low = at[(np.abs(normal[:, 1]) > 0.5) & (points[at, 1] < 0.05)]
            _darken_contacts(scene, exposed, low, points)
    if scene.room is not None:
        low, high = scene.room
        for axis in range(3):
            gap = np.minimum(points[:, axis] - low[axis], high[axis] - points[:, axis])
            corner = 1 - 0.42 * np.exp(-np.maximum(gap, 0) / 0.4)
            exposed *= np.where(np.abs(normals[:, axis]) > 0.5, 1, corner).astype(np.float32)
    from_below = 0.55 if scene.room is None else 0.85  # indoors, floor and walls reflect light upwards
    upward = 0.5 + 0.5 * normals[:, 1:2]
    light = scene.ambient * ((from_below + (1 - from_below) * upward) * exposed[:, None])
    shine = np.zeros((count, 3), np.float32)
    hit = t < FAR
    for lamp in scene.lights:
        to_lamp = np.broadcast_to(lamp.place, (count, 3)) if lamp.sun else lamp.place - points
        squared = (to_lamp * to_lamp).sum(1)
        direction = to_lamp / np.sqrt(squared)[:, None]
        strength = np.maximum((normals * direction).sum(1), 0) / (1 if lamp.sun else 1 + squared * np.float32(0.22))
        strength = strength * _visible_share(scene, lamp, points, normals, hit, shape, samples)
        light = light + strength[:, None] * lamp.color
        halfway = direction + to_camera
        halfway /= np.maximum(np.sqrt((halfway * halfway).sum(1, keepdims=True)), 1e-6)
        peak = np.maximum((normals * halfway).sum(1), 0) ** 40 * (strength > 0)
        shine += (gloss * peak / (1 if lamp.sun else 1 + squared * 0.22))[:, None] * lamp.color
    image: np.ndarray = albedo * (light + glow[:, None]) + shine
    if scene.sky is not None:
        image = _add_sky(scene, image, rays / length[:, None], points, t * length, hit, mirror, focal)
    return image


def _add_sky(
    scene: Scene,
    image: np.ndarray,
    rays: np.ndarray,
    points: np.ndarray,
    distance: np.ndarray,
    hit: np.ndarray,
    mirror: np.ndarray,
    focal: np.float32,
) -> np.ndarray:
    """Add the sky where no solid was hit, its reflection in water, and the haze over distant solids."""
    assert scene.sky is not None
    wet = mirror > 0
    if wet.any():
        bounced = rays[wet] * f32([1, -1, 1])
        at = points[wet]
        bounced[:, :2] += 0.035 * noise("wave", at[:, 0] * 0.3, at[:, 2], 5.0, distance[wet] / focal * 3)[:, None]
        bounced[:, 1] = np.abs(bounced[:, 1]) + 0.01
        grazing = mirror[wet] * (0.25 + 0.75 * (1 - np.minimum(np.abs(rays[wet, 1]) * 1.6, 1)) ** 2)
        image[wet] += (scene.sky(bounced, float(focal))[0] - image[wet]) * grazing[:, None]
    above, horizon = scene.sky(rays[~hit], float(focal))
    image[~hit] = above
    if scene.fog:
        lost = (1 - np.exp(-np.minimum(distance, 900) * np.float32(scene.fog)))[:, None]
        image = np.where(hit[:, None], image + (horizon - image) * lost, image)
    return image


def _darken_contacts(scene: Scene, exposed: np.ndarray, at: np.ndarray, points: np.ndarray) -> None:
    """Lower `exposed` (n,), the share of ambient light, of the points `at` under and around things that stand there."""
    for c in scene.contacts:
        x, z = points[at, 0] - c.x, points[at, 2] - c.z
        close = (x * x + z * z) < (max(c.half_x, c.half_z) * 1.5 + 3 * c.reach) ** 2
        if not close.any():
            continue
        x, z, on = x[close], z[close], at[close]
        cos, sin = np.float32(np.cos(c.yaw)), np.float32(np.sin(c.yaw))
        dx, dz = np.abs(cos * x - sin * z) - c.half_x, np.abs(sin * x + cos * z) - c.half_z
        gap = np.hypot(np.maximum(dx, 0), np.maximum(dz, 0))
        exposed[on] *= (1 - c.strength * np.exp(-((gap / c.reach) ** 1.3))).astype(np.float32)


def _visible_share(
    scene: Scene,
    lamp: Light,
    points: np.ndarray,
    normals: np.ndarray,
    hit: np.ndarray,
    shape: tuple[int, int],
    samples: int,
) -> np.ndarray:
    """(n,) share of the lamp that each point sees.

    To save time, shadow rays start only from every second row and column; the result is smoothed by a 3 x 3 mean.
    """
    casters = [s for s in scene.solids if s.casts and s.shape not in ("room", "ground", "ridge")]
    if not casters:
        return np.ones(len(points), np.float32)
    h, w = shape
    sampled = hit.reshape(h, w)[::2, ::2]
    # Start 2 cm off the surface, so that it does not shadow itself.
    start = points.reshape(h, w, 3)[::2, ::2][sampled] + normals.reshape(h, w, 3)[::2, ::2][sampled] * np.float32(0.02)
    origin = (start[:, 0], start[:, 1], start[:, 2])
    seen = np.zeros(len(start), np.float32)
    for _ in range(samples):
        aim = lamp.place + scene.rng.standard_normal((len(start), 3)).astype(np.float32) * np.float32(lamp.soft)
        aim = aim if lamp.sun else aim - start
        clear = np.ones(len(start), bool)
        for solid in casters:
            t = intersect(solid, origin, (aim[:, 0], aim[:, 1], aim[:, 2]), shadow=True)
            clear &= t >= (FAR if lamp.sun else np.float32(0.98))
        seen += clear / np.float32(samples)
    grid = np.ones(sampled.shape, np.float32)
    grid[sampled] = seen
    padded = np.pad(grid, 1, mode="edge")
    rows, columns = (h + 1) // 2, (w + 1) // 2
    grid = np.mean([padded[a : a + rows, b : b + columns] for a in range(3) for b in range(3)], axis=0)
    return np.repeat(np.repeat(grid, 2, 0), 2, 1)[:h, :w].ravel()


def _vary_leaves(
    albedo: np.ndarray, at: np.ndarray, solid: Solid, points: np.ndarray, u: np.ndarray, v: np.ndarray
) -> None:
    """Make the leaves at the pixels `at` lighter and darker in clumps, and darker towards the bottom."""
    size = float(max(solid.half[0], 0.3))
    clumps = noise("leaf", u + solid.seed, v, size * 1.6, 0.01 * size)
    height = (points[:, 1] - solid.center[1]) / solid.half[1]
    albedo[at] *= np.clip((0.9 + 0.3 * clumps) * (0.8 + 0.3 * height), 0.12, 1.8)[:, None].astype(np.float32)
