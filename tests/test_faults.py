"""Builds that are killed or disturbed end with the same files. benchmarks/faults.py has a longer version."""

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import faults
import pytest
from faults import Trial
from tiny import quiet_build, save, scene, tree

from fgbg_depth.errors import FgBgError
from fgbg_depth.recipe import load_recipe


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return Trial(tmp_path_factory.mktemp("trial"), placements=10).prepare()


@pytest.fixture(autouse=True)
def _fresh(trial: Trial) -> None:
    shutil.rmtree(trial.out, ignore_errors=True)


@pytest.fixture
def disk(trial: Trial) -> Iterator[Trial]:
    """The output is a small file system of its own."""
    if not faults.mount_tmpfs(trial.out, "size=64m"):
        pytest.skip("mounting a tmpfs is not allowed here")
    yield trial
    faults.unmount(trial.out)


@pytest.mark.slow
def test_kill_all_processes_and_resume(trial: Trial) -> None:
    """Two kills at random moments, in the same output."""
    random_ = random.Random(time.time_ns())
    for who in ("both", "parent"):
        faults.kill_once(trial, who, random_)
    trial.heal()


@pytest.mark.slow
@pytest.mark.parametrize("who", ["both", "parent", "worker"])
def test_ten_kills(trial: Trial, who: str) -> None:
    random_ = random.Random(1)
    for _ in range(10):
        if faults.kill_once(trial, who, random_) == "ended first":
            shutil.rmtree(trial.out)
    trial.heal()


@pytest.mark.slow
def test_a_full_disk(disk: Trial) -> None:
    faults.remount(disk.out, "size=200k")
    code, errors = faults.ended(disk.start())
    assert code == 1 and "disk is full" in errors and "Traceback" not in errors
    assert not list(disk.out.rglob(".*.tmp")), "unfinished files still fill the disk"
    disk.check_kept()
    faults.remount(disk.out, "size=64m")
    quiet_build(load_recipe(disk.recipe), disk.out)
    disk.check_whole()


def test_a_read_only_output(disk: Trial) -> None:
    """A read-only mount, because permissions do not stop root."""
    faults.remount(disk.out, "ro")
    with pytest.raises(FgBgError, match="cannot be written to"):
        quiet_build(load_recipe(disk.recipe), disk.out)
    faults.remount(disk.out, "rw")
    quiet_build(load_recipe(disk.recipe), disk.out)
    disk.check_whole()


def test_sources_that_change_during_a_build(trial: Trial) -> None:
    """The build uses what it read at its start; the next build finds the change."""
    victims = [trial.folder / "bg" / "scene_03.png", trial.folder / "fg" / "thing_02.png"]
    kept = [v.read_bytes() for v in victims]

    def change(text: str) -> None:  # called with the message after the sources were read
        victims[0].unlink(missing_ok=True)
        victims[1].write_bytes(b"half")

    recipe = load_recipe(trial.recipe)
    quiet_build(recipe, trial.out, slice_of=(1, 2))
    quiet_build(recipe, trial.out, log=change)
    trial.check_whole()
    with pytest.raises(FgBgError, match=r"thing_02\.png"):
        quiet_build(recipe, trial.out)
    trial.check_whole()
    for victim, data in zip(victims, kept, strict=True):
        victim.write_bytes(data)
    assert not quiet_build(recipe, trial.out).changed


@pytest.mark.slow
def test_damaged_files_in_an_unfinished_output(trial: Trial) -> None:
    """Shards without a record are read: damaged ones are named and built again. Sources are written again."""
    recipe = load_recipe(trial.recipe)
    quiet_build(recipe, trial.out)
    for index, name in enumerate(sorted(n for n in trial.whole if n.startswith(("data/", "bg/", "fg/")))[::3]):
        (trial.out / "statistics.json").unlink(missing_ok=True)
        victim, logged = trial.out / name, list[str]()
        data = bytearray(victim.read_bytes())
        victim.write_bytes(data[: len(data) // 2] if index % 2 else data[:99] + bytes([data[99] ^ 1]) + data[100:])
        result = quiet_build(recipe, trial.out, log=logged.append)
        if name.startswith("data/"):
            assert result.made == 1 and any(line.startswith(f"damaged: {name} (") for line in logged)
        trial.check_whole()


def test_a_jumping_clock(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    random_ = random.Random(0)
    monkeypatch.setattr(time, "time", lambda: random_.uniform(0, 2**33))
    quiet_build(load_recipe(trial.recipe), trial.out, slice_of=(1, 2), progress=True)
    quiet_build(load_recipe(trial.recipe), trial.out, progress=True)
    trial.check_whole()


def test_temporary_files_are_removed_and_files_of_others_are_refused(trial: Trial) -> None:
    recipe = load_recipe(trial.recipe)
    quiet_build(recipe, trial.out, slice_of=(1, 2))
    (trial.out / "data" / ".train-x.parquet.0123456789ab.tmp").write_bytes(b"left over")
    (trial.out / ".statistics.json.0123456789ab.tmp").write_bytes(b"left over")
    quiet_build(recipe, trial.out)
    trial.check_whole()
    save(scene(0), trial.out / "data" / "photo.png")
    with pytest.raises(FgBgError, match=r"photo\.png"):
        quiet_build(recipe, trial.out)


def test_an_output_that_was_moved_between_builds(trial: Trial, tmp_path: Path) -> None:
    recipe = load_recipe(trial.recipe)
    quiet_build(recipe, trial.out, slice_of=(1, 2))
    shutil.move(trial.out, tmp_path / "moved")
    quiet_build(recipe, tmp_path / "moved")
    assert tree(tmp_path / "moved") == trial.whole
