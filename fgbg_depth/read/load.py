"""Load a dataset by version, and never another version in silence."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgbg_depth import schema
from fgbg_depth.errors import HubError, OutputError, command
from fgbg_depth.manifest import Manifest

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict

_SMALL = [schema.CARD, schema.STATISTICS]


def load(
    source: str | Path,
    revision: str | None = None,
    config: str = "default",
    split: str | None = None,
    streaming: bool = False,
    token: str | None = None,
) -> Dataset | DatasetDict | IterableDataset | IterableDatasetDict:
    """Load rows of an output folder, or of exactly one version on the Hub.

    The revision is turned into a commit first, and only that commit's files are read, those of the config and
    split alone. Without network the version is served that was downloaded under this name; if it is not
    complete in the cache, this fails. (`load_dataset(..., revision=...)` may serve another version then.)

        train = load("user/name", revision="v1.0.0", split="train")                # Dataset
        stream = load("user/name", split="train", streaming=True)                  # IterableDataset
        sources = load("out", config="bg", split="train")                          # a folder on disk

    Args:
        source: `USER/NAME` on the Hub, or a folder; a folder that exists wins.
        revision: tag, branch or commit of the Hub; default `main`.
        config: default, bg, fg or preview.
        split: as in `load_dataset`, such as "train" or "train[:10%]"; default: all, as a dict.
        streaming: read over the network while iterating, keeping nothing.
    Raises:
        HubError: this version cannot be had; the message says why.
    """
    if config not in schema.CONFIGS:
        raise HubError(f"no config {config!r}; there are {', '.join(schema.CONFIGS)}.")
    if Path(source).is_dir():
        if revision is not None:
            raise HubError(f"{source} is a folder and has no revisions.\n  Leave revision= out, or give USER/NAME.")
        wanted = _data_files(_manifest(Path(source), str(source)), config, split, str(source))
        return _open(str(source), wanted, split, streaming, None)

    from fgbg_depth.read.snapshot import Snapshot

    version = Snapshot(str(source), revision, token)
    wanted = _data_files(_manifest(version.fetch(_SMALL), str(version)), config, split, str(version))
    names = _SMALL + sorted(name for files in wanted.values() for name in files)
    # a stream goes over the network, unless all of it is here already
    base = (version.cached(names) or version.url) if streaming else version.fetch(names)
    try:
        return _open(str(base), wanted, split, streaming, token)
    except (OSError, ConnectionError) as e:
        if not streaming:
            raise
        raise version.explained(e) from e


def _manifest(folder: Path, name: str) -> Manifest:
    """The manifest of a version; it lists the version's files."""
    try:
        return Manifest.from_json((folder / schema.STATISTICS).read_bytes())
    except (FileNotFoundError, OutputError) as e:
        raise HubError(
            f"{name} is not a finished dataset of this project: it has no readable {schema.STATISTICS}.\n"
            f"  Load other datasets with datasets.load_dataset; finish a build with: {command('build')}"
        ) from e


def _data_files(manifest: Manifest, config: str, split: str | None, name: str) -> dict[str, list[str]]:
    """Files of a config by split; with `split`, only of the splits that it names."""
    if config == "default":
        by_split = {name: list(manifest.shards_of(name)) for name in manifest.splits}
    else:
        by_split = {schema.TRAIN: list(manifest.files_of(config))}
    if split is None:
        return by_split
    asked = [re.split(r"[\[(]", part)[0].strip() for part in split.split("+")]
    if "all" in asked:
        return by_split
    for part in asked:
        if part not in by_split:
            raise HubError(f"{name} has no split {part!r} in config {config}; there are {', '.join(by_split)}.")
    return {part: by_split[part] for part in dict.fromkeys(asked)}


def _open(base: str, wanted: dict[str, list[str]], split: str | None, streaming: bool, token: str | None) -> Any:
    """Open the parquet files of a version, named one by one: strays beside them are not read."""
    from datasets import load_dataset

    paths = {name: [f"{base}/{file}" for file in files] for name, files in wanted.items()}
    return load_dataset("parquet", data_files=paths, split=split, streaming=streaming, token=token)


def with_backgrounds(rows: Any, source: Any, revision: str | None = None) -> Any:
    """Add column `bg_image`, the background of each row, when the row is read.

    Nothing is copied: each row names its background in `bg`, and the picture is looked up in config `bg`.

        rows = load("user/name", split="train")
        rows = with_backgrounds(rows, load("user/name", config="bg", split="train"))
        rows[0]["bg_image"]        # PIL image, RGB, the size of fg_bg

    Args:
        rows: Dataset or IterableDataset of the default or preview config, or a dict of them.
        source: Dataset of the bg config; or what `load` takes to find it: a folder, or `USER/NAME`.
        revision: of `USER/NAME`; the one the rows are of.
    Returns:
        The same kind as `rows`. An IterableDataset gets the column by a lazy `map`.
    """
    from datasets import Dataset, DatasetDict, IterableDatasetDict

    pictures: Any = load(source, revision, "bg", "train") if isinstance(source, str | Path) else source
    if isinstance(rows, DatasetDict | IterableDatasetDict):
        return type(rows)({name: with_backgrounds(part, pictures) for name, part in rows.items()})
    add = _adder(pictures)
    if isinstance(rows, Dataset):
        features = rows.features

        def read(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
            return {**features.decode_batch(batch), **add(batch)}

        return rows.with_transform(read)
    return rows.map(add, batched=True, batch_size=8)


def _adder(pictures: Any) -> Callable[[dict[str, list[Any]]], dict[str, list[Any]]]:
    """A function that looks up the backgrounds of a batch."""
    index_of = {name: index for index, name in enumerate(pictures["name"])}

    def add(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return {"bg_image": [pictures[index_of[name]]["image"] for name in batch["bg"]]}

    return add
