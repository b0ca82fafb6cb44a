"""`build`, from start to end: plan, missing shards, statistics, card."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from fgbg_depth import schema
from fgbg_depth.builder import messages
from fgbg_depth.builder.background_labels import label_backgrounds
from fgbg_depth.builder.continuation import fetch_base, kept_on_hub
from fgbg_depth.builder.deletion import ADVICE, Deletion
from fgbg_depth.builder.label_speed import default_workers, num_cores, workers_for_labels
from fgbg_depth.builder.messages import Log, log_to_stderr
from fgbg_depth.builder.output import OutputState, check_output, output_recipe
from fgbg_depth.builder.planning import plan_output
from fgbg_depth.builder.shard import ShardJob, ShardTask
from fgbg_depth.builder.slices import PREVIOUS_MANIFEST, missing_shards_error, write_deletions, write_record
from fgbg_depth.builder.work import Work, find_work
from fgbg_depth.engine import local
from fgbg_depth.engine.job import ShardResult
from fgbg_depth.errors import OutputError
from fgbg_depth.paths import remember_output
from fgbg_depth.plan import Plan
from fgbg_depth.recipe import LOCAL_PATHS, Recipe, local_paths, published
from fgbg_depth.sources.prepared import PreparedFiles, write_prepared
from fgbg_depth.storage.files import FileInfo, Storage

__all__ = ["BuildResult", "build"]


@dataclass(frozen=True)
class BuildResult:
    """What a build did."""

    output: str
    rows: int
    shards: int
    made: int  # shards built now; the others existed or belong to other slices
    relabelled: int  # of these, how many reused finished composites
    whole: bool  # the output is complete; False after one slice of a build
    skipped: tuple[tuple[str, str], ...] = ()  # (source file, reason)
    changed: bool = True  # False if there was nothing to do, so that nothing was written


@dataclass(frozen=True)
class _Engine:
    """What builds the shards: processes on this machine, or a Ray cluster."""

    name: str
    workers: int | None
    address: str | None
    progress: bool

    def run(self, job: ShardJob, tasks: list[ShardTask]) -> dict[str, FileInfo]:
        """Build the shards; returns size and hash of each."""
        written: dict[str, FileInfo] = {}

        def on_shard(result: ShardResult) -> None:
            written[result.path] = result.file

        with _progress_bar(sum(task.rows for task in tasks), self.progress) as on_rows:
            if self.name == "ray":
                from fgbg_depth.engine.ray import run_ray

                run_ray(job, tasks, self.workers, on_rows, on_shard, self.address)
            else:
                local.run(job, tasks, self.workers or 1, on_rows, on_shard)
        return written


def build(
    recipe: Recipe | None,
    output: str | os.PathLike[str],
    *,
    from_hub: str | None = None,
    add_backgrounds: str = "",
    add_foregrounds: str = "",
    workers: int | None = None,
    device: str = "auto",
    slice_of: tuple[int, int] | None = None,
    finish: bool = False,
    engine_name: str = "local",
    address: str | None = None,
    plan: Plan | None = None,
    log: Log = log_to_stderr,
    progress: bool = True,
    replace: bool = False,
    confirm: Callable[[Deletion], bool] | None = None,
    remember: bool = True,
    part: tuple[int, int] | None = None,
) -> BuildResult:
    """Build a dataset. Finished shards of an earlier build are reused.

        build(None, "out", from_hub="alice/scenes@v1.0.0", add_backgrounds="new/")    # then push("out", "alice/scenes")

    Args:
        recipe: None: the output's own, or that of the version that it continues.
        output: folder, or any fsspec URL; becomes a dataset repository that `load_dataset` opens.
        from_hub: USER/NAME or USER/NAME@REVISION: continue this version on the Hub. Its small files are fetched into
            the output; its shards stay on the Hub. Its prepared sources stand for the recipe's folders.
        add_backgrounds, add_foregrounds: folders whose pictures are added to these prepared sources.
        workers: processes (with Ray: in the whole cluster); default: one a core; when labels are made on
            GPUs, 2 to 12 a GPU, by the measured speed of the depth model.
        device: where the depth model runs: auto, cpu, cuda, cuda:1, mps.
        slice_of: (i, n): build only the i-th (from 1) of n slices of the shards, and no card; other machines build
            the other slices into the same output.
        finish: build no shard; check that those of all slices exist, then write statistics and card.
        engine_name: "local", or "ray" for a Ray cluster at `address`.
        plan: of `recipe` for this output, from `planning.plan_output`; by default it is made, which reads all sources.
        log: called with each line for people.
        progress: show a progress bar if stderr is a terminal.
        replace: delete finished shards of the output that this recipe and its sources do not give, because a field,
            a source or the depth model changed. They are deleted at the end of the build, in slices by `finish`.
        confirm: called instead of raising OutputError if there are such shards, `replace` is False and this is not
            a slice; returns whether to delete them. A build that is continued does not ask again.
        remember: let the app show this output when it is started without an address.
        part: the old name of `slice_of`.
    Raises:
        OutputError: the folder cannot be used, or finished shards would be deleted and that was not confirmed.
        FgBgError: another subclass; the message says what to do. After an error all finished shards are kept.
    """
    if part is not None:
        log("build(part=...) is now build(slice_of=...); the next version refuses the old name.")
        slice_of = slice_of or part
    storage = Storage(os.fspath(output))
    if from_hub is not None:
        with storage.lock():
            fetch_base(from_hub, storage, log)
    if recipe is None:
        recipe = _own_recipe(storage)
    with storage.lock(shared=slice_of is not None):
        check_output(storage)
        threads = workers or num_cores()
        plan = plan or plan_output(recipe, storage, threads, device, log, add_backgrounds, add_foregrounds)
        _remember_paths(plan.recipe, storage)
        state = OutputState.read(storage)
        if state.is_complete(plan, storage):
            result = BuildResult(
                storage.url, plan.rows, len(plan.shards), 0, 0, True, plan.sources.skipped, changed=False
            )
            log(messages.nothing_to_do(result.shards))
        else:
            work = find_work(plan, storage, state, slice_of)
            if state.base is not None:
                log(kept_on_hub(plan, storage, state, state.base, len(work.tasks)))
            if finish and work.tasks:
                raise missing_shards_error(work.tasks, plan)
            if work.deletion is not None:
                _confirm(work.deletion, replace, None if slice_of else confirm, log)
            engine = _Engine(engine_name, workers, address, progress)
            result = _build_missing(plan, storage, state, work, engine, device, slice_of, log)
    if result.whole and remember:
        remember_output(storage.url)
    return result


def _own_recipe(storage: Storage) -> Recipe:
    """The recipe of an output.

    Raises:
        OutputError: there is no output yet.
    """
    own = output_recipe(storage)
    if own is None:
        raise OutputError(
            f"{storage} has no recipe yet.\n  Give a recipe, or continue a version of the Hub: from_hub=."
        )
    return own[0]


def _confirm(deletion: Deletion, replace: bool, confirm: Callable[[Deletion], bool] | None, log: Log) -> None:
    """Make sure that finished shards may be deleted.

    Raises:
        OutputError: they may not; nothing was changed.
    """
    if replace:
        log(deletion.text(is_confirmed=True))
    elif confirm is None:
        raise OutputError(f"{deletion.text()}\n  {ADVICE}")
    elif not confirm(deletion):
        raise OutputError(
            f"Nothing was changed; the finished shards in {deletion.output} are kept.\n"
            "  To build this dataset, too, choose another --output."
        )


def _build_missing(
    plan: Plan,
    storage: Storage,
    state: OutputState,
    work: Work,
    engine: _Engine,
    device: str,
    slice_of: tuple[int, int] | None,
    log: Log,
) -> BuildResult:
    """Build what the output lacks of a plan, under the output's lock."""
    num_shards, tasks = len(plan.shards), list(work.tasks)
    for path, reason in work.damaged.items():
        log(messages.damaged(path, reason))
    if slice_of is None:
        storage.remove_temporary_files(schema.FOLDERS)
    plan = label_backgrounds(plan, storage, device, log)
    prepared = _write_inputs(plan, storage, state, work)
    if slice_of is not None:
        log(messages.slice_started(slice_of, work.num_shards, len(tasks)))
    elif len(tasks) < num_shards:
        log(messages.reused(num_shards, len(tasks)))
    job = ShardJob(plan.recipe, plan.spec, storage.url, tuple(prepared.backgrounds), tuple(prepared.cutouts), device)
    if engine.name == "local" and engine.workers is None:  # a cluster's own size decides how many it gets
        rows, default = sum(task.rows for task in tasks), default_workers(plan.recipe, device)
        engine = replace(engine, workers=workers_for_labels(plan, device, rows, default, log))
    try:
        written = engine.run(job, tasks)
    except BaseException:  # the files that workers were writing may have filled the disk
        if slice_of is None:
            storage.remove_temporary_files(schema.FOLDERS)
        raise
    if slice_of is None:
        from fgbg_depth.builder.finish import finish_build  # imports the card, which workers do not need

        known_files = {**state.known_files, **work.measured, **written}
        finish_build(plan, storage, prepared, known_files, state.previous_manifest)
    else:
        write_record(storage, written)
    if tasks:
        log(messages.built(num_shards, len(tasks), work.num_relabelled))
    return BuildResult(
        storage.url, plan.rows, num_shards, len(tasks), work.num_relabelled, slice_of is None, plan.sources.skipped
    )


def _write_inputs(plan: Plan, storage: Storage, state: OutputState, work: Work) -> PreparedFiles:
    """Write what workers and other slices read, and remove `statistics.json`, which only a complete output has.

    Previews and pictures that `verify` found to be damaged are removed, too; the end of the build makes them again.

    Returns:
        the files of the prepared backgrounds and cut-outs.
    """
    text = published(plan.recipe).to_yaml().encode()
    if not storage.exists(schema.RECIPE) or storage.read(schema.RECIPE) != text:  # another slice may be reading it
        storage.write(schema.RECIPE, text)
    if state.manifest is not None:
        storage.write(PREVIOUS_MANIFEST, state.manifest.to_json().encode())
    if work.deletion is not None:
        write_deletions(storage, state.deletions.union(work.deletion.paths))
    write_record(storage, work.measured)
    for name in state.noted:
        if name.startswith((f"{schema.PREVIEW}/", f"{schema.ASSETS}/")) and ".." not in name:
            storage.remove(name)
    storage.remove(schema.STATISTICS)
    return write_prepared(storage, plan.sources, plan.depth_key, plan.extras)


def _remember_paths(recipe: Recipe, storage: Storage) -> None:
    """Remember where the folders of the recipe are, so that the output's recipe builds it again on this machine."""
    if not storage.is_local:  # a bucket may be public
        return
    paths = local_paths(recipe)
    if not storage.exists(LOCAL_PATHS) or storage.read(LOCAL_PATHS) != paths:
        storage.write(LOCAL_PATHS, paths)


@contextmanager
def _progress_bar(total: int, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, in rows; yields the function that moves it on by some rows."""
    from tqdm import tqdm

    hidden = not shown or not total or not sys.stderr.isatty()
    with tqdm(total=total, unit=" rows", disable=hidden, smoothing=0.1, dynamic_ncols=True) as bar:

        def advance(rows: int) -> None:
            bar.update(rows)

        yield advance
