"""What a build tells people, line by line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

Log = Callable[[str], None]  # called with one line


def log_to_stderr(text: str) -> None:
    """Print a line on stderr; stdout is for results."""
    print(text, file=sys.stderr, flush=True)


def count(number: int, noun: str) -> str:
    """`1 shard`, `2 shards`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def nothing_to_do(num_shards: int) -> str:
    exist = "the only shard exists" if num_shards == 1 else f"all {num_shards:,} shards exist"
    return f"Nothing to do: {exist}."


def damaged(path: str, reason: str) -> str:
    return f"damaged: {path} ({reason}); its rows are built again."


def reused(num_shards: int, num_missing: int) -> str:
    """Said before the missing shards of a build are built."""
    finished = f"Reused {count(num_shards - num_missing, 'finished shard')}"
    return f"{finished}; building {num_missing:,}." if num_missing else f"{finished}; writing statistics and card."


def corrected(what: str, names: Sequence[str], number: int, noun: str) -> str:
    """`Cut a frame away from 2 of 50 backgrounds: a, b.`"""
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
    return f"{what} {len(names):,} of {count(number, noun)}{': ' + shown if names else ''}."


def slice_started(slice_of: tuple[int, int], num_shards: int, num_missing: int) -> str:
    """Said before the missing shards of a slice (index from 1, number of slices) are built."""
    index, num_slices = slice_of
    reused = f"reused {num_shards - num_missing:,}, " if num_missing < num_shards else ""
    return f"Slice {index} of {num_slices} has {count(num_shards, 'shard')}: {reused}building {num_missing:,}."


def built(num_shards: int, num_built: int, num_relabelled: int) -> str:
    """Said at the end of a build or a slice that built shards."""
    relabelled = f", {num_relabelled:,} of them with reused composites" if num_relabelled else ""
    return f"Built {num_built:,} of {count(num_shards, 'shard')}{relabelled}."
