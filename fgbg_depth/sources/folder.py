"""Picture files in a folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from fgbg_depth.errors import SourceError
from fgbg_depth.sources.decode import EXTENSIONS
from fgbg_depth.sources.names import printable


class SourceFile(NamedTuple):
    """A picture that was found but not read yet."""

    name: str  # for messages: its path below the folder, printable
    read: Callable[[], bytes]  # returns the file's bytes; may raise OSError


def list_folder(folder: Path, kind: str) -> list[SourceFile]:
    """Picture files below `folder`, sorted by path. Hidden files are skipped, links are followed once.

    Args:
        kind: "backgrounds" or "foregrounds", for messages.
    Raises:
        SourceError: the folder or one below it cannot be read, or there is no picture.
    """
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise SourceError(f"{folder} {problem}.\n  Give the folder of your {kind}: --{kind} DIR.")
    pictures: list[Path] = []
    others: Counter[str] = Counter()
    for path in _walk(folder):
        if path.suffix.lower() in EXTENSIONS:
            pictures.append(path)
        else:
            others[path.suffix.lower() or "(no extension)"] += 1
    if not pictures:
        found = ", ".join(f"{n} {suffix}" for suffix, n in others.most_common(5)) or "no file at all"
        raise SourceError(
            f"{folder} contains no picture (found {found}).\n"
            f"  The name of a picture ends in one of {', '.join(sorted(EXTENSIONS))}."
        )
    return [SourceFile(printable(str(path.relative_to(folder))), path.read_bytes) for path in sorted(pictures)]


def _walk(folder: Path) -> Iterator[Path]:
    """Regular files and broken links below `folder`."""

    def fail(e: OSError) -> None:  # os.walk would silently skip the folder
        raise SourceError(
            f"{e.filename} cannot be read ({e.strerror}).\n  Check the folder's permissions, or move it elsewhere."
        ) from e

    seen: set[str] = set()
    for root, folders, files in os.walk(folder, onerror=fail, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:  # a loop of links
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            path = Path(root) / name
            # a broken link is listed, so that it is reported; a pipe is not, because reading it would block
            is_broken_link = path.is_symlink() and not path.exists()
            if not name.startswith(".") and (path.is_file() or is_broken_link):
                yield path
