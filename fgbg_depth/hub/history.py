"""The history of a published dataset: the name of each version, and what changed since the version before."""

from __future__ import annotations

from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.manifest import Manifest, Version


def is_same_dataset(a: Manifest, b: Manifest) -> bool:
    """Whether two manifests are equal apart from version, history and card, which a push adds."""
    return a.replace(version=None, history=[], card="") == b.replace(version=None, history=[], card="")


def with_version(
    local: Manifest, published: Manifest | None, base: Manifest | None, tag: str | None, date: str
) -> Manifest:
    """The manifest to publish: that of the output, with its version and the history, newest version first.

    A push without a tag has version None, and the next push replaces its entry. So the history has one entry for
    each tag, and at most one entry without a tag.

    Args:
        published: the manifest on the branch now; None at the first push.
        base: the manifest that the changes are counted from: the newest tagged version, or if no version has a tag,
            `published`.
        tag: name of the new version, or None.
        date: today as YYYY-MM-DD, for the new entry.
    """
    if published is None:
        return local.replace(version=tag, history=[_entry(local, None, tag, date)])
    if is_same_dataset(local, published) and tag in (None, published.version):
        return local.replace(version=published.version, history=published.history)
    earlier = [entry for entry in published.history if entry.version not in (None, tag)]
    return local.replace(version=tag, history=[_entry(local, base, tag, date), *earlier])


def newest_tag(manifest: Manifest | None, other_than: str | None = None) -> str | None:
    """The tag of the newest entry in the history that has one, ignoring the tag `other_than`."""
    tags = (entry.version for entry in (manifest.history if manifest else []))
    return next((tag for tag in tags if tag and tag != other_than), None)


def _entry(manifest: Manifest, base: Manifest | None, tag: str | None, date: str) -> Version:
    bg_added, bg_removed = source_changes(base, manifest, "bg") if base else ([], [])
    fg_added, fg_removed = source_changes(base, manifest, "fg") if base else ([], [])
    return Version(
        version=tag,
        date=date,
        content=manifest.content_digest,
        rows=manifest.rows,
        depth_model=_model_name(manifest.depth),
        recipe_changes=recipe_changes(base, manifest) if base else [],
        bg_added=bg_added,
        bg_removed=bg_removed,
        fg_added=fg_added,
        fg_removed=fg_removed,
    )


def _model_name(depth: DepthSpec | None) -> str | None:
    """The depth model as "MODEL@REVISION"; None without depth."""
    if depth is None:
        return None
    return f"{depth.model}@{depth.revision}" if depth.revision else depth.model


def recipe_changes(before: Manifest, after: Manifest) -> list[str]:
    """One line for each recipe field with a new value, such as "placements: 20 -> 24"."""
    old, new = before.recipe.to_dict(), after.recipe.to_dict()
    return [f"{key}: {_as_text(old[key])} -> {_as_text(new[key])}" for key in old if old[key] != new[key]]


def source_changes(before: Manifest, after: Manifest, kind: str) -> tuple[list[str], list[str]]:
    """Names of the sources of one kind ("bg" or "fg") that are new or have new content, and of those removed."""
    old, new = before.sources[kind], after.sources[kind]
    added = [name for name in new if name not in old]
    changed = [f"{name} (new content)" for name in new if name in old and new[name].digest != old[name].digest]
    return sorted(added + changed), sorted(name for name in old if name not in new)


def _as_text(value: object) -> str:
    if value is None or value == "":
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
