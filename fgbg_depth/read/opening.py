"""Open a dataset by its address: a folder, an fsspec URL, or a repository on the Hub."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from fgbg_depth.errors import HubError, OutputError, command
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.files import DatasetFiles, StorageFiles, build_command
from fgbg_depth.read.hub_files import HubFiles
from fgbg_depth.schema import DATA, RECIPE, STATISTICS
from fgbg_depth.storage.files import Storage

_HUB = "hf://datasets/"


def open_files(source: str | Path, revision: str | None = None) -> DatasetFiles:
    """The files of a dataset. Nothing is read yet, except for the list of files on the Hub.

    Args:
        source: a folder; "user/name" or "hf://datasets/user/name[@revision]" on the Hub; any other fsspec URL, such as
            "s3://bucket/folder". A folder that exists wins over the Hub.
        revision: branch, tag or commit on the Hub; ignored elsewhere.
    Raises:
        OutputError: there is no such folder, or the URL cannot be opened.
        HubError: there is no such dataset on the Hub, or the Hub cannot be reached.
    """
    text = str(source)
    if text.startswith(_HUB):
        repo_id, _, in_url = text.removeprefix(_HUB).partition("@")
        return HubFiles(repo_id, revision or in_url or None)
    if "://" in text:
        return StorageFiles(Storage(text))
    folder = Path(os.path.expanduser(source))
    if folder.is_dir():
        return StorageFiles(Storage(folder))
    if folder.exists():
        raise OutputError(f"{source} is a file, not a dataset.\n  Give the folder that the build wrote.")
    if isinstance(source, Path) or folder.is_absolute() or text.count("/") != 1:
        build = command(f"build --output {shlex.quote(text)}")
        raise OutputError(f"There is no folder {source}.\n  Build a dataset there: {build}")
    return HubFiles(text, revision)


def read_manifest(files: DatasetFiles, where: str = "") -> Manifest:
    """The manifest of a dataset.

    Args:
        where: the file's address, for messages; default: with the dataset's address.
    Raises:
        OutputError, HubError: the dataset is not complete, or not one of this project; the message says what to do.
    """
    try:
        text = files.read(STATISTICS)
    except (OutputError, HubError) as e:
        if isinstance(e.__cause__, FileNotFoundError):
            raise type(e)(_not_a_dataset(files)) from e
        raise
    return Manifest.from_json(text, where or f"{STATISTICS} of {files.name}")


def _not_a_dataset(files: DatasetFiles) -> str:
    if isinstance(files, StorageFiles) and files.storage.exists(RECIPE):
        done = len(files.storage.list(DATA))
        return (
            f"The build of {files.name} is not finished: it has {done} shards and no {STATISTICS}.\n"
            f"  Finish it: {build_command(files.storage)}"
        )
    return (
        f"{files.name} has no {STATISTICS}, so it is not a dataset of fgbg-depth.\n"
        f"  Build one: {command('build --output FOLDER')}"
    )
