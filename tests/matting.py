"""Photographs with a known object, their mattes, and tiny ONNX models in the shape that rembg's sessions expect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from tiny import save

COLOR = (220, 30, 40)  # of the object
SIDE = 1024  # input of the BiRefNet models


def write_model(home: Path, name: str, gain: float = 6.0, *, side: int = SIDE, legacy: bool = False) -> Path:
    """Write a model that finds red: its answer is `gain` x (red - (green + blue) / 2) of the normalised input.

    Args:
        home: folder to which U2NET_HOME or REMBG_HOME points.
        name: of the session.
        gain: 0 gives a model whose answer is the same everywhere.
        side: of the input; (1, 3, side, side) float32, and (1, 1, side, side) is the answer.
        legacy: write to where earlier versions of rembg stored models.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = (gain * np.array([1, -0.5, -0.5], np.float32)).reshape(1, 3, 1, 1)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["input_image", "weights"], ["output_image"])],
        "red",
        [helper.make_tensor_value_info("input_image", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("output_image", TensorProto.FLOAT, [1, 1, side, side])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = home / f"{name}.onnx" if legacy else home / "models" / name / f"{name}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def matte_of(height: int, width: int, center: tuple[float, float] = (0.5, 0.5), radius: float = 0.3) -> np.ndarray:
    """(height, width) uint8: an ellipse with an edge a few pixels wide; centre and radius as fractions of the sides."""
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot((x / width - center[0]) / radius, (y / height - center[1]) / radius)
    return np.rint(255 * np.clip((1 - distance) * 8 + 0.5, 0, 1)).astype(np.uint8)


def compose(matte: np.ndarray, seed: int = 0, noise: float = 12) -> np.ndarray:
    """(h, w, 3) uint8: an object of one colour, set into a noisy green and blue background by its matte."""
    rng = np.random.default_rng(seed)
    background = np.array([20, 170, 150]) + rng.normal(0, noise, (*matte.shape, 3))
    alpha = matte[..., None] / 255
    return np.rint(np.clip(alpha * np.array(COLOR) + (1 - alpha) * background, 0, 255)).astype(np.uint8)


def make_photos(folder: Path, number: int, height: int = 90, width: int = 120, noise: float = 12) -> Path:
    """Write `number` photographs `photo_00.png`, ... with an object each."""
    for i in range(number):
        matte = matte_of(height, width, (0.45 + 0.02 * (i % 5), 0.5), 0.2 + 0.02 * (i % 4))
        save(compose(matte, seed=i, noise=noise), folder / f"photo_{i:02d}.png")
    return folder


def make_mattes(folder: Path, number: int, height: int = 90, width: int = 120) -> Path:
    """Write the mattes of `make_photos`."""
    for i in range(number):
        save(matte_of(height, width, (0.45 + 0.02 * (i % 5), 0.5), 0.2 + 0.02 * (i % 4)), folder / f"photo_{i:02d}.png")
    return folder


def cutout_at(path: Path) -> np.ndarray:
    """(h, w, 4) uint8 of a cut-out."""
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "RGBA")
        return np.asarray(image)
