"""Ray: the same bytes as a local build, also if a node is lost; errors say what to do."""

import builtins
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny import make_sources, quiet_build, tiny_recipe, tree

from fgbg_depth.engine import ray as engine_ray
from fgbg_depth.engine.ray import plan_actors, run_ray
from fgbg_depth.errors import EngineError, SourceError


@pytest.mark.parametrize(
    ("resources", "workers", "wants_gpus", "num_tasks", "expected"),
    [
        ({"CPU": 64.0}, None, False, 1000, (64, {"num_cpus": 1})),
        ({"CPU": 64.0}, None, False, 10, (10, {"num_cpus": 1})),
        ({"CPU": 64.0, "GPU": 4.0}, None, True, 1000, (24, {"num_cpus": 1, "num_gpus": 1 / 6})),
        ({"CPU": 64.0, "GPU": 4.0}, 4, True, 1000, (4, {"num_cpus": 1, "num_gpus": 1.0})),
        ({"CPU": 64.0, "GPU": 4.0}, 6, True, 1000, (6, {"num_cpus": 1, "num_gpus": 0.5})),
        ({"CPU": 8.0, "GPU": 4.0}, None, True, 1000, (8, {"num_cpus": 1, "num_gpus": 0.5})),
        ({"CPU": 64.0, "GPU": 4.0}, None, False, 1000, (64, {"num_cpus": 1})),
        ({}, None, True, 1000, (1, {"num_cpus": 1})),  # an autoscaler has started nothing yet
        ({}, 100, False, 1000, (100, {"num_cpus": 1})),
    ],
)
def test_actors_fit_the_cluster(
    resources: dict, workers: int | None, wants_gpus: bool, num_tasks: int, expected: Any
) -> None:
    assert plan_actors(resources, workers, wants_gpus, num_tasks) == expected


def test_without_ray_the_message_names_the_requirement(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def no_ray(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "ray":
            raise ImportError("No module named 'ray'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_ray)
    with pytest.raises(EngineError, match=r"requirements-ray\.txt"):
        quiet_build(tiny_recipe(sources), tmp_path / "out", engine_name="ray")


def test_without_tasks_ray_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_ray, "_import_ray", lambda: pytest.fail("Ray was imported"))
    run_ray(None, [], 2, None, None, None)  # type: ignore[arg-type]


def test_a_shard_that_kills_its_workers_ends_the_build() -> None:
    """Ray would start it again without end."""

    class Refs:
        """The part of Ray that an actor uses; a call returns its value at once."""

        start = type("Method", (), {"remote": lambda self, path: counter.start(path)})()

        def get(self, value: int) -> int:
            return value

    class Task:
        path = "data/train-a.parquet"

    counter, built = engine_ray._AttemptCounter(), []
    actor = engine_ray._ShardActor.__new__(engine_ray._ShardActor)
    actor.ray = actor.attempts = Refs()
    actor.error = None
    actor.worker = type("Worker", (), {"build": lambda self, task: built.append(task)})()
    for _ in range(engine_ray.MAX_ATTEMPTS):
        actor.build(Task)
    assert len(built) == engine_ray.MAX_ATTEMPTS
    assert isinstance(actor.build(Task), EngineError) and len(built) == engine_ray.MAX_ATTEMPTS


@pytest.fixture
def ray_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder with a short path: Ray makes sockets in it, whose paths may have 107 characters."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    monkeypatch.setenv("RAY_TMPDIR", folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def big_sources(tmp_path: Path) -> Path:
    return make_sources(tmp_path / "sources", 12, 6)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # as `_import_ray` sets it
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    return pytest.importorskip("ray", reason="pip install -r requirements-ray.txt")


@pytest.mark.slow
def test_ray_on_this_machine_makes_the_same_bytes(ray: Any, sources: Path, built: Path, tmp_path: Path) -> None:
    before = set(Path(tempfile.gettempdir()).glob("fgbg-ray-*"))
    result = quiet_build(tiny_recipe(sources), tmp_path / "out", engine_name="ray", workers=2)
    assert result.whole and result.made == result.shards
    assert tree(tmp_path / "out") == tree(built)
    assert not ray.is_initialized()
    assert set(Path(tempfile.gettempdir()).glob("fgbg-ray-*")) == before  # no session folder left


@pytest.mark.slow
def test_a_cluster_loses_a_node_and_no_shard(
    ray: Any, ray_folder: str, big_sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes with one core each and two actors: the lost actor gets no core before the other one has ended."""
    from ray.cluster_utils import Cluster

    recipe = tiny_recipe(big_sources, size=64, placements=60)
    quiet_build(recipe, tmp_path / "local")
    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    data, seen = tmp_path / "ray" / "data", []
    try:
        second = cluster.add_node(**node)

        def kill() -> None:
            while len(list(data.glob("*.parquet"))) < 4:
                time.sleep(0.05)
            cluster.remove_node(second, allow_graceful=False)
            seen.append(len(list(data.glob("*.parquet"))))

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        result = quiet_build(recipe, tmp_path / "ray", engine_name="ray", workers=2, address=cluster.address)
        killer.join(10)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert seen and seen[0] < result.shards, "the build ended before the node was removed; it must take longer"
    assert result.made == result.shards == 24
    assert tree(tmp_path / "ray") == tree(tmp_path / "local")


def test_no_cluster_at_the_address(ray: Any, sources: Path, tmp_path: Path) -> None:
    """The error comes at once; Ray itself would retry for minutes."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(EngineError, match=f"no Ray cluster answers at {address}") as e:
            quiet_build(tiny_recipe(sources), tmp_path / "out", engine_name="ray", address=address)
    assert "ray start --head" in str(e.value) and not ray.is_initialized()


@pytest.mark.slow
def test_a_node_that_does_not_see_the_output(
    ray: Any, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fgbg_depth.builder import pipeline
    from fgbg_depth.sources.prepared import PreparedFiles

    monkeypatch.setattr(
        pipeline,
        "write_prepared",
        lambda *args: PreparedFiles({"bg/elsewhere.parquet": 1}, {"fg/x.parquet": 1}),
    )
    with pytest.raises(EngineError, match="must be a folder that all nodes share"):
        quiet_build(tiny_recipe(sources), tmp_path / "out", engine_name="ray", workers=1)
    assert not ray.is_initialized()


@pytest.mark.slow
def test_a_failing_shard_is_an_error_as_in_a_local_build(ray: Any, sources: Path, tmp_path: Path) -> None:
    """A file has the name of the folder `data`."""
    from fgbg_depth.errors import OutputError

    output = tmp_path / "out"
    quiet_build(tiny_recipe(sources), output, slice_of=(1, 10**6))  # the recipe and the sources, no shard
    shutil.rmtree(output / "data", ignore_errors=True)
    (output / "data").write_text("not a folder")
    with pytest.raises(OutputError, match="A file has the name of a folder"):
        quiet_build(tiny_recipe(sources), output, engine_name="ray", workers=1)
    with pytest.raises(SourceError):
        quiet_build(tiny_recipe(sources, backgrounds=str(tmp_path)), output, engine_name="ray", workers=1)
    assert not ray.is_initialized()


@pytest.mark.slow
def test_ctrl_c_ends_everything(ray: Any, big_sources: Path, tmp_path: Path) -> None:
    """Exit code 130, finished shards kept, no process and no folder of Ray left, nothing on stdout."""
    import signal
    import subprocess
    import sys

    import psutil

    root, output, temporary = Path(__file__).parent.parent, tmp_path / "out", tempfile.mkdtemp(prefix="r-", dir="/tmp")
    options = {"backgrounds": big_sources / "bg", "foregrounds": big_sources / "fg", "output": output, "size": "64"}
    options |= {"placements": "400", "depth-model": "none", "workers": "1", "engine": "ray"}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    process = subprocess.Popen(
        [sys.executable, "builder.py", "build", *arguments],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": temporary},
        text=True,
    )
    try:
        while process.poll() is None and not list(output.glob("data/*.parquet")):
            time.sleep(0.1)
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130 and out == "" and "Stopped." in err and "Traceback" not in err
        _, alive = psutil.wait_procs(family, timeout=20)
        assert not alive
        assert not (output / "statistics.json").exists() and list(output.glob("data/*.parquet"))
        assert not [p for p in Path(temporary).iterdir() if p.name.startswith("fgbg-ray-")]
    finally:
        process.kill()
        shutil.rmtree(temporary, ignore_errors=True)


def test_the_advice_fits_how_ray_was_started() -> None:
    alone, cluster = (engine_ray._not_connected(address, "why") for address in (None, "10.0.0.1:6379"))
    assert alone.startswith("Ray does not start on this machine: why") and "--address" not in alone
    assert cluster.startswith("no Ray cluster answers at 10.0.0.1:6379: why") and "leave out --address" in cluster
