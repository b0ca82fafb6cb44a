"""Reading rows for training: rows per CPU second, by `datasets` with Pillow and by `decode_batch`.

    python benchmarks/reading.py [--data fgbg-dataset] [--rows 640] [--repeats 5]

Each row is read as three arrays: fg_bg (H, W, 3) uint8, fg_bg_mask (H, W) uint8, and the depth in metres. Rows come in
random order, in batches of 16. Every way reads each batch `--repeats` times, in turn with the others, and the fastest
counts, so that other load of the machine changes little. Loaders read all batches four times and are timed as a whole,
with the CPU time of their workers; so some of it is the start of the workers.
Without --data, the demonstration is built first.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from table import hardware, print_head, print_row

BATCH = 16


class ByPillow:
    """What people write without `decode_batch`: arrays from the images that `datasets` decoded."""

    def __init__(self, spec: Any, depth: str) -> None:
        self.spec, self.depth = spec, depth

    def __call__(self, rows: dict[str, list[Any]]) -> dict[str, np.ndarray]:
        from fgbg_depth import decode_depth

        return {
            "fg_bg": np.stack([np.asarray(image.convert("RGB")) for image in rows["fg_bg"]]),
            "fg_bg_mask": np.stack([np.asarray(image) for image in rows["fg_bg_mask"]]),
            self.depth: np.stack([decode_depth(image, self.spec) for image in rows[self.depth]]),
        }


class ByDecodeBatch:
    """The fast way."""

    def __init__(self, spec: Any) -> None:
        self.spec = spec

    def __call__(self, rows: dict[str, list[Any]]) -> Any:
        from fgbg_depth import decode_batch

        return decode_batch(rows, self.spec)


class FolderOfFiles:
    """The same images as files in a folder, opened by Pillow."""

    def __init__(self, folder: Path, encoded: Any, decode: ByPillow) -> None:
        self.folder, self.decode = folder, decode
        self.columns = ("fg_bg", "fg_bg_mask", decode.depth)
        for index, row in enumerate(encoded):
            for column in self.columns:
                (folder / f"{index}-{column}").write_bytes(row[column]["bytes"])

    def __getitem__(self, indices: list[int]) -> dict[str, np.ndarray]:
        return self.decode({
            column: [Image.open(io.BytesIO((self.folder / f"{i}-{column}").read_bytes())) for i in indices]
            for column in self.columns
        })  # fmt: skip


def seconds_a_row(
    ways: dict[str, Callable[[list[int]], Any]], batches: list[list[int]], repeats: int
) -> dict[str, float]:
    """CPU seconds a row of each way: the mean over batches of the fastest of the repeats."""
    sums = dict.fromkeys(ways, 0.0)
    for batch in batches:
        for name, read in ways.items():
            times = []
            for _ in range(repeats):
                start = time.process_time()
                read(batch)
                times.append(time.process_time() - start)
            sums[name] += min(times)
    return {name: total / sum(map(len, batches)) for name, total in sums.items()}


def loader_speed(rows: Any, batches: list[list[int]], workers: int) -> tuple[float, float]:
    """Rows per CPU second, of this process and its workers, and rows per second of a DataLoader."""
    from torch.utils.data import DataLoader

    loader = DataLoader(rows, sampler=batches * 4, batch_size=None, num_workers=workers)
    start, wall = cpu_of_all(), time.perf_counter()
    count = sum(len(batch["fg_bg"]) for batch in loader)
    wall = time.perf_counter() - wall
    return count / (cpu_of_all() - start), count / wall


def cpu_of_all() -> float:
    times = os.times()  # of this process, and of its processes that have ended
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of a dataset with depth (default: build the demonstration)")
    parser.add_argument("--rows", type=int, default=640, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=5, help="default: %(default)s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = options.data or f"{temporary}/demo"
        if not options.data:
            from fgbg_depth import build
            from fgbg_depth.recipe.demo import demo_recipe

            build(demo_recipe(), data, progress=False, log=lambda text: None)
        measure(data, Path(temporary), options.rows, options.repeats)


def measure(data: str, temporary: Path, num_rows: int, repeats: int) -> None:
    import torch

    import fgbg_depth

    torch.set_num_threads(1)
    manifest = fgbg_depth.load_manifest(data)
    spec, depth = manifest.depth, manifest.depth_columns[0]
    columns = ["fg_bg", "fg_bg_mask", depth]
    encoded = fgbg_depth.load(data, split="train", decode=False).select_columns(columns)
    decoded = fgbg_depth.load(data, split="train").select_columns(columns)
    order = np.random.default_rng(0).permutation(len(encoded))[:num_rows].tolist()
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    by_pillow = ByPillow(spec, depth)
    pillow, fast = decoded.with_transform(by_pillow), encoded.with_transform(ByDecodeBatch(spec))
    files = FolderOfFiles(temporary, encoded, by_pillow)
    check_equal(pillow[batches[0]], fast[batches[0]])

    size = "x".join(map(str, pillow[:1]["fg_bg"].shape[1:3]))
    print(f"{hardware()}; {len(order)} rows of {size}, {depth}")
    print_head()
    ways = {
        "bytes alone": encoded.__getitem__,
        "datasets and Pillow": pillow.__getitem__,
        "decode_batch": fast.__getitem__,
        "folder of files, Pillow": files.__getitem__,
        **{f"  only {name}, decode_batch": fast.select_columns([name]).__getitem__ for name in columns},
    }
    seconds = seconds_a_row(ways, batches, repeats)
    base = seconds["datasets and Pillow"]
    for name, value in seconds.items():
        text = f"{1 / value:,.0f} rows per CPU second ({value * 1e6:,.0f} us a row)"
        print_row(name, text, f"datasets and Pillow: {1 / base:,.0f}", f"{base / value:.2f}")
    for workers in (0, 1, 2):
        speeds = {name: max(loader_speed(rows, batches, workers) for _ in range(min(repeats, 2)))
                  for name, rows in (("pillow", pillow), ("fast", fast))}  # fmt: skip
        (slow_cpu, slow_wall), (cpu, wall) = speeds["pillow"], speeds["fast"]
        print_row(
            f"DataLoader, {workers} workers, decode_batch",
            f"{cpu:,.0f} rows per CPU second, {wall:,.0f} rows/s",
            f"datasets and Pillow: {slow_cpu:,.0f}, {slow_wall:,.0f} rows/s",
            f"{cpu / slow_cpu:.2f}",
        )


def check_equal(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> None:
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


if __name__ == "__main__":
    main()
