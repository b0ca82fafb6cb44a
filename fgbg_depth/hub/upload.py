"""Upload file contents to the Hub. They become visible only with the commit that follows; see `commit.py`."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from huggingface_hub import CommitOperationAdd
from tqdm import tqdm

from fgbg_depth.hub.changes import ChangeSet
from fgbg_depth.hub.output import LocalFile, unreadable
from fgbg_depth.hub.repository import RepoClient
from fgbg_depth.retry import RequestError

GROUP_FILES = 16  # files in one call of the client: enough for its 5 threads, few enough to repeat the call


class Progress:
    """A progress bar on stderr that counts uploaded bytes. It is hidden if stderr is not a terminal.

    The client reads files in its own threads and wraps what a read raises, so `error` keeps such an error.
    """

    def __init__(self, total_bytes: int, show: bool) -> None:
        self.sent: dict[str, int] = {}
        self.error: Exception | None = None
        self.bar = tqdm(
            total=total_bytes,
            unit="B",
            unit_scale=True,
            unit_divisor=1000,
            desc="push",
            file=sys.stderr,
            disable=None if show else True,
        )

    def update(self, name: str, position: int) -> None:
        """The first `position` bytes of the file `name` have been sent; a retry starts again at 0."""
        self.bar.update(position - self.sent.get(name, 0))
        self.sent[name] = position

    def close(self) -> None:
        """Close the bar."""
        self.bar.close()


class _CountingFile(io.FileIO):
    """A file on disk that reports to the progress bar how far it has been read."""

    def __init__(self, file: LocalFile, progress: Progress) -> None:
        self._file, self._progress = file, progress
        with self._keep_error():
            super().__init__(str(file.path), "rb")

    def read(self, size: int | None = -1) -> bytes:
        with self._keep_error():
            data = super().read(-1 if size is None else size)
            self._progress.update(self._file.name, self.tell())
        return data or b""

    @contextmanager
    def _keep_error(self) -> Iterator[None]:
        try:
            yield
        except Exception as e:
            path = self._file.path
            self._progress.error = unreadable(path, e) if path and isinstance(e, OSError) else e
            raise


class _Addition(CommitOperationAdd):
    """The client's operation; it reports to one bar instead of drawing a bar for each file."""

    file: LocalFile
    progress: Progress

    @contextmanager
    def as_file(self, with_tqdm: bool = False) -> Iterator[BinaryIO]:
        if with_tqdm and self.file.path is not None:
            with _CountingFile(self.file, self.progress) as counting:
                yield cast(BinaryIO, counting)
        else:
            with super().as_file() as content:
                yield content


def upload(client: RepoClient, changes: ChangeSet, create_pr: bool, show: bool) -> list[CommitOperationAdd]:
    """Upload the contents of all added and replaced files, a few files at a time.

    Only paths are held in memory and the client streams from disk, so memory does not grow with the shards.

    Args:
        create_pr: the commit that follows opens a pull request.
        show: show a progress bar if stderr is a terminal.
    Returns:
        The operations for the commit.
    Raises:
        RequestError: the Hub refused an upload, or did not answer.
        OutputError: a local file cannot be read.
    """
    progress, files = Progress(changes.upload_bytes, show), changes.uploads
    operations: list[CommitOperationAdd] = []
    try:
        for start in range(0, len(files), GROUP_FILES):
            group = [_addition(file, progress) for file in files[start : start + GROUP_FILES]]
            client.request(
                f"uploading {group[0].path_in_repo}",
                client.api.preupload_lfs_files,
                **client.repo_args,
                additions=group,
                revision=client.target.revision,
                create_pr=create_pr,
                free_memory=False,
            )
            for operation in group:
                if operation.path_in_repo in progress.sent:
                    progress.update(operation.path_in_repo, operation.upload_info.size)
            operations += group
    except RequestError as e:
        if progress.error is not None:
            raise progress.error from e
        raise
    finally:
        progress.close()
    return operations


def _addition(file: LocalFile, progress: Progress) -> CommitOperationAdd:
    if file.path is None:
        operation = _Addition(file.name, file.content)
    else:
        try:
            operation = _Addition(file.name, str(file.path))
        except ValueError as e:  # the client's check that the file exists
            raise unreadable(file.path, e) from e
    operation.file, operation.progress = file, progress
    operation.upload_info.sha256 = bytes.fromhex(file.sha256)  # saves the client from reading the file for it
    return operation
