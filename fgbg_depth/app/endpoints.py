"""What `gradio_client` users call: named, described, plain values in and out.

from gradio_client import Client
client = Client("user/space")
rows = client.predict(split="train", num=5, api_name="/samples")
row = client.predict(split="train", index=rows[0]["index"], api_name="/row")
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from fgbg_depth.app import pixels, space, viewer
from fgbg_depth.app.handlers import MIRRORED, told
from fgbg_depth.app.opened import Opened
from fgbg_depth.browse import Browser, Filter, Row
from fgbg_depth.errors import UsageError

MOST_ROWS = 100  # of one call


def add_endpoints(opened: Opened) -> None:
    """Add every endpoint to the page that is being built."""
    for name, make, words in ENDPOINTS:
        gr.api(told(make(opened)), api_name=name, api_description=words)
    split, index = (
        gr.Textbox("train", label="split", visible=False),
        gr.Number(0, label="index", precision=0, visible=False),
    )
    files = gr.File(label="files", file_count="multiple", visible=False)
    fov = gr.Number(60, label="fov_deg", visible=False)
    surface, model = gr.Checkbox(True, label="as_surface", visible=False), gr.File(label="glb", visible=False)
    ask = gr.Button(visible=False)
    ask.click(
        told(lambda s, i: [str(p) for p in write_files(opened().row(s, int(i)), Path(files.GRADIO_CACHE))]),
        [split, index], files, api_name="files",
        api_description="The stored files of a row, byte for byte: fg_bg, fg_bg_mask and fg_bg_depth.",
    )  # fmt: skip
    ask.click(
        told(lambda s, i, f, a: str(write_cloud(opened(), s, int(i), f, a, Path(model.GRADIO_CACHE)))),
        [split, index, fov, surface], model, api_name="point_cloud",
        api_description="A row as a vertex-coloured .glb. fov_deg: the camera's assumed horizontal field of view. "
        "as_surface: triangles, else points.",
    )  # fmt: skip


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
        images = {
            key: {"mime": pixels.mime(data), "base64": base64.b64encode(data).decode()}
            for key, data in found.images.items()
        }
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
        value = float(pixels.decode(found.images["fg_bg_depth"], spec)[y, x])
        number = int(stored[y, x])
        return {"value": value if number else None, "unit": spec["unit"], "kind": spec["kind"], "stored": number}

    return run


def statistics(opened: Opened) -> Callable[[], dict]:
    return lambda: opened().statistics


def describe(browser: Browser, found: Row) -> dict[str, Any]:
    """A row in plain values, with the Python that loads it."""
    place = {"split": found.split, "index": found.index, "shard": found.shard, "shard_row": found.shard_row}
    return place | found.facts | {"python": viewer.load_line(browser, found)}


def write_files(found: Row, folder: Path) -> list[Path]:
    """The row's files in the folder that gradio serves."""
    names = [
        (f"{found.split}-{found.index}-{key}.{viewer.extension(data).lower()}", data)
        for key, data in found.images.items()
    ]
    return [_write(folder, name, data) for name, data in names]


def write_cloud(browser: Browser, split: str, index: int, fov_deg: float, as_surface: bool, folder: Path) -> Path:
    """The row's .glb in the folder that gradio serves."""
    found = browser.row(split, index, ("fg_bg", "fg_bg_depth"))
    data = space.cloud_of(browser, found, fov_deg, drop_edges=True, as_surface=as_surface)
    return _write(folder, f"{split}-{index}.glb", data)


def _write(folder: Path, name: str, data: bytes) -> Path:
    """Under a folder named by content, as gradio's own are; gradio deletes what is an hour old."""
    path = folder / hashlib.sha256(data).hexdigest() / Path(name).name
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{os.urandom(6).hex()}.tmp")
    hidden.write_bytes(data)
    hidden.replace(path)
    return path


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
    ("statistics", statistics, "Everything of statistics.json."),
)
