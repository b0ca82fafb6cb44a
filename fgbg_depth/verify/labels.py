"""Predict the depth of some rows again from their stored images, and compare it with the stored labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fgbg_depth.builder.messages import count
from fgbg_depth.depth import models
from fgbg_depth.depth.spec import decode_depth
from fgbg_depth.errors import FgBgError
from fgbg_depth.manifest import FileEntry
from fgbg_depth.plan import Plan
from fgbg_depth.read.samples import read_rows
from fgbg_depth.read.spread import choose_rows
from fgbg_depth.recipe import with_local_folders
from fgbg_depth.render.codecs import decode_grey, decode_rgb
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.report import Problem, build_again

# Root mean square difference as a fraction of the map's standard deviation. The same model on another device or in
# half precision stays below 0.06; the label of another row of the same background, or of another model, is far above.
TOLERANCE = 0.1


@dataclass
class LabelCheck:
    """What predicting again found, and the number of rows."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: int = 0


def check_labels(
    storage: Storage, shards: Mapping[str, FileEntry], plan: Plan, num_rows: int, device: str = "auto"
) -> LabelCheck:
    """Predict the depth of `num_rows` rows, spread over the dataset, and compare it with what is stored.

    A model that cannot be loaded on this machine is a note and not a problem, because the labels may be right.
    """
    check, recipe, spec = LabelCheck(), plan.recipe, plan.spec
    if spec is None:
        return check
    try:
        if storage.is_local:
            recipe = with_local_folders(recipe, storage.root)
        labeller = models.load_labeller(recipe, spec, device)
    except (FgBgError, ImportError, OSError, ValueError) as e:
        check.notes.append(f"no label was predicted again: {' '.join(str(e).split())}")
        return check
    rows_of = {path: entry.rows for path, entry in shards.items()}
    chosen = choose_rows(rows_of, num_rows, recipe.rows_per_pair)
    rows = read_rows(storage, chosen, ["fg_bg", "fg_bg_depth"])
    largest = 0.0
    for start in range(0, len(rows), labeller.batch_size):
        batch = rows[start : start + labeller.batch_size]
        predicted = labeller(np.stack([decode_rgb(row["fg_bg"]) for row in batch]))
        for (path, index), row, label in zip(chosen[start:], batch, predicted, strict=False):
            stored = decode_depth(decode_grey(row["fg_bg_depth"]), spec)
            found = difference(stored, decode_depth(label, spec))
            largest = max(largest, found)
            if found > TOLERANCE:
                what = (
                    f"row {index}: fg_bg_depth is not what {spec.model} predicts from its fg_bg (the root mean square "
                    f"difference is {100 * found:.0f} % of the map's deviation)"
                )
                check.problems.append(Problem(path, what, build_again(path)))
    check.rows = len(rows)
    check.notes.append(
        f"{count(len(rows), 'label')} predicted again; the largest difference is {100 * largest:.2g} % of a map's "
        "deviation"
    )
    return check


def difference(stored: np.ndarray, predicted: np.ndarray) -> float:
    """Root mean square difference of two depth maps, as a fraction of the standard deviation of `stored`.

    The share of pixels that only one of them calls invalid is added.

    Args:
        stored, predicted: (H, W) float32, NaN where invalid.
    """
    valid = np.isfinite(stored) & np.isfinite(predicted)
    disagree = np.isfinite(stored) != np.isfinite(predicted)
    if not valid.any():
        return 1.0 if disagree.any() else 0.0
    deviation = float(stored[valid].std())
    root_mean_square = float(np.sqrt(np.mean((stored[valid] - predicted[valid]) ** 2)))
    if root_mean_square == 0:
        return float(disagree.mean())
    return root_mean_square / deviation + float(disagree.mean()) if deviation else 1.0
