"""Worker processes: their errors and deaths are reported, and they end with the process that started them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from tiny import quiet_build, tiny_recipe, tree

from fgbg_depth.builder.shard import ShardJob, ShardTask
from fgbg_depth.engine import local as engine
from fgbg_depth.errors import EngineError, FgBgError, ShardError
from fgbg_depth.plan import Plan, make_plan
from fgbg_depth.sources.load import load_sources
from fgbg_depth.sources.prepared import write_prepared
from fgbg_depth.storage.files import Storage

ROOT = Path(__file__).parent.parent


@pytest.fixture
def job(sources: Path, tmp_path: Path) -> tuple[ShardJob, Plan]:
    recipe = tiny_recipe(sources)
    plan = make_plan(recipe, load_sources(recipe), None)
    files = write_prepared(Storage(tmp_path / "out"), plan.sources)
    return ShardJob(recipe, None, str(tmp_path / "out"), tuple(files.backgrounds), tuple(files.cutouts), "cpu"), plan


def children() -> set[int]:
    return {p.pid for p in psutil.Process().children(recursive=True)}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.slow
def test_every_shard_and_every_row_is_reported(job: tuple[ShardJob, Plan], workers: int) -> None:
    rows, finished = [], []
    tasks = [ShardTask(shard) for shard in job[1].shards]
    before = children()
    engine.run(job[0], tasks, workers, rows.append, finished.append)
    assert sum(rows) == job[1].rows and {f.path for f in finished} == {s.path for s in job[1].shards}
    time.sleep(0.1)
    left = [p for p in children() - before if "resource_tracker" not in " ".join(psutil.Process(p).cmdline())]
    assert not left


@dataclass(frozen=True)
class LockedJob:
    """The worker of task 0 takes the lock of the queue of tasks and keeps it, as one that is killed while it waits."""

    folder: Path

    def worker(self, index: int = 0) -> "LockedJob":
        return self

    def build(self, task: int, on_rows: Callable[[int], None]) -> int:
        started, locked = self.folder / "started", self.folder / "locked"
        frame = sys._getframe()
        while "call_queue" not in frame.f_locals:
            assert frame.f_back is not None
            frame = frame.f_back
        if task == 0:
            wait_for(started)  # the other worker has its task
            frame.f_locals["call_queue"]._rlock.acquire()
            locked.touch()
        else:
            started.touch()
            wait_for(locked)  # a worker that waits for its next task has the lock
        return task


def wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(0.01)


def test_workers_that_cannot_end_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "END_S", 0.5)
    finished: list[int] = []
    before = children()
    engine.run(LockedJob(tmp_path), [0, 1], 2, lambda rows: None, finished.append)  # type: ignore[arg-type]
    assert sorted(finished) == [0, 1]
    assert not [p for p in children() - before if "resource_tracker" not in " ".join(psutil.Process(p).cmdline())]


@pytest.mark.slow
def test_few_tasks_wait_in_the_pool(job: tuple[ShardJob, Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of `wait` looks at all tasks of the pool, so that with all tasks in it the time would be quadratic."""
    shard_job, plan = job
    tasks = [ShardTask(shard) for shard in plan.shards] * 10
    pending, finished = [], []
    original = engine.wait
    monkeypatch.setattr(
        engine, "wait", lambda futures, **more: pending.append(len(futures)) or original(futures, **more)
    )
    engine.run(shard_job, tasks, 2, lambda rows: None, finished.append)
    assert max(pending) == 2 * engine.QUEUED_PER_WORKER < len(tasks)
    assert sorted(result.path for result in finished) == sorted(task.path for task in tasks)


def test_without_tasks_nothing_is_called(job: tuple[ShardJob, Plan]) -> None:
    engine.run(job[0], [], 8, lambda n: 1 / 0, lambda f: 1 / 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_source_file_raises_an_error_of_this_project(job: tuple[ShardJob, Plan], workers: int) -> None:
    """An error inside a worker arrives as that error, not as a killed worker."""
    path = Path(job[0].output) / job[0].bg_files[0]
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(FgBgError) as e:
        engine.run(job[0], [ShardTask(shard) for shard in job[1].shards], workers, lambda n: None, lambda f: None)
    assert not isinstance(e.value, EngineError) and "bg/train-" in str(e.value)


def test_the_first_error_stops_the_build_and_keeps_finished_shards(job: tuple[ShardJob, Plan]) -> None:
    tasks = [
        ShardTask(job[1].shards[0]),
        ShardTask(job[1].shards[1], reuse_from="data/not-there.parquet"),
        *(ShardTask(shard) for shard in job[1].shards[2:]),
    ]
    finished: list = []
    with pytest.raises(ShardError):
        engine.run(job[0], tasks, 1, lambda n: None, finished.append)
    names = [n for n in tree(Path(job[0].output)) if n.startswith("data/")]
    assert names == [job[1].shards[0].path] == [f.path for f in finished]


def test_ctrl_c_in_one_process(job: tuple[ShardJob, Plan]) -> None:
    def stop(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run(job[0], [ShardTask(shard) for shard in job[1].shards], 1, stop, lambda f: None)


SCRIPT = """
import sys; sys.path[:0] = [{tests!r}, {root!r}]
if __name__ == "__main__":
    from tiny import quiet_build, tiny_recipe
    from pathlib import Path
    quiet_build(tiny_recipe(Path({sources!r}), placements={placements}), {out!r}, workers=2)
"""


UNGUARDED = """
import sys; sys.path[:0] = [{root!r}]
print("main module", flush=True)
from fgbg_depth.builder.dataset import FgBgDepth
builder = FgBgDepth(backgrounds={sources!r} + "/bg", foregrounds={sources!r} + "/fg", size=32, placements=1,
                    depth_model="none", holdout=0, workers=2, output={out!r})
builder.download_and_prepare({out!r} + "-cache")
print(builder.as_dataset(split="train").num_rows)
"""


@pytest.mark.parametrize("how", ["script", pytest.param("module", marks=pytest.mark.slow), "stdin"])
@pytest.mark.slow
def test_a_main_module_without_a_guard(how: str, tmp_path: Path, sources: Path) -> None:
    """Workers do not import the program's main module: not one without `if __name__ == "__main__":`, nor <stdin>."""
    code = UNGUARDED.format(root=str(ROOT), sources=str(sources), out=str(tmp_path / "out"))
    (tmp_path / "mine.py").write_text(code)
    words = {"script": ["mine.py"], "module": ["-m", "mine"], "stdin": ["-"]}[how]
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=tmp_path,
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _started.append(process)
    printed, errors = process.communicate(code if how == "stdin" else "", timeout=60)
    assert process.returncode == 0, errors
    assert printed.splitlines() == ["main module", "50"]  # once: no worker ran the script again


@pytest.mark.parametrize(
    ("exit_codes", "says"),
    [
        ([-9, None], "killed, most often by the system for lack of memory"),
        ([None, None], "killed, most often"),
        ([-15, -11], "crashed (SIGSEGV)"),
        ([None, 1], "exit code 1"),
    ],
)
def test_the_message_says_how_a_worker_ended(exit_codes: list[int | None], says: str) -> None:
    message = engine._why_a_worker_ended(exit_codes, 2)
    assert says in message and "--workers" in message and "Finished shards are kept" in message


_started: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def _kill_builds() -> Iterator[None]:
    """No build outlives its test, also if the test fails."""
    yield
    while _started:
        process = _started.pop()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def start(tmp_path: Path, sources: Path, placements: int = 2000) -> subprocess.Popen[str]:
    """Start a build with two workers, in a process session of its own, that takes far longer than the test."""
    script = tmp_path / "build.py"
    script.write_text(
        SCRIPT.format(
            tests=str(ROOT / "tests"),
            root=str(ROOT),
            sources=str(sources),
            out=str(tmp_path / "out"),
            placements=placements,
        )
    )
    process = subprocess.Popen([sys.executable, str(script)], start_new_session=True, stderr=subprocess.PIPE, text=True)
    _started.append(process)
    return process


def workers_of(process: subprocess.Popen[str], limit_s: float = 60) -> list[psutil.Process]:
    """The two workers, as soon as both have started."""
    end = time.time() + limit_s
    while time.time() < end:
        found = [p for p in psutil.Process(process.pid).children() if "spawn_main" in " ".join(p.cmdline())]
        if len(found) == 2 and all(p.num_threads() > 1 for p in found):  # one waits for the parent's end
            return found
        time.sleep(0.05)
    raise AssertionError("the workers did not start")


def gone(processes: list[psutil.Process], limit_s: float) -> bool:
    return not psutil.wait_procs(processes, timeout=limit_s)[1]


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path: Path, sources: Path, how: signal.Signals) -> None:
    process = start(tmp_path, sources)
    workers = workers_of(process)
    os.kill(process.pid, how)
    process.wait()
    assert gone(workers, 30)  # the build would take far longer; a busy machine may need some seconds


@pytest.mark.slow
def test_a_killed_worker_is_reported(tmp_path: Path, sources: Path) -> None:
    """The system kills one when memory runs out. The message says what to do; no process and no file is left."""
    process = start(tmp_path, sources)
    workers = workers_of(process)
    workers[0].kill()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1 and "fewer processes, such as --workers 1." in errors
    assert gone(workers, 30)  # the build would take far longer; a busy machine may need some seconds
    assert not list((tmp_path / "out").rglob(".*.tmp"))


@pytest.mark.slow
def test_ctrl_c_ends_all_at_once(tmp_path: Path, sources: Path) -> None:
    """A terminal sends SIGINT to all processes; workers ignore it, and the parent kills them."""
    process = start(tmp_path, sources)
    workers = workers_of(process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert gone(workers, 3) and "SpawnProcess" not in errors, errors
    assert not list((tmp_path / "out").rglob(".*.tmp"))


@pytest.mark.slow
def test_a_second_build_is_refused_while_one_runs(tmp_path: Path, sources: Path) -> None:
    process = start(tmp_path, sources)
    workers = workers_of(process)
    with pytest.raises(FgBgError, match="another build is writing to this folder"):
        quiet_build(tiny_recipe(sources), tmp_path / "out")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert gone(workers, 30)  # the build would take far longer; a busy machine may need some seconds
    quiet_build(tiny_recipe(sources), tmp_path / "out")  # the lock of a killed build is released
