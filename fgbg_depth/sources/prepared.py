"""Prepared sources as the configs `bg` and `fg`: written once before the shards, read by every worker.

Workers never look at the original files, so a source that changes or vanishes during a build does no harm,
and any row of the published dataset can be made again.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, BinaryIO, Protocol, cast

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


def write_prepared(storage: Storage, sources: Sources) -> tuple[str, str]:
    """Write the configs `bg` and `fg`; files that are there already, and whole, are left alone.

    Returns:
        their names below the output.
    """
    return (
        _write(storage, schema.BG, schema.features("bg"), sources.backgrounds, _bg_row),
        _write(storage, schema.FG, schema.features("fg"), sources.cutouts, _fg_row),
    )


def prepared_names(sources: Sources) -> tuple[str, str]:
    """Names of the files that hold these sources."""
    return _name(schema.BG, sources.backgrounds), _name(schema.FG, sources.cutouts)


class _Rows(Protocol):
    """(digest, PNG bytes) by a source's name."""

    def __getitem__(self, name: str, /) -> tuple[str, bytes]: ...


class Prepared:
    """Prepared sources by name; each as (digest, PNG bytes)."""

    def __init__(self, bgs: _Rows, fgs: _Rows) -> None:
        self._bgs, self._fgs = bgs, fgs
        # decoded cut-outs are kept between shards; 400 of 100x80 pixels take 26 MB with their planes
        self.cutout = lru_cache(maxsize=400)(self._cutout)

    @classmethod
    def load(cls, storage: Storage, bg_file: str, fg_file: str) -> Prepared:
        """Out of the configs `bg` and `fg` of an output."""
        return cls(_OneGroup(storage, bg_file), _read(storage, fg_file))

    @classmethod
    def of(cls, sources: Sources) -> Prepared:
        """Of sources that are not written anywhere yet."""
        bgs, fgs = sources.backgrounds, sources.cutouts
        return cls({s.name: (s.digest, s.png) for s in bgs}, {s.name: (s.digest, s.png) for s in fgs})

    def background(self, name: str) -> Background:
        digest, data = self._bgs[name]
        return Background(name, digest, Image.open(io.BytesIO(data)).convert("RGB"))

    def _cutout(self, name: str) -> Cutout:
        digest, data = self._fgs[name]
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


def _write(storage: Storage, folder: str, columns: Any, sources: tuple[Source, ...], row: Any) -> str:
    def tables() -> Iterator[pa.Table]:
        for start in range(0, len(sources), ROW_GROUP):
            rows = [row(s) for s in sources[start : start + ROW_GROUP]]
            yield pa.Table.from_pylist(rows, schema=columns.arrow_schema)

    name = _name(folder, sources)
    if not storage.exists(name) or storage.sha256(name) != _sha256_of(columns, tables()):
        write_parquet(storage, name, columns, tables())
    return name


def _sha256_of(columns: Any, tables: Iterable[pa.Table]) -> str:
    """Hash of the file that these tables make: all rows are composed from it, so a damaged one must not be used."""
    hashing = HashingFile(cast(BinaryIO, _Nowhere()))
    parquet_writer(columns, tables)(hashing)
    return hashing.sha256.hexdigest()


class _Nowhere:
    def write(self, data: Any) -> None:
        pass

    def flush(self) -> None:
        pass


class _OneGroup:
    """Rows of a prepared file with one row group of it in memory: ten thousand backgrounds take 900 MB."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage, self._name = storage, name
        self._group, self._images = -1, list[bytes]()
        with _opened(storage, name) as file:
            self._places = {
                row["name"]: (row["digest"], group, index)
                for group in range(file.num_row_groups)
                for index, row in enumerate(file.read_row_group(group, columns=["name", "digest"]).to_pylist())
            }

    def __getitem__(self, name: str, /) -> tuple[str, bytes]:
        digest, group, index = self._places[name]
        if group != self._group:
            with _opened(self._storage, self._name) as file:
                images = file.read_row_group(group, columns=["image"]).column("image").to_pylist()
            self._group, self._images = group, [image["bytes"] for image in images]
        return digest, self._images[index]


def _read(storage: Storage, name: str) -> dict[str, tuple[str, bytes]]:
    with _opened(storage, name) as file:
        rows = file.read(columns=["name", "digest", "image"]).to_pylist()
    return {r["name"]: (r["digest"], r["image"]["bytes"]) for r in rows}


@contextmanager
def _opened(storage: Storage, name: str) -> Iterator[pq.ParquetFile]:
    try:
        with storage.open(name) as f, pq.ParquetFile(f) as file:
            yield file
    except (pa.ArrowException, OSError) as e:
        raise damaged(storage, name, str(e)) from e
