"""The colours in which the pages show depth: the range of the whole dataset, and the marks of the colour bar."""

from __future__ import annotations

from dataclasses import dataclass

from fgbg_depth.app.pixels import gradient
from fgbg_depth.depth.kinds import DepthKind
from fgbg_depth.errors import UsageError
from fgbg_depth.read.reader import DatasetReader

_MIN_TICK_DISTANCE = 18  # per cent of the colour bar; what a mark takes on a narrow picture


@dataclass(frozen=True)
class DepthScale:
    """How depth maps of a dataset are coloured, so that equal colours are equal depths on every picture.

    Args:
        kind: of depth.
        low, high: range of the colours, in the kind's unit.
        ticks: position on the colour bar in per cent, far end first, and text.
        gradient: the colours as CSS.
    """

    kind: DepthKind
    low: float
    high: float
    ticks: list[tuple[float, str]]
    gradient: str

    @classmethod
    def of(cls, browser: DatasetReader) -> DepthScale:
        """The scale of a dataset.

        Raises:
            UsageError: the dataset has no depth.
        """
        manifest = browser.manifest
        if manifest.depth is None:
            raise UsageError("This dataset has no depth maps.")
        kind = manifest.depth.meaning
        low, high = kind.shown_range(*manifest.depth_range)
        ticks: list[tuple[float, str]] = []
        for nearness, text in kind.ticks(low, high):
            if not ticks or nearness * 100 >= ticks[-1][0] + _MIN_TICK_DISTANCE:
                ticks.append((round(nearness * 100, 1), text))
        return cls(kind, low, high, ticks, gradient())
