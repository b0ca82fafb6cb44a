"""Picture files in a folder, and what else the folder contains."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from fgbg_depth import schema
from fgbg_depth.errors import SourceError
from fgbg_depth.sources.decode import DECODERS, readable_extensions
from fgbg_depth.sources.names import printable
from fgbg_depth.sources.stated_terms import TERMS_FILE, read_terms

_MAX_KINDS = 8  # of files that are no pictures; a message names the most frequent ones
SHEET_MARK = "fgbg-depth dry run"  # in the PNG of a contact sheet, to tell it from other pictures


class SourceFile(NamedTuple):
    """A picture that was found but not read yet."""

    name: str  # its path below the folder, with `/`, printable
    read: Callable[[], bytes]  # returns the file's bytes; may raise OSError or SourceError
    class_name: str = ""  # of what it shows: its folder below the folder of sources, or what an annotation says


@dataclass(frozen=True)
class FolderListing:
    """What a folder of sources contains."""

    pictures: Iterable[SourceFile]  # sorted by path
    ignored: str = (
        ""  # number of files that are no readable pictures: "1 .heic (install pillow-heif), 2 .txt in photos"
    )
    outputs: tuple[str, ...] = ()  # "photos/my-set (an output of fgbg-depth)"
    license_note: str = ""  # licences of the pictures, as an annotation file states them
    terms: str = ""  # text of the folder's SOURCES.md, for the card


def list_folder(folder: Path, kind: str) -> FolderListing:
    """Picture files below `folder`. Hidden files and outputs of this project are skipped, links are followed once.

    An output may lie in a folder of sources. Without this rule a second build would take the pictures of its card as
    sources.

    Args:
        kind: "backgrounds" or "foregrounds", for messages.
    Raises:
        SourceError: the folder or one below it cannot be read, it is an output, or there is no picture.
    """
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise SourceError(
            f"{folder} {problem}.\n  Give the folder of your {kind}: --{kind} DIR. "
            "In a recipe a relative path is relative to the folder of the recipe's file."
        )
    if is_output(folder):
        raise SourceError(
            f"{folder} is an output of fgbg-depth, not a folder of {kind}.\n"
            f"  Give the folder of your {kind}: --{kind} DIR."
        )
    pictures: list[Path] = []
    outputs: list[Path] = []
    others: Counter[str] = Counter()
    readable = readable_extensions()
    for path in _walk(folder, outputs):
        extension = path.suffix.lower()
        if "-contact-sheet" in path.name and is_contact_sheet(path):
            outputs.append(path)
        elif extension in readable:
            pictures.append(path)
        elif path != folder / TERMS_FILE:
            others[extension] += 1
    if not pictures:
        raise SourceError(
            f"{folder} contains no picture (found {_counted(others) or 'no file at all'}).\n"
            f"  The name of a picture ends in one of {', '.join(sorted(readable))}."
        )
    name = printable(Path(os.path.abspath(folder)).name)
    return FolderListing(
        [_source_file(path, folder) for path in sorted(pictures)],
        f"{_counted(others)} in {name}" if others else "",
        tuple(
            f"{name}/{printable(path.relative_to(folder).as_posix())} (an output of fgbg-depth)"
            for path in sorted(outputs)
        ),
        terms=read_terms(folder),
    )


def _source_file(path: Path, folder: Path) -> SourceFile:
    """A picture; its class is the path of its folder below `folder`, "" for one directly in it."""
    name = printable(path.relative_to(folder).as_posix())
    return SourceFile(name, path.read_bytes, name.rpartition("/")[0])


def is_contact_sheet(path: Path) -> bool:
    """Whether a file is the contact sheet of a dry run, which lies beside the output."""
    try:
        with Image.open(path) as image:
            return image.info.get("Software") == SHEET_MARK
    except (OSError, ValueError, SyntaxError):
        return False


def is_output(folder: Path) -> bool:
    """Whether a folder is an output of this project: it has files with the names of our shards, or our statistics."""
    for config in (schema.DATA, schema.BG, schema.FG):
        try:
            if any(schema.is_own_path(f"{config}/{name}") for name in os.listdir(folder / config)):
                return True
        except OSError:  # there is no such folder; one that cannot be read is reported when it is searched
            continue
    try:
        statistics = json.loads((folder / schema.STATISTICS).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(statistics, dict) and {"format", "recipe", "shards"} <= statistics.keys()


def _counted(others: Mapping[str, int]) -> str:
    """`1 .heic (install pillow-heif), 2 .txt`, the most frequent kinds first."""
    ordered = sorted(others.items(), key=lambda item: (-item[1], item[0]))
    kinds = [f"{count} {_kind(extension)}" for extension, count in ordered[:_MAX_KINDS]]
    if rest := sum(count for _, count in ordered[_MAX_KINDS:]):
        kinds.append(f"{rest} of other kinds")
    return ", ".join(kinds)


def _kind(extension: str) -> str:
    if not extension:
        return "without extension"
    needed = DECODERS.get(extension)
    return printable(extension) + (f" (install {needed})" if needed else "")


def _walk(folder: Path, outputs: list[Path]) -> Iterator[Path]:
    """Regular files and broken links below `folder`. Outputs of this project are skipped and added to `outputs`."""

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
        if Path(root) != folder and is_output(Path(root)):
            outputs.append(Path(root))
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            path = Path(root) / name
            # a broken link is listed, so that it is reported; a pipe is not, because reading it would block
            is_broken_link = path.is_symlink() and not path.exists()
            if not name.startswith(".") and (path.is_file() or is_broken_link):
                yield path
