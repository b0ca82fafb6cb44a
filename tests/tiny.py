"""Small test inputs: pictures, sources, recipes, a labeller without a model; and helpers to build and compare."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fgbg_depth.builder.pipeline import BuildResult, build
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.recipe import Recipe, from_dict

SIZE = 32


def scene(index: int, height: int = 40, width: int = 56) -> np.ndarray:
    """(height, width, 3) uint8: waves with some noise; `index` chooses them."""
    rng = np.random.default_rng(index)
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / (3 + k) + index) + np.cos(y / (4 + k) - index) for k in range(3)]
    pixels = 128 + 50 * np.stack(waves, -1) + rng.normal(0, 8, (height, width, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def thing(index: int, height: int = 30, width: int = 24) -> np.ndarray:
    """(height, width, 4) uint8, straight alpha: an ellipse with a soft edge inside a transparent margin."""
    rng = np.random.default_rng(1000 + index)
    y, x = np.mgrid[-1.2 : 1.2 : height * 1j, -1.2 : 1.2 : width * 1j]
    alpha = np.clip((1 - np.hypot(x, y * (1 + 0.1 * (index % 4)))) * 6, 0, 1)
    color = rng.integers(0, 256, 3) + rng.normal(0, 20, (height, width, 3)) + 40 * x[..., None]
    return np.dstack([np.clip(color, 0, 255), 255 * alpha]).astype(np.uint8)


def save(pixels: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def make_sources(folder: Path, num_bg: int, num_fg: int) -> Path:
    """Write backgrounds to `folder/bg` and cut-outs to `folder/fg`. Larger numbers only add files."""
    for i in range(num_bg):
        save(scene(i), folder / "bg" / f"scene_{i:02d}.png")
    for i in range(num_fg):
        save(thing(i, 24 + 3 * (i % 3), 20 + 2 * (i % 4)), folder / "fg" / f"thing_{i:02d}.png")
    return folder


def tiny_recipe(folder: Path, **changes: Any) -> Recipe:
    """A recipe for the files of `make_sources(folder)`: 32 pixels, all four splits, no depth."""
    values = {
        "name": "tiny",
        "backgrounds": str(folder / "bg"),
        "foregrounds": str(folder / "fg"),
        "size": SIZE,
        "placements": 3,
        "holdout": 0.2,
        "depth_model": "none",
        "license": "cc-by-4.0",
    }
    return from_dict(values | changes)


def quiet_build(recipe: Recipe, output: Path | str, **kwargs: Any) -> BuildResult:
    kwargs = {"workers": 1, "progress": False, "log": lambda text: None, "device": "cpu"} | kwargs
    return build(recipe, output, **kwargs)


def simple_spec(recipe: Recipe | None = None, **changes: Any) -> DepthSpec:
    return DepthSpec(**({"model": "simple", "digest": "5" * 16} | changes))


class SimpleLabeller:
    """Labels depth from brightness instead of with a model: darker is farther, black is invalid."""

    def __init__(self, spec: DepthSpec, batch_size: int = 7) -> None:
        self.spec, self.batch_size, self.calls, self.images = spec, batch_size, 0, 0

    def release(self) -> None:
        """There is no device to free."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.calls += 1
        self.images += len(images)
        brightness = images.astype(np.uint32).sum(axis=-1)
        stored = np.where(brightness == 0, 0, 1 + (765 - brightness) * (self.spec.levels - 1) // 765)
        return stored.astype(self.spec.dtype)


def tree(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder` by its path, also of temporary files; without the lock and local paths."""
    local = (folder / ".lock", folder / ".paths.json")
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p not in local)
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def statistics_of(output: Path) -> dict[str, Any]:
    """The content of an output's `statistics.json`."""
    values: dict[str, Any] = json.loads((output / "statistics.json").read_text())
    return values


def pixels_of(cell: dict[str, Any]) -> np.ndarray:
    """The pixels of a stored image, decoded by Pillow."""
    return np.asarray(Image.open(io.BytesIO(cell["bytes"])))


def encoded(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()
