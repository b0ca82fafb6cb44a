"""Prepared sources as the configs `bg` and `fg`: written once before the shards, read by every worker.

Each config has a file for each group of sources (`schema.file_group`). A source that is added, removed or changed
changes the file of its group only, so a push uploads little.

Workers never read the original files. A source that is changed or deleted during a build does no harm, and every row
of the published dataset can be composed again.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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

_PARALLEL_FILES = 16  # opened at once


class PreparedFiles(NamedTuple):
    """The files of the prepared sources below the output: number of sources by path, sorted by path."""

    backgrounds: dict[str, int]
    cutouts: dict[str, int]

    @property
    def all(self) -> dict[str, int]:
        """The files of both kinds."""
        return self.backgrounds | self.cutouts


def write_prepared(
    storage: Storage, sources: Sources, depth_key: str = "", extras: Collection[str] = ()
) -> PreparedFiles:
    """Write the configs `bg` and `fg`. Files that exist with the right content are not written again.

    Args:
        depth_key: digest of all that decides the backgrounds' `depth`; "" if they have none.
        extras: what the sources have besides, of `schema.EXTRAS`.
    """
    labels = tuple(schema.LABELS) if depth_key else ()
    backgrounds = _files(schema.BG, sources.backgrounds, _bg_key(depth_key, extras))
    cutouts = _files(schema.FG, sources.cutouts, "")
    for path, group in backgrounds.items():
        _write(storage, path, schema.features("bg", labels, extras), group, _bg_row, {"depth_key": depth_key})
    for path, group in cutouts.items():
        _write(storage, path, schema.features("fg", extras=extras), group, _fg_row, {})
    return prepared_files(sources, depth_key, extras)


def prepared_files(sources: Sources, depth_key: str = "", extras: Collection[str] = ()) -> PreparedFiles:
    """The files that `write_prepared` writes."""
    kinds = (_files(schema.BG, sources.backgrounds, _bg_key(depth_key, extras)), _files(schema.FG, sources.cutouts, ""))
    return PreparedFiles(*({path: len(group) for path, group in kind.items()} for kind in kinds))


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
    def load(cls, storage: Storage, bg_files: Sequence[str], fg_files: Sequence[str]) -> Prepared:
        """Sources in files of the configs `bg` and `fg` of an output.

        Raises:
            ShardError: a file is missing or damaged.
        """
        with ThreadPoolExecutor(_PARALLEL_FILES) as pool:  # at a URL, opening a file is several requests
            cutouts = pool.map(lambda name: _read(storage, name, ["name", "digest", "image"]), fg_files)
            classes = [
                [pair for found in pool.map(lambda name: _read_classes(storage, name), files) for pair in found]
                for files in (bg_files, fg_files)
            ]
            return cls(
                _BackgroundFiles(storage, bg_files, pool),
                {name: cutout for found in cutouts for name, cutout in found},
                SourceClasses.of(*classes),
            )

    @classmethod
    def of(cls, sources: Sources) -> Prepared:
        """Sources in memory, which need not be written to an output."""
        kinds = (sources.backgrounds, sources.cutouts)
        backgrounds, cutouts = ({s.name: _Stored(s.digest, s.png, s.depth) for s in kind} for kind in kinds)
        return cls(backgrounds, cutouts, sources.classes)

    @classmethod
    def of_pictures(
        cls, backgrounds: Mapping[str, tuple[str, bytes, bytes]], cutouts: Mapping[str, tuple[str, bytes, bytes]]
    ) -> Prepared:
        """Sources by name: digest of the original file, PNG of the picture, and PNG of its depth or b""."""
        bgs, fgs = ({name: _Stored(*stored) for name, stored in kind.items()} for kind in (backgrounds, cutouts))
        return cls(bgs, fgs, SourceClasses())

    def background(self, name: str) -> Background:
        digest, data, depth = self._backgrounds[name]
        return Background(
            name, digest, Image.open(io.BytesIO(data)).convert("RGB"), decode_grey(depth) if depth else None
        )

    def cutout_digest(self, name: str) -> str:
        """SHA-256 of the original file of a cut-out."""
        return self._cutouts[name].digest

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
        "horizon": s.ground.horizon if s.ground else math.nan,
        "ground_error": s.ground.error if s.ground else math.nan,
        "class_name": s.class_name,
    }


def _fg_row(s: Source) -> dict[str, Any]:
    alpha = np.asarray(Image.open(io.BytesIO(s.png)).getchannel("A"))
    mask = {"bytes": encode_mask(alpha), "path": None}
    return {**_bg_row(s), "mask": mask, "width": s.width, "height": s.height}


def _bg_key(depth_key: str, extras: Collection[str]) -> str:
    """Decides the columns of the backgrounds besides their pictures."""
    return depth_key + (schema.GROUND if schema.GROUND in extras else "")


def _files(folder: str, sources: Iterable[Source], depth_key: str) -> dict[str, tuple[Source, ...]]:
    """The sources of one kind by the path of the file that holds them, sorted by path."""
    groups: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        groups[schema.file_group(source.digest)].append(source)
    return {_name(folder, group, groups[group], depth_key): tuple(groups[group]) for group in sorted(groups)}


def _name(folder: str, group: str, sources: Iterable[Source], depth_key: str) -> str:
    text = "".join(f"{s.content_digest}{int(s.held_out)}" for s in sources) + depth_key
    return schema.config_path(folder, group, hashlib.sha256(text.encode()).hexdigest())


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


class _BackgroundFiles:
    """The backgrounds of prepared files, with one row group in memory: 10,000 backgrounds take 900 MB."""

    def __init__(self, storage: Storage, names: Sequence[str], pool: ThreadPoolExecutor) -> None:
        self._storage = storage
        self._group: tuple[str, int] | None = None  # file and number of the row group in memory
        self._rows: list[_Stored] = []
        self._positions = {
            name: position for found in pool.map(self._find, names) for name, position in found
        }  # name of the background -> (file, row group, row in the row group)

    def _find(self, name: str) -> list[tuple[str, tuple[str, int, int]]]:
        with _open(self._storage, name) as file:
            return [
                (row["name"], (name, group, index))
                for group in range(file.num_row_groups)
                for index, row in enumerate(file.read_row_group(group, columns=["name"]).to_pylist())
            ]

    def __getitem__(self, name: str, /) -> _Stored:
        path, group, index = self._positions[name]
        if (path, group) != self._group:
            with _open(self._storage, path) as file:
                self._rows = [stored for _, stored in _stored_rows(file.read_row_group(group))]
            self._group = path, group
        return self._rows[index]


def _read(storage: Storage, name: str, columns: list[str]) -> list[tuple[str, _Stored]]:
    with _open(storage, name) as file:
        return list(_stored_rows(file.read(columns=columns)))


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
