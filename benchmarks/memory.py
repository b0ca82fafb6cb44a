"""Peak memory of builds of different sizes; it must not grow with the number of rows.

    python benchmarks/memory.py [--rows 10000 100000] [--size 64]

Each build runs in a process of its own with worker processes. The peak of resident memory is read at its end, for the
parent and for the largest worker. The baseline is the first build; the size of the output is given too, as this is what
a program that collects all rows would hold.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from table import hardware, print_head, print_row


def make_sources(folder: Path, num_bg: int, num_fg: int, side: int = 128) -> None:
    """Write backgrounds with a coarse texture, and cut-outs that are ellipses with soft edges."""
    rng = np.random.default_rng(0)
    for kind in ("bg", "fg"):
        (folder / kind).mkdir(parents=True)
    for i in range(num_bg):
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(folder / "bg" / f"scene_{i:04d}.png")
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    for i in range(num_fg):
        alpha = np.clip((1 - np.hypot(x * (1 + i % 3 / 4), y)) * 12, 0, 1) * 255
        color = rng.integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(np.dstack([color, alpha.astype(np.uint8)])).save(folder / "fg" / f"thing_{i:04d}.png")


def measure(rows: int, size: int) -> dict[str, float]:
    """Build in this process; returns rows, wall time (s), and output size and peaks of memory (MiB)."""
    from fgbg_depth.builder.pipeline import build
    from fgbg_depth.recipe import Recipe

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        num_fg = 50
        make_sources(folder, max(2, rows // (40 * num_fg)), num_fg)
        recipe = Recipe(backgrounds=str(folder / "bg"), foregrounds=str(folder / "fg"), size=size, depth_model="none")
        start = time.perf_counter()
        # With one worker, the build would run in this process alone.
        result = build(recipe, folder / "out", workers=2, progress=False, log=lambda text: None)
        wall = time.perf_counter() - start
        num_bytes = sum(p.stat().st_size for p in (folder / "out").rglob("*") if p.is_file())
    return {
        "rows": result.rows, "wall_s": wall, "output_mib": num_bytes / 2**20,
        "parent_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "worker_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000], help="default: %(default)s")
    parser.add_argument("--size", type=int, default=64, help="side of the composites in pixels (default: %(default)s)")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.size)))
        return
    print(hardware())
    print_head()
    base: dict[str, float] = {}
    for rows in options.rows:
        command = [sys.executable, __file__, "--one", str(rows), "--size", str(options.size)]
        m = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        base = base or m
        for process in ("parent", "worker"):
            print_row(
                f"peak memory of the {process}, {m['rows']:,.0f} rows of {options.size} px, no depth",
                f"{m[f'{process}_mib']:,.0f} MiB",
                f"{base['rows']:,.0f} rows: {base[f'{process}_mib']:,.0f} MiB; output {m['output_mib']:,.0f} MiB",
                f"{m[f'{process}_mib'] / base[f'{process}_mib']:.2f}",
            )


if __name__ == "__main__":
    main()
