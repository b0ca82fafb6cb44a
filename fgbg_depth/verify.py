"""Is this output whole and true: each file there and unchanged, each row what recipe and sources make of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fgbg_depth import schema
from fgbg_depth.card import PICTURES
from fgbg_depth.errors import FgBgError
from fgbg_depth.front_matter import front_matter
from fgbg_depth.parquet import read_record
from fgbg_depth.plan import Plan
from fgbg_depth.preview import split_of_shard
from fgbg_depth.recipe import from_dict
from fgbg_depth.statistics import Sums
from fgbg_depth.storage import Storage, Written
from fgbg_depth.summary import summarize
from fgbg_depth.verify_plan import REFRESH, REMAKE, replan
from fgbg_depth.verify_shard import ShardCheck, check_shard

_PARQUET_FOLDERS = (schema.DATA, schema.BG, schema.FG, schema.PREVIEW)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class VerifyReport:
    """What was looked at and what is wrong: one line a problem, with the file's name and what to do."""

    output: str
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()  # worth knowing, nothing wrong
    files: int = 0  # hashed
    bytes: int = 0
    rows: int = 0  # whose columns were compared with the recipe
    remade: int = 0  # of these, rows composed again and compared byte by byte
    elapsed_s: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.problems

    def summary(self) -> str:
        """One line for people."""
        rate = self.rows / max(self.elapsed_s, 1e-9)
        found = "no problem" if self.ok else f"{len(self.problems)} problem{'s' * (len(self.problems) != 1)}"
        return (
            f"{self.output}: {found}; {self.files:,} files ({self.bytes / 1e6:,.0f} MB) hashed, "
            f"{self.rows:,} rows compared with the recipe, {self.remade:,} made again, "
            f"in {self.elapsed_s:.1f} s ({rate:,.0f} rows/s)"
        )


def verify(
    output: str | Path,
    *,
    full: bool = False,
    workers: int | None = None,
    progress: Progress = lambda done, total: None,
) -> VerifyReport:
    """Check an output.

    Always: no file is missing or too many, and each has the hash that was noted; footers, recipe, sources,
    statistics and card agree; the columns of every row are those that recipe and sources give; some rows of each
    shard, made again from the configs `bg` and `fg`, have the same `fg_bg` and `fg_bg_mask`, and a depth PNG of
    the right kind. The depth itself is not predicted again.

    Args:
        output: folder or fsspec URL.
        full: make every row again, and count every stored pixel anew.
        workers: threads; default one a core.
        progress: called with rows done and rows in all.
    """
    start = time.perf_counter()
    storage = Storage(output)
    problems: list[str] = []
    try:
        statistics = _read_statistics(storage)
    except ValueError as e:
        return VerifyReport(str(output), (str(e),), elapsed_s=time.perf_counter() - start)
    shards, files = statistics["shards"], statistics["files"]
    present = [path for path in sorted(shards) if storage.exists(path)]
    total = sum(shards[path]["rows"] for path in present)
    sums = _SumsBySplit()
    rows = remade = reencoded = done = 0
    problems += _check_names(storage, {**shards, **files})
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        problems += [line for line in pool.map(lambda item: _changed(storage, *item), files.items()) if line]
        plan, prepared = replan(storage, statistics, problems)
        planned = {shard.path: shard for shard in plan.shards} if plan else {}

        def check(turn: int, path: str) -> ShardCheck:
            return check_shard(storage, path, shards[path], planned.get(path), plan, prepared, full=full, turn=turn)

        for path, result in zip(present, pool.map(check, range(len(present)), present), strict=True):
            problems += result.problems
            sums.add(split_of_shard(path), result.sums)
            rows, remade, reencoded = rows + result.rows, remade + result.remade, reencoded + result.reencoded
            done += shards[path]["rows"]
            progress(done, total)
    if plan and sums.whole and set(present) == set(planned):
        problems += _check_statistics(statistics, plan, sums.by_split)
    problems += _check_card(storage, statistics)
    note = (
        f"{reencoded:,} rows have the same pixels as when made again, but other bytes: they were encoded with "
        "another version of Pillow, libjpeg or ISA-L"
    )
    return VerifyReport(
        output=str(output),
        problems=tuple(problems),
        notes=(note,) if reencoded else (),
        files=len(present) + sum(storage.exists(name) for name in files),
        bytes=sum(entry["bytes"] for entry in [*shards.values(), *files.values()]),
        rows=rows,
        remade=remade,
        elapsed_s=time.perf_counter() - start,
    )


class _SumsBySplit:
    """Sums of the shards so far, added at once, since those of 4,000 shards would take gigabytes."""

    def __init__(self) -> None:
        self.by_split: dict[str, Sums] = {}
        self.whole = True  # no shard's sums were missing

    def add(self, split: str, part: Sums | None) -> None:
        if part is None:
            self.whole = False
        elif self.whole:
            known = self.by_split.setdefault(split, part)
            if known is not part:
                known.add(part)


def _read_statistics(storage: Storage) -> dict[str, Any]:
    """`statistics.json`, with the keys that the checks start from.

    Raises:
        ValueError: the problem's line.
    """
    try:
        values = json.loads(storage.read(schema.STATISTICS))
        missing = {"format", "shards", "files", "recipe", "depth", "sources", "splits", "rows"} - set(values)
        entries = [*values.get("shards", {}).values(), *values.get("files", {}).values()]
        odd = [e for e in entries if not {"rows": int, "bytes": int, "sha256": str}.items() <= _types(e).items()]
    except FileNotFoundError:
        if storage.exists(schema.RECIPE):
            again = "Run the same build again; it goes on where it stopped."
            raise ValueError(f"{schema.STATISTICS}: missing, so the build is not finished. {again}") from None
        raise ValueError(f"{storage}: holds no dataset of fgbg-depth. Build one: python builder.py build.") from None
    except (ValueError, TypeError, AttributeError) as e:
        raise ValueError(f"{schema.STATISTICS}: not what a build writes ({e}). {REFRESH}") from None
    if missing or odd:
        what = ", ".join(sorted(missing)) or "rows, bytes or sha256 of a file"
        raise ValueError(f"{schema.STATISTICS}: lacks {what}. {REFRESH}")
    if values["format"] != schema.FORMAT:
        raise ValueError(
            f"{schema.STATISTICS}: format {values['format']}, this program knows {schema.FORMAT}. "
            "Use the version of fgbg-depth that made it."
        )
    return dict(values)


def _types(entry: Any) -> dict[str, type]:
    return {key: type(value) for key, value in entry.items()}


def _check_names(storage: Storage, listed: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
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


def _changed(storage: Storage, name: str, entry: Mapping[str, Any]) -> str:
    """The problem with a file's bytes, "" if there is none (or no file: that is reported by name)."""
    try:
        if storage.sha256(name) == entry["sha256"]:
            return ""
    except FileNotFoundError:
        return ""
    except OSError as e:
        return f"{name}: cannot be read ({e.strerror or e}). Mend the disk or its rights, or build it again."
    return f"{name}: not the bytes that were written (its SHA-256 is another). {REMAKE}"


def _check_statistics(statistics: Mapping[str, Any], plan: Plan, sums: Mapping[str, Sums]) -> Iterator[str]:
    """Whether `statistics.json` is what the shards' footers add up to; with `full`, what their pixels do."""
    written = {path: Written(e["bytes"], e["sha256"]) for path, e in statistics["shards"].items()}
    files = {path: (e["rows"], Written(e["bytes"], e["sha256"])) for path, e in statistics["files"].items()}
    expected = json.loads(json.dumps(summarize(plan, sums, written, files, {})))
    for key in expected:
        if key in ("version", "history"):
            continue
        for where, said, true in _differences(key, statistics.get(key), expected[key]):
            yield f"{schema.STATISTICS}: {where} is {_short(said)}, the shards say {_short(true)}. {REFRESH}"
            break  # one line a key: the rest of it is as wrong


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


def _check_card(storage: Storage, statistics: Mapping[str, Any]) -> Iterator[str]:
    """Whether the card's YAML loads the dataset as it is, and its pictures are there."""
    if not storage.exists(schema.CARD):
        yield f"{schema.CARD}: missing; load_dataset would not know splits and configs. {REFRESH}"
        return
    try:
        text = storage.read(schema.CARD).decode()
        said = yaml.safe_load(text.split("---\n", 2)[1])
        true = yaml.safe_load(front_matter(statistics, from_dict(statistics["recipe"])).split("---\n", 2)[1])
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
