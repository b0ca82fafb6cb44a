"""Files of an output: missing, too many, changed; and whether card and statistics say what is true of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from fgbg_depth import schema
from fgbg_depth.builder.summary import summarize
from fgbg_depth.card.front_matter import front_matter
from fgbg_depth.card.text import PICTURES
from fgbg_depth.errors import FgBgError
from fgbg_depth.manifest import FileEntry, Manifest
from fgbg_depth.plan import Plan
from fgbg_depth.statistics import Sums
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import read_record
from fgbg_depth.verify.replan import REFRESH, REMAKE

_PARQUET_FOLDERS = (schema.DATA, schema.BG, schema.FG, schema.PREVIEW)


def check_names(storage: Storage, listed: Mapping[str, FileEntry]) -> Iterator[str]:
    """Files that are missing, and files that do not belong under the folders that `load_dataset` reads."""
    found = {name for folder in _PARQUET_FOLDERS for name in _walk(storage, folder)}
    for name in sorted(set(listed) - found):
        again = "only it is remade" if name.startswith(f"{schema.DATA}/") else "no shard is made twice"
        yield f"{name}: missing. Build again; {again}."
    for name in sorted(found - set(listed)):
        reason = "no file of this dataset"
        if name.endswith(".parquet"):
            try:
                read_record(storage, name)
                reason = "a shard of another recipe or of other sources"
            except FgBgError:
                pass
        folder = name.split("/", 1)[0]
        yield f"{name}: {reason}. Delete it; everything under {folder}/ is taken for data."


def changed(storage: Storage, name: str, entry: FileEntry) -> str:
    """The problem with a file's bytes, "" if there is none (or no file: that is reported by name)."""
    try:
        if storage.sha256(name) == entry.sha256:
            return ""
    except FileNotFoundError:
        return ""
    except OSError as e:
        return f"{name}: cannot be read ({e.strerror or e}). Mend the disk or its rights, or build it again."
    return f"{name}: not the bytes that were written (its SHA-256 is another). {REMAKE}"


def check_statistics(manifest: Manifest, plan: Plan, sums: Mapping[str, Sums]) -> Iterator[str]:
    """Whether `statistics.json` is what the shards' footers add up to; with `full`, what their pixels do."""
    shards = {path: entry.info for path, entry in manifest.shards.items()}
    expected = summarize(plan, sums, shards, manifest.files, None).to_dict()
    stored = manifest.to_dict()
    for key in expected:
        if key in ("version", "history"):
            continue
        for where, said, true in _differences(key, stored[key], expected[key]):
            yield f"{schema.STATISTICS}: {where} is {_short(said)}, the shards say {_short(true)}. {REFRESH}"
            break  # one line a key: the rest of it is as wrong


def check_card(storage: Storage, manifest: Manifest) -> Iterator[str]:
    """Whether the card's YAML loads the dataset as it is, and its pictures are there."""
    if not storage.exists(schema.CARD):
        yield f"{schema.CARD}: missing; load_dataset would not know splits and configs. {REFRESH}"
        return
    try:
        text = storage.read(schema.CARD).decode()
        said = yaml.safe_load(text.split("---\n", 2)[1])
        true = yaml.safe_load(front_matter(manifest).split("---\n", 2)[1])
        for key in ("configs", "dataset_info"):
            for where, a, b in _differences(key, said.get(key), true[key]):
                yield f"{schema.CARD}: {where} is {_short(a)} and should be {_short(b)}. {REFRESH}"
                break
    except (IndexError, AttributeError, UnicodeDecodeError, yaml.YAMLError, KeyError, FgBgError) as e:
        yield f"{schema.CARD}: its YAML cannot be read ({' '.join(str(e).split())[:200]}). {REFRESH}"
        return
    for name in PICTURES:
        picture = f"{schema.ASSETS}/{name}.png"
        if picture in text and not storage.exists(picture):
            yield f"{picture}: missing; the card shows it. {REFRESH}"


def _walk(storage: Storage, folder: str) -> Iterator[str]:
    """All files below a folder, at any depth, but for hidden ones."""
    if not storage.is_local:
        yield from storage.list(folder)
        return
    for root, folders, names in os.walk(storage.root / folder):
        folders[:] = [f for f in folders if not f.startswith(".")]
        for name in names:
            if not name.startswith("."):
                yield (Path(root) / name).relative_to(storage.root).as_posix()


def _differences(where: str, said: Any, true: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(said, dict) and isinstance(true, dict):
        for key in sorted({*said, *true}):
            yield from _differences(f"{where}.{key}", said.get(key), true.get(key))
    elif isinstance(said, list) and isinstance(true, list) and len(said) == len(true):
        for index, pair in enumerate(zip(said, true, strict=True)):
            yield from _differences(f"{where}[{index}]", *pair)
    elif isinstance(said, float) or isinstance(true, float):
        is_number = isinstance(said, (int, float)) and isinstance(true, (int, float))
        if not is_number or abs(said - true) > 1e-9 * max(1.0, abs(true)):
            yield where, said, true
    elif said != true:
        yield where, said, true


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
