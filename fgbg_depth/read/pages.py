"""Which rows a page of a gallery shows: shuffled by a seed, without a row on two pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.storage.parquet import ROW_GROUP

Matches = Callable[[int], NDArray[np.int32]]  # position of a shard -> numbers of its matching rows
SHARDS_AT_ONCE = 8
NEIGHBOURS = 3  # rows of one row group that are shown together, since they cost one download


def page_of_all(matches: Matches, num_shards: int, seed: int, first: int, num: int) -> list[tuple[int, int]]:
    """Part of a shuffle of all matching rows, for datasets on disk: it looks at every shard.

    Args:
        first, num: which rows of the shuffle to return.
    Returns:
        (position of the shard, row in the shard) pairs.
    """
    found = [matches(i) for i in range(num_shards)]
    ends = np.cumsum([len(rows) for rows in found])
    total = int(ends[-1]) if num_shards else 0
    order = np.random.Generator(np.random.Philox(seed)).permutation(total)[first : first + num]
    shards = np.searchsorted(ends, order, side="right")
    return [(int(s), int(found[s][i - (ends[s - 1] if s else 0)])) for s, i in zip(shards, order.tolist(), strict=True)]


def page_of_some(matches: Matches, num_shards: int, seed: int, first: int, num: int) -> list[tuple[int, int]]:
    """Like `page_of_all`, for datasets behind a network: it stops looking at shards when the page is full.

    There, the columns of each shard cost requests, and each row group is a download. So shards are visited in
    shuffled order, `SHARDS_AT_ONCE` at a time, and each gives `NEIGHBOURS` rows of one row group in turn.
    """
    return list(islice(shuffled_rows(matches, num_shards, seed), first, first + num))


def shuffled_rows(matches: Matches, num_shards: int, seed: int) -> Iterator[tuple[int, int]]:
    """All matching rows in the order of `page_of_some`, as (position of the shard, row in the shard) pairs."""
    rng = np.random.Generator(np.random.Philox(seed))
    order = rng.permutation(num_shards).tolist()
    for start in range(0, num_shards, SHARDS_AT_ONCE):
        waiting = [(shard, _clustered(matches(shard), rng)) for shard in order[start : start + SHARDS_AT_ONCE]]
        while waiting:
            for shard, rows in waiting:
                yield from ((shard, row) for row in rows[:NEIGHBOURS])
                del rows[:NEIGHBOURS]
            waiting = [(shard, rows) for shard, rows in waiting if rows]


def _clustered(rows: NDArray[np.int32], rng: np.random.Generator) -> list[int]:
    """Rows shuffled in such a way that `NEIGHBOURS` rows of one row group follow each other."""
    groups: dict[int, list[int]] = {}
    for row in rng.permutation(rows).tolist():
        groups.setdefault(row // ROW_GROUP, []).append(row)
    waiting = list(groups.values())
    clustered: list[int] = []
    while waiting:
        for group in waiting:
            clustered += group[:NEIGHBOURS]
            del group[:NEIGHBOURS]
        waiting = [group for group in waiting if group]
    return clustered
