"""The card's section "Changelog": one entry for each published version, newest first."""

from __future__ import annotations

from itertools import pairwise

from fgbg_depth.card import markdown
from fgbg_depth.manifest import Manifest, Version

_MAX_NAMES = 5  # of sources in one line
_MAX_OPEN = 10  # entries that are shown; the older ones are folded


def changelog_section(manifest: Manifest, repo_id: str | None = None) -> str:
    """The section as Markdown, with its heading; "" if the dataset was not published.

    Args:
        repo_id: `user/name` on the Hub, for the example that loads a version.
    """
    history = manifest.history
    if not history:
        return ""
    entries = [_entry(newer, older) for newer, older in pairwise([*history, None]) if newer is not None]
    lines = ["## Changelog", "", *entries[:_MAX_OPEN]]
    if older_entries := entries[_MAX_OPEN:]:
        summary = f"<details><summary>{len(older_entries):,} earlier versions</summary>"
        lines += [summary, "", *older_entries, "</details>", ""]
    tag = next((entry.version for entry in history if entry.version), None)
    if tag is not None and repo_id is not None:
        example = markdown.code(f'load_dataset("{repo_id}", revision="{tag}")')
        lines.append(f"Each version can be loaded by its name: {example}.")
    return "\n".join(lines).rstrip() + "\n"


def _entry(version: Version, older: Version | None) -> str:
    """One version: heading, the publisher's message, and what changed since the version before (None: the first)."""
    name = markdown.text(version.version) if version.version else "Without a tag"
    lines = [f"### {name}{f', {markdown.text(version.date)}' if version.date else ''}", ""]
    if version.message.strip():
        lines += [markdown.text(version.message), ""]
    lines += [f"- {line}" for line in _changes(version, older)]
    return "\n".join([*lines, ""])


def _changes(version: Version, older: Version | None) -> list[str]:
    """What changed, as lines of Markdown."""
    rows = f"{version.rows:,} rows"
    if older is None:
        first = [f"first version: {rows}"]
        return first + ([f"depth model {markdown.code(version.depth_model)}"] if version.depth_model else [])
    step = version.rows - older.rows
    lines = [f"{rows} ({step:+,})" if step else f"{rows}, as many as before"]
    sources = (
        ("background", "added", version.bg_added),
        ("background", "removed", version.bg_removed),
        ("cut-out", "added", version.fg_added),
        ("cut-out", "removed", version.fg_removed),
    )
    lines += [_sources(noun, verb, names) for noun, verb, names in sources if names]
    if version.depth_model != older.depth_model:
        models = (markdown.code(model) if model else "none" for model in (older.depth_model, version.depth_model))
        lines.append("depth model: " + " -> ".join(models))
    lines += [f"recipe: {markdown.text(change)}" for change in version.recipe_changes]
    return lines if lines[1:] or step else [*lines, "no change of recipe or sources"]


def _sources(noun: str, verb: str, names: list[str]) -> str:
    shown = ", ".join(markdown.code(name) for name in names[:_MAX_NAMES])
    more = ", ..." if len(names) > _MAX_NAMES else ""
    return f"{len(names):,} {noun}{'' if len(names) == 1 else 's'} {verb}: {shown}{more}"
