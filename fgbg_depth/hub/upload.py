"""Upload file contents to the Hub. They become visible only with the commit that follows; see `commit.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
from huggingface_hub import CommitOperationAdd
from huggingface_hub.errors import HfHubHTTPError

from fgbg_depth.errors import OutputError
from fgbg_depth.hub.changes import ChangeSet
from fgbg_depth.hub.output import LocalFile, unreadable
from fgbg_depth.hub.repository import RepoClient
from fgbg_depth.hub.session import Traffic
from fgbg_depth.retry import RequestError, causes, send, wait_before_retry

# One call of the client uploads one group, and a retry repeats the call. A retry skips files that LFS has stored, but
# sends the blocks of a group (64 MB each) to Xet again. Smaller groups waste less, and print more progress bars.
GROUP_FILES = 64
GROUP_BYTES = 500_000_000


def upload(client: RepoClient, changes: ChangeSet, create_pr: bool, traffic: Traffic) -> list[CommitOperationAdd]:
    """Upload the contents of all added and replaced files, one group of files at a time.

    Only paths are held in memory and the client streams from disk, so memory does not grow with the shards.

    Args:
        create_pr: the commit that follows opens a pull request.
        traffic: of the session; a try that stored a file does not count as failed.
    Returns:
        The operations for the commit.
    Raises:
        RequestError: the Hub refused an upload, or did not answer.
        OutputError: a local file cannot be read.
    """
    operations: list[CommitOperationAdd] = []
    for group in _groups(changes.uploads):
        additions = [_addition(file) for file in group]
        try:
            _upload_group(client, additions, create_pr, traffic)
        except RequestError as e:
            if problem := _local_problem(e, group):
                raise problem from e
            raise
        operations += additions
    return operations


def _groups(files: list[LocalFile]) -> Iterator[list[LocalFile]]:
    """The files in groups of at most GROUP_FILES files and, unless one file is larger, GROUP_BYTES bytes."""
    group: list[LocalFile] = []
    for file in files:
        if group and (len(group) == GROUP_FILES or sum(f.size for f in group) + file.size > GROUP_BYTES):
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _upload_group(client: RepoClient, additions: list[CommitOperationAdd], create_pr: bool, traffic: Traffic) -> None:
    """Upload one group. Each try asks the Hub which files it still needs, and for their storage addresses."""
    first, num_more = additions[0].path_in_repo, len(additions) - 1
    step = f"uploading {first}" + (f" and {num_more} more files" if num_more else "")
    failed_tries = 0
    while True:
        num_stored = traffic.num_stored
        try:
            send(
                step,
                client.api.preupload_lfs_files,
                **client.repo_args,
                additions=additions,
                revision=client.target.revision,
                create_pr=create_pr,
                free_memory=False,
            )
            return
        except RequestError as e:
            if not e.is_temporary:
                raise
            failed_tries = 1 if traffic.num_stored > num_stored else failed_tries + 1
            wait_before_retry(e, failed_tries - 1, client.policy)


def _addition(file: LocalFile) -> CommitOperationAdd:
    if file.path is None:
        operation = CommitOperationAdd(file.name, file.content)
    else:
        try:
            operation = CommitOperationAdd(file.name, str(file.path))
        except ValueError as e:  # the client's check that the file exists
            raise unreadable(file.path, e) from e
    operation.upload_info.sha256 = bytes.fromhex(file.sha256)  # saves the client from reading the file for it
    return operation


def _local_problem(error: RequestError, group: list[LocalFile]) -> OutputError | None:
    """The message for a local file that could not be read, if that is why the upload failed.

    The client reads files in its own threads and wraps what a read raises; its text names the file. Xet's library
    names no file, so the files are opened here.
    """
    paths = {file.name: file.path for file in group if file.path is not None}
    raised = list(causes(error.error))
    if not any(isinstance(cause, httpx2.TransportError | HfHubHTTPError | ConnectionError) for cause in raised):
        for cause in raised:
            named = next((path for name, path in paths.items() if f"'{name}'" in str(error.error)), None)
            if isinstance(cause, OSError) and named is not None:
                return unreadable(named, cause)
    for path in paths.values():
        if problem := _read_error(path):
            return unreadable(path, problem)
    return None


def _read_error(path: Path) -> OSError | None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as e:
        return e
    return None
