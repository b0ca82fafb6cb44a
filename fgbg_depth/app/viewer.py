"""One row opened: its pictures side by side, what they say, and how to load exactly this row."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import numpy as np
from PIL import Image

from fgbg_depth.app import pixels
from fgbg_depth.app.markup import Markup, join, tag
from fgbg_depth.app.wording import KIND_NAMES, SPLIT_MEANINGS, SPLIT_NAMES, depth_value, percent, size, thousands
from fgbg_depth.depth.kinds import depth_kind
from fgbg_depth.read.reader import Browser, Row


def view(browser: Browser, row: Row) -> Markup:
    """The whole view of a row. Its script is static/viewer.js, which finds the parts by their data- attributes."""
    spec = browser.statistics.get("depth") if "fg_bg_depth" in row.images else None
    image = pixels.data_uri(row.images["fg_bg"])
    height, width = np.asarray(Image.open(io.BytesIO(row.images["fg_bg_mask"]))).shape
    script: dict[str, Any] = {"data_width": width, "data_height": height}
    script["data_readings"] = pixels.readings(row.images.get("fg_bg_depth"), row.images["fg_bg_mask"])
    facts = [("Covers", f"{percent(coverage(row))} of the frame", "the mean of the mask")]
    depth = None
    if spec:
        values = pixels.decode(row.images["fg_bg_depth"], spec)
        low, high = pixels.show_range(browser.statistics)
        depth = pixels.data_uri(pixels.depth_png(values, low, high, spec["kind"]))
        script |= {f"data_{key}": spec[key] for key in ("kind", "unit", "offset", "step")}
        script |= {"data_low": low, "data_high": high}
        facts += depth_facts(row, values, spec)
    panels = [
        composite_panel(row, image, width, height),
        panel(
            "fg_bg_mask",
            "matte, ≥ 128 is cut-out",
            tag("img", src=pixels.data_uri(row.images["fg_bg_mask"]), alt="mask"),
        ),
        depth_panel(depth, spec, low, high) if depth and spec else None,
        *source_panels(browser, row),
        compare_panel(image, depth) if depth else None,
    ]
    return tag(
        "div",
        heading(browser, row),
        tag(
            "section",
            tag("div", panels, class_="fg-panels"),
            tag("p", "Point at a picture, or tap it, to read a pixel.", class_="fg-readout", data_readout=True),
            to_copy(browser, row),
        ),
        tag("aside", fact_list(row, facts), to_download(row), class_="fg-aside"),
        class_="fg-row",
        data_row=row.address,
        **script,
    )


def nothing() -> Markup:
    """Before a row is opened."""
    return tag("p", tag("b", "No row is open."), " Choose one under Samples, or take a random row.", class_="fg-empty")


def coverage(row: Row) -> float:
    """Share of the frame under the matte, 0..1."""
    return float(np.asarray(Image.open(io.BytesIO(row.images["fg_bg_mask"])), np.float64).mean() / 255)


def panel(
    symbol: str, words: str, *content: object, readable: bool = True, foot: object = None, kind: str = ""
) -> Markup:
    """A picture under its symbol. `readable`: the pointer reads its pixels."""
    cross = tag("i", class_="fg-cross") if readable else None
    frame = tag(
        "div", content, cross, class_=f"fg-frame {kind}".strip(), data_read=readable, tabindex=0 if readable else None
    )
    grow = tag(
        "button", "⤢", class_="fg-grow", type="button", data_grow=True, title="larger", aria_label=f"{symbol} larger"
    )
    caption = tag("figcaption", tag("code", symbol), tag("span", words), grow)
    return tag("figure", caption, frame, foot, class_="fg-panel", data_panel=symbol)


def composite_panel(row: Row, image: str, width: int, height: int) -> Markup:
    """The composite with the matte over it and the cut-out's box around it."""
    f = row.facts
    rect = tag("rect", x=f["x"], y=f["y"], width=f["width"], height=f["height"], vector_effect="non-scaling-stroke")
    box = tag(
        "svg", rect, viewBox=f"0 0 {width} {height}", preserveAspectRatio="none", class_="fg-box", aria_hidden="true"
    )
    overlay = tag("img", src=pixels.data_uri(pixels.overlay_png(row.images["fg_bg_mask"])), alt="", class_="fg-overlay")
    controls = tag(
        "div",
        tag(
            "label",
            "matte",
            tag("input", type="range", min=0, max=100, value=0, data_overlay=True, aria_label="matte opacity"),
        ),
        tag("label", tag("input", type="checkbox", data_box=True), "box"),
        class_="fg-foot",
    )
    return panel("fg_bg", "composite", tag("img", src=image, alt="composite"), overlay, box, foot=controls)


def depth_panel(depth: str, spec: dict[str, Any], low: float, high: float) -> Markup:
    """The depth map in colour over its scale."""
    ticks: list[Markup] = []
    free = 0.0  # where the next label may stand: one takes up to a seventh of the bar
    for near, text in depth_kind(spec["kind"]).ticks(low, high):
        if near >= free:
            ticks.append(tag("span", text, style=f"left:{near * 100:.1f}%"))
            free = near + 0.14
    bar = tag("div", tag("i", data_marker=True), class_="fg-bar", style=f"background:{pixels.gradient()}")
    scale = tag(
        "div", bar, tag("div", ticks, class_="fg-ticks"), class_="fg-scale", title="far to near; grey: no depth"
    )
    return panel(
        "fg_bg_depth", KIND_NAMES[spec["kind"]].split(" (")[0], tag("img", src=depth, alt="depth in colour"), foot=scale
    )


def compare_panel(image: str, depth: str) -> Markup:
    """Picture and depth under one slider."""
    slider = tag("input", type="range", min=0, max=100, value=50, data_compare=True, aria_label="picture or depth")
    pictures = [tag("img", src=image, alt=""), tag("img", src=depth, alt="", class_="fg-top")]
    return panel("fg_bg | depth", "drag across", pictures, slider, readable=False, kind="fg-compare")


def source_panels(browser: Browser, row: Row) -> list[Markup]:
    """The background without the cut-out, and the cut-out alone; each leads to the other rows made from it."""
    made = []
    for kind, words in (("bg", "background"), ("fg", "cut-out")):
        source = browser.sources(kind).get(row.facts[kind])
        if source is None:
            continue
        turned = "fg-turned" if kind == "fg" and row.facts["flip"] else None
        picture = tag("img", src=pixels.data_uri(source.image), alt=words, class_=turned)
        made.append(panel(kind, words, picture, readable=kind == "bg", kind="fg-alpha" if kind == "fg" else ""))
    return made


def heading(browser: Browser, row: Row) -> Markup:
    """Which row this is."""
    rows = thousands(browser.splits[row.split])
    title = f"{SPLIT_NAMES.get(row.split, row.split)}, row {thousands(row.index)}"
    words = f"of {rows} · {SPLIT_MEANINGS.get(row.split, '')}"
    return tag("div", tag("h2", title, class_="fg-title"), tag("p", words, class_="fg-sub"), class_="fg-heading")


def depth_facts(row: Row, values: np.ndarray, spec: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The depth of the cut-out and of everything else."""
    mask = np.asarray(Image.open(io.BytesIO(row.images["fg_bg_mask"]))) >= 128
    facts = []
    for name, chosen in (("Depth of the cut-out", values[mask]), ("Depth around it", values[~mask])):
        chosen = chosen[np.isfinite(chosen)]
        if chosen.size:
            low, middle, high = (depth_value(float(v), spec) for v in np.quantile(chosen, (0.05, 0.5, 0.95)))
            facts.append((name, middle, f"median; nine tenths lie in {low} to {high}" if low != high else "all of it"))
    return facts


def fact_list(row: Row, more: list[tuple[str, str, str]]) -> Markup:
    """What the columns say, in words."""
    f = row.facts
    links = {
        kind: tag(
            "button",
            f[kind],
            type="button",
            class_="fg-link",
            data_pick=kind,
            data_name=f[kind],
            title="all rows made from it",
        )
        for kind in ("bg", "fg")
    }
    facts: list[tuple[str, object, str]] = [
        ("Background", links["bg"], ""),
        ("Cut-out", links["fg"], ""),
        ("Mirrored", "yes" if f["flip"] else "no", ""),
        ("Placement", f"number {f['placement']}", ""),
        ("Box", f"{f['width']} × {f['height']} px at ({f['x']}, {f['y']})", "from the top left"),
        *more,
    ]
    return tag(
        "dl", [[tag("dt", a), tag("dd", b, tag("small", c) if c else None)] for a, b, c in facts], class_="fg-facts"
    )


def load_line(browser: Browser, row: Row) -> str:
    """Python that loads exactly this row, and downloads no more than its shard."""
    source = json.dumps(browser.files.name)
    revision = f', revision="{browser.files.revision}"' if browser.files.revision else ""
    return (
        "from datasets import load_dataset\n"
        f'rows = load_dataset({source}, data_files={json.dumps(row.shard)}, split="train"{revision})\n'
        f"row = rows[{row.shard_row}]"
    )


def to_copy(browser: Browser, row: Row) -> Markup:
    """The line that loads the row, and its columns as JSON."""
    recipe = json.dumps({"split": row.split, "row": row.index, **row.facts}, ensure_ascii=False)
    parts = copyable("Load exactly this row", load_line(browser, row)), copyable("Its recipe", recipe)
    return tag("div", *parts, class_="fg-codes")


def to_download(row: Row) -> Markup:
    """The stored files, byte for byte."""
    stem = re.sub(r"[^a-z_]", "", row.split) + f"-{row.index}"
    files = [
        tag(
            "a",
            tag("code", column),
            tag("small", f"{extension(data)}, {size(len(data))}"),
            class_="fg-button",
            download=f"{stem}-{column}.{extension(data).lower()}",
            href=pixels.data_uri(data),
        )
        for column, data in row.images.items()
    ]
    return join([tag("h3", "Download the stored bytes"), tag("div", files, class_="fg-files")])


def copyable(title: str, text: str) -> Markup:
    """Text with a button that copies it."""
    button = tag("button", "Copy", type="button", class_="fg-copy", data_copy=True)
    return tag("div", tag("h3", title, button), tag("pre", tag("code", text)), class_="fg-code")


def extension(data: bytes) -> str:
    """JPEG or PNG."""
    return {"image/jpeg": "JPG", "image/png": "PNG"}.get(pixels.mime(data), "BIN")
