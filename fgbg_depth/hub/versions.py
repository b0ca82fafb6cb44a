"""The versions of a dataset, and what changed between them: the data of `log` and `diff`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from fgbg_depth.errors import HubError, OutputError, UsageError
from fgbg_depth.manifest import Manifest, Version
from fgbg_depth.manifest.differences import NAMES_SHOWN, Differences, differences, model_name
from fgbg_depth.read.opening import open_files, read_manifest
from fgbg_depth.read.snapshot import Snapshot
from fgbg_depth.retry import RequestError, RetryPolicy, request
from fgbg_depth.schema import STATISTICS

ROLLBACK_TITLE = "Roll back to"  # a commit with this title is listed also without a tag
_PARALLEL_DOWNLOADS = 8
_PREFIX = "hf://datasets/"


@dataclass(frozen=True)
class VersionEntry:
    """One version of a dataset.

    Args:
        version: the tag; several are joined by ", "; "" without a tag.
        commit: the full id; "" for an entry of a folder's history, which knows none.
        date: YYYY-MM-DD; "" if it is not known.
        message: the commit's title; "" if it is not known.
        rows: number of rows; 0 if the version's statistics.json cannot be read.
        depth_model: "MODEL@REVISION"; None without depth labels.
        changes: lines that say what changed since the next older version; empty for the oldest.
    """

    version: str
    commit: str
    date: str
    message: str
    rows: int
    depth_model: str | None
    changes: tuple[str, ...]

    def __str__(self) -> str:
        facts = [f"{self.rows:,} rows", f"depth model {self.depth_model}" if self.depth_model else "no depth labels"]
        head = "  ".join(text for text in (self.version or "(no tag)", self.date, self.commit[:8]) if text)
        lines = [head, f"  {', '.join(facts)}" if self.rows else "", f"  {self.message}" if self.message else ""]
        return "\n".join([*(line for line in lines if line), *(f"    {change}" for change in self.changes)])


def list_versions(source: str | Path, limit: int = 20) -> list[VersionEntry]:
    """The versions of a dataset, newest first.

    On the Hub these are the tagged commits of the branch, its head, and rollbacks; of each, `statistics.json` is read.
    A folder has the history that its last push wrote.

    Args:
        source: a folder, `USER/NAME` or `USER/NAME@BRANCH`. A folder that exists wins.
        limit: number of versions.
    Raises:
        OutputError, HubError: there is no such dataset, or it cannot be read.
    """
    if _is_folder(source):
        return _versions_of_folder(read_manifest(open_files(source)))[:limit]
    return _versions_on_hub(*split_address(str(source)), limit)


def compare_versions(older: str | Path, newer: str | Path) -> Differences:
    """What changed from one version of a dataset to another. Only their `statistics.json` is read.

        print(compare_versions("alice/scenes@v1.0.0", "@v1.1.0"))

    Args:
        older, newer: a folder, `USER/NAME` or `USER/NAME@REVISION`; `newer` also `@REVISION` of the same dataset.
    Raises:
        OutputError, HubError: one of them cannot be read.
        UsageError: `newer` is a revision only, and `older` is a folder.
    """
    if str(newer).startswith("@"):
        if _is_folder(older):
            raise UsageError(f"{newer} names a revision on the Hub, but {older} is a folder.\n  Give USER/NAME{newer}.")
        newer = f"{split_address(str(older))[0]}{newer}"
    return differences(manifest_at(older), manifest_at(newer))


def manifest_at(source: str | Path) -> Manifest:
    """The manifest of a folder, or of a version on the Hub; see `compare_versions`."""
    if _is_folder(source):
        return read_manifest(open_files(source))
    repo_id, revision = split_address(str(source))
    snapshot = Snapshot(repo_id, revision, None)
    try:
        text = (snapshot.fetch([STATISTICS]) / STATISTICS).read_bytes()
    except FileNotFoundError as e:
        raise HubError(f"{snapshot} has no {STATISTICS}, so it is not a dataset of fgbg-depth.") from e
    return Manifest.from_json(text, f"{STATISTICS} of {snapshot}")


def split_address(address: str) -> tuple[str, str | None]:
    """("user/name", revision or None) of an address on the Hub.

    Raises:
        HubError: it is not USER/NAME or USER/NAME@REVISION.
    """
    repo_id, _, revision = address.removeprefix(_PREFIX).partition("@")
    if repo_id.count("/") != 1 or os.path.isabs(repo_id):
        raise HubError(
            f"{address!r} is not an existing folder, and not a dataset on the Hub (USER/NAME or USER/NAME@REVISION).\n"
            "  Check the path or the name."
        )
    return repo_id, revision or None


def _is_folder(source: str | Path) -> bool:
    return Path(os.path.expanduser(source)).is_dir()


def _versions_of_folder(manifest: Manifest) -> list[VersionEntry]:
    entries = [_of_history(entry) for entry in manifest.history]
    if manifest.version is None and not (manifest.history and manifest.history[0].version is None):
        changes = ("not published yet; compare it with a version on the Hub: diff USER/NAME FOLDER",)
        entries.insert(0, VersionEntry("", "", "", "", manifest.rows, model_name(manifest.depth), changes))
    return entries


def _of_history(entry: Version) -> VersionEntry:
    """A version as the history in `statistics.json` has it."""
    sources = {
        "backgrounds": {"added": entry.bg_added, "removed": entry.bg_removed},
        "cut-outs": {"added": entry.fg_added, "removed": entry.fg_removed},
    }
    lines = []
    for noun, groups in sources.items():
        if words := ", ".join(f"{len(names):,} {what} ({_listed(names)})" for what, names in groups.items() if names):
            lines.append(f"{noun}: {words}")
    lines += [f"recipe: {change}" for change in entry.recipe_changes]
    message = str(getattr(entry, "message", ""))
    return VersionEntry(entry.version or "", "", entry.date, message, entry.rows, entry.depth_model, tuple(lines))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def _versions_on_hub(repo_id: str, branch: str | None, limit: int) -> list[VersionEntry]:
    snapshot = Snapshot(repo_id, branch, None)  # its messages say what is wrong with the name or the revision
    api, policy = snapshot.api, RetryPolicy()
    head = str(snapshot.commit.resolved)
    try:
        refs = request(policy, "reading the tags", api.list_repo_refs, repo_id, repo_type="dataset")
        commits = request(
            policy, "reading the commits", api.list_repo_commits, repo_id, repo_type="dataset", revision=head
        )
    except RequestError as e:
        raise snapshot.explained(e.error) from e
    tags: dict[str, list[str]] = {}
    for ref in refs.tags:
        tags.setdefault(ref.target_commit, []).append(ref.name)
    chosen = [
        commit
        for commit in commits
        if commit.commit_id in tags or commit.commit_id == head or commit.title.startswith(ROLLBACK_TITLE)
    ]
    with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:  # one more than is shown: the oldest is compared, too
        manifests = list(pool.map(lambda c: _read(api, policy, repo_id, c.commit_id), chosen[: limit + 1]))
    return [
        _entry(commit, ", ".join(sorted(tags.get(commit.commit_id, []))), *pair)
        for commit, pair in zip(chosen[:limit], _pairs(manifests), strict=False)
    ]


def _pairs(manifests: list[Manifest | str]) -> Iterator[tuple[Manifest | str, Manifest | str | None]]:
    """Each with the next older one; None for the oldest."""
    yield from zip(manifests, [*manifests[1:], None], strict=True)


def _entry(commit: Any, version: str, manifest: Manifest | str, older: Manifest | str | None) -> VersionEntry:
    date = commit.created_at.date().isoformat()
    if isinstance(manifest, str):
        return VersionEntry(version, commit.commit_id, date, commit.title, 0, None, (manifest,))
    changes = tuple(differences(older, manifest).lines()) if isinstance(older, Manifest) else ()
    return VersionEntry(
        version, commit.commit_id, date, commit.title, manifest.rows, model_name(manifest.depth), changes
    )


def _read(api: HfApi, policy: RetryPolicy, repo_id: str, commit: str) -> Manifest | str:
    """The manifest of a commit, or why it cannot be read: the log of the other versions is still of use."""
    from huggingface_hub.errors import EntryNotFoundError

    step = f"reading {STATISTICS} of {commit[:8]}"
    try:
        path = request(policy, step, api.hf_hub_download, repo_id, STATISTICS, repo_type="dataset", revision=commit)
        return Manifest.from_json(Path(path).read_bytes(), STATISTICS)
    except RequestError as e:
        if isinstance(e.error, EntryNotFoundError):
            return f"no {STATISTICS}: not a version of fgbg-depth"
        raise
    except OutputError as e:
        return " ".join(str(e).split())
