"""Depth of some rows predicted again from their stored pictures: are these labels this model's?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fgbg_depth.depth import models
from fgbg_depth.depth.spec import decode_depth
from fgbg_depth.errors import FgBgError
from fgbg_depth.manifest import FileEntry
from fgbg_depth.plan import Plan
from fgbg_depth.read.samples import read_rows
from fgbg_depth.read.spread import choose_rows
from fgbg_depth.render.codecs import decode_grey, decode_rgb
from fgbg_depth.storage.files import Storage

# Root mean square difference, as a part of the map's own deviation. The same model on another device or in half
# precision stays below 0.06; the label of another row of the same background, or of another model, is far above.
TOLERANCE = 0.1


@dataclass
class LabelCheck:
    """What predicting again showed."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: int = 0


def check_labels(
    storage: Storage, shards: Mapping[str, FileEntry], plan: Plan, num_rows: int, device: str = "auto"
) -> LabelCheck:
    """Predict the depth of `num_rows` rows, spread over the dataset, and compare it with what is stored.

    A model that cannot be loaded here is a note and no problem: the dataset may be right all the same.
    """
    check, recipe, spec = LabelCheck(), plan.recipe, plan.spec
    if spec is None:
        return check
    try:
        labeller = models.load_labeller(recipe, spec, device)
    except (FgBgError, ImportError, OSError, ValueError) as e:
        check.notes.append(f"labels were not predicted again: {' '.join(str(e).split())}")
        return check
    picks = choose_rows({path: entry.rows for path, entry in shards.items()}, num_rows)
    rows = read_rows(storage, picks, ["fg_bg", "fg_bg_depth"])
    worst = 0.0
    for start in range(0, len(rows), labeller.batch_size):
        batch = rows[start : start + labeller.batch_size]
        predicted = labeller(np.stack([decode_rgb(row["fg_bg"]) for row in batch]))
        for (path, index), row, again in zip(picks[start:], batch, predicted, strict=False):
            stored = decode_depth(decode_grey(row["fg_bg_depth"]), spec)
            off = difference(stored, decode_depth(again, spec))
            worst = max(worst, off)
            if off > TOLERANCE:
                check.problems.append(
                    f"{path}: row {index}: fg_bg_depth is not what {spec.model} predicts from its fg_bg (off by "
                    f"{100 * off:.0f} % of the map's deviation). Delete it and build again; only it is remade."
                )
    check.rows = len(rows)
    check.notes.append(f"{len(rows)} labels predicted again differ by {100 * worst:.2g} % of a map's deviation at most")
    return check


def difference(stored: np.ndarray, again: np.ndarray) -> float:
    """Root mean square difference of two depth maps, as a part of the first one's deviation.

    Pixels that only one of them calls invalid count as wholly wrong.
    """
    valid = np.isfinite(stored) & np.isfinite(again)
    disagree = np.isfinite(stored) != np.isfinite(again)
    if not valid.any():
        return 1.0 if disagree.any() else 0.0
    deviation = float(stored[valid].std())
    off = float(np.sqrt(np.mean((stored[valid] - again[valid]) ** 2)))
    if off == 0:
        return float(disagree.mean())
    return off / deviation + float(disagree.mean()) if deviation else 1.0
