"""Classes of sources, and the columns that rows have because of them.

A source has a class if it comes from a sub-folder, or if an annotation states one. The columns `bg_class` and
`fg_class` exist only in datasets in which a source of that kind has a class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from fgbg_depth import schema


@dataclass(frozen=True)
class SourceClasses:
    """Classes by the name of the source; "" for a source without one. A kind without any class is empty.

    Args:
        bg: of backgrounds.
        fg: of cut-outs.
    """

    bg: Mapping[str, str] = field(default_factory=dict)
    fg: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, backgrounds: Iterable[tuple[str, str]], cutouts: Iterable[tuple[str, str]]) -> SourceClasses:
        """The classes of (name, class) pairs."""
        return cls(*(found if any(found.values()) else {} for found in (dict(backgrounds), dict(cutouts))))

    @property
    def by_column(self) -> dict[str, Mapping[str, str]]:
        """The classes of each kind that has some, by the name of their column in rows."""
        kinds = {"bg": self.bg, "fg": self.fg}
        return {schema.CLASSES[kind]: classes for kind, classes in kinds.items() if classes}

    @property
    def extras(self) -> tuple[str, ...]:
        """What rows have besides the columns of every dataset, of `schema.CLASSES`."""
        return tuple(self.by_column)

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of sources by class, by kind ("bg", "fg"), for kinds with classes; sorted by class."""
        kinds = {"bg": self.bg, "fg": self.fg}
        return {kind: dict(sorted(Counter(names.values()).items())) for kind, names in kinds.items() if names}

    def added_to(self, table: pa.Table) -> pa.Table:
        """A table of rows with the columns of classes, which follow from its columns `bg` and `fg`."""
        for column, values in self.expected(table).items():
            table = table.append_column(column, values)
        return table

    def expected(self, table: pa.Table) -> dict[str, pa.Array]:
        """The columns of classes that belong to a table of rows."""
        found = {}
        for column, classes in self.by_column.items():
            names = table[column.removesuffix("_class")].combine_chunks()
            encoded = pc.dictionary_encode(names)
            texts = pa.array([classes[name] for name in encoded.dictionary.to_pylist()], pa.string())
            found[column] = texts.take(encoded.indices)
        return found
