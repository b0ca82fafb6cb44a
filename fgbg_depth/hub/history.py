"""The history of a published dataset: the name of each version, and what changed since the version before."""

from __future__ import annotations

import re

from fgbg_depth.manifest import Manifest, Version
from fgbg_depth.manifest.differences import SourceDifferences, differences, model_name

_NUMBERED = re.compile(r"(\D*?)(\d+(?:\.\d+)*)")


def is_same_dataset(a: Manifest, b: Manifest) -> bool:
    """Whether two manifests are equal apart from version, history and card, which a push adds."""
    return a.replace(version=None, history=[], card="") == b.replace(version=None, history=[], card="")


def with_version(
    local: Manifest, published: Manifest | None, base: Manifest | None, tag: str | None, date: str, message: str = ""
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
        message: of the publisher, for the new entry; default: that of the entry without a tag which it replaces.
    """
    if published is None:
        return local.replace(version=tag, history=[_entry(local, None, tag, date, message)])
    if is_same_dataset(local, published) and tag in (None, published.version):
        return local.replace(version=published.version, history=published.history)
    earlier = [entry for entry in published.history if entry.version not in (None, tag)]
    replaced = [entry.message for entry in published.history if entry.version in (None, tag) and entry.message]
    message = message or next(iter(replaced), "")
    return local.replace(version=tag, history=[_entry(local, base, tag, date, message), *earlier])


def newest_tag(manifest: Manifest | None, other_than: str | None = None) -> str | None:
    """The tag of the newest entry in the history that has one, ignoring the tag `other_than`."""
    tags = (entry.version for entry in (manifest.history if manifest else []))
    return next((tag for tag in tags if tag and tag != other_than), None)


def next_free_version(manifest: Manifest | None) -> str:
    """A name for the next version that the history does not have: after v1.4.2 comes v1.5.0, after v3 comes v4.

    Args:
        manifest: of the output; None before the first build.
    """
    taken = {entry.version for entry in (manifest.history if manifest else [])}
    found = _NUMBERED.fullmatch(newest_tag(manifest) or "")
    prefix, numbers = (found[1], [int(number) for number in found[2].split(".")]) if found else ("v", [1, 0, 0])
    place = min(1, len(numbers) - 1)  # the second number: other rows, which the same program reads
    name = "" if found else "v1.0.0"
    while not name or name in taken:
        numbers[place:] = [numbers[place] + 1, *([0] * (len(numbers) - place - 1))]
        name = prefix + ".".join(map(str, numbers))
    return name


def _entry(manifest: Manifest, base: Manifest | None, tag: str | None, date: str, message: str) -> Version:
    found = differences(base, manifest) if base else None
    return Version(
        version=tag,
        date=date,
        message=message,
        content=manifest.content_digest,
        rows=manifest.rows,
        depth_model=model_name(manifest.depth),
        recipe_changes=[str(field) for field in found.recipe] if found else [],
        bg_added=_added(found.backgrounds) if found else [],
        bg_removed=list(found.backgrounds.removed) if found else [],
        fg_added=_added(found.cutouts) if found else [],
        fg_removed=list(found.cutouts.removed) if found else [],
    )


def _added(sources: SourceDifferences) -> list[str]:
    """Names of the sources that are new or have new content."""
    return [*sources.added, *(f"{name} (new content)" for name in sources.changed)]
