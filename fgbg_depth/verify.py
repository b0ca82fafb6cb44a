"""Is this output whole and true: every file there and unchanged, every row what its recipe and sources make of it."""

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
    """What was looked at, and what is wrong with it: one line a problem, with the file's name and what to do."""

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
            f"{self.output}: {found}; {self.files:,} files ({self.bytes / 1e6:,.0f} MB) hashed, {self.rows:,} rows compared "
            f"with the recipe, {self.remade:,} made again, in {self.elapsed_s:.1f} s ({rate:,.0f} rows/s)"
        )


def verify(
    output: str | Path,
    *,
    full: bool = False,
    workers: int | None = None,
    progress: Progress = lambda done, total: None,
) -> VerifyReport:
    """Check an output.

    Always: no file is missing or too many; each has the hash that was noted; footers, recipe, sources, statistics and card
    agree; the columns of every row are those that recipe and sources give; some rows of each shard, made again
    from the configs `bg` and `fg`, have the same `fg_bg` and `fg_bg_mask`, and a depth of the right kind of PNG.

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
        shards, files = dict(statistics["shards"]), dict(statistics["files"])
    except (KeyError, TypeError, ValueError) as e:
        return VerifyReport(
            str(output), (str(e.args[0]) if e.args else repr(e),), elapsed_s=time.perf_counter() - start
        )
    problems += _check_names(storage, {**shards, **files})
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        changed = list(pool.map(lambda item: _changed(storage, *item), files.items()))
        problems += [line for line in changed if line]
        plan, prepared = replan(storage, statistics, problems)
        by_path = {shard.path: shard for shard in plan.shards} if plan else {}
        present = [path for path in sorted(shards) if storage.exists(path)]
        total, done = sum(shards[p]["rows"] for p in present), 0
        jobs = pool.map(
            lambda i: check_shard(
                storage,
                present[i],
                shards[present[i]],
                by_path.get(present[i]),
                plan,
                prepared,
                full=full,
                turn=i,
            ),
            range(len(present)),
        )
        checks: list[ShardCheck] = []
        for path, check in zip(present, jobs, strict=True):
            checks.append(check)
            done += shards[path]["rows"]
            progress(done, total)
    for check in checks:
        problems += check.problems
    if plan and all(check.sums for check in checks):
        problems += _check_statistics(statistics, plan, dict(zip(present, checks, strict=True)))
    problems += _check_card(storage, statistics)
    differing = sum(check.reencoded for check in checks)
    notes = (
        (
            f"{differing:,} rows have the same pixels as when made again, but other bytes: they were encoded "
            "with another version of Pillow, libjpeg or ISA-L",
        )
        if differing
        else ()
    )
    return VerifyReport(
        output=str(output),
        problems=tuple(problems),
        notes=notes,
        files=len(present) + sum(storage.exists(name) for name in files),
        bytes=sum(entry["bytes"] for entry in [*shards.values(), *files.values()]),
        rows=sum(check.rows for check in checks),
        remade=sum(check.remade for check in checks),
        elapsed_s=time.perf_counter() - start,
    )


def _read_statistics(storage: Storage) -> dict[str, Any]:
    """Raises ValueError with the problem's line."""
    try:
        values = json.loads(storage.read(schema.STATISTICS))
    except FileNotFoundError:
        if storage.exists(schema.RECIPE):
            raise ValueError(
                f"{schema.STATISTICS}: missing, so the build is not finished. Run the same build again; it goes on."
            ) from None
        raise ValueError(
            f"{storage}: holds no dataset of fgbg-depth. Build one: python builder.py build."
        ) from None
    except ValueError as e:
        raise ValueError(f"{schema.STATISTICS}: not JSON ({e}). {REFRESH}") from None
    missing = {"format", "shards", "files", "recipe", "depth", "sources", "splits", "rows"} - set(values)
    if missing:
        raise ValueError(f"{schema.STATISTICS}: lacks {', '.join(sorted(missing))}. {REFRESH}")
    if values["format"] != schema.FORMAT:
        raise ValueError(
            f"{schema.STATISTICS}: format {values['format']}, this program knows {schema.FORMAT}. "
            "Use the version of fgbg-depth that made it."
        )
    return values


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
        yield f"{name}: {reason}. Delete it; everything under {name.split('/', 1)[0]}/ would be taken for data."


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
        return f"{name}: cannot be read ({e.strerror or e}). Mend the disk or its rights, or delete it and build again."
    return f"{name}: not the bytes that were written (its SHA-256 is another). {REMAKE}"


def _check_statistics(
    statistics: Mapping[str, Any], plan: Plan, checks: Mapping[str, ShardCheck]
) -> Iterator[str]:
    """Whether `statistics.json` is what the shards' footers add up to (with `full`: what their pixels add up to)."""
    sums: dict[str, Sums] = {}
    if set(checks) != {shard.path for shard in plan.shards}:
        return  # something is missing or too much, which is said already
    for shard in plan.shards:
        part = checks[shard.path].sums
        assert part is not None
        if shard.split in sums:
            sums[shard.split].add(part)
        else:
            sums[shard.split] = part
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
