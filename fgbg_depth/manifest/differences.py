"""What changed between two versions of a dataset, from their manifests alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fgbg_depth import schema
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.manifest.entries import FileEntry, SourceEntry
from fgbg_depth.manifest.manifest import Manifest

ALL = "all"  # the key of the rows of all splits
NAMES_SHOWN = 5  # of the names of sources in a line of text; `SourceDifferences` has all of them


@dataclass(frozen=True)
class FieldDifference:
    """A field with another value. Values are JSON types; None also stands for a field that one version lacks."""

    name: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.name}: {value_text(self.old)} -> {value_text(self.new)}"


@dataclass(frozen=True)
class SourceDifferences:
    """Sorted names of the backgrounds, or of the cut-outs, that differ.

    Args:
        added, removed: names that only the newer or only the older version has.
        changed: names whose original file has other content.
        moved: names that moved between train and the test splits, with the same content.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()

    @classmethod
    def between(cls, older: Mapping[str, SourceEntry], newer: Mapping[str, SourceEntry]) -> SourceDifferences:
        """Compare the sources of one kind, by their names."""
        both = sorted(older.keys() & newer.keys())
        changed = tuple(name for name in both if older[name].digest != newer[name].digest)
        return cls(
            tuple(sorted(newer.keys() - older.keys())),
            tuple(sorted(older.keys() - newer.keys())),
            changed,
            tuple(name for name in both if older[name].held_out != newer[name].held_out and name not in changed),
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.moved)

    def __str__(self) -> str:
        groups = {
            "added": self.added,
            "removed": self.removed,
            "with new content": self.changed,
            "moved between train and test": self.moved,
        }
        return ", ".join(f"{len(names):,} {what} ({_listed(names)})" for what, names in groups.items() if names)


@dataclass(frozen=True)
class FileDifferences:
    """How many parquet files of one folder both versions have, and how many only one of them has, with their bytes.

    A file counts as kept if the older version has a file with the same content, under any name.
    """

    kept: int = 0
    added: int = 0
    removed: int = 0
    added_bytes: int = 0

    @classmethod
    def between(cls, older: Mapping[str, FileEntry], newer: Mapping[str, FileEntry]) -> FileDifferences:
        """Compare the files of one folder, by their SHA-256."""
        old, new = ({entry.sha256: entry for entry in files.values()} for files in (older, newer))
        added = [entry for sha256, entry in new.items() if sha256 not in old]
        return cls(len(new) - len(added), len(added), len(old.keys() - new.keys()), sum(entry.bytes for entry in added))


@dataclass(frozen=True)
class Differences:
    """What changed from an older to a newer version of a dataset.

    Args:
        rows: number of rows, {split: (older, newer)}, of every split that one of them has; "all": of all splits.
        backgrounds, cutouts: the sources that differ.
        recipe: recipe fields with another value, in the recipe's order.
        depth_model: the depth models' names, each with its revision; None if both versions have the same model.
        labels: other fields of the depth spec that differ, such as `precision`; empty if only one version has depth.
        shards: the files under data/.
        files: the files of each other config ("bg", "fg", "preview").
    """

    rows: Mapping[str, tuple[int, int]]
    backgrounds: SourceDifferences = SourceDifferences()
    cutouts: SourceDifferences = SourceDifferences()
    recipe: tuple[FieldDifference, ...] = ()
    depth_model: FieldDifference | None = None
    labels: tuple[FieldDifference, ...] = ()
    shards: FileDifferences = FileDifferences()
    files: Mapping[str, FileDifferences] = dataclasses.field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether both versions have the same rows, sources, recipe and depth model."""
        return not list(self.lines())

    def lines(self) -> Iterator[str]:
        """One line for each thing that changed, for people and for the card; none if nothing changed."""
        if any(old != new for old, new in self.rows.values()):
            splits = ", ".join(
                f"{split} {_step(*counts)}" for split, counts in self.rows.items() if split != ALL and _differ(counts)
            )
            yield f"rows: {_step(*self.rows[ALL])} ({splits})"
        if self.backgrounds:
            yield f"backgrounds: {self.backgrounds}"
        if self.cutouts:
            yield f"cut-outs: {self.cutouts}"
        for field in self.recipe:
            yield f"recipe: {field}"
        if self.depth_model is not None:
            yield str(self.depth_model)
        for field in self.labels:
            yield f"depth labels: {field}"
        if self.shards.added or self.shards.removed:
            yield (
                f"shards: {self.shards.kept:,} kept, {self.shards.added:,} new ({self.shards.added_bytes / 1e6:,.1f} "
                f"MB), {self.shards.removed:,} removed"
            )

    def __str__(self) -> str:
        return "\n".join(self.lines()) or "Nothing changed: same rows, sources, recipe and depth model."

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON types, for `--json`."""
        return dataclasses.asdict(self) | {"rows": {split: list(counts) for split, counts in self.rows.items()}}


def differences(older: Manifest, newer: Manifest) -> Differences:
    """Compare two versions of a dataset. Reads nothing but the two manifests.

        found = differences(Manifest.read(Storage("old")), Manifest.read(Storage("new")))
        print(found)                    # rows: 1,200 -> 1,260 (train 1,000 -> 1,050, ...)
        found.backgrounds.added         # ("park_03",)

    Args:
        older, newer: manifests of this format; they may be of unrelated datasets, which then differ in everything.
    """
    splits = [split for split in schema.SPLITS if split in older.splits or split in newer.splits]
    old_recipe, new_recipe = older.recipe.to_dict(), newer.recipe.to_dict()
    return Differences(
        rows={ALL: (older.rows, newer.rows)}
        | {split: (older.splits.get(split, 0), newer.splits.get(split, 0)) for split in splits},
        backgrounds=SourceDifferences.between(older.sources.get(schema.BG, {}), newer.sources.get(schema.BG, {})),
        cutouts=SourceDifferences.between(older.sources.get(schema.FG, {}), newer.sources.get(schema.FG, {})),
        recipe=tuple(
            FieldDifference(name, old_recipe[name], value)
            for name, value in new_recipe.items()
            if old_recipe[name] != value
        ),
        depth_model=_model_difference(older.depth, newer.depth),
        labels=_label_differences(older.depth, newer.depth),
        shards=FileDifferences.between(older.shards, newer.shards),
        files={
            config: FileDifferences.between(older.files_of(config), newer.files_of(config))
            for config in (schema.BG, schema.FG, schema.PREVIEW)
        },
    )


def model_name(depth: DepthSpec | None) -> str | None:
    """The depth model as "MODEL@REVISION"; None without depth labels."""
    if depth is None:
        return None
    return f"{depth.model}@{depth.revision}" if depth.revision else depth.model


def value_text(value: object) -> str:
    """A value of a recipe or a depth spec as people write it: "none", "true", "0.1", "40 80"."""
    if value is None or value == "":
        return "none"
    if isinstance(value, list | tuple):
        return " ".join(value_text(item) for item in value) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _model_difference(older: DepthSpec | None, newer: DepthSpec | None) -> FieldDifference | None:
    """The models' names; with the digests of their files if only these differ."""
    names = model_name(older), model_name(newer)
    if names[0] != names[1]:
        return FieldDifference("depth model", *names)
    if older is None or newer is None or older.digest == newer.digest:
        return None
    return FieldDifference("depth model", f"{names[0]} (files {older.digest})", f"{names[1]} (files {newer.digest})")


def _label_differences(older: DepthSpec | None, newer: DepthSpec | None) -> tuple[FieldDifference, ...]:
    if older is None or newer is None:
        return ()
    old, new = older.to_dict(), newer.to_dict()
    names = [name for name in old if name not in ("model", "revision", "digest", "license") and old[name] != new[name]]
    return tuple(FieldDifference(name, old[name], new[name]) for name in names)


def _differ(counts: tuple[int, int]) -> bool:
    return counts[0] != counts[1]


def _step(old: int, new: int) -> str:
    return f"{old:,} -> {new:,}" if old != new else f"{new:,}"


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
