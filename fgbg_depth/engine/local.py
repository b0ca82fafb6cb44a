"""Build shards in this process, or in worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from types import ModuleType
from typing import TYPE_CHECKING

from tqdm import tqdm

from fgbg_depth.engine.job import Job, OnRows, OnShard, ShardResult, Task, Worker
from fgbg_depth.errors import EngineError

if TYPE_CHECKING:
    from ctypes import Array, c_longlong

_SIGKILL = getattr(signal, "SIGKILL", 9)  # Windows does not define it
POLL_S = 0.2  # time between two updates of the progress bar
END_S = 20.0  # that idle workers have to end; it takes them less than a second
# Shards that the pool holds for each worker. `wait` looks at all of them in each call: at 170,000 that took 333 ms.
QUEUED_PER_WORKER = 4


def run(job: Job, tasks: Sequence[Task], workers: int, on_rows: OnRows, on_shard: OnShard) -> None:
    """Build all shards; results are passed to the callbacks in any order.

    Args:
        workers: number of processes; with 1, shards are built in this process.
    Raises:
        EngineError: a worker process was killed or crashed.
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


class _WorkerProcess(SpawnProcess):
    """A spawned process that does not import the program's main module.

    `multiprocessing` imports it in each new process: a script without `if __name__ == "__main__":` would start its
    build again in each worker, and a script from standard input cannot be imported at all. Workers need nothing of it.
    """

    def start(self) -> None:
        with _hidden_main_module():
            super().start()


class _WorkerContext(SpawnContext):  # spawn, because CUDA does not work in forked processes
    Process = _WorkerProcess


@contextmanager
def _hidden_main_module() -> Iterator[None]:
    """Let `multiprocessing` find an empty main module: it imports a main module by its `__spec__` or `__file__`."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _run_processes(job: Job, tasks: Sequence[Task], workers: int, on_rows: OnRows, on_shard: OnShard) -> None:
    context = _WorkerContext()
    # Finished rows of each worker. Without a lock: a worker that is killed while it holds one would block this process.
    row_counters: Array[c_longlong] = context.RawArray("q", workers)
    num_started: Synchronized[int] = context.Value("i", 0)
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start_worker, initargs=(job, row_counters, num_started)
    )
    reported = 0
    try:
        waiting = iter(tasks)
        pending: set[Future[ShardResult]] = set()
        while True:
            for task in islice(waiting, QUEUED_PER_WORKER * workers - len(pending)):
                pending.add(pool.submit(_build_shard, task))
            if not pending:
                break
            done, pending = wait(pending, timeout=POLL_S, return_when=FIRST_COMPLETED)
            finished = sum(row_counters)
            on_rows(finished - reported)
            reported = finished
            for future in done:
                on_shard(future.result())
        on_rows(sum(row_counters) - reported)
        _end_workers(pool)
    except BrokenProcessPool as e:
        exit_codes = [process.exitcode for process in _processes(pool)]  # before the others are killed, too
        _kill_workers(pool)
        raise EngineError(_why_a_worker_ended(exit_codes, workers)) from e
    except BaseException:
        _kill_workers(pool)
        raise


def _processes(pool: ProcessPoolExecutor) -> list[BaseProcess]:
    return list((pool._processes or {}).values())  # before Python 3.14 there is no public way to end running tasks


def _end_workers(pool: ProcessPoolExecutor) -> None:
    """Let the idle workers end, and kill those that do not.

    An idle worker holds the lock of the queue of tasks while it waits for the next one. If it is killed from outside
    just now, the others never get that lock, and so never see that they shall end.
    """
    killer = threading.Timer(END_S, _kill, [_processes(pool)])
    killer.daemon = True
    killer.start()
    pool.shutdown()
    killer.cancel()


def _kill_workers(pool: ProcessPoolExecutor) -> None:
    """Kill all workers. Their unfinished files are hidden; this build or the next one removes them."""
    _kill(_processes(pool))
    pool.shutdown(wait=True, cancel_futures=True)


def _kill(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        process.kill()


def _why_a_worker_ended(exit_codes: Sequence[int | None], workers: int) -> str:
    """The message for a worker that ended before its shards were finished.

    Args:
        exit_codes: of all workers, as `Process.exitcode`: None for one that still runs, -N for one ended by signal N.
            When one worker has died, the pool ends the others by SIGTERM.
    """
    kept = "Finished shards are kept"
    crashed = next((code for code in exit_codes if code not in (None, 0, -signal.SIGTERM, -_SIGKILL)), None)
    if crashed is None:
        return (
            "A worker process was killed, most often by the system for lack of memory.\n"
            f"  {kept}: run the same command again with fewer processes, such as --workers {max(1, workers // 2)}."
        )
    how = f"crashed ({signal.Signals(-crashed).name})" if crashed < 0 else f"ended with exit code {crashed}"
    return (
        f"A worker process {how}; what it printed above may say why.\n"
        f"  {kept}. Run the same command again with --workers 1 to see the error itself."
    )


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
