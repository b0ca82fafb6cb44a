"""Who runs the shards: this process, or worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from tqdm import tqdm

from fgbg_depth.engine.job import Job, OnRows, OnShard, ShardResult, Task, Worker
from fgbg_depth.errors import EngineError

POLL_S = 0.2  # how often the bar moves


def run(job: Job, tasks: Sequence[Task], workers: int, on_rows: OnRows, on_shard: OnShard) -> None:
    """Make all shards; results come in any order through the callbacks.

    Raises:
        EngineError: a worker died. FgBgError: a shard failed; the others already finished are kept.
        KeyboardInterrupt: at once; workers are stopped.
    """
    if not tasks:
        return
    if workers <= 1:
        worker = job.worker()
        for task in tasks:
            on_shard(worker.make(task, on_rows))
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
        pending: set[Future[ShardResult]] = {pool.submit(_make, task) for task in tasks}
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
_worker_index = 0
_worker: Worker | None = None
_counters: Any = None


def _start_worker(job: Job, parent: int, counters: Any, started: Any) -> None:
    """Run first in each worker: tie its life to the parent's. Nothing here may fail: it would look like a kill."""
    global _job, _worker_index, _counters
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends us
    die_with_parent(parent)
    tqdm.set_lock(threading.RLock())  # its own is a semaphore of the system, which a killed worker leaks
    with started.get_lock():
        _worker_index = started.value
        started.value += 1
    _job, _counters = job, counters


def _make(task: Task) -> ShardResult:
    global _worker
    assert _job is not None
    _worker = _worker or _job.worker(_worker_index)

    def count(rows: int) -> None:
        _counters[_worker_index] += rows

    return _worker.make(task, count)


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
