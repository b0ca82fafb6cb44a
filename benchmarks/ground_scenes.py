"""Rendered scenes with exact depth, exact horizon and exact ground, for `ground.py`.

Scenes have seeds that neither the training set of the bundled network nor the other benchmarks use.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from demo.render.camera import Camera, camera_rays
from demo.render.raycast import render
from demo.render.scenes import build_scene, lower_median, mean_light
from demo.render.tone_mapping import tone_map

SIZE, OVERSAMPLE = 224, 2
FIRST_SCENE = 5_000_000  # the training set has scenes below 17,000, label_scenes.py those from 3,000,000
ROOT = Path(__file__).parents[1]
DATA = ROOT / "fgbg_depth" / "data"


@dataclass(frozen=True)
class GroundScene:
    """One background, and what is known about its ground.

    name: of the bundled background, or the seed.
    kind: of the scene, a key of `demo.render.scenes.KINDS`.
    image: (H, W, 3) uint8.
    depth_m: (H, W) float32, exact metres along z; inf for sky.
    above_m: (H, W) float32, how far each pixel's point is above the ground, metres; inf for sky.
    horizon: row of the horizon in the frame's middle column; rows count from 0 at the middle of the first row.
    tilt: rows by which the horizon falls per column, from the camera's roll.
    """

    name: str
    kind: str
    image: np.ndarray
    depth_m: np.ndarray
    above_m: np.ndarray
    horizon: float
    tilt: float

    @property
    def is_ground(self) -> np.ndarray:
        """(H, W) bool, what is ground: within 5 cm of its height, and what half a pixel makes of it far away."""
        tolerance = 0.05 + 0.003 * np.where(np.isfinite(self.depth_m), self.depth_m, 0)
        return np.asarray(np.abs(self.above_m) <= tolerance)

    @property
    def is_raised(self) -> np.ndarray:
        """(H, W) bool, what is not ground without doubt: 15 cm above it (kerbs and steps are lower), or sky."""
        tolerance = 0.15 + 0.003 * np.where(np.isfinite(self.depth_m), self.depth_m, 0)
        return np.asarray(self.above_m > tolerance)


def horizon_of(camera: Camera, focal_px: float, size: int) -> tuple[float, float]:
    """Row of the horizon in the middle column, and its fall per column: where rays have no vertical component."""
    _, axes = camera_rays(camera, 1, 1, np.float32(1))
    right, up, forward = (float(axis[1]) for axis in axes)
    return size / 2 - 0.5 + focal_px * forward / up, right / up


def described(name: str, kind: str, image: np.ndarray, depth: np.ndarray, camera: Camera, focal: float) -> GroundScene:
    """A scene from its picture, its exact depth and its camera."""
    size = len(depth)
    rays, _ = camera_rays(camera, size, size, np.float32(focal))
    with np.errstate(invalid="ignore"):
        above = np.where(np.isfinite(depth), camera.height + depth * rays[..., 1], np.inf)
    return GroundScene(name, kind, image, depth, above.astype(np.float32), *horizon_of(camera, focal, size))


def bundled_scenes() -> Iterator[GroundScene]:
    """The bundled backgrounds with their exact depth and the cameras of cameras.json."""
    for name, facts in json.loads((DATA / "cameras.json").read_text()).items():
        with Image.open(DATA / "backgrounds" / f"{name}.jpg") as opened:
            image = np.asarray(opened.convert("RGB"))
        with Image.open(DATA / "backgrounds_depth" / f"{name}.png") as opened:
            stored = np.asarray(opened).astype(np.float32)
        depth = np.where(stored > 0, stored / 256, np.inf).astype(np.float32)
        camera = Camera(*(facts[key] for key in ("height", "pitch", "yaw", "roll")))
        yield described(name, facts["kind"], image, depth, camera, facts["focal_px"])


def rendered_scenes(
    numbers: Iterable[int], folder: Path, pitch: float = 0.0, roll: float = 0.0
) -> Iterator[GroundScene]:
    """Unseen scenes; each is rendered once and kept in `folder`, under a name that changes with the code.

    Args:
        pitch, roll: are added to each camera's, radians; with a pitch of 0.9 no ground is in the frame.
    """
    for number in numbers:
        path = folder / _digest() / f"{SIZE}-{pitch:g}-{roll:g}-{number:05d}.npz"
        scene, kind = build_scene(FIRST_SCENE + number)
        scene.camera.pitch += pitch
        scene.camera.roll += roll
        if not path.exists():
            light, depth = render(scene, SIZE * OVERSAMPLE, SIZE * OVERSAMPLE)
            picture = tone_map(mean_light(light, OVERSAMPLE), scene.rng, 0.5)
            _write(path, np.round(picture * 255).astype(np.uint8), lower_median(depth, OVERSAMPLE))
        with np.load(path) as file:
            image, depth = file["image"], file["depth"]
        yield described(f"{number}", kind, image, depth, scene.camera, scene.camera.focal_px(SIZE))


def _write(path: Path, image: np.ndarray, depth: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, image=image, depth=depth)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(buffer.getvalue())
    temporary.rename(path)


def _digest() -> str:
    """Changes with the code that renders scenes."""
    digest = hashlib.sha256(f"{FIRST_SCENE} {SIZE} {OVERSAMPLE}".encode())
    for path in sorted((ROOT / "demo" / "render").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
