"""Rendered scenes in which a rendered body stands, with exact depth, for `labels.py` and its test.

The body is one of the things that the camera's rays hit, so the true depth does not come from a rule that places
labels. Its cut-out is what the same camera sees of it without the scene. Scenes and bodies have seeds that the training
set of the bundled network does not use.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

from demo.render.arrays import f32
from demo.render.camera import Camera, camera_rays, pixel_window
from demo.render.cutouts import MAKERS
from demo.render.materials import hsv, plain
from demo.render.raycast import render
from demo.render.scene_types import Scene
from demo.render.scenes import build_scene, lower_median, mean_light
from demo.render.standing import Standing, trace_standing
from demo.render.tone_mapping import tone_map

SIZE, OVERSAMPLE = 224, 2
FIRST_SCENE, FIRST_BODY = 3_000_000, 4_000_000  # the training set has scenes below 17,000 and bodies below 14,023
PREVIEW = 112  # side of the pictures in which places are tried
# How the body stands; the list is gone through in turn, so each is as frequent as it stands here.
SITUATIONS = (
    *("ground", "edge", "ground", "hidden", "ground", "floating", "ground", "support"),
    *("ground", "edge", "ground", "edge", "hidden", "floating", "support"),
)


@dataclass(frozen=True)
class Setting:
    """What all scenes of a run have in common.

    situation: how every body stands; "" goes through SITUATIONS.
    first: number of the first scene.
    body_m: range of the bodies' heights, metres; None: their natural size, or 0.6 to 1.5 m long.
    camera_m: height of the camera, metres; None: 1.3 to 1.7, as in the training set.
    """

    situation: str = ""
    first: int = 0
    body_m: tuple[float, float] | None = None
    camera_m: float | None = None


@dataclass(frozen=True)
class LabelScene:
    """One scene with one body.

    background: (SIZE, SIZE, 3) uint8, the scene without the body.
    cutout: (SIZE, SIZE, 4) uint8, straight alpha, at the place where the body appears.
    background_m, true_m: (SIZE, SIZE) float32, exact depth along z in metres without and with the body; inf is sky.
    situation: one of SITUATIONS: wholly visible on the ground; cut by the picture's edge; partly hidden by something
        nearer; above the ground without support; on a box.
    scene, body: kinds. seed: of the scene.
    foot_m: depth along z of the point where it stands, metres.
    pitch: of the camera, radians, above 0 looks up. focal_px: its focal length in pixels.
    visible: share of the body's pixels inside the picture that nothing hides.
    """

    background: np.ndarray
    cutout: np.ndarray
    background_m: np.ndarray
    true_m: np.ndarray
    situation: str
    scene: str
    body: str
    seed: int
    foot_m: float
    pitch: float
    focal_px: float
    visible: float

    @property
    def mask(self) -> np.ndarray:
        """(SIZE, SIZE) bool, the pixels that the body covers by at least half."""
        covered: np.ndarray = self.cutout[..., 3] >= 128
        return covered


def make_scene(number: int, size: int = SIZE, setting: Setting | None = None, attempts: int = 40) -> LabelScene | None:
    """The scene of this number; None if no place was found where a body stands as its situation says."""
    setting = setting or Setting()
    situation = setting.situation or SITUATIONS[number % len(SITUATIONS)]
    rng = np.random.default_rng((FIRST_BODY, number))
    scene, kind = build_scene(FIRST_SCENE + number)
    scene.camera.height = setting.camera_m or scene.camera.height
    ground = _ground_points(scene)
    if len(ground) < 30:
        return None
    for _ in range(attempts):
        body_kind = str(rng.choice(list(MAKERS)))
        body = MAKERS[body_kind](np.random.default_rng(FIRST_BODY + int(rng.integers(1_000_000))))
        low, high = body.bounds()
        longest = float((high - low).max())
        if setting.body_m:
            scale = float(rng.uniform(*setting.body_m)) / float(high[1] - low[1])
        else:
            scale = 1.0 if 0.6 <= longest <= 4.6 else float(rng.uniform(0.6, 1.5)) / longest
        distance = 0.87 * longest * scale / rng.uniform(0.2, 0.62)  # its longest side is that share of the picture
        close = ground[np.abs(np.log(ground[:, 3] / distance)) < 0.1]
        if len(close) < 3:
            continue
        place = close[rng.integers(len(close)), :3].copy()
        extra = _prepare(situation, Standing(body, place, scale), scene.camera, rng)
        if extra is None:
            continue
        standing, boxes = extra
        num_solids, num_contacts = len(scene.solids), len(scene.contacts)
        for center, half, yaw, color in boxes:
            scene.add("box", center, half, plain(color, 0.12, "grain", 1.0), yaw)
        if _fits(situation, scene, standing):
            return _rendered(number, situation, kind, body_kind, scene, standing, size)
        del scene.solids[num_solids:], scene.contacts[num_contacts:]
    return None


Boxes = list[tuple[tuple[float, float, float], tuple[float, float, float], float, np.ndarray]]


def _prepare(
    situation: str, standing: Standing, camera: Camera, rng: np.random.Generator
) -> tuple[Standing, Boxes] | None:
    """Where the body stands in this situation, and the boxes (centre, half size, yaw, colour) that are added."""
    box, place = standing.bounding_box, standing.place
    color = hsv(rng.uniform(), rng.uniform(0.1, 0.6), rng.uniform(0.15, 0.7))
    wide, tall = float(max(box.half[0], box.half[2])), float(2 * box.half[1])
    if situation == "floating":
        lifted = place + f32([0, rng.uniform(0.25, 1.6) * max(tall, 0.4), 0])
        return Standing(standing.body, lifted, standing.scale), []
    if situation == "support":
        if tall > 1.3:
            return None
        high = float(rng.uniform(0.25, 0.9))
        half = (float(box.half[0]) + rng.uniform(0.03, 0.3), high / 2, float(box.half[2]) + rng.uniform(0.03, 0.3))
        lifted = place + f32([0, high, 0])
        crate = (float(box.center[0]), high / 2, float(box.center[2])), half, standing.yaw, color
        return Standing(standing.body, lifted, standing.scale), [crate]
    if situation == "hidden":
        nearer = float(rng.uniform(0.6, 0.85))
        x, z = float(place[0]) * nearer + rng.normal(0, 0.5) * wide, float(place[2]) * nearer
        high, half_x = tall * rng.uniform(0.15, 0.5), wide * rng.uniform(0.25, 0.8)
        if z + 0.2 > place[2] - wide:
            return None
        return standing, [((x, high / 2, z), (half_x, high / 2, 0.15), float(rng.normal(0, 0.3)), color)]
    return standing, []


def _fits(situation: str, scene: Scene, standing: Standing) -> bool:
    """Whether the body is seen as the situation says, and is neither tiny nor all over the picture."""
    camera = scene.camera
    eye, focal = (np.float32(0), np.float32(camera.height), np.float32(0)), np.float32(camera.focal_px(PREVIEW))
    axes = camera_rays(camera, PREVIEW, PREVIEW, focal)[1]
    box = standing.bounding_box
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * box.half
    cos, sin = np.cos(box.yaw), np.sin(box.yaw)
    x, y, z = corners.T
    seen = (np.stack([cos * x + sin * z, y, cos * z - sin * x], 1) + box.center - f32(eye)) @ axes.T
    if seen[:, 2].min() < 0.9:
        return False
    across, down = PREVIEW / 2 + focal * seen[:, 0] / seen[:, 2], PREVIEW / 2 - focal * seen[:, 1] / seen[:, 2]
    beyond = [-across.min(), -down.min(), across.max() - PREVIEW, down.max() - PREVIEW]
    wide, tall = np.ptp(across), np.ptp(down)
    size = max(wide, tall) / PREVIEW
    if pixel_window(box, eye, axes, focal, PREVIEW, PREVIEW) is None or not 0.15 < size < 1.1:
        return False
    cut = max(beyond[0] / wide, beyond[2] / wide, beyond[1] / tall, beyond[3] / tall)
    if (situation == "edge") != (cut > 0.12) or cut > 0.6 or (situation != "edge" and max(beyond) > 0):
        return False
    _, body_depth = trace_standing(standing, camera, PREVIEW, PREVIEW, f32([0, 1, 0]))
    hit = np.isfinite(body_depth)
    depth = render(scene, PREVIEW, PREVIEW)[1]
    visible = hit & (body_depth < depth)
    if visible.sum() < 0.008 * PREVIEW**2:
        return False
    share = float(visible.sum() / hit.sum())
    return 0.3 < share < 0.85 if situation == "hidden" else share > 0.985


def _ground_points(scene: Scene) -> np.ndarray:
    """(n, 4) x, y, z in metres and depth along z of visible points of the ground."""
    depth = render(scene, PREVIEW, PREVIEW)[1]
    rays, _ = camera_rays(scene.camera, PREVIEW, PREVIEW, np.float32(scene.camera.focal_px(PREVIEW)))
    known = np.isfinite(depth) & (depth < 40)
    points = f32([0, scene.camera.height, 0]) + depth[known][:, None] * rays[known]
    low = np.abs(points[:, 1]) < 0.03
    points[:, 1] = np.where(low, 0, points[:, 1])
    points_and_depth: np.ndarray = np.concatenate([points, depth[known][:, None]], 1)[low]
    return points_and_depth


def _rendered(
    number: int, situation: str, kind: str, body_kind: str, scene: Scene, standing: Standing, size: int
) -> LabelScene:
    side = size * OVERSAMPLE
    lamp = scene.lights[0] if scene.lights else None
    light = f32([-0.5, 0.8, -0.5])
    if lamp is not None:
        light = lamp.place if lamp.sun else lamp.place - standing.bounding_box.center
    rgb, body_depth = trace_standing(standing, scene.camera, side, side, light)
    light_image, depth = render(scene, side, side, 2)
    visible = body_depth < depth
    picture = tone_map(mean_light(light_image, OVERSAMPLE), scene.rng, 0.5)
    weight = visible[..., None].astype(np.float32)
    alpha = mean_light(weight, OVERSAMPLE)
    color = mean_light(rgb * weight, OVERSAMPLE) / np.maximum(alpha, 1e-6)
    axes = camera_rays(scene.camera, 1, 1, np.float32(1))[1]
    place = f32(standing.place) - f32([0, scene.camera.height, 0])
    return LabelScene(
        background=np.round(picture * 255).astype(np.uint8),
        cutout=np.round(np.concatenate([color, alpha], -1) * 255).astype(np.uint8),
        background_m=lower_median(depth, OVERSAMPLE),
        true_m=lower_median(np.minimum(depth, body_depth), OVERSAMPLE),
        situation=situation,
        scene=kind,
        body=body_kind,
        seed=FIRST_SCENE + number,
        foot_m=float(axes[2] @ place),
        pitch=float(scene.camera.pitch),
        focal_px=float(scene.camera.focal_px(size)),
        visible=float(visible.sum() / np.isfinite(body_depth).sum()),
    )


def load_scenes(
    count: int, folder: Path | None = None, setting: Setting | None = None, size: int = SIZE
) -> Iterator[LabelScene]:
    """The first `count` scenes in which a place was found.

    Args:
        folder: rendered scenes are kept here, under a name that changes with the code; None keeps nothing.
    """
    setting = setting or Setting()
    cache = folder and folder / _digest(setting)
    found, number = 0, setting.first
    while found < count:
        scene = _cached(number, cache, setting, size) if cache else make_scene(number, size, setting)
        number += 1
        if scene is not None:
            found += 1
            yield scene
        elif number - setting.first > 4 * count + 100:
            raise RuntimeError(f"only {found} scenes have a place for a body; {count} are needed")


def _cached(number: int, folder: Path, setting: Setting, size: int) -> LabelScene | None:
    path = folder / f"{size}-{number:05d}.npz"
    if not path.exists():
        scene = make_scene(number, size, setting)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **(asdict(scene) if scene else {}))
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_bytes(buffer.getvalue())
        temporary.rename(path)
        return scene
    with np.load(path) as file:
        if not file.files:
            return None
        values = {f.name: file[f.name] for f in fields(LabelScene)}
    return LabelScene(**{name: value.item() if value.ndim == 0 else value for name, value in values.items()})


def _digest(setting: Setting) -> str:
    """Changes with the code that makes the scenes, and with the setting apart from its first number."""
    digest = hashlib.sha256(repr(replace(setting, first=0)).encode())
    for path in [Path(__file__), *sorted((Path(__file__).parents[1] / "demo" / "render").glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
