"""A row in 3-D: each pixel at its distance, as a surface or as points, in a binary glTF file (.glb)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.app.glb import Camera, Mesh, encode_glb

EDGE_RATIO = 1.1  # a larger ratio of the distances of neighbouring pixels is a depth edge


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
        return encode_glb([Mesh("row", points[keep], image[keep])], camera)
    triangles = triangulate(distances, keep)
    used, renumbered = np.unique(triangles, return_inverse=True)
    corners = renumbered.reshape(-1, 3).astype(np.uint32)
    return encode_glb([Mesh("row", points.reshape(-1, 3)[used], image.reshape(-1, 3)[used], corners)], camera)
