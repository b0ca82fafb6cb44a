"""Who runs the shards, beyond one machine: actors of a Ray cluster, shards as their tasks.

Images never travel: an actor reads the prepared sources from the output and writes its shards there; what
comes back is a path, a size and a hash. So the output must be a folder that all nodes share, or a URL.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from fgbg_depth import paths
from fgbg_depth.engine.job import Job, OnRows, OnShard, ShardResult, Task
from fgbg_depth.errors import EngineError, FgBgError
from fgbg_depth.storage.files import Storage

ACTORS_PER_GPU = 6  # composing and encoding for one GPU take that many cores; --workers N sets another number
DEATHS = 10  # a shard whose worker died that often kills it; Ray itself would start it again for ever
OBJECT_STORE_BYTES = 100 * 2**20  # little more than the least that Ray takes: only records pass through it
IN_FLIGHT = 2  # shards an actor is given ahead, so that it never waits for the next one
WAITING_S = 30  # with nothing finished for so long after the start, say why
NODES_S = 5  # how often to look whether all nodes are there


def run_ray(
    job: Job, tasks: Sequence[Task], workers: int | None, on_rows: OnRows, on_shard: OnShard, address: str | None
) -> None:
    """Make all shards on a Ray cluster; results come in any order through the callbacks.

    A node or worker that is lost is replaced and its shards are made again; the bytes are the same.

    Args:
        workers: actors in all; None: one a core of the cluster, at most 6 a GPU when labels are made there.
        address: of a running cluster ("auto": the one this machine belongs to); None: one is started
            on this machine and ended afterwards.
    Raises:
        EngineError: no Ray, no such cluster, or a node that does not see the output.
        FgBgError: a shard failed; the others already finished are kept.
    """
    if not tasks:
        return
    ray = _import_ray()
    if Storage(job.output).is_local:  # an actor's working folder is its own
        job = job.at(str(Path(Storage(job.output).root).absolute()))
    with _connected(ray, workers, address or os.environ.get("RAY_ADDRESS")):
        count, needs = plan_actors(ray.cluster_resources(), workers, job.uses_gpus, len(tasks))
        forever = {"max_restarts": -1, "max_task_retries": -1}
        name = f"starts-{uuid.uuid4().hex}"
        starts = ray.remote(_Starts).options(name=name, num_cpus=0, **forever).remote()
        actor = ray.remote(_ShardActor).options(**needs, **forever)
        actors = [actor.remote(job, name, os.getcwd(), socket.gethostname()) for _ in range(count)]
        _deal_out(ray, actors, tasks, on_rows, on_shard)
        del starts  # it lives as long as its handle


def plan_actors(
    resources: dict[str, float], workers: int | None, wants_gpus: bool, num_tasks: int
) -> tuple[int, dict[str, float]]:
    """How many actors, and what each of them asks Ray for.

    Args:
        resources: of the whole cluster, as `ray.cluster_resources()` gives them.
        workers: a number that the user chose, or None.
    """
    cpus, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0)) if wants_gpus else 0
    count = workers or max(1, min(cpus, ACTORS_PER_GPU * gpus) if gpus else cpus)
    count = min(count, num_tasks)
    if not gpus:
        return count, {"num_cpus": 1}
    sharing = -(-count // gpus)
    return count, {"num_cpus": 1, "num_gpus": 1 / sharing}


class _Starts:
    """How often each shard was begun."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def begin(self, path: str) -> int:
        self.counts[path] += 1
        return self.counts[path]


class _ShardActor:
    """Makes shards in a process of its own on some node. It may be restarted anywhere, at any time."""

    def __init__(self, job: Job, starts: str, folder: str, driver: str) -> None:
        if os.path.isdir(folder):
            os.chdir(folder)  # a depth model may be named by a relative path
        self.ray = _import_ray()
        self.starts = self.ray.get_actor(starts)
        self.problem: FgBgError | None = None
        storage = Storage(job.output)
        if missing := [name for name in job.inputs if not storage.exists(name)]:
            where = f"node {socket.gethostname()} does not see {job.output}/{missing[0]}"
            self.problem = EngineError(
                f"{where}, which {driver} wrote.\n"
                "  On a cluster --output must be a folder that all nodes share, or a URL such as s3://bucket/folder."
            )
            return
        self.worker = job.worker()  # Ray shows this process its own GPU only, so that is number 0

    def make(self, task: Task) -> ShardResult | FgBgError:
        """A shard's record, or why there is none."""
        if self.problem is not None:
            return self.problem
        if self.ray.get(self.starts.begin.remote(task.path)) > DEATHS:
            return EngineError(
                f"{task.path}: the worker that made it died {DEATHS} times, most often for lack of memory.\n"
                "  Give each worker more (fewer --workers, or a smaller --shard-rows); finished shards are kept."
            )
        try:
            return self.worker.make(task)
        except FgBgError as e:
            return e


def _deal_out(ray: Any, actors: list[Any], tasks: Sequence[Task], on_rows: OnRows, on_shard: OnShard) -> None:
    """Keep every actor supplied, large shards first; let go of each as soon as nothing is left for it.

    That frees its place for an actor whose node was lost, which else might wait for a place for ever.
    """
    left = sorted(tasks, key=lambda task: task.rows)
    pending: dict[Any, Any] = {}  # result -> its actor

    def supply(actor: Any) -> None:
        if left:
            pending[actor.make.remote(left.pop())] = actor
        elif actor not in pending.values():
            ray.kill(actor)

    for _ in range(IN_FLIGHT):
        for actor in actors:
            if left:
                supply(actor)
    watch = _Watch(ray)
    while pending:
        done, _ = ray.wait(list(pending), timeout=1)
        watch.look(bool(done))
        for result in done:
            finished = _result(ray, result)
            on_shard(finished)
            on_rows(finished.rows)
            supply(pending.pop(result))


class _Watch:
    """Tells on stderr why nothing happens, and of lost nodes; Ray's own words are many and go to stdout."""

    def __init__(self, ray: Any) -> None:
        self.ray, self.started, self.begin = ray, False, time.monotonic()
        self.next_look, self.num_nodes = self.begin, 0

    def look(self, something_done: bool) -> None:
        now = time.monotonic()
        if not (something_done or self.started) and now > self.begin + WAITING_S:
            self.started = True
            print("waiting for Ray: no CPU or GPU is free, or first shards take long.", file=sys.stderr)
        self.started |= something_done
        if now >= self.next_look:
            self.next_look = now + NODES_S
            num_nodes = sum(node["Alive"] for node in self.ray.nodes())
            if num_nodes < self.num_nodes:
                print("a node of the cluster was lost; its shards are made again on the others.", file=sys.stderr)
            self.num_nodes = num_nodes


def _result(ray: Any, result: Any) -> ShardResult:
    try:
        finished = ray.get(result)
    except ray.exceptions.RayError as e:
        raise EngineError(
            f"A Ray worker could not do its work: {_reason(e)}\n"
            "  ShardResult shards are kept. All nodes need Python packages of the same versions as here "
            "(requirements.txt and requirements-ray.txt)."
        ) from e
    if isinstance(finished, FgBgError):
        raise finished
    assert isinstance(finished, ShardResult)
    return finished


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # raylets' words would be printed on our stdout
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # a deprecation notice otherwise
    try:
        import ray
    except ImportError as e:
        raise EngineError(
            "Ray is not installed.\n  Install it: pip install -r requirements-ray.txt, or leave --engine out."
        ) from e
    return ray


@contextmanager
def _connected(ray: Any, workers: int | None, address: str | None) -> Iterator[None]:
    """A connection to the cluster, or a cluster of our own on this machine, ended in any case."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    logging.getLogger("ray").setLevel(logging.ERROR)
    with ExitStack() as stack:
        if address is None:
            folder = tempfile.TemporaryDirectory(prefix="fgbg-ray-", ignore_cleanup_errors=True)
            quiet |= {
                "address": "local",
                "_node_ip_address": "127.0.0.1",  # nobody else can reach it
                "num_cpus": workers or os.cpu_count(),
                "include_dashboard": False,
                "object_store_memory": OBJECT_STORE_BYTES,
                "_temp_dir": stack.enter_context(folder),
            }
        else:
            # this very code goes to the nodes, so that all make the same bytes
            quiet |= {"address": address, "runtime_env": {"py_modules": [str(paths.PACKAGE)]}}
        stack.callback(ray.shutdown)
        try:
            if address is not None:
                _knock(address)
            ray.init(**quiet)
        except (OSError, RuntimeError, ValueError, TimeoutError) as e:
            what = f"no Ray cluster answers at {address}" if address else "Ray does not start on this machine"
            hint = (
                "Start one (ray start --head, on other nodes ray start --address HOST:6379) and give --address\n"
                "  HOST:6379, or leave --address out to use this machine alone."
            )
            raise EngineError(f"{what}: {_reason(e)}\n  {hint}") from e
        yield


def _knock(address: str) -> None:
    """Raises OSError at once where nobody listens; Ray itself would go on trying for minutes."""
    host, colon, port = address.rpartition("/")[2].rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _reason(e: BaseException) -> str:
    """The last telling line of an error that holds a remote traceback."""
    lines = [line.strip() for line in str(e).splitlines() if line.strip()]
    return (lines[-1] if lines else type(e).__name__)[:300]
