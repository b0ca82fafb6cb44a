"""The words that a person wrote into a dataset card: found in the existing card, and kept in the next one."""

from __future__ import annotations

import logging
import re

from fgbg_depth import schema
from fgbg_depth.errors import OutputError
from fgbg_depth.storage.files import Storage

logger = logging.getLogger("fgbg_depth")

NOTES_BEGIN = "<!-- Your own words, kept from here; all the rest is written anew by build and push. -->"
NOTES_END = "<!-- Your own words, kept to here. -->"

# Lines that the template writes before and after the notes. They bound the notes, so that no text is lost if somebody
# deleted one of the comments, or wrote beside them.
TABLE_BEFORE = "| symbol | what it is | stored as |\n"
HEADING_AFTER = "\n## Some rows\n"

_FRONT_MATTER = re.compile(r"\s*---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
_TABLE_ROWS = re.compile(r"(\|.*\n)*")


def notes_block(notes: str) -> str:
    """The notes between the two comments, as the card holds them."""
    return f"{NOTES_BEGIN}\n{notes.strip()}\n{NOTES_END}" if notes.strip() else f"{NOTES_BEGIN}\n\n{NOTES_END}"


def extract_notes(card: str) -> str:
    """The words of a person in a card; "" if there are none.

    They stand between the two comments. If a comment is missing, everything is taken that may be a person's: the text
    up to the next part that fgbg-depth writes, or, in a card that fgbg-depth did not write, the whole text.
    """
    return split_card(card)[2]


def split_card(card: str) -> tuple[str, str, str, str]:
    """The parts of a card: front matter (YAML without its `---` lines), text before the notes, notes, text after."""
    card = card.replace("\r\n", "\n")
    header = _FRONT_MATTER.match(card)
    card = card[header.end() :] if header else card
    table, heading = card.find(TABLE_BEFORE), card.rfind(HEADING_AFTER)
    begin, end = card.find(NOTES_BEGIN), card.rfind(NOTES_END)
    if begin > end >= 0:
        begin = end = -1
    first, last = 0, len(card)
    if table >= 0 and (begin < 0 or table < begin):
        rows = _TABLE_ROWS.match(card, table)
        first = rows.end() if rows else first
    elif begin >= 0:
        first = begin
    if heading >= 0 and heading >= max(first - 1, end):
        last = heading
    elif end >= 0:
        last = end + len(NOTES_END)
    text = card[first:last].replace(NOTES_BEGIN, "", 1)
    before, _, after = text.rpartition(NOTES_END)
    return header[1] if header else "", card[:first], (before + after).strip(), card[last:]


def missing_comment_warning(card: str, name: str) -> str:
    """A warning if a comment around the notes is missing, so that `extract_notes` had to guess where they end.

    Args:
        name: of the card, for the warning.
    Returns:
        The warning; "" if both comments are there, or if there are no notes.
    """
    missing = [comment for comment in (NOTES_BEGIN, NOTES_END) if comment not in card]
    if not missing or not extract_notes(card):
        return ""
    return (
        f"{name}: the line {' and the line '.join(missing)} was missing. All text in its place is kept as your own "
        "words; read the new card and remove what is not yours."
    )


def read_notes(storage: Storage, published: str = "") -> str:
    """The notes in the card of an output. Logs `missing_comment_warning`.

    Args:
        published: the card as the last push generated it (`Manifest.card`). Its notes count if the output has no card.
    Raises:
        OutputError: README.md is not UTF-8 text.
    """
    if not storage.exists(schema.CARD):
        return extract_notes(published)
    try:
        card = storage.read(schema.CARD).decode("utf-8")
    except UnicodeDecodeError as e:
        raise OutputError(
            f"{storage}/{schema.CARD}: not UTF-8 text ({e}).\n"
            "  Save it as UTF-8, or delete it; the build writes a new one."
        ) from e
    if warning := missing_comment_warning(card, f"{storage}/{schema.CARD}"):
        logger.warning("warning: %s", warning)
    return extract_notes(card)


def merged_notes(published: str, local: str) -> str:
    """The notes of the published card, with the paragraphs that only the output's card has.

    If the output's notes hold the published ones, they are the result as they stand.
    """
    if published in local:
        return local
    added = [paragraph for paragraph in re.split(r"\n\s*\n", local) if paragraph.strip() not in published]
    return "\n\n".join([published, *added])
