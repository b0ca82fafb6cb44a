"""The rows that match a filter in one order: shuffled by a seed, as stored, or sorted by a column."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SHUFFLED, STORED = "", "stored"
Place = tuple[int, int]  # position of the shard in the list of shards, row in the shard


@dataclass(frozen=True)
class Sort:
    """An order of rows.

    Args:
        column: a column of numbers; `STORED` for the order in which rows are stored, `SHUFFLED` for a random order.
        descending: the largest value first. Rows without a value (NaN) come last in both directions.
        seed: of the random order.
    """

    column: str = SHUFFLED
    descending: bool = False
    seed: int = 0

    @classmethod
    def parse(cls, text: str, seed: int = 0) -> Sort:
        """ "" (shuffled), "stored", "nearer" (smallest first) or "-nearer" (largest first)."""
        return cls(text.removeprefix("-"), text.startswith("-"), seed)

    @property
    def needs_values(self) -> bool:
        """Whether the order depends on the rows' values."""
        return self.column not in (SHUFFLED, STORED)


class RowOrder(Protocol):
    """Rows in an order."""

    count: int | None  # None: not known without reading more of a dataset behind a network

    def rows(self, first: int, num: int) -> list[Place]:
        """Rows `first` to `first + num - 1` of the order; fewer at its end."""

    def position(self, place: Place) -> int | None:
        """Where in the order a row is; None: it is not among the rows."""


class KnownOrder:
    """All rows of an order, as one number for each row: 4 bytes.

    Args:
        starts: (shards,) number of all rows before each shard.
        numbers: (rows,) numbers of the rows over all shards, in order.
    """

    def __init__(self, starts: NDArray[np.int64], numbers: NDArray[np.int32]) -> None:
        self._starts, self._numbers = starts, numbers
        self.count: int | None = len(numbers)

    def rows(self, first: int, num: int) -> list[Place]:
        numbers = self._numbers[first : first + num]
        shards = np.searchsorted(self._starts, numbers, side="right") - 1
        return [(int(shard), int(n - self._starts[shard])) for shard, n in zip(shards, numbers, strict=True)]

    def position(self, place: Place) -> int | None:
        found = np.flatnonzero(self._numbers == self._starts[place[0]] + place[1])
        return int(found[0]) if found.size else None


class GrowingOrder:
    """An order whose rows are found one after the other, for datasets behind a network.

    Args:
        found: the rows in order; as few as possible are taken from it.
        count: how many there are, if that is known.
    """

    def __init__(self, found: Iterator[Place], count: int | None) -> None:
        self._found, self._rows, self._lock = found, list[Place](), threading.Lock()
        self.count = count

    def rows(self, first: int, num: int) -> list[Place]:
        with self._lock:
            self._extend(first + num)
            return self._rows[first : first + num]

    def position(self, place: Place) -> int | None:
        with self._lock:
            step = 1000
            while place not in self._rows[-step:]:
                if not self._extend(len(self._rows) + step):
                    break
            return self._rows.index(place) if place in self._rows else None

    def _extend(self, num: int) -> int:
        """Find rows until there are `num`; how many were found."""
        more = list(islice(self._found, max(0, num - len(self._rows))))
        self._rows += more
        if len(self._rows) < num:
            self.count = len(self._rows)
        return len(more)


def shuffled(starts: NDArray[np.int64], matches: list[NDArray[np.int32]], seed: int) -> KnownOrder:
    """All matching rows in a random order that depends on the seed."""
    numbers = _numbers(starts, matches)
    return KnownOrder(starts, numbers[np.random.Generator(np.random.Philox(seed)).permutation(len(numbers))])


def stored(starts: NDArray[np.int64], matches: list[NDArray[np.int32]]) -> KnownOrder:
    """All matching rows, shard by shard."""
    return KnownOrder(starts, _numbers(starts, matches))


def by_value(
    starts: NDArray[np.int64], matches: list[NDArray[np.int32]], values: list[NDArray[np.float64]], descending: bool
) -> KnownOrder:
    """All matching rows sorted by a value; equal values in stored order.

    Args:
        values: for each shard the values of its matching rows; NaN: no value.
    """
    keys = np.concatenate([*values, np.zeros(0)])
    return KnownOrder(starts, _numbers(starts, matches)[np.argsort(-keys if descending else keys, kind="stable")])


def _numbers(starts: NDArray[np.int64], matches: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    parts = [(start + rows).astype(np.int32) for start, rows in zip(starts, matches, strict=True)]
    return np.concatenate([*parts, np.zeros(0, np.int32)])
