"""Disturb builds in every way that happens, and count what was lost: it must be nothing.

    python benchmarks/faults.py [--kills 100] [--seed 0] [--only kill]

After each disturbance the same command is run again and must end with bytes identical to an undisturbed build.
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
    """`kill -9` of parent, worker or both, one after the other into one output until a build gets through."""
    counts: collections.Counter[str] = collections.Counter()
    done = through = 0
    while done < options.kills:
        who = ("parent", "worker", "both")[done % 3]
        if faults.kill_once(trial, who, random_) == "killed":
            counts[who] += 1
            done += 1
            print(f"  {done} kills", end="\r", file=sys.stderr, flush=True)
        else:
            through += 1
            shutil.rmtree(trial.out)
    trial.heal()
    return (
        f"{done} kills ({', '.join(f'{n} {who}' for who, n in counts.items())}), {through} builds got through between"
    )


def disk_full(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """A small disk, then a larger one."""
    if not faults.mount_tmpfs(trial.out, "size=64k"):
        return "SKIPPED: mount is not allowed here"
    try:
        full = 0
        for size in sorted(random_.randint(100, 1500) for _ in range(options.repeats)):
            faults.remount(trial.out, f"size={size}k")
            code, errors = faults.ended(trial.start())
            trial.check_kept()
            assert not list(trial.out.rglob(".*.tmp")), "temporary files fill the disk"
            if code:
                full += 1
                assert code == 1 and "disk is full" in errors and "Traceback" not in errors, errors
        faults.remount(trial.out, "size=64m")
        trial.heal()
    finally:
        faults.unmount(trial.out)
    return f"{full} builds met a full disk"


def file_limit(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """No file may be larger than a limit."""
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
    """While shards are made, sources are changed, removed or cut short: the build goes on with what it read."""
    for turn in range(options.repeats):
        shutil.rmtree(trial.out, ignore_errors=True)
        process = trial.start()
        faults.wait_for_shards(trial, process)
        victim = random_.choice(sorted((trial.folder / random_.choice(["bg", "fg"])).iterdir()))
        kept = victim.read_bytes()
        if turn % 3 == 0:
            victim.unlink()
        elif turn % 3 == 1:
            victim.write_bytes(kept[: len(kept) // 2])
        else:
            tiny.save(tiny.scene(99) if victim.parent.name == "bg" else tiny.thing(99), victim)
        code, errors = faults.ended(process)
        assert code == 0, errors
        trial.check_whole()
        if turn % 3 == 1:  # the next build reads it again and says which file is damaged
            code, errors = faults.ended(trial.start())
            assert code == 1 and victim.name in errors and "damaged" in errors
        victim.write_bytes(kept)
        trial.heal()
    return f"{options.repeats} sources"


def foreign_shards(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """Damaged or half-written shards from elsewhere, under the names of ours, in an unfinished output."""
    trial.finish()
    for turn in range(options.repeats):
        (trial.out / "statistics.json").unlink(missing_ok=True)
        victim = trial.out / random_.choice([n for n in trial.whole if n.endswith(".parquet") and "preview" not in n])
        data = bytearray(victim.read_bytes())
        if turn % 2:
            data = data[: random_.randrange(len(data))]
        else:
            data[random_.randrange(len(data) // 4)] ^= 255
        victim.write_bytes(data)
        code, errors = faults.ended(trial.start())
        if code:  # a shard: the message names it and says to delete it; prepared sources are mended in silence
            assert code == 1 and victim.name in errors and "Delete this file" in errors and "Traceback" not in errors
            victim.unlink()
        trial.heal()
    return f"{options.repeats} files"


def two_builds(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """Two at once: one goes on, one refuses, or comes when the other is done and finds nothing to do."""
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
    """A read-only file system (rights do not stop root)."""
    if not faults.mount_tmpfs(trial.out, "size=64m"):
        return "SKIPPED: mount is not allowed here"
    try:
        faults.remount(trial.out, "ro")
        code, errors = faults.ended(trial.start())
        assert code == 1 and "cannot be written to" in errors and "Traceback" not in errors, errors
        faults.remount(trial.out, "rw")
        process = trial.start()
        faults.wait_for_shards(trial, process)
        stopped = False
        for _ in range(200):  # in the middle: it is refused while a file is open for writing
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
    return f"from the start, and {'in the middle' if stopped else 'never in the middle: always busy'}"


def clock(trial: Trial, options: argparse.Namespace, random_: random.Random) -> str:
    """A clock that jumps by hours, days and decades in every process, and files dated anyhow."""
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
    return f"{options.repeats} builds, each stopped once"


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
    parser.add_argument("--kills", type=int, default=100, help="kills in all (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=6, help="of every other disturbance (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    parser.add_argument("--only", choices=SCENARIOS, help="this one alone")
    options = parser.parse_args()
    for name in [options.only] if options.only else SCENARIOS:
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="fgbg-depth-faults-") as folder:
            trial = Trial(Path(folder)).prepare()
            said = SCENARIOS[name](trial, options, random.Random(options.seed))
        print(f"{name:12s} no row lost or wrong: {said}; {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
