"""`load`: rows of exactly one version of a dataset. If that version cannot be had, it fails."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgbg_depth import schema
from fgbg_depth.errors import HubError, OutputError
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.files import build_command
from fgbg_depth.read.hub_base import HubBase
from fgbg_depth.read.opening import open_files, read_manifest
from fgbg_depth.storage.files import Storage

if TYPE_CHECKING:
    import pyarrow.compute as pc
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict

    from fgbg_depth.read.snapshot import Snapshot

_SMALL_FILES = [schema.CARD, schema.STATISTICS]


def load(
    source: str | Path,
    revision: str | None = None,
    config: str = "default",
    split: str | None = None,
    streaming: bool = False,
    token: str | None = None,
    where: str | None = None,
    decode: bool = True,
) -> Dataset | DatasetDict | IterableDataset | IterableDatasetDict:
    """Load rows of an output folder, or of exactly one version on the Hub.

    The revision is turned into a commit first. Only files of that commit are read, and only those of the config and
    split. Without a network, the files that were downloaded earlier for the same revision are used; if some are
    missing, loading fails. (`datasets.load_dataset(..., revision=...)` may then load another version.)

        train = load("user/name", revision="v1.0.0", split="train")                # Dataset
        stream = load("user/name", split="train", streaming=True)                  # IterableDataset
        sources = load("out", config="bg", split="train")                          # a folder
        good = load("out", split="train", where="boundary_recall > 0.5 and not flip")

    Args:
        source: `USER/NAME` on the Hub, or a folder; a folder that exists wins.
        revision: tag, branch or commit on the Hub; default: `main`.
        config: default, bg, fg or preview.
        split: as in `load_dataset`, such as "train" or "train[:10%]"; default: all, as a dict.
        streaming: read over the network while iterating; nothing is stored.
        token: of the Hub; default: the one that `hf auth login` stored.
        where: only rows for which this condition on the columns is true; see `fgbg_depth.read.where.parse_where`. Row
            groups of 100 rows that cannot contain a match, by the least and greatest values of their columns, are not
            read. Slices in `split`, such as "train[:10%]", count matching rows.
        decode: False leaves images encoded, {"bytes": ..., "path": ...}, for `fgbg_depth.decode_batch`.
    Raises:
        HubError: this version cannot be loaded; the message says why.
        UsageError: `where` is not a condition on columns of the config.
    """
    rows = _load(source, revision, config, split, streaming, token, where)
    if decode:
        return rows
    from datasets import DatasetDict, IterableDatasetDict

    if isinstance(rows, DatasetDict | IterableDatasetDict):
        return type(rows)({name: _encoded(part) for name, part in rows.items()})
    return _encoded(rows)


def load_manifest(source: str | Path, revision: str | None = None, token: str | None = None) -> Manifest:
    """The manifest of a dataset, `statistics.json`: its depth spec (`depth`), splits, shards, and statistics.

    Args:
        source, revision, token: as for `load`.
    Raises:
        HubError: there is no finished dataset of this project; the message says why.
    """
    source = os.path.expanduser(source)
    if Path(source).is_dir():
        _check_no_revision(source, revision)
        return _local_manifest(source)
    version = _version(source, revision, token)
    return _manifest(version.fetch(_SMALL_FILES), str(version))


def _encoded(rows: Any) -> Any:
    """The rows with their images as the encoded bytes that are stored."""
    from datasets import Image

    for name, feature in rows.features.items():
        if isinstance(feature, Image):
            rows = rows.cast_column(name, Image(decode=False))
    return rows


def _load(
    source: str | Path,
    revision: str | None,
    config: str,
    split: str | None,
    streaming: bool,
    token: str | None,
    where: str | None,
) -> Any:
    """As `load`, with decoded images."""
    if config not in schema.CONFIGS:
        raise HubError(f"There is no config {config!r}; the configs are {', '.join(schema.CONFIGS)}.")
    source = os.path.expanduser(source)
    if Path(source).is_dir():
        _check_no_revision(source, revision)
        manifest = _local_manifest(source)
        paths = _paths(manifest, config, split, str(source))
        elsewhere = _on_hub(str(source), paths, streaming, token)
        absent = (name for name in _names(paths) if name not in elsewhere)
        if missing := [name for name in absent if not Path(source, name).is_file()]:
            raise HubError(f"{_absent(missing, str(source))}\n  Build again: {build_command(Storage(source))}")
        return _open(str(source), paths, split, streaming, token, _filters(where, config, manifest), elsewhere)

    version = _version(source, revision, token)
    manifest = _manifest(version.fetch(_SMALL_FILES), str(version))
    filters = _filters(where, config, manifest)  # before anything large is downloaded
    paths = _paths(manifest, config, split, str(version))
    names = _SMALL_FILES + sorted(_names(paths))
    # a stream reads over the network, unless all files are in the cache
    base = (version.cached(names) or version.url) if streaming else version.fetch(names)
    if isinstance(base, Path) and (missing := [name for name in _names(paths) if not (base / name).is_file()]):
        raise _not_on_hub(missing, str(version))  # the Hub was asked for all of them
    try:
        return _open(str(base), paths, split, streaming, token, filters)
    except (OSError, ConnectionError) as e:
        if not streaming:
            raise
        if isinstance(e, FileNotFoundError) and (missing := [name for name in _names(paths) if name in str(e)]):
            raise _not_on_hub(missing, str(version)) from e
        raise version.explained(e) from e


def _check_no_revision(folder: str, revision: str | None) -> None:
    if revision is not None:
        raise HubError(f"{folder} is a folder and has no revisions.\n  Remove revision=, or give USER/NAME.")


def _local_manifest(folder: str) -> Manifest:
    try:
        return read_manifest(open_files(folder))
    except OutputError as e:
        raise HubError(str(e)) from e


def _version(source: str, revision: str | None, token: str | None) -> Snapshot:
    if source.count("/") != 1 or Path(source).is_absolute():
        raise HubError(
            f"{source!r} is not an existing folder, and not a name on the Hub (USER/NAME).\n"
            "  Check the path or the name."
        )
    from fgbg_depth.read.snapshot import Snapshot

    return Snapshot(source, revision, token)


def _names(paths: dict[str, list[str]]) -> list[str]:
    return [name for files in paths.values() for name in files]


def _absent(missing: list[str], dataset: str) -> str:
    """A sentence about files that the manifest lists and the dataset does not have."""
    what = f"{missing[0]} and {len(missing) - 1} more files" if missing[1:] else missing[0]
    verb = "are" if missing[1:] else "is"
    return f"{what} of {dataset} {verb} missing, but {schema.STATISTICS} lists {'them' if missing[1:] else 'it'}."


def _not_on_hub(missing: list[str], version: str) -> HubError:
    return HubError(
        f"{_absent(missing, version.removesuffix(','))}\n"
        "  Load another revision, or ask the owner to push the complete output again."
    )


def _manifest(folder: Path, name: str) -> Manifest:
    """The manifest of a version on the Hub; it lists the version's files."""
    try:
        return Manifest.from_json((folder / schema.STATISTICS).read_bytes(), f"{schema.STATISTICS} of {name}")
    except FileNotFoundError as e:
        raise HubError(
            f"{name} is not a finished dataset of fgbg-depth: it has no {schema.STATISTICS}.\n"
            "  Load other datasets with datasets.load_dataset."
        ) from e


def _on_hub(folder: str, paths: Mapping[str, list[str]], streaming: bool, token: str | None) -> dict[str, str]:
    """Where to read those files of a folder that are on the Hub, because it continues a version there (`hub_base`).

    Returns:
        By path in the folder: a file in the cache, or for a stream that is not in the cache the address on the Hub.
    Raises:
        HubError: they cannot be downloaded.
    """
    storage = Storage(folder)
    base, needed = HubBase.read(storage), [path for files in paths.values() for path in files]
    absent = base.absent(storage, needed) if base is not None else {}
    if base is None or not absent:
        return {}
    from fgbg_depth.read.snapshot import Snapshot

    version = Snapshot(base.repo_id, base.commit, token)
    names = sorted(shard.path for shard in absent.values())
    place = (version.cached(names) or version.url) if streaming else version.fetch(names)
    return {path: f"{place}/{shard.path}" for path, shard in absent.items()}


def _paths(manifest: Manifest, config: str, split: str | None, name: str) -> dict[str, list[str]]:
    """Files of a config by split; only the splits that `split` names, if it is given."""
    if config == "default":
        by_split = {name: list(manifest.shards_of(name)) for name in manifest.splits}
    else:
        by_split = {schema.TRAIN: list(manifest.files_of(config))}
    if split is None:
        return by_split
    names = [re.split(r"[\[(]", term)[0].strip() for term in split.split("+")]
    if "all" in names:
        return by_split
    for split_name in names:
        if split_name not in by_split:
            raise HubError(
                f"{name} has no split {split_name!r} in config {config}; its splits are {', '.join(by_split)}."
            )
    return {split_name: by_split[split_name] for split_name in dict.fromkeys(names)}


def _filters(where: str | None, config: str, manifest: Manifest) -> pc.Expression | None:
    if where is None:
        return None
    from fgbg_depth.read.where import parse_where

    return parse_where(where, schema.columns(config, manifest.labels, manifest.extras))


def _open(
    base: str,
    paths: dict[str, list[str]],
    split: str | None,
    streaming: bool,
    token: str | None,
    filters: pc.Expression | None,
    elsewhere: Mapping[str, str] | None = None,
) -> Any:
    """Open the parquet files of a version, each by its name: files that the manifest does not list are not read.

    Args:
        elsewhere: addresses of files that are not below `base`, by path.
    """
    from datasets import load_dataset

    known = elsewhere or {}
    data_files = {name: [known.get(path, f"{base}/{path}") for path in files] for name, files in paths.items()}
    if filters is None or streaming:
        return load_dataset(
            "parquet", data_files=data_files, split=split, streaming=streaming, token=token, filters=filters
        )
    return _open_filtered(data_files, split, token, filters)


def _open_filtered(data_files: dict[str, list[str]], split: str | None, token: str | None, filters: Any) -> Any:
    """As `load_dataset`, which fails where no row of a split matches; here the split is then empty."""
    from datasets import Dataset, DatasetDict, load_dataset_builder

    builder = load_dataset_builder("parquet", data_files=data_files, token=token, filters=filters)
    builder.download_and_prepare()
    matching = {name: info.num_examples for name, info in builder.info.splits.items()}
    if split is not None and any(matching.values()):
        return builder.as_dataset(split=split)
    empty = Dataset(builder.info.features.arrow_schema.empty_table())
    if split is not None:
        return empty
    return DatasetDict({name: builder.as_dataset(name) if matching.get(name) else empty for name in data_files})
