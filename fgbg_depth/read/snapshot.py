"""One version of a dataset on the Hub, and the files of exactly that version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, RepoFile
from huggingface_hub.errors import (
    HFValidationError,
    IncompleteSnapshotError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RevisionResolutionError,
)

from fgbg_depth.errors import HubError
from fgbg_depth.retry import RequestError, first_line, is_temporary, send, status_of
from fgbg_depth.storage.files import FileInfo

_NOT_IN_CACHE = (RevisionResolutionError, LocalEntryNotFoundError, IncompleteSnapshotError)


class Snapshot:
    """One commit of a dataset repository. The revision is resolved to a commit before any file is read.

    If the Hub cannot be reached, the commit is the one that this revision named when it was last downloaded.

    Raises:
        HubError: the Hub refused the request (no such revision, no read access), or it cannot be reached and the
            cache does not know the revision.
    """

    def __init__(self, repo_id: str, revision: str | None, token: str | None) -> None:
        self.repo_id, self.revision = repo_id, revision or "main"
        self.api = HfApi(token=token)
        try:
            self.commit = send(
                "resolving the revision", self.api.resolve_revision, repo_id, repo_type="dataset", revision=revision
            )
        except RequestError as e:
            raise self.explained(e.error) from e

    def __str__(self) -> str:
        return f"datasets/{self.repo_id}, revision {self.revision},"

    @property
    def url(self) -> str:
        """The address of this commit's files for fsspec."""
        return f"hf://datasets/{self.repo_id}@{self.commit.resolved}"

    def fetch(self, names: list[str]) -> Path:
        """The folder in the cache that holds these files. Missing files are downloaded.

        Raises:
            HubError: a file is not in the cache and cannot be downloaded. No other version is used instead.
        """
        try:
            return self._download(names, local_files_only=False)
        except RequestError as e:
            raise self.explained(e.error) from e

    def cached(self, names: list[str]) -> Path | None:
        """The folder in the cache if it holds all of these files, else None."""
        try:
            return self._download(names, local_files_only=True)
        except RequestError as e:
            if isinstance(e.error, _NOT_IN_CACHE):
                return None
            raise self.explained(e.error) from e

    def files(self) -> dict[str, FileInfo]:
        """Size and SHA-256 of each file as the Hub lists them; the SHA-256 of files that git stores itself is "".

        Raises:
            HubError: the Hub refused the request, or cannot be reached.
        """
        arguments: dict[str, Any] = {"repo_type": "dataset", "revision": self.commit.resolved, "recursive": True}
        try:
            tree = send("listing the files", _list_tree, self.api, self.repo_id, **arguments)
        except RequestError as e:
            raise self.explained(e.error) from e
        return {
            item.path: FileInfo(item.size, item.lfs.sha256 if item.lfs else "")
            for item in tree
            if isinstance(item, RepoFile)
        }

    def _download(self, names: list[str], local_files_only: bool) -> Path:
        arguments: dict[str, Any] = {
            "repo_type": "dataset",
            "revision": self.commit,
            "allow_patterns": names,
            "local_files_only": local_files_only,
        }
        return Path(send("downloading", _snapshot_folder, self.api, self.repo_id, **arguments))

    def explained(self, error: Exception) -> HubError:
        """The message for an error of the Hub client or of `load_dataset`. Raise it `from error`."""
        status, name = status_of(error), f"datasets/{self.repo_id}"
        if isinstance(error, HFValidationError):
            return HubError(
                f"{self.repo_id!r} is not an existing folder, and not a name on the Hub (USER/NAME).\n"
                "  Check the path or the name."
            )
        if isinstance(error, RevisionNotFoundError):
            return HubError(
                f"{name} has no revision {self.revision!r}.\n"
                f"  List its tags: hf repos tag list {self.repo_id} --type dataset"
            )
        if isinstance(error, RepositoryNotFoundError) or status in (401, 403):
            return HubError(
                f"{name} does not exist, or this token may not read it ({status}).\n"
                "  Check the name, or log in: hf auth login."
            )
        reason = first_line(error)[:300]
        if isinstance(error, _NOT_IN_CACHE) or is_temporary(error):
            return HubError(
                f"the Hub cannot be reached, and {self} is not complete in the cache: {reason}\n"
                "  Run this again when the Hub can be reached. No other version is used instead."
            )
        return HubError(
            f"{self} could not be read: {reason}\n  Run this again; files that are complete are not downloaded again."
        )


def _list_tree(api: HfApi, repo_id: str, **arguments: Any) -> list[Any]:
    """All files and folders; the client sends requests while the items are read."""
    return list(api.list_repo_tree(repo_id, **arguments))


def _snapshot_folder(api: HfApi, repo_id: str, **arguments: Any) -> str:
    return str(api.snapshot_download(repo_id, **arguments))
