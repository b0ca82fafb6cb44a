"""Where the CPU time of a composed row goes: microseconds a row of each step, beside the hand-written loop.

    python benchmarks/compose_steps.py [--backgrounds DIR --foregrounds DIR] [--rows 2000] [--repeats 5]

Whole shards without depth are made as in benchmarks/compose.py. A step's time is the CPU time inside its function,
without that of other steps called by it. The last line says how fast composing would be without any statistics. Exact
statistics of stored pixels need the pixels that a decoder gives, so the decoder's time is the least that they cost.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent.parent))

from compose import composed_rows_per_s, copy_pictures, hand_written_loop
from options import add_picture_options
from table import hardware, print_head, print_row

from fgbg_depth.builder import row_composers, shard
from fgbg_depth.render import compose
from fgbg_depth.render.jpeg_strips import JpegStrips, StripCounts
from fgbg_depth.statistics import Sums

STEPS: tuple[tuple[str, Any, str], ...] = (  # step, where its function is, the function's name
    ("paste", compose, "paste"),
    ("encode JPEG strips", JpegStrips, "encode"),
    ("join JPEG files", JpegStrips, "join"),
    ("statistics: decode strips", JpegStrips, "decode"),
    ("statistics: histogram", StripCounts, "_count_pending"),
    ("statistics: masks", Sums, "add_mask"),
    ("encode masks", compose, "encode_placed_mask"),
    ("rows to arrow", shard, "_to_table"),
    ("parquet: write row groups", pq.ParquetWriter, "write_table"),
)
OTHER, ALL = "rest: Python, hash, file", "all, with the time of these clocks"


class Stopwatch:
    """CPU time by step; a step that another one calls is not counted twice."""

    def __init__(self) -> None:
        self.ns: dict[str, int] = defaultdict(int)
        self._inner = [0]

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.thread_time_ns()
            self._inner.append(0)
            try:
                return function(*args, **kwargs)
            finally:
                total = time.thread_time_ns() - start
                self.ns[step] += total - self._inner.pop()
                self._inner[-1] += total

        return call


def measure(folder: Path, rows: int) -> dict[str, float]:
    """Microseconds of CPU time a row, by step."""
    watch, num_rows = Stopwatch(), [0]
    composed = compose.compose_rows

    def counted(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for row in composed(*args, **kwargs):
            num_rows[0] += 1
            yield row

    with ExitStack() as stack:
        for step, where, name in STEPS:
            stack.enter_context(mock.patch.object(where, name, watch.timed(step, getattr(where, name))))
        stack.enter_context(mock.patch.object(row_composers, "compose_rows", counted))
        row_us = 1e6 / composed_rows_per_s(folder, rows)
    found = {step: watch.ns[step] / 1000 / num_rows[0] for step, _, _ in STEPS}
    # the writer pulls the rows through generators, so what it does itself is not told apart from composing's Python
    return {**found, OTHER: row_us - sum(found.values()), ALL: row_us}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4000, help="rows per repeat (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="alternating repeats (default: %(default)s)")
    add_picture_options(parser)
    options = parser.parse_args()
    bare: list[float] = []
    found: list[dict[str, float]] = []
    loops: list[float] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_pictures(folder, options.backgrounds, options.foregrounds)
        composed_rows_per_s(folder, 100)  # imports and caches
        for _ in range(options.repeats):
            start = time.process_time()
            hand_written_loop(folder, options.rows // 8)
            loops.append(1e6 * (time.process_time() - start) / (options.rows // 8))
            bare.append(1e6 / composed_rows_per_s(folder, options.rows))
            found.append(measure(folder, options.rows))
    loop, row = statistics.median(loops), statistics.median(bare)
    print(hardware())
    print_head()
    print_row("hand-written loop", f"{loop:,.0f} us a row")
    print_row("composing, all steps", f"{row:,.0f} us a row", f"loop: {loop:,.0f} us", f"{loop / row:.2f} x")
    steps = {step: statistics.median(one[step] for one in found) for step in found[0]}
    for step, us in steps.items():
        print_row(step, f"{us:,.0f} us a row")
    counting = sum(us for step, us in steps.items() if step.startswith("statistics"))
    without = row - counting
    print_row(
        "composing without statistics", f"{without:,.0f} us a row", f"loop: {loop:,.0f} us", f"{loop / without:.2f} x"
    )


if __name__ == "__main__":
    main()
