"""The page of the 3-D tab for one row, and the row as a .glb file."""

from __future__ import annotations

from fgbg_depth.app.cloud import make_glb
from fgbg_depth.app.pixels import data_uri, decode_values, rgb_array
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
    check_fov(fov_deg)
    distances = spec.meaning.distances(decode_values(row.images[column], spec), spec.low, spec.high)
    return make_glb(rgb_array(row.images["fg_bg"]), distances, fov_deg, drop_edges, as_surface)


def check_fov(fov_deg: float) -> None:
    """Check an assumed field of view.

    Raises:
        UsageError: it is out of range, or not a number.
    """
    if not MIN_FOV_DEG <= fov_deg <= MAX_FOV_DEG:
        raise UsageError(f"The field of view is {fov_deg} degrees; allowed: {MIN_FOV_DEG} to {MAX_FOV_DEG}.")


def page(browser: DatasetReader, row: StoredRow, file: str, glb: str) -> str:
    """The tab for one row; static/scene.js fills it.

    Args:
        file, glb: paths of the row's files, below the root of the page.
    """
    spec = browser.manifest.depth
    return render("scene.html", row=row, file=file, glb=glb, distances_note=spec.meaning.distances_note if spec else "")


def without_depth(row: StoredRow) -> str:
    """The tab for a row without depth: a sentence, and the picture."""
    return render("scene_without_depth.html", row=row, picture=data_uri(row.images["fg_bg"]))


def note(message: str) -> str:
    """A message in the place of the description."""
    return render("note.html", message=message)
