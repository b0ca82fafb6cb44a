"""Choose rows that are spread evenly over splits, backgrounds and cut-outs."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence

from fgbg_depth import schema
from fgbg_depth.scene.layers import stored_index
from fgbg_depth.schema import ShardName

# The fractional parts of its multiples are spread evenly over 0 to 1, however many there are.
# Source: Knuth 1998, "The Art of Computer Programming" vol. 3, section 6.4 (Fibonacci hashing).
GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


def choose_rows(shards: Mapping[str, int], num_rows: int, rows_per_cutout: int = 1) -> list[tuple[str, int]]:
    """Rows spread over splits, backgrounds and cut-outs. Equal shards give equal rows.

    Each split gets the same number of rows (large splits also what small ones cannot give), and each background of a
    split nearly the same number; rows inside shards are spread over cut-outs, mirroring and placements.

    Args:
        shards: number of rows by path.
        num_rows: fewer are returned if the shards have fewer.
        rows_per_cutout: of the recipe (`Recipe.rows_per_pair`); stored rows of a cut-out do not follow each other.
    Returns:
        (path, row in the shard) pairs, all different; the splits alternate.
    """
    by_split: dict[str, list[str]] = {split: [] for split in schema.SPLITS}
    for path in sorted(shards):
        if shards[path] > 0:
            by_split.setdefault(ShardName.parse(path).split, []).append(path)
    by_split = {split: paths for split, paths in by_split.items() if paths}
    available = {split: sum(shards[path] for path in paths) for split, paths in by_split.items()}
    counts = dict.fromkeys(by_split, 0)
    missing = min(num_rows, sum(available.values()))
    while missing:  # equal shares, repeated while some split has rows left
        not_empty = [split for split in counts if counts[split] < available[split]]
        share = max(1, missing // len(not_empty))
        for split in not_empty:
            added = min(share, available[split] - counts[split], missing)
            counts[split] += added
            missing -= added
    chosen = {split: _choose_in_split(paths, shards, counts[split]) for split, paths in by_split.items()}
    position = {split: i for i, split in enumerate(chosen)}
    in_turn = sorted((i, position[split], row) for split, rows in chosen.items() for i, row in enumerate(rows))
    return [(path, stored_index(row, shards[path], rows_per_cutout)) for _, _, (path, row) in in_turn]


def _choose_in_split(paths: Sequence[str], shards: Mapping[str, int], count: int) -> list[tuple[str, int]]:
    """`count` rows of one split: its shards in turn, at multiples of the golden ratio inside each."""
    used: dict[str, set[int]] = {path: set() for path in paths}
    chosen: list[tuple[str, int]] = []
    step = 0
    while len(chosen) < count:
        index = (2 * step + 1) * len(paths) // (2 * count) if count < len(paths) else step
        path = paths[index % len(paths)]
        num_rows = shards[path]
        if len(used[path]) < num_rows:
            row = int(math.fmod((step + 0.5) * GOLDEN_RATIO, 1.0) * num_rows)
            while row in used[path]:
                row = (row + 1) % num_rows
            used[path].add(row)
            chosen.append((path, row))
        step += 1
    return chosen


def choose_steady_rows(
    shards: Mapping[str, int], num_rows: int, per_shard: int = 4, rows_per_cutout: int = 1
) -> list[tuple[str, int]]:
    """Rows spread over splits, backgrounds and cut-outs, of which few change when a background is added.

    Each split has an equal share of the rows. In a split each shard gives the same number of rows, a power of two; in
    splits with more shards than rows, those shards give a row whose background's name has the smallest hash. So which
    rows a shard gives depends on the other shards only where their number passes a power of two times its share.

    Args:
        shards: number of rows by path.
        num_rows: at most; where shards have enough rows, at least half as many, or `per_shard` rows a shard.
        per_shard: rows that a shard gives at most.
        rows_per_cutout: as for `choose_rows`.
    Returns:
        (path, row in the shard) pairs, all different, by shard.
    """
    by_split: dict[str, list[str]] = {}
    for path in sorted(shards):
        if shards[path] > 0:
            by_split.setdefault(ShardName.parse(path).split, []).append(path)
    chosen: list[tuple[str, int]] = []
    for split in [split for split in schema.SPLITS if split in by_split]:
        share = max(1, num_rows // len(by_split))
        rate = 2.0 ** math.floor(math.log2(min(per_shard, share / len(by_split[split]))))
        shares = {path: _share_of(ShardName.parse(path).background) for path in by_split[split]}
        giving = [path for path in by_split[split] if shares[path] < rate] or [min(shares, key=lambda p: shares[p])]
        for path in giving[:share]:
            rows = _golden_rows(shards[path], max(1, int(rate)), shares[path])
            chosen += [(path, stored_index(row, shards[path], rows_per_cutout)) for row in rows]
    return chosen


def _share_of(name: str) -> float:
    """A number from 0 to 1 that depends on the name alone, and is spread evenly over many names."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32


def _golden_rows(num_rows: int, count: int, start: float) -> list[int]:
    """At most `count` different rows of a shard, at multiples of the golden ratio."""
    rows: dict[int, None] = {}
    for step in range(4 * count):
        rows[int(math.fmod(start + step * GOLDEN_RATIO, 1.0) * num_rows)] = None
    return sorted(list(rows)[:count])


def most_varied(pairs: Sequence[tuple[str, str]], count: int) -> list[int]:
    """Positions of `count` (background, cut-out) pairs in which names repeat as little as possible.

    Chosen one after the other, each with the fewest names that were chosen before; the first of equals wins.
    """
    seen: Counter[tuple[str, str]] = Counter()
    remaining = list(range(len(pairs)))
    chosen: list[int] = []
    while remaining and len(chosen) < count:
        best = min(remaining, key=lambda i: (seen["bg", pairs[i][0]] + seen["fg", pairs[i][1]], i))
        remaining.remove(best)
        chosen.append(best)
        seen.update([("bg", pairs[best][0]), ("fg", pairs[best][1])])
    return chosen
