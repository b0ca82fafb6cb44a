"""The two files that a push generates: statistics.json with version and history, and the card."""

from __future__ import annotations

import datetime
from pathlib import Path

from fgbg_depth import schema
from fgbg_depth.card.text import extract_notes, read_notes, render_card
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


def generated_files(folder: Path, repo_id: str, state: RemoteState, manifest: Manifest) -> list[LocalFile]:
    """statistics.json and the card of this version.

    Raises:
        OutputError: the card in `folder` cannot be read, or is not UTF-8 text.
    """
    card = render_card(manifest, notes_to_keep(state, folder), repo_id)
    return [
        LocalFile.of_content(schema.STATISTICS, manifest.to_json().encode()),
        LocalFile.of_content(schema.CARD, card.encode()),
    ]


def notes_to_keep(state: RemoteState, folder: Path) -> str:
    """The notes that a person wrote: those in the card on the Hub, or if there are none, in the card of the output.

    A card that was on the Hub before the first push has no marked lines, so all its text becomes the notes.
    """
    notes = extract_notes(state.card)
    if not notes and state.card and state.manifest is None:
        notes = _without_front_matter(state.card)
    if notes:
        return notes
    try:
        return read_notes(Storage(folder))
    except OSError as e:
        raise unreadable(folder / schema.CARD, e) from e


def _without_front_matter(card: str) -> str:
    lines = card.splitlines()
    if lines and lines[0].strip() == "---" and "---" in (line.strip() for line in lines[1:]):
        end = next(i for i, line in enumerate(lines[1:], 1) if line.strip() == "---")
        lines = lines[end + 1 :]
    return "\n".join(lines).strip()


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
