"""The two files that a push generates: statistics.json with version and history, and the card."""

from __future__ import annotations

import datetime
from pathlib import Path

from fgbg_depth import schema
from fgbg_depth.card.notes import extract_notes, merged_notes, missing_comment_warning, read_notes
from fgbg_depth.card.text import render_card
from fgbg_depth.errors import OutputError
from fgbg_depth.hub import history
from fgbg_depth.hub.output import LocalFile, unreadable
from fgbg_depth.hub.repository import RemoteState, RepoClient, read_manifest
from fgbg_depth.manifest import Manifest
from fgbg_depth.storage.files import Storage


def next_version(client: RepoClient, state: RemoteState, manifest: Manifest, tag: str | None) -> Manifest:
    """The manifest of an output with its version and the history, which lists the changes since the newest tag."""
    base, newest_tag = state.manifest, history.newest_tag(state.manifest, other_than=tag)
    if base and base.version != newest_tag and newest_tag in state.tags:
        base = read_manifest(client, state, str(newest_tag)) or base
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return history.with_version(manifest, state.manifest, base, tag, today)


def generated_files(
    folder: Path, repo_id: str, state: RemoteState, manifest: Manifest
) -> tuple[list[LocalFile], list[str]]:
    """statistics.json and the card of this version, and warnings about the card.

    Raises:
        OutputError: the card in `folder` cannot be read, or is not UTF-8 text.
    """
    notes, warnings = notes_to_keep(state, folder)
    card = render_card(manifest, notes, repo_id)
    files = [
        LocalFile.of_content(schema.STATISTICS, manifest.to_json().encode()),
        LocalFile.of_content(schema.CARD, card.encode()),
    ]
    return files, warnings


def notes_to_keep(state: RemoteState, folder: Path) -> tuple[str, list[str]]:
    """The notes that a person wrote into the card on the Hub and into the card of the output, and warnings.

    A card that was on the Hub before the first push has no comments around notes, so all its text becomes the notes.
    """
    published = extract_notes(state.card)
    try:
        local = read_notes(Storage(folder))
    except OSError as e:
        raise unreadable(folder / schema.CARD, e) from e
    warnings = []
    if state.manifest is not None and (warning := missing_comment_warning(state.card, f"{schema.CARD} on the Hub")):
        warnings.append(warning)
    notes = merged_notes(published, local)
    if notes not in (published, local):
        warnings.append(
            f"your own words in {folder / schema.CARD} differ from those in {schema.CARD} on the Hub; both are kept."
            " To change or remove published words, edit the card on the Hub."
        )
    return notes, warnings


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
        return [f"the published card and statistics.json could not be written to {folder}: {e}"]
    return []
