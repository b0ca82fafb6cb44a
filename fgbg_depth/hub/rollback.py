"""`rollback`: make a branch hold an earlier version again, by one commit whose content is copied on the Hub."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from huggingface_hub import HfApi, RepoFile
from huggingface_hub.hf_api import RepoFolder

from fgbg_depth import schema
from fgbg_depth.errors import HubError
from fgbg_depth.hub.changes import ChangeSet, RemoteCopy, files_of_earlier_push
from fgbg_depth.hub.commit import commit_once
from fgbg_depth.hub.messages import explain
from fgbg_depth.hub.repository import RemoteFile, RemoteState, RepoClient, check_login, check_write_access, read_state
from fgbg_depth.hub.session import single_tries
from fgbg_depth.hub.target import RepoTarget, check_ref, check_repo_id
from fgbg_depth.hub.versions import ROLLBACK_TITLE
from fgbg_depth.manifest import Manifest
from fgbg_depth.manifest.differences import Differences, differences
from fgbg_depth.read.snapshot import Snapshot
from fgbg_depth.retry import RequestError, RetryPolicy

_TEXTS = (schema.CARD, schema.RECIPE, schema.STATISTICS, *schema.METADATA)


@dataclass(frozen=True)
class RollbackReport:
    """What a rollback did, or would do before it was confirmed.

    Args:
        version: the tag or commit that the branch holds again.
        target: the full id of its commit.
        copied, deleted: numbers of files.
        changes: from the version that the branch held to the one that it holds now; None if the former has no readable
            statistics.json.
        commit: the new commit; None: the branch held that version already, or nothing was done yet.
    """

    repo_id: str
    branch: str
    version: str
    target: str
    copied: int
    deleted: int
    changes: Differences | None
    commit: str | None = None

    def __str__(self) -> str:
        if self.commit is None and not self.copied and not self.deleted:
            return f"{self.repo_id}, branch {self.branch}, holds {self.version} already; no commit was made."
        if self.commit is None:
            return self.plan()
        return (
            f"{self.repo_id}, branch {self.branch}, holds {self.version} again: commit {self.commit[:8]}, "
            f"{self.copied} files copied on the Hub, {self.deleted} deleted."
        )

    def plan(self) -> str:
        """What the rollback will change, for the question before it."""
        lines = [
            f"Rolling {self.repo_id}, branch {self.branch}, back to {self.version} (commit {self.target[:8]}) makes "
            f"one commit: {self.copied} files are copied on the Hub, {self.deleted} are deleted.",
            f"The card becomes that of {self.version}, too. Later versions keep their tags and can be loaded by them.",
        ]
        return "\n".join([*lines, *(f"  {line}" for line in (self.changes.lines() if self.changes else ()))])


def rollback(
    repo_id: str,
    version: str,
    *,
    branch: str = "main",
    confirm: Callable[[RollbackReport], bool] = lambda plan: True,
    token: str | None = None,
    retry_policy: RetryPolicy | None = None,
) -> RollbackReport:
    """Make a branch hold an earlier version again. No shard passes through this computer.

    All files that pushes of this project wrote become those of that version: large ones are copied on the Hub, and the
    card, the recipe and `statistics.json` are small. Files of others stay. Tags stay, and the versions in between stay
    in the history. A later push makes the next version as usual, under a new tag.

    Args:
        repo_id: `USER/NAME`.
        version: tag or commit.
        confirm: called with the plan before anything is changed; returns whether to go on.
    Returns:
        The report; with `commit` None if nothing had to be changed or it was not confirmed.
    Raises:
        HubError: there is no such version, the token cannot write, or somebody else committed meanwhile.
    """
    check_repo_id(repo_id)
    check_ref("VERSION", version)
    target = RepoTarget(repo_id, branch, "dataset")
    policy = retry_policy or RetryPolicy()
    client = RepoClient(HfApi(token=token), target, policy, token)
    try:
        with single_tries(policy):
            check_login(client)
            snapshot = Snapshot(repo_id, version, token)
            state = read_state(client)
            if not state.branch_exists:
                raise HubError(f"{target.path} has no branch {branch}. Nothing was committed.")
            check_write_access(client)
            commit, manifest = str(snapshot.commit.resolved), _manifest(snapshot)
            changes = _changes(client, commit, manifest, state)
            found = differences(state.manifest, manifest) if state.manifest is not None else None
            report = RollbackReport(repo_id, branch, version, commit, len(changes.copied), len(changes.deleted), found)
            if changes.is_empty or not confirm(report):
                return report
            made = commit_once(client, changes, [], f"{ROLLBACK_TITLE} {version}", state.head, create_pr=False)
            return dataclasses.replace(report, commit=made.oid)
    except RequestError as e:
        raise explain(e, target) from e


def _changes(client: RepoClient, commit: str, manifest: Manifest, state: RemoteState) -> ChangeSet:
    """The copies and deletions that make the branch hold the files of a version.

    Args:
        commit: the version's full id.
        manifest: of the version.
    """
    files = _list_files(client, commit)
    entries = manifest.parquet_files
    for path, entry in entries.items():
        if path not in files or (files[path].size, files[path].sha256) != (entry.bytes, entry.sha256):
            raise HubError(
                f"{client.target.path} does not have {path} at commit {commit[:8]} with the size and SHA-256 that its "
                f"{schema.STATISTICS} lists.\n  Nothing was committed. Choose another version."
            )
    changes = ChangeSet()
    wanted = {path for path in (*entries, *manifest.pictures, *_TEXTS) if path in files}
    for path in sorted(wanted):
        if path in state.files and state.files[path].oid == files[path].oid:
            changes.num_unchanged += 1
        else:
            changes.copied[path] = RemoteCopy(path, commit)
    changes.deleted = sorted((files_of_earlier_push(state) & state.files.keys()) - wanted)
    return changes


def _list_files(client: RepoClient, commit: str) -> dict[str, RemoteFile]:
    """The files of a commit, by path."""

    def listed() -> list[RepoFile | RepoFolder]:
        return list(client.api.list_repo_tree(**client.repo_args, revision=commit, recursive=True))

    return {
        item.path: RemoteFile(item.size, item.blob_id, item.lfs.sha256 if item.lfs else None)
        for item in client.request("listing the files", listed)
        if isinstance(item, RepoFile)
    }


def _manifest(snapshot: Snapshot) -> Manifest:
    """The manifest of a version."""
    try:
        text = (snapshot.fetch([schema.STATISTICS]) / schema.STATISTICS).read_bytes()
    except FileNotFoundError as e:
        raise HubError(
            f"{snapshot} has no {schema.STATISTICS}, so it is not a version of fgbg-depth. Nothing was committed."
        ) from e
    return Manifest.from_json(text, f"{schema.STATISTICS} of {snapshot}")
