"""Build shards on a Ray cluster: shards are tasks of actors.

Images are not sent between machines: an actor reads the prepared sources from the output and writes its shards there,
and returns path, size and hash. So the output must be a folder that all nodes share, or a URL.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from fgbg_depth import paths
from fgbg_depth.engine.job import Job, OnRows, OnShard, ShardResult, Task
from fgbg_depth.engine.ray_monitor import ClusterMonitor
from fgbg_depth.errors import EngineError, FgBgError, install_command
from fgbg_depth.storage.files import Storage

ACTORS_PER_GPU = 6  # composing and encoding for one GPU keep about that many cores busy; --workers N overrides it
MAX_ATTEMPTS = 10  # of a shard whose workers die; Ray itself would start it again without end
OBJECT_STORE_BYTES = 100 * 2**20  # little more than Ray's minimum: only small records are stored
TASKS_PER_ACTOR = 2  # given to an actor at a time, so that it need not wait for the next one


def run_ray(
    job: Job, tasks: Sequence[Task], workers: int | None, on_rows: OnRows, on_shard: OnShard, address: str | None
) -> None:
    """Build all shards on a Ray cluster; results are passed to the callbacks in any order.

    A node or worker that is lost is replaced, and its shards are built again, with the same bytes.

    Args:
        workers: actors in the whole cluster; None: one a core, at most 6 a GPU when labels are made there.
        address: of a running cluster ("auto": the one that this machine belongs to); None: a cluster is started
            on this machine and ended afterwards.
    Raises:
        EngineError: Ray is not installed, there is no such cluster, or a node does not see the output.
        FgBgError: a shard failed. Shards that were finished before are kept.
    """
    if not tasks:
        return
    ray = _import_ray()
    storage = Storage(job.output)
    if storage.is_local:  # an actor has a working folder of its own
        job = job.at(str(storage.root.absolute()))
    with _connection(ray, workers, address or os.environ.get("RAY_ADDRESS")):
        count, needs = plan_actors(ray.cluster_resources(), workers, job.uses_gpus, len(tasks))
        restarts = {"max_restarts": -1, "max_task_retries": -1}  # without limit
        counter_name = f"attempts-{uuid.uuid4().hex}"
        attempts = ray.remote(_AttemptCounter).options(name=counter_name, num_cpus=0, **restarts).remote()
        actor = ray.remote(_ShardActor).options(**needs, **restarts)
        actors = [actor.remote(job, counter_name, os.getcwd(), socket.gethostname()) for _ in range(count)]
        _dispatch(ray, actors, tasks, on_rows, on_shard)
        del attempts  # the actor lives as long as this handle


def plan_actors(
    resources: dict[str, float], workers: int | None, wants_gpus: bool, num_tasks: int
) -> tuple[int, dict[str, float]]:
    """The number of actors, and the resources that each of them requests from Ray.

    Args:
        resources: of the whole cluster, as `ray.cluster_resources()` returns them.
        workers: the number that the user chose, or None.
    """
    cpus, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0)) if wants_gpus else 0
    count = workers or max(1, min(cpus, ACTORS_PER_GPU * gpus) if gpus else cpus)
    count = min(count, num_tasks)
    if not gpus:
        return count, {"num_cpus": 1}
    actors_per_gpu = -(-count // gpus)
    return count, {"num_cpus": 1, "num_gpus": 1 / actors_per_gpu}


class _AttemptCounter:
    """An actor that counts how often the build of each shard was started."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def start(self, path: str) -> int:
        self.counts[path] += 1
        return self.counts[path]


class _ShardActor:
    """Builds shards in a process of its own on some node. Ray may restart it on any node at any time."""

    def __init__(self, job: Job, counter_name: str, folder: str, driver: str) -> None:
        if os.path.isdir(folder):
            os.chdir(folder)  # the recipe may name a depth model by a relative path
        self.ray = _import_ray()
        self.attempts = self.ray.get_actor(counter_name)
        self.error: FgBgError | None = None
        storage = Storage(job.output)
        if missing := [name for name in job.inputs if not storage.exists(name)]:
            self.error = EngineError(
                f"node {socket.gethostname()} does not see {job.output}/{missing[0]}, which {driver} wrote.\n"
                "  On a cluster --output must be a folder that all nodes share, or a URL such as s3://bucket/folder."
            )
            return
        self.worker = job.worker()  # Ray shows this process its own GPU only, so that is number 0

    def build(self, task: Task) -> ShardResult | FgBgError:
        """The finished shard, or the error because of which there is none."""
        if self.error is not None:
            return self.error
        if self.ray.get(self.attempts.start.remote(task.path)) > MAX_ATTEMPTS:
            return EngineError(
                f"{task.path}: its worker died {MAX_ATTEMPTS} times, most often for lack of memory.\n"
                "  Give each worker more memory (fewer --workers, or a smaller --shard-rows). Finished shards are kept."
            )
        try:
            return self.worker.build(task)
        except FgBgError as e:
            return e


def _dispatch(ray: Any, actors: list[Any], tasks: Sequence[Task], on_rows: OnRows, on_shard: OnShard) -> None:
    """Give every actor its tasks, large shards first, and end it as soon as none is left for it.

    That frees its resources for an actor whose node was lost, which might otherwise wait for them without end.
    """
    waiting = sorted(tasks, key=lambda task: task.rows)
    running: dict[Any, Any] = {}  # result -> its actor

    def give_task(actor: Any) -> None:
        if waiting:
            running[actor.build.remote(waiting.pop())] = actor
        elif actor not in running.values():
            ray.kill(actor)

    for _ in range(TASKS_PER_ACTOR):
        for actor in actors:
            if waiting:
                give_task(actor)
    monitor = ClusterMonitor(ray)
    while running:
        done, _ = ray.wait(list(running), timeout=1)
        monitor.check(bool(done))
        for result in done:
            finished = _shard_result(ray, result)
            on_shard(finished)
            on_rows(finished.rows)
            give_task(running.pop(result))


def _shard_result(ray: Any, result: Any) -> ShardResult:
    try:
        finished = ray.get(result)
    except ray.exceptions.RayError as e:
        raise EngineError(
            f"A Ray worker failed: {_last_line(e)}\n"
            "  Finished shards are kept. All nodes need Python packages of the same versions as this machine "
            "(requirements.txt and requirements-ray.txt)."
        ) from e
    if isinstance(finished, FgBgError):
        raise finished
    assert isinstance(finished, ShardResult)
    return finished


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # otherwise messages of Ray's daemons go to our stdout
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # otherwise Ray prints a deprecation warning
    try:
        import ray
    except ImportError as e:
        raise EngineError(
            f"Ray is not installed.\n  Install it: {install_command('ray')}\n  Or build without --engine ray."
        ) from e
    return ray


@contextmanager
def _connection(ray: Any, workers: int | None, address: str | None) -> Iterator[None]:
    """Connect to a cluster, or start one on this machine; both end with the context."""
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    logging.getLogger("ray").setLevel(logging.ERROR)
    with ExitStack() as stack:
        if address is None:
            folder = tempfile.TemporaryDirectory(prefix="fgbg-ray-", ignore_cleanup_errors=True)
            options |= {
                "address": "local",
                "_node_ip_address": "127.0.0.1",  # other machines cannot connect
                "num_cpus": workers or os.cpu_count(),
                "include_dashboard": False,
                "object_store_memory": OBJECT_STORE_BYTES,
                "_temp_dir": stack.enter_context(folder),
            }
        else:
            # the nodes get this copy of the code, so that all of them write the same bytes
            options |= {"address": address, "runtime_env": {"py_modules": [str(paths.PACKAGE)]}}
        stack.callback(ray.shutdown)
        try:
            if address is not None:
                _check_reachable(address)
            ray.init(**options)
        except (OSError, RuntimeError, ValueError, TimeoutError) as e:
            raise EngineError(_not_connected(address, _last_line(e))) from e
        yield


def _not_connected(address: str | None, reason: str) -> str:
    if address is None:
        return f"Ray does not start on this machine: {reason}\n  Build without --engine ray: it uses all cores, too."
    return (
        f"no Ray cluster answers at {address}: {reason}\n"
        "  Start a cluster (ray start --head, on other nodes ray start --address HOST:6379) and give\n"
        "  --address HOST:6379, or leave out --address and the variable RAY_ADDRESS to use this machine alone."
    )


def _check_reachable(address: str) -> None:
    """Raise OSError if nothing listens at the address; Ray itself would retry for minutes."""
    host, colon, port = address.rpartition("/")[2].rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _last_line(e: BaseException) -> str:
    """The message of an error whose text is a remote traceback."""
    lines = [line.strip() for line in str(e).splitlines() if line.strip()]
    return (lines[-1] if lines else type(e).__name__)[:300]
