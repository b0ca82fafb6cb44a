"""Slices of one build, made by several machines: who makes what, and what each leaves for the end."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterable, Mapping

from fgbg_depth.builder.shard import ShardTask
from fgbg_depth.errors import OutputError
from fgbg_depth.manifest import Manifest
from fgbg_depth.plan import Plan
from fgbg_depth.storage.files import FileInfo, Storage

# Hidden, never published, gone when a build is whole:
EARLIER = ".earlier.json"  # statistics of the build before this one: its history, and hashes of kept shards
_NOTE = ".slice-"  # hashes of the shards that a slice made; hashing them again would mean reading all data


def slice_paths(plan: Plan, index: int, count: int) -> set[str]:
    """Paths of the shards that slice `index` (from 1) of `count` makes.

    Dealt out by size: in the plan's order every other shard is a small test split, and an even `count` would
    give all the large ones to half of the slices.
    """
    by_size = sorted(plan.shards, key=lambda shard: (-shard.rows, shard.path))
    return {shard.path for shard in by_size[index - 1 :: count]}


def missing_shards(tasks: Iterable[ShardTask], plan: Plan) -> OutputError:
    """What to say when a build cannot be finished.

    Args:
        tasks: the missing shards, some with a shard of the same composites and other labels.
    """
    tasks = list(tasks)
    names = "\n".join(f"  {task.path}" for task in tasks[:10])
    more = f"\n  ... and {len(tasks) - 10} more" if len(tasks) > 10 else ""
    hint = "Run the slices that make them (build --shards i/n), or build without --finish."
    if plan.spec is not None and any(task.reuse_from for task in tasks):
        hint = (
            "Some are there with other depth labels: their slices ran with another depth model, or with\n"
            f"  depth_precision auto on other hardware (here it means {plan.spec.precision}).\n"
            "  Give --finish and all slices the same --depth-precision."
        )
    return OutputError(f"{len(tasks)} of {len(plan.shards)} shards are missing:\n{names}{more}\n  {hint}")


def write_note(storage: Storage, made: Mapping[str, FileInfo]) -> None:
    """Leave the sizes and hashes of what a slice made, under a name of its own."""
    if made:
        values = {path: dataclasses.asdict(written) for path, written in made.items()}
        storage.write(f"{_NOTE}{uuid.uuid4().hex[:12]}.json", json.dumps(values).encode())


def known_hashes(storage: Storage, previous: Manifest | None) -> dict[str, FileInfo]:
    """Sizes and hashes of shards that the previous build and the slices wrote down.

    Entries that disagree about a shard are left out: its file is read and hashed again.
    """
    records = [{path: entry.info for path, entry in previous.shards.items()}] if previous else []
    records += [_read_record(storage, name) for name in storage.list(hidden=True) if name.startswith(_NOTE)]
    known: dict[str, FileInfo] = {}
    conflicting = set()
    for record in records:
        for path, info in record.items():
            if known.setdefault(path, info) != info:
                conflicting.add(path)
    return {path: info for path, info in known.items() if path not in conflicting}


def _read_record(storage: Storage, name: str) -> dict[str, FileInfo]:
    """What `write_note` wrote; {} if the file cannot be read. Entries with missing keys or wrong types are left out."""
    try:
        values = json.loads(storage.read(name))
    except (FileNotFoundError, ValueError):
        return {}
    return {
        path: FileInfo(entry["bytes"], entry["sha256"])
        for path, entry in (values.items() if isinstance(values, dict) else ())
        if isinstance(entry, dict) and type(entry.get("bytes")) is int and isinstance(entry.get("sha256"), str)
    }


def remove_notes(storage: Storage) -> None:
    """The build is whole: `statistics.json` has everything now."""
    for name in storage.list(hidden=True):
        if name == EARLIER or name.startswith(_NOTE):
            storage.remove(name)


def read_manifest(storage: Storage, name: str) -> Manifest | None:
    """The manifest in the file `name`; None if there is none, or it cannot be used: then everything is read again."""
    try:
        return Manifest.from_json(storage.read(name))
    except (FileNotFoundError, OutputError):
        return None
