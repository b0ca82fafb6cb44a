"""Times of the stages of a build and of verify, compared with a hand-written loop and with decoding every image.

    python benchmarks/end_to_end.py [--rows 4000] [--depth]

Uses the bundled sources at 224x224 and one process, and measures CPU time, so that other work on the machine matters
little. `--depth` makes a tenth of the rows and labels them with the bundled model on the CPU. The baseline of building
is the hand-written loop of compose.py; that of statistics and verify is numpy over every stored image. All handle the
same rows.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent.parent))

from compose import copy_pictures, hand_written_loop
from table import hardware, print_head, print_row

from fgbg_depth import paths
from fgbg_depth.builder import pipeline
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.codecs import decode_rgb
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.check import verify

T = TypeVar("T")


def cpu_s(call: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds that `call` takes, and what it returns."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def quiet_build(recipe: Recipe, output: Path, **kwargs: Any) -> pipeline.BuildResult:
    return pipeline.build(recipe, output, workers=1, device="cpu", progress=False, log=lambda text: None, **kwargs)


def numpy_statistics(output: Path) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (3,) of each channel over every stored fg_bg image, on [0, 1], by decoding all of them."""
    total, squares, pixels = np.zeros(3), np.zeros(3), 0
    for file in sorted((output / "data").glob("*.parquet")):
        for cell in pq.read_table(file, columns=["fg_bg"]).column("fg_bg").to_pylist():
            values = decode_rgb(cell["bytes"]).reshape(-1, 3) / 255
            total, squares, pixels = total + values.sum(0), squares + (values**2).sum(0), pixels + len(values)
    mean = total / pixels
    return mean, np.sqrt(squares / pixels - mean**2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4000, help="approximate number (default: %(default)s)")
    parser.add_argument("--depth", action="store_true", help="label with the bundled model on the CPU")
    options = parser.parse_args()
    num_rows = options.rows // 10 if options.depth else options.rows
    name = "with depth" if options.depth else "no depth"
    bundled = paths.DATA
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_pictures(folder, bundled / "backgrounds", bundled / "foregrounds")
        pairs = 2 * len(list((folder / "bg").iterdir())) * len(list((folder / "fg").iterdir()))
        recipe = Recipe(
            backgrounds=str(folder / "bg"),
            foregrounds=str(folder / "fg"),
            placements=max(1, num_rows // pairs),
            depth_model="densedepth-demo" if options.depth else "none",
        )
        quiet_build(recipe.replace(placements=1, size=32, depth_model="none"), folder / "warm")  # imports and caches
        slice_s, _ = cpu_s(lambda: quiet_build(recipe, folder / "out", slice_of=(1, 1)))
        finish_s, built = cpu_s(lambda: quiet_build(recipe, folder / "out", finish=True))
        again_s, again = cpu_s(lambda: quiet_build(recipe, folder / "out"))
        assert built.whole and not again.changed
        rows = built.rows
        loop_s, _ = cpu_s(lambda: hand_written_loop(folder, rows))
        num_bytes = sum(p.stat().st_size for p in (folder / "out").rglob("*") if p.is_file())
        pixels_s, (mean, std) = cpu_s(lambda: numpy_statistics(folder / "out"))
        stored = json.loads(Storage(folder / "out").read("statistics.json"))["kinds"]["fg_bg"]
        assert np.allclose(stored["mean"], mean, atol=1e-9) and np.allclose(stored["std"], std, atol=1e-9)
        sample_s, report = cpu_s(lambda: verify(folder / "out", workers=1))
        full_s, full = cpu_s(lambda: verify(folder / "out", workers=1, full=True))
        assert report.ok and full.ok, (report.problems, full.problems)
        shutil.rmtree(folder / "warm")
    print(hardware())
    print_head()
    loop = f"hand-written loop, no depth, no statistics: {rows / loop_s:,.0f} rows/s"
    print_row(
        f"build, {name}: sources, plan, shards", f"{rows / slice_s:,.0f} rows a CPU s", loop, f"{loop_s / slice_s:.2f}"
    )
    print_row(
        f"build, {name}: all, {rows:,} rows, {num_bytes / rows / 1e3:.1f} kB a row",
        f"{rows / (slice_s + finish_s):,.0f} rows a CPU s",
        loop,
        f"{loop_s / (slice_s + finish_s):.2f}",
    )
    print_row(
        f"statistics, preview, card ({name}, {built.shards} shards)",
        f"{finish_s:.2f} CPU s",
        f"numpy over all stored fg_bg: {pixels_s:.2f} CPU s",
        f"{pixels_s / finish_s:.1f} x",
    )
    print_row(
        f"build again, nothing to do ({name})", f"{again_s:.2f} CPU s", f"first time {slice_s + finish_s:.2f} CPU s"
    )
    decode = f"decoding all fg_bg with numpy: {rows / pixels_s:,.0f} rows/s"
    print_row(f"verify ({name})", f"{rows / sample_s:,.0f} rows a CPU s", decode, f"{pixels_s / sample_s:.1f} x")
    print_row(f"verify --full ({name})", f"{rows / full_s:,.0f} rows a CPU s", decode, f"{pixels_s / full_s:.2f} x")


if __name__ == "__main__":
    main()
