"""Sources from a dataset on the Hub that has an image column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from fgbg_depth.errors import SourceError

PREFIX = "hf://datasets/"


def list_hub_images(where: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Encoded images of `hf://datasets/USER/NAME[@REVISION][:SPLIT][#COLUMN]`, in the dataset's order.

    Yields:
        (a name for messages, a function that returns the file's bytes).
    Raises:
        SourceError: the address is wrong, the dataset cannot be loaded, or it has no such image column.
    """
    from datasets import Image, load_dataset

    if not where.startswith(PREFIX) or where.count("/") < 4:
        raise SourceError(
            f"{where} is no dataset of the Hub; write hf://datasets/USER/NAME[@REVISION][:SPLIT][#COLUMN]."
        )
    address, _, column = where.removeprefix(PREFIX).partition("#")
    address, _, split = address.partition(":")
    repo, _, revision = address.partition("@")
    try:
        loaded = load_dataset(repo, revision=revision or None)
    except Exception as e:  # the client raises many kinds; the cause stays chained
        raise SourceError(f"{where} cannot be loaded ({e}).\n  Check its name and your login: hf auth login.") from e
    split = split or next(iter(loaded))
    if split not in loaded:
        raise SourceError(f"{where}: no split {split!r}; it has {', '.join(loaded)}.")
    data = loaded[split]
    images = [name for name, feature in data.features.items() if isinstance(feature, Image)]
    if column and column not in images:
        raise SourceError(f"{where}: no image column {column!r}; it has {', '.join(images) or 'none'}.")
    if not images:
        raise SourceError(f"{where}: the dataset has no image column.")
    column = column or images[0]
    encoded = data.select_columns([column]).cast_column(column, Image(decode=False))
    for index in range(len(encoded)):
        row: dict[str, Any] = encoded[index][column]
        stem = PurePosixPath(row.get("path") or "").stem
        yield stem or f"{index:06d}", _reader(row)


def _reader(row: dict[str, Any]) -> Callable[[], bytes]:
    def read() -> bytes:
        if row.get("bytes") is not None:
            return bytes(row["bytes"])
        with open(row["path"], "rb") as f:
            return f.read()

    return read
