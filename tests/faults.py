"""Ways to disturb a build, and checks of what is left; used by test_faults.py and benchmarks/faults.py.

Builds run as the real command in processes of their own. After every disturbance, each visible shard must have the
bytes of the undisturbed build, an output with `statistics.json` must be complete, and no process may be left.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tiny import make_sources, tiny_recipe, tree

ROOT = Path(__file__).parent.parent
LIMIT_S = 240  # a build that takes longer is taken to hang


@dataclass
class Trial:
    """Sources, their recipe, and the hashes of the files of an undisturbed build; disturbed builds write to `out`."""

    folder: Path
    placements: int = 40
    workers: int = 2
    whole: dict[str, str] = field(default_factory=dict)
    duration_s: float = 0.0
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def prepare(self) -> Trial:
        make_sources(self.folder, 6, 6)
        self.recipe = self.folder / "recipe.yaml"
        self.recipe.write_text(tiny_recipe(self.folder, placements=self.placements).to_yaml())
        start = time.perf_counter()
        self.finish()
        self.duration_s = time.perf_counter() - start
        self.whole = tree(self.out)
        shutil.rmtree(self.out)
        return self

    def start(self, workers: int | None = None, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        words = [
            "build",
            "--recipe",
            str(self.recipe),
            "--output",
            str(self.out),
            "--workers",
            str(workers or self.workers),
        ]
        environment = (
            os.environ | {"OMP_NUM_THREADS": "1", "FGBG_DEPTH_HOME": str(self.folder / "home")} | self.environment
        )
        return subprocess.Popen(
            [sys.executable, str(ROOT / "builder.py"), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=environment,
            preexec_fn=before,
        )

    def finish(self, workers: int | None = None) -> None:
        """Run a build to its end."""
        code, errors = ended(self.start(workers))
        assert code == 0, errors

    def check_kept(self) -> None:
        """Every visible file is complete and correct."""
        now = tree(self.out)
        for name, digest in now.items():
            if name.startswith(("data/", "bg/", "fg/")) and "/." not in name:
                assert self.whole[name] == digest, f"{name} is visible and has wrong content"
        if "statistics.json" in now:
            assert {n: d for n, d in now.items() if not n.rsplit("/", 1)[-1].startswith(".")} == self.whole

    def check_whole(self) -> None:
        """The output has the files of the undisturbed build, and no others."""
        now = tree(self.out)
        wrong = {n for n in now.keys() | self.whole.keys() if now.get(n) != self.whole.get(n)}
        assert not wrong, f"differ: {sorted(wrong)}"

    def heal(self) -> None:
        """Run the same command again; it must end with the bytes of the undisturbed build."""
        self.check_kept()
        self.finish()
        self.check_whole()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a build, which must leave no process; returns exit code and stderr."""
    _, errors = process.communicate(timeout=LIMIT_S)
    deadline = time.monotonic() + 5
    while left := [p for p in psutil.process_iter() if _session(p) == process.pid]:
        assert time.monotonic() < deadline, f"processes left: {left}"
        time.sleep(0.05)
    return process.returncode, errors


def _session(process: psutil.Process) -> int:
    try:
        return os.getsid(process.pid) if process.status() != psutil.STATUS_ZOMBIE else -1
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
        return -1


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        found = psutil.Process(process.pid).children()
        return [p for p in found if "spawn_main" in " ".join(p.cmdline())]
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def kill_once(trial: Trial, who: str, random_: random.Random) -> str:
    """Start a build and `kill -9` the parent, one worker or both (all processes), at a random moment.

    Raises:
        AssertionError: a visible file is wrong, a process is left, or stderr has a traceback.
    """
    process = trial.start()
    time.sleep(random_.uniform(0.05, 1) * trial.duration_s)
    if process.poll() is None:
        if who == "parent":
            os.kill(process.pid, signal.SIGKILL)
        elif who == "both":
            os.killpg(process.pid, signal.SIGKILL)
        elif workers := workers_of(process):
            with contextlib.suppress(psutil.NoSuchProcess):
                random_.choice(workers).kill()
    code, errors = ended(process)
    if who == "worker" and code != 0:
        assert code == 1 and "A worker process was killed" in errors and "Traceback" not in errors, errors
    trial.check_kept()
    if code == 0:
        trial.check_whole()
        return "ended first"
    return "killed"


def wait_for_shards(trial: Trial, process: subprocess.Popen[str], count: int = 1) -> None:
    """Wait until some shards are finished, or the build has ended."""
    while process.poll() is None and len(list((trial.out / "data").glob("[!.]*.parquet"))) < count:
        time.sleep(0.02)


def mount_tmpfs(folder: Path, options: str) -> bool:
    """Mount a small file system at `folder`; False where this is not allowed."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    return done.returncode == 0


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True, capture_output=True)


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], capture_output=True)


JUMPING_CLOCK = """
import random, time
_real, _random, _offset = time.time, random.Random(), 0.0
def _jumping():
    global _offset
    if _random.random() < 0.05:
        _offset += _random.choice([-1e9, -86400, -3600, 3600, 86400, 1e8])
    return max(0.0, _real() + _offset)
time.time = _jumping
time.time_ns = lambda: int(_jumping() * 1e9)
"""
