"""Is this output whole and true: each file there and unchanged, each row what recipe and sources make of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fgbg_depth import schema
from fgbg_depth.errors import OutputError, command
from fgbg_depth.manifest import Manifest
from fgbg_depth.statistics import Sums
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.files import changed, check_card, check_names, check_statistics
from fgbg_depth.verify.labels import check_labels
from fgbg_depth.verify.replan import REFRESH, replan
from fgbg_depth.verify.shard import ShardCheck, check_shard

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
    relabelled: int = 0  # rows whose depth was predicted again
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
            f"{self.relabelled:,} labelled again, in {self.elapsed_s:.1f} s ({rate:,.0f} rows/s)"
        )


def verify(
    output: str | Path,
    *,
    full: bool = False,
    labels: int = 0,
    device: str = "auto",
    workers: int | None = None,
    progress: Progress = lambda done, total: None,
) -> VerifyReport:
    """Check an output.

    Always: no file is missing or too many, and each has the hash that was noted; footers, recipe, sources,
    statistics and card agree; the columns of every row are those that recipe and sources give; some rows of each
    shard, made again from the configs `bg` and `fg`, have the same `fg_bg` and `fg_bg_mask`, and a depth PNG of
    the right kind.

    Args:
        output: folder or fsspec URL.
        full: make every row again, and count every stored pixel anew.
        labels: predict the depth of so many rows again, and compare; needs the depth model.
        device: where to predict: auto, cpu, cuda, mps.
        workers: threads; default one a core.
        progress: called with rows done and rows in all.
    """
    start = time.perf_counter()
    storage = Storage(output)
    problems: list[str] = []
    try:
        manifest = _read_manifest(storage)
    except OutputError as e:
        return VerifyReport(str(output), (str(e),), elapsed_s=time.perf_counter() - start)
    shards, files = manifest.shards, manifest.files
    present = [path for path in sorted(shards) if storage.exists(path)]
    total = sum(shards[path].rows for path in present)
    sums = _SumsBySplit()
    rows = remade = reencoded = done = 0
    problems += check_names(storage, manifest.parquet_files)
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        problems += [line for line in pool.map(lambda item: changed(storage, *item), files.items()) if line]
        plan, prepared = replan(storage, manifest, problems)
        planned = {shard.path: shard for shard in plan.shards} if plan else {}

        def check(turn: int, path: str) -> ShardCheck:
            return check_shard(storage, path, shards[path], planned.get(path), plan, prepared, full=full, turn=turn)

        for path, result in zip(present, pool.map(check, range(len(present)), present), strict=True):
            problems += result.problems
            sums.add(schema.ShardName.parse(path).split, result.sums)
            rows, remade, reencoded = rows + result.rows, remade + result.remade, reencoded + result.reencoded
            done += shards[path].rows
            progress(done, total)
    if plan and sums.whole and set(present) == set(planned):
        problems += check_statistics(manifest, plan, sums.by_split)
    problems += check_card(storage, manifest)
    notes, relabelled = [], 0
    if reencoded:
        notes.append(
            f"{reencoded:,} rows have the same pixels as when made again, but other bytes: they were encoded with "
            "another version of Pillow, libjpeg or ISA-L"
        )
    if labels and plan and not problems:
        checked = check_labels(storage, shards, plan, labels, device)
        problems, notes, relabelled = problems + checked.problems, notes + checked.notes, checked.rows
    return VerifyReport(
        output=str(output),
        problems=tuple(problems),
        notes=tuple(notes),
        files=len(present) + sum(storage.exists(name) for name in files),
        bytes=sum(entry.bytes for entry in manifest.parquet_files.values()),
        rows=rows,
        remade=remade,
        relabelled=relabelled,
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


def _read_manifest(storage: Storage) -> Manifest:
    """The manifest of the output.

    Raises:
        OutputError: the problem's line.
    """
    try:
        manifest = Manifest.from_json(storage.read(schema.STATISTICS))
    except FileNotFoundError:
        if storage.exists(schema.RECIPE):
            again = "Run the same build again; it continues where it stopped."
            raise OutputError(f"{schema.STATISTICS}: missing, so the build is not finished. {again}") from None
        raise OutputError(f"{storage}: not a dataset of fgbg-depth. Build one: {command('build')}") from None
    except OutputError as e:
        raise OutputError(f"{' '.join(str(e).split())} {REFRESH}") from e
    for path in manifest.shards:
        try:
            schema.ShardName.parse(path)
        except ValueError as e:
            raise OutputError(f"{schema.STATISTICS}: {e}. {REFRESH}") from e
    return manifest
