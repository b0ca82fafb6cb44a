"""Names of sources: from paths of files to text of one line that is unique in the dataset."""

from __future__ import annotations

import hashlib
import itertools
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from fgbg_depth.sources.decode import EXTENSIONS, HEIF_EXTENSIONS

USUAL_EXTENSION = {"backgrounds": ".jpg", "foregrounds": ".png"}  # not part of the names of sources
MAX_NAME = 200  # characters, before a suffix that makes the name unique


def printable(file: str) -> str:
    """A path as one line of valid text: names may hold line breaks, terminal codes or bytes that are not UTF-8."""
    text = os.fsencode(file).decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def source_name(file: str, usual_extension: str = "") -> str:
    """The name of a source: its path without the usual extension of its kind.

    The name depends on this path alone. So no other file can rename a source, and its rows and finished shards stay
    what they are when files are added. Therefore folders and other extensions are part of the name: `lake.jpg`,
    `lake.png` and `alps/lake.jpg` are the backgrounds `lake`, `lake.png` and `alps/lake`.

    A text that had to be changed (characters that cannot be printed, blanks at an end, more than `MAX_NAME`
    characters) gets the first 6 digits of the path's hash as a suffix.

    Args:
        file: the printable path below the folder, with `/`.
        usual_extension: ".jpg" of backgrounds, ".png" of cut-outs.
    """
    path = unicodedata.normalize("NFC", file)
    stem = path.removesuffix(usual_extension)
    if PurePosixPath(stem).suffix.lower() in EXTENSIONS | HEIF_EXTENSIONS:
        stem = path  # `a.png.jpg` is not the file `a.png`
    name = stem.replace("\N{REPLACEMENT CHARACTER}", "_").strip()[:MAX_NAME]
    if name == stem and name:
        return name
    suffix = f"-{hashlib.sha256(path.encode()).hexdigest()[:6]}"
    return (name or "unnamed")[: MAX_NAME - len(suffix)] + suffix


def unique_names(names: Sequence[str], digests: Sequence[str]) -> list[str]:
    """Names in which none occurs twice.

    Sources that share a name get the first 6 digits of their digest as a suffix, and copies of one file also a number.
    Images of a dataset on the Hub may share a name, because their folders are not known. Files of a folder share one
    only if their paths differ in characters that cannot be printed or in their Unicode form.

    Args:
        names: as `source_name` returns them.
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
