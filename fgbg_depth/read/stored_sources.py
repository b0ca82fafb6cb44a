"""Backgrounds and cut-outs as a dataset stores them, in the configs `bg` and `fg`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from fgbg_depth.read.files import DatasetFiles

_PARALLEL_FILES = 16  # read at once over a network, where each file costs some requests
_COLUMNS = ("name", "held_out", "digest", "image", "depth", "class_name", "horizon")  # only those that a file has


@dataclass(frozen=True)
class StoredSource:
    """A background or a cut-out.

    Args:
        held_out: whether it is kept out of train.
        digest: SHA-256 of its original file, 64 hex digits.
        image: PNG; RGB for backgrounds, RGBA with straight alpha for cut-outs.
        class_name: what it shows; "" if it has no class.
        depth: PNG of stored depth values predicted from a background; b"" for cut-outs and without depth.
        horizon: row of the horizon of a background's ground, in pixels from the top; NaN: no ground was found; None:
            the dataset's rows do not use the ground.
    """

    name: str
    held_out: bool
    digest: str
    image: bytes = field(repr=False)
    depth: bytes = field(default=b"", repr=False)
    class_name: str = ""
    horizon: float | None = None


def read_sources(
    files: DatasetFiles, paths: Iterable[str], names: Collection[str] | None = None
) -> dict[str, StoredSource]:
    """Sources by name, sorted by name.

    Args:
        paths: parquet files of the config bg or fg.
        names: only these; only row groups that contain some of them are read. None: all.
    """
    with ThreadPoolExecutor(1 if files.is_local else _PARALLEL_FILES) as pool:
        found = [source for read in pool.map(lambda path: _read(files, path, names), sorted(paths)) for source in read]
    return {source.name: source for source in sorted(found, key=lambda source: source.name)}


def _read(files: DatasetFiles, path: str, names: Collection[str] | None) -> list[StoredSource]:
    """The sources in one file."""
    footer = files.read_footer(path)
    groups = list(range(footer.num_row_groups))
    if names is not None:
        groups = [
            group
            for group in groups
            if not set(names).isdisjoint(files.read_row_groups(path, footer, [group], ["name"])["name"].to_pylist())
        ]
    rows = files.read_row_groups(path, footer, groups, _COLUMNS).to_pylist() if groups else []
    return [
        StoredSource(
            row["name"],
            row["held_out"],
            row["digest"],
            row["image"]["bytes"],
            row["depth"]["bytes"] if "depth" in row else b"",
            row.get("class_name", ""),
            row.get("horizon"),
        )
        for row in rows
        if names is None or row["name"] in names
    ]
