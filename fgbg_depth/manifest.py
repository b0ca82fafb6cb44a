"""`statistics.json` as one typed object: what a dataset holds, file by file and in numbers.

It is the interface between build, verify, card, Hub, loading and app; no other module reads the file's keys.
A build writes it last, so that the file exists means that the build is complete.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, SerializeAsAny, ValidationError

from fgbg_depth import schema
from fgbg_depth.depth.kinds import depth_kind
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import DepthError, OutputError, RecipeError
from fgbg_depth.recipe import Recipe, from_stored
from fgbg_depth.storage.files import FileInfo, Storage


def _as_recipe(value: Any) -> Recipe:
    try:
        return value if isinstance(value, Recipe) else from_stored(value)
    except (RecipeError, TypeError, AttributeError) as e:
        raise ValueError(str(e)) from e


def _as_spec(value: Any) -> DepthSpec | None:
    try:
        return value if value is None or isinstance(value, DepthSpec) else DepthSpec.from_dict(value)
    except (DepthError, TypeError) as e:
        raise ValueError(str(e)) from e


def _plain(value: Recipe | DepthSpec | None) -> dict[str, Any] | None:
    return None if value is None else value.to_dict()


RecipeField = Annotated[Recipe, BeforeValidator(_as_recipe), PlainSerializer(_plain)]
SpecField = Annotated[DepthSpec | None, BeforeValidator(_as_spec), PlainSerializer(_plain)]


class _Part(BaseModel):
    """A part of the manifest: immutable; keys of later versions are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", arbitrary_types_allowed=True)


class FileEntry(_Part):
    """A parquet file of the dataset."""

    rows: int
    bytes: int
    sha256: str

    @property
    def info(self) -> FileInfo:
        return FileInfo(self.bytes, self.sha256)


class SourceEntry(_Part):
    """A background or a cut-out: the SHA-256 of its original file, and that file's name."""

    digest: str
    held_out: bool
    file: str = ""


class SkippedFile(_Part):
    """A source file that was left out."""

    file: str
    reason: str


class ImageStatistics(_Part):
    """One kind of image. `mean` and `std` are lists by channel, on [0, 1], over all pixels of all stored images."""

    count: int
    height: list[int]  # least and greatest, pixels
    width: list[int]
    mode: str  # of Pillow
    mean: list[float]
    std: list[float]
    bytes: int


class DepthStatistics(_Part):
    """The depth maps. The `_value` fields are in the depth spec's unit, over valid pixels; None: no pixel is valid."""

    count: int
    height: list[int]
    width: list[int]
    mode: str
    mean: list[float]  # of stored values, on [0, 1]
    std: list[float]
    mean_value: float | None
    std_value: float | None
    min_value: float | None
    max_value: float | None
    invalid_fraction: float
    at_limits_fraction: float = 0.0  # stored as the least or the largest value, so perhaps clipped
    bytes: int


KindStatistics = SerializeAsAny[DepthStatistics | ImageStatistics]


class Coverage(_Part):
    """How much of the frame the mattes cover: mean, and rows in equal bins over 0..1."""

    mean: float
    histogram: list[int]
    bins: int = 50


class DepthHistogram(_Part):
    """Valid pixels by depth: n + 1 rising edges in the spec's unit, n counts."""

    edges: list[float]
    counts: list[int]


class Version(_Part):
    """A published version, and what changed since the one before."""

    version: str | None
    date: str = ""
    rows: int = 0
    depth_model: str | None = None
    recipe_changes: list[str] = []
    bg_added: list[str] = []
    bg_removed: list[str] = []
    fg_added: list[str] = []
    fg_removed: list[str] = []


class Manifest(_Part):
    """Everything that `statistics.json` holds.

    Args:
        version: tag under which this dataset was published; None before.
        splits: rows by split, in the order of `schema.SPLITS`, empty ones left out.
        kinds: statistics by kind of image, over all rows; `by_split` has those of rows, split by split.
        heat_map: mean alpha on [0, 1] of each cell of the frame over all rows, upper left cell first.
        sources: {"bg": {name: entry}, "fg": {name: entry}}.
        shards, files: the parquet files under data/, and those of the other configs, by path.
        history: published versions, newest first.
    """

    format: int
    name: str
    version: str | None = None
    rows: int
    splits: dict[str, int]
    kinds: dict[str, KindStatistics]
    by_split: dict[str, dict[str, KindStatistics]] = {}
    coverage: Coverage
    heat_map: list[list[float]]
    depth_histogram: DepthHistogram | None = None
    depth: SpecField = None
    recipe: RecipeField
    sources: dict[str, dict[str, SourceEntry]]
    skipped: list[SkippedFile] = []
    warnings: list[str] = []
    shards: dict[str, FileEntry]
    files: dict[str, FileEntry]
    history: list[Version] = []

    @classmethod
    def from_json(cls, text: str | bytes, where: str = schema.STATISTICS) -> Manifest:
        """Parse and check a `statistics.json`.

        Args:
            where: the file's address, for messages.
        Raises:
            OutputError: not JSON, of another format, or a key is missing or has a wrong type.
        """
        try:
            values = json.loads(text)
        except ValueError as e:
            raise OutputError(f"{where}: not JSON ({e}).") from e
        return cls.from_dict(values, where)

    @classmethod
    def from_dict(cls, values: Any, where: str = schema.STATISTICS) -> Manifest:
        """Check the content of a `statistics.json`; see `from_json`."""
        if not isinstance(values, dict) or "format" not in values:
            raise OutputError(f"{where}: not the statistics.json of an fgbg-depth dataset: it has no key 'format'.")
        if values["format"] != schema.FORMAT:
            raise OutputError(
                f"{where}: format {values['format']}; this version of fgbg-depth reads format {schema.FORMAT}.\n"
                "  Use the version of fgbg-depth that wrote it."
            )
        try:
            return cls.model_validate(values)
        except ValidationError as e:
            first = e.errors()[0]
            key = ".".join(map(str, first["loc"]))
            more = f" (and {e.error_count() - 1} more problems)" if e.error_count() > 1 else ""
            raise OutputError(f"{where}: {key}: {first['msg']}{more}.") from e

    @classmethod
    def read(cls, storage: Storage) -> Manifest | None:
        """The manifest of an output; None if there is none, because the build is not complete.

        Raises:
            OutputError: the file is there and cannot be used.
        """
        try:
            text = storage.read(schema.STATISTICS)
        except FileNotFoundError:
            return None
        return cls.from_json(text, f"{storage}/{schema.STATISTICS}")

    def to_dict(self) -> dict[str, Any]:
        """JSON types, in the order of the fields."""
        return self.model_dump()

    def to_json(self) -> str:
        """The text of `statistics.json`."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"

    def write(self, storage: Storage) -> None:
        """Write `statistics.json` into an output."""
        storage.write(schema.STATISTICS, self.to_json().encode())

    def replace(self, **changes: Any) -> Manifest:
        """A copy with some fields changed."""
        return self.model_copy(update=changes)

    def with_files(self, files: Mapping[str, FileEntry]) -> Manifest:
        """A copy with these files added to `files`, sorted by path."""
        return self.replace(files=dict(sorted({**self.files, **files}.items())))

    @property
    def parquet_files(self) -> dict[str, FileEntry]:
        """All parquet files, by path."""
        return {**self.shards, **self.files}

    def files_of(self, config: str) -> dict[str, FileEntry]:
        """The parquet files of a config, by path."""
        if config == "default":
            return self.shards
        return {path: entry for path, entry in self.files.items() if path.startswith(f"{config}/")}

    def shards_of(self, split: str) -> dict[str, FileEntry]:
        """The shards of one split, by path."""
        return {path: entry for path, entry in self.shards.items() if schema.ShardName.parse(path).split == split}

    @property
    def held_out(self) -> dict[str, list[str]]:
        """Sorted names of the sources that training never sees, by kind ("bg", "fg")."""
        return {
            kind: sorted(name for name, source in entries.items() if source.held_out)
            for kind, entries in self.sources.items()
        }

    @property
    def depth_range(self) -> tuple[float, float]:
        """(low, high) of the colours of depth maps, in the spec's unit: one range for all rows, so they compare.

        Raises:
            ValueError: the dataset has no depth.
        """
        if self.depth is None:
            raise ValueError("the dataset has no depth")
        if self.depth_histogram is None:  # no pixel is valid
            return self.depth.low, self.depth.high
        kind = depth_kind(self.depth.kind)
        return kind.histogram_range(self.depth_histogram.edges, self.depth_histogram.counts)

    def describes_same_files(self, other: Manifest) -> bool:
        """Whether both manifests are of the very same data, apart from version and history."""
        return all(
            getattr(self, key) == getattr(other, key) for key in ("shards", "files", "recipe", "depth", "sources")
        )
