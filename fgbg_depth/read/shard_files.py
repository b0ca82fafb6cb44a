"""The shards of a dataset as one list of rows for each split."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from fgbg_depth.errors import UsageError
from fgbg_depth.manifest import Manifest
from fgbg_depth.schema import SPLITS, ShardName, slug


@dataclass(frozen=True)
class ShardFile:
    """One parquet file under data/.

    Args:
        path: inside the dataset.
        background: the background's name as `slug` shortens it.
        first_index: number, in its split, of the shard's first row.
    """

    path: str
    split: str
    background: str
    first_index: int
    num_rows: int


class ShardList:
    """All shards, sorted by path; rows of a split are numbered in this order.

    Attributes:
        num_rows: number of rows by split, in the order of `schema.SPLITS`; empty splits are left out.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.shards: list[ShardFile] = []
        self.num_rows: dict[str, int] = {}
        self._by_split: dict[str, list[ShardFile]] = {}
        counted = dict.fromkeys(SPLITS, 0)
        for path, entry in sorted(manifest.shards.items()):
            name = ShardName.parse(path)
            shard = ShardFile(path, name.split, name.background, counted.get(name.split, 0), entry.rows)
            counted[name.split] = shard.first_index + shard.num_rows
            self.shards.append(shard)
            self._by_split.setdefault(name.split, []).append(shard)
        self.num_rows = {split: rows for split, rows in counted.items() if rows}

    def find(self, split: str, index: int) -> ShardFile:
        """The shard that contains row `index` of a split.

        Raises:
            UsageError: no such split or row.
        """
        num_rows = self.num_rows.get(split)
        if num_rows is None:
            raise UsageError(f"There is no split {split!r}; the splits are {', '.join(self.num_rows)}.")
        if not 0 <= index < num_rows:
            raise UsageError(f"{split} has rows 0 to {num_rows - 1}, but row {index} was requested.")
        shards = self._by_split[split]
        return shards[bisect_right(shards, index, key=lambda shard: shard.first_index) - 1]

    def matching(self, split: str | None, background: str | None) -> list[ShardFile]:
        """Shards of a split (None: any) whose background may be `background` (None: any): names are shortened."""
        shards = self.shards if split is None else self._by_split.get(split, [])
        if background is None:
            return shards
        return [shard for shard in shards if shard.background == slug(background)]
