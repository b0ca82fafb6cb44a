"""Is a GPU kept busy? Builds labelled shards around a stand-in for a GPU with a stated speed.

    python benchmarks/gpu_feed.py [--rows-per-s 40 80] [--workers 1 2] [--rows 1600] [--batch 64]

The stand-in needs a stated time for each batch, and no CPU: it sleeps. All workers share it, one batch at a time, as
they share a GPU: a batch starts when the one before it is finished and its pixels have arrived. Everything around it
is real: worker processes compose, encode, decode for labels, check, encode depth and write parquet.

Utilisation is the share of the time from the first batch to the end of the last one in which the stand-in works. The
cores limit it: rows/s cannot exceed what they compose and encode. The table states that limit: the CPU time a row,
without the stand-in's.
"""

from __future__ import annotations

import argparse
import dataclasses
import fcntl
import os
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent.parent))

from table import hardware, print_head, print_row

from fgbg_depth.builder.shard import ShardBuilder, ShardJob, ShardTask
from fgbg_depth.depth.label_batch import Stored
from fgbg_depth.depth.spec import DepthSpec, metric_scale
from fgbg_depth.engine import local
from fgbg_depth.plan import make_plan
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.png import encode_depth
from fgbg_depth.sources.load import Sources, load_sources
from fgbg_depth.sources.prepared import Prepared, write_prepared
from fgbg_depth.storage.files import Storage

SIZE = 224
_RECORD = struct.Struct("ddd")  # when the device is free again, how long it has worked, when it began; seconds
SPEC = DepthSpec(model="stand-in", precision="fp32", input_size=f"{SIZE}x{SIZE}", **metric_scale(10.0))


class SharedDevice:
    """A device that works on one batch at a time, shared by processes through a file: when it is free again."""

    def __init__(self, path: str, rows_per_s: float) -> None:
        self._path, self._rows_per_s = path, rows_per_s

    def enqueue(self, rows: int) -> float:
        """Add a batch to the device's queue; returns when it will be finished, by `time.monotonic`."""
        with open(self._path, "r+b") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            free, worked_s, began = _RECORD.unpack(f.read(_RECORD.size))
            needed_s, now = rows / self._rows_per_s, time.monotonic()
            done = max(now, free) + needed_s
            f.seek(0)
            f.write(_RECORD.pack(done, worked_s + needed_s, began or now))
        return float(done)

    def worked_s(self) -> tuple[float, float]:
        """How long the device has worked, and the time from its first batch to the end of its last one."""
        free, worked_s, began = _RECORD.unpack(Path(self._path).read_bytes())
        return worked_s, free - began


class StandIn:
    """A labeller that starts batches on a `SharedDevice`. Its labels are noisy planes, about as large as a model's."""

    def __init__(self, device: SharedDevice, batch_size: int) -> None:
        self.spec, self.batch_size, self._device = SPEC, batch_size, device
        rng = np.random.Generator(np.random.Philox(key=2))
        plane = np.linspace(9000, 1500, SIZE)[:, None] + rng.normal(0, 6, (8, SIZE, SIZE))
        self._maps = plane.clip(1, SPEC.levels).astype(np.uint16)

    def start(self, images: NDArray[np.uint8], batch_size: int | None = None) -> Callable[[], Stored]:
        """Start a batch; a batch is filled up to `batch_size`, as `TorchLabeller` does."""
        done = self._device.enqueue(batch_size or len(images))
        labels = self._maps[np.arange(len(images)) % len(self._maps)]

        def finish() -> Stored:
            time.sleep(max(0.0, done - time.monotonic()))
            return labels

        return finish

    def rows_per_call(self, rows: int) -> int:
        """As `TorchLabeller` chooses it on a GPU."""
        from fgbg_depth.depth.labeller import even_batch

        return even_batch(rows, self.batch_size)

    def __call__(self, images: NDArray[np.uint8]) -> Stored:
        return self.start(images)()

    def release(self) -> None:
        """Nothing to free."""


@dataclass(frozen=True)
class FeedJob(ShardJob):
    """A build's job with the stand-in as its labeller."""

    device_file: str = ""
    rows_per_s: float = 1.0
    batch: int = 64

    def worker(self, index: int = 0) -> ShardBuilder:
        """See `engine.job.Job`."""
        storage = Storage(self.output)
        prepared = Prepared.load(storage, self.bg_files, self.fg_files)
        labeller = StandIn(SharedDevice(self.device_file, self.rows_per_s), self.batch)
        return ShardBuilder(self.recipe, self.spec, storage, prepared, lambda: labeller)


def sources_with_depth(recipe: Recipe) -> Sources:
    """The bundled sources, each background with a depth."""
    sources = load_sources(recipe)
    depth = encode_depth(np.tile(np.linspace(9000, 1500, SIZE).astype(np.uint16)[:, None], (1, SIZE)))
    labelled = tuple(dataclasses.replace(source, depth=depth) for source in sources.backgrounds)
    return dataclasses.replace(sources, backgrounds=labelled)


def measure(rows_per_s: float, workers: int, rows: int, batch: int) -> dict[str, float]:
    """Build shards of at least `rows` rows; returns figures of the device and of the processor."""
    recipe = Recipe(size=SIZE, placements=20, holdout=0)
    plan = make_plan(recipe, sources_with_depth(recipe), SPEC)
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(folder)
        prepared = write_prepared(storage, plan.sources, plan.depth_key, plan.extras)
        device_file = os.path.join(folder, ".device")
        Path(device_file).write_bytes(_RECORD.pack(0.0, 0.0, 0.0))
        bg_files, fg_files = tuple(prepared.backgrounds), tuple(prepared.cutouts)
        job = FeedJob(recipe, SPEC, folder, bg_files, fg_files, "cpu", device_file, rows_per_s, batch)
        tasks: list[ShardTask] = []
        for shard in plan.shards:
            if sum(task.rows for task in tasks) < rows or len(tasks) < workers:
                tasks.append(ShardTask(shard))
        cpu_s, start = _cpu_s(), time.monotonic()
        finished: list[int] = []
        local.run(job, tasks, workers, lambda rows: None, lambda result: finished.append(result.rows))
        end = time.monotonic()
        worked_s, elapsed_s = SharedDevice(device_file, rows_per_s).worked_s()
    total = sum(finished)
    return {
        "rows": total,
        "utilisation": worked_s / elapsed_s,
        "rows/s": total / (end - start),
        "padding": worked_s * rows_per_s / total - 1,
        "cpu_us": 1e6 * (_cpu_s() - cpu_s) / total,
    }


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows-per-s", type=float, nargs="+", default=[40, 80], help="of the stand-in")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="worker processes")
    parser.add_argument("--rows", type=int, default=1600, help="rows to label, at least (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="largest batch (default: %(default)s)")
    options = parser.parse_args()
    print(hardware())
    print_head()
    for rows_per_s in options.rows_per_s:
        for workers in options.workers:
            found = measure(rows_per_s, workers, options.rows, options.batch)
            print_row(
                f"utilisation of a stand-in of {rows_per_s:g} rows/s, {workers} workers, {found['rows']:,} rows",
                f"{found['utilisation']:.1%}",
                f"{found['rows/s']:.1f} rows/s, {found['padding']:.1%} filled up, {found['cpu_us']:,.0f} us CPU a row",
            )


if __name__ == "__main__":
    # Workers import this module by its name; classes of `__main__` could not be sent to them.
    from gpu_feed import main as run

    run()
