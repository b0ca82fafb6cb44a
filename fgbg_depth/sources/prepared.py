"""Prepared sources as the configs `bg` and `fg`: written once before the shards, read by every worker.

Workers never read the original files. A source that is changed or deleted during a build does no harm, and every row
of the published dataset can be composed again.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from fgbg_depth import schema
from fgbg_depth.render.inputs import Background, Cutout
from fgbg_depth.render.png import encode_mask
from fgbg_depth.sources.load import Source, Sources
from fgbg_depth.storage.files import HashingFile, Storage
from fgbg_depth.storage.parquet import ROW_GROUP, damaged, parquet_writer, write_parquet

if TYPE_CHECKING:
    from datasets import Features


def write_prepared(storage: Storage, sources: Sources) -> tuple[str, str]:
    """Write the configs `bg` and `fg`. Files that exist with the right content are not written again.

    Returns:
        their paths below the output.
    """
    return (
        _write(storage, schema.BG, schema.features("bg"), sources.backgrounds, _bg_row),
        _write(storage, schema.FG, schema.features("fg"), sources.cutouts, _fg_row),
    )


def prepared_names(sources: Sources) -> tuple[str, str]:
    """Paths of the files that hold these sources, below the output."""
    return _name(schema.BG, sources.backgrounds), _name(schema.FG, sources.cutouts)


class _Images(Protocol):
    """(digest, PNG bytes) by the name of a source."""

    def __getitem__(self, name: str, /) -> tuple[str, bytes]: ...


class Prepared:
    """Prepared sources by name, decoded when they are needed."""

    def __init__(self, backgrounds: _Images, cutouts: _Images) -> None:
        self._backgrounds, self._cutouts = backgrounds, cutouts
        # decoded cut-outs are kept between shards; 400 of 100x80 pixels take 26 MB with `rgb` and `alpha`
        self.cutout = lru_cache(maxsize=400)(self._cutout)

    @classmethod
    def load(cls, storage: Storage, bg_file: str, fg_file: str) -> Prepared:
        """Sources in the configs `bg` and `fg` of an output.

        Raises:
            ShardError: a file is missing or damaged.
        """
        return cls(_BackgroundFile(storage, bg_file), _read(storage, fg_file))

    @classmethod
    def of(cls, sources: Sources) -> Prepared:
        """Sources in memory, which need not be written to an output."""
        backgrounds, cutouts = ({s.name: (s.digest, s.png) for s in k} for k in (sources.backgrounds, sources.cutouts))
        return cls(backgrounds, cutouts)

    def background(self, name: str) -> Background:
        digest, data = self._backgrounds[name]
        return Background(name, digest, Image.open(io.BytesIO(data)).convert("RGB"))

    def _cutout(self, name: str) -> Cutout:
        digest, data = self._cutouts[name]
        return Cutout(name, digest, Image.open(io.BytesIO(data)).convert("RGBA"))


def _bg_row(s: Source) -> dict[str, Any]:
    return {
        "name": s.name,
        "image": {"bytes": s.png, "path": None},
        "held_out": s.held_out,
        "digest": s.digest,
    }


def _fg_row(s: Source) -> dict[str, Any]:
    alpha = np.asarray(Image.open(io.BytesIO(s.png)).getchannel("A"))
    mask = {"bytes": encode_mask(alpha), "path": None}
    return {**_bg_row(s), "mask": mask, "width": s.width, "height": s.height}


def _name(folder: str, sources: Iterable[Source]) -> str:
    text = "".join(f"{s.content_digest}{int(s.held_out)}" for s in sources)
    return schema.config_path(folder, hashlib.sha256(text.encode()).hexdigest())


def _write(
    storage: Storage,
    folder: str,
    columns: Features,
    sources: tuple[Source, ...],
    row: Callable[[Source], dict[str, Any]],
) -> str:
    def tables() -> Iterator[pa.Table]:
        for start in range(0, len(sources), ROW_GROUP):
            rows = [row(s) for s in sources[start : start + ROW_GROUP]]
            yield pa.Table.from_pylist(rows, schema=columns.arrow_schema)

    name = _name(folder, sources)
    if not storage.exists(name) or storage.sha256(name) != _sha256_of(columns, tables()):
        write_parquet(storage, name, columns, tables())
    return name


def _sha256_of(columns: Features, tables: Iterable[pa.Table]) -> str:
    """Hash of the file that `_write` writes. All rows are composed from it, so a damaged file must not be used."""
    with open(os.devnull, "wb") as nothing:
        hashing = HashingFile(nothing)
        parquet_writer(columns, tables)(hashing)
    return hashing.sha256.hexdigest()


class _BackgroundFile:
    """The backgrounds of a prepared file, with one row group in memory: 10,000 backgrounds take 900 MB."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage, self._name = storage, name
        self._group, self._images = -1, list[bytes]()
        with _open(storage, name) as file:
            self._positions = {
                row["name"]: (row["digest"], group, index)
                for group in range(file.num_row_groups)
                for index, row in enumerate(file.read_row_group(group, columns=["name", "digest"]).to_pylist())
            }

    def __getitem__(self, name: str, /) -> tuple[str, bytes]:
        digest, group, index = self._positions[name]
        if group != self._group:
            with _open(self._storage, self._name) as file:
                images = file.read_row_group(group, columns=["image"]).column("image").to_pylist()
            self._group, self._images = group, [image["bytes"] for image in images]
        return digest, self._images[index]


def _read(storage: Storage, name: str) -> dict[str, tuple[str, bytes]]:
    with _open(storage, name) as file:
        rows = file.read(columns=["name", "digest", "image"]).to_pylist()
    return {r["name"]: (r["digest"], r["image"]["bytes"]) for r in rows}


@contextmanager
def _open(storage: Storage, name: str) -> Iterator[pq.ParquetFile]:
    try:
        with storage.open(name) as f, pq.ParquetFile(f) as file:
            yield file
    except (pa.ArrowException, OSError) as e:
        raise damaged(storage, name, str(e)) from e
