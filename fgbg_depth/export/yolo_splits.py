"""`data.yaml` of the formats yolo-seg and yolo-depth: which split is train, val and test for Ultralytics YOLO."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import yaml

from fgbg_depth import schema

_VAL = (schema.UNSEEN_BG, schema.UNSEEN_FG)
_HEAD = """\
# For Ultralytics YOLO. Paths are relative to this file, so the folder can be moved.
# val, by which YOLO chooses its best weights, has either an unseen background or an unseen cut-out; test has both
# unseen and is left for the last measurement.
"""
_WITHOUT_VAL = """\
# For Ultralytics YOLO. Paths are relative to this file, so the folder can be moved.
# There are no other rows for val, so it is {val}: its figures say nothing about new images.
"""


def yolo_keys(splits: Collection[str]) -> dict[str, list[str]]:
    """The splits behind YOLO's keys train, val and test; test only if a split is left for it.

    Args:
        splits: names of the splits that have rows, at least one.
    """
    first = next(iter(splits))
    train = [schema.TRAIN] if schema.TRAIN in splits else [first]
    val = [split for split in _VAL if split in splits and split not in train]
    last = [schema.UNSEEN_BOTH] if schema.UNSEEN_BOTH in splits and schema.UNSEEN_BOTH not in train else []
    if not val:
        return {"train": train, "val": last or train}
    return {"train": train, "val": val} | ({"test": last} if last else {})


def data_yaml(splits: Collection[str], names: Collection[str], more: Mapping[str, Any] | None = None) -> bytes:
    """The text of `data.yaml`.

    Args:
        names: of the classes, in the order of their numbers.
        more: further keys.
    """
    keys = yolo_keys(splits)
    head = _WITHOUT_VAL.format(val=keys["val"][0]) if keys["val"] == keys["train"] else _HEAD
    folders = {key: [f"images/{split}" for split in found] for key, found in keys.items()}
    values: dict[str, Any] = {key: found if found[1:] else found[0] for key, found in folders.items()}
    values |= {"nc": len(names), "names": dict(enumerate(names)), **(more or {})}
    return (head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)).encode("utf-8", "replace")


def yolo_notes(splits: Collection[str]) -> list[str]:
    """What people should know about the keys of `data.yaml`."""
    keys = yolo_keys(splits)
    if keys["val"] == keys["train"]:
        return [
            f"data.yaml has val: {keys['val'][0]}, because no other split fits; its figures say nothing about new "
            "images. Export a dataset that was built with --holdout above 0."
        ]
    return [f"data.yaml has {'; '.join(f'{key}: ' + ' + '.join(found) for key, found in keys.items())}."]
