"""Which rows a page shows: seeded, without repeats from page to page, reading no more than it must."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Matches = Callable[[int], NDArray[np.int32]]  # shard's position -> its matching rows
GROUP_ROWS = 100  # rows that are fetched together from the Hub
SHARDS_AT_ONCE = 8


def page_of_all(matches: Matches, num_shards: int, seed: int, first: int, num: int) -> list[tuple[int, int]]:
    """(shard, row) pairs `first` ... of a seeded shuffle over all matching rows. Looks at every shard."""
    found = [matches(i) for i in range(num_shards)]
    ends = np.cumsum([len(rows) for rows in found])
    total = int(ends[-1]) if num_shards else 0
    order = np.random.Generator(np.random.Philox(seed)).permutation(total)[first : first + num]
    shards = np.searchsorted(ends, order, side="right")
    return [(int(s), int(found[s][i - (ends[s - 1] if s else 0)])) for s, i in zip(shards, order.tolist(), strict=True)]


def page_of_some(matches: Matches, num_shards: int, seed: int, first: int, num: int) -> list[tuple[int, int]]:
    """Like `page_of_all`, but stops looking as soon as the page is full, and takes neighbours together.

    For the Hub, where each shard's small columns cost requests and each row group is a download: shards come in a
    seeded order, eight at a time, and give three rows of one row group in turn.
    """
    taken: list[tuple[int, int]] = []
    for pair in _walk(matches, num_shards, seed):
        taken.append(pair)
        if len(taken) >= first + num:
            break
    return taken[first:]


def _walk(matches: Matches, num_shards: int, seed: int) -> Iterator[tuple[int, int]]:
    rng = np.random.Generator(np.random.Philox(seed))
    order = rng.permutation(num_shards).tolist()
    for at in range(0, num_shards, SHARDS_AT_ONCE):
        lanes = [(shard, _clustered(matches(shard), rng)) for shard in order[at : at + SHARDS_AT_ONCE]]
        while lanes:
            for shard, rows in lanes:
                yield from ((shard, row) for row in rows[:3])
                del rows[:3]
            lanes = [lane for lane in lanes if lane[1]]


def _clustered(rows: NDArray[np.int32], rng: np.random.Generator) -> list[int]:
    """Rows shuffled so that threes of one row group stay together."""
    shuffled = rng.permutation(rows)
    groups: dict[int, list[int]] = {}
    for row in shuffled.tolist():
        groups.setdefault(row // GROUP_ROWS, []).append(row)
    waiting: Sequence[list[int]] = list(groups.values())
    out: list[int] = []
    while waiting:
        for group in waiting:
            out += group[:3]
            del group[:3]
        waiting = [group for group in waiting if group]
    return out
