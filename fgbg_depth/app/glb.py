"""Binary glTF files (.glb): meshes without light, coloured by vertex, and the camera that saw them."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

POINTS, TRIANGLES = 0, 4  # glTF primitive modes
_OPAQUE, _BLENDED = 0, 1  # materials


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


@dataclass(frozen=True)
class Mesh:
    """One object of a file.

    Args:
        name: shown by programs that open the file.
        points: (n, 3) float32.
        colors: (n, 3) or, with opacity, (n, 4) uint8 sRGB, straight alpha.
        triangles: (m, 3) uint32 indices, or None for points.
    """

    name: str
    points: NDArray[np.float32]
    colors: NDArray[np.uint8]
    triangles: NDArray[np.uint32] | None = None


def encode_glb(meshes: Sequence[Mesh], camera: Camera) -> bytes:
    """A binary glTF 2.0 file with a node for each mesh, and the camera of the picture as the last node.

    Source: Khronos glTF 2.0 specification, sections 3.6 (buffers), 3.7 (meshes), 3.9.6 (opacity), 3.10 (cameras),
        4.4 (GLB); KHR_materials_unlit.
    """
    body = _Body()
    found = [{"name": mesh.name, "primitives": [body.add(mesh)]} for mesh in meshes]
    nodes: list[dict[str, Any]] = [{"name": mesh.name, "mesh": number} for number, mesh in enumerate(meshes)]
    nodes.append({"camera": 0, "translation": [0, 0, camera.distance]})
    unlit = {"extensions": {"KHR_materials_unlit": {}}, "doubleSided": True,
             "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}  # fmt: skip
    document = {
        "asset": {"version": "2.0", "generator": "fgbg-depth", "extras": {"pixel": camera.pixel}},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0, "scenes": [{"nodes": list(range(len(nodes)))}], "nodes": nodes,
        "cameras": [camera.gltf()], "meshes": found,
        "materials": [unlit, unlit | {"alphaMode": "BLEND"}],
        "accessors": body.accessors, "bufferViews": body.views, "buffers": [{"byteLength": body.num_bytes}],
    }  # fmt: skip
    header = json.dumps(document, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 4)
    data = b"".join(body.blocks)
    data += b"\0" * (-len(data) % 4)
    total = 12 + 8 + len(header) + 8 + len(data)
    return b"".join(
        [
            struct.pack("<4sII", b"glTF", 2, total),
            struct.pack("<I4s", len(header), b"JSON"), header,
            struct.pack("<I4s", len(data), b"BIN\0"), data,
        ]
    )  # fmt: skip


class _Body:
    """The numbers of all meshes, and where each array is. All have elements of 4 or 8 bytes, so none needs padding."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self.views: list[dict[str, int]] = []
        self.accessors: list[dict[str, Any]] = []
        self.num_bytes = 0

    def add(self, mesh: Mesh) -> dict[str, Any]:
        """Add the arrays of a mesh; its primitive."""
        points, colors = mesh.points, mesh.colors
        low, high = (points.min(0), points.max(0)) if len(points) else (np.zeros(3), np.zeros(3))
        linear = _srgb_to_linear()[colors[:, :3]]  # glTF has linear vertex colours
        blended = colors.shape[1] == 4
        alpha = colors[:, 3:].astype(np.uint16) * 257 if blended else np.full((len(points), 1), 65535, np.uint16)
        position = self._array(
            points.astype("<f4").tobytes(), 34962,
            {"componentType": 5126, "count": len(points), "type": "VEC3", "min": low.tolist(), "max": high.tolist()},
        )  # fmt: skip
        color = self._array(
            np.concatenate([linear, alpha], axis=1).astype("<u2").tobytes(), 34962,
            {"componentType": 5123, "count": len(points), "type": "VEC4", "normalized": True},
        )  # fmt: skip
        attributes = {"POSITION": position, "COLOR_0": color}
        primitive: dict[str, Any] = {"attributes": attributes, "material": _BLENDED if blended else _OPAQUE}
        if mesh.triangles is None:
            return primitive | {"mode": POINTS}
        indices = {"componentType": 5125, "count": mesh.triangles.size, "type": "SCALAR"}
        place = self._array(mesh.triangles.astype("<u4").tobytes(), 34963, indices)
        return primitive | {"mode": TRIANGLES, "indices": place}

    def _array(self, data: bytes, target: int, accessor: dict[str, Any]) -> int:
        """Add one array; the number of its accessor."""
        view = {"buffer": 0, "byteOffset": self.num_bytes, "byteLength": len(data), "target": target}
        self.views.append(view)
        self.blocks.append(data)
        self.num_bytes += len(data)
        self.accessors.append({"bufferView": len(self.views) - 1, **accessor})
        return len(self.accessors) - 1


def _srgb_to_linear() -> NDArray[np.uint16]:
    """(256,) uint16: linear light, 0..65535, of the sRGB levels 0..255. Source: IEC 61966-2-1."""
    level = np.arange(256) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return np.round(linear * 65535).astype(np.uint16)
