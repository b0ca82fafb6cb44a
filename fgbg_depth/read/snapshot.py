"""The files of exactly one version of a dataset on the Hub, or a message why they cannot be had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import (
    HFValidationError,
    IncompleteSnapshotError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RevisionResolutionError,
)

from fgbg_depth.errors import HubError
from fgbg_depth.retry import CLIENT_ERRORS, is_transient, status_of

_NOT_HERE = (RevisionResolutionError, LocalEntryNotFoundError, IncompleteSnapshotError)


class Version:
    """One commit of a repository, found before anything of it is read.

    A Hub that cannot be reached leaves the commit that this revision was when it was last downloaded; a Hub that
    refuses (no such revision, no rights) ends it.
    """

    def __init__(self, repo_id: str, revision: str | None, token: str | None) -> None:
        self.repo_id, self.revision = repo_id, revision or "main"
        self.api = HfApi(token=token)
        try:
            self.commit = self.api.resolve_revision(repo_id, repo_type="dataset", revision=revision)
        except (*CLIENT_ERRORS, *_NOT_HERE) as e:
            raise self.explained(e) from e

    def __str__(self) -> str:
        return f"datasets/{self.repo_id}, revision {self.revision},"

    @property
    def url(self) -> str:
        """Where fsspec finds the files of this commit."""
        return f"hf://datasets/{self.repo_id}@{self.commit.resolved}"

    def fetch(self, names: list[str]) -> Path:
        """The folder in the cache that holds these files; downloads what is missing.

        Raises:
            HubError: some cannot be had. Nothing else is served in their place.
        """
        try:
            return self._snapshot(names, local_files_only=False)
        except (*CLIENT_ERRORS, *_NOT_HERE) as e:
            raise self.explained(e) from e

    def cached(self, names: list[str]) -> Path | None:
        """The folder in the cache if it holds all of these files, else None."""
        try:
            return self._snapshot(names, local_files_only=True)
        except (LocalEntryNotFoundError, IncompleteSnapshotError):
            return None

    def _snapshot(self, names: list[str], local_files_only: bool) -> Path:
        where: Any = {"repo_type": "dataset", "revision": self.commit, "local_files_only": local_files_only}
        return Path(self.api.snapshot_download(self.repo_id, allow_patterns=names, **where))

    def explained(self, error: Exception) -> HubError:
        status, name = status_of(error), f"datasets/{self.repo_id}"
        first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
        if isinstance(error, HFValidationError):
            return HubError(f"{self.repo_id!r} is neither a folder nor USER/NAME on the Hub.")
        if isinstance(error, RevisionNotFoundError):
            return HubError(f"{name} has no revision {self.revision!r}.\n  Its page lists tags and branches.")
        if isinstance(error, RepositoryNotFoundError) or status in (401, 403):
            return HubError(
                f"{name} does not exist, or this token may not read it ({status}).\n"
                "  Check the name, or log in: hf auth login."
            )
        if isinstance(error, _NOT_HERE) or is_transient(error):
            return HubError(
                f"the Hub cannot be reached, and {self} is not complete in the cache.\n  {first_line}\n"
                "  Run this once with a network; nothing else is served in its place."
            )
        return HubError(f"{self} could not be read: {first_line}\n  Try again; the download starts where it stopped.")
