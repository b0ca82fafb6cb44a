"""Some rows out of finished shards, to look at: which ones, and how they are read without reading all the rest."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fgbg_depth import schema
from fgbg_depth.manifest import Manifest
from fgbg_depth.render.codecs import decode_grey, decode_rgb, decode_rgba
from fgbg_depth.schema import ShardName
from fgbg_depth.storage.files import Storage

if TYPE_CHECKING:
    from fgbg_depth.depth.spec import DepthSpec

Row = dict[str, Any]

_GOLDEN = (math.sqrt(5) - 1) / 2  # multiples of it fall evenly over 0..1, however many there are


def choose_rows(shards: Mapping[str, int], num_rows: int) -> list[tuple[str, int]]:
    """Rows spread over splits, backgrounds and cut-outs; the same for the same shards.

    Each split gets an equal part (large ones also what small ones leave over), each background of a split nearly
    the same number of rows, and rows within shards fall evenly over cut-outs, mirroring and placements.

    Args:
        shards: {shard's file name: rows}.
    Returns:
        (file name, row index) pairs, all different, splits alternating.
    """
    by_split: dict[str, list[str]] = {split: [] for split in schema.SPLITS}
    for name in sorted(shards):
        if shards[name] > 0:
            by_split.setdefault(_split_of(name), []).append(name)
    by_split = {split: names for split, names in by_split.items() if names}
    room = {split: sum(shards[n] for n in names) for split, names in by_split.items()}
    wanted = dict.fromkeys(by_split, 0)
    left = min(num_rows, sum(room.values()))
    while left:  # equal parts, again and again while some split still has room
        open_splits = [s for s in wanted if wanted[s] < room[s]]
        part = max(1, left // len(open_splits))
        for split in open_splits:
            take = min(part, room[split] - wanted[split], left)
            wanted[split] += take
            left -= take
    picks = {split: _choose_in_split(names, shards, wanted[split]) for split, names in by_split.items()}
    turns = [(i, split) for split, rows in picks.items() for i in range(len(rows))]
    order = {split: i for i, split in enumerate(picks)}
    return [picks[split][i] for i, split in sorted(turns, key=lambda t: (t[0], order[t[1]]))]


def _choose_in_split(names: Sequence[str], shards: Mapping[str, int], count: int) -> list[tuple[str, int]]:
    """`count` rows of one split: its shards in turn, each place in a shard a golden step from the last."""
    taken: dict[str, set[int]] = {name: set() for name in names}
    picks: list[tuple[str, int]] = []
    turn = 0
    while len(picks) < count:
        step = (2 * turn + 1) * len(names) // (2 * count) if count < len(names) else turn
        name = names[step % len(names)]
        rows = shards[name]
        if len(taken[name]) < rows:
            index = int(math.fmod((turn + 0.5) * _GOLDEN, 1.0) * rows)
            while index in taken[name]:
                index = (index + 1) % rows
            taken[name].add(index)
            picks.append((name, index))
        turn += 1
    return picks


def read_rows(storage: Storage, picks: Iterable[tuple[str, int]], columns: Sequence[str] | None = None) -> list[Row]:
    """Rows out of finished parquet files, in the order of `picks`; images stay encoded, as bytes.

    Only the row groups that hold them are read, one at a time, and of these only `columns` (default: all).
    """
    import pyarrow.parquet as pq

    picks = list(picks)
    rows: dict[int, Row] = {}
    wanted: dict[str, list[int]] = {}
    for position, (name, _) in enumerate(picks):
        wanted.setdefault(name, []).append(position)
    for name, positions in wanted.items():
        with storage.open(name) as file, pq.ParquetFile(file) as parquet:
            known = parquet.schema_arrow.names
            present = known if columns is None else [c for c in columns if c in known]
            sizes = [parquet.metadata.row_group(g).num_rows for g in range(parquet.num_row_groups)]
            starts = np.concatenate([[0], np.cumsum(sizes)])
            for position in sorted(positions, key=lambda p: picks[p][1]):
                index = picks[position][1]
                group = int(np.searchsorted(starts, index, side="right")) - 1
                table = parquet.read_row_group(group, columns=present)
                row = table.slice(index - int(starts[group]), 1).to_pylist()[0]
                rows[position] = {k: v["bytes"] if isinstance(v, dict) else v for k, v in row.items()}
                rows[position]["split"] = _split_of(name)
    return [rows[i] for i in range(len(picks))]


def sample_rows(storage: Storage, manifest: Manifest, num_rows: int = 6) -> list[Row]:
    """Decoded rows for `figures.contact_sheet`, joined with their background and cut-out."""
    spec = manifest.depth
    shards = {path: entry.rows for path, entry in manifest.shards.items()}
    picks = choose_rows(shards, 8 * num_rows)
    named = read_rows(storage, picks, ["bg", "fg"])
    varied = [picks[i] for i in _most_varied([(row["bg"], row["fg"]) for row in named], num_rows)]
    rows = []
    for row in read_rows(storage, varied):
        out: Row = {
            "fg_bg": decode_rgb(row["fg_bg"]),
            "mask": decode_grey(row["fg_bg_mask"]),
            "depth": decoded_depth(row, spec),
            "bg_name": row["bg"],
            "fg_name": row["fg"] + (", mirrored" if row["flip"] else ""),
            "note": row["split"],
        }
        for kind in (schema.BG, schema.FG):
            out[kind] = _source_image(storage, kind, row[kind])
        rows.append(out)
    return rows


def _most_varied(pairs: Sequence[tuple[str, str]], count: int) -> list[int]:
    """Indices of `count` pairs in which backgrounds and cut-outs repeat as little as can be; early ones first."""
    seen: Counter[tuple[str, str]] = Counter()
    left: list[int] = list(range(len(pairs)))
    chosen: list[int] = []
    while left and len(chosen) < count:
        best = min(left, key=lambda i: (seen["bg", pairs[i][0]] + seen["fg", pairs[i][1]], i))
        left.remove(best)
        chosen.append(best)
        seen.update([("bg", pairs[best][0]), ("fg", pairs[best][1])])
    return chosen


def _source_image(storage: Storage, kind: str, name: str) -> np.ndarray:
    """The prepared background or cut-out called `name`, out of the `bg` or `fg` config."""
    import pyarrow.parquet as pq

    for file in storage.list(kind):
        with storage.open(file) as raw, pq.ParquetFile(raw) as parquet:
            names = parquet.read(columns=["name"]).column("name").to_pylist()
            if name in names:
                data = read_rows(storage, [(file, names.index(name))], ["image"])[0]["image"]
                return decode_rgb(data) if kind == schema.BG else decode_rgba(data)
    raise KeyError(name)


def decoded_depth(row: Row, spec: DepthSpec | None) -> np.ndarray | None:
    """The depth of a row that `read_rows` gave: (H, W) float32, NaN where invalid."""
    if spec is None:
        return None
    from fgbg_depth.depth.spec import decode_depth

    return decode_depth(decode_grey(row["fg_bg_depth"]), spec)


def _split_of(path: str) -> str:
    """The split of a parquet file; the small configs have one split."""
    return ShardName.parse(path).split if path.startswith(f"{schema.DATA}/") else schema.TRAIN
