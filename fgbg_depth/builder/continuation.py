"""Continue a version on the Hub: fetch all of it but the shards, so that a build makes only what is new."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from fgbg_depth import schema
from fgbg_depth.builder.deletion import change_reasons
from fgbg_depth.builder.messages import Log, count
from fgbg_depth.builder.output import OutputState
from fgbg_depth.builder.slices import PREVIOUS_MANIFEST, read_manifest
from fgbg_depth.errors import HubError, OutputError, UsageError
from fgbg_depth.manifest import Manifest
from fgbg_depth.plan import Plan
from fgbg_depth.read.hub_base import HubBase
from fgbg_depth.storage.files import Storage

if TYPE_CHECKING:
    from fgbg_depth.read.snapshot import Snapshot  # imports the client of the Hub, which most builds do not need

_PREFIX = "hf://datasets/"


def fetch_base(address: str, storage: Storage, log: Log) -> HubBase:
    """Make a new output continue a version on the Hub. Fetches its small files: everything but the shards.

    The output is then the same dataset as on the Hub, with all of its shards there. If it continues this version
    already, nothing is fetched.

    Args:
        address: USER/NAME or USER/NAME@REVISION, where REVISION is a tag, a branch or a commit; default: main.
    Raises:
        UsageError: the address is wrong, or the output is at a URL.
        OutputError: the output holds another dataset.
        HubError: the Hub cannot be reached, or does not have exactly what the version's statistics.json lists.
    """
    repo_id, _, revision = address.removeprefix(_PREFIX).partition("@")
    if repo_id.count("/") != 1:
        raise UsageError(f"--from is {address!r}; write USER/NAME or USER/NAME@REVISION, such as alice/scenes@v1.0.0.")
    if not storage.is_local:
        raise UsageError(f"--from needs a local output, and {storage} is a URL.\n  Choose a folder: --output DIR.")
    from fgbg_depth.read.snapshot import Snapshot

    snapshot = Snapshot(repo_id, revision or None, None)
    commit = str(snapshot.commit.resolved)
    present = HubBase.read(storage)
    if present is None and (storage.list() or storage.list(schema.DATA)):
        raise OutputError(
            f"{storage} holds another dataset, so it cannot continue {address}.\n"
            "  Choose an empty or new folder: --output DIR."
        )
    if present is not None and (present.repo_id, present.commit) != (repo_id, commit):
        raise OutputError(
            f"{storage} continues {present} (commit {present.commit[:8]}), not {address} (commit {commit[:8]}).\n"
            "  Choose another folder, or leave --from out to go on with this one."
        )
    if present is not None and _has_manifest(storage):
        return present
    return _fetch(snapshot, commit, storage, log)


def _has_manifest(storage: Storage) -> bool:
    return any(read_manifest(storage, name) is not None for name in (schema.STATISTICS, PREVIOUS_MANIFEST))


def _fetch(snapshot: Snapshot, commit: str, storage: Storage, log: Log) -> HubBase:
    """Fetch the files. `statistics.json` is written last, so that a fetch that was interrupted is done again."""
    remote = snapshot.files()
    if schema.STATISTICS not in remote:
        raise HubError(f"{snapshot} has no {schema.STATISTICS}, so it is not a dataset of fgbg-depth.")
    text = (snapshot.fetch([schema.STATISTICS]) / schema.STATISTICS).read_bytes()
    manifest = Manifest.from_json(text, f"{schema.STATISTICS} of {snapshot}")
    wrong = [path for path, entry in manifest.parquet_files.items() if remote.get(path) != entry.info]
    if wrong:
        raise HubError(
            f"{snapshot} does not have {wrong[0]} with the size and SHA-256 that its {schema.STATISTICS} lists"
            + (f" (and {len(wrong) - 1:,} more files)" if wrong[1:] else "")
            + ".\n  Its owner must push the dataset again. Until then, continue another version: --from USER/NAME@TAG."
        )
    base = HubBase.of(snapshot.repo_id, snapshot.revision, commit, manifest.shards)
    base.write(storage)
    names = [*manifest.files, *(path for path in manifest.pictures if path in remote)]
    names += [name for name in (schema.RECIPE, schema.CARD, *schema.METADATA) if name in remote]
    size = sum(remote[name].bytes for name in names) + len(text)
    kept = sum(entry.bytes for entry in manifest.shards.values())
    log(
        f"Fetching {count(len(names) + 1, 'file')} of {base} ({size / 1e6:,.1f} MB): recipe, statistics, prepared "
        f"sources, preview. Its {count(len(manifest.shards), 'shard')} ({kept / 1e6:,.1f} MB) stay on the Hub."
    )
    folder = snapshot.fetch(names)

    def copy(name: str) -> None:
        data = (folder / name).read_bytes()
        expected = remote[name].sha256
        if expected and hashlib.sha256(data).hexdigest() != expected:
            raise HubError(
                f"{name} of {snapshot} was damaged in the download: its SHA-256 is not the one that the Hub lists.\n"
                f"  Delete {folder / name}, then run the same command again."
            )
        storage.write(name, data)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(copy, names))  # list() raises what a thread raised
    storage.write(schema.STATISTICS, text)
    return base


def kept_on_hub(plan: Plan, storage: Storage, state: OutputState, base: HubBase, num_tasks: int) -> str:
    """What a build that continues a version does with its shards; several lines for people."""
    kept = {shard.path for shard in base.absent(storage, (shard.path for shard in plan.shards)).values()}
    replaced = tuple(sorted(shard.path for shard in base.shards.values() if shard.path not in kept))
    total = len(base.shards)
    if not replaced:
        return f"Kept {count(len(kept), 'shard')} of {base} on the Hub; {num_tasks:,} to build."
    which = f"{len(replaced):,} of the {total:,} shards" if kept else f"none of the {count(total, 'shard')}"
    verb = "does not need" if kept else "can use"
    lines = [f"The new version {verb} {which} of {base}, because:"]
    lines += [f"  {reason}" for reason in change_reasons(plan, storage, state, replaced)]
    lines.append(f"  Kept on the Hub: {len(kept):,}. To build here: {num_tasks:,}. The next push deletes the others.")
    return "\n".join(lines)
