"""`verify`: is an output complete, and is each row what its recipe and sources give?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fgbg_depth.errors import OutputError
from fgbg_depth.read.files import StorageFiles
from fgbg_depth.read.opening import read_manifest
from fgbg_depth.schema import STATISTICS, ShardName
from fgbg_depth.statistics import Sums
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.computed_files import check_card, check_statistics
from fgbg_depth.verify.expected import replan
from fgbg_depth.verify.files import check_hash, check_names
from fgbg_depth.verify.labels import check_labels
from fgbg_depth.verify.report import VerifyReport
from fgbg_depth.verify.shard import ShardCheck, check_shard

Progress = Callable[[int, int], None]


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

    Always: there is no file too few or too many, and each has the SHA-256 in `statistics.json`; footers, recipe,
    sources, statistics and card agree; the columns of every row are those that recipe and sources give; and some rows
    of each shard, composed again from the configs `bg` and `fg`, have the stored `fg_bg` and `fg_bg_mask`, and a depth
    PNG of the right size and type.

    Args:
        output: folder or fsspec URL.
        full: compose every row again, and compute the statistics from every stored pixel.
        labels: predict the depth of this many rows again and compare; needs the depth model.
        device: where to predict: auto, cpu, cuda, mps.
        workers: threads; default: one a core.
        progress: called with the number of rows that are done, and of all rows.
    Returns:
        The report; `problems` is empty if the output is complete and correct.
    Raises:
        OutputError: the URL cannot be opened.
    """
    start = time.perf_counter()
    storage = Storage(output)
    try:
        manifest = read_manifest(StorageFiles(storage), STATISTICS)
    except OutputError as e:
        return VerifyReport(str(output), (_one_line(e),), elapsed_s=time.perf_counter() - start)
    shards, files = manifest.shards, manifest.files
    present = [path for path in sorted(shards) if storage.exists(path)]
    total = sum(shards[path].rows for path in present)
    done = 0
    sums = _SumsBySplit()
    counted = ShardCheck()
    problems = list(check_names(storage, manifest.parquet_files))
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        problems += [line for line in pool.map(lambda item: check_hash(storage, *item), files.items()) if line]
        expected = None
        if not any(line.startswith(("bg/", "fg/")) for line in problems):  # else the sources are not known
            expected, found = replan(storage, manifest)
            problems += found

        def check(index: int, path: str) -> ShardCheck:
            return check_shard(storage, path, shards[path], expected, full=full, shard_index=index)

        for path, result in zip(present, pool.map(check, range(len(present)), present), strict=True):
            sums.add(ShardName.parse(path).split, result.sums)
            counted.add(result)
            done += shards[path].rows
            progress(done, total)
    problems += counted.problems
    if expected and sums.complete and set(present) == set(expected.shards):
        problems += check_statistics(manifest, expected.plan, sums.by_split)
    problems += check_card(storage, manifest)
    notes, relabelled = [], 0
    if counted.reencoded:
        notes.append(
            f"{counted.reencoded:,} rows have the pixels that composing again gives, but other bytes: other versions "
            "of Pillow, libjpeg-turbo or zlib encoded them."
        )
    if labels and expected and not problems:
        label_check = check_labels(storage, shards, expected.plan, labels, device)
        problems, notes, relabelled = problems + label_check.problems, notes + label_check.notes, label_check.rows
    return VerifyReport(
        output=str(output),
        problems=tuple(problems),
        notes=tuple(notes),
        files=len(present) + sum(storage.exists(name) for name in files),
        bytes=sum(entry.bytes for entry in manifest.parquet_files.values()),
        rows=counted.rows,
        remade=counted.remade,
        relabelled=relabelled,
        elapsed_s=time.perf_counter() - start,
    )


class _SumsBySplit:
    """Sums of all shards, added up as they come: those of 4,000 shards would take gigabytes."""

    def __init__(self) -> None:
        self.by_split: dict[str, Sums] = {}
        self.complete = True  # False: a shard's sums are not known

    def add(self, split: str, sums: Sums | None) -> None:
        if sums is None:
            self.complete = False
        elif self.complete:
            total = self.by_split.setdefault(split, sums)
            if total is not sums:
                total.add(sums)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
