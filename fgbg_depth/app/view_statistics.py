"""The statistics tab: splits, images, charts and versions, from `statistics.json`."""

from __future__ import annotations

from typing import Any

from PIL import Image

from fgbg_depth import schema
from fgbg_depth.app.pixels import data_uri, gradient, png
from fgbg_depth.app.templating import percent, render
from fgbg_depth.card import chart_data
from fgbg_depth.card.scene_charts import scene_bars
from fgbg_depth.manifest import DepthStatistics, Manifest, Version
from fgbg_depth.read.reader import DatasetReader

_MODES = {"I;16": "grey, 16 bit", "L": "grey, 8 bit"}  # Pillow's names of modes for people


def page(browser: DatasetReader) -> str:
    """Everything of the tab."""
    manifest = browser.manifest
    return render(
        "statistics.html",
        splits=[
            {"name": split, "rows": rows, "share": rows / max(browser.num_rows, 1)}
            for split, rows in browser.splits.items()
        ],
        kinds=[
            {"name": kind, "meaning": kind_meaning(kind), "mode": _MODES.get(k.mode, k.mode), "stats": k}
            for kind in schema.IMAGE_KINDS
            if (k := manifest.kinds.get(kind)) is not None
        ],
        depth_figures=depth_figures(manifest),
        bar_charts=bar_charts(manifest),
        heat_map=heat_map(manifest),
        by_split=manifest.by_split,
        versions=[{"entry": entry, "changes": changes(entry)} for entry in manifest.history],
    )


def kind_meaning(kind: str) -> str:
    """What a kind of image is, from `schema.COLUMNS`: the column of its name, or the column `image` of its config."""
    columns = {column.name: column for column in schema.columns(extras=schema.EXTRAS)}
    sources = {config: schema.columns(config, extras=schema.EXTRAS) for config in (schema.BG, schema.FG)}
    if kind in sources:
        return next(column.meaning for column in sources[kind] if column.name == "image")
    return columns[kind].meaning


def depth_figures(manifest: Manifest) -> list[tuple[str, str]]:
    """Names and values of the figures about depth; none without depth labels."""
    found = manifest.kinds.get(manifest.main_depth_column or "")
    if manifest.depth is None or not isinstance(found, DepthStatistics):
        return []
    kind = manifest.depth.meaning
    smallest, largest = kind.extremes
    values = [
        (f"mean {kind.label}", found.mean_value),
        ("standard deviation", found.std_value),
        (smallest, found.min_value),
        (largest, found.max_value),
    ]
    figures = [(name, kind.format_value(value)) for name, value in values if value is not None]
    return [*figures, ("invalid pixels", percent(found.invalid_fraction)), ("depth model", manifest.depth.model)]


def bar_charts(manifest: Manifest) -> list[chart_data.BarChart]:
    """Coverage, depth if there is any, and what varies from row to row."""
    charts = [chart_data.coverage_bars(manifest.coverage.histogram, manifest.coverage.mean)]
    histogram = manifest.depth_histogram
    if manifest.depth is not None and histogram is not None:
        charts.append(chart_data.depth_bars(histogram.edges, histogram.counts, manifest.depth.meaning))
    return charts + scene_bars(manifest)


def heat_map(manifest: Manifest) -> dict[str, Any]:
    """The heat map as a picture with one pixel a cell, which the browser enlarges without smoothing."""
    data = chart_data.heat_map_cells(manifest.heat_map)
    return {"chart": data, "image": data_uri(png(Image.fromarray(data.colors))), "gradient": gradient()}


def changes(entry: Version) -> str:
    """What changed with a version, in one line."""
    counted = {
        "backgrounds added": entry.bg_added,
        "backgrounds removed": entry.bg_removed,
        "cut-outs added": entry.fg_added,
        "cut-outs removed": entry.fg_removed,
    }
    return "; ".join([*entry.recipe_changes, *(f"{len(names)} {what}" for what, names in counted.items() if names)])
