"""Scores of depth to compare with: of predictions that ignore the picture, and of the network that made the labels."""

from __future__ import annotations

import numpy as np

from benchmarks.study.sources import Sources
from benchmarks.study.unseen import Unseen, depth_scores
from benchmarks.study.ways import Rows, study_recipe
from fgbg_depth.depth import models

NETWORK = "the bundled network, which made the labels"
MEAN_MAP = "the mean depth of each pixel in the rows of (c)"
CONSTANT = "the same depth everywhere"


def reference_scores(rendered: Unseen, rows: Rows, sources: Sources) -> dict[str, dict[str, dict[str, float]]]:
    """By reference and alignment, the scores of its depth.

    Args:
        rows: training rows of way (c), for their mean.
    """
    recipe = study_recipe("plain", sources)
    network = models.load_labeller(recipe, models.resolve_spec(recipe, lambda: iter(()), "cpu"), "cpu")
    shape = rendered.mattes.shape
    maps = {
        NETWORK: network.values(rendered.pictures),
        MEAN_MAP: np.broadcast_to(np.exp(np.nanmean(rows.depths, 0, dtype=np.float64)), shape),
        CONSTANT: np.ones(shape),
    }
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, distances in maps.items():
        alignments = ("affine", "median") if name == CONSTANT else ("affine", "median", "none")
        scores = {f"rendered {alignment}": depth_scores(distances, rendered, alignment) for alignment in alignments}
        found[name] = {group: {key: round(v, 5) for key, v in each.items()} for group, each in scores.items()}
    return found
