"""Render the pictures that the package bundles.

    python -m demo.render.bundle [FOLDER] [--only NAME ...]

Writes backgrounds/*.jpg (320 x 320), backgrounds_depth/*.png (16 bits, metres x 256, 0 is sky), cameras.json and
foregrounds/*.png (up to 224 pixels) into FOLDER, by default fgbg_depth/data. Takes about three minutes on one core.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from demo.render.cutouts import MAKERS
from demo.render.materials import smooth
from demo.render.scenes import Rendered, render_scene
from demo.render.trace import Cutout, trace

SIDE, CUTOUT_SIDE = 320, 224
DEPTH_SCALE = 256

# Chosen by eye from a few hundred: name -> (kind, seed).
BACKGROUNDS = {
    "living-room": ("room", 526),
    "bedroom": ("room", 539),
    "study": ("room", 522),
    "school-corridor": ("corridor", 537),
    "office-corridor": ("corridor", 532),
    "palace-hall": ("hall", 532),
    "hotel-lobby": ("hall", 525),
    "town-street": ("street", 522),
    "crossing": ("street", 521),
    "avenue": ("road", 503),
    "country-road": ("road", 528),
    "meadow": ("meadow", 536),
    "snow": ("meadow", 539),
    "forest-path": ("forest", 507),
    "lake": ("lake", 520),
    "garden": ("garden", 537),
}
# name -> (kind, seed, yaw in radians or None for the random one)
FOREGROUNDS: dict[str, tuple[str, int, float | None]] = {
    "dog": ("dog", 150, None),
    "puppy": ("sitting", 252, None),
    "cat": ("cat", 151, -0.6),
    "kitten": ("sitting", 152, None),
    "sheep": ("sheep", 54, None),
    "rabbit": ("rabbit", 55, None),
    "duck": ("duck", 56, None),
    "teddy": ("teddy", 256, None),
    "man": ("person", 317, None),
    "woman": ("person", 305, None),
    "robot": ("robot", 58, None),
    "houseplant": ("houseplant", 59, None),
    "armchair": ("armchair", 62, None),
    "beach-ball": ("beach_ball", 64, None),
    "apple": ("apple", 66, None),
    "car": ("car", 70, None),
}


def graded(image: np.ndarray) -> np.ndarray:
    """Stretch contrast and strengthen pale colours.

    Args:
        image: (h, w, 3) float in [0, 1].
    Returns:
        (h, w, 3) uint8.
    """
    low, high = np.percentile(image.mean(2), (0.7, 99.3))
    x = np.clip((image - low * 0.9) / (high - low * 0.9), 0, 1.2)
    gray, vivid = x.mean(2, keepdims=True), x.max(2, keepdims=True) - x.min(2, keepdims=True)
    x = np.clip(gray + (x - gray) * (1.1 - 0.45 * vivid), 0, 1)  # pale colours gain saturation, vivid ones lose some
    x = 0.85 * x + 0.15 * smooth(x, 0.0, 1.0)
    graded_image: np.ndarray = np.round(x * 255).astype(np.uint8)
    return graded_image


def render_background(name: str) -> Rendered:
    """The background of this name, a key of BACKGROUNDS, at full quality."""
    kind, seed = BACKGROUNDS[name]
    return render_scene(seed, SIDE, kind, oversample=3, strength=0.25, shadow_samples=5)


def encoded_depth(depth_m: np.ndarray) -> np.ndarray:
    """(h, w) uint16 of (h, w) metres: metres x 256, as KITTI stores depth; 0 for sky and beyond 255 m."""
    return np.where(depth_m < 255, np.round(np.minimum(depth_m, 255) * DEPTH_SCALE), 0).astype(np.uint16)


def render_foreground(name: str) -> Cutout:
    """The cut-out of this name, a key of FOREGROUNDS, at full quality and lit from the upper left."""
    kind, seed, yaw = FOREGROUNDS[name]
    body = MAKERS[kind](np.random.default_rng(seed))
    if yaw is not None:
        body.yaw = yaw
    return trace(body, CUTOUT_SIDE, np.array([-0.5, 0.8, -0.75]), oversample=3)


def write_bundle(folder: Path, only: list[str]) -> None:
    """Render all pictures, or only those named in `only`, into `folder`. Entries of cameras.json are merged."""
    for name in ("backgrounds", "backgrounds_depth", "foregrounds"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    cameras_path = folder / "cameras.json"
    cameras = json.loads(cameras_path.read_text()) if cameras_path.exists() else {}
    for name in BACKGROUNDS:
        if only and name not in only:
            continue
        scene = render_background(name)
        Image.fromarray(graded(scene.image)).save(
            folder / "backgrounds" / f"{name}.jpg", quality=87, subsampling=0, optimize=True
        )
        Image.fromarray(encoded_depth(scene.depth_m)).save(folder / "backgrounds_depth" / f"{name}.png", optimize=True)
        camera = scene.camera
        cameras[name] = {"kind": scene.kind, "focal_px": round(camera.focal_px(SIDE), 3)} | {
            field: round(float(getattr(camera, field)), 5) for field in ("height", "pitch", "yaw", "roll")
        }
    for name in FOREGROUNDS:
        if not only or name in only:
            rgba = render_foreground(name).rgba
            Image.fromarray(rgba).save(folder / "foregrounds" / f"{name}.png", optimize=True)
    cameras_path.write_text(
        json.dumps({name: cameras[name] for name in BACKGROUNDS if name in cameras}, indent=1) + "\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default_folder = Path(__file__).parents[2] / "fgbg_depth" / "data"
    parser.add_argument("folder", type=Path, nargs="?", default=default_folder, help="default: %(default)s")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="render only these pictures")
    options = parser.parse_args()
    write_bundle(options.folder, options.only)
