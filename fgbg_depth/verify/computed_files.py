"""The files that a build computes from shards and sources, `statistics.json` and the card: are they right?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from fgbg_depth import schema
from fgbg_depth.builder.summary import summarize
from fgbg_depth.card.front_matter import front_matter
from fgbg_depth.card.text import PICTURES
from fgbg_depth.errors import FgBgError
from fgbg_depth.manifest import Manifest
from fgbg_depth.plan import Plan
from fgbg_depth.statistics import Sums
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.files import check_hash
from fgbg_depth.verify.report import WRITE_AGAIN, Problem

# added by a push, and by the build after the statistics; `color_range` may be that of an earlier build
_NOT_COMPUTED = ("version", "history", "card", "pictures", "color_range")


def check_statistics(manifest: Manifest, plan: Plan, sums: Mapping[str, Sums]) -> Iterator[Problem]:
    """The keys of the manifest that differ from the sums.

    Args:
        sums: of all shards of each split: those in their footers, or those of their pixels.
    """
    shards = {path: entry.info for path, entry in manifest.shards.items()}
    expected = summarize(plan, sums, shards, manifest.files, None).to_dict()
    stored = manifest.to_dict()
    for key in (key for key in expected if key not in _NOT_COMPUTED):
        first = next(_differences(key, stored[key], expected[key]), None)  # the rest of a key is usually wrong, too
        if first:
            where, value, right_value = first
            what = f"{where} is {_shortened(value)}, but the shards give {_shortened(right_value)}"
            yield Problem(schema.STATISTICS, what, WRITE_AGAIN)


def check_card(storage: Storage, manifest: Manifest) -> Iterator[Problem]:
    """Problems of README.md and its pictures. Its text is not checked: people may change it."""
    pictures = [schema.picture_path(name) for name in PICTURES]
    for picture in pictures:
        info = manifest.pictures.get(picture)
        if info is not None and (problem := check_hash(storage, picture, info.sha256)):
            yield problem
    if not storage.exists(schema.CARD):
        what = "missing; load_dataset needs its list of configs and splits"
        yield Problem(schema.CARD, what, WRITE_AGAIN)
        return
    try:
        text = storage.read(schema.CARD).decode()
        stored = yaml.safe_load(text.split("---\n", 2)[1])
        expected = yaml.safe_load(front_matter(manifest).split("---\n", 2)[1])
        for key in ("configs", "dataset_info"):
            names = {item["config_name"] for item in expected[key]}
            ours = [
                item for item in stored.get(key) or [] if item.get("config_name") in names
            ]  # others may add configs
            first = next(_differences(key, ours, expected[key]), None)
            if first:
                where, value, right_value = first
                what = f"{where} is {_shortened(value)}, but should be {_shortened(right_value)}"
                yield Problem(schema.CARD, what, WRITE_AGAIN)
    except (IndexError, AttributeError, UnicodeDecodeError, yaml.YAMLError, KeyError, FgBgError) as e:
        reason = " ".join(str(e).split())[:200]
        yield Problem(schema.CARD, f"the YAML block at its start cannot be read ({reason})", WRITE_AGAIN)
        return
    for picture in pictures:
        if picture in text and not storage.exists(picture):
            yield Problem(picture, f"missing, but {schema.CARD} shows it", WRITE_AGAIN)


def _differences(key: str, stored: Any, expected: Any) -> Iterator[tuple[str, Any, Any]]:
    """(key, stored, expected) of each difference; numbers may differ by a relative 1e-9.

    Args:
        key: name of both values; keys and positions inside them are appended: "kinds.fg_bg.mean[0]".
    """
    if isinstance(stored, dict) and isinstance(expected, dict):
        for name in sorted({*stored, *expected}):
            yield from _differences(f"{key}.{name}", stored.get(name), expected.get(name))
    elif isinstance(stored, list) and isinstance(expected, list) and len(stored) == len(expected):
        for index, pair in enumerate(zip(stored, expected, strict=True)):
            yield from _differences(f"{key}[{index}]", *pair)
    elif isinstance(stored, float) or isinstance(expected, float):
        are_numbers = isinstance(stored, (int, float)) and isinstance(expected, (int, float))
        if not are_numbers or abs(stored - expected) > 1e-9 * max(1.0, abs(expected)):
            yield key, stored, expected
    elif stored != expected:
        yield key, stored, expected


def _shortened(value: Any) -> str:
    """A JSON value for a message, shortened to 60 characters."""
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
