"""`SOURCES.md` beside the cut-outs: where they come from and under which terms, for people and for the card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fgbg_depth.sources.cutouts.mattes import Origin
from fgbg_depth.sources.cutouts.state import Record
from fgbg_depth.sources.stated_terms import TERMS_FILE
from fgbg_depth.storage.files import Storage

YOUR_PART = "<!-- Your own words: everything below this line is kept. -->"
PLACEHOLDER = """\
*Not stated yet.* Write here where the photographs come from, who took them, and under which terms they may be used.
"""
_HEAD = """\
# Sources of these cut-outs

Written by `fgbg-depth cutouts`, which writes the upper part anew at each run. `fgbg-depth build` quotes this file in
the card of the dataset.

## Mattes

"""


def terms_text(cutouts: Sequence[Record], existing: str = "") -> str:
    """The text of `SOURCES.md`.

    Args:
        cutouts: records of all cut-outs in the folder.
        existing: the present text of the file; what stands below `YOUR_PART` is kept. A text without this line is
            kept as a whole, below it.
    """
    counts = Counter(record.origin for record in cutouts)
    entries = [_entry(origin, number) for origin, number in sorted(counts.items(), key=lambda i: (-i[1], str(i[0])))]
    _, found, own = existing.partition(YOUR_PART)
    own = (own if found else existing).strip() or PLACEHOLDER.strip()
    return f"{_HEAD}{''.join(entries)}\n## The photographs\n\n{YOUR_PART}\n\n{own}\n"


def write_terms(storage: Storage, cutouts: Sequence[Record]) -> None:
    """Write `SOURCES.md`, if its text changes.

    Raises:
        OutputError: the file cannot be written.
    """
    existing = storage.read(TERMS_FILE).decode("utf-8", "replace") if storage.exists(TERMS_FILE) else ""
    text = terms_text(cutouts, existing)
    if text != existing:
        storage.write(TERMS_FILE, text.encode())


def _entry(origin: Origin, number: int) -> str:
    lines = [f"- {number:,} cut-out{'s' if number != 1 else ''}: mattes "]
    if not origin.home:
        lines = [f"{lines[0]}{origin.mattes}. Say below where they come from."]
    else:
        lines = [
            f"{lines[0]}by the model {origin.mattes}, run with {origin.made_with}",
            f"  - licence of the model: {origin.license}; see {origin.terms}",
            f"  - model: {origin.home}",
        ]
    return "\n".join([*lines, f"  - {origin.options}"]) + "\n"
