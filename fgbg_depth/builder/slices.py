"""Slices of one build, made by several machines: which shards each builds, and the records that it leaves."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterable, Mapping

from fgbg_depth.builder.damage import NOTES as DAMAGE_NOTES
from fgbg_depth.builder.messages import count
from fgbg_depth.builder.shard import ShardTask
from fgbg_depth.errors import OutputError, command
from fgbg_depth.manifest import Manifest
from fgbg_depth.plan import Plan
from fgbg_depth.storage.files import FileInfo, Storage

# Hidden files, never published, removed when a build is complete:
PREVIOUS_MANIFEST = ".earlier.json"  # of the build before this one: its history, and hashes of shards that are kept
RECORD_PREFIX = ".slice-"  # hashes of the shards of a slice; otherwise --finish would have to read all data
DELETIONS = ".deletions.json"  # finished shards whose deletion was confirmed; --finish or the next run deletes them


def slice_paths(plan: Plan, index: int, num_slices: int) -> set[str]:
    """Paths of the shards of slice `index` (from 1) of `num_slices`.

    Shards are dealt out by size: in the plan's order every other shard is a small test split, so that with an even
    number of slices half of them would get all the large ones.
    """
    by_size = sorted(plan.shards, key=lambda shard: (-shard.rows, shard.path))
    return {shard.path for shard in by_size[index - 1 :: num_slices]}


def missing_shards_error(tasks: Iterable[ShardTask], plan: Plan) -> OutputError:
    """The error to raise when a build cannot be finished.

    Args:
        tasks: the missing shards, each with a shard of the same composites and other labels, if there is one.
    """
    tasks = list(tasks)
    names = "\n".join(f"  {task.path}" for task in tasks[:10])
    more = f"\n  ... and {len(tasks) - 10} more" if len(tasks) > 10 else ""
    hint = f"Run the slices that build them ({command('build ... --shards i/n')}), or build without --finish."
    if plan.spec is not None and any(task.reuse_from for task in tasks):
        hint = (
            "Some exist with other depth labels: their slices ran with another depth model, or with\n"
            f"  depth_precision auto on other hardware (on this machine it means {plan.spec.precision}).\n"
            "  Give --finish and all slices the same --depth-precision."
        )
    missing = f"{len(tasks):,} of {count(len(plan.shards), 'shard')} {'is' if len(tasks) == 1 else 'are'} missing"
    return OutputError(f"{missing}:\n{names}{more}\n  {hint}")


def write_record(storage: Storage, files: Mapping[str, FileInfo]) -> None:
    """Record the sizes and hashes of shards, so that the build that finishes does not read them."""
    if files:
        values = {path: dataclasses.asdict(info) for path, info in files.items()}
        storage.write(f"{RECORD_PREFIX}{uuid.uuid4().hex[:12]}.json", json.dumps(values).encode())


def read_known_files(storage: Storage, previous: Manifest | None) -> dict[str, FileInfo]:
    """Sizes and hashes of shards, as recorded by the previous build and by slices.

    A shard about which records disagree is left out, so that its file is read and hashed again.
    """
    records = [{path: entry.info for path, entry in previous.shards.items()}] if previous else []
    records += [_read_record(storage, name) for name in storage.list(hidden=True) if name.startswith(RECORD_PREFIX)]
    known: dict[str, FileInfo] = {}
    conflicting = set()
    for record in records:
        for path, info in record.items():
            if known.setdefault(path, info) != info:
                conflicting.add(path)
    return {path: info for path, info in known.items() if path not in conflicting}


def _read_record(storage: Storage, name: str) -> dict[str, FileInfo]:
    """What `write_record` wrote; {} if it cannot be read. Entries with missing keys or wrong types are ignored."""
    try:
        values = json.loads(storage.read(name))
    except (FileNotFoundError, ValueError):
        return {}
    return {
        path: FileInfo(entry["bytes"], entry["sha256"])
        for path, entry in (values.items() if isinstance(values, dict) else ())
        if isinstance(entry, dict) and type(entry.get("bytes")) is int and isinstance(entry.get("sha256"), str)
    }


def write_deletions(storage: Storage, paths: Iterable[str]) -> None:
    """Record that the deletion of these finished shards was confirmed.

    They are deleted when the build is finished. Until then a continued build, or another slice, does not ask again.
    """
    storage.write(DELETIONS, json.dumps(sorted(paths)).encode())


def read_deletions(storage: Storage) -> frozenset[str]:
    """The shards that `write_deletions` recorded; none if the record cannot be read."""
    try:
        paths = json.loads(storage.read(DELETIONS))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return frozenset()
    return frozenset(path for path in paths if isinstance(path, str)) if isinstance(paths, list) else frozenset()


def remove_records(storage: Storage) -> None:
    """Remove the hidden files; the build is complete, and `statistics.json` has what they hold."""
    for name in storage.list(hidden=True):
        if name in (PREVIOUS_MANIFEST, DELETIONS, DAMAGE_NOTES) or name.startswith(RECORD_PREFIX):
            storage.remove(name)


def read_manifest(storage: Storage, name: str) -> Manifest | None:
    """The manifest in the file `name`; None if there is none or it cannot be used, so that all shards are read."""
    try:
        return Manifest.from_json(storage.read(name))
    except (FileNotFoundError, OutputError):
        return None
