"""The endpoints for `gradio_client`: plain values in, plain values out, each with a name and a description.

from gradio_client import Client
client = Client("user/space")
rows = client.predict(split="train", num=5, api_name="/samples")
row = client.predict(split="train", index=rows[0]["index"], api_name="/row")
"""

from __future__ import annotations

import base64
import difflib
from collections.abc import Callable, Collection
from typing import Any

import gradio as gr

from fgbg_depth.app import pixels, view_row, view_scene
from fgbg_depth.app.handlers import MIRRORED, show_errors
from fgbg_depth.app.opened import Opened
from fgbg_depth.errors import UsageError
from fgbg_depth.read.reader import DatasetReader, Filter, StoredRow

MAX_ROWS = 100  # of one call of /samples
MAX_NAMES = 20  # in the message about an unknown name
Values = dict[str, Any]


def add_endpoints(opened: Opened) -> None:
    """Add all endpoints to the page that is being built."""
    for name, make, description in ENDPOINTS:
        gr.api(show_errors(make(opened)), api_name=name, api_description=description)


def info(opened: Opened) -> Callable[[], Values]:
    def run() -> Values:
        browser = opened()
        depth = browser.manifest.depth
        return {
            "name": browser.name, "rows": browser.num_rows, "splits": browser.splits,
            "depth": depth.to_dict() if depth else None, "backgrounds": browser.names("bg"),
            "cutouts": browser.names("fg"), "revision": browser.files.revision,
        }  # fmt: skip

    return run


def samples(opened: Opened) -> Callable[..., list[Values]]:
    def run(
        split: str = "",
        background: str = "",
        cutout: str = "",
        mirrored: str = "any",
        coverage_min: float = 0.0,
        coverage_max: float = 1.0,
        num: int = 24,
        seed: int = 0,
        page: int = 0,
    ) -> list[Values]:
        if mirrored not in MIRRORED:
            raise UsageError(f"mirrored is {mirrored!r}; allowed: {', '.join(MIRRORED)}.")
        for name, value, low, high in (
            ("num", num, 1, MAX_ROWS), ("page", page, 0, 10**6 - 1), ("seed", seed, 0, 2**63 - 1)
        ):  # fmt: skip
            if not low <= value <= high:
                raise UsageError(f"{name} is {value}; allowed: {low} to {high}.")
        browser = opened()
        check_name("split", split, browser.splits)
        check_name("background", background, browser.names("bg"))
        check_name("cutout", cutout, browser.names("fg"))
        coverage = (coverage_min, coverage_max)
        row_filter = Filter(split or None, background or None, cutout or None, MIRRORED[mirrored], coverage)
        return [describe(browser, row) for row in browser.sample(row_filter, num, seed, page, ())]

    return run


def row(opened: Opened) -> Callable[..., Values]:
    def run(split: str, index: int) -> Values:
        browser = opened()
        found = browser.row(split, index)
        images = {name: as_json(data, pixels.mime(data)) for name, data in found.images.items()}
        return describe(browser, found) | {"images": images}

    return run


def depth_at(opened: Opened) -> Callable[..., Values]:
    def run(split: str, index: int, x: int, y: int) -> Values:
        browser = opened()
        spec, column = browser.manifest.depth, browser.manifest.main_depth_column
        if spec is None or column is None:
            raise UsageError("This dataset has no depth maps.")
        found = browser.row(split, index, (column,))
        stored = pixels.stored_numbers(found.images[column])
        height, width = stored.shape
        if not (0 <= x < width and 0 <= y < height):
            raise UsageError(f"The pixel ({x}, {y}) is outside the depth map, which has {width} x {height} pixels.")
        number = int(stored[y, x])
        value = pixels.decode_values(found.images[column], spec)[y, x]
        return {
            "value": round(float(value), 6) if number else None,
            "unit": spec.unit,
            "kind": spec.kind,
            "stored": number,
            "column": column,
        }

    return run


def point_cloud(opened: Opened) -> Callable[..., Values]:
    def run(split: str, index: int, fov_deg: float = 60.0, as_surface: bool = True, drop_edges: bool = True) -> Values:
        browser = opened()
        found = browser.row(split, index, ("fg_bg", *browser.manifest.depth_columns))
        return as_json(view_scene.row_glb(browser, found, fov_deg, drop_edges, as_surface), "model/gltf-binary")

    return run


def statistics(opened: Opened) -> Callable[[], Values]:
    def run() -> Values:
        return opened().manifest.to_dict()

    return run


def check_name(parameter: str, name: str, known: Collection[str]) -> None:
    """Check a name that filters rows; "" does not filter.

    Raises:
        UsageError: the dataset has no such name; the message lists those that it has, the most similar ones first.
    """
    if not name or name in known:
        return
    similar = difflib.get_close_matches(name, known, n=MAX_NAMES)
    listed = [*similar, *(each for each in known if each not in similar)]
    more = f" and {len(listed) - MAX_NAMES} more, which /info lists" if len(listed) > MAX_NAMES else ""
    raise UsageError(
        f"{parameter} is {name!r}, which this dataset does not have; "
        f"allowed: {', '.join(listed[:MAX_NAMES])}{more}, or empty for all."
    )


def as_json(data: bytes, mime: str) -> dict[str, str]:
    """Bytes as JSON. Not as a file: a server that writes a file for each call can be made to fill its disk."""
    return {"mime": mime, "base64": base64.b64encode(data).decode()}


def describe(browser: DatasetReader, found: StoredRow) -> Values:
    """A row as plain values: where it is, its columns without images, and the Python that loads it."""
    place = {"split": found.split, "index": found.index, "shard": found.shard, "shard_row": found.shard_row}
    return place | found.facts | {"python": view_row.load_line(browser, found)}


ENDPOINTS: tuple[tuple[str, Callable[[Opened], Callable[..., Any]], str], ...] = (
    ("info", info, "The dataset: rows by split, names of backgrounds and cut-outs, and how its depth is stored."),
    (
        "samples",
        samples,
        "A page of rows in shuffled order: where each row is, its columns, and the Python that loads it. Filters: "
        "split, background and cutout (a name, or empty for all), mirrored (any, mirrored, as is), coverage_min and "
        "coverage_max (share of the image that the mask covers, 0 to 1). The same seed gives the same order; page 1, "
        "2, ... gives the rows after page 0.",
    ),
    ("row", row, "One row: its columns, and its stored images as base64."),
    ("depth_at", depth_at, "The depth at a pixel of a row (x to the right, y down): value, unit and stored number."),
    (
        "point_cloud",
        point_cloud,
        "A row in 3-D: a .glb file with coloured vertices, as base64. fov_deg: the assumed horizontal field of view "
        "of the camera. as_surface: triangles instead of points. drop_edges: leave out pixels at depth edges.",
    ),
    ("statistics", statistics, "The whole content of statistics.json."),
)
