"""Scores of depth to compare with: of predictions that ignore the picture, and of the network that made the labels."""

from __future__ import annotations

import numpy as np

from benchmarks.study.sources import Sources
from benchmarks.study.unseen import Unseen, all_depth_scores
from benchmarks.study.ways import Rows, study_recipe
from fgbg_depth.depth import models

NETWORK = "the bundled network, which made the labels"
MEAN_MAP = "the mean depth of each pixel in the rows of (c)"
CONSTANT = "the same depth everywhere"


def reference_scores(
    rendered: Unseen, rows: tuple[Rows, Rows], sources: Sources
) -> dict[str, dict[str, dict[str, float]]]:
    """By reference and alignment, the scores of its depth.

    Args:
        rows: training rows of way (c), for their mean, and the rows that it left out.
    """
    recipe = study_recipe("plain", sources)
    network = models.load_labeller(recipe, models.resolve_spec(recipe, lambda: iter(()), "cpu"), "cpu")
    training, left_out = rows
    mean_map = np.exp(np.nanmean(training.depths, 0, dtype=np.float64))
    own = Unseen(*left_out.labels())
    metric, shape = ("affine", "median", "none"), rendered.mattes.shape
    found = {
        NETWORK: all_depth_scores("rendered", network.values(rendered.pictures), rendered, metric),
        MEAN_MAP: all_depth_scores("rendered", np.broadcast_to(mean_map, shape), rendered, metric)
        | all_depth_scores("own", np.broadcast_to(mean_map, own.mattes.shape), own, metric[1:]),
        CONSTANT: all_depth_scores("rendered", np.ones(shape), rendered, metric[:2]),
    }
    return {
        name: {group: {key: round(value, 5) for key, value in each.items()} for group, each in groups.items()}
        for name, groups in found.items()
    }
