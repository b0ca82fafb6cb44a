"""Backgrounds and cut-outs as a dataset stores them, in the configs `bg` and `fg`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from fgbg_depth.read.files import DatasetFiles

_COLUMNS = ("name", "held_out", "digest", "image", "depth", "horizon")  # cut-outs have no depth and no horizon


@dataclass(frozen=True)
class StoredSource:
    """A background or a cut-out.

    Args:
        held_out: whether it is kept out of train.
        digest: SHA-256 of its original file, 64 hex digits.
        image: PNG; RGB for backgrounds, RGBA with straight alpha for cut-outs.
        depth: PNG of stored depth values predicted from a background; b"" for cut-outs and without depth.
        horizon: row of the horizon of a background's ground, in pixels from the top; NaN: no ground was found; None:
            the dataset's rows do not use the ground.
    """

    name: str
    held_out: bool
    digest: str
    image: bytes = field(repr=False)
    depth: bytes = field(default=b"", repr=False)
    horizon: float | None = None


def read_sources(
    files: DatasetFiles, paths: Iterable[str], names: Collection[str] | None = None
) -> dict[str, StoredSource]:
    """Sources by name, in stored order.

    Args:
        paths: parquet files of the config bg or fg.
        names: only these; only row groups that contain some of them are read. None: all.
    """
    found: dict[str, StoredSource] = {}
    for path in sorted(paths):
        footer = files.read_footer(path)
        groups = list(range(footer.num_row_groups))
        if names is not None:
            groups = [
                group
                for group in groups
                if not set(names).isdisjoint(files.read_row_groups(path, footer, [group], ["name"])["name"].to_pylist())
            ]
        for row in files.read_row_groups(path, footer, groups, _COLUMNS).to_pylist() if groups else ():
            if names is None or row["name"] in names:
                depth = row["depth"]["bytes"] if "depth" in row else b""
                found[row["name"]] = StoredSource(
                    row["name"], row["held_out"], row["digest"], row["image"]["bytes"], depth, row.get("horizon")
                )
    return found
