"""Response times of the app on a dataset of 400,000 rows, for one reader and for 20 clients at once.

    python benchmarks/app.py                    # takes about two minutes and 0.4 GB of disk
    python benchmarks/app.py --output FOLDER    # uses an existing dataset
    python benchmarks/app.py --seconds 10 --clients 5

Without --output the script makes a dataset with the rows and shards of the reference job: two shards with rows of the
usual size (224 x 224, about 90 kB a row), each hard-linked under 100 names. Before the first read the files are dropped
from the system's cache, where the system allows that.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from app_outputs import IMAGE, SMALL, _image, encode, make_output, write_table  # noqa: E402
from app_server import command  # noqa: E402

from fgbg_depth.app import tab_try, try_it  # noqa: E402
from fgbg_depth.read.reader import DatasetReader, Filter  # noqa: E402

NUM_BACKGROUNDS, NUM_CUTOUTS, PLACEMENTS, SIZE = 100, 100, 20, 224


def make_reference(output: Path) -> Path:
    """An output of 400,000 rows in 200 shards, all of which are hard links to two files."""
    make_output(output, 2, NUM_CUTOUTS, 1, size=SIZE)
    statistics = json.loads((output / "statistics.json").read_text())
    for path in (output / "data").iterdir():
        path.unlink()
    names = sorted(statistics["sources"]["fg"])
    rng = np.random.Generator(np.random.Philox(0))
    noise = rng.integers(0, 40, (SIZE, SIZE, 3), np.uint8)  # makes JPEGs about as large as those of photographs
    ramp = np.linspace(0, 200, SIZE)[:, None, None].astype(np.uint8)
    depth = (2000 + 30 * np.mgrid[0:SIZE, 0:SIZE][0] + rng.integers(0, 90, (SIZE, SIZE))).astype(np.uint16)
    pictures = [encode(np.roll(noise + ramp, i, 1), "JPEG") for i in range(8)]
    maps = [encode(np.roll(depth, i, 1)) for i in range(8)]
    mask = encode(np.pad(np.full((100, 60), 255, np.uint8), ((60, 64), (80, 84))))
    shards, splits = {}, {}
    for split, chosen in (("train", names[:90]), ("test_unseen_fg", names[90:])):
        rows: dict[str, list[object]] = {key: [] for key in ("fg_bg", "fg_bg_mask", "fg_bg_depth", *SMALL)}
        for fg in chosen:
            for number in range(2 * PLACEMENTS):
                x, y = int(rng.integers(-20, 180)), int(rng.integers(-20, 180))
                small = ("scene", fg, number >= PLACEMENTS, number % PLACEMENTS, x, y, 60, 112)
                images = pictures[number % 8], mask, maps[number % 8]
                for key, value in zip(rows, (*map(_image, images), *small), strict=True):
                    rows[key].append(value)
        schema = dict(zip(rows, [IMAGE] * 3 + list(SMALL.values()), strict=True))
        first = output / f"data/{split}-scene_000-{'0' * 24}.parquet"
        entry = write_table(first, rows, schema, {})
        shards[f"data/{first.name}"] = entry
        for number in range(1, NUM_BACKGROUNDS):
            name = f"data/{split}-scene_{number:03d}-{'0' * 24}.parquet"
            os.link(first, output / name)
            shards[name] = entry
        splits[split] = NUM_BACKGROUNDS * entry["rows"]
    total = sum(splits.values())
    statistics |= {"shards": shards, "rows": total, "splits": splits}
    (output / "statistics.json").write_text(json.dumps(statistics))
    return output


def drop_from_cache(folder: Path) -> None:
    """Drop the files' contents from the system's cache (does nothing where posix_fadvise does not exist)."""
    if hasattr(os, "posix_fadvise"):
        for path in folder.rglob("*.parquet"):
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def print_time(label: str, call: Callable[[], object]) -> None:
    """Run `call` once and print how long it took."""
    begin = time.perf_counter()
    call()
    print(f"  {label:<66} {(time.perf_counter() - begin) * 1000:>8.1f} ms", flush=True)


def measure_reading(output: Path) -> None:
    """Time the reader that the app uses. Runs in a process of its own, so that memory can be measured."""
    process = psutil.Process()
    before = process.memory_info().rss
    drop_from_cache(output)
    begin = time.perf_counter()
    browser = DatasetReader.open(output)
    browser.sample(Filter(), 24, seed=0)
    first = time.perf_counter() - begin
    print(f"{browser.num_rows:,} rows in {len(browser.shards)} shards")
    print(f"  {'open the dataset and read 24 random rows, from disk':<66} {first * 1000:>8.1f} ms")
    print_time("24 more rows", lambda: browser.sample(Filter(), 24, seed=0, page=1))
    fg = browser.names("fg")[3]
    print_time("first filter, by cut-out (reads all small columns)", lambda: browser.sample(Filter(fg=fg), 24))
    print_time("first filter by coverage", lambda: browser.sample(Filter(coverage=(0.02, 0.06)), 24))
    print_time("the same filter, next page", lambda: browser.sample(Filter(coverage=(0.02, 0.06)), 24, page=1))
    split = next(iter(browser.splits))
    chosen = random.Random(0).sample(range(browser.splits[split]), 100)
    seconds = []
    for index in chosen:
        begin = time.perf_counter()
        browser.row(split, index)
        seconds.append(time.perf_counter() - begin)
    print(f"  {'open a row, all pictures: p50 and p95 of 100':<66} {quantiles(seconds)}")
    shard = browser.shards[0].path
    print_time("baseline: pyarrow reads the row's whole shard", lambda: pq.read_table(output / shard))
    measure_try_it(browser)
    memory = (process.memory_info().rss - before) / 2**20
    print(f"  {'growth of memory over all of the above':<66} {memory:>8.0f} MiB")


def measure_try_it(browser: DatasetReader) -> None:
    """Time what the tab Try it does after each move of a cut-out: composite, matte and placed depth, encoded."""
    benches, key = try_it.Benches(), "0" * 32
    for kind in ("bg", "fg"):
        tab_try.choose(browser, benches, {"key": key, "kind": kind, "name": browser.names(kind)[0]})
    seconds = []
    for x in range(50):
        begin = time.perf_counter()
        tab_try.place(browser, benches, {"key": key, "x": x, "y": 9, "width": 120, "height": 130, "final": True})
        seconds.append(time.perf_counter() - begin)
    print(f"  {'Try it, answer to a move: p50 and p95 of 50':<66} {quantiles(seconds)}")


def quantiles(seconds: list[float]) -> str:
    """Median and 95th percentile, as text."""
    p50, p95 = np.quantile(seconds, (0.5, 0.95)) * 1000
    return f"{p50:>8.1f} ms {p95:>8.1f} ms"


def measure_clients(output: Path, num_clients: int, seconds: float) -> int:
    """Time many gradio clients that call the app's API at once; returns the number of failed calls."""
    from gradio_client import Client

    seconds_of: dict[str, list[float]] = defaultdict(list)
    errors: list[str] = []
    with tempfile.TemporaryDirectory() as home, command(str(output), home=Path(home)) as url:
        server = next(p for p in psutil.process_iter(["cmdline"]) if url.rsplit(":")[-1] in (p.info["cmdline"] or []))
        clients = [Client(url, verbose=False, analytics_enabled=False) for _ in range(num_clients)]
        splits = clients[0].predict(api_name="/info")["splits"]
        split, rows = max(splits.items(), key=lambda item: item[1])
        measure_call_cpu(clients[0], server, split, rows)
        deadline = time.perf_counter() + seconds

        def call_until_deadline(client: Client, seed: int) -> None:
            choice = random.Random(seed)
            while time.perf_counter() < deadline:
                name, values = random_call(choice, split, rows)
                begin = time.perf_counter()
                try:
                    client.predict(**values, api_name=name)
                except Exception as e:  # counted; any error fails the benchmark
                    errors.append(f"{name}: {e!r}")
                seconds_of[name].append(time.perf_counter() - begin)

        cpu_before = cpu_s(server), cpu_s(psutil.Process())
        threads = [threading.Thread(target=call_until_deadline, args=(c, i)) for i, c in enumerate(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        memory = server.memory_info().rss / 2**20
        cpu = cpu_s(server) - cpu_before[0], cpu_s(psutil.Process()) - cpu_before[1]
    all_calls = [t for times in seconds_of.values() for t in times]
    print(f"{num_clients} clients for {seconds:g} s: {len(all_calls)} calls, {len(errors)} errors; p50 and p95")
    for name, times in sorted(seconds_of.items()):
        print(f"  {name:<66} {quantiles(times)}")
    print(f"  {'all':<66} {quantiles(all_calls)}")
    per_call = " and ".join(f"{1000 * used / max(len(all_calls), 1):.0f} ms" for used in cpu)
    print(f"  CPU time per call of the server and of the clients, on the same machine: {per_call}")
    print(f"  {'memory of the server':<66} {memory:>8.0f} MiB")
    for error in sorted(set(errors))[:5]:
        print(f"  {error}")
    return len(errors)


def random_call(choice: random.Random, split: str, rows: int) -> tuple[str, dict[str, object]]:
    """(name, arguments) of a call of the app's API."""
    calls: list[tuple[str, dict[str, object]]] = [
        ("/samples", {"num": 24, "seed": choice.randrange(1000)}),
        ("/samples", {"num": 24, "seed": choice.randrange(1000), "coverage_max": 0.05}),
        ("/row", {"split": split, "index": choice.randrange(rows)}),
        ("/depth_at", {"split": split, "index": choice.randrange(rows), "x": 10, "y": 10}),
    ]
    return choice.choice(calls)


def measure_call_cpu(client: Any, server: psutil.Process, split: str, rows: int, num_calls: int = 300) -> None:
    """Print the server's own CPU time of each of many calls, one after the other. Linux counts it in nanoseconds."""
    choice, used = random.Random(0), []
    for _ in range(num_calls):
        name, values = random_call(choice, split, rows)
        before = thread_cpu_s(server)
        client.predict(**values, api_name=name)
        used.append(thread_cpu_s(server) - before)
    if any(used):
        print(f"one client, {num_calls} calls one after the other; p50 and p95")
        print(f"  {'CPU time of the server for a call':<66} {quantiles(used)}")


def thread_cpu_s(process: psutil.Process) -> float:
    """CPU seconds of all threads of a process; 0 where the system does not tell."""
    found = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in found) / 1e9


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds that the process has used so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="use this dataset instead of making one")
    parser.add_argument("--clients", type=int, default=20, help="number of clients (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60, help="how long they call the app (default: %(default)s)")
    parser.add_argument("--reading-only", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.reading_only:
        measure_reading(args.output)
        return 0
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load}")
    with tempfile.TemporaryDirectory(prefix="fgbg-app-") as folder:
        output = args.output or make_reference(Path(folder) / "reference")
        subprocess.run([sys.executable, __file__, "--output", str(output), "--reading-only"], check=True)
        return 1 if measure_clients(output, args.clients, args.seconds) else 0


if __name__ == "__main__":
    sys.exit(main())
