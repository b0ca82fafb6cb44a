"""Which backgrounds and which cut-outs are held out of training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fgbg_depth.rng import keyed_digest


def hold_out(
    digests: Sequence[str], groups: Iterable[Sequence[int]], fraction: float, seed: int, kind: str
) -> set[int]:
    """Choose the sources that are held out: the lowest ones by a keyed hash of their content.

    One more source moves at most one or two others between the splits, since each hash stays what it is.

    Args:
        digests: of the original files.
        groups: positions of sources that look alike; each position is in exactly one group. A group is held out as
            a whole, or a copy of a training picture would be in the tests. A group is not held out if more than
            half of all sources would be.
        fraction: of the sources to hold out, 0..1. If it is above 0, at least one of two or more groups is held out.
        seed, kind: key the hash; kind is "bg" or "fg".
    Returns:
        positions in `digests`.
    """
    ranked = sorted(groups, key=lambda group: min(keyed_digest(seed, "holdout", kind, digests[i]) for i in group))
    count = max(1, int(len(digests) * fraction + 0.5)) if fraction > 0 and len(ranked) > 1 else 0
    held_out: set[int] = set()
    for group in ranked:
        if len(held_out) < count and len(held_out) + len(group) <= max(count, len(digests) // 2):
            held_out.update(group)
    return held_out
