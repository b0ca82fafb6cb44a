"""Which backgrounds and which cut-outs are held out of training, and a warning if that gives poor splits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from fgbg_depth.rng import keyed_digest

_LEAST_TRAIN = 2 / 3  # share of the rows; less is reported, unless the recipe asks for it


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


def split_warnings(
    num_backgrounds: int, held_backgrounds: int, num_cutouts: int, held_cutouts: int, holdout: float
) -> list[str]:
    """A warning with the real numbers, if train loses more rows than `holdout` asks for or a test has one source.

    With few sources the numbers are far from `holdout`: of three cut-outs one is held out, which is 33 %.

    Args:
        num_backgrounds, num_cutouts: all sources.
        held_backgrounds, held_cutouts: those that are held out of train.
        holdout: the fraction in the recipe. With 0 there is one split and no warning.
    Returns:
        one warning or none.
    """
    if not holdout:
        return []
    counts = (("background", num_backgrounds, held_backgrounds), ("cut-out", num_cutouts, held_cutouts))
    train = math.prod(1 - held / num for _, num, held in counts)
    problems = []
    if train < _LEAST_TRAIN and train < (1 - holdout) ** 2 - 0.05:
        wish = _percent((1 - holdout) ** 2)
        problems.append(f"train has only {_percent(train)} of the rows (holdout {holdout:g} asks for {wish})")
    if one := [noun for noun, _, held in counts if held == 1]:
        problems.append(f"a test with a single {' or '.join(one)} says little")
    if none := [noun for noun, _, held in counts if held == 0]:
        problems.append(f"there is no test on an unseen {' or '.join(none)}")
    if not problems:
        return []
    shares = " and ".join(f"{held} of {num} {noun}s ({_percent(held / num)})" for noun, num, held in counts)
    return [f"held out of train: {shares}; {'; '.join(problems)}. Use more sources, or --holdout 0 for one split"]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
