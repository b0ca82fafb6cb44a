"""Files of an output: which are missing, which do not belong there, and which have changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from fgbg_depth import schema
from fgbg_depth.errors import FgBgError
from fgbg_depth.manifest import FileEntry
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import read_record
from fgbg_depth.verify.report import build_again, delete_and_build_again


def check_names(storage: Storage, listed: Mapping[str, FileEntry]) -> Iterator[str]:
    """A line for each file that is missing, and for each that does not belong into the folders of parquet files.

    Args:
        listed: the parquet files in `statistics.json`, by path.
    """
    found = {name for folder in schema.PARQUET_FOLDERS for name in _walk(storage, folder)}
    for name in sorted(set(listed) - found):
        yield f"{name}: missing. {build_again(name)}"
    for name in sorted(found - set(listed)):
        reason = "not a file of this dataset"
        if name.endswith(".parquet"):
            try:
                read_record(storage, name)
                reason = "a shard of another recipe or of other sources"
            except FgBgError:
                pass
        yield f"{name}: {reason}. Delete it; load_dataset may read every file in {name.split('/', 1)[0]}/."


def check_hash(storage: Storage, name: str, entry: FileEntry) -> str:
    """The problem with a file's bytes; "" if there is none, or if the file is missing, which `check_names` reports."""
    try:
        if storage.sha256(name) == entry.sha256:
            return ""
    except FileNotFoundError:
        return ""
    except OSError as e:
        return (
            f"{name}: cannot be read ({e.strerror or e}). Check the disk and the file's permissions. If it stays "
            f"unreadable: {delete_and_build_again(name)}"
        )
    return f"{name}: its SHA-256 is not the one in {schema.STATISTICS}: the file has changed. " + (
        delete_and_build_again(name)
    )


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
