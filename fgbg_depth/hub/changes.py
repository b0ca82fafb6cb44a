"""What one push changes on the branch: which files it adds, replaces and deletes, and how many bytes it uploads."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field

from fgbg_depth import schema
from fgbg_depth.card.text import PICTURES
from fgbg_depth.errors import HubError
from fgbg_depth.hub.output import LocalFile
from fgbg_depth.hub.repository import RemoteState, git_sha1


@dataclass(frozen=True)
class RemoteCopy:
    """A file of the repository that a commit copies: its path, and the commit that has it; None: the parent."""

    path: str
    revision: str | None = None


@dataclass
class ChangeSet:
    """The operations of one commit. `upload_bytes` counts the content that no file on the branch has yet."""

    added: list[LocalFile] = field(default_factory=list)
    replaced: list[LocalFile] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    copied: dict[str, RemoteCopy] = field(default_factory=dict)  # by new path; no content is uploaded
    num_unchanged: int = 0
    upload_bytes: int = 0

    @property
    def uploads(self) -> list[LocalFile]:
        """The files to upload."""
        return self.added + self.replaced

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not (self.added or self.replaced or self.deleted or self.copied)

    def digest(self, parent: str | None) -> str:
        """A digest of the operations and the parent commit. A push recognises its own commit by it."""
        lines = [f"{file.name} {file.sha256}" for file in self.uploads]
        lines += [f"- {name}" for name in self.deleted]
        lines += [f"{copy.path} {copy.revision} > {name}" for name, copy in self.copied.items()]
        return hashlib.sha256("\n".join([str(parent), *sorted(lines)]).encode()).hexdigest()[:32]


def compare(files: list[LocalFile], state: RemoteState, pushed_before: Collection[str]) -> ChangeSet:
    """The changes that make the branch hold `files`.

    Args:
        pushed_before: paths that an earlier push wrote. Those that are not in `files` are deleted; all other files
            on the branch stay.
    Raises:
        HubError: the output does not have a shard, and the branch does not have it either.
        OutputError: a local file cannot be read.
    """
    changes = ChangeSet()
    uploaded = {file.sha256 for file in state.files.values()}
    for file in sorted(files, key=lambda file: file.name):
        remote = state.files.get(file.name)
        if remote is not None and remote.has_content(file.sha256, "" if remote.sha256 else git_sha1(file.read())):
            changes.num_unchanged += 1
            continue
        if file.stays_on_hub:
            changes.copied[file.name] = RemoteCopy(path_on_branch(file, state))
            continue
        (changes.added if remote is None else changes.replaced).append(file)
        changes.upload_bytes += 0 if file.sha256 in uploaded else file.size
    names = {file.name for file in files}
    changes.deleted = sorted(name for name in pushed_before if name in state.files and name not in names)
    return changes


def path_on_branch(file: LocalFile, state: RemoteState) -> str:
    """The path of a file on the branch that has the content of `file`, which the output does not have.

    Raises:
        HubError: there is none.
    """
    for path, remote in state.files.items():
        if remote.sha256 == file.sha256 and remote.size == file.size:
            return path
    raise HubError(
        f"{file.name} is neither in the folder nor on this branch: the folder continues a version of another repository"
        " or branch, or that version's shards were deleted. Nothing was committed.\n"
        "  Push to the repository and branch that build --from named."
    )


def files_of_earlier_push(state: RemoteState) -> set[str]:
    """Paths of the files that an earlier push wrote to the branch; without card, recipe and statistics."""
    if state.manifest is None:
        return set()
    return (
        set(state.manifest.parquet_files)
        | set(state.manifest.pictures)
        | set(schema.METADATA)
        | {f"{schema.ASSETS}/{name}.png" for name in PICTURES}
    )


def foreign_data_warnings(changes: ChangeSet, files: list[LocalFile], state: RemoteState) -> list[str]:
    """A warning if the branch has data files that no push wrote: `load_dataset` may read them as rows."""
    ours = {file.name for file in files} | set(changes.deleted)
    found = [name for name in state.files if name.startswith(f"{schema.DATA}/") and name not in ours]
    if not found:
        return []
    return [
        f"{len(found)} files under {schema.DATA}/ on the Hub are not from this project, such as {found[0]}; they were"
        " left in place, and load_dataset may read them as rows."
    ]
