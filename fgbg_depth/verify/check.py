"""`verify`: is an output complete, and is each row what its recipe and sources give?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fgbg_depth.builder.damage import note_damaged
from fgbg_depth.builder.messages import count
from fgbg_depth.builder.output import stored_format
from fgbg_depth.errors import OutputError
from fgbg_depth.read.files import StorageFiles, build_command
from fgbg_depth.read.hub_base import HubBase, shards_on_hub
from fgbg_depth.read.opening import read_manifest
from fgbg_depth.schema import FORMAT, STATISTICS, ShardName
from fgbg_depth.statistics import Sums
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.computed_files import check_card, check_metadata, check_statistics
from fgbg_depth.verify.expected import replan
from fgbg_depth.verify.files import check_hash, check_names, check_on_hub
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
    PNG of the right size and type. Shards that stay on the Hub, because the output continues a version there, are
    compared with the Hub's list of files only.

    Which files are wrong is noted in the output (`.damaged.json`), so that the next build writes them again. Nothing
    else in the output is changed, and a later `verify` without problems removes the note.

    Args:
        output: folder or fsspec URL.
        full: compose every row again, compute the statistics from every stored pixel, and compare every byte of the
            shards with writing their rows again.
        labels: predict the depth of this many rows again and compare; needs the depth model.
        device: where to predict: auto, cpu, cuda, mps.
        workers: threads; default: one a core.
        progress: called with the number of rows that are done, and of all rows.
    Returns:
        The report; `problems` is empty if the output is complete and correct.
    Raises:
        OutputError: the URL cannot be opened.
        DepthError: labels are to be predicted, and this computer has no such device.
    """
    if labels and device != "auto":
        from fgbg_depth.depth.devices import pick_device

        pick_device(device)
    start = time.perf_counter()
    storage = Storage(output)
    if storage.is_local and not storage.root.is_dir():
        what = "is a file, not the folder of a dataset" if storage.root.exists() else "does not exist"
        return VerifyReport(str(output), (f"{output} {what}.",), elapsed_s=time.perf_counter() - start)
    try:
        manifest = read_manifest(StorageFiles(storage), STATISTICS)
    except OutputError as e:
        is_damaged = storage.exists(STATISTICS) and stored_format(storage) in (None, FORMAT)
        repair = build_command(storage) if is_damaged else ""
        return VerifyReport(str(output), (_one_line(e),), elapsed_s=time.perf_counter() - start, repair=repair)
    shards, files = manifest.shards, manifest.files
    present = [path for path in sorted(shards) if storage.exists(path)]
    total = sum(shards[path].rows for path in present)
    done = 0
    sums = _SumsBySplit()
    counted = ShardCheck()
    on_hub = shards_on_hub(storage, shards)
    problems = list(check_names(storage, {k: v for k, v in manifest.parquet_files.items() if k not in on_hub}))
    if on_hub:
        problems += check_on_hub(storage, shards, on_hub)
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        found_hashes = pool.map(lambda item: check_hash(storage, item[0], item[1].sha256), files.items())
        problems += [problem for problem in found_hashes if problem]
        expected = None
        if not any(problem.path.startswith(("bg/", "fg/")) for problem in problems):  # else the sources are not known
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
    problems += [*check_card(storage, manifest), *check_metadata(storage, manifest)]
    notes, relabelled = [], 0
    if on_hub:
        notes.append(
            f"{count(len(on_hub), 'shard')} of {HubBase.read(storage)} {'is' if len(on_hub) == 1 else 'are'} on the Hub"
            " and not in this folder; size and SHA-256 were compared with the Hub's list, and no row of them was read."
        )
    if counted.reencoded:
        notes.append(
            f"{count(counted.reencoded, 'row')} with the pixels that composing again gives, but in other bytes: "
            "another version of Pillow, libjpeg-turbo or zlib encoded them."
        )
    if counted.not_rewritten:
        notes.append(
            f"the footers of {count(counted.not_rewritten, 'shard')} were not compared byte by byte, because another "
            "version of pyarrow or datasets wrote them."
        )
    if labels and expected and not problems:
        label_check = check_labels(storage, shards, expected.plan, labels, device)
        problems, notes, relabelled = problems + label_check.problems, notes + label_check.notes, label_check.rows
    try:
        note_damaged(storage, (name for problem in problems for name in problem.to_write_again))
    except OutputError as e:
        notes.append(f"the problems could not be noted for the next build: {_one_line(e)}")
    return VerifyReport(
        output=str(output),
        problems=tuple(map(str, problems)),
        notes=tuple(notes),
        files=len(present) + sum(storage.exists(name) for name in files),
        bytes=sum(entry.bytes for entry in manifest.parquet_files.values()),
        rows=counted.rows,
        remade=counted.remade,
        relabelled=relabelled,
        elapsed_s=time.perf_counter() - start,
        repair=build_command(storage) if problems else "",
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
