"""What the values of a depth map mean. Every decision that depends on the kind of depth is made here.

Nothing outside this module compares the names of kinds: callers look a kind up with `depth_kind(name)` and ask it.
Imports no torch and no transformers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fgbg_depth.errors import DepthError

_ROUND_STEPS = ((1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9))


@dataclass(frozen=True)
class DepthKind:
    """One kind of depth: its words, its direction, its unit, and the scale on which it is shown.

    Args:
        name: the name in recipes, statistics and parquet footers.
        label: a noun phrase without the unit, such as "relative depth".
        short: one word for a narrow place.
        variable: a variable name for code samples.
        unit: symbol of the unit, "" if the values have none.
        unit_name: plural name of the unit, "" if the values have none.
        larger_is_nearer: True for disparities, False for depths.
        is_metric: the values are metres. They are stored with a fixed scale and shown on a logarithmic axis.
        distances_note: what `distances` does to the values, as a sentence for readers.
    """

    name: str
    label: str
    short: str
    variable: str
    unit: str = ""
    unit_name: str = ""
    larger_is_nearer: bool = False
    is_metric: bool = False
    distances_note: str = ""

    @property
    def title(self) -> str:
        """A noun phrase with the unit, for headings and axes: "depth in metres", "relative depth"."""
        return f"{self.label} in {self.unit_name}" if self.unit_name else self.label

    @property
    def description(self) -> str:
        """A noun phrase with direction and unit: "relative disparity (larger is nearer, no unit)"."""
        direction = "larger is nearer" if self.larger_is_nearer else "larger is farther"
        return f"{self.title} ({direction})" if self.unit else f"{self.title} ({direction}, no unit)"

    @property
    def quantity(self) -> str:
        """What one number of the map is: "metres", or the label where there is no unit."""
        return self.unit_name or self.label

    @property
    def ends(self) -> tuple[str, str]:
        """Words for the smallest and the largest value: ("near", "far"), or ("far", "near") for disparities."""
        return ("far", "near") if self.larger_is_nearer else ("near", "far")

    @property
    def extremes(self) -> tuple[str, str]:
        """Superlatives for the minimum and the maximum: ("nearest", "farthest"), reversed for disparities."""
        return ("farthest", "nearest") if self.larger_is_nearer else ("nearest", "farthest")

    def format_value(self, value: float) -> str:
        """One value as text: "2.35 m" with a unit, else three decimals."""
        return f"{value:.2f} {self.unit}" if self.unit else f"{value:.3f}"

    def shown_range(self, low: float, high: float) -> tuple[float, float]:
        """The nearest range that can be shown: not empty, and above zero where the axis is logarithmic.

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

    def position(self, values: ArrayLike, low: float, high: float) -> NDArray[np.float64]:
        """Where each value lies on the shown axis: 0 at `low`, 1 at `high`, clipped; NaN stays NaN.

        The axis of metric depth is logarithmic, so that equal steps are equal ratios of distances. The axes of
        relative kinds are linear.

        Args:
            values: any shape, float, in `unit`; NaN where there is no depth.
            low, high: the range to show, in `unit`.
        Returns:
            float64 of the same shape.
        """
        low, high = self.shown_range(low, high)
        v = np.asarray(values, dtype=np.float64)  # float32 cannot separate the ends of a narrow range
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.is_metric:
                v = np.log(np.maximum(v, low))  # maximum() keeps NaN
                low, high = math.log(low), math.log(high)
            return np.asarray(np.clip((v - low) / (high - low), 0, 1))

    def nearness(self, values: ArrayLike, low: float, high: float) -> NDArray[np.float32]:
        """How near each value is within the shown range: 1 at the near end, 0 at the far end; NaN stays NaN.

        Args, scale and clipping as in `position`.

        Returns:
            float32 of the same shape.
        """
        position = self.position(values, low, high)
        return (position if self.larger_is_nearer else 1 - position).astype(np.float32)

    def distances(self, values: NDArray[np.floating], low: float, high: float) -> NDArray[np.float32]:
        """How far from the camera each pixel is drawn in three dimensions.

        Metres are used as they are. Relative kinds have no unit: the near end of `low..high` is drawn at distance 1
        and the far end at 4, relative depth linearly, relative disparity by its inverse: with t = 0 at `low` and 1
        at `high`, 1 / (1/4 + 3/4 t).

        Args:
            values: any shape, float, in `unit`; NaN where there is no depth.
            low, high: the values of the depth spec's range, in `unit`, low < high.
        Returns:
            float32 of the same shape: metres, or 1..4; NaN stays NaN.
        """
        v = np.asarray(values, dtype=np.float32)
        if self.is_metric:
            return v
        t = ((v - low) / (high - low)).clip(0, 1)
        return np.asarray(1 / (0.25 + 0.75 * t) if self.larger_is_nearer else 1 + 3 * t, dtype=np.float32)

    def from_distances(self, distances: NDArray[np.floating], low: float, high: float) -> NDArray[np.float32]:
        """The values at some distances; the inverse of `distances`.

        Args:
            distances: any shape, float: metres, or 1..4 for relative kinds; NaN where there is none. What is nearer
                than 1 or farther than 4 gets a value beyond `low..high`.
            low, high: as for `distances`.
        Returns:
            float32 of the same shape.
        """
        d = np.asarray(distances, dtype=np.float32)
        if self.is_metric:
            return d
        t = (1 / d - 0.25) / 0.75 if self.larger_is_nearer else (d - 1) / 3
        return np.asarray(low + (high - low) * t, dtype=np.float32)

    def nearer_of(self, a: ArrayLike, b: ArrayLike) -> NDArray[Any]:
        """The nearer of two values, element by element, in the inputs' type: the smaller depth, or larger disparity."""
        return np.asarray(np.maximum(a, b) if self.larger_is_nearer else np.minimum(a, b))

    def histogram_range(self, edges: ArrayLike, counts: ArrayLike, tail: float = 0.005) -> tuple[float, float]:
        """The range to show for a whole dataset: all but `tail` of the pixels at each end.

        Args:
            edges: (n + 1,) float, rising.  counts: (n,) pixels.
            tail: share of the pixels left out at each end; 0 gives the range that holds all pixels.
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
        """A histogram's counts as bars of equal width on the shown axis (see `position`).

        Args:
            edges: (n + 1,) float, rising.  counts: (n,) pixels.
            low, high: the range to show, in `unit`; usable as `shown_range` returns it.
        Returns:
            shares: (num_bars,) share of all pixels.  middles: (num_bars,) the value in the middle of each bar.
        """
        e, c = np.asarray(edges, dtype=np.float64), np.asarray(counts, dtype=np.float64)
        bounds = self.bar_edges(low, high, num_bars)
        cumulative = np.concatenate([[0.0], np.cumsum(c)])
        shares = np.diff(np.interp(bounds, e, cumulative)) / max(c.sum(), 1)
        return shares, np.sqrt(bounds[:-1] * bounds[1:]) if self.is_metric else (bounds[:-1] + bounds[1:]) / 2

    def bar_edges(self, low: float, high: float, num_bars: int) -> NDArray[np.float64]:
        """(num_bars + 1,) the ends of bars of equal width on the shown axis, in `unit`, increasing."""
        # bars of equal metres would pile an outdoor scene up at the left edge
        return np.geomspace(low, high, num_bars + 1) if self.is_metric else np.linspace(low, high, num_bars + 1)

    def axis_ticks(self, low: float, high: float) -> list[tuple[float, str]]:
        """Marks for an axis of values: (position 0..1, text), rising; round numbers within the range."""
        low, high = self.shown_range(low, high)
        if self.is_metric:
            texts = {value: f"{value:.3g} {self.unit}" for value in _round_metres(low, high)}
        else:
            texts = {value: f"{value:.6g}" for value in _round_values(low, high)}
        return [(float(self.position(value, low, high)), text) for value, text in texts.items()]

    def ticks(self, low: float, high: float) -> list[tuple[float, str]]:
        """Marks for a colour bar: (nearness 0..1, text), far end first.

        Metric depth: 1, 2, 5, 10, ... metres. Relative kinds have no unit: only the ends are marked.
        """
        if not self.is_metric:
            return [(0.0, "far"), (1.0, "near")]
        return [(1 - position, text) for position, text in reversed(self.axis_ticks(low, high))]


def _round_metres(low: float, high: float) -> list[float]:
    """At least two values within `low..high` for a logarithmic axis: 1, 2, 5, 10, ..., or finer where few fit."""
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    values: list[float] = []
    for steps in _ROUND_STEPS:
        values = sorted(m * 10.0**d for d in decades for m in steps if low * 0.999 <= m * 10.0**d <= high * 1.001)
        if len(values) >= 4:
            break
    return values if len(values) >= 2 else [low, high]  # a range too narrow for two round numbers


def _round_values(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within `low..high`, two to six of them."""
    smallest = (high - low) / 5
    base = 10.0 ** math.floor(math.log10(smallest))
    step = next(m * base for m in (1, 2, 5, 10) if m * base >= smallest * 0.999)
    return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


METRIC = DepthKind(
    name="metric",
    label="depth",
    short="metres",
    variable="depth_m",
    unit="m",
    unit_name="metres",
    is_metric=True,
    distances_note="Distances are the stored metres.",
)
RELATIVE_DEPTH = DepthKind(
    name="relative_depth",
    label="relative depth",
    short="relative",
    variable="depth",
    distances_note=(
        "This depth has no unit: the nearest value is drawn at distance 1 and the farthest at 4, "
        "so the order is right and the proportions are not."
    ),
)
RELATIVE_DISPARITY = DepthKind(
    name="relative_disparity",
    label="relative disparity",
    short="disparity",
    variable="disparity",
    larger_is_nearer=True,
    distances_note=RELATIVE_DEPTH.distances_note.replace("depth", "disparity"),
)
KINDS = {kind.name: kind for kind in (METRIC, RELATIVE_DEPTH, RELATIVE_DISPARITY)}


def depth_kind(name: str) -> DepthKind:
    """The kind with this name.

    Raises:
        DepthError: no kind has this name.
    """
    if name not in KINDS:
        raise DepthError(f"depth kind is {name!r}; allowed: {', '.join(KINDS)}.")
    return KINDS[name]
