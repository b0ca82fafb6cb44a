"""The statistics page: what is in the dataset, in numbers and plots, with a line on what each means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fgbg_depth.app import plots
from fgbg_depth.app.markup import Markup, escape, join, tag
from fgbg_depth.app.pixels import gradient, show_range
from fgbg_depth.app.wording import KIND_NAMES, SPLIT_MEANINGS, SPLIT_NAMES, depth_value, percent, size, thousands
from fgbg_depth.read.reader import Browser

KIND_WORDS = {
    "bg": "backgrounds",
    "fg": "cut-outs",
    "fg_bg": "composites",
    "fg_bg_mask": "mattes",
    "fg_bg_depth": "depth maps",
}


def page(browser: Browser) -> Markup:
    """Everything of the statistics tab."""
    s = browser.statistics
    return tag(
        "div",
        splits(browser),
        kinds(s["kinds"], s.get("depth")),
        figures(s),
        by_split(s),
        history(s),
        class_="fg-numbers",
    )


def splits(browser: Browser) -> Markup:
    """How the rows are divided, as one bar."""
    total = max(browser.num_rows, 1)
    parts = [
        tag("i", style=f"flex:{rows / total:.4f}", class_=f"fg-split-{i}", title=SPLIT_NAMES.get(split, split))
        for i, (split, rows) in enumerate(browser.splits.items())
    ]
    listed = [
        tag(
            "li",
            tag("i", class_=f"fg-split-{i}"),
            tag("b", SPLIT_NAMES.get(split, split)),
            tag("span", f"{thousands(rows)} rows, {percent(rows / total)}"),
            tag("small", SPLIT_MEANINGS.get(split, "")),
        )
        for i, (split, rows) in enumerate(browser.splits.items())
    ]
    return section("Splits", "Nothing leaks: a test split never shares its unseen sources with training.",
                   tag("div", parts, class_="fg-splitbar"), tag("ul", listed, class_="fg-splits"))  # fmt: skip


def kinds(rows: Mapping[str, Mapping[str, Any]], spec: Mapping[str, Any] | None) -> Markup:
    """The card's table: one line for each kind of image."""
    head = ["kind", "what", "images", "pixels", "mode", "mean", "std", "stored"]
    lines = []
    for kind, words in KIND_WORDS.items():
        if kind in rows:
            k = rows[kind]
            mode = {"I;16": "grey, 16 bit", "L": "grey, 8 bit"}.get(k["mode"], k["mode"])
            lines.append(
                [
                    tag("code", kind),
                    words,
                    thousands(k["count"]),
                    extent(k),
                    mode,
                    levels(k["mean"]),
                    levels(k["std"]),
                    size(k["bytes"]),
                ]
            )
    words = (
        "Mean and std are over every pixel of the stored images, on a scale from 0 to 1, one number a channel. "
        "Over all pixels, not averaged image by image: that would make the deviations smaller."
    )
    content = [table(head, lines)]
    depth = rows.get("fg_bg_depth")
    if depth and spec:
        content.append(
            figures_line(
                [
                    ("Mean depth", depth_value(depth["mean_value"], dict(spec))),
                    ("Deviation", depth_value(depth["std_value"], dict(spec))),
                    (
                        "Nearest" if spec["kind"] != "relative_disparity" else "Least",
                        depth_value(depth["min_value"], dict(spec)),
                    ),
                    (
                        "Farthest" if spec["kind"] != "relative_disparity" else "Greatest",
                        depth_value(depth["max_value"], dict(spec)),
                    ),
                    ("Without depth", percent(depth["invalid_fraction"])),
                    ("Predicted by", spec["model"]),
                ]
            )
        )
    return section("Images", words, *content)


def figures(s: Mapping[str, Any]) -> Markup:
    """Coverage, places and depth."""
    made = []
    if s.get("coverage"):
        plot = plots.coverage_plot(s["coverage"]["histogram"], s["coverage"]["mean"])
        words = f"Share of the frame under the matte. On average {percent(s['coverage']['mean'])}."
        made.append(figure("How much a cut-out covers", words, plot))
    if s.get("depth") and s.get("depth_histogram"):
        spec, histogram = s["depth"], s["depth_histogram"]
        plot = plots.depth_plot(histogram["edges"], histogram["counts"], spec, *show_range(s))
        words = f"All pixels of all rows, {KIND_NAMES[spec['kind']]}, in the colours of the pictures."
        made.append(figure("How far the pixels are", words, plot))
    if s.get("heat_map"):
        key = tag(
            "div",
            tag("span", "never"),
            tag("i", style=f"background:{gradient()}"),
            tag("span", "most often"),
            class_="fg-key",
        )
        words = "The frame, seen over all rows: how often a cut-out covers each place."
        made.append(figure("Where cut-outs stand", words, plots.heat_map(s["heat_map"]), key))
    return tag("div", made, class_="fg-figures")


def by_split(s: Mapping[str, Any]) -> Markup | None:
    """Means and deviations of each split; a test split that differs much is a harder test."""
    lines = []
    for split, kinds_of in s.get("by_split", {}).items():
        for number, (kind, k) in enumerate(kinds_of.items()):
            name = tag("b", SPLIT_NAMES.get(split, split)) if number == 0 else ""
            lines.append([name, tag("code", kind), thousands(k["count"]), levels(k["mean"]), levels(k["std"])])
    if not lines:
        return None
    words = "The same numbers for each split. Where a test split's differ much from train's, it is the harder test."
    return section("Split by split", words, table(["split", "kind", "images", "mean", "std"], lines))


def history(s: Mapping[str, Any]) -> Markup | None:
    """What changed from version to version."""
    lines = []
    for entry in s.get("history") or []:
        changes = list(entry.get("recipe_changes") or [])
        for key in ("bg_added", "bg_removed", "fg_added", "fg_removed"):
            if entry.get(key):
                changes.append(f"{len(entry[key])} {key.replace('_', ' ')}")
        lines.append(
            [
                str(entry.get("version")),
                str(entry.get("date", "")),
                thousands(entry.get("rows", 0)),
                "; ".join(map(str, changes)),
            ]
        )
    return section("Versions", "", table(["version", "date", "rows", "changes"], lines)) if lines else None


def figures_line(pairs: Sequence[tuple[str, str]]) -> Markup:
    """Figures in a row, each under its name."""
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs], class_="fg-figures-line")


def section(title: str, words: str, *content: object) -> Markup:
    """A titled part of the page."""
    return tag("section", tag("h3", title), tag("p", words, class_="fg-note") if words else None, *content)


def figure(title: str, words: str, *content: object) -> Markup:
    """A plot under its title."""
    return tag("figure", tag("h3", title), tag("p", words, class_="fg-note"), *content)


def table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> Markup:
    """A table that scrolls sideways on a narrow page rather than breaking it."""
    rows = [
        tag("tr", [tag("td", cell, data_label=name) for name, cell in zip(head, line, strict=True)]) for line in lines
    ]
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", [tag("th", name) for name in head])), tag("tbody", rows)),
        class_="fg-table",
    )


def levels(values: Sequence[float]) -> Markup:
    """Means or deviations by channel."""
    return join([tag("span", f"{value:.4f}") for value in values], " ")


def extent(kind: Mapping[str, Any]) -> Markup:
    """Width x height, as ranges where they vary."""
    width, height = (f"{a}" if a == b else f"{a}–{b}" for a, b in (kind["width"], kind["height"]))
    return escape(f"{width} × {height}")
