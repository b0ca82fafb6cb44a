"""Names of sources: from file names to text of one line that is unique in the dataset."""

from __future__ import annotations

import itertools
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

MAX_NAME = 200  # characters, before a suffix that makes the name unique


def printable(file: str) -> str:
    """A path as one line of valid text: names may hold line breaks, terminal codes or bytes that are not UTF-8."""
    text = os.fsencode(file).decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def source_name(file: str) -> str:
    """The name of a source: the stem of its printable path."""
    stem = unicodedata.normalize("NFC", PurePath(file).stem)
    return stem.replace("\N{REPLACEMENT CHARACTER}", "_").strip()[:MAX_NAME] or "unnamed"


def unique_names(names: Sequence[str], digests: Sequence[str]) -> list[str]:
    """Names in which none occurs twice.

    Files that share a name get the first 6 digits of their digest as a suffix, and copies of one file also a number.

    Args:
        names: as `source_name` gives them.
        digests: hex digests of the files' content.
    """
    counts = Counter(names)
    taken = {name for name, count in counts.items() if count == 1}
    unique = []
    for name, digest in zip(names, digests, strict=True):
        if counts[name] > 1:
            base = f"{name}-{digest[:6]}"
            numbered = (f"{base}-{number}" for number in itertools.count(2))
            name = next(candidate for candidate in itertools.chain([base], numbered) if candidate not in taken)
            taken.add(name)
        unique.append(name)
    return unique
