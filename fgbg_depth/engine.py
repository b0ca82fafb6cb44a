"""Who runs the shards: this process, or worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from fgbg_depth.depth import Labeller
from fgbg_depth.errors import EngineError
from fgbg_depth.plan import Shard
from fgbg_depth.recipe import Recipe
from fgbg_depth.shards import Finished, ShardMaker

POLL_S = 0.2  # how often the bar moves


@dataclass(frozen=True)
class Job:
    """All that a worker needs to make any shard of a build; small enough to send anywhere."""

    recipe: Recipe
    spec: Any  # DepthSpec or None
    output: str
    bg_file: str
    fg_file: str
    device: str = "auto"

    def maker(self, worker: int = 0) -> ShardMaker:
        """A maker for one worker; `worker` chooses among several GPUs."""
        from fgbg_depth.prepared import Prepared
        from fgbg_depth.storage import Storage

        def load() -> Labeller:
            from fgbg_depth.depth import load_labeller

            return load_labeller(self.recipe, self.spec, self.device, worker)

        storage = Storage(self.output)
        return ShardMaker(self.recipe, self.spec, storage, Prepared.load(storage, self.bg_file, self.fg_file), load)


Task = tuple[Shard, str | None]  # a shard, and the finished shard whose images it takes over, if any
OnRows = Callable[[int], None]
OnShard = Callable[[Finished], None]


def run(job: Job, tasks: Sequence[Task], workers: int, on_rows: OnRows, on_shard: OnShard) -> None:
    """Make all shards; results come in any order through the callbacks.

    Raises:
        EngineError: a worker died. FgBgError: a shard failed; the others already finished are kept.
        KeyboardInterrupt: at once; workers are stopped.
    """
    if not tasks:
        return
    if workers <= 1:
        maker = job.maker()
        for shard, old in tasks:
            on_shard(maker.make(shard, old, on_rows))
        return
    _run_processes(job, tasks, min(workers, len(tasks)), on_rows, on_shard)


def _run_processes(job: Job, tasks: Sequence[Task], workers: int, on_rows: OnRows, on_shard: OnShard) -> None:
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    # rows done, one number a worker and no lock: a worker killed while it holds one would stop this process too
    counters, started = context.RawArray("q", workers), context.Value("i", 0)
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start_worker, initargs=(job, os.getpid(), counters, started)
    )
    seen = 0
    try:
        pending: set[Future[Finished]] = {pool.submit(_make, shard, old) for shard, old in tasks}
        while pending:
            done, pending = wait(pending, timeout=POLL_S, return_when=FIRST_COMPLETED)
            now = sum(counters)
            on_rows(now - seen)
            seen = now
            for future in done:
                on_shard(future.result())
        on_rows(sum(counters) - seen)
        pool.shutdown()
    except BrokenProcessPool as e:
        _stop(pool)
        raise EngineError(
            "A worker process was killed (most often by the system, for lack of memory).\n"
            f"  Finished shards are kept: run the same command again with fewer --workers than {workers}."
        ) from e
    except BaseException:
        _stop(pool)
        raise


def _stop(pool: ProcessPoolExecutor) -> None:
    """End all workers now; what they were writing is hidden and cleaned up by the next build."""
    processes = list((pool._processes or {}).values())  # no public way to end running tasks before 3.14
    for process in processes:
        process.kill()
    pool.shutdown(wait=True, cancel_futures=True)


_job: Job | None = None
_worker = 0
_maker: ShardMaker | None = None
_counters: Any = None


def _start_worker(job: Job, parent: int, counters: Any, started: Any) -> None:
    """Run first in each worker: tie its life to the parent's. Nothing here may fail: it would look like a kill."""
    global _job, _worker, _counters
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends us
    die_with_parent(parent)
    tqdm.set_lock(threading.RLock())  # its own is a semaphore of the system, which a killed worker leaks
    with started.get_lock():
        _worker = started.value
        started.value += 1
    _job, _counters = job, counters


def _make(shard: Shard, old: str | None) -> Finished:
    global _maker
    assert _job is not None
    _maker = _maker or _job.maker(_worker)

    def count(rows: int) -> None:
        _counters[_worker] += rows

    return _maker.make(shard, old, count)


def die_with_parent(parent: int) -> None:
    """End this process when the process `parent` has ended, however it ended.

    A worker whose parent was killed would go on writing beside the next build's workers.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    if os.name == "posix":
        try:
            import ctypes

            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, Linux: at once
        except (OSError, AttributeError):
            pass
        threading.Thread(target=watch, daemon=True, name="watch-parent").start()
