"""The 3-D tab: one row as a surface or as points."""

from __future__ import annotations

import base64
import zlib

from fgbg_depth.app.cloud import make_glb
from fgbg_depth.app.pixels import decode_values, rgb_array
from fgbg_depth.app.templating import render
from fgbg_depth.errors import UsageError
from fgbg_depth.read.reader import DatasetReader, StoredRow

MIN_FOV_DEG, MAX_FOV_DEG = 1, 170


def row_glb(browser: DatasetReader, row: StoredRow, fov_deg: float, drop_edges: bool, as_surface: bool) -> bytes:
    """A row as a .glb file; the arguments are those of `cloud.make_glb`.

    Raises:
        UsageError: the dataset has no depth, or the field of view is out of range.
    """
    spec, column = browser.manifest.depth, browser.manifest.main_depth_column
    if spec is None or column is None:
        raise UsageError("This dataset has no depth maps, so no row of it can be shown in 3-D.")
    if not MIN_FOV_DEG <= fov_deg <= MAX_FOV_DEG:
        raise UsageError(f"The field of view is {fov_deg} degrees; allowed: {MIN_FOV_DEG} to {MAX_FOV_DEG}.")
    distances = spec.meaning.distances(decode_values(row.images[column], spec), spec.low, spec.high)
    return make_glb(rgb_array(row.images["fg_bg"]), distances, fov_deg, drop_edges, as_surface)


def canvas(row: StoredRow, glb: bytes) -> str:
    """The canvas and the file that static/scene.js draws on it."""
    return render("scene.html", row=row, glb=base64.b64encode(zlib.compress(glb, 1)).decode())


def description(browser: DatasetReader, row: StoredRow) -> str:
    """Which row it is, how to move it, and what the distances mean."""
    spec = browser.manifest.depth
    return render("scene_description.html", row=row, distances_note=spec.meaning.distances_note if spec else "")


def note(message: str) -> str:
    """A message in the place of the description."""
    return render("note.html", message=message)
