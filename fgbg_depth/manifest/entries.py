"""Parts of `statistics.json`: files, sources, statistics of images and of columns of numbers, published versions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Tag

from fgbg_depth.statistics import ColumnSums
from fgbg_depth.storage.files import FileInfo

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Entry(BaseModel):
    """Base of all parts of the manifest: immutable; keys that a later version added are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", arbitrary_types_allowed=True)


class FileEntry(Entry):
    """A parquet file of the dataset: number of rows, size in bytes, SHA-256 as 64 hex digits."""

    rows: int
    bytes: int
    sha256: str

    @property
    def info(self) -> FileInfo:
        """Size and SHA-256."""
        return FileInfo(self.bytes, self.sha256)


class PictureEntry(Entry):
    """A picture of the card: size in bytes, SHA-256 as 64 hex digits."""

    bytes: int
    sha256: str


class SourceEntry(Entry):
    """A background or a cut-out: SHA-256 and name of its original file, and whether it is kept out of train."""

    digest: str
    held_out: bool
    file: str = ""


class SkippedFile(Entry):
    """A source file that was left out of the dataset, and why."""

    file: str
    reason: str


class ImageStatistics(Entry):
    """One kind of image: number of images, size, mean and deviation over all pixels of all stored images."""

    count: int
    height: list[int]  # smallest and largest, in pixels
    width: list[int]
    mode: str  # Pillow's: RGB, RGBA or L
    mean: list[float]  # by channel, on [0, 1]
    std: list[float]
    bytes: int  # of all encoded images


class DepthStatistics(Entry):
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


class Coverage(Entry):
    """Which share of the frame the mattes cover, 0 to 1."""

    mean: float
    histogram: list[int]  # number of rows in each of `bins` equal bins over 0 to 1
    bins: int = 50


class DepthHistogram(Entry):
    """Number of valid pixels by depth: n + 1 increasing edges in the unit of the depth spec, n counts."""

    edges: list[float]
    counts: list[int]


class ColumnStatistics(Entry):
    """A column of numbers, such as `boundary_recall`.

    Args:
        count, missing: number of rows with a value, and of rows with NaN.
        mean, min, max: of the values; None if no row has one.
        quantiles: by share of the rows as text, "0.05" to "0.95", to the nearest step of the histogram; "0.5" is the
            median. Empty if no row has a value.
        low, high: the middles of the first and of the last bin; equal steps between them. Values beyond count in these.
        counts: number of rows in each bin.
    """

    count: int
    missing: int
    mean: float | None
    min: float | None
    max: float | None
    quantiles: dict[str, float]
    low: float
    high: float
    counts: list[int]

    @classmethod
    def of(cls, sums: ColumnSums) -> ColumnStatistics:
        """The statistics of the values that were added to `sums`."""
        quantiles = {f"{share:g}": value for share in QUANTILES if (value := sums.quantile(share)) is not None}
        return cls(
            count=sums.count,
            missing=sums.missing,
            mean=sums.mean,
            min=sums.least,
            max=sums.greatest,
            quantiles=quantiles,
            low=sums.low,
            high=sums.high,
            counts=sums.histogram.tolist(),
        )

    @property
    def median(self) -> float | None:
        """The value that half of the rows reach or stay below, to the nearest step; None if no row has a value."""
        return self.quantiles.get("0.5")


class Version(Entry):
    """A published version, and what changed since the version before."""

    version: str | None  # the tag; None: published without a tag
    date: str = ""  # YYYY-MM-DD
    message: str = ""  # what the publisher wrote about it (`push --message`)
    content: str = ""  # `Manifest.content_digest`, by which a push knows on which version an output is based
    rows: int = 0
    depth_model: str | None = None
    recipe_changes: list[str] = []
    bg_added: list[str] = []
    bg_removed: list[str] = []
    fg_added: list[str] = []
    fg_removed: list[str] = []
