"""The result of a comparison: numbers for each model, and for each pair of models."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from fgbg_depth.comparison.memory import Memory
from fgbg_depth.depth.checks import LabelChecks
from fgbg_depth.depth.spec import DepthSpec

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LOW_RECALL = 0.5  # rows below it have a step along less than half of the outline
NOT_NEARER = 0.0  # rows up to it have a cut-out that is not in front of what surrounds it
HIGH_DRIFT = 0.1  # rows above it have a background whose distances change by more than about 10 %


@dataclass(frozen=True)
class CheckSummary:
    """One check (`depth.checks`) over all rows.

    median: over the rows in which the check is defined; None if there is none.
    poor: share of these rows on the bad side of `LOW_RECALL`, `NOT_NEARER` or `HIGH_DRIFT`.
    rows: number of these rows.
    """

    median: float | None
    poor: float | None
    rows: int


@dataclass(frozen=True)
class LabelSummary:
    """The checks of one kind of label over all rows. background_drift: None for placed labels, which cannot drift."""

    boundary_recall: CheckSummary
    nearer: CheckSummary
    background_drift: CheckSummary | None


@dataclass(frozen=True)
class ModelResult:
    """What was found about one model.

    letter: its name in tables.
    name: as it was given.
    Others: see `LabelledRows`.
    """

    letter: str
    name: str
    spec: DepthSpec
    device: str
    batch_size: int
    images_per_s: float
    memory: Memory
    no_depth: float
    predicted: LabelSummary
    placed: LabelSummary


@dataclass(frozen=True)
class Pair:
    """How much two models differ after scale and shift are fitted in each row; see `alignment.disagreement`.

    first, second: letters.
    domain: in which they were aligned.
    median, p95: over the rows with a value; None if there is none.
    rows: number of these rows.
    """

    first: str
    second: str
    domain: str
    median: float | None
    p95: float | None
    rows: int


@dataclass(frozen=True)
class Comparison:
    """The result of `compare`.

    source: what the rows are from.
    rows, backgrounds, cutouts: numbers of different ones.
    splits: rows by split.
    size: side of the rows in pixels.
    models: in the order in which they were named.
    pairs: each pair of models once.
    sheet: picture of some rows with the labels of all models.
    """

    source: str
    rows: int
    splits: dict[str, int]
    backgrounds: int
    cutouts: int
    size: int
    models: tuple[ModelResult, ...]
    pairs: tuple[Pair, ...]
    sheet: Image.Image = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """All numbers as plain JSON types, without the sheet."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "sheet"}
        return values | {
            "models": [dataclasses.asdict(model) for model in self.models],
            "pairs": [dataclasses.asdict(pair) for pair in self.pairs],
        }

    def disagreement(self, first: str, second: str) -> float | None:
        """Median disagreement of two models, given by their letters, in any order."""
        return next(pair.median for pair in self.pairs if {pair.first, pair.second} == {first, second})


def summarise(checks: Sequence[LabelChecks]) -> LabelSummary:
    """The checks of all rows with one kind of label."""
    recall, nearer, drift = np.array(checks, np.float64).reshape(-1, 3).T
    return LabelSummary(
        _summary(recall, recall < LOW_RECALL),
        _summary(nearer, nearer <= NOT_NEARER),
        None if np.isnan(drift).all() else _summary(drift, drift > HIGH_DRIFT),
    )


def summarise_pair(first: str, second: str, domain: str, values: Sequence[float]) -> Pair:
    """The disagreement of two models over all rows; NaN where it is not defined."""
    found = [value for value in values if not math.isnan(value)]
    median, p95 = np.quantile(found, [0.5, 0.95]).tolist() if found else (None, None)
    return Pair(first, second, domain, median, p95, len(found))


def _summary(values: np.ndarray, poor: np.ndarray) -> CheckSummary:
    valid = ~np.isnan(values)
    if not valid.any():
        return CheckSummary(None, None, 0)
    return CheckSummary(float(np.median(values[valid])), float(poor[valid].mean()), int(valid.sum()))
