"""What a branch on the Hub holds before a push: its head, its files, its tags and the manifest of the last push."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from huggingface_hub import GitCommitInfo, HfApi, RepoFile, hf_hub_url
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFolder
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_backoff

from fgbg_depth import retry, schema
from fgbg_depth.errors import HubError, OutputError
from fgbg_depth.hub.messages import CHECK_WRITE, cannot_write
from fgbg_depth.hub.target import RepoTarget
from fgbg_depth.manifest import Manifest
from fgbg_depth.retry import RequestError, RetryPolicy

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class RepoClient:
    """The Hub client for one repository, with the target and the retry policy that all steps of a push share."""

    api: HfApi
    target: RepoTarget
    policy: RetryPolicy
    token: str | None = None

    @property
    def repo_args(self) -> dict[str, Any]:
        """The arguments that name the repository in calls of `api`."""
        return {"repo_id": self.target.repo_id, "repo_type": self.target.repo_type}

    def request(self, step: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function of `api` with retries; see `fgbg_depth.retry.request`."""
        return retry.request(self.policy, step, function, *args, **kwargs)


@dataclass(frozen=True)
class RemoteFile:
    """A file on the Hub. `sha256` is None for files that git stores itself; they are compared by `oid`, git's SHA-1."""

    size: int
    oid: str
    sha256: str | None

    def has_content(self, sha256: str, git_sha1: str) -> bool:
        """Whether the file has the content with these two hashes."""
        return self.sha256 == sha256 if self.sha256 else self.oid == git_sha1


@dataclass
class RemoteState:
    """What a branch holds. `head` and `files` are those of `main` if the branch does not exist."""

    repo_exists: bool = False
    branch_exists: bool = False
    private: bool = False
    head: str | None = None
    branches: dict[str, str] = field(default_factory=dict)  # name -> commit
    tags: dict[str, str] = field(default_factory=dict)  # name -> commit
    files: dict[str, RemoteFile] = field(default_factory=dict)  # path -> file
    manifest: Manifest | None = None
    card: str = ""


def git_sha1(data: bytes) -> str:
    """Git's name for a file's content: SHA-1 of "blob <size>\\0<content>"."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def check_login(client: RepoClient) -> None:
    """Refuse a read-only token before anything is uploaded.

    A fine-grained token does not say which repositories it may write to; `check_write_access` asks the Hub.

    Raises:
        HubError: the token can only read.
        RequestError: there is no token, or the Hub rejects it.
    """
    user = client.request("checking the token", client.api.whoami, token=client.token)
    role = user.get("auth", {}).get("accessToken", {}).get("role")
    if role == "read":
        raise cannot_write(client.target, "it is a read-only token")


def check_write_access(client: RepoClient) -> None:
    """Raise RequestError (403 or 404) unless the token may write to the repository."""
    client.request(CHECK_WRITE, client.api.auth_check, **client.repo_args, write=True)


def read_state(client: RepoClient) -> RemoteState:
    """Read what the branch holds. Files, card and manifest are those of one commit."""
    state, api, target = RemoteState(), client.api, client.target
    try:
        info = client.request("reading the repository", api.repo_info, **client.repo_args)
    except RequestError as e:
        # 401: without a token, as in a dry run, a private repository looks missing
        if isinstance(e.error, RepositoryNotFoundError) and e.status in (401, 404):
            return state
        raise
    state.repo_exists, state.private = True, bool(info.private)
    refs = client.request("reading the branches", api.list_repo_refs, **client.repo_args)
    state.branches = {ref.name: ref.target_commit for ref in refs.branches}
    state.tags = {ref.name: ref.target_commit for ref in refs.tags}
    if target.revision in state.tags:
        raise HubError(
            f"{target.revision} is a tag of {target.path}, and a push does not move tags.\n"
            "  Nothing was committed. Give a branch with --revision; name the new version with --tag."
        )
    state.branch_exists = target.revision in state.branches
    state.head = state.branches.get(target.revision) or state.branches.get("main")
    if state.head is not None:
        _read_files(client, state, state.head)
    return state


def _read_files(client: RepoClient, state: RemoteState, head: str) -> None:
    """Fill in the files of one commit, its card and its manifest."""
    tree = client.request("listing the files", _list_tree, client.api, **client.repo_args, revision=head)
    state.files = {
        item.path: RemoteFile(item.size, item.blob_id, item.lfs.sha256 if item.lfs else None)
        for item in tree
        if isinstance(item, RepoFile)
    }
    if schema.CARD in state.files:
        state.card = read_file(client, state, schema.CARD, head).decode("utf-8", errors="replace")
    state.manifest = read_manifest(client, state, head)


def _list_tree(api: HfApi, **repo_and_revision: Any) -> list[RepoFile | RepoFolder]:
    """All files and folders of a revision. The client sends the requests while the items are read."""
    return list(api.list_repo_tree(**repo_and_revision, recursive=True))


def list_commits(client: RepoClient, revision: str) -> list[GitCommitInfo]:
    """The commits of a branch or before a commit, newest first."""
    api = client.api
    return client.request("reading the commits", api.list_repo_commits, **client.repo_args, revision=revision)


def read_manifest(client: RepoClient, state: RemoteState, revision: str) -> Manifest | None:
    """The manifest of a revision; None if there is none that this version of the project can read."""
    if schema.STATISTICS not in state.files:
        return None
    try:
        return Manifest.from_json(read_file(client, state, schema.STATISTICS, revision))
    except OutputError:
        return None


def read_file(client: RepoClient, state: RemoteState, path: str, revision: str) -> bytes:
    """The content of a small file on the Hub.

    The client does not check downloads, so the content of a file at `state.head` is compared with the listing, and a
    damaged download is repeated.
    """
    url = hf_hub_url(**client.repo_args, filename=path, revision=revision, endpoint=client.api.endpoint)
    expected = state.files[path] if revision == state.head else None
    for try_index in range(client.policy.tries):
        data = client.request(f"reading {path}", _download, url, client.token)
        if expected is None or expected.has_content(hashlib.sha256(data).hexdigest(), git_sha1(data)):
            return data
        time.sleep(client.policy.wait_s(try_index))
    raise HubError(
        f"{path} of {client.target.path} was damaged in each of {client.policy.tries} downloads.\n"
        "  Nothing was committed. Check the network, then run the same command again."
    )


def _download(url: str, token: str | None) -> bytes:
    response = http_backoff("GET", url, headers=build_hf_headers(token=token))
    hf_raise_for_status(response)
    return bytes(response.content)
