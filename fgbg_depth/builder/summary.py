"""`statistics.json`: what the card and the app show, from the shards' footers and the prepared sources."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from PIL import Image

from fgbg_depth import schema
from fgbg_depth.plan import Plan
from fgbg_depth.sources.load import Source
from fgbg_depth.statistics import COVERAGE_BINS, DEPTH_BINS, Sums, histogram_moments, moments
from fgbg_depth.storage.files import FileInfo


def summarize(
    plan: Plan,
    sums: Mapping[str, Sums],
    shards: Mapping[str, FileInfo],
    files: Mapping[str, tuple[int, FileInfo]],
    previous: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that `statistics.json` holds.

    Args:
        sums: by split.
        shards: each shard's size and hash, by path.
        files: rows, size and hash of the other parquet files, by path.
        previous: the statistics that were there before, {} if none: versions and history are kept.
    """
    rows_of = {shard.path: shard.rows for shard in plan.shards}
    everything = Sums(plan.recipe.size, next(iter(sums.values())).depth_top)
    for part in sums.values():
        everything.add(part)
    values: dict[str, Any] = {
        "format": schema.FORMAT,
        "name": plan.recipe.name,
        "version": None,
        "rows": plan.rows,
        "splits": plan.split_rows(),
        "kinds": {
            "bg": _sources_kind(plan.sources.backgrounds, "RGB"),
            "fg": _sources_kind(plan.sources.cutouts, "RGBA"),
            **_row_kinds(plan, everything),
        },
        "by_split": {split: _row_kinds(plan, sums[split]) for split in plan.split_rows()},
        "coverage": _coverage(everything),
        "heat_map": _heat_map(everything),
        "depth_histogram": _depth_histogram(plan, everything),
        "depth": plan.spec.to_dict() if plan.spec else None,
        "recipe": plan.recipe.to_dict(),
        "sources": {"bg": _listed(plan.sources.backgrounds), "fg": _listed(plan.sources.cutouts)},
        "skipped": [{"file": file, "reason": reason} for file, reason in plan.sources.skipped],
        "warnings": list(plan.sources.warnings),
        "shards": {path: {"rows": rows_of[path], **asdict(w)} for path, w in sorted(shards.items())},
        "files": {path: {"rows": rows, **asdict(w)} for path, (rows, w) in sorted(files.items())},
        "history": previous.get("history", []),
    }
    keep_version(values, previous)
    return values


def keep_version(values: dict[str, Any], previous: Mapping[str, Any]) -> None:
    """Name `values` by the version of `previous` if they describe the very same files."""
    unchanged = ("shards", "files", "recipe", "depth", "sources")
    if previous and all(previous.get(key) == values[key] for key in unchanged):
        values["version"] = previous.get("version")


def _row_kinds(plan: Plan, sums: Sums) -> dict[str, Any]:
    """The kinds that every row has, from sums of stored pixels."""
    size, rows, spec = plan.recipe.size, sums.rows, plan.spec
    shape = {"count": rows, "height": [size, size], "width": [size, size]}
    rgb = [histogram_moments(h) for h in sums.rgb_histogram]
    mask = histogram_moments(sums.mask_histogram)
    kinds: dict[str, Any] = {
        "fg_bg": {**shape, "mode": "RGB", **_channels(rgb), "bytes": sums.rgb_bytes},
        "fg_bg_mask": {**shape, "mode": "L", **_channels([mask]), "bytes": sums.mask_bytes},
    }
    if spec is not None:
        pixels = rows * size**2
        stored = moments(pixels, sums.depth_sum, sums.depth_sum_squares, 2**spec.bits - 1)
        valid = pixels - sums.depth_invalid
        mean, std = moments(valid, sums.depth_sum, sums.depth_sum_squares, 1)
        kinds["fg_bg_depth"] = {
            **shape,
            "mode": "I;16" if spec.bits == 16 else "L",
            **_channels([stored]),
            "mean_value": spec.offset + spec.step * mean if valid else None,
            "std_value": spec.step * std if valid else None,
            "min_value": None if sums.depth_min is None else spec.offset + spec.step * sums.depth_min,
            "max_value": None if sums.depth_max is None else spec.offset + spec.step * sums.depth_max,
            "invalid_fraction": sums.depth_invalid / pixels,
            "at_limits_fraction": sums.depth_at_limits / pixels,
            "bytes": sums.depth_bytes,
        }
    return kinds


def _sources_kind(sources: tuple[Source, ...], mode: str) -> dict[str, Any]:
    """A kind that is stored once a source, from its pixels."""
    histogram = np.zeros((len(mode), 256), np.int64)
    for source in sources:
        histogram += np.asarray(Image.open(io.BytesIO(source.png)).histogram(), np.int64).reshape(-1, 256)
    heights, widths = [s.height for s in sources], [s.width for s in sources]
    return {
        "count": len(sources),
        "height": [min(heights), max(heights)],
        "width": [min(widths), max(widths)],
        "mode": mode,
        **_channels([histogram_moments(h) for h in histogram]),
        "bytes": sum(len(s.png) for s in sources),
    }


def _channels(pairs: list[tuple[float, float]]) -> dict[str, list[float]]:
    return {"mean": [mean for mean, _ in pairs], "std": [std for _, std in pairs]}


def _coverage(sums: Sums) -> dict[str, Any]:
    return {
        "mean": histogram_moments(sums.mask_histogram)[0],
        "histogram": sums.coverage.tolist(),
        "bins": COVERAGE_BINS,
    }


def _heat_map(sums: Sums) -> list[list[float]]:
    """Mean alpha on [0, 1] of each cell of the frame, over all rows."""
    cells = len(sums.heat)
    edges = np.arange(cells + 1) * sums.size // cells
    lengths = np.diff(edges)
    areas = np.outer(lengths, lengths)
    return np.round(sums.heat / (areas * 255.0 * max(sums.rows, 1)), 6).tolist()


def _depth_histogram(plan: Plan, sums: Sums) -> dict[str, Any] | None:
    """Counts of valid pixels in at most 256 equal bins over the values that occur."""
    spec, used = plan.spec, np.flatnonzero(sums.depth_histogram)
    if spec is None or not len(used):
        return None
    first, last = int(used[0]), int(used[-1])
    group = -(-(last - first + 1) // 256)
    starts = np.arange(first, last + 1, group)
    counts = np.add.reduceat(sums.depth_histogram[: last + 1], starts)
    # the first stored value of bin k is the least v with (v - 1) * DEPTH_BINS // top >= k
    edges = [0.5 - (-k * sums.depth_top // DEPTH_BINS) for k in [*starts.tolist(), int(starts[-1]) + group]]
    return {"edges": [spec.offset + spec.step * edge for edge in edges], "counts": counts.tolist()}


def _listed(sources: tuple[Source, ...]) -> dict[str, Any]:
    return {s.name: {"digest": s.digest, "held_out": s.held_out, "file": s.file} for s in sources}
