"""Time and memory of planning, and the size of statistics.json, by number of sources.

    python benchmarks/scale.py [--sources 100x100 1000x1000 10000x1000]

These are the parts of a build that do not get faster with more machines. The sources have no real content, so no
picture is decoded. Each line is measured in a process of its own; the first is the baseline.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from table import hardware, print_head, print_row

from fgbg_depth.plan import make_plan
from fgbg_depth.recipe import Recipe
from fgbg_depth.sources.load import Source, Sources
from fgbg_depth.storage.files import FileInfo


def make_sources(num_bg: int, num_fg: int) -> Sources:
    """Sources of random bytes, of the sizes that PNGs of 224x224 pictures have."""

    def source(kind: str, index: int, count: int) -> Source:
        digest = hashlib.sha256(f"{kind}{index}".encode()).hexdigest()
        png = os.urandom(90_000 if kind == "bg" else 12_000)
        return Source(
            f"{kind}_{index:06d}", f"{kind}_{index:06d}.png", digest, digest, png, 80, 100, held_out=index * 10 < count
        )

    return Sources(
        tuple(source("bg", i, num_bg) for i in range(num_bg)), tuple(source("fg", i, num_fg) for i in range(num_fg))
    )


def measure(num_bg: int, num_fg: int) -> dict[str, float]:
    """Plan in this process; returns rows, shards, CPU time (s), and sizes in MB."""
    sources = make_sources(num_bg, num_fg)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    plan = make_plan(Recipe(depth_model="none"), sources, None)
    plan_s = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    entries = {s.path: {"rows": s.rows, **asdict(FileInfo(10**8, "0" * 64))} for s in plan.shards}
    listed = {s.name: {"digest": s.digest, "held_out": False, "file": s.file} for s in plan.sources.backgrounds}
    size = len(json.dumps(entries, indent=1)) + len(json.dumps(listed, indent=1)) * (1 + num_fg / num_bg)
    return {
        "rows": plan.rows, "shards": len(plan.shards), "plan_s": plan_s,
        "sources_mb": before / 1024, "plan_mb": (peak - before) / 1024, "statistics_mb": size / 1e6,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = ["100x100", "1000x1000", "10000x1000"]
    parser.add_argument("--sources", nargs="+", default=default, metavar="BGxFG", help=f"default: {' '.join(default)}")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*map(int, options.one.split("x")))))
        return
    print(hardware())
    print_head()
    base = 0.0
    for text in options.sources:
        out = subprocess.run([sys.executable, __file__, "--one", text], capture_output=True, text=True, check=True)
        m = json.loads(out.stdout)
        per_row = m["plan_s"] / m["rows"] * 1e6
        base = base or per_row
        print_row(
            f"plan {text} sources: {m['rows']:,.0f} rows, {m['shards']:,.0f} shards",
            f"{m['plan_s']:.2f} s, {m['plan_mb']:,.0f} MB",
            f"sources {m['sources_mb']:,.0f} MB, statistics.json {m['statistics_mb']:,.1f} MB",
            f"{per_row / base:.2f} a row",
        )


if __name__ == "__main__":
    main()
