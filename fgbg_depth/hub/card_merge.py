"""Merge the card that a push generates with what people wrote into the card on the Hub."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from fgbg_depth.card.notes import merged_notes, notes_block, split_card
from fgbg_depth.hub.header_merge import merge_headers
from fgbg_depth.hub.text_merge import merge_paragraphs, paragraphs

_NOTES = "<!-- notes -->"  # stands for the notes while the rest of the text is merged
_MAX_LINES = 80  # of a difference in a message


@dataclass(frozen=True)
class CardConflict:
    """Text that was edited on the Hub and that this push changes too. `where` names it, such as "key license"."""

    where: str
    local: str
    remote: str


@dataclass
class MergedCard:
    """A card for the Hub.

    Args:
        text: of the card. Where it cannot be merged, it is that of this push.
        kept: what it has from the card on the Hub, besides the notes.
    """

    text: str
    kept: list[str] = field(default_factory=list)
    conflicts: list[CardConflict] = field(default_factory=list)


def merge_card(base: str | None, local: str, remote: str) -> MergedCard:
    """The card of this push with the edits of the card on the Hub.

    Args:
        base: the card as the last push generated it, before it was merged; None if no push wrote `remote`. Then all
            text of `remote` is among the notes of `local`, and only its front matter is merged.
        local: the card that this push generates, with its notes.
        remote: the card on the Hub.
    """
    if base == remote:
        return MergedCard(local)
    remote = remote.replace("\r\n", "\n")
    our_header, our_top, notes, our_end = split_card(local)
    their_header, their_top, _, their_end = split_card(remote)
    base_header, base_top, _, base_end = split_card(base) if base is not None else (None, "", "", "")
    merged = MergedCard(local)
    try:
        header, keys, kept_keys = merge_headers(base_header, our_header, their_header)
    except ValueError as e:
        header, keys, kept_keys = our_header, [], []
        merged.conflicts.append(CardConflict(f"the front matter is not valid YAML: {e}", our_header, their_header))
    merged.conflicts += [CardConflict(f"key {key.key}", key.local, key.remote) for key in keys]
    if kept_keys:
        merged.kept.append(f"front matter ({', '.join(map(str, kept_keys))})")
    ours = [*paragraphs(our_top), _NOTES, *paragraphs(our_end)]
    theirs = [*paragraphs(their_top), _NOTES, *paragraphs(their_end)]
    body = ours
    if base is not None and theirs != [_NOTES]:  # else nothing is left of what a push wrote, and all text is notes
        before = [*paragraphs(base_top), _NOTES, *paragraphs(base_end)]
        body, texts = merge_paragraphs(before, ours, theirs)
        merged.conflicts += [CardConflict("text outside the notes", c.local or "", c.remote or "") for c in texts]
    if body != ours:
        merged.kept.append("text outside the notes")
    is_theirs = header == their_header and body == theirs and notes_block(notes) in remote
    merged.text = remote if is_theirs else _card_of(header, body, notes)
    return merged


def merge_notes(base: str | None, local: str, remote: str) -> tuple[str, list[CardConflict]]:
    """The notes of the next card: those that were edited since `base`.

    Args:
        base: the notes that the last push of this folder wrote; None if there was none. Then both are kept.
    Returns:
        The notes, and a conflict if both were edited; then they are `local`.
    """
    if base is None:
        return merged_notes(remote, local), []
    if local in (base, remote):
        return remote, []
    if remote == base:
        return local, []
    return local, [CardConflict("notes", local, remote)]


def show(conflicts: list[CardConflict]) -> str:
    """A unified difference for each conflict: lines of the Hub ("-") and of this push ("+"), up to 80 lines."""
    lines: list[str] = []
    for conflict in conflicts:
        names = (f"README.md on the Hub: {conflict.where}", f"README.md of this push: {conflict.where}")
        sides = (conflict.remote.splitlines(), conflict.local.splitlines())
        lines += difflib.unified_diff(*sides, *names, n=2, lineterm="")
    more = [f"... and {len(lines) - _MAX_LINES} more lines"] if len(lines) > _MAX_LINES else []
    return "\n".join([*lines[:_MAX_LINES], *more])


def _card_of(header: str, body: list[str], notes: str) -> str:
    text = "\n\n".join(notes_block(notes) if part == _NOTES else part for part in body)
    return f"---\n{header}---\n\n{text}\n"
