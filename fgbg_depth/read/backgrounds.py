"""`with_backgrounds`: the background of each row as a column, without copying it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fgbg_depth.read.load import load

Batch = dict[str, list[Any]]


def with_backgrounds(rows: Any, source: Any, revision: str | None = None) -> Any:
    """Add the column `bg_image`: the background of each row, looked up when the row is read.

        rows = load("user/name", split="train")
        rows = with_backgrounds(rows, load("user/name", config="bg", split="train"))
        rows[0]["bg_image"]        # PIL image, RGB, the size of fg_bg

    Args:
        rows: Dataset or IterableDataset of the config default or preview, or a dict of them.
        source: Dataset of the config bg, or where `load` finds it: a folder, or `USER/NAME`.
        revision: of `USER/NAME`; it should be the revision of `rows`.
    Returns:
        The same type as `rows`. An IterableDataset gets the column from a lazy `map`.
    """
    from datasets import Dataset, DatasetDict, IterableDatasetDict

    backgrounds: Any = load(source, revision, "bg", "train") if isinstance(source, str | Path) else source
    if isinstance(rows, DatasetDict | IterableDatasetDict):
        return type(rows)({name: with_backgrounds(split, backgrounds) for name, split in rows.items()})
    add = _adder(backgrounds)
    if isinstance(rows, Dataset):
        features = rows.features

        def read(batch: Batch) -> Batch:
            return {**features.decode_batch(batch), **add(batch)}

        return rows.with_transform(read)
    return rows.map(add, batched=True, batch_size=8)


def _adder(backgrounds: Any) -> Callable[[Batch], Batch]:
    """A function that looks up the backgrounds of a batch of rows."""
    index_of = {name: index for index, name in enumerate(backgrounds["name"])}

    def add(batch: Batch) -> Batch:
        return {"bg_image": [backgrounds[index_of[name]]["image"] for name in batch["bg"]]}

    return add
