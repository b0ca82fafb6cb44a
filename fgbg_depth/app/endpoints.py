"""What `gradio_client` users call: named, described, plain values in and out.

from gradio_client import Client
client = Client("user/space")
rows = client.predict(split="train", num=5, api_name="/samples")
row = client.predict(split="train", index=rows[0]["index"], api_name="/row")
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import gradio as gr

from fgbg_depth.app import pixels, scene, viewer
from fgbg_depth.app.handlers import MIRRORED, told
from fgbg_depth.app.opened import Opened
from fgbg_depth.errors import UsageError
from fgbg_depth.read.reader import Browser, Filter, Row

MOST_ROWS = 100  # of one call


def add_endpoints(opened: Opened) -> None:
    """Add every endpoint to the page that is being built."""
    for name, make, words in ENDPOINTS:
        gr.api(told(make(opened)), api_name=name, api_description=words)


def info(opened: Opened) -> Callable[[], dict]:
    def run() -> dict:
        browser = opened()
        s = browser.statistics
        return {
            "name": browser.name, "rows": browser.num_rows, "splits": browser.splits, "depth": s.get("depth"),
            "backgrounds": browser.names("bg"), "cutouts": browser.names("fg"), "revision": browser.files.revision,
        }  # fmt: skip

    return run


def samples(opened: Opened) -> Callable[..., list]:
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
    ) -> list:
        if mirrored not in MIRRORED:
            raise UsageError(f"mirrored is {mirrored!r}; it must be one of {', '.join(MIRRORED)}.")
        if not 1 <= num <= MOST_ROWS or not 0 <= page < 10**6 or not 0 <= seed < 2**63:
            raise UsageError(f"num must lie in 1 to {MOST_ROWS}, page and seed must not be negative.")
        browser = opened()
        share = (coverage_min, coverage_max)
        wanted = Filter(split or None, background or None, cutout or None, MIRRORED[mirrored], share)
        return [describe(browser, row) for row in browser.sample(wanted, num, seed, page, ())]

    return run


def row(opened: Opened) -> Callable[..., dict]:
    def run(split: str, index: int) -> dict:
        browser = opened()
        found = browser.row(split, index)
        images = {key: as_text(data, pixels.mime(data)) for key, data in found.images.items()}
        return describe(browser, found) | {"images": images}

    return run


def depth_at(opened: Opened) -> Callable[..., dict]:
    def run(split: str, index: int, x: int, y: int) -> dict:
        browser = opened()
        spec = browser.statistics.get("depth")
        found = browser.row(split, index, ("fg_bg_depth",))
        if not spec or "fg_bg_depth" not in found.images:
            raise UsageError("This dataset has no depth.")
        stored = pixels.stored_numbers(found.images["fg_bg_depth"])
        height, width = stored.shape
        if not (0 <= x < width and 0 <= y < height):
            raise UsageError(f"The map is {width} x {height} pixels; ({x}, {y}) was asked for.")
        value = pixels.decode(found.images["fg_bg_depth"], spec)[y, x]
        number = int(stored[y, x])
        shown = round(float(value), 6) if number else None
        return {"value": shown, "unit": spec["unit"], "kind": spec["kind"], "stored": number}

    return run


def point_cloud(opened: Opened) -> Callable[..., dict]:
    def run(split: str, index: int, fov_deg: float = 60.0, as_surface: bool = True, drop_edges: bool = True) -> dict:
        browser = opened()
        found = browser.row(split, index, ("fg_bg", "fg_bg_depth"))
        return as_text(scene.cloud_of(browser, found, fov_deg, drop_edges, as_surface), "model/gltf-binary")

    return run


def statistics(opened: Opened) -> Callable[[], dict]:
    def run() -> dict:
        return opened().statistics

    return run


def as_text(data: bytes, mime: str) -> dict[str, str]:
    """Bytes within JSON. Not as a file: a server that writes one for each call can be filled up."""
    return {"mime": mime, "base64": base64.b64encode(data).decode()}


def describe(browser: Browser, found: Row) -> dict[str, Any]:
    """A row in plain values, with the Python that loads it."""
    place = {"split": found.split, "index": found.index, "shard": found.shard, "shard_row": found.shard_row}
    return place | found.facts | {"python": viewer.load_line(browser, found)}


ENDPOINTS: tuple[tuple[str, Callable[[Opened], Callable[..., Any]], str], ...] = (
    ("info", info, "What the dataset is: rows by split, names of backgrounds and cut-outs, how its depth is stored."),
    (
        "samples",
        samples,
        "A seeded page of rows: where each is, its columns, and the Python that loads it. Filters: split, background, "
        "cutout (a name, or empty for all), mirrored (any, mirrored, as is), coverage_min and coverage_max (share of "
        "the frame under the cut-out, 0 to 1). page 1, 2, ... gives further rows of the same shuffle.",
    ),
    ("row", row, "One row: its columns and its stored pictures as base64."),
    ("depth_at", depth_at, "The depth at a pixel of a row (x to the right, y down): value, unit, stored number."),
    (
        "point_cloud",
        point_cloud,
        "A row in three dimensions: a vertex-coloured .glb as base64. fov_deg: the camera's horizontal field of view, "
        "which is assumed. as_surface: triangles, else points. drop_edges: leave out pixels at jumps in depth.",
    ),
    ("statistics", statistics, "Everything of statistics.json."),
)
