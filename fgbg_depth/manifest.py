"""`statistics.json` as one typed object: the files of a dataset and its statistics.

Build, verify, card, Hub, loading and app exchange this object; no other module reads the file's keys. A build writes
the file last, so a dataset that has it is complete.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    PlainSerializer,
    Tag,
    ValidationError,
)
from pydantic_core import ErrorDetails

from fgbg_depth import schema
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import DepthError, OutputError, RecipeError
from fgbg_depth.recipe import Recipe, from_stored
from fgbg_depth.storage.files import FileInfo, Storage

_WRITE_AGAIN = "The file is damaged or was edited. Delete it and build again; finished shards are not built again."
_MEANINGS = {  # of pydantic's error types, for messages
    "int": "a whole number",
    "float": "a number",
    "string": "a text",
    "bool": "true or false",
    "list": "a list",
    "dict": "an object",
    "model": "an object",
}


def _as_recipe(value: Any) -> Recipe:
    if isinstance(value, Recipe):
        return value
    try:
        return from_stored(_object(value))
    except RecipeError as e:
        raise ValueError(str(e)) from e


def _as_spec(value: Any) -> DepthSpec | None:
    if value is None or isinstance(value, DepthSpec):
        return value
    try:
        return DepthSpec.from_dict(_object(value))
    except DepthError as e:
        raise ValueError(str(e)) from e


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not an object")
    return value


def _to_dict(value: Recipe | DepthSpec | None) -> dict[str, Any] | None:
    return None if value is None else value.to_dict()


def _shard_path(path: str) -> str:
    schema.ShardName.parse(path)
    return path


def _config_path(path: str) -> str:
    if not schema.is_config_path(path):
        raise ValueError(f"{path!r} is not the path of a file of bg, fg or preview")
    return path


RecipeField = Annotated[Recipe, BeforeValidator(_as_recipe), PlainSerializer(_to_dict)]
SpecField = Annotated[DepthSpec | None, BeforeValidator(_as_spec), PlainSerializer(_to_dict)]
# Anybody may have written the file: its paths are checked here, so that they name nothing outside the dataset.
ShardPath = Annotated[str, AfterValidator(_shard_path)]
ConfigPath = Annotated[str, AfterValidator(_config_path)]


class _Entry(BaseModel):
    """Base of all parts of the manifest: immutable; keys that a later version added are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", arbitrary_types_allowed=True)


class FileEntry(_Entry):
    """A parquet file of the dataset: number of rows, size in bytes, SHA-256 as 64 hex digits."""

    rows: int
    bytes: int
    sha256: str

    @property
    def info(self) -> FileInfo:
        """Size and SHA-256."""
        return FileInfo(self.bytes, self.sha256)


class SourceEntry(_Entry):
    """A background or a cut-out: SHA-256 and name of its original file, and whether it is kept out of train."""

    digest: str
    held_out: bool
    file: str = ""


class SkippedFile(_Entry):
    """A source file that was left out of the dataset, and why."""

    file: str
    reason: str


class ImageStatistics(_Entry):
    """One kind of image: number of images, size, mean and deviation over all pixels of all stored images."""

    count: int
    height: list[int]  # smallest and largest, in pixels
    width: list[int]
    mode: str  # Pillow's: RGB, RGBA or L
    mean: list[float]  # by channel, on [0, 1]
    std: list[float]
    bytes: int  # of all encoded images


class DepthStatistics(_Entry):
    """The depth maps: as `ImageStatistics`, and values in the unit of the depth spec."""

    count: int
    height: list[int]
    width: list[int]
    mode: str  # I;16 or L
    mean: list[float]  # of stored values, on [0, 1], invalid pixels included as 0
    std: list[float]
    mean_value: float | None  # over valid pixels; None: no pixel is valid
    std_value: float | None
    min_value: float | None
    max_value: float | None
    invalid_fraction: float
    at_limits_fraction: float = 0.0  # share of pixels stored as the lowest or highest value: they may be clipped
    bytes: int


def _kind_tag(value: Any) -> str:
    is_depth = isinstance(value, DepthStatistics) or (isinstance(value, dict) and "mean_value" in value)
    return "<depth>" if is_depth else "<image>"


KindStatistics = Annotated[
    Annotated[DepthStatistics, Tag("<depth>")] | Annotated[ImageStatistics, Tag("<image>")], Discriminator(_kind_tag)
]


class Coverage(_Entry):
    """Which share of the frame the mattes cover, 0 to 1."""

    mean: float
    histogram: list[int]  # number of rows in each of `bins` equal bins over 0 to 1
    bins: int = 50


class DepthHistogram(_Entry):
    """Number of valid pixels by depth: n + 1 increasing edges in the unit of the depth spec, n counts."""

    edges: list[float]
    counts: list[int]


class Version(_Entry):
    """A published version, and what changed since the version before."""

    version: str | None  # the tag; None: published without a tag
    date: str = ""  # YYYY-MM-DD
    rows: int = 0
    depth_model: str | None = None
    recipe_changes: list[str] = []
    bg_added: list[str] = []
    bg_removed: list[str] = []
    fg_added: list[str] = []
    fg_removed: list[str] = []


class Manifest(_Entry):
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
        depth_histogram, depth: None without depth labels; the histogram also if no pixel is valid.
        sources: {"bg": {name: entry}, "fg": {name: entry}}.
        skipped: source files that were left out.
        warnings: messages about sources, for the card.
        shards, files: the parquet files under data/, and the files of the other configs, by path.
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
    shards: dict[ShardPath, FileEntry]
    files: dict[ConfigPath, FileEntry]
    history: list[Version] = []

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
                "  Use the version of fgbg-depth that wrote it."
            )
        try:
            return cls.model_validate(values)
        except ValidationError as e:
            more = f" ({e.error_count() - 1} more keys are wrong)" if e.error_count() > 1 else ""
            raise OutputError(f"{where}: {_sentence(e.errors()[0])}{more}.\n  {_WRITE_AGAIN}") from e

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
        """Values as JSON types, in the order of the fields."""
        return self.model_dump()

    def to_json(self) -> str:
        """The text of `statistics.json`."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"

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
    def depth_range(self) -> tuple[float, float]:
        """(low, high) of the colour scale of depth maps, in the unit of the depth spec.

        One range for all rows, so that the colours of different rows can be compared.

        Raises:
            ValueError: the dataset has no depth labels.
        """
        if self.depth is None:
            raise ValueError("the dataset has no depth labels")
        if self.depth_histogram is None:  # no pixel is valid
            return self.depth.low, self.depth.high
        return self.depth.meaning.histogram_range(self.depth_histogram.edges, self.depth_histogram.counts)

    def describes_same_files(self, other: Manifest) -> bool:
        """Whether both manifests list the same files, made from the same recipe and sources."""
        return all(
            getattr(self, key) == getattr(other, key) for key in ("shards", "files", "recipe", "depth", "sources")
        )


def _sentence(error: ErrorDetails) -> str:
    """One problem that pydantic found: the key, its value and what is allowed."""
    key = ".".join(str(part) for part in error["loc"] if part not in ("<depth>", "<image>", "[key]"))
    if error["type"] == "missing":
        return f"the key {key} is missing"
    if error["type"] == "value_error":
        return f"{key}: {str(error['ctx']['error']).rstrip('.')}"
    value = json.dumps(error["input"], default=repr)
    value = value if len(value) <= 80 else value[:77] + "..."
    allowed = _MEANINGS.get(error["type"].split("_")[0], error["msg"])
    return f"{key} is {value}; allowed: {allowed}"
