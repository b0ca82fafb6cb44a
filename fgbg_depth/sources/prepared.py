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
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from fgbg_depth import schema
from fgbg_depth.errors import ShardError
from fgbg_depth.render.codecs import decode_grey
from fgbg_depth.render.inputs import Background, Cutout
from fgbg_depth.render.png import encode_mask
from fgbg_depth.sources.classes import SourceClasses
from fgbg_depth.sources.load import Source, Sources
from fgbg_depth.storage.files import HashingFile, Storage
from fgbg_depth.storage.parquet import ROW_GROUP, damaged, parquet_writer, read_record, write_parquet

if TYPE_CHECKING:
    from datasets import Features


def write_prepared(storage: Storage, sources: Sources, depth_key: str = "") -> tuple[str, str]:
    """Write the configs `bg` and `fg`. Files that exist with the right content are not written again.

    Args:
        depth_key: digest of all that decides the backgrounds' `depth`; "" if they have none.
    Returns:
        their paths below the output.
    """
    bg_path, fg_path = prepared_names(sources, depth_key)
    labels, extras = tuple(schema.LABELS) if depth_key else (), sources.classes.extras
    columns = schema.features("bg", labels, extras)
    _write(storage, bg_path, columns, sources.backgrounds, _bg_row, {"depth_key": depth_key})
    _write(storage, fg_path, schema.features("fg", extras=extras), sources.cutouts, _fg_row, {})
    return bg_path, fg_path


def prepared_names(sources: Sources, depth_key: str = "") -> tuple[str, str]:
    """Paths of the files that `write_prepared` writes, below the output."""
    return _name(schema.BG, sources.backgrounds, depth_key), _name(schema.FG, sources.cutouts, "")


class _Stored(NamedTuple):
    """A source: digest of the original file, PNG of the picture, PNG of its depth or b""."""

    digest: str
    image: bytes
    depth: bytes = b""


class _Images(Protocol):
    """Sources by name."""

    def __getitem__(self, name: str, /) -> _Stored: ...


def stored_depths(storage: Storage, depth_key: str) -> dict[bytes, bytes]:
    """PNG of the depth of each background that earlier builds labelled in the same way, by `picture_key`.

    Backgrounds keep their labels when others are added, and when the build goes on on another kind of device, whose
    rounding would change them.

    Args:
        depth_key: as given to `write_prepared`.
    """
    found: dict[bytes, bytes] = {}
    for path in storage.list(schema.BG):
        try:
            if read_record(storage, path).get("depth_key") == depth_key:
                with _open(storage, path) as file:
                    for group in range(file.num_row_groups):  # thousands of pictures do not fit into memory twice
                        rows = _stored_rows(file.read_row_group(group))
                        found |= {picture_key(row.image): row.depth for _, row in rows}
        except ShardError:  # damaged: it is written again
            continue
    return {key: depth for key, depth in found.items() if _is_picture(depth)}


def picture_key(png: bytes) -> bytes:
    """Stands for a prepared picture: the digest of its PNG."""
    return hashlib.sha256(png).digest()


def _is_picture(data: bytes) -> bool:
    """Whether a PNG can be decoded; its checksums show damage."""
    try:
        decode_grey(data)
    except Exception:  # decoders of damaged files raise nearly any type
        return False
    return True


class Prepared:
    """Prepared sources by name, decoded when they are needed."""

    def __init__(self, backgrounds: _Images, cutouts: _Images, classes: SourceClasses) -> None:
        self._backgrounds, self._cutouts, self.classes = backgrounds, cutouts, classes
        # decoded cut-outs are kept between shards; 400 of 100x80 pixels take 26 MB with `rgb` and `alpha`
        self.cutout = lru_cache(maxsize=400)(self._cutout)

    @classmethod
    def load(cls, storage: Storage, bg_file: str, fg_file: str) -> Prepared:
        """Sources in the configs `bg` and `fg` of an output.

        Raises:
            ShardError: a file is missing or damaged.
        """
        backgrounds, cutouts = (
            _BackgroundFile(storage, bg_file),
            _read(storage, fg_file, ["name", "digest", "image"]),
        )
        return cls(backgrounds, cutouts, SourceClasses.of(*(_read_classes(storage, f) for f in (bg_file, fg_file))))

    @classmethod
    def of(cls, sources: Sources) -> Prepared:
        """Sources in memory, which need not be written to an output."""
        kinds = (sources.backgrounds, sources.cutouts)
        backgrounds, cutouts = ({s.name: _Stored(s.digest, s.png, s.depth) for s in kind} for kind in kinds)
        return cls(backgrounds, cutouts, sources.classes)

    def background(self, name: str) -> Background:
        digest, data, depth = self._backgrounds[name]
        return Background(
            name, digest, Image.open(io.BytesIO(data)).convert("RGB"), decode_grey(depth) if depth else None
        )

    def _cutout(self, name: str) -> Cutout:
        digest, data, _ = self._cutouts[name]
        return Cutout(name, digest, Image.open(io.BytesIO(data)).convert("RGBA"))


def _bg_row(s: Source) -> dict[str, Any]:
    return {
        "name": s.name,
        "image": {"bytes": s.png, "path": None},
        "held_out": s.held_out,
        "digest": s.digest,
        "depth": {"bytes": s.depth, "path": None},
        "class_name": s.class_name,
    }


def _fg_row(s: Source) -> dict[str, Any]:
    alpha = np.asarray(Image.open(io.BytesIO(s.png)).getchannel("A"))
    mask = {"bytes": encode_mask(alpha), "path": None}
    return {**_bg_row(s), "mask": mask, "width": s.width, "height": s.height}


def _name(folder: str, sources: Iterable[Source], depth_key: str) -> str:
    text = "".join(f"{s.content_digest}{int(s.held_out)}" for s in sources) + depth_key
    return schema.config_path(folder, hashlib.sha256(text.encode()).hexdigest())


def _write(
    storage: Storage,
    name: str,
    columns: Features,
    sources: tuple[Source, ...],
    row: Callable[[Source], dict[str, Any]],
    record: dict[str, Any],
) -> None:
    def tables() -> Iterator[pa.Table]:
        for start in range(0, len(sources), ROW_GROUP):
            rows = [row(s) for s in sources[start : start + ROW_GROUP]]
            yield pa.Table.from_pylist(rows, schema=columns.arrow_schema)

    if not storage.exists(name) or storage.sha256(name) != _sha256_of(columns, tables(), record):
        write_parquet(storage, name, columns, tables(), lambda: record)


def _sha256_of(columns: Features, tables: Iterable[pa.Table], record: dict[str, Any]) -> str:
    """Hash of the file that `_write` writes. All rows are composed from it, so a damaged file must not be used."""
    with open(os.devnull, "wb") as nothing:
        hashing = HashingFile(nothing)
        parquet_writer(columns, tables, lambda: record)(hashing)
    return hashing.sha256.hexdigest()


class _BackgroundFile:
    """The backgrounds of a prepared file, with one row group in memory: 10,000 backgrounds take 900 MB."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage, self._name = storage, name
        self._group, self._rows = -1, list[_Stored]()
        with _open(storage, name) as file:
            self._positions = {
                row["name"]: (group, index)
                for group in range(file.num_row_groups)
                for index, row in enumerate(file.read_row_group(group, columns=["name"]).to_pylist())
            }

    def __getitem__(self, name: str, /) -> _Stored:
        group, index = self._positions[name]
        if group != self._group:
            with _open(self._storage, self._name) as file:
                self._group, self._rows = group, [stored for _, stored in _stored_rows(file.read_row_group(group))]
        return self._rows[index]


def _read(storage: Storage, name: str, columns: list[str]) -> dict[str, _Stored]:
    with _open(storage, name) as file:
        return dict(_stored_rows(file.read(columns=columns)))


def _read_classes(storage: Storage, name: str) -> list[tuple[str, str]]:
    """(name, class) of the sources in a file; empty if none of them has a class."""
    with _open(storage, name) as file:
        if "class_name" not in file.schema_arrow.names:
            return []
        table = file.read(columns=["name", "class_name"])
        return list(zip(table["name"].to_pylist(), table["class_name"].to_pylist(), strict=True))


def _stored_rows(table: pa.Table) -> Iterator[tuple[str, _Stored]]:
    for row in table.to_pylist():
        depth = row["depth"]["bytes"] if "depth" in row else b""
        yield row["name"], _Stored(row["digest"], row["image"]["bytes"], depth)


@contextmanager
def _open(storage: Storage, name: str) -> Iterator[pq.ParquetFile]:
    try:
        with storage.open(name) as f, pq.ParquetFile(f) as file:
            yield file
    except (pa.ArrowException, OSError) as e:
        raise damaged(storage, name, str(e)) from e
