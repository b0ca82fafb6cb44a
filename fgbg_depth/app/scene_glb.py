"""The layers of a row as a .glb file, for other programs: the background and each cut-out are objects of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgbg_depth import schema
from fgbg_depth.app import pixels, view_scene
from fgbg_depth.app.cloud import triangulate, unproject
from fgbg_depth.app.glb import Camera, Mesh, encode_glb
from fgbg_depth.app.scene_layers import row_layers
from fgbg_depth.depth.spec import DepthSpec, decode_depth
from fgbg_depth.read.reader import DatasetReader, StoredRow


def scene_glb(browser: DatasetReader, row: StoredRow, fov_deg: float) -> bytes:
    """The row as the 3-D tab shows it first: in layers, or as one surface if the background has no depth.

    Args:
        row: with the images of `scene_file.image_columns`.
        fov_deg: horizontal field of view of the camera, degrees; an assumption.
    Raises:
        UsageError: the dataset has no depth, or the field of view is out of range.
    """
    spec, column = browser.manifest.depth, browser.manifest.main_depth_column
    source = browser.sources(schema.BG).get(row.facts["bg"])
    if spec is None or column is None or source is None or not source.depth:
        return view_scene.row_glb(browser, row, fov_deg, drop_edges=False, as_surface=True)
    view_scene.check_fov(fov_deg)
    picture, label = pixels.rgb_array(source.image), pixels.stored_numbers(row.images[column])
    background = _distances(pixels.stored_numbers(source.depth), spec)
    layers = row_layers(row, picture)
    middles = [float(np.median(_distances(layer.depths(label), spec))) for layer in layers]
    middle = min(middles, default=float(np.median(background)))

    meshes = [_mesh(row.facts["bg"], picture, background, np.ones(background.shape, bool), fov_deg, middle)]
    for layer in layers:
        height, width = layer.rgba.shape[:2]
        box = np.s_[layer.y : layer.y + height, layer.x : layer.x + width]
        colors = np.zeros((*background.shape, 4), np.uint8)
        distances = np.ones(background.shape, np.float32)
        colors[box], distances[box] = layer.rgba, _distances(layer.depths(label), spec)
        meshes.append(_mesh(layer.fg, colors, distances, colors[..., 3] > 0, fov_deg, middle))
    return encode_glb(meshes, Camera(fov_deg, background.shape[1], background.shape[0], middle))


def _distances(stored: NDArray[np.uint16], spec: DepthSpec) -> NDArray[np.float32]:
    """Distances of stored values; pixels without depth get the farthest one, as in the 3-D tab."""
    found = spec.meaning.distances(decode_depth(stored, spec), spec.low, spec.high)
    farthest = np.nanmax(found) if np.isfinite(found).any() else 1
    return np.where(np.isfinite(found), found, farthest).astype(np.float32)


def _mesh(
    name: str,
    colors: NDArray[np.uint8],
    distances: NDArray[np.float32],
    keep: NDArray[np.bool_],
    fov_deg: float,
    middle: float,
) -> Mesh:
    """The kept pixels of a frame as a surface without holes, with the distance `middle` at the origin."""
    points = unproject(distances, fov_deg)
    points[..., 2] += middle
    used, renumbered = np.unique(triangulate(distances, keep, ratio=np.inf), return_inverse=True)
    channels = colors.shape[-1]
    corners = renumbered.reshape(-1, 3).astype(np.uint32)
    return Mesh(name, points.reshape(-1, 3)[used], colors.reshape(-1, channels)[used], corners)
