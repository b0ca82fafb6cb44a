"""What the values of a depth map mean. Every decision that depends on the kind of depth is made here."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fgbg_depth.errors import DepthError


@dataclass(frozen=True)
class DepthKind:
    """One kind of depth: its words, its direction, its unit, and the scale on which it is shown.

    Args:
        name: as it stands in recipes, statistics and footers.
        label: a noun phrase for axes and headings.
        meaning: a noun phrase that also states the direction and the unit.
        short: one word for a narrow place.
        variable: a variable's name for code samples.
        unit: unit of the values, "" if they have none.
        larger_is_nearer: True for disparities.
        is_metric: values are metres: stored by a fixed scale, shown in equal ratios.
    """

    name: str
    label: str
    meaning: str
    short: str
    variable: str
    unit: str = ""
    larger_is_nearer: bool = False
    is_metric: bool = False

    def shown_range(self, low: float, high: float) -> tuple[float, float]:
        """The nearest range that can be shown: not empty, and above zero where the scale is logarithmic.

        Raises:
            ValueError: an end is not finite.
        """
        low, high = float(low), float(high)
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError(f"the range {low}..{high} is not finite")
        if self.is_metric:
            high = max(high, 1e-3)
            low = max(low, high / 1000)
        if high <= low:
            low, high = (low / 1.5, low * 1.5) if self.is_metric else (low - 0.5, low + 0.5)
        return low, high

    def nearness(self, values: ArrayLike, low: float, high: float) -> NDArray[np.float32]:
        """How near each value is within the shown range: 1 at the near end, 0 at the far end, clipped; NaN stays.

        Metric depth is logarithmic, so that one step of colour is one ratio of distances; relative kinds are linear.

        Args:
            values: any shape, float, in `unit`; NaN where there is no depth.
            low, high: the range to show, in `unit`, low < high.
        Returns:
            float32 of the same shape.
        """
        low, high = self.shown_range(low, high)
        v = np.asarray(values, dtype=np.float64)  # float32 cannot tell the ends of a narrow range apart
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.is_metric:
                v = np.log(np.maximum(v, low))  # maximum() keeps NaN
                low, high = math.log(low), math.log(high)
            share = (v - low) / (high - low)
        return np.clip(share if self.larger_is_nearer else 1 - share, 0, 1).astype(np.float32)

    def histogram_range(self, edges: ArrayLike, counts: ArrayLike, tail: float = 0.005) -> tuple[float, float]:
        """The range to show for a whole dataset: all but `tail` of the pixels at each end.

        Args:
            edges: (n + 1,) float, rising.  counts: (n,) pixels.
        """
        edges = np.asarray(edges, dtype=np.float64)
        counts = np.asarray(counts, dtype=np.float64)
        if counts.sum() == 0:
            return self.shown_range(edges[0], edges[-1])
        share = np.cumsum(counts) / counts.sum()
        first = int(np.searchsorted(share, tail, side="right"))
        last = int(np.searchsorted(share, 1 - tail, side="left"))
        return self.shown_range(edges[min(first, len(counts) - 1)], edges[min(last + 1, len(counts))])

    def bars(
        self, edges: ArrayLike, counts: ArrayLike, low: float, high: float, num_bars: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A histogram's counts as bars of equal width on the shown scale.

        Args:
            edges: (n + 1,) float, rising.  counts: (n,) pixels.
            low, high: the range to show.
        Returns:
            shares: (num_bars,) share of all pixels.  middles: (num_bars,) the value in the middle of each bar.
        """
        e, c = np.asarray(edges, dtype=np.float64), np.asarray(counts, dtype=np.float64)
        # equal steps of metres would heap an outdoor scene up at the left edge
        at = np.geomspace(low, high, num_bars + 1) if self.is_metric else np.linspace(low, high, num_bars + 1)
        cumulative = np.concatenate([[0.0], np.cumsum(c)])
        shares = np.diff(np.interp(at, e, cumulative)) / max(c.sum(), 1)
        return shares, np.sqrt(at[:-1] * at[1:]) if self.is_metric else (at[:-1] + at[1:]) / 2

    def ticks(self, low: float, high: float) -> list[tuple[float, str]]:
        """Marks for a colour bar: (nearness 0..1, text), far end first.

        Metric: 1, 2, 5, 10, ... metres. Relative kinds have no unit: only the ends are named.
        """
        low, high = self.shown_range(low, high)
        if not self.is_metric:
            return [(0.0, "far"), (1.0, "near")]
        decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        for steps in ((1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)):
            inside = [m * 10.0**d for d in decades for m in steps if low * 0.999 <= m * 10.0**d <= high * 1.001]
            if len(inside) >= 4:
                break
        if len(inside) < 2:  # a range too narrow for two round numbers: name its ends
            inside = [low, high]
        inside.sort(reverse=True)
        return [(float(self.nearness(value, low, high)), f"{value:.3g} {self.unit}".strip()) for value in inside]


METRIC = DepthKind(
    name="metric",
    label="depth",
    meaning="depth in metres (larger is farther)",
    short="metres",
    variable="depth_m",
    unit="m",
    is_metric=True,
)
RELATIVE_DEPTH = DepthKind(
    name="relative_depth",
    label="relative depth",
    meaning="relative depth (larger is farther, no unit)",
    short="relative",
    variable="depth",
)
RELATIVE_DISPARITY = DepthKind(
    name="relative_disparity",
    label="relative disparity",
    meaning="relative disparity (larger is nearer, no unit)",
    short="disparity",
    variable="disparity",
    larger_is_nearer=True,
)
KINDS = {kind.name: kind for kind in (METRIC, RELATIVE_DEPTH, RELATIVE_DISPARITY)}


def depth_kind(name: str) -> DepthKind:
    """The kind of this name.

    Raises:
        DepthError: there is none.
    """
    if name not in KINDS:
        raise DepthError(f"depth kind is {name!r}; allowed: {', '.join(KINDS)}.")
    return KINDS[name]
