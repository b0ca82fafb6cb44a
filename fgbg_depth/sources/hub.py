"""Sources from a dataset on the Hub that has an image column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from fgbg_depth.errors import SourceError
from fgbg_depth.sources.folder import SourceFile
from fgbg_depth.sources.names import printable

if TYPE_CHECKING:
    from datasets import Dataset

PREFIX = "hf://datasets/"


def list_hub_images(address: str) -> Iterator[SourceFile]:
    """Image files of `hf://datasets/USER/NAME[@REVISION][:SPLIT][#COLUMN]`, in the dataset's order.

    Only the files of the split are downloaded (without SPLIT: of the first), to the cache of `datasets`. Without COLUMN
    the first image column is used.

    Raises:
        SourceError: the address is wrong, the dataset cannot be loaded, or it has no such split or image column.
    """
    from datasets import Image

    if not address.startswith(PREFIX) or address.count("/") < 4:
        raise SourceError(
            f"{address} is not the address of a dataset on the Hub.\n"
            f"  Write {PREFIX}USER/NAME[@REVISION][:SPLIT][#COLUMN]."
        )
    rest, _, column = address.removeprefix(PREFIX).partition("#")
    rest, _, split = rest.partition(":")
    repo, _, revision = rest.partition("@")
    rows = _load_split(address, repo, revision or None, split)
    columns = [name for name, feature in rows.features.items() if isinstance(feature, Image)]
    if not columns:
        raise SourceError(f"{address}: the dataset has no image column. Its columns are {', '.join(rows.features)}.")
    if column and column not in columns:
        raise SourceError(f"{address}: no image column {column!r}. The image columns are {', '.join(columns)}.")
    column = column or columns[0]
    encoded = rows.select_columns([column]).cast_column(column, Image(decode=False))
    paths = encoded.flatten()[f"{column}.path"]
    for index, path in enumerate(paths):
        name = printable(PurePosixPath(path or "").name) or f"{index:06d}"
        yield SourceFile(name, _reader(encoded, index, column))


def _load_split(address: str, repo: str, revision: str | None, split: str) -> Dataset:
    """Load one split. `load_dataset(split=...)` alone would download and convert the files of all splits."""
    from datasets import load_dataset, load_dataset_builder

    try:
        builder = load_dataset_builder(repo, revision=revision)
        data_files = builder.config.data_files
        files = {str(name): listed for name, listed in data_files.items()}
        split = split or next(iter(files))
        if split not in files:
            raise SourceError(f"{address}: no split {split!r}. The splits are {', '.join(files)}.")
        chosen = type(data_files)({split: files[split]})  # this type: its files are not searched for again
        # with its checks the client wants all splits that the dataset's card counts; the rows are checked below
        rows = load_dataset(repo, revision=revision, data_files=chosen, split=split, verification_mode="no_checks")
        expected = (builder.info.splits or {}).get(split)
        if expected is not None and expected.num_examples != len(rows):
            raise SourceError(
                f"{address}: split {split!r} has {len(rows)} rows, its card says {expected.num_examples}.\n"
                "  Use another revision, or ask its owner to correct the dataset."
            )
        return rows
    except SourceError:
        raise
    except Exception as e:  # the clients raise many types; the cause stays chained
        raise SourceError(
            f"{address} cannot be loaded ({type(e).__name__}: {e}).\n"
            "  Check its name and your connection. For a private dataset log in: hf auth login."
        ) from e


def _reader(encoded: Dataset, index: int, column: str) -> Callable[[], bytes]:
    """A function that reads one image: the bytes of all images together may not fit into memory."""

    def read() -> bytes:
        cell: dict[str, Any] = encoded[index][column]
        return bytes(cell["bytes"]) if cell["bytes"] is not None else Path(cell["path"]).read_bytes()

    return read
