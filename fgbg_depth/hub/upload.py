"""Carrying bytes to the Hub, then making exactly one commit of them, whatever gets lost on the way."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from tqdm import tqdm

from fgbg_depth.hub.changes import LocalFile, Plan
from fgbg_depth.hub.messages import moved_meanwhile
from fgbg_depth.hub.repository import Hub
from fgbg_depth.retry import is_transient, retrying, status_of, wait_after

GROUP_FILES = 16  # files in one call of the client: enough for its 5 threads, few enough to begin again
MARKER = "fgbg-depth push"
_MOVED = (409, 412)  # the branch is no longer at the parent that the commit named
_MAX_PRS = 20


class Progress:
    """One bar in bytes, on stderr, for what travels. Quiet when stderr is not a terminal."""

    def __init__(self, total_bytes: int, show: bool) -> None:
        self.sent: dict[str, int] = {}
        self.bar = tqdm(
            total=total_bytes,
            unit="B",
            unit_scale=True,
            unit_divisor=1000,
            desc="push",
            file=sys.stderr,
            disable=None if show else True,
        )

    def at(self, name: str, position: int) -> None:
        """`name` has been sent up to `position`; a retry moves it back."""
        self.bar.update(position - self.sent.get(name, 0))
        self.sent[name] = position

    def close(self) -> None:
        self.bar.close()


class _Watched(io.FileIO):
    """A file on disk that tells how far it has been read."""

    def __init__(self, path: str, name: str, progress: Progress) -> None:
        super().__init__(path, "rb")
        self._name, self._progress = name, progress

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(-1 if size is None else size)
        self._progress.at(self._name, self.tell())
        return data or b""


class _Add(CommitOperationAdd):
    """The client's operation, reporting to our bar instead of drawing one bar a file."""

    progress: Progress | None = None

    @contextmanager
    def as_file(self, with_tqdm: bool = False) -> Iterator[BinaryIO]:
        if with_tqdm and self.progress and isinstance(self.path_or_fileobj, str):
            with _Watched(self.path_or_fileobj, self.path_in_repo, self.progress) as file:
                yield cast(BinaryIO, file)
        else:
            with super().as_file() as file:
                yield file


@dataclass(frozen=True)
class Committed:
    """The commit that a push made, or found that it had made."""

    oid: str
    pr_url: str | None = None


def upload(hub: Hub, plan: Plan, create_pr: bool, show: bool) -> list[CommitOperationAdd]:
    """Send file contents, a few files at a time; nothing becomes visible. Returns the operations to commit.

    Only paths are held in memory and the client streams from disk, so memory does not grow with the shards.
    """
    progress, files = Progress(plan.travel_bytes, show), plan.uploads
    operations: list[CommitOperationAdd] = []
    try:
        for start in range(0, len(files), GROUP_FILES):
            group = [_operation(file, progress) for file in files[start : start + GROUP_FILES]]

            def send(group: list[CommitOperationAdd] = group) -> None:
                hub.api.preupload_lfs_files(
                    **hub.where,
                    additions=group,
                    revision=hub.place.revision,
                    create_pr=create_pr,
                    free_memory=False,
                )

            retrying(send, f"upload of {group[0].path_in_repo}", hub.patience)
            for operation in group:
                if operation.path_in_repo in progress.sent:
                    progress.at(operation.path_in_repo, operation.upload_info.size)
            operations += group
    finally:
        progress.close()
    return operations


def _operation(file: LocalFile, progress: Progress) -> CommitOperationAdd:
    operation = _Add(file.name, str(file.path) if file.path else file.text)
    operation.progress = progress
    operation.upload_info.sha256 = bytes.fromhex(file.sha256)  # known; the client need not read the file for it
    return operation


def commit_once(
    hub: Hub,
    plan: Plan,
    operations: list[CommitOperationAdd],
    message: str,
    parent: str | None,
    create_pr: bool,
) -> Committed:
    """One commit with everything, on top of `parent` and nothing else.

    The response can get lost after the Hub has done the work. The parent guards against a second commit (the
    Hub refuses one whose parent is no longer the head), and a marker in the description tells our commit from
    those of others.

    Raises:
        HubError: somebody else committed meanwhile.
    """
    digest = plan.digest(parent)
    deletions = [CommitOperationDelete(name) for name in plan.deleted]
    arguments: dict[str, Any] = {
        **hub.where,
        "operations": [*operations, *deletions],
        "commit_message": message,
        "commit_description": f"{MARKER} {digest}",
        "revision": hub.place.revision,
        "parent_commit": parent,
        "create_pr": create_pr,
    }
    if create_pr and (found := _open_request(hub, digest)):
        return found  # an earlier push made the request and died before it could say so
    for try_index in range(hub.patience.tries):
        try:
            made = hub.api.create_commit(**arguments)
            return Committed(made.oid, made.pr_url)
        except Exception as e:
            moved = status_of(e) in _MOVED
            if not moved and not is_transient(e):
                raise
            landed = _open_request(hub, digest) if create_pr else _landed(hub, digest, parent)
            if landed is not None:
                return landed
            if moved:
                raise moved_meanwhile(hub.place, parent or "", _head(hub)) from e
            wait_after(e, try_index, hub.patience, "commit")
    raise AssertionError("wait_after raises at the last try")


def _landed(hub: Hub, digest: str, parent: str | None) -> Committed | None:
    """Our commit among those on the branch since `parent`, or None."""

    def since_parent() -> Committed | None:
        for commit in hub.api.list_repo_commits(**hub.where, revision=hub.place.revision):
            if commit.commit_id == parent:
                return None
            if f"{MARKER} {digest}" in commit.message:
                return Committed(commit.commit_id)
        return None

    return retrying(since_parent, "look for the commit", hub.patience)


def _open_request(hub: Hub, digest: str) -> Committed | None:
    """A pull request, among the newest, that holds exactly these operations."""

    def search() -> Committed | None:
        refs = hub.api.list_repo_refs(**hub.where, include_pull_requests=True)
        numbered = sorted(refs.pull_requests or [], key=lambda ref: int(ref.ref.rsplit("/", 1)[-1]))
        for ref in numbered[: -_MAX_PRS - 1 : -1]:
            newest = hub.api.list_repo_commits(**hub.where, revision=ref.ref)[0]
            if f"{MARKER} {digest}" in newest.message:
                number = ref.ref.rsplit("/", 1)[-1]
                return Committed(newest.commit_id, f"{hub.api.endpoint}/{hub.place.repo}/discussions/{number}")
        return None

    return retrying(search, "look for the pull request", hub.patience)


def _head(hub: Hub) -> str:
    refs = retrying(lambda: hub.api.list_repo_refs(**hub.where), "branches", hub.patience)
    return next((ref.target_commit for ref in refs.branches if ref.name == hub.place.revision), "")
