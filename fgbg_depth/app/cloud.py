"""A row in 3-D: each pixel at its distance, as a surface or as points, in a binary glTF file (.glb)."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

EDGE_RATIO = 1.1  # a larger ratio of the distances of neighbouring pixels is a depth edge
POINTS, TRIANGLES = 0, 4  # glTF primitive modes


@dataclass(frozen=True)
class Camera:
    """The assumed pinhole camera of the picture. It is at (0, 0, distance) and looks along -z."""

    fov_deg: float  # horizontal
    width: int
    height: int
    distance: float

    @property
    def pixel(self) -> float:
        """Width of a pixel at distance 1, in the unit of `distance`."""
        return 2 * math.tan(math.radians(self.fov_deg) / 2) / self.width

    def gltf(self) -> dict[str, Any]:
        """The camera as a glTF object."""
        yfov = 2 * math.atan(self.pixel * self.height / 2)
        perspective = {"yfov": yfov, "aspectRatio": self.width / self.height, "znear": 0.01}
        return {"type": "perspective", "perspective": perspective}


def unproject(z: NDArray[np.float32], fov_deg: float) -> NDArray[np.float32]:
    """Positions of pixels seen by a pinhole camera at the origin. As in glTF, it looks along -z and y is up.

    Args:
        z: (H, W) float32 distance along the camera's axis; NaN where invalid.
        fov_deg: horizontal field of view, degrees.
    Returns:
        (H, W, 3) float32 in the unit of `z`.
    """
    height, width = z.shape
    focal_px = width / 2 / math.tan(math.radians(fov_deg) / 2)
    x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / focal_px
    y = (height / 2 - np.arange(height, dtype=np.float32) - 0.5) / focal_px
    return np.stack([x[None, :] * z, y[:, None] * z, -z], axis=-1).astype(np.float32)


def depth_edges(z: NDArray[np.float32], ratio: float = EDGE_RATIO) -> NDArray[np.bool_]:
    """(H, W) True at pixels beside a depth edge, where predicted depth lies between near and far."""
    found = np.zeros(z.shape, bool)
    for one, other in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        with np.errstate(invalid="ignore"):
            steep = np.maximum(z[one], z[other]) > ratio * np.minimum(z[one], z[other])
        found[one] |= steep
        found[other] |= steep
    return found


def triangulate(z: NDArray[np.float32], keep: NDArray[np.bool_], ratio: float = EDGE_RATIO) -> NDArray[np.uint32]:
    """Two triangles for each square of four neighbouring pixels that are all kept, with no depth edge between them.

    Args:
        z: (H, W) float32 distance, NaN where invalid.  keep: (H, W) pixels to use.
    Returns:
        (n, 3) uint32 indices of pixels, counted row by row; counter-clockwise as seen from the camera.
    """
    height, width = z.shape
    corners = [slice(0, height - 1), slice(1, height)], [slice(0, width - 1), slice(1, width)]
    squares = np.stack([z[a, b] for a in corners[0] for b in corners[1]])
    complete = np.all([keep[a, b] for a in corners[0] for b in corners[1]], axis=0)
    with np.errstate(invalid="ignore"):
        complete &= squares.max(0) <= ratio * squares.min(0)
    number = np.arange(height * width, dtype=np.uint32).reshape(height, width)
    a, b, c, d = (number[i, j][complete] for i in corners[0] for j in corners[1])
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])


def make_glb(
    image: NDArray[np.uint8],
    distances: NDArray[np.float32],
    fov_deg: float = 60.0,
    drop_edges: bool = True,
    as_surface: bool = False,
) -> bytes:
    """A row as a .glb file, with its median distance at the origin, so that viewers rotate it about its middle.

    Args:
        image: (H, W, 3) uint8 RGB.
        distances: (H, W) float32 distance along the camera's axis (`DepthKind.distances`), NaN where invalid.
        fov_deg: horizontal field of view in degrees; an assumption, because datasets do not state it.
        drop_edges: leave out pixels at depth edges. Where that would leave none, all valid pixels are kept.
        as_surface: triangles instead of points.
    """
    valid = np.isfinite(distances)
    keep = valid & ~depth_edges(distances) if drop_edges else valid
    if not keep.any():
        keep = valid
    middle = float(np.median(distances[keep])) if keep.any() else 1.0
    points = unproject(np.where(valid, distances, 0).astype(np.float32), fov_deg)
    points[..., 2] += middle
    camera = Camera(fov_deg, distances.shape[1], distances.shape[0], middle)
    if not as_surface:
        return encode_glb(points[keep], image[keep], camera)
    triangles = triangulate(distances, keep)
    used, renumbered = np.unique(triangles, return_inverse=True)
    corners = renumbered.reshape(-1, 3).astype(np.uint32)
    return encode_glb(points.reshape(-1, 3)[used], image.reshape(-1, 3)[used], camera, corners)


def encode_glb(
    points: NDArray[np.float32],
    colors: NDArray[np.uint8],
    camera: Camera,
    triangles: NDArray[np.uint32] | None = None,
) -> bytes:
    """A binary glTF 2.0 file with one unlit mesh, coloured by vertex, and the camera of the picture.

    Args:
        points: (n, 3) float32.  colors: (n, 3) uint8 sRGB.  triangles: (m, 3) uint32 indices, or None for points.
    Source: Khronos glTF 2.0 specification, sections 3.6 (buffers), 3.7 (meshes), 3.10 (cameras), 4.4 (GLB);
        KHR_materials_unlit.
    """
    linear = _srgb_to_linear()[colors]  # glTF has linear vertex colours
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
    """(256,) uint16: linear light, 0..65535, of the sRGB levels 0..255. Source: IEC 61966-2-1."""
    level = np.arange(256) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return np.round(linear * 65535).astype(np.uint16)
