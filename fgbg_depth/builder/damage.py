"""Damaged files of an output: found by a build before it changes anything, or noted by `verify` for the next build."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fgbg_depth import schema
from fgbg_depth.storage.files import FileInfo, Storage
from fgbg_depth.storage.parquet import DamagedFileError, measure, read_record

NOTES = ".damaged.json"  # hidden, never published, removed when a build is complete


@dataclass(frozen=True)
class CheckedShards:
    """What the check of some shards found.

    Args:
        damaged: what is wrong with the shards that cannot be used, by path.
        measured: sizes and hashes of the shards that were read because they were not recorded.
    """

    damaged: Mapping[str, str]
    measured: Mapping[str, FileInfo]


def check_shards(
    storage: Storage, paths: Iterable[str], sizes: Mapping[str, int], known_files: Mapping[str, FileInfo]
) -> CheckedShards:
    """Check shards that exist, as cheaply as possible.

    A shard that has its recorded size is checked by the record in its footer, and its pixels are not read; at a URL its
    size must do, because reading thousands of footers takes minutes. All others are read once and compared with the
    hash in the record. `verify` compares the hashes of all files.

    Args:
        sizes: of the files under data/, in bytes.
        known_files: sizes and hashes that previous builds and slices recorded.
    """
    damaged: dict[str, str] = {}
    measured: dict[str, FileInfo] = {}

    def check(path: str) -> None:
        known = known_files.get(path)
        try:
            if known is None or known.bytes != sizes[path]:
                measured[path] = measure(storage, path)
            elif not storage.is_local:
                return
            record = read_record(storage, path)
        except DamagedFileError as e:
            damaged[path] = e.reason
            return
        if f"{record.get('compose_digest')}{record.get('label_digest')}" != schema.ShardName.parse(path).digest:
            damaged[path] = "its content is that of another shard"

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(check, paths))  # list() raises what a thread raised
    return CheckedShards(dict(sorted(damaged.items())), {k: v for k, v in measured.items() if k not in damaged})


def note_damaged(storage: Storage, names: Iterable[str]) -> None:
    """Note which files of an output the next build must write again; without names, remove earlier notes.

    Each is noted with its hash, so that a file that was replaced since then is not taken for damaged.

    Raises:
        OutputError: the output cannot be written to.
    """
    notes = {name: _sha256(storage, name) for name in sorted(set(names)) if storage.exists(name)}
    if notes:
        storage.write(NOTES, json.dumps(notes).encode())
    elif storage.exists(NOTES):
        storage.remove(NOTES)


def read_damaged(storage: Storage) -> frozenset[str]:
    """The files that `note_damaged` noted and that have not changed since; none if the notes cannot be read."""
    try:
        notes = json.loads(storage.read(NOTES))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return frozenset()
    if not isinstance(notes, dict):
        return frozenset()
    return frozenset(name for name, sha256 in notes.items() if sha256 in ("", _sha256(storage, name)))


def _sha256(storage: Storage, name: str) -> str:
    """The hash of a file; "" if it cannot be read."""
    try:
        return storage.sha256(name)
    except OSError:
        return ""
