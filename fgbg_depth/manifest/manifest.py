"""`Manifest`: the whole content of `statistics.json`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from fgbg_depth import schema
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import OutputError
from fgbg_depth.manifest.checks import ConfigPath, RecipeField, ShardPath, SpecField, sentence
from fgbg_depth.manifest.entries import (
    ColumnStatistics,
    Coverage,
    DepthHistogram,
    Entry,
    FileEntry,
    KindStatistics,
    PictureEntry,
    SkippedFile,
    SourceEntry,
    Version,
)
from fgbg_depth.storage.files import Storage

_NUMBERS = re.compile(r"\[\n[-+.,\d\seE]+\]")  # no text of JSON contains a line break
_COLOR_TOLERANCE = 0.1  # of the range of colours, by which either end may be off before it is chosen again
_WRITE_AGAIN = "The file is damaged or was edited. Delete it and build again; finished shards are not built again."


class Manifest(Entry):
    """The content of `statistics.json`.

    Args:
        format: `schema.FORMAT` of the build that wrote it.
        name: the dataset's name in the recipe.
        version: tag under which this dataset was published; None if it was not, or without a tag.
        rows: number of rows of all splits.
        splits: number of rows by split, in the order of `schema.SPLITS`; empty splits are left out.
        kinds: statistics by kind of image (`schema.IMAGE_KINDS`), over all rows.
        by_split: the same by split, for the kinds that every row has.
        heat_map: (cells, cells) mean alpha on [0, 1] of each cell of the frame over all rows, upper left cell first.
        lower_edge: smallest and largest position of the lower edge of the cut-outs, in all rows, as fractions of the
            frame's height from the top; None if they do not stand on the ground.
        depth_histogram: of the first column of `depth_columns`; None without depth labels or valid pixels.
        color_range: (low, high) of the colours in which depth is shown, in the unit of the depth spec; None: that of
            `depth_histogram`, or no depth. See `with_color_range`.
        depth: what stored depth means; None without depth labels.
        columns: statistics, over all rows, of the columns of numbers that have a histogram
            (`schema.Column.histogram`), by column; empty without depth labels.
        columns_by_split: the same by split.
        sources: {"bg": {name: entry}, "fg": {name: entry}}.
        skipped: source files that were left out.
        warnings: messages about sources, for the card.
        ignored: files in the source folders that are no readable pictures, for the card: "1 .heic, 2 .txt in photos".
        license_notes: licences of source pictures, as annotation files state them.
        trimmed: names of the backgrounds from which a frame was cut away (`trim_frames`).
        defringed: names of the cut-outs whose soft edge got new colours (`defringe`).
        classes: number of sources by class, by kind ("bg", "fg"), for kinds of which a source has a class.
        terms: text of the file SOURCES.md in the folders of the sources, by kind ("bg", "fg"), for the card.
        shards, files: the parquet files under data/, and the files of the other configs, by path.
        pictures: the card's pictures, by path; empty if an earlier version of this project built the dataset.
        history: published versions, newest first.
        card: text of the card as the last push generated it. The card on the Hub may have more: words that people
            wrote there. By this text the next push knows which they are. "" if the dataset was not published.
    """

    format: int
    name: str
    version: str | None = None
    rows: int
    splits: dict[str, int]
    kinds: dict[str, KindStatistics]
    by_split: dict[str, dict[str, KindStatistics]] = Field(default_factory=dict)
    coverage: Coverage
    heat_map: list[list[float]]
    depth_histogram: DepthHistogram | None = None
    color_range: list[float] | None = None
    lower_edge: list[float] | None = None
    depth: SpecField = None
    columns: dict[str, ColumnStatistics] = Field(default_factory=dict)
    columns_by_split: dict[str, dict[str, ColumnStatistics]] = Field(default_factory=dict)
    texts: dict[str, dict[str, int]] = Field(default_factory=dict)
    without_ground: list[str] = Field(default_factory=list)
    recipe: RecipeField
    sources: dict[str, dict[str, SourceEntry]]
    skipped: list[SkippedFile] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    ignored: list[str] = Field(default_factory=list)
    license_notes: list[str] = Field(default_factory=list)
    trimmed: list[str] = Field(default_factory=list)
    defringed: list[str] = Field(default_factory=list)
    classes: dict[str, dict[str, int]] = Field(default_factory=dict)
    terms: dict[str, str] = Field(default_factory=dict)
    shards: dict[ShardPath, FileEntry]
    files: dict[ConfigPath, FileEntry]
    pictures: dict[str, PictureEntry] = Field(default_factory=dict)
    history: list[Version] = Field(default_factory=list)
    card: str = ""

    @classmethod
    def from_json(cls, text: str | bytes, where: str = schema.STATISTICS) -> Manifest:
        """Parse and check a `statistics.json`.

        Args:
            where: the file's address, for messages.
        Raises:
            OutputError: not JSON, of another format, or a key is missing or has a wrong value.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as e:
            raise OutputError(f"{where}: not JSON ({e}).\n  {_WRITE_AGAIN}") from e
        return cls.from_dict(values, where)

    @classmethod
    def from_dict(cls, values: Any, where: str = schema.STATISTICS) -> Manifest:
        """Check the content of a `statistics.json`; see `from_json`."""
        if not isinstance(values, dict) or "format" not in values:
            raise OutputError(
                f"{where}: not the statistics.json of an fgbg-depth dataset: it has no key 'format'.\n  {_WRITE_AGAIN}"
            )
        if values["format"] != schema.FORMAT:
            raise OutputError(
                f"{where}: format {values['format']!r}; this version of fgbg-depth reads format {schema.FORMAT}.\n"
                "  Build the dataset again from its recipe, or use the version of fgbg-depth that wrote it."
            )
        try:
            return cls.model_validate(values)
        except ValidationError as e:
            more = f" ({e.error_count() - 1} more keys are wrong)" if e.error_count() > 1 else ""
            raise OutputError(f"{where}: {sentence(e.errors()[0])}{more}.\n  {_WRITE_AGAIN}") from e

    @classmethod
    def read(cls, storage: Storage) -> Manifest | None:
        """The manifest of an output; None if it has none, because its build is not complete.

        Raises:
            OutputError: the file exists but cannot be used.
        """
        try:
            text = storage.read(schema.STATISTICS)
        except FileNotFoundError:
            return None
        return cls.from_json(text, f"{storage}/{schema.STATISTICS}")

    def to_dict(self) -> dict[str, Any]:
        """Values as JSON types, in the order of the fields; `terms` only if there are any."""
        return self.model_dump(exclude=set() if self.terms else {"terms"})

    def to_json(self) -> str:
        """The text of `statistics.json`. Lists of numbers are on one line: each version uploads the file."""
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False)
        return _NUMBERS.sub(lambda match: "".join(match[0].split()), text) + "\n"

    def write(self, storage: Storage) -> None:
        """Write `statistics.json` into an output."""
        storage.write(schema.STATISTICS, self.to_json().encode())

    def replace(self, **changes: Any) -> Manifest:
        """A copy with some fields changed; the new values are not checked."""
        return self.model_copy(update=changes)

    def with_files(self, files: Mapping[str, FileEntry]) -> Manifest:
        """A copy with these files added to `files`, sorted by path."""
        return self.replace(files=dict(sorted({**self.files, **files}.items())))

    @property
    def parquet_files(self) -> dict[str, FileEntry]:
        """The parquet files of all configs, by path."""
        return {**self.shards, **self.files}

    def files_of(self, config: str) -> dict[str, FileEntry]:
        """The parquet files of a config (one of `schema.CONFIGS`), by path."""
        if config == "default":
            return self.shards
        return {path: entry for path, entry in self.files.items() if path.startswith(f"{config}/")}

    def shards_of(self, split: str) -> dict[str, FileEntry]:
        """The shards of one split, by path."""
        return {path: entry for path, entry in self.shards.items() if schema.ShardName.parse(path).split == split}

    @property
    def held_out(self) -> dict[str, list[str]]:
        """Sorted names of the sources that are kept out of train, by kind ("bg", "fg")."""
        return {
            kind: sorted(name for name, source in entries.items() if source.held_out)
            for kind, entries in self.sources.items()
        }

    @property
    def labels(self) -> tuple[str, ...]:
        """The kinds of depth labels of every row, of `schema.LABELS`; empty without depth."""
        return self.recipe.labels if self.depth is not None else ()

    @property
    def extras(self) -> tuple[str, ...]:
        """What rows and sources have besides the columns of every dataset, of `schema.EXTRAS`."""
        return (*self.recipe.extras, *(schema.CLASSES[kind] for kind in self.classes))

    @property
    def depth_columns(self) -> tuple[str, ...]:
        """The columns of depth maps that every row has."""
        return tuple(schema.LABELS[label] for label in self.labels)

    @property
    def main_depth_column(self) -> str | None:
        """The column of depth to show where only one fits: the placed one, or else the predicted one."""
        return self.depth_columns[-1] if self.depth_columns else None

    @property
    def depth_range(self) -> tuple[float, float]:
        """(low, high) of the colour scale of depth maps, in the unit of the depth spec.

        One range for all rows, so that the colours of different rows can be compared.

        Raises:
            ValueError: the dataset has no depth labels.
        """
        if self.depth is None:
            raise ValueError("the dataset has no depth labels")
        if self.color_range is not None:
            return self.color_range[0], self.color_range[1]
        return self._range_of_pixels(self.depth)

    def _range_of_pixels(self, depth: DepthSpec) -> tuple[float, float]:
        """The range of depth of nearly all valid pixels."""
        if self.depth_histogram is None:  # no pixel is valid
            return depth.low, depth.high
        return depth.meaning.histogram_range(self.depth_histogram.edges, self.depth_histogram.counts)

    def with_color_range(self, previous: Manifest | None) -> Manifest:
        """A copy whose `color_range` is that of `previous` if it fits the pixels, or else the range of the pixels.

        A few more backgrounds change the range of all pixels a little. Pictures with other colours would be new files
        for each upload, though nobody sees the difference.
        """
        if self.depth is None:
            return self.replace(color_range=None)
        own, meaning = self._range_of_pixels(self.depth), self.depth.meaning
        if previous is not None and previous.depth is not None and previous.depth.meaning == meaning:
            kept = previous.depth_range
            ends = [*meaning.position(own, *kept), *meaning.position(kept, *own)]
            if max(ends[0], 1 - ends[1], ends[2], 1 - ends[3]) <= _COLOR_TOLERANCE:
                return self.replace(color_range=list(kept))
        return self.replace(color_range=list(own))

    @property
    def content_digest(self) -> str:
        """A digest (32 hex digits) of the rows, the sources and the recipe; version, history and card do not count."""
        files = {path: entry.sha256 for path, entry in sorted(self.parquet_files.items())}
        content = json.dumps([files, self.recipe.to_dict()], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def describes_same_files(self, other: Manifest) -> bool:
        """Whether both manifests list the same files, made from the same recipe and sources."""
        return all(
            getattr(self, key) == getattr(other, key) for key in ("shards", "files", "recipe", "depth", "sources")
        )
