"""Make exactly one commit, and its tag, even if responses of the Hub get lost.

The Hub may carry out a request and the response may not arrive. Two things prevent a second commit: the request names
its parent, and the Hub refuses a commit whose parent is no longer the head; and the description has a marker line with
a digest of the operations, by which a push recognises its own commit.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from huggingface_hub import (
    CommitInfo,
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    Discussion,
    GitCommitInfo,
    HfApi,
)

from fgbg_depth.errors import HubError
from fgbg_depth.hub.changes import ChangeSet
from fgbg_depth.hub.messages import commit_refused, commit_unanswered, tag_exists, tag_failed
from fgbg_depth.hub.repository import RepoClient, list_commits
from fgbg_depth.hub.target import RepoTarget
from fgbg_depth.retry import RequestError, send, wait_before_retry

MARKER = "fgbg-depth push"
_HEAD_MOVED = (409, 412)  # the commit's parent is no longer the head of the branch
_MAX_PULL_REQUESTS = 20  # the newest ones, in which a push looks for its own


class BranchMovedError(HubError):
    """Somebody else committed to the branch during the push; nothing of ours was committed."""

    def __init__(self, target: RepoTarget, newest: str) -> None:
        super().__init__(
            f"somebody else committed to {target.path}, branch {target.revision}, during this push: {newest}.\n"
            "  Their commit is unchanged, and nothing of yours was committed. Run the same command again: it starts\n"
            "  from their commit and keeps their changes, and files that are on the Hub are not uploaded again."
        )


def described(commit: GitCommitInfo) -> str:
    """A commit in a message: "commit 3e24b8e0 by alice ("its title")"."""
    authors = f" by {', '.join(commit.authors)}" if commit.authors else ""
    return f'commit {commit.commit_id[:8]}{authors} ("{commit.title}")'


@dataclass(frozen=True)
class Committed:
    """The commit that a push made now, or that an interrupted push with the same operations made before."""

    oid: str
    pr_url: str | None = None


def commit_once(
    client: RepoClient,
    changes: ChangeSet,
    operations: list[CommitOperationAdd],
    message: str,
    parent: str | None,
    create_pr: bool,
    digest: str | None = None,
) -> Committed:
    """Make one commit with all changes on top of `parent`.

    Args:
        operations: as `upload` returns them.
        message: the commit's title.
        parent: the head of the branch when its state was read.
        create_pr: open a pull request instead of moving the branch.
        digest: by which the commit is recognised; default: that of the changes and the parent.
    Raises:
        BranchMovedError: somebody else committed meanwhile.
        HubError: the Hub did not answer, or says that the branch has moved, although it has not.
        RequestError: the Hub refused the commit.
    """
    digest = digest or changes.digest(parent)
    arguments: dict[str, Any] = {
        **client.repo_args,
        "operations": [
            *operations,
            *(
                CommitOperationCopy(copy.path, name, src_revision=copy.revision or parent)
                for name, copy in changes.copied.items()
            ),
            *(CommitOperationDelete(name) for name in changes.deleted),
        ],
        "commit_message": message,
        "commit_description": f"{MARKER} {digest}",
        "revision": client.target.revision,
        "parent_commit": parent,
        "create_pr": create_pr,
    }
    for try_index in range(client.policy.tries):
        try:
            made = send("committing", _create_commit, client.api, **arguments)
            return Committed(made.oid, made.pr_url)
        except RequestError as e:
            error = e
        is_refused = error.status in _HEAD_MOVED
        if not is_refused and not error.is_temporary:
            raise error
        try:
            found = find_pull_request(client, digest) if create_pr else _find_commit(client, digest, parent)
            newest = list_commits(client, client.target.revision)[0] if is_refused else None
        except RequestError as e:
            raise commit_unanswered(client.target, e) from e
        if found is not None:
            return found
        if newest is not None and newest.commit_id != parent:
            raise BranchMovedError(client.target, described(newest)) from error
        try:
            wait_before_retry(error, try_index, client.policy)
        except RequestError as e:
            if newest is not None:
                raise commit_refused(client.target, described(newest), e) from e
            raise commit_unanswered(client.target, e) from e
    raise AssertionError("wait_before_retry raises after the last try")


def _create_commit(api: HfApi, **arguments: Any) -> CommitInfo:
    made: CommitInfo = api.create_commit(**arguments)
    return made


def _find_commit(client: RepoClient, digest: str, parent: str | None) -> Committed | None:
    """Our commit among those on the branch since `parent`, or None."""
    for commit in list_commits(client, client.target.revision):
        if commit.commit_id == parent:
            return None
        if f"{MARKER} {digest}" in commit.message:
            return Committed(commit.commit_id)
    return None


def find_pull_request(client: RepoClient, digest: str) -> Committed | None:
    """An open pull request, among the newest, whose commit has this digest, or None."""
    step = "looking for the pull request"
    for pull_request in client.request(step, _newest_pull_requests, client.api, **client.repo_args):
        if pull_request.status in ("open", "draft"):
            newest = list_commits(client, f"refs/pr/{pull_request.num}")[0]
            if f"{MARKER} {digest}" in newest.message:
                return Committed(newest.commit_id, pull_request.url)
    return None


def _newest_pull_requests(api: HfApi, **repo: Any) -> list[Discussion]:
    return list(itertools.islice(api.get_repo_discussions(**repo, discussion_type="pull_request"), _MAX_PULL_REQUESTS))


def set_tag(client: RepoClient, tag: str, commit: str, made_commit: bool) -> None:
    """Set the tag. A tag of that name that exists must name the same commit, as it does after a lost response.

    Args:
        commit: full id of the commit to tag.
        made_commit: whether this push made it; messages say so.
    Raises:
        HubError: the tag names another commit, or the Hub did not set it. The commit is on the branch.
    """
    try:
        tagged = _create_tag(client, tag, commit)
    except RequestError as e:
        raise tag_failed(client.target, tag, commit, made_commit, e) from e
    if tagged != commit:
        raise tag_exists(client.target, tag, str(tagged), committed=commit)


def _create_tag(client: RepoClient, tag: str, commit: str) -> str | None:
    """Create the tag, or leave an existing one as it is. Returns the commit that it names now."""
    try:
        step = f"setting tag {tag}"
        client.request(step, client.api.create_tag, **client.repo_args, tag=tag, revision=commit)
        return commit
    except RequestError as e:
        if e.status != 409:
            raise
    return tagged_commit(client, tag)


def tagged_commit(client: RepoClient, tag: str) -> str | None:
    """The commit that a tag names."""
    return client.request(f"reading tag {tag}", client.api.repo_info, **client.repo_args, revision=tag).sha
