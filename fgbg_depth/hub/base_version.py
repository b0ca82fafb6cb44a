"""Does a push undo what somebody else published? The version that an output is based on, against that on the branch."""

from __future__ import annotations

from dataclasses import dataclass

from huggingface_hub import GitCommitInfo

from fgbg_depth.builder.messages import count
from fgbg_depth.errors import HubError, command
from fgbg_depth.hub.commit import MARKER, described
from fgbg_depth.hub.repository import RemoteState, RepoClient, list_commits, read_manifest
from fgbg_depth.manifest import Manifest
from fgbg_depth.manifest.differences import FieldDifference, differences

_MAX_PUSHES = 30  # the newest ones, among which the base version is looked for
_MAX_NAMES = 5  # in a message


@dataclass(frozen=True)
class Undone:
    """What a push would undo of the version on the branch.

    Args:
        shards: path -> rows, of shards that would be deleted.
        restored: shards that would come back: the version on the branch has removed them.
        sources: names of backgrounds and cut-outs that would be removed.
        recipe: fields that somebody changed and that would get another value: from that on the branch to ours.
    """

    shards: dict[str, int]
    restored: list[str]
    sources: list[str]
    recipe: list[FieldDifference]

    @property
    def is_empty(self) -> bool:
        """Whether the output has everything that the version on the branch has."""
        return not (self.shards or self.restored or self.sources or self.recipe)

    def __str__(self) -> str:
        files = f"{count(len(self.shards), 'file')}: {_listed(list(self.shards))}"
        rows = f"{count(sum(self.shards.values()), 'row')} ({files})"
        parts = [f"remove {rows}"] if self.shards else []
        parts += [f"remove {count(len(self.sources), 'source')} ({_listed(self.sources)})"] if self.sources else []
        if self.restored:
            parts.append(f"bring back {count(len(self.restored), 'removed file')} ({_listed(self.restored)})")
        parts += [f"change the recipe back ({'; '.join(map(str, self.recipe))})"] if self.recipe else []
        return "; ".join(parts)


def check_base(client: RepoClient, state: RemoteState, local: Manifest) -> None:
    """Refuse a push that would undo a version that the output is not based on.

    The newest entry in the history of an output's manifest is the version that it is based on. If the branch does not
    have this version, or the output has no history (a build in a new folder), the output must have all rows and
    sources that the branch has.

    Raises:
        HubError: the push would undo something; the message says what, and who published it.
    """
    remote = state.manifest
    if remote is None or remote.content_digest == local.content_digest:
        return
    base_digest = local.history[0].content if local.history else ""
    if base_digest == remote.content_digest:
        return
    commits = list_commits(client, str(state.head))
    base = _find_base(client, state, local, commits) if base_digest else None
    if base is None and remote.content_digest in {entry.content for entry in local.history[1:]}:
        return  # the branch has an earlier version of the output, which was pushed to another branch
    undone = _undone(base, remote, local)
    if not undone.is_empty:
        raise _refusal(client, remote, local, undone, commits)


def _find_base(
    client: RepoClient, state: RemoteState, local: Manifest, commits: list[GitCommitInfo]
) -> Manifest | None:
    """The manifest of the version that the output is based on; None if the branch does not have it."""
    entry = local.history[0]
    tagged = state.tags.get(entry.version or "")
    revisions = [commit.commit_id for commit in commits if commit.commit_id == tagged]
    revisions += [commit.commit_id for commit in commits if MARKER in commit.message][:_MAX_PUSHES]
    for revision in dict.fromkeys(revisions):
        found = read_manifest(client, state, revision)
        if found is not None and found.content_digest == entry.content:
            return found
    return None


def _undone(base: Manifest | None, remote: Manifest, local: Manifest) -> Undone:
    """What making the branch equal to `local` would undo of the changes from `base` to `remote`."""
    lost = {path: entry.rows for path, entry in remote.shards.items() if path not in local.shards}
    if base is None:
        return Undone(lost, [], _missing_sources(remote, local), [])
    theirs = differences(base, remote)
    values = local.recipe.to_dict()
    added = {*theirs.backgrounds.added, *theirs.cutouts.added}
    return Undone(
        {path: rows for path, rows in lost.items() if path not in base.shards},
        [path for path in base.shards if path in local.shards and path not in remote.shards],
        [name for name in _missing_sources(remote, local) if name in added],
        [
            FieldDifference(field.name, field.new, values[field.name])
            for field in theirs.recipe
            if values[field.name] != field.new
        ],
    )


def _missing_sources(remote: Manifest, local: Manifest) -> list[str]:
    return sorted(name for kind in remote.sources for name in remote.sources[kind] if name not in local.sources[kind])


def _refusal(
    client: RepoClient, remote: Manifest, local: Manifest, undone: Undone, commits: list[GitCommitInfo]
) -> HubError:
    target = client.target
    newest = next((commit for commit in commits if MARKER in commit.message), commits[0] if commits else None)
    there = _version(remote) + (f", {described(newest)}" if newest else "")
    if local.history:
        fault = f"has moved on from the version that {target.output} is based on"
        base = f"  {target.output} is based on {_version(local)}.\n"
    else:
        fault = f"has a version that {target.output} is not based on"
        base = f"  {target.output} was built without it: it has no published version in its history.\n"
    proceed = command(f"build --from {target.repo_id} --output NEW_FOLDER")
    return HubError(
        f"{target.path}, branch {target.revision}, {fault}, so nothing was uploaded.\n"
        f"  On the Hub: {there}.\n{base}"
        f"  This push would {undone}.\n"
        f"  To keep the version on the Hub, continue from it with your changes, then push that folder: {proceed}\n"
        "  To replace it all the same, add --replace-newer."
    )


def _version(manifest: Manifest) -> str:
    """The newest version in a history, such as "v1.1.0 of 2026-11-21"."""
    entry = manifest.history[0] if manifest.history else None
    name = (entry.version if entry else manifest.version) or "a version without a tag"
    return f"{name} of {entry.date}" if entry and entry.date else name


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(names[:_MAX_NAMES]) + more
