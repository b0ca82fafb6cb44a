"""A row in three dimensions: its pixels, each at its depth, as a binary glTF file."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

EDGE_RATIO = 1.1  # neighbours whose distances differ by more than this are on two sides of an edge
POINTS, TRIANGLES = 0, 4  # glTF primitive modes


@dataclass(frozen=True)
class Camera:
    """The pinhole camera that the picture is taken to come from, looking along -z from (0, 0, distance)."""

    fov_deg: float  # across
    width: int
    height: int
    distance: float

    @property
    def pixel(self) -> float:
        """Width of a pixel at distance 1."""
        return 2 * math.tan(math.radians(self.fov_deg) / 2) / self.width

    def gltf(self) -> dict[str, Any]:
        """As glTF describes a camera."""
        yfov = 2 * math.atan(self.pixel * self.height / 2)
        perspective = {"yfov": yfov, "aspectRatio": self.width / self.height, "znear": 0.01}
        return {"type": "perspective", "perspective": perspective}


def distances(values: NDArray[np.float32], spec: dict[str, Any]) -> NDArray[np.float32]:
    """How far each pixel is, for drawing: metres, or 1 to 4 where the depth has no unit.

    A relative disparity is inverted (1 / (1/4 + 3/4 t), t its place in the spec's range), a relative depth scaled.
    """
    if spec["kind"] == "metric":
        return values
    t = ((values - spec["low"]) / (spec["high"] - spec["low"])).clip(0, 1)
    return 1 / (0.25 + 0.75 * t) if spec["kind"] == "relative_disparity" else 1 + 3 * t


def unproject(z: NDArray[np.float32], fov_deg: float) -> NDArray[np.float32]:
    """Pixels into space by a pinhole camera at the origin that looks along -z (glTF's way round; y is up).

    Args:
        z: (H, W) float32 distance along the axis; NaN where there is none.
        fov_deg: horizontal field of view, degrees.
    Returns:
        (H, W, 3) float32 in the unit of `z`.
    """
    height, width = z.shape
    focal_px = width / 2 / math.tan(math.radians(fov_deg) / 2)
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / focal_px
    y = (height / 2 - np.arange(height, dtype=np.float32) - 0.5) / focal_px
    return np.stack([x[None, :] * z, y[:, None] * z, -z], axis=-1).astype(np.float32)


def edges(z: NDArray[np.float32], ratio: float = EDGE_RATIO) -> NDArray[np.bool_]:
    """(H, W) True at pixels next to a jump in distance, where the depth mixes near and far."""
    jump = np.zeros(z.shape, bool)
    for one, other in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        with np.errstate(invalid="ignore"):
            steep = np.maximum(z[one], z[other]) > ratio * np.minimum(z[one], z[other])
        jump[one] |= steep
        jump[other] |= steep
    return jump


def surface(z: NDArray[np.float32], keep: NDArray[np.bool_], ratio: float = EDGE_RATIO) -> NDArray[np.uint32]:
    """Two triangles for each four neighbouring pixels that are kept and lie on one surface.

    Returns:
        (n, 3) uint32 numbers of pixels, row by row, counter-clockwise as seen from the camera.
    """
    height, width = z.shape
    corners = [slice(0, height - 1), slice(1, height)], [slice(0, width - 1), slice(1, width)]
    squares = np.stack([z[a, b] for a in corners[0] for b in corners[1]])
    whole = np.all([keep[a, b] for a in corners[0] for b in corners[1]], axis=0)
    with np.errstate(invalid="ignore"):
        whole &= squares.max(0) <= ratio * squares.min(0)
    number = np.arange(height * width, dtype=np.uint32).reshape(height, width)
    a, b, c, d = (number[i, j][whole] for i in corners[0] for j in corners[1])
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])


def make_cloud(
    image: NDArray[np.uint8],
    values: NDArray[np.float32],
    spec: dict[str, Any],
    fov_deg: float = 60.0,
    drop_edges: bool = True,
    as_surface: bool = False,
) -> bytes:
    """A row as .glb, centred on its median distance so that a viewer turns it about its middle.

    Args:
        image: (H, W, 3) uint8 colours.  values: (H, W) float32 depth, NaN where there is none.
        spec: the depth spec of the dataset.
        fov_deg: horizontal field of view; the dataset does not know it, so it is an assumption.
        drop_edges: leave out pixels at jumps in depth.  as_surface: triangles instead of points.
    """
    z = distances(values, spec)
    keep = np.isfinite(z)
    if drop_edges:
        keep &= ~edges(z)
    if not keep.any():
        keep = np.isfinite(z)
    middle = float(np.median(z[keep])) if keep.any() else 1.0
    points = unproject(np.where(np.isfinite(z), z, 0).astype(np.float32), fov_deg)
    points[..., 2] += middle
    camera = Camera(fov_deg, z.shape[1], z.shape[0], middle)
    if not as_surface:
        return glb(points[keep], image[keep], camera)
    triangles = surface(z, keep)
    used, renumbered = np.unique(triangles, return_inverse=True)
    corners = renumbered.reshape(-1, 3).astype(np.uint32)
    return glb(points.reshape(-1, 3)[used], image.reshape(-1, 3)[used], camera, corners)


def glb(
    points: NDArray[np.float32],
    colours: NDArray[np.uint8],
    camera: Camera,
    triangles: NDArray[np.uint32] | None = None,
) -> bytes:
    """A binary glTF 2.0 file with one unlit, vertex-coloured mesh and the camera that took the picture.

    Args:
        points: (n, 3) float32.  colours: (n, 3) uint8 sRGB.  triangles: (m, 3) uint32, or None for points.
    Source: Khronos glTF 2.0 specification, sections 3.6 (buffers), 3.7 (meshes), 3.10 (cameras), 4.4 (GLB);
        KHR_materials_unlit.
    """
    linear = _srgb_to_linear()[colours]  # glTF's vertex colours are linear
    rgba = np.concatenate([linear, np.full((len(points), 1), 65535, np.uint16)], axis=1)
    blocks = [points.astype("<f4").tobytes(), rgba.astype("<u2").tobytes()]
    low, high = (points.min(0), points.max(0)) if len(points) else (np.zeros(3), np.zeros(3))
    accessors: list[dict[str, Any]] = [
        {"bufferView": 0, "componentType": 5126, "count": len(points), "type": "VEC3",
         "min": low.tolist(), "max": high.tolist()},
        {"bufferView": 1, "componentType": 5123, "count": len(points), "type": "VEC4", "normalized": True},
    ]  # fmt: skip
    primitive: dict[str, Any] = {"attributes": {"POSITION": 0, "COLOR_0": 1}, "material": 0, "mode": POINTS}
    if triangles is not None:
        blocks.append(triangles.astype("<u4").tobytes())
        accessors.append({"bufferView": 2, "componentType": 5125, "count": triangles.size, "type": "SCALAR"})
        primitive |= {"indices": 2, "mode": TRIANGLES}
    views, offset = [], 0
    for number, block in enumerate(blocks):
        target = 34963 if number == 2 else 34962
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": len(block), "target": target})
        offset += len(block)
    document = {
        "asset": {"version": "2.0", "generator": "fgbg-depth", "extras": {"pixel": camera.pixel}},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0, "scenes": [{"nodes": [0, 1]}],
        "nodes": [{"mesh": 0}, {"camera": 0, "translation": [0, 0, camera.distance]}],
        "cameras": [camera.gltf()], "meshes": [{"primitives": [primitive]}],
        "materials": [{"extensions": {"KHR_materials_unlit": {}}, "doubleSided": True,
                       "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}],
        "accessors": accessors, "bufferViews": views, "buffers": [{"byteLength": offset}],
    }  # fmt: skip
    header = json.dumps(document, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 4)
    body = b"".join(blocks)
    body += b"\0" * (-len(body) % 4)
    total = 12 + 8 + len(header) + 8 + len(body)
    return b"".join(
        [
            struct.pack("<4sII", b"glTF", 2, total),
            struct.pack("<I4s", len(header), b"JSON"), header,
            struct.pack("<I4s", len(body), b"BIN\0"), body,
        ]
    )  # fmt: skip


def _srgb_to_linear() -> NDArray[np.uint16]:
    """256 linear values, 0..65535, of the sRGB levels. Source: IEC 61966-2-1."""
    level = np.arange(256) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return np.round(linear * 65535).astype(np.uint16)
