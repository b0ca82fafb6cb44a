"""The recipe's list `exclude`: source files that are left out before anything is read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from fgbg_depth.errors import SourceError
from fgbg_depth.sources.folder import SourceFile

KINDS = ("backgrounds", "foregrounds")


class Exclusion:
    """Which files a recipe leaves out, and which of its patterns matched.

    A pattern is a file's name (`bg7.jpg`), its path below the folder (`cats/tom.png`), or a glob (`old/*`,
    `*_draft.png`); upper and lower case differ. `backgrounds:` or `foregrounds:` before it limits it to that folder.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = tuple(patterns)
        self._matched: set[str] = set()
        self._names: list[str] = []

    def kept(self, files: Iterable[SourceFile], kind: str) -> Iterator[SourceFile]:
        """The files of one kind that are not left out."""
        for file in files:
            matching = {pattern for pattern in self._patterns if _matches(pattern, file.name, kind)}
            self._matched |= matching
            if not matching:
                if len(self._names) < 100_000:  # for suggestions
                    self._names.append(file.name)
                yield file

    def check_all_found(self, kinds: Sequence[str] = KINDS) -> None:
        """Raise if a pattern matched no file. Call it after the files of all kinds were listed.

        Raises:
            SourceError: the patterns that matched nothing.
        """
        if set(kinds) != set(KINDS):  # a pattern may belong to the folder that was not listed
            return
        unknown = [pattern for pattern in self._patterns if pattern not in self._matched]
        if not unknown:
            return
        lines = ["exclude names files that are not among the sources:"]
        for pattern in unknown:
            similar = difflib.get_close_matches(pattern.split(":", 1)[-1], self._names, n=1)
            lines.append(f"  {pattern}" + (f" (did you mean {similar[0]}?)" if similar else ""))
        lines.append("  Correct them, or remove them from exclude.")
        raise SourceError("\n".join(lines))


def _matches(pattern: str, name: str, kind: str) -> bool:
    prefix, colon, rest = pattern.partition(":")
    if colon and prefix in KINDS:
        if prefix != kind:
            return False
        pattern = rest
    return any(fnmatchcase(text, pattern) or text == pattern for text in (name, name.rsplit("/", 1)[-1]))
