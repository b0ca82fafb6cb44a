"""Versions of a published dataset: the name of each, and what changed since the version before."""

from __future__ import annotations

from typing import Any

from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.manifest import Manifest, Version


def is_same_dataset(a: Manifest, b: Manifest) -> bool:
    """Whether two manifests describe the same dataset: all is equal but what push adds, version and history."""
    return a.replace(version=None, history=[]) == b.replace(version=None, history=[])


def versioned(
    local: Manifest, published: Manifest | None, base: Manifest | None, tag: str | None, date: str
) -> Manifest:
    """The manifest to publish: that of the output, with its version and the history, newest first.

    An untagged push has version None, and its entry is replaced by that of the next push; so the history has
    one entry for each tag, and at most one without.

    Args:
        published: what the Hub's branch holds now; None at the first push.
        base: the manifest of the newest tagged version; changes are counted from it.
        tag: name of the new version, or None.
        date: today as YYYY-MM-DD, for a new entry.
    """
    if published is None:
        return local.replace(version=tag, history=[_entry(local, None, tag, date)])
    if is_same_dataset(local, published) and tag in (None, published.version):
        return local.replace(version=published.version, history=published.history)
    before = [entry for entry in published.history if entry.version not in (None, tag)]
    return local.replace(version=tag, history=[_entry(local, base, tag, date), *before])


def newest_tag(manifest: Manifest | None, other_than: str | None = None) -> str | None:
    """The tag of the newest tagged version in the history."""
    tags = (entry.version for entry in (manifest.history if manifest else []))
    return next((tag for tag in tags if tag and tag != other_than), None)


def _entry(manifest: Manifest, base: Manifest | None, tag: str | None, date: str) -> Version:
    bg_added, bg_removed = source_changes(base, manifest, "bg") if base else ([], [])
    fg_added, fg_removed = source_changes(base, manifest, "fg") if base else ([], [])
    return Version(
        version=tag,
        date=date,
        rows=manifest.rows,
        depth_model=depth_words(manifest.depth),
        recipe_changes=recipe_changes(base, manifest) if base else [],
        bg_added=bg_added,
        bg_removed=bg_removed,
        fg_added=fg_added,
        fg_removed=fg_removed,
    )


def depth_words(depth: DepthSpec | None) -> str | None:
    """The depth model and its revision, in one word."""
    if depth is None:
        return None
    return f"{depth.model}@{depth.revision}" if depth.revision else depth.model


def recipe_changes(old: Manifest, new: Manifest) -> list[str]:
    """One line for each changed recipe field: "placements: 20 -> 24"."""
    before, after = old.recipe.to_dict(), new.recipe.to_dict()
    return [f"{key}: {_words(before[key])} -> {_words(after[key])}" for key in before if before[key] != after[key]]


def source_changes(old: Manifest, new: Manifest, kind: str) -> tuple[list[str], list[str]]:
    """Names of the sources of one kind ("bg" or "fg") that are new or have new content, and of those removed."""
    before, after = old.sources[kind], new.sources[kind]
    added = [name for name in after if name not in before]
    changed = [f"{n} (new content)" for n in after if n in before and after[n].digest != before[n].digest]
    return sorted(added + changed), sorted(name for name in before if name not in after)


def _words(value: Any) -> str:
    if value is None or value == "":
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
