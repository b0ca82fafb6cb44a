"""Three-way merge of lists of texts: the paragraphs of a card, and the lines of a paragraph."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_LEAST_SIMILARITY = 0.5  # of two texts that count as one text that was edited
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


@dataclass(frozen=True)
class TextConflict:
    """A text that was changed on the Hub and by this push, in different ways. None: it was removed."""

    local: str | None
    remote: str | None


def paragraphs(text: str) -> list[str]:
    """The parts of a Markdown text that blank lines separate. A fenced code block stays in one part."""
    parts: list[list[str]] = [[]]
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if fence:
            fence = "" if line.strip().startswith(fence) and not line.strip().strip(fence[0]) else fence
        elif found:
            fence = found[1]
        if line.strip() or fence:
            parts[-1].append(line)
        elif parts[-1]:
            parts.append([])
    return ["\n".join(lines) for lines in parts if lines]


def merge_paragraphs(
    base: Sequence[str], local: Sequence[str], remote: Sequence[str]
) -> tuple[list[str], list[TextConflict]]:
    """Paragraphs with the changes of `local` and those of `remote`, both relative to `base`.

    A paragraph that both changed is merged line by line, and a line that both changed word by word.

    Returns:
        The merged paragraphs, and those that cannot be merged; for them the result has the text of `local`.
    """
    return _merge(base, local, remote, ("\n", " "))


def _merge(
    base: Sequence[str], local: Sequence[str], remote: Sequence[str], separators: tuple[str, ...]
) -> tuple[list[str], list[TextConflict]]:
    """As `merge_paragraphs`. A text that both changed is divided by the first separator and merged again."""
    local_of, remote_of = _Alignment(base, local), _Alignment(base, remote)
    merged: list[str] = []
    conflicts: list[TextConflict] = []
    for index, before in enumerate([*base, None]):
        ours, theirs = local_of.inserted(index), remote_of.inserted(index)
        here, there = (before, before) if before is None else (local_of.text(index), remote_of.text(index))
        is_replaced = before is not None and here is None and there is None
        if is_replaced and ours and theirs and ours != theirs:  # by both, with unlike texts
            conflicts.append(TextConflict("\n\n".join(ours), "\n\n".join(theirs)))
            theirs = []
        merged += [*ours, *(text for text in theirs if text not in ours)]
        if there == before or here == there:
            chosen = here
        elif here == before:
            chosen = there
        else:
            chosen, is_merged = _merge_inside(str(before), here, there, separators)
            conflicts += [] if is_merged else [TextConflict(here, there)]
        merged += [] if chosen is None else [chosen]
    return merged, conflicts


def _merge_inside(
    base: str, local: str | None, remote: str | None, separators: tuple[str, ...]
) -> tuple[str | None, bool]:
    """One text that both sides changed, and whether it could be merged; if not, it is `local`."""
    if local is None or remote is None or not separators:
        return local, False
    separator, *finer = separators
    sides = base.split(separator), local.split(separator), remote.split(separator)
    parts, conflicts = _merge(*sides, tuple(finer))
    return (local, False) if conflicts else (separator.join(parts), True)


class _Alignment:
    """Which text of `other` each text of `base` became, and which texts were inserted between them."""

    def __init__(self, base: Sequence[str], other: Sequence[str]) -> None:
        self._other = other
        self._partner: list[int | None] = [None] * len(base)
        for tag, start, stop, other_start, other_stop in SequenceMatcher(None, base, other, False).get_opcodes():
            if tag == "equal":
                self._partner[start:stop] = range(other_start, other_stop)
            elif tag == "replace":
                for i, j in _similar_pairs(base[start:stop], other[other_start:other_stop]):
                    self._partner[start + i] = other_start + j
        self._next: list[int] = [len(other)] * (len(base) + 1)  # first text at or after the partner of each text
        for index in range(len(base) - 1, -1, -1):
            partner = self._partner[index]
            self._next[index] = self._next[index + 1] if partner is None else partner

    def text(self, index: int) -> str | None:
        """What became of `base[index]`; None if it was removed."""
        partner = self._partner[index]
        return None if partner is None else self._other[partner]

    def inserted(self, index: int) -> Sequence[str]:
        """The texts that were inserted before `base[index]`, or at the end."""
        if index > 0 and self._partner[index - 1] is None:
            return []  # they were counted where the removed texts begin
        start = 0 if index == 0 else (self._partner[index - 1] or 0) + 1
        return self._other[start : self._next[index]]


def _similar_pairs(base: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of similar texts in the same order on both sides, with the largest sum of similarities."""
    best: list[list[tuple[float, list[tuple[int, int]]]]] = [[(0.0, [])] * (len(other) + 1)]
    for i, text in enumerate(base):
        row: list[tuple[float, list[tuple[int, int]]]] = [(0.0, [])]
        for j, candidate in enumerate(other):
            choice = max(row[j], best[i][j + 1], key=lambda found: found[0])
            similarity = _similarity(text, candidate)
            if similarity >= _LEAST_SIMILARITY and best[i][j][0] + similarity > choice[0]:
                choice = (best[i][j][0] + similarity, [*best[i][j][1], (i, j)])
            row.append(choice)
        best.append(row)
    return best[-1][-1][1]


def _similarity(a: str, b: str) -> float:
    """0 to 1, by words."""
    matcher = SequenceMatcher(None, a.split(), b.split(), False)
    return 0.0 if matcher.real_quick_ratio() < _LEAST_SIMILARITY else matcher.ratio()
