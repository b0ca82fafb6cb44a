"""The result of `evaluate`: scores of every split, and what must be said with them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fgbg_depth import schema
from fgbg_depth.manifest import Manifest

PHOTOS = "photographs"
ROWS_PER_SOURCE = 100  # from here on another source teaches more than another placement
FEW_SOURCES = 30
LARGE_GAP = 0.1  # of Dice, between train and sources that were not in it
_HEADINGS = {
    "dice": "Dice",
    "iou": "IoU",
    "matte_error": "matte error",
    "abs_rel": "AbsRel",
    "delta": "delta<1.25",
    "abs_rel_inside": "AbsRel inside",
    "delta_inside": "delta inside",
}


@dataclass(frozen=True)
class SplitScores:
    """The scores on one split, or on the photographs.

    Args:
        rows: how many there are.
        tested: how many of them were tested.
        scores: means over the tested ones, by name; see `scores.mask_scores` and `scores.depth_scores`.
    """

    rows: int
    tested: int
    scores: dict[str, float]


@dataclass(frozen=True)
class Evaluation:
    """What a small network learned from a dataset.

    Args:
        dataset: folder or name.
        steps, batch_size, size_px, seed, device: of the training.
        trained_on: number of rows of `train` that were used.
        depth: the column of depth that was learned; None: the dataset has none.
        splits: scores by split; `photographs` for the user's own.
        notes: what the scores mean.
        warnings: what is wrong with the dataset as training data.
        elapsed_s: of the whole evaluation.
    """

    dataset: str
    steps: int
    batch_size: int
    size_px: int
    seed: int
    device: str
    trained_on: int
    depth: str | None
    splits: dict[str, SplitScores]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    elapsed_s: float

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types; scores that no row has are null."""
        values = dataclasses.asdict(self)
        for split in values["splits"].values():
            split["scores"] = {k: None if math.isnan(v) else v for k, v in split["scores"].items()}
        return values

    def as_text(self) -> str:
        """A table for a terminal, then notes and warnings."""
        names = [name for name in _HEADINGS if any(name in split.scores for split in self.splits.values())]
        lines = [["", "rows", "tested", *(_HEADINGS[name] for name in names)]]
        for split, found in self.splits.items():
            values = [_shown(found.scores.get(name)) for name in names]
            lines.append([split, f"{found.rows:,}", f"{found.tested:,}", *values])
        head = (
            f"A network of {self.size_px} px trained on {self.trained_on:,} rows of train: {self.steps} steps of "
            f"{self.batch_size}, seed {self.seed}, {self.device}, {self.elapsed_s:.0f} s."
        )
        notes = [*(f"note: {note}" for note in self.notes), *(f"warning: {text}" for text in self.warnings)]
        return "\n".join([head, *_aligned(lines), *notes])


def notes_on(manifest: Manifest) -> list[str]:
    """What the scores of a dataset mean."""
    notes = ["Dice, IoU and delta: larger is better. Matte error and AbsRel: smaller is better."]
    if manifest.depth is None:
        notes.append("The dataset has no depth labels, so only the mask is evaluated.")
    else:
        notes.append(
            f"Depth is compared with {manifest.main_depth_column}, which comes from the model {manifest.depth.model}: "
            "these scores measure how well the network imitates that model, not how right its depth is."
        )
        if not manifest.depth.meaning.is_metric:
            notes.append(
                f"{manifest.depth.meaning.label.capitalize()} has no unit: AbsRel and delta are those of the distances "
                "1 (near) to 4 (far) at which it is drawn."
            )
    return notes


def warnings_about(manifest: Manifest, splits: dict[str, SplitScores]) -> list[str]:
    """What is wrong with a dataset as training data: few sources, many placements, no or much worse unseen sources."""
    warnings = []
    seen = {kind: sum(not entry.held_out for entry in found.values()) for kind, found in manifest.sources.items()}
    num_bg, num_fg = seen.get(schema.BG, 0), seen.get(schema.FG, 0)
    rows = manifest.splits.get(schema.TRAIN, 0)
    sources = f"{num_bg:,} backgrounds and {num_fg:,} cut-outs"
    if rows > ROWS_PER_SOURCE * (num_bg + num_fg):
        warnings.append(
            f"train has {rows:,} rows from only {sources}: {rows / max(1, num_bg + num_fg):,.0f} rows for each. More "
            "placements of the same sources teach little; add sources, or lower --placements."
        )
    elif min(num_bg, num_fg) < FEW_SOURCES:
        warnings.append(f"train has only {sources}. A network learns these, not what objects look like; add sources.")
    unseen = [name for name in schema.SPLITS[1:] if name in splits]
    if not unseen:
        warnings.append("No source is held out (holdout is 0), so no split shows how the network does on new pictures.")
        return warnings
    if schema.TRAIN in splits:
        train, test = splits[schema.TRAIN].scores["dice"], splits[unseen[-1]].scores["dice"]
        if train - test > LARGE_GAP:
            warnings.append(
                f"The Dice of {unseen[-1]} is {test:.2f}, that of train {train:.2f}: on new sources the network is "
                "much worse than on those it has seen. More different sources help, more rows do not."
            )
    return warnings


def _shown(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.3f}"


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]).rstrip()
        for line in lines
    ]
