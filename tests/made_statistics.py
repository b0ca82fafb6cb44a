"""Made-up statistics in the form that a build writes, for tests that only read them."""

from __future__ import annotations

from typing import Any

import numpy as np

from fgbg_depth.manifest import ColumnStatistics, Manifest
from fgbg_depth.recipe import Recipe
from fgbg_depth.schema import FORMAT
from fgbg_depth.statistics import ColumnSums

METRIC = {
    "model": "densedepth-nyu", "revision": "", "digest": "ab" * 32, "kind": "metric", "unit": "m", "bits": 16,
    "offset": 0.0, "step": 0.001, "low": 0.1, "high": 10.0, "precision": "fp32", "input_size": "480x640",
    "flip": False, "license": "not stated by its authors",
}  # fmt: skip
DISPARITY = METRIC | {
    "model": "someone/relative-model", "revision": "0123abc", "kind": "relative_disparity", "unit": "",
    "offset": 0.5, "step": 0.25, "low": 0.75, "high": 16384.25, "license": "cc-by-nc-4.0", "flip": True,
}  # fmt: skip


def made_column(rows: int, low: float, high: float, middle: float, missing: int = 0) -> dict[str, Any]:
    """Statistics of a column of numbers around `middle`."""
    sums = ColumnSums(low, high)
    sums.add_values(np.random.default_rng(0).normal(middle, (high - low) / 10, rows - missing).clip(low, high))
    sums.add_values([np.nan] * missing)
    return ColumnStatistics.of(sums).model_dump()


def made_checks(rows: int, placed: bool = False) -> dict[str, dict[str, Any]]:
    """Statistics of the checks of predicted and, if wanted, of placed labels."""
    columns = {
        "boundary_recall": made_column(rows, 0, 1, 0.34),
        "nearer": made_column(rows, -2, 3, 0.5),
        "background_drift": made_column(rows, 0, 1, 0.1, missing=3),
    }
    if placed:
        columns |= {
            "placed_boundary_recall": made_column(rows, 0, 1, 5.0),
            "placed_nearer": made_column(rows, -2, 3, 1.0),
        }
    return columns


def made_statistics(recipe: Recipe, depth: dict[str, Any] | None = METRIC, num_bg: int = 10, num_fg: int = 20) -> dict:
    """A complete `statistics.json` with `num_bg` x `num_fg` sources, held out as the recipe says."""
    held = {k: round(n * recipe.holdout) for k, n in (("bg", num_bg), ("fg", num_fg))}
    pair = len(recipe.flips) * recipe.placements
    splits = {
        "train": (num_bg - held["bg"]) * (num_fg - held["fg"]) * pair,
        "test_unseen_bg": held["bg"] * (num_fg - held["fg"]) * pair,
        "test_unseen_fg": (num_bg - held["bg"]) * held["fg"] * pair,
        "test_unseen_both": held["bg"] * held["fg"] * pair,
    }
    splits = {split: n for split, n in splits.items() if n}
    rows = sum(splits.values())
    kind = {"count": rows, "height": [recipe.size] * 2, "width": [recipe.size] * 2, "bytes": 17_000 * rows}
    three = {"mode": "RGB", "mean": [0.5056, 0.4969, 0.4817], "std": [0.2486, 0.2490, 0.2604]}
    kinds = {
        "bg": kind | three | {"count": num_bg, "bytes": 90_000 * num_bg},
        "fg": {"count": num_fg, "height": [80, 110], "width": [33, 110], "mode": "RGBA", "bytes": 20_000,
               "mean": [0.4, 0.4, 0.3, 0.6], "std": [0.2, 0.2, 0.2, 0.4]},
        "fg_bg": kind | three,
        "fg_bg_mask": kind | {"mode": "L", "mean": [0.0454], "std": [0.2038], "bytes": 1_600 * rows},
    }  # fmt: skip
    histogram = None
    if depth:
        edges = np.linspace(depth["low"], depth["high"], 257)
        middle = (edges[0] + edges[-1]) / 2
        counts = 1e6 * np.exp(-(((edges[1:] - middle) / (edges[-1] - edges[0]) * 5) ** 2))
        histogram = {"edges": edges.tolist(), "counts": counts.astype(int).tolist()}
        kinds["fg_bg_depth"] = kind | {
            "mode": "I;16", "mean": [0.0424], "std": [0.0215], "bytes": 60_000 * rows, "mean_value": 2.78,
            "std_value": 1.41, "min_value": 0.41, "max_value": 9.99, "invalid_fraction": 0.0,
        }  # fmt: skip
        kinds["fg_bg_depth_placed"] = kinds["fg_bg_depth"] | {"mean_value": 2.71}
    ramp = np.hanning(34)[1:-1]
    counts = np.zeros(50, int)
    counts[1:6] = [rows // 10, rows // 3, rows // 4, rows // 8, rows // 50]
    sources = {
        k: {f"{k}_{i:03d}": {"digest": f"{i:064x}", "held_out": i < held[k], "file": f"{i}.png"} for i in range(n)}
        for k, n in (("bg", num_bg), ("fg", num_fg))
    }  # fmt: skip
    return {
        "format": FORMAT, "name": recipe.name, "version": None, "rows": rows, "splits": splits,
        "shards": {
            f"data/{split}-bg_000-{'0' * 24}.parquet": {"rows": n, "bytes": 80_000 * n, "sha256": "0" * 64}
            for split, n in splits.items()
        },
        "files": {
            "bg/train-0123456789abcdef.parquet": {"rows": num_bg, "bytes": 900_000, "sha256": "0" * 64},
            "fg/train-0123456789abcdef.parquet": {"rows": num_fg, "bytes": 400_000, "sha256": "0" * 64},
            "preview/train-0123456789abcdef.parquet": {"rows": 20, "bytes": 500_000, "sha256": "0" * 64},
        },
        "recipe": recipe.to_dict(), "depth": depth, "kinds": kinds, "by_split": {},
        "coverage": {"mean": 0.0454, "histogram": counts.tolist()},
        "heat_map": (np.outer(ramp, ramp) * 0.2).tolist(), "depth_histogram": histogram,
        "sources": sources, "skipped": [], "warnings": [], "history": [],
    }  # fmt: skip


def made_manifest(
    recipe: Recipe, depth: dict[str, Any] | None = METRIC, num_bg: int = 10, num_fg: int = 20
) -> Manifest:
    """`made_statistics` as a manifest."""
    return Manifest.from_dict(made_statistics(recipe, depth, num_bg, num_fg))
