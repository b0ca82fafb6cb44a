"""Sources from a dataset on the Hub that has an image column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from fgbg_depth import schema
from fgbg_depth.errors import SourceError
from fgbg_depth.sources.folder import SourceFile
from fgbg_depth.sources.names import printable

if TYPE_CHECKING:
    from datasets import Dataset

PREFIX = "hf://datasets/"
FORM = f"{PREFIX}USER/NAME[@REVISION][/CONFIG][:SPLIT][#COLUMN]"
_ADDRESS = re.compile(
    rf"(?P<dataset>{PREFIX}(?P<repo>[^/@:#]+/[^/@:#]+)(@(?P<revision>refs/(pr|convert)/[^/:#]+|[^/:#]+))?)"
    r"(/(?P<config>[^/:#]+))?(:(?P<split>[^#]*))?(#(?P<column>.*))?"
)
_OUR_COLUMNS = {"name", "digest", "image"}  # of the configs bg and fg of datasets that this project built


@dataclass(frozen=True)
class HubAddress:
    """A dataset on the Hub, and what of it is meant. "" or None: not named."""

    text: str  # as the user wrote it
    dataset: str  # its start: hf://datasets/USER/NAME[@REVISION]
    repo: str
    revision: str | None
    config: str
    split: str
    column: str

    @classmethod
    def parse(cls, text: str) -> HubAddress:
        """Read `hf://datasets/USER/NAME[@REVISION][/CONFIG][:SPLIT][#COLUMN]`.

        In a revision write %2F for "/", except in refs/pr/N and refs/convert/parquet.

        Raises:
            SourceError: the address has another form.
        """
        found = _ADDRESS.fullmatch(text)
        if not found:
            raise SourceError(f"{text} is not the address of a dataset on the Hub.\n  Write {FORM}.")
        revision = unquote(found["revision"]) if found["revision"] else None
        chosen = (found[part] or "" for part in ("config", "split", "column"))
        return cls(text, found["dataset"], found["repo"], revision, *chosen)


def list_hub_images(text: str) -> Iterator[SourceFile]:
    """Image files of `hf://datasets/USER/NAME[@REVISION][/CONFIG][:SPLIT][#COLUMN]`, in the dataset's order.

    Only the files of the split are downloaded (without SPLIT: of the first), to the cache of `datasets`. CONFIG and
    COLUMN can be left out if the dataset has only one. In the configs `bg` and `fg` of a dataset that this project
    built, the column is `image`, and sources keep their names.

    Raises:
        SourceError: the address is wrong or could mean several configs or columns, the dataset cannot be loaded, or it
            has no such config, split or image column.
    """
    from datasets import Image

    address = HubAddress.parse(text)
    rows = _load_split(address)
    column = _image_column(address, rows)
    encoded = rows.select_columns([column]).cast_column(column, Image(decode=False))
    if rows.features.keys() >= _OUR_COLUMNS and column == "image":
        names = [printable(str(name)) for name in rows.select_columns(["name"])["name"]]
    else:
        paths = encoded.flatten()[f"{column}.path"]
        names = [printable(PurePosixPath(path or "").name) for path in paths]
    for index, name in enumerate(names):
        yield SourceFile(name or f"{index:06d}", _reader(encoded, index, column))


def _image_column(address: HubAddress, rows: Dataset) -> str:
    """The image column that is meant."""
    from datasets import Image

    columns = [name for name, feature in rows.features.items() if isinstance(feature, Image)]
    if not columns:
        all_columns = ", ".join(rows.features)
        raise SourceError(f"{address.text}: the dataset has no image column. Its columns are {all_columns}.")
    if address.column and address.column not in columns:
        raise SourceError(
            f"{address.text}: no image column {address.column!r}. The image columns are {', '.join(columns)}."
        )
    if address.column or len(columns) == 1:
        return address.column or columns[0]
    if rows.features.keys() >= _OUR_COLUMNS:
        return "image"
    raise SourceError(
        f"{address.text}: the dataset has {len(columns)} image columns: {', '.join(columns)}.\n"
        f"  Name the one that holds the pictures, such as {address.text}#{columns[0]}"
    )


def _config_name(address: HubAddress) -> str:
    """The config that is meant."""
    from datasets import get_dataset_config_names

    configs = get_dataset_config_names(address.repo, revision=address.revision)
    if address.config and address.config not in configs:
        raise SourceError(f"{address.text}: no config {address.config!r}. The configs are {', '.join(configs)}.")
    if not address.config and len(configs) > 1:
        likely = [name for name in (schema.BG, schema.FG) if name in configs] or configs[:1]
        raise SourceError(
            f"{address.text}: the dataset has {len(configs)} configs: {', '.join(configs)}.\n"
            f"  Name one, such as {' or '.join(f'{address.dataset}/{name}' for name in likely)}"
        )
    return address.config or str(configs[0])


def _load_split(address: HubAddress) -> Dataset:
    """Load one split. `load_dataset(split=...)` alone would download and convert the files of all splits."""
    from datasets import load_dataset, load_dataset_builder

    repo, revision, split = address.repo, address.revision, address.split
    try:
        config = _config_name(address)
        builder = load_dataset_builder(repo, config, revision=revision)
        data_files = builder.config.data_files
        files = {str(name): listed for name, listed in data_files.items()}
        split = split or next(iter(files))
        if split not in files:
            raise SourceError(f"{address.text}: no split {split!r}. The splits are {', '.join(files)}.")
        chosen = type(data_files)({split: files[split]})  # this type: its files are not searched for again
        # with its checks the client wants all splits that the dataset's card counts; the rows are checked below
        rows = load_dataset(
            repo, config, revision=revision, data_files=chosen, split=split, verification_mode="no_checks"
        )
        expected = (builder.info.splits or {}).get(split)
        if expected is not None and expected.num_examples != len(rows):
            raise SourceError(
                f"{address.text}: split {split!r} has {len(rows)} rows, its card says {expected.num_examples}.\n"
                "  Use another revision, or ask its owner to correct the dataset."
            )
        return rows
    except SourceError:
        raise
    except Exception as e:  # the clients raise many types; the cause stays chained
        raise SourceError(
            f"{address.text} cannot be loaded ({type(e).__name__}: {e}).\n"
            "  Check its name and your connection. For a private dataset log in: hf auth login."
        ) from e


def _reader(encoded: Dataset, index: int, column: str) -> Callable[[], bytes]:
    """A function that reads one image: the bytes of all images together may not fit into memory."""

    def read() -> bytes:
        cell: dict[str, Any] = encoded[index][column]
        return bytes(cell["bytes"]) if cell["bytes"] is not None else Path(cell["path"]).read_bytes()

    return read
