"""The files that a build computes from shards and sources, statistics, card and metadata: are they right?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from fgbg_depth import schema
from fgbg_depth.builder.summary import summarize
from fgbg_depth.card.croissant import describe, place_of
from fgbg_depth.card.fiftyone import fiftyone_yaml
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
_MACHINE_KEYS = ("@type", "conformsTo", "name", "url", "version", "license", "distribution", "recordSet")
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


def check_metadata(storage: Storage, manifest: Manifest) -> Iterator[Problem]:
    """Problems of `schema.METADATA`. Of `croissant.json`, what programs read is checked, and not the texts."""
    for name in schema.METADATA:
        if not storage.exists(name):
            yield Problem(name, "missing", WRITE_AGAIN)
            continue
        try:
            text = storage.read(name).decode()
            stored: Any = json.loads(text) if name == schema.CROISSANT else yaml.safe_load(text)
            if not isinstance(stored, dict):
                raise ValueError("it is no list of keys and values")
            if name == schema.CROISSANT:
                expected = describe(manifest, place_of(stored))
                stored, expected = (
                    {key: _machine_part(d.get(key)) for key in _MACHINE_KEYS} for d in (stored, expected)
                )
            else:
                expected = yaml.safe_load(fiftyone_yaml(manifest))
                stored = {key: stored.get(key) for key in expected}
        except (ValueError, AttributeError, TypeError, yaml.YAMLError) as e:  # ValueError: not UTF-8, or not JSON
            yield Problem(name, f"cannot be read ({' '.join(str(e).split())[:200]})", WRITE_AGAIN)
            continue
        first = next((d for key in expected for d in _differences(key, stored[key], expected[key])), None)
        if first:
            where, value, right_value = first
            what = f"{where} is {_shortened(value)}, but should be {_shortened(right_value)}"
            yield Problem(name, what, WRITE_AGAIN)


def _machine_part(value: Any) -> Any:
    """A value of `croissant.json` without its descriptions, whose words another version of this project may change."""
    if isinstance(value, dict):
        return {key: _machine_part(inner) for key, inner in value.items() if key != "description"}
    return [_machine_part(inner) for inner in value] if isinstance(value, list) else value


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
