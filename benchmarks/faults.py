"""Disturb builds in several ways and check that no row is lost or wrong.

    python benchmarks/faults.py [--kills 100] [--seed 0] [--only kill]

After each disturbance the same command is run again; its output must be byte for byte that of an undisturbed build. The
scenarios disk-full and read-only mount a tmpfs, which usually needs root; they are skipped where that is not allowed.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent / "tests")]

import faults  # noqa: E402
import tiny  # noqa: E402
from faults import Trial  # noqa: E402


def kills(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """Kill parent, worker or both (SIGKILL) again and again; a finished output is deleted, so builds start over."""
    counts: collections.Counter[str] = collections.Counter()
    done = finished = 0
    while done < options.kills:
        who = ("parent", "worker", "both")[done % 3]
        if faults.kill_once(trial, who, random_) == "killed":
            counts[who] += 1
            done += 1
            print(f"  {done} kills", end="\r", file=sys.stderr, flush=True)
        else:
            finished += 1
            shutil.rmtree(trial.out)
    trial.heal()
    kinds = ", ".join(f"{n} {who}" for who, n in counts.items())
    return f"{done} kills ({kinds}), {finished} builds ended before their kill"


def disk_full(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """The output is on a disk that is too small, and then made larger step by step."""
    if not faults.mount_tmpfs(trial.out, "size=64k"):
        return "SKIPPED: mounting a tmpfs is not allowed here"
    try:
        full = 0
        for size in sorted(random_.randint(100, 1500) for _ in range(options.repeats)):
            faults.remount(trial.out, f"size={size}k")
            code, errors = faults.ended(trial.start())
            trial.check_kept()
            assert not list(trial.out.rglob(".*.tmp")), "temporary files are left on the full disk"
            if code:
                full += 1
                assert code == 1 and "disk is full" in errors and "Traceback" not in errors, errors
        faults.remount(trial.out, "size=64m")
        trial.heal()
    finally:
        faults.unmount(trial.out)
    return f"{full} builds ended with a full disk"


def file_limit(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """Builds under a limit on the size of files (ulimit -f)."""
    for _ in range(options.repeats):
        limit = random_.randint(1, 120) * 1024

        def limited(limit: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        code, errors = faults.ended(trial.start(before=limited))
        trial.check_kept()
        assert code == 0 or (code == 1 and "ulimit -f" in errors and "Traceback" not in errors), errors
    trial.heal()
    return f"{options.repeats} limits"


def sources_change(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """Change, remove or truncate a source during a build; the build must use the content that it read at its start."""
    for repeat in range(options.repeats):
        shutil.rmtree(trial.out, ignore_errors=True)
        process = trial.start()
        faults.wait_for_shards(trial, process)
        victim = random_.choice(sorted((trial.folder / random_.choice(["bg", "fg"])).iterdir()))
        original = victim.read_bytes()
        if repeat % 3 == 0:
            victim.unlink()
        elif repeat % 3 == 1:
            victim.write_bytes(original[: len(original) // 2])
        else:
            tiny.save(tiny.scene(99) if victim.parent.name == "bg" else tiny.thing(99), victim)
        code, errors = faults.ended(process)
        assert code == 0, errors
        trial.check_whole()
        if repeat % 3 == 1:  # the next build reads the truncated file and names it
            code, errors = faults.ended(trial.start())
            assert code == 1 and victim.name in errors and "damaged" in errors
        victim.write_bytes(original)
        trial.heal()
    return f"{options.repeats} sources"


def foreign_shards(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """An unfinished output contains damaged or truncated files under the names of shards and prepared sources."""
    trial.finish()
    for repeat in range(options.repeats):
        (trial.out / "statistics.json").unlink(missing_ok=True)
        victim = trial.out / random_.choice([n for n in trial.whole if n.endswith(".parquet") and "preview" not in n])
        data = bytearray(victim.read_bytes())
        if repeat % 2:
            data = data[: random_.randrange(len(data))]
        else:
            data[random_.randrange(len(data) // 4)] ^= 255
        victim.write_bytes(data)
        code, errors = faults.ended(trial.start())
        if code:  # a shard: the message names it and says to delete it. Prepared sources are written again.
            assert code == 1 and victim.name in errors and "Delete this file" in errors and "Traceback" not in errors
            victim.unlink()
        trial.heal()
    return f"{options.repeats} files"


def two_builds(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """Start two builds into one output: the second is refused, or starts after the first and finds nothing to do."""
    refused = 0
    for _ in range(options.repeats):
        shutil.rmtree(trial.out, ignore_errors=True)
        processes = [trial.start()]
        time.sleep(random_.uniform(0, 0.3))
        processes.append(trial.start())
        results = [faults.ended(p) for p in processes]
        assert sorted(code for code, _ in results) in ([0, 0], [0, 1])
        refused += sum("another build is writing here" in errors for _, errors in results)
        trial.check_whole()
    return f"{options.repeats} pairs, {refused} refused"


def read_only(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """A read-only file system. (Removing the permission to write would not stop root.)"""
    if not faults.mount_tmpfs(trial.out, "size=64m"):
        return "SKIPPED: mounting a tmpfs is not allowed here"
    try:
        faults.remount(trial.out, "ro")
        code, errors = faults.ended(trial.start())
        assert code == 1 and "cannot be written to" in errors and "Traceback" not in errors, errors
        faults.remount(trial.out, "rw")
        process = trial.start()
        faults.wait_for_shards(trial, process)
        stopped = False
        for _ in range(200):  # during the build; remounting fails while a file is open for writing
            try:
                faults.remount(trial.out, "ro")
                stopped = True
                break
            except Exception:
                time.sleep(0.01)
        code, errors = faults.ended(process)
        assert code == 0 or (code == 1 and "cannot be written to" in errors and "Traceback" not in errors), errors
        faults.remount(trial.out, "rw")
        trial.heal()
    finally:
        faults.unmount(trial.out)
    return "read-only from the start" + (
        ", and during a build" if stopped else "; not during a build, because a file was always open"
    )


def clock(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """Every process has a clock that jumps by hours, days and years, and the output's files have random dates."""
    (trial.folder / "clock").mkdir(exist_ok=True)
    (trial.folder / "clock" / "sitecustomize.py").write_text(faults.JUMPING_CLOCK)
    for _ in range(options.repeats):
        shutil.rmtree(trial.out, ignore_errors=True)
        trial.environment = {"PYTHONPATH": str(trial.folder / "clock")}
        process = trial.start()
        faults.wait_for_shards(trial, process, 3)
        process.kill()
        faults.ended(process)
        for path in trial.out.rglob("*"):
            stamp = random_.choice([0, 1, 2**31, 2**33])
            os.utime(path, (stamp, stamp))
        trial.heal()
    trial.environment = {}
    return f"{options.repeats} builds, each killed once"


SCENARIOS: dict[str, Callable[[Trial, argparse.Namespace, random.Random], str]] = {
    "kill": kills,
    "disk-full": disk_full,
    "file-limit": file_limit,
    "sources": sources_change,
    "foreign": foreign_shards,
    "two-builds": two_builds,
    "read-only": read_only,
    "clock": clock,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="total number of kills (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=6, help="of every other scenario (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for the random times and files (default: %(default)s)")
    parser.add_argument("--only", choices=SCENARIOS, help="run only this scenario")
    options = parser.parse_args()
    for name in [options.only] if options.only else SCENARIOS:
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="fgbg-depth-faults-") as folder:
            trial = Trial(Path(folder)).prepare()
            summary = SCENARIOS[name](trial, options, random.Random(options.seed))
        elapsed_s = time.monotonic() - start
        verdict = "" if summary.startswith("SKIPPED") else "no row lost or wrong: "
        print(f"{name:12s} {verdict}{summary}; {elapsed_s:.0f} s", flush=True)


if __name__ == "__main__":
    main()
