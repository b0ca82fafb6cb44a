"""The files that a push generates: statistics.json with version and history, the card, and `schema.METADATA`."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fgbg_depth import schema
from fgbg_depth.card.croissant import HubPlace
from fgbg_depth.card.metadata_files import metadata_files
from fgbg_depth.card.notes import extract_notes, missing_comment_warning, read_notes
from fgbg_depth.card.text import render_card
from fgbg_depth.errors import OutputError
from fgbg_depth.hub import history
from fgbg_depth.hub.card_merge import MergedCard, merge_card, merge_notes, show
from fgbg_depth.hub.messages import card_conflict
from fgbg_depth.hub.metadata_merge import merge_croissant
from fgbg_depth.hub.output import LocalFile, unreadable
from fgbg_depth.hub.repository import RemoteState, RepoClient, git_sha1, read_file, read_manifest
from fgbg_depth.manifest import Manifest
from fgbg_depth.storage.files import Storage


def next_version(client: RepoClient, state: RemoteState, manifest: Manifest, tag: str | None, message: str) -> Manifest:
    """The manifest of an output with its version and the history, which lists the changes since the newest tag."""
    base, newest_tag = state.manifest, history.newest_tag(state.manifest, other_than=tag)
    if base and base.version != newest_tag and newest_tag in state.tags:
        base = read_manifest(client, state, str(newest_tag)) or base
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return history.with_version(manifest, state.manifest, base, tag, today, message)


@dataclass(frozen=True)
class Generated:
    """The generated files, the notes in the card, warnings about it, and what else it has from the card on the Hub."""

    files: list[LocalFile]
    notes: str
    warnings: list[str]
    kept: list[str]


def generated_files(
    folder: Path, client: RepoClient, state: RemoteState, local: Manifest, published: Manifest, overwrite_card: bool
) -> Generated:
    """statistics.json, the card and the metadata of this version, with what people wrote into them on the Hub.

    Args:
        local: the manifest of the output; it has the card that the last push of this folder wrote.
        published: the manifest to publish.
        overwrite_card: where the card cannot be merged, write that of this push instead of failing.
    Raises:
        HubError: text was changed on the Hub and by this push, in different ways.
        OutputError: the card in `folder` cannot be read, or is not UTF-8 text.
    """
    target = client.target
    try:
        here = read_notes(Storage(folder), local.card)
    except OSError as e:
        raise unreadable(folder / schema.CARD, e) from e
    there = extract_notes(state.card)
    notes, conflicts = merge_notes(extract_notes(local.card) if local.card else None, here, there)
    card = render_card(published, notes, target.repo_id)
    base = _last_card(state, there, target.repo_id)
    merged = merge_card(base, card, state.card) if state.card else MergedCard(card)
    conflicts += merged.conflicts
    if conflicts and not overwrite_card:
        raise card_conflict(target, show(conflicts))
    warnings = []
    if notes not in (here, there):
        warnings.append(
            f"your own words in {folder / schema.CARD} differ from those in {schema.CARD} on the Hub; both are kept."
        )
    if conflicts:
        warnings.append(f"edits of {schema.CARD} on the Hub were overwritten:\n{show(conflicts)}")
    if state.manifest is not None and (warning := missing_comment_warning(state.card, f"{schema.CARD} on the Hub")):
        warnings.append(warning)
    metadata = _metadata(client, state, published)
    statistics = published.replace(card=card).to_json()
    files = [
        LocalFile.of_content(schema.STATISTICS, statistics.encode()),
        LocalFile.of_content(schema.CARD, merged.text.encode()),
        *metadata.files,
    ]
    return Generated(files, notes, warnings + metadata.warnings, merged.kept + metadata.kept)


def _metadata(client: RepoClient, state: RemoteState, published: Manifest) -> Generated:
    """`schema.METADATA` of this version. `croissant.json` keeps the keys that people added on the Hub."""
    place = HubPlace(client.target.repo_id, client.target.revision)
    contents = metadata_files(published, place)
    remote, data = state.files.get(schema.CROISSANT), contents[schema.CROISSANT]
    if remote is None or remote.has_content(hashlib.sha256(data).hexdigest(), git_sha1(data)):
        return Generated(_files(contents), "", [], [])
    found = read_file(client, state, schema.CROISSANT, str(state.head))
    merged = merge_croissant(state.manifest, published, place, found)
    contents[schema.CROISSANT] = merged.text.encode()
    warnings = []
    if merged.replaced:
        warnings.append(
            f"{schema.CROISSANT} on the Hub has other texts than a push writes; they were replaced: "
            f"{', '.join(merged.replaced)}. Write your words into the recipe: its fields in the group 'card'."
        )
    kept = [f"{schema.CROISSANT}: {', '.join(merged.kept)}"] if merged.kept else []
    return Generated(_files(contents), "", warnings, kept)


def _files(contents: Mapping[str, bytes]) -> list[LocalFile]:
    return [LocalFile.of_content(name, content) for name, content in contents.items()]


def _last_card(state: RemoteState, notes: str, repo_id: str) -> str | None:
    """The card as the last push to the branch generated it; None if no push wrote the card that is there."""
    if state.manifest is None:
        return None
    return state.manifest.card or render_card(state.manifest, notes, repo_id)


def write_back(folder: Path, files: list[LocalFile]) -> list[str]:
    """Write the generated files into the output, so that it equals the published version.

    Returns:
        Warnings: one if the files could not be written. The push itself has succeeded by then.
    """
    storage = Storage(folder)
    try:
        for file in files:
            if not storage.exists(file.name) or storage.read(file.name) != file.content:
                storage.write(file.name, file.content)
    except (OSError, OutputError) as e:
        return [f"the published card, statistics.json and metadata could not be written to {folder}: {e}"]
    return []
