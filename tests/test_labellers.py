"""Builds with an external labeller in a process of its own: labels, digests, workers, and what is published."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tiny import pixels_of, quiet_build, tiny_recipe, tree

from fgbg_depth.builder.label_speed import default_workers
from fgbg_depth.depth import decode_depth, models
from fgbg_depth.depth.external.names import VARIABLE, remember_program
from fgbg_depth.errors import DepthError
from fgbg_depth.manifest import Manifest
from fgbg_depth.verify.check import verify

ROOT = Path(__file__).parent.parent
FUNCTIONS = ROOT / "tests" / "depth" / "labeller_functions.py"

# depth from 1 to 9 by the brightness of the pixel; it notes the id of each process that runs it
LABELLER = """
import os
from pathlib import Path
import numpy as np

def predict(images):
    (Path(__file__).parent / f"pid-{os.getpid()}").touch()
    %s
    return 1 + images.astype(np.float32).mean(axis=-1) * np.float32(8 / 255)

predict.kind, predict.version, predict.license = %r, %r, "mit"
"""


@pytest.fixture(autouse=True)
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")


def write_labeller(folder: Path, kind: str = "metric", version: str = "1", line: str = "pass") -> str:
    """Write brightness_labeller.py and make it known; returns the recipe's depth_model."""
    folder.mkdir(exist_ok=True)
    path = folder / "brightness_labeller.py"
    path.write_text(LABELLER % (line, kind, version))
    return remember_program(f"exec:{sys.executable}:{path}:predict")


def pids(folder: Path) -> set[int]:
    return {int(path.name.removeprefix("pid-")) for path in folder.glob("pid-*")}


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(running: set[int]) -> None:
    deadline = time.monotonic() + 20
    while any(map(is_running, running)):
        assert time.monotonic() < deadline, running
        time.sleep(0.05)


@pytest.mark.parametrize("kind", ["metric", "relative_disparity"])
@pytest.mark.slow
def test_a_build_with_a_program(kind: str, sources: Path, tmp_path: Path) -> None:
    output, programs = tmp_path / "out", tmp_path / "programs"
    recipe = tiny_recipe(sources, depth_model=write_labeller(programs, kind), depth_batch=5)
    quiet_build(recipe, output)
    manifest = Manifest.from_json((output / "statistics.json").read_bytes())
    spec = manifest.depth
    assert spec is not None
    assert (spec.model, spec.revision, spec.kind) == ("exec:brightness_labeller:predict", "1", kind)
    for path in output.glob("data/*.parquet"):
        for row in pq.read_table(path).to_pylist()[::7]:
            expected = 1 + pixels_of(row["fg_bg"]).astype(np.float32).mean(axis=-1) * 8 / 255
            found = decode_depth(pixels_of(row["fg_bg_depth"]), spec)
            assert np.abs(found - expected.clip(spec.low, spec.high)).max() <= spec.step
    report = verify(output, labels=12, device="cpu")
    assert not report.problems and report.relabelled == 12
    assert quiet_build(recipe, output).changed is False
    for path in (path for path in output.rglob("*") if path.is_file()):
        assert str(programs).encode() not in path.read_bytes(), f"{path} has a path of this computer"
    wait_for_end(pids(programs))


@pytest.mark.slow
def test_verify_starts_no_program_that_the_user_did_not_name(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_build(tiny_recipe(sources, depth_model=write_labeller(tmp_path / "programs")), tmp_path / "out")
    started = pids(tmp_path / "programs")
    monkeypatch.setenv(VARIABLE, "")
    report = verify(tmp_path / "out", labels=3, device="cpu")
    assert not report.problems and report.relabelled == 0
    assert any("exec:brightness_labeller:predict runs a program" in note for note in report.notes)
    assert pids(tmp_path / "programs") == started


@pytest.mark.slow
def test_another_version_labels_again_and_composes_nothing(sources: Path, tmp_path: Path) -> None:
    output, programs = tmp_path / "out", tmp_path / "programs"
    recipe = tiny_recipe(sources, depth_model=write_labeller(programs))
    shards = quiet_build(recipe, output).shards
    before = set(tree(output / "data"))
    write_labeller(programs, version="2")
    result = quiet_build(recipe, output, replace=True)
    assert (result.made, result.relabelled) == (shards, shards)
    assert not before & set(tree(output / "data"))


@pytest.mark.slow
def test_every_worker_starts_its_own_process_and_all_end(sources: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    recipe = tiny_recipe(sources, depth_model=write_labeller(tmp_path / "programs"))
    quiet_build(recipe, one)
    first = pids(tmp_path / "programs")
    quiet_build(recipe, two, workers=2)
    assert len(first) == 2 and len(pids(tmp_path / "programs") - first) == 3, "one for the backgrounds, one a worker"
    assert tree(one) == tree(two)
    wait_for_end(pids(tmp_path / "programs"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_program_that_fails_stops_the_build(workers: int, sources: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(sources, depth_model=remember_program(f"exec:{sys.executable}:{FUNCTIONS}:crashes"))
    with pytest.raises(
        DepthError, match=r"exec:labeller_functions:crashes: its process ended with exit code 3(.|\n)*99"
    ):
        quiet_build(recipe, tmp_path / "out", workers=workers)
    assert not (tmp_path / "out" / "statistics.json").exists()


@pytest.mark.slow
def test_killing_the_build_leaves_no_process(sources: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    write_labeller(programs, line="import time; time.sleep(600 * (len(images) > 5))")  # the backgrounds are 5
    build = subprocess.Popen(
        [sys.executable, "builder.py", "build", "--backgrounds", str(sources / "bg"), "--foregrounds",
         str(sources / "fg"), "--size", "32", "--placements", "1", "--workers", "2", "--output", str(tmp_path / "out"),
         "--depth-model", os.environ[VARIABLE], "--device", "cpu"],
        cwd=ROOT, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while len(pids(programs)) < 2:
        assert time.monotonic() < deadline and build.poll() is None
        time.sleep(0.1)
    build.send_signal(signal.SIGKILL)
    build.wait()
    wait_for_end(pids(programs))


def test_the_default_number_of_workers_with_a_program(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(64))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    recipe = tiny_recipe(sources, depth_model="exec:m:f")
    assert (default_workers(recipe, "cpu"), default_workers(recipe, "cuda")) == (64, 6)
    assert models.num_gpus("cuda:3") == 1
