"""What stands on the Hub before a push: branches, tags, files, and what the last push said about itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from huggingface_hub import HfApi, RepoFile, hf_hub_url
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_backoff

from fgbg_depth import schema
from fgbg_depth.errors import HubError, OutputError
from fgbg_depth.hub.messages import Place, cannot_write
from fgbg_depth.manifest import Manifest
from fgbg_depth.retry import Patience, retrying


@dataclass
class Hub:
    """One repository as seen through one client: what the steps of a push share."""

    api: HfApi
    place: Place
    patience: Patience
    token: str | None = None

    @property
    def where(self) -> dict[str, Any]:
        """Arguments that every call of the client takes."""
        return {"repo_id": self.place.repo_id, "repo_type": self.place.kind}


@dataclass(frozen=True)
class HubFile:
    """A file on the branch. `sha256` is None for files that git keeps itself; `oid` is then git's sha1."""

    size: int
    oid: str
    sha256: str | None

    def holds(self, sha256: str, git_sha1: str) -> bool:
        return self.sha256 == sha256 if self.sha256 else self.oid == git_sha1


@dataclass
class State:
    """A branch of the repository. Without the repository, or without the branch, `exists` tells."""

    repo_exists: bool = False
    branch_exists: bool = False
    private: bool = False
    head: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, HubFile] = field(default_factory=dict)
    manifest: Manifest | None = None
    card: str = ""


def git_sha1(data: bytes) -> str:
    """Git's name for a file's content: sha1 of "blob <size>\\0<content>"."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def check_login(hub: Hub) -> str:
    """The user's name; refuses a token that can only read, before anything is sent.

    A fine-grained token says nothing about one repository, so there the Hub is asked; see `check_rights`.
    """
    user = retrying(lambda: hub.api.whoami(token=hub.token), "who am I", hub.patience)
    role = user.get("auth", {}).get("accessToken", {}).get("role")
    if role == "read":
        raise cannot_write(hub.place, "it is a read-only token")
    return str(user["name"])


def check_rights(hub: Hub) -> None:
    """Ask the Hub whether this token may write to the repository; it answers 403 or 404 otherwise."""
    retrying(lambda: hub.api.auth_check(**hub.where, write=True), "rights", hub.patience)


def read_state(hub: Hub) -> State:
    """Everything about the branch, read at one commit so that it fits together."""
    state, api, revision = State(), hub.api, hub.place.revision
    try:
        info = retrying(lambda: api.repo_info(**hub.where), "repository", hub.patience)
    except RepositoryNotFoundError as e:
        if e.response is not None and e.response.status_code in (401, 404):
            return state  # 401: a dry run without a token, to which a private repository looks missing
        raise
    state.repo_exists, state.private = True, bool(info.private)
    refs = retrying(lambda: api.list_repo_refs(**hub.where), "branches", hub.patience)
    branches = {ref.name: ref.target_commit for ref in refs.branches}
    state.tags = {ref.name: ref.target_commit for ref in refs.tags}
    if revision in state.tags:
        raise HubError(
            f"{revision} is a tag of {hub.place.repo}, and tags do not move.\n"
            "  --revision names a branch; to name the new version use --tag."
        )
    state.branch_exists = revision in branches
    state.head = branches.get(revision) or branches.get("main")
    if state.head is not None:
        read_files(hub, state, state.head)
    return state


def read_files(hub: Hub, state: State, head: str) -> None:
    """Fill in the files of one commit, with the card and the statistics in it."""

    def listed() -> list[RepoFile]:
        tree = hub.api.list_repo_tree(**hub.where, revision=head, recursive=True)
        return [item for item in tree if isinstance(item, RepoFile)]

    state.files = {
        file.path: HubFile(file.size, file.blob_id, file.lfs.sha256 if file.lfs else None)
        for file in retrying(listed, "files", hub.patience)
    }
    if schema.CARD in state.files:
        state.card = read_file(hub, state, schema.CARD, head).decode("utf-8", errors="replace")
    state.manifest = read_manifest(hub, state, head)


def read_manifest(hub: Hub, state: State, revision: str) -> Manifest | None:
    """The manifest of a revision; None if it has none that this version of the project can read."""
    if schema.STATISTICS not in state.files:
        return None
    try:
        return Manifest.from_json(read_file(hub, state, schema.STATISTICS, revision))
    except OutputError:
        return None


def read_file(hub: Hub, state: State, path: str, revision: str) -> bytes:
    """A small file of the Hub. The client checks no download; this compares with the listing."""
    url = hf_hub_url(**hub.where, filename=path, revision=revision, endpoint=hub.api.endpoint)
    expected = state.files[path] if revision == state.head else None

    def download() -> bytes:
        response = http_backoff("GET", url, headers=build_hf_headers(token=hub.token))
        hf_raise_for_status(response)
        data = bytes(response.content)
        if expected and not expected.holds(hashlib.sha256(data).hexdigest(), git_sha1(data)):
            raise ConnectionError(f"{path} arrived damaged ({len(data)} of {expected.size} bytes)")
        return data

    return retrying(download, path, hub.patience)
