"""Rows that share a source with a row: its background with other cut-outs, and its cut-out on other backgrounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.read.filters import ShardFacts
from fgbg_depth.read.reader import DatasetReader, ShardFile, StoredRow


def same_background(browser: DatasetReader, row: StoredRow, num: int) -> list[StoredRow]:
    """Rows on the background of `row`, each with another cut-out; the cut-outs follow in the order of their names."""
    found: dict[str, tuple[ShardFile, int]] = {}
    for shard in browser.shards_of(row.facts["bg"]):
        facts = browser.facts_of(shard)
        ranked = _ranked(facts, row, np.arange(shard.num_rows))
        names, first = np.unique(facts.columns["fg"][ranked], return_index=True)
        for name, position in zip(names.tolist(), first.tolist(), strict=True):
            found.setdefault(facts.texts["fg"][name], (shard, int(ranked[position])))
    own = row.facts["fg"]
    names_after = sorted(found, key=lambda name: (name <= own, name))
    return [_row(browser, *found[name]) for name in names_after if name != own][:num]


def same_cutout(browser: DatasetReader, row: StoredRow, num: int) -> list[StoredRow]:
    """Rows of the same split with the cut-out of `row`, each on another background. At most `num` shards are read."""
    shards = [shard for shard in browser.shards if shard.split == row.split]
    own = next((i for i, shard in enumerate(shards) if shard.path == row.shard), 0)
    found: dict[str, StoredRow] = {}
    for shard in [*shards[own + 1 :], *shards[:own]][:num]:
        facts = browser.facts_of(shard)
        if row.facts["fg"] not in facts.texts["fg"]:
            continue
        chosen = np.flatnonzero(facts.columns["fg"] == facts.texts["fg"].index(row.facts["fg"]))
        other = _row(browser, shard, int(_ranked(facts, row, chosen)[0]))
        if other.facts["bg"] != row.facts["bg"]:
            found.setdefault(other.facts["bg"], other)
    return list(found.values())


def _ranked(facts: ShardFacts, row: StoredRow, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """These rows of a shard; those that are mirrored and placed as `row` come first."""
    differs = 2 * (facts.columns["flip"][chosen] != row.facts["flip"])
    differs = differs + (facts.columns["placement"][chosen] != row.facts["placement"])
    return chosen[np.argsort(differs, kind="stable")]


def _row(browser: DatasetReader, shard: ShardFile, row: int) -> StoredRow:
    return browser.row(shard.split, shard.first_index + row, ())
