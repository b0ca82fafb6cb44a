"""Versions of a published dataset: what each one is called and what changed since the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Statistics = Mapping[str, Any]  # the content of a statistics.json
_PUBLISHED = ("version", "history")  # what push adds to the statistics that build made


def core(statistics: Statistics) -> dict[str, Any]:
    """The statistics without what push adds: two datasets with the same core are the same dataset."""
    return {key: value for key, value in statistics.items() if key not in _PUBLISHED}


def versioned(
    local: Statistics, published: Statistics | None, base: Statistics | None, tag: str | None, date: str
) -> dict[str, Any]:
    """The statistics to publish: those of the output, with its version and the history, newest first.

    An untagged push has version None, and its entry is replaced by that of the next push; so the history has
    one entry a tag, and at most one without.

    Args:
        published: what stands on the Hub's branch now; None at the first push.
        base: what the newest tagged version had; the changes are counted from it.
        tag: the version to be, or None.
        date: today as YYYY-MM-DD, for a new entry.
    """
    if published is None:
        return {**local, "version": tag, "history": [_entry(local, None, tag, date)]}
    version = published.get("version")
    entries = list(published.get("history") or [])
    if core(local) == core(published) and tag in (None, version):
        return {**local, "version": version, "history": entries}
    before = [entry for entry in entries if entry.get("version") not in (None, tag)]
    return {**local, "version": tag, "history": [_entry(local, base, tag, date), *before]}


def newest_tag(statistics: Statistics | None, other_than: str | None = None) -> str | None:
    """The tag of the newest tagged version in the history."""
    entries = (statistics or {}).get("history") or []
    tags = (entry.get("version") for entry in entries)
    return next((tag for tag in tags if tag and tag != other_than), None)


def _entry(statistics: Statistics, base: Statistics | None, tag: str | None, date: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "version": tag,
        "date": date,
        "rows": statistics["rows"],
        "depth_model": depth_words(statistics.get("depth")),
        "recipe_changes": recipe_changes(base, statistics) if base else [],
    }
    for kind in ("bg", "fg"):
        added, removed = source_changes(base, statistics, kind) if base else ([], [])
        entry |= {f"{kind}_added": added, f"{kind}_removed": removed}
    return entry


def depth_words(depth: Mapping[str, Any] | None) -> str | None:
    """The depth model and its revision, in one word."""
    if not depth:
        return None
    return f"{depth['model']}@{depth['revision']}" if depth.get("revision") else str(depth["model"])


def recipe_changes(old: Statistics, new: Statistics) -> list[str]:
    """One line a changed recipe field: "placements: 20 -> 24"."""
    before, after = old.get("recipe") or {}, new.get("recipe") or {}
    return [
        f"{key}: {_words(before.get(key))} -> {_words(after.get(key))}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def source_changes(old: Statistics, new: Statistics, kind: str) -> tuple[list[str], list[str]]:
    """Names of the sources of one kind ("bg" or "fg") that are new or have new content, and of those gone."""
    before, after = (statistics["sources"][kind] for statistics in (old, new))
    added = [name for name in after if name not in before]
    changed = [f"{n} (new content)" for n in after if n in before and after[n]["digest"] != before[n]["digest"]]
    return sorted(added + changed), sorted(name for name in before if name not in after)


def _words(value: Any) -> str:
    if value is None or value == "":
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
