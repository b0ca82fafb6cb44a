"""Files of an output: which are missing, which do not belong there, and which have changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from fgbg_depth import schema
from fgbg_depth.errors import FgBgError, HubError
from fgbg_depth.manifest import FileEntry
from fgbg_depth.read.hub_base import BASE_FILE, HubBase, HubShard
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import read_record
from fgbg_depth.verify.report import DELETE_AGAIN, Problem, build_again


def check_names(storage: Storage, listed: Mapping[str, FileEntry]) -> Iterator[Problem]:
    """Files that are missing, and files that do not belong into the folders of parquet files.

    Args:
        listed: the parquet files in `statistics.json`, by path.
    """
    found = {name for folder in schema.PARQUET_FOLDERS for name in _walk(storage, folder)}
    for name in sorted(set(listed) - found):
        yield Problem(name, "missing", build_again(name))
    for name in sorted(found - set(listed)):
        if _is_shard(storage, name):
            yield Problem(name, "a shard of another recipe or of other sources", DELETE_AGAIN)
        else:
            folder = name.split("/", 1)[0]
            advice = f"Delete it, or move it to another folder; load_dataset may read every file in {folder}/."
            yield Problem(name, "not a file of this dataset", advice)


def check_on_hub(
    storage: Storage, shards: Mapping[str, FileEntry], on_hub: Mapping[str, HubShard]
) -> Iterator[Problem]:
    """Shards that the output needs from the Hub and that are not there as `statistics.json` lists them.

    Args:
        shards: in `statistics.json`, by path.
        on_hub: those of them that are not in the folder.
    """
    from fgbg_depth.read.snapshot import Snapshot  # imports the client of the Hub, which other outputs do not need

    base = HubBase.read(storage)
    assert base is not None
    try:
        listed = Snapshot(base.repo_id, base.commit, None).files()
    except HubError as e:
        reason = " ".join(str(e).split())
        yield Problem(
            BASE_FILE, f"{len(on_hub):,} shards on the Hub could not be checked ({reason})", "Try again later."
        )
        return
    for path, shard in sorted(on_hub.items()):
        if not listed.get(shard.path) == shard.info == shards[path].info:
            what = f"{base} does not have it with the size and SHA-256 in {schema.STATISTICS}"
            yield Problem(path, what, f"Delete {BASE_FILE}, then run build again: the shard is then built here.")


def _is_shard(storage: Storage, name: str) -> bool:
    """Whether a file is a readable shard with the name of a shard."""
    try:
        return schema.is_own_path(name) and bool(read_record(storage, name))
    except FgBgError:
        return False


def check_hash(storage: Storage, name: str, sha256: str) -> Problem | None:
    """The problem with a file's bytes; None if there is none, or if the file is missing, which others report.

    Args:
        sha256: the hash in `statistics.json`.
    """
    try:
        if storage.sha256(name) == sha256:
            return None
    except FileNotFoundError:
        return None
    except OSError as e:
        advice = f"{build_again(name)} If this happens again, check the disk and the file's permissions."
        return Problem(name, f"cannot be read ({e.strerror or e})", advice)
    what = f"its SHA-256 is not the one in {schema.STATISTICS}: the file has changed"
    return Problem(name, what, build_again(name))


def _walk(storage: Storage, folder: str) -> Iterator[str]:
    """All files in a folder and, on a disk, below it; without hidden ones."""
    if not storage.is_local:
        yield from storage.list(folder)
        return
    for root, folders, names in os.walk(storage.root / folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                yield (Path(root) / name).relative_to(storage.root).as_posix()
