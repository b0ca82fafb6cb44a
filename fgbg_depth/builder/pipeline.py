"""A build from start to end: sources, plan, the missing shards, statistics, card."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from fgbg_depth import schema
from fgbg_depth.builder.shard import ShardJob, ShardTask
from fgbg_depth.builder.slices import (
    EARLIER,
    known_hashes,
    missing_shards,
    read_manifest,
    remove_notes,
    slice_paths,
    write_note,
)
from fgbg_depth.depth import models
from fgbg_depth.engine import local
from fgbg_depth.engine.job import ShardResult
from fgbg_depth.errors import OutputError, RecipeError
from fgbg_depth.manifest import FileEntry, Manifest
from fgbg_depth.paths import remember_output
from fgbg_depth.plan import Plan, Shard, make_plan
from fgbg_depth.recipe import Recipe, parse_recipe
from fgbg_depth.render.codecs import decode_rgb
from fgbg_depth.sources.load import Sources, load_sources
from fgbg_depth.sources.prepared import prepared_names, write_prepared
from fgbg_depth.statistics import Sums
from fgbg_depth.storage.files import FileInfo, Storage
from fgbg_depth.storage.parquet import measure, read_record

HUB_FOLDER_FILES = 10_000  # Source: https://huggingface.co/docs/hub/storage-limits
Say = Callable[[str], None]


def say_on_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class BuildResult:
    """What a build did."""

    output: str
    rows: int
    shards: int
    made: int  # shards made now; the others were there already
    relabelled: int  # of these, how many took over finished composites
    whole: bool  # False after one slice of a build
    skipped: tuple[tuple[str, str], ...] = ()
    changed: bool = True  # False: everything was there, nothing was written


@dataclass
class _Work:
    """A build under way."""

    plan: Plan
    storage: Storage
    present: dict[str, int]  # files under data/ and their bytes
    written: dict[str, FileInfo] = field(default_factory=dict)  # known sizes and hashes

    def tasks(self) -> list[ShardTask]:
        """Missing shards, each with the shard whose images it can take over."""
        images = {schema.ShardName.parse(path).compose_digest: path for path in sorted(self.present)}
        missing = [s for s in self.plan.shards if s.path not in self.present]
        return [ShardTask(shard, images.get(shard.compose_digest)) for shard in missing]


def build(
    recipe: Recipe,
    output: str | os.PathLike[str],
    *,
    workers: int | None = None,
    device: str = "auto",
    part: tuple[int, int] | None = None,
    finish: bool = False,
    engine_name: str = "local",
    address: str | None = None,
    say: Say = say_on_stderr,
    progress: bool = True,
) -> BuildResult:
    """Make a dataset, or what is missing of it.

    Args:
        output: folder, or any fsspec URL; becomes a dataset repository that `load_dataset` opens.
        workers: processes (Ray: in the whole cluster); default: one a core, at most 6 a GPU when labels are made there.
        device: where the depth model runs: auto, cpu, cuda, cuda:1, mps.
        part: (i, n): make only the i-th (from 1) of n slices of the shards, and no card; other machines make
            the others into the same output.
        finish: make no shard; check that all slices are there, then statistics and card.
        engine_name: "local", or "ray" for a Ray cluster at `address`.
        say: told what a person should know, line by line.
    Raises:
        FgBgError: one of its kinds; the message says what to do. Finished shards are always kept.
    """
    storage = Storage(os.fspath(output))
    with storage.lock(shared=part is not None):
        check_output(storage)
        recipe = recipe.replace(depth_range=recipe.depth_range or _earlier_range(recipe, storage))
        asked, workers = workers, workers or default_workers(recipe, device)
        plan = plan_build(recipe, workers, device, say)
        if recipe.depth_range is None and plan.spec is not None and not plan.spec.meaning.is_metric:
            # the range that was found becomes part of the recipe: more sources must not move it
            recipe = recipe.replace(depth_range=[plan.spec.low, plan.spec.high])
            plan = dataclasses.replace(plan, recipe=recipe)
        previous = read_manifest(storage, schema.STATISTICS)
        earlier = previous or read_manifest(storage, EARLIER)
        work = _Work(plan, storage, storage.list(schema.DATA), known_hashes(storage, earlier))
        tasks = work.tasks()
        if not tasks and _is_whole(work, previous):
            remember_output(str(output))
            return BuildResult(str(output), plan.rows, len(plan.shards), 0, 0, True, plan.sources.skipped, False)
        if finish and tasks:
            raise missing_shards(tasks, plan)
        if part is None:
            storage.remove_temporary_files(schema.FOLDERS)
        text = recipe.to_yaml().encode()
        if not storage.exists(schema.RECIPE) or storage.read(schema.RECIPE) != text:  # other slices read it
            storage.write(schema.RECIPE, text)
        if previous:
            storage.write(EARLIER, previous.to_json().encode())
        storage.remove(schema.STATISTICS)  # not whole until it is written again
        bg_file, fg_file = write_prepared(storage, plan.sources)
        if part is not None:
            mine = slice_paths(plan, *part)
            tasks = [task for task in tasks if task.path in mine]
        job = ShardJob(recipe, plan.spec, str(output), bg_file, fg_file, device)
        if len(tasks) < len(plan.shards):
            say(f"{len(plan.shards) - len(tasks)} of {len(plan.shards)} shards are already there or not ours to make.")
        try:
            # a cluster's own size decides, not this machine's
            _run(work, job, tasks, asked if engine_name == "ray" else workers, engine_name, address, progress)
        except BaseException:  # workers were stopped while they wrote; the disk may be full of that
            if part is None:
                storage.remove_temporary_files(schema.FOLDERS)
            raise
        if part is None:
            _finish(work, earlier, (bg_file, fg_file))
            remember_output(str(output))
        else:
            write_note(storage, {task.path: work.written[task.path] for task in tasks})
    relabelled = sum(task.reuse_from is not None for task in tasks)
    return BuildResult(
        str(output), plan.rows, len(plan.shards), len(tasks), relabelled, part is None, plan.sources.skipped
    )


def plan_build(recipe: Recipe, workers: int = 1, device: str = "auto", say: Say = say_on_stderr) -> Plan:
    """Load sources, find out what the depth model predicts, and divide the rows into shards."""
    sources = load_sources(recipe, workers)
    for warning in sources.warnings[:20]:
        say(f"warning: {warning}")
    if len(sources.warnings) > 20:
        say(f"... and {len(sources.warnings) - 20} more warnings; the card lists them.")
    for file, reason in sources.skipped:
        say(f"left out: {file} {reason}")
    spec = None
    if recipe.has_depth:
        spec = models.resolve_spec(recipe, lambda: _background_pixels(sources), device)
    plan = make_plan(recipe, sources, spec)
    if len(plan.shards) >= HUB_FOLDER_FILES:
        say(
            f"warning: {len(plan.shards):,} shards; the Hub wants fewer than {HUB_FOLDER_FILES:,} files in a folder. "
            "To publish, raise shard_rows, or make several datasets of fewer backgrounds (docs/scale.md)."
        )
    return plan


def default_workers(recipe: Recipe, device: str) -> int:
    """One process a core; where labels are made on GPUs, enough to keep these busy."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if recipe.has_depth and (gpus := models.num_gpus(device)):
        return min(cores, 6 * gpus)
    return cores


def check_output(storage: Storage) -> None:
    """Refuse a folder that holds something else.

    Raises:
        OutputError: it is not empty, and not an output of this project.
    """
    if storage.is_local and storage.root.exists() and not storage.root.is_dir():
        raise OutputError(f"{storage} is a file.\n  Choose a folder: --output DIR.")
    names = list(storage.list())
    folders = [f for f in (schema.DATA, schema.BG, schema.FG) if storage.list(f)]
    # the recipe is written first and looked for last: another slice may be starting at this moment
    if (names or folders) and not storage.exists(schema.RECIPE):
        raise OutputError(
            f"{storage} is not empty and was not made by fgbg-depth (it has {', '.join([*names, *folders][:5])}).\n"
            "  Choose an empty or new folder: --output DIR."
        )
    foreign = [
        name for f in (schema.DATA, schema.BG, schema.FG) for name in storage.list(f) if not schema.is_own_path(name)
    ]
    if foreign:
        raise OutputError(
            f"{storage} has files that fgbg-depth did not make: {', '.join(foreign[:5])}.\n"
            "  Move them away (they would become part of the dataset), or choose another --output."
        )


def _run(
    work: _Work,
    job: ShardJob,
    tasks: list[ShardTask],
    workers: int | None,
    engine_name: str,
    address: str | None,
    progress: bool,
) -> None:
    def on_shard(result: ShardResult) -> None:
        work.written[result.path] = result.file

    with _bar(sum(task.rows for task in tasks), progress) as on_rows:
        if engine_name == "ray":
            from fgbg_depth.engine.ray import run_ray

            run_ray(job, tasks, workers, on_rows, on_shard, address)
        else:
            local.run(job, tasks, workers or 1, on_rows, on_shard)


def _finish(work: _Work, previous: Manifest | None, prepared: tuple[str, str]) -> None:
    """Everything after the last shard. `statistics.json` comes last: that it exists means the build is whole."""
    from fgbg_depth.builder.summary import keep_version, summarize
    from fgbg_depth.card.preview import write_preview
    from fgbg_depth.card.text import write_card

    plan, storage = work.plan, work.storage
    planned = {shard.path for shard in plan.shards}
    storage.remove_temporary_files(schema.FOLDERS)  # a cluster's build goes on when workers are killed
    for folder, keep in ((schema.DATA, planned), (schema.BG, set(prepared)), (schema.FG, set(prepared))):
        for name in storage.list(folder):
            if name not in keep and name.endswith(".parquet"):
                storage.remove(name)
    present = storage.list(schema.DATA)
    sums: dict[str, Sums] = {}
    shards: dict[str, FileInfo] = {}
    with ThreadPoolExecutor(8) as pool:
        for start in range(0, len(plan.shards), 64):  # in blocks: a record takes 0.3 MB, and there may be thousands
            block = plan.shards[start : start + 64]
            for shard, part in zip(block, pool.map(lambda s: _counted(storage, s), block), strict=True):
                if shard.split in sums:
                    sums[shard.split].add(part)
                else:
                    sums[shard.split] = part
            measured = pool.map(lambda s: _measured(work, s.path, present), block)
            shards |= zip([s.path for s in block], measured, strict=True)
    counts = (len(plan.sources.backgrounds), len(plan.sources.cutouts))
    files = {
        name: FileEntry(rows=rows, bytes=storage.list(name.split("/")[0])[name], sha256=storage.sha256(name))
        for name, rows in zip(prepared, counts, strict=True)
    }
    manifest = summarize(plan, sums, shards, files, previous)
    manifest = keep_version(manifest.with_files(write_preview(storage, manifest)), previous)
    write_card(storage, manifest)
    manifest.write(storage)
    remove_notes(storage)


def _counted(storage: Storage, shard: Shard) -> Sums:
    """What a finished shard's footer says of its pixels."""
    record = read_record(storage, shard.path)
    if record.get("rows") != shard.rows or record.get("compose_digest") != shard.compose_digest:
        raise OutputError(f"{storage}/{shard.path} is not what its name says.\n  Delete this file and build again.")
    return Sums.from_dict(record["statistics"])


def _measured(work: _Work, path: str, present: dict[str, int]) -> FileInfo:
    """Size and hash of a finished shard; read only when no earlier run noted them."""
    if path not in present:  # a network file system may show another machine's files late
        raise OutputError(f"{work.storage}/{path} cannot be seen yet.\n  Run the same command again in a minute.")
    known = work.written.get(path)
    if known and known.bytes == present[path]:
        return known
    return measure(work.storage, path)


def _is_whole(work: _Work, previous: Manifest | None) -> bool:
    """Whether the output is exactly what this plan makes, by names, sizes and recipe."""
    if previous is None:
        return False
    storage = work.storage
    listed = {path: entry.bytes for path, entry in previous.shards.items()}
    prepared = prepared_names(work.plan.sources)
    return (
        work.present == listed
        and set(listed) == {s.path for s in work.plan.shards}
        and previous.recipe == work.plan.recipe
        and storage.exists(schema.CARD)
        and _pictures(work.plan) <= set(storage.list(schema.ASSETS))
        and set(prepared) <= set(previous.files)
        and all(storage.exists(name) for name in previous.files)
    )


def _pictures(plan: Plan) -> set[str]:
    """Pictures that the card shows."""
    from fgbg_depth.card.text import PICTURES

    return {f"{schema.ASSETS}/{name}.png" for name in PICTURES if name != "depth" or plan.spec}


def _earlier_range(recipe: Recipe, storage: Storage) -> list[float] | None:
    """The range found for the same model by an earlier build of this output."""
    if not storage.exists(schema.RECIPE):
        return None
    try:
        earlier = parse_recipe(storage.read(schema.RECIPE).decode("utf-8", "replace"))
    except RecipeError:
        return None
    same = ("depth_model", "depth_revision", "depth_kind", "depth_input")
    if earlier.depth_range is None or any(getattr(earlier, k) != getattr(recipe, k) for k in same):
        return None
    return list(earlier.depth_range)


def _background_pixels(sources: Sources) -> Iterator[np.ndarray]:
    for source in sources.backgrounds:
        yield decode_rgb(source.png)


@contextmanager
def _bar(total: int, shown: bool) -> Iterator[Callable[[int], None]]:
    from tqdm import tqdm

    hidden = not shown or not total or not sys.stderr.isatty()
    with tqdm(total=total, unit=" rows", disable=hidden, smoothing=0.1, dynamic_ncols=True) as bar:
        yield lambda rows: bar.update(rows)
