"""The manifest of a build, from the statistics in the shards' footers and from the prepared sources."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from fgbg_depth import schema
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.manifest import (
    ColumnStatistics,
    Coverage,
    DepthHistogram,
    DepthStatistics,
    FileEntry,
    ImageStatistics,
    KindStatistics,
    Manifest,
    SkippedFile,
    SourceEntry,
)
from fgbg_depth.plan import Plan
from fgbg_depth.recipe import published
from fgbg_depth.scene.layers import lower_edge_range
from fgbg_depth.sources.load import Source
from fgbg_depth.statistics import COVERAGE_BINS, DEPTH_BINS, DepthSums, Sums, histogram_moments, moments
from fgbg_depth.storage.files import FileInfo


def summarize(
    plan: Plan,
    sums: Mapping[str, Sums],
    shards: Mapping[str, FileInfo],
    files: Mapping[str, FileEntry],
    previous: Manifest | None,
) -> Manifest:
    """The manifest: everything that `statistics.json` holds.

    Args:
        sums: of the rows of each split.
        shards: size and hash of each shard, by path.
        files: the other parquet files, by path.
        previous: manifest of the previous build; history and card are kept, and the version if no file has changed.
    """
    plan_has_ground = schema.GROUND in plan.extras
    rows_of = {shard.path: shard.rows for shard in plan.shards}
    everything = next(iter(sums.values())).emptied()
    for split_sums in sums.values():
        everything.add(split_sums)
    manifest = Manifest(
        format=schema.FORMAT,
        name=plan.recipe.name,
        rows=plan.rows,
        splits=plan.split_rows(),
        kinds={
            "bg": _sources_kind(plan.sources.backgrounds, "RGB"),
            "fg": _sources_kind(plan.sources.cutouts, "RGBA"),
            **_row_kinds(plan, everything),
        },
        by_split={split: _row_kinds(plan, sums[split]) for split in plan.split_rows()},
        coverage=_coverage(everything),
        heat_map=_heat_map(everything),
        depth_histogram=_depth_histogram(plan, everything),
        lower_edge=_lower_edge(plan),
        depth=plan.spec,
        columns=_columns(everything),
        columns_by_split={split: _columns(sums[split]) for split in plan.split_rows()},
        texts=everything.texts,
        without_ground=[
            source.name for source in plan.sources.backgrounds if plan_has_ground and source.ground is None
        ],
        recipe=published(plan.recipe),
        sources={"bg": _listed(plan.sources.backgrounds), "fg": _listed(plan.sources.cutouts)},
        skipped=[SkippedFile(file=file, reason=reason) for file, reason in plan.sources.skipped],
        warnings=list(plan.sources.warnings),
        ignored=list(plan.sources.ignored),
        license_notes=list(plan.sources.license_notes),
        trimmed=list(plan.sources.trimmed),
        defringed=list(plan.sources.defringed),
        classes=plan.sources.classes.counts(),
        terms=dict(plan.sources.terms),
        shards={path: _entry(rows_of[path], info) for path, info in sorted(shards.items())},
        files=dict(sorted(files.items())),
        history=previous.history if previous else [],
        card=previous.card if previous else "",
    )
    return keep_version(manifest, previous)


def keep_version(manifest: Manifest, previous: Manifest | None) -> Manifest:
    """`manifest` with the version of `previous`, if both describe the same files."""
    if previous is not None and manifest.describes_same_files(previous):
        return manifest.replace(version=previous.version)
    return manifest


def _entry(rows: int, info: FileInfo) -> FileEntry:
    return FileEntry(rows=rows, bytes=info.bytes, sha256=info.sha256)


def _row_kinds(plan: Plan, sums: Sums) -> dict[str, KindStatistics]:
    """Statistics of the images that every row has, from sums of stored pixels."""
    size, rows, spec = plan.recipe.size, sums.rows, plan.spec
    shape: dict[str, Any] = {"count": rows, "height": [size, size], "width": [size, size]}
    rgb = [histogram_moments(h) for h in sums.rgb_histogram]
    mask = histogram_moments(sums.mask_histogram)
    kinds: dict[str, KindStatistics] = {
        "fg_bg": ImageStatistics(**shape, mode="RGB", **_channels(rgb), bytes=sums.rgb_bytes),
        "fg_bg_mask": ImageStatistics(**shape, mode="L", **_channels([mask]), bytes=sums.mask_bytes),
    }
    if spec is not None:
        kinds |= {column: _depth_kind(shape, spec, rows * size**2, depth) for column, depth in sums.depths.items()}
    return kinds


def _depth_kind(shape: dict[str, Any], spec: DepthSpec, pixels: int, sums: DepthSums) -> DepthStatistics:
    """Statistics of one column of depth maps with `pixels` pixels in all."""
    stored = moments(pixels, sums.sum, sums.sum_squares, spec.levels)
    valid = pixels - sums.invalid
    mean, std = moments(valid, sums.sum, sums.sum_squares, 1)
    return DepthStatistics(
        **shape,
        mode="I;16" if spec.bits == 16 else "L",
        **_channels([stored]),
        mean_value=spec.offset + spec.step * mean if valid else None,
        std_value=spec.step * std if valid else None,
        min_value=None if sums.smallest is None else spec.offset + spec.step * sums.smallest,
        max_value=None if sums.largest is None else spec.offset + spec.step * sums.largest,
        invalid_fraction=sums.invalid / pixels,
        at_limits_fraction=sums.at_limits / pixels,
        bytes=sums.bytes,
    )


def _columns(sums: Sums) -> dict[str, ColumnStatistics]:
    return {name: ColumnStatistics.of(column) for name, column in sums.columns.items()}


def _sources_kind(sources: tuple[Source, ...], mode: str) -> ImageStatistics:
    """Statistics of backgrounds or cut-outs, from their stored pixels."""
    histogram = np.zeros((len(mode), 256), np.int64)
    for source in sources:
        histogram += np.asarray(Image.open(io.BytesIO(source.png)).histogram(), np.int64).reshape(-1, 256)
    heights, widths = [s.height for s in sources], [s.width for s in sources]
    return ImageStatistics(
        count=len(sources),
        height=[min(heights), max(heights)],
        width=[min(widths), max(widths)],
        mode=mode,
        **_channels([histogram_moments(h) for h in histogram]),
        bytes=sum(len(s.png) for s in sources),
    )


def _channels(pairs: list[tuple[float, float]]) -> dict[str, Any]:
    return {"mean": [mean for mean, _ in pairs], "std": [std for _, std in pairs]}


def _coverage(sums: Sums) -> Coverage:
    return Coverage(
        mean=histogram_moments(sums.mask_histogram)[0], histogram=sums.coverage.tolist(), bins=COVERAGE_BINS
    )


def _heat_map(sums: Sums) -> list[list[float]]:
    """Mean alpha on [0, 1] of each cell of the frame, over all rows."""
    cells = len(sums.heat)
    edges = np.arange(cells + 1) * sums.size // cells
    lengths = np.diff(edges)
    areas = np.outer(lengths, lengths)
    means: list[list[float]] = np.round(sums.heat / (areas * 255.0 * max(sums.rows, 1)), 6).tolist()
    return means


def _depth_histogram(plan: Plan, everything: Sums) -> DepthHistogram | None:
    """Counts of valid pixels of the first column of depth, in at most 256 bins between its least and largest value."""
    if plan.spec is None:
        return None
    spec, sums = plan.spec, next(iter(everything.depths.values()))
    used = np.flatnonzero(sums.histogram)
    if not len(used):
        return None
    first, last = int(used[0]), int(used[-1])
    group = -(-(last - first + 1) // 256)
    starts = np.arange(first, last + 1, group)
    counts = np.add.reduceat(sums.histogram[: last + 1], starts)
    # the first stored value of bin k is the least v with (v - 1) * DEPTH_BINS // top >= k
    edges = [0.5 - (-k * sums.top // DEPTH_BINS) for k in [*starts.tolist(), int(starts[-1]) + group]]
    return DepthHistogram(edges=[spec.offset + spec.step * edge for edge in edges], counts=counts.tolist())


def _listed(sources: tuple[Source, ...]) -> dict[str, SourceEntry]:
    return {s.name: SourceEntry(digest=s.digest, held_out=s.held_out, file=s.file) for s in sources}


def _lower_edge(plan: Plan) -> list[float] | None:
    """Where the lower edges of cut-outs on the ground are: smallest and largest fraction of the frame's height."""
    cutouts = [(s.digest, s.height) for s in plan.sources.cutouts]
    found = lower_edge_range(plan.recipe, [s.digest for s in plan.sources.backgrounds], cutouts)
    return list(found) if found else None
