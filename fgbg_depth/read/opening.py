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


class UnfinishedError(OutputError):
    """The build of an output is not finished."""


def open_files(source: str | Path, revision: str | None = None) -> DatasetFiles:
    """The files of a dataset. Nothing is read yet, except for the list of files on the Hub.

    Args:
        source: a folder; "user/name" or "hf://datasets/user/name[@revision]" on the Hub; any other fsspec URL, such as
            "s3://bucket/folder". A folder that exists wins over the Hub.
        revision: branch, tag or commit on the Hub.
    Raises:
        OutputError: there is no such folder, the URL cannot be opened, or `revision` is given for one of them.
        HubError: there is no such dataset on the Hub, or the Hub cannot be reached.
    """
    text = str(source)
    if text.startswith(_HUB):
        repo_id, _, in_url = text.removeprefix(_HUB).partition("@")
        return HubFiles(repo_id, revision or in_url or None)
    folder = Path(os.path.expanduser(source))
    is_url = "://" in text
    if is_url or folder.is_dir():
        if revision is not None:
            raise OutputError(
                f"{source} is a {'URL' if is_url else 'folder'} and has no revisions, but revision is {revision!r}.\n"
                "  Leave the revision out, or give a dataset on the Hub (USER/NAME)."
            )
        return StorageFiles(Storage(text if is_url else folder))
    if folder.exists():
        raise OutputError(f"{source} is a file, not a dataset.\n  Give the folder that the build wrote.")
    if isinstance(source, Path) or folder.is_absolute() or text.count("/") != 1:
        build = command(f"build --output {shlex.quote(text)}")
        raise OutputError(f"There is no folder {source}.\n  Check the spelling, or build a dataset there: {build}")
    try:
        return HubFiles(text, revision)
    except HubError as e:
        raise HubError(f"There is no folder {text}, so it was looked up on the Hub. {e}") from e


def read_manifest(files: DatasetFiles, where: str = "") -> Manifest:
    """The manifest of a dataset.

    Args:
        where: the file's address, for messages; default: with the dataset's address.
    Raises:
        UnfinishedError: the build of an output is not finished.
        OutputError, HubError: the dataset is not one of this project, or damaged; the message says what to do.
    """
    try:
        text = files.read(STATISTICS)
    except (OutputError, HubError) as e:
        if isinstance(e.__cause__, FileNotFoundError):
            raise _not_a_dataset(files, type(e)) from e
        raise
    return Manifest.from_json(text, where or f"{STATISTICS} of {files.name}")


def _not_a_dataset(files: DatasetFiles, error: type[OutputError | HubError]) -> OutputError | HubError:
    done = len(files.storage.list(DATA)) if isinstance(files, StorageFiles) else 0
    if isinstance(files, StorageFiles) and (done or files.storage.exists(RECIPE)):
        return UnfinishedError(
            f"The build of {files.name} is not finished: it has {done} shard{'s' * (done != 1)} and no {STATISTICS}.\n"
            f"  Finish it: {build_command(files.storage)}"
        )
    return error(
        f"{files.name} has no {STATISTICS}, so it is not a dataset of fgbg-depth.\n"
        f"  Give the folder or the name of a finished dataset. To build one: {command('build --output FOLDER')}"
    )
