"""Build shards in this process, or in worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.sharedctypes import Synchronized
from typing import TYPE_CHECKING

from tqdm import tqdm

from fgbg_depth.engine.job import Job, OnRows, OnShard, ShardResult, Task, Worker
from fgbg_depth.errors import EngineError

if TYPE_CHECKING:
    from ctypes import Array, c_longlong

POLL_S = 0.2  # time between two updates of the progress bar


def run(job: Job, tasks: Sequence[Task], workers: int, on_rows: OnRows, on_shard: OnShard) -> None:
    """Build all shards; results are passed to the callbacks in any order.

    Args:
        workers: number of processes; with 1, shards are built in this process.
    Raises:
        EngineError: a worker process was killed.
        FgBgError: a shard failed. Shards that were finished before are kept.
        KeyboardInterrupt: Ctrl-C; the workers are killed at once.
    """
    if not tasks:
        return
    if workers <= 1:
        worker = job.worker()
        for task in tasks:
            on_shard(worker.build(task, on_rows))
        return
    _run_processes(job, tasks, min(workers, len(tasks)), on_rows, on_shard)


def _run_processes(job: Job, tasks: Sequence[Task], workers: int, on_rows: OnRows, on_shard: OnShard) -> None:
    context = multiprocessing.get_context("spawn")  # CUDA does not work in forked processes
    # Finished rows of each worker. Without a lock: a worker that is killed while it holds one would block this process.
    row_counters: Array[c_longlong] = context.RawArray("q", workers)
    num_started: Synchronized[int] = context.Value("i", 0)
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start_worker, initargs=(job, row_counters, num_started)
    )
    reported = 0
    try:
        pending: set[Future[ShardResult]] = {pool.submit(_build_shard, task) for task in tasks}
        while pending:
            done, pending = wait(pending, timeout=POLL_S, return_when=FIRST_COMPLETED)
            finished = sum(row_counters)
            on_rows(finished - reported)
            reported = finished
            for future in done:
                on_shard(future.result())
        on_rows(sum(row_counters) - reported)
        pool.shutdown()
    except BrokenProcessPool as e:
        _kill_workers(pool)
        raise EngineError(
            "A worker process was killed, most often by the system for lack of memory.\n"
            f"  Finished shards are kept: run the same command again with fewer --workers than {workers}."
        ) from e
    except BaseException:
        _kill_workers(pool)
        raise


def _kill_workers(pool: ProcessPoolExecutor) -> None:
    """Kill all workers. Their unfinished files are hidden; this build or the next one removes them."""
    processes = list((pool._processes or {}).values())  # before Python 3.14 there is no public way to end running tasks
    for process in processes:
        process.kill()
    pool.shutdown(wait=True, cancel_futures=True)


# State of a worker process.
_job: Job | None = None
_worker_index = 0
_worker: Worker | None = None
_row_counters: Array[c_longlong] | None = None


def _start_worker(job: Job, row_counters: Array[c_longlong], num_started: Synchronized[int]) -> None:
    """Prepare a worker process. Must not fail: a failure here is reported as a killed process."""
    global _job, _worker_index, _row_counters
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C the parent kills its workers
    exit_with_parent()
    tqdm.set_lock(threading.RLock())  # the default is a system-wide semaphore, which leaks if a worker is killed
    with num_started.get_lock():
        _worker_index = num_started.value
        num_started.value += 1
    _job, _row_counters = job, row_counters


def _build_shard(task: Task) -> ShardResult:
    global _worker
    assert _job is not None and _row_counters is not None
    counters = _row_counters
    _worker = _worker or _job.worker(_worker_index)

    def count(rows: int) -> None:
        counters[_worker_index] += rows

    return _worker.build(task, count)


def exit_with_parent() -> None:
    """End this process as soon as its parent has ended, also when the parent was killed.

    Otherwise a worker would go on writing beside the workers of the next build. Does nothing in a process that
    `multiprocessing` did not start.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait_for_parent() -> None:
        parent.join()  # of a pipe or process handle, so it returns when the parent is killed; the same on Windows
        os._exit(1)

    threading.Thread(target=wait_for_parent, daemon=True, name="exit-with-parent").start()
