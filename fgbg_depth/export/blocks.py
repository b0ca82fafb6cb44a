"""Blocks of rows, the units of work of an export, and the pieces of row groups that they consist of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.read.shard_files import ShardFile
from fgbg_depth.storage.parquet import ROW_GROUP


@dataclass(frozen=True)
class Piece:
    """Rows of one row group of one shard.

    Args:
        rows: (n,) int32, increasing: numbers of rows in the shard.
    """

    shard: ShardFile
    rows: NDArray[np.int32]


@dataclass(frozen=True)
class Block:
    """The unit of work of an export: up to 1,000 rows of one split.

    Args:
        number: counted from 0 in its split.
        is_mixed: rows of different shards alternate; else they follow each other.
    """

    split: str
    number: int
    pieces: tuple[Piece, ...]
    is_mixed: bool = False

    @property
    def name(self) -> str:
        """Split and number, such as "train-000003"."""
        return f"{self.split}-{self.number:06d}"

    @property
    def num_rows(self) -> int:
        return sum(len(piece.rows) for piece in self.pieces)


def pieces_of(shard: ShardFile, rows: NDArray[np.int32]) -> list[Piece]:
    """The rows of a shard, divided by row group: one is read as a whole, so it is used as a whole."""
    borders = np.flatnonzero(np.diff(rows // ROW_GROUP)) + 1
    return [Piece(shard, part) for part in np.split(rows, borders)]


def filled(pieces: Sequence[Piece], num_rows: int) -> Iterator[list[Piece]]:
    """Pieces in groups of `num_rows` rows; the last group may have fewer. Pieces at a border are divided."""
    group: list[Piece] = []
    free = num_rows
    for piece in pieces:
        rows = piece.rows
        while len(rows):
            group.append(Piece(piece.shard, rows[:free]))
            rows, free = rows[free:], free - len(group[-1].rows)
            if not free:
                yield group
                group, free = [], num_rows
    if group:
        yield group


def mixed(pieces: Sequence[Piece], num_rows: int, at_once: int) -> Iterator[list[Piece]]:
    """Pieces in groups of about `num_rows` rows, each with rows of up to `at_once` pieces drawn from all of them.

    The pieces of a group are divided among as many groups as they fill, so that each is read for groups that follow
    each other. The order is the same in every run.
    """
    order = np.random.Generator(np.random.Philox(0)).permutation(len(pieces))
    for positions in np.array_split(order, -(-len(pieces) // at_once)):
        drawn = [pieces[position] for position in positions.tolist()]
        num_groups = -(-sum(len(piece.rows) for piece in drawn) // num_rows)
        for n in range(num_groups):
            parts = [Piece(piece.shard, piece.rows[n::num_groups]) for piece in drawn]
            yield [part for part in parts if len(part.rows)]


def rows_of_mixed_blocks(num_rows: int) -> int:
    """Rows of a mixed block: of a small split few enough for about 16 files.

    Each worker of a loader reads files of its own, so a split in one file would leave the others without rows.
    """
    return -(-num_rows // (16 * ROW_GROUP)) * ROW_GROUP
