"""Run all benchmarks one after the other and print their results as one table.

    python benchmarks/run.py                                   # about 25 minutes on a free machine
    python benchmarks/run.py --backgrounds DIR --foregrounds DIR    # some of them on your own pictures, too
    python benchmarks/run.py --whole                           # also all 400,000 rows: 12 minutes, 27 GB of disk
    python benchmarks/run.py --quick                           # shorter runs, less exact
    python benchmarks/run.py --only compose encoders
    python benchmarks/run.py --markdown benchmarks/RESULTS.md

A benchmark that fails is marked FAILED in the table. The others still run, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from table import hardware

HERE = Path(__file__).parent
CPU = "--device cpu --sizes 224x224 --precisions fp32 bf16 --no-compile"
LABEL_AND_NUMBER = re.compile(r"\s*(\S.*?)(?:\s{2,}|:\s+)([<~]?[\d][\d.,]*\s*\S.*|[\d.,]+|no row .*|SKIPPED.*)$")
PICTURES = "--backgrounds DIR --foregrounds DIR"
NO_GPU = "not measured: no GPU was available"
INTRODUCTION = """`python benchmarks/run.py --markdown benchmarks/RESULTS.md` wrote this file: all figures are of one
run on one machine. Each baseline was measured in the same run as the figure beside it, so the ratio says more than the
figure, which differs from machine to machine. Rows or images *per CPU second* are of one core. The load counts
processes that wanted a core, the benchmark's own included. [ACCURACY.md](ACCURACY.md) says how right labels are.
"""


@dataclass(frozen=True)
class Benchmark:
    """A script of this folder, with its arguments for a full and for a quick run."""

    script: str
    title: str
    full: str = ""
    quick: str = ""
    name: str = ""  # for --only; empty for the script's name
    takes_pictures: bool = False  # it is also run on the user's own pictures, if there are any


BENCHMARKS = (
    Benchmark("startup", "start-up", "", "--repeats 2"),
    Benchmark("before", "version 1", "", "--repeats 1", takes_pictures=True),
    Benchmark("compose", "compose", "", "--rows 800 --repeats 2", takes_pictures=True),
    Benchmark("compose_steps", "compose, by step", "", "--rows 800 --repeats 2", takes_pictures=True),
    Benchmark("encoders", "encoders", "", "--images 4 --repeats 2"),
    Benchmark("blending", "blending", "", "--pairs 4 --repeats 3"),
    Benchmark("varied", "scenes", "", "--cutouts 2 --repeats 2"),
    Benchmark("defringe", "clean outlines", "", "--backgrounds 1"),
    Benchmark("placed", "placed depth", "", "--rows 800 --repeats 2", takes_pictures=True),
    Benchmark("checks", "checks of labels", "", "--repeats 2"),
    Benchmark("depth", "depth, CPU", f"{CPU} --seconds 3", f"{CPU} --seconds 1"),
    Benchmark("depth", "depth, GPU", "--device cuda", "--device cuda --seconds 1 --sizes 224x224", name="depth-gpu"),
    Benchmark("gpu_feed", "stand-in for a GPU", "", "--rows-per-s 40 --rows 400"),
    Benchmark("end_to_end", "end to end, statistics, verify", "", "--rows 1000"),
    Benchmark("end_to_end", "end to end with depth, CPU", "--depth", "--depth --rows 3000", name="end-to-end-depth"),
    Benchmark("reading", "reading for training", "", "--rows 160 --repeats 2"),
    Benchmark("memory", "peak memory", "", "--rows 2000 4000"),
    Benchmark("scale", "planning", "", "--sources 100x100 1000x100"),
    Benchmark("export", "export", "", "--repeats 1"),
    Benchmark("push", "push", "--gb 1", "--gb 0.2 --shards 20"),
    Benchmark("app", "app", "", "--seconds 10 --clients 5"),
    Benchmark("faults", "faults", "", "--kills 5 --repeats 1"),
)
WHOLE = (
    Benchmark("whole", "400,000 rows, placed depth", "", "--placements 1 --no-app", takes_pictures=True),
    Benchmark(
        "whole",
        "20,000 rows, predicted depth",
        "--placements 1 --depth-label predicted --no-app",
        "--placements 1 --depth-label predicted --no-app",
        takes_pictures=True,
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [b.name or b.script for b in BENCHMARKS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="shorter runs, less exact")
    parser.add_argument("--whole", action="store_true", help="also all 400,000 rows; 27 GB of disk")
    parser.add_argument("--backgrounds", type=Path, metavar="DIR", help="own pictures, for a second run of some")
    parser.add_argument("--foregrounds", type=Path, metavar="DIR", help="own cut-outs")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table and the full outputs here")
    options = parser.parse_args()
    lines = [f"Measured on: {hardware()}", ""]
    lines += ["| benchmark | what | ratio | figure | baseline, same run |", "|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    outputs, failed = [], False
    chosen = [b for b in BENCHMARKS if (b.name or b.script) in options.only] + list(WHOLE) * options.whole
    pictures = ""
    if options.backgrounds and options.foregrounds:
        pictures = shlex.join(["--backgrounds", str(options.backgrounds), "--foregrounds", str(options.foregrounds)])
        own = [dataclasses.replace(b, title=f"{b.title}, photographs") for b in chosen if b.takes_pictures]
        chosen = [b for b in chosen if b not in WHOLE] + own
    for benchmark in chosen:
        arguments = benchmark.quick if options.quick else benchmark.full
        if benchmark.title.endswith(", photographs"):
            arguments = f"{arguments} {pictures}".strip()
        rows, output, ok = run(benchmark, arguments)
        failed |= not ok
        print("\n".join(rows), flush=True)
        lines += rows
        command = f"python benchmarks/{benchmark.script}.py {arguments}".strip().replace(pictures or "\0", PICTURES)
        outputs.append(f"### {benchmark.title}\n\n    {command}\n\n```\n{output.strip()}\n```\n")
        if options.markdown:  # after each, so that a run that is stopped leaves what it has measured
            text = [f"# Results\n\n{INTRODUCTION}", *lines, "", "## Commands and full outputs", "", *outputs]
            options.markdown.write_text("\n".join(text))
    return int(failed)


def run(benchmark: Benchmark, arguments: str) -> tuple[list[str], str, bool]:
    """Run one benchmark; returns its rows of the table, its output, and whether it succeeded."""
    script = HERE / f"{benchmark.script}.py"
    if not script.exists():
        return [f"| {benchmark.title} | FAILED: {script} does not exist | | | |"], "", False
    if "cuda" in arguments and not has_gpu():
        return [f"| {benchmark.title} | {NO_GPU} | | | |"], NO_GPU, True
    start = time.perf_counter()
    command = [sys.executable, str(script), *shlex.split(arguments)]
    done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True)
    print(f"{benchmark.title}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    output = done.stdout + (done.stderr if done.returncode else "")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return [f"| {benchmark.title} | FAILED: {last[:200]} | | | |"], output, False
    rows = [
        f"| {benchmark.title} | {what} | {ratio} | {figure} | {baseline} |"
        for what, figure, baseline, ratio in parse(done.stdout)
    ]
    return rows or [f"| {benchmark.title} | see its output below | | | |"], output, True


def parse(output: str) -> Iterator[tuple[str, str, str, str]]:
    """Find (what, figure, baseline, ratio) in the output of a benchmark.

    Understands Markdown tables (those of table.py and the wider one of depth.py), tables aligned with spaces (push.py),
    and lines of a label and a number.
    """
    head: list[str] = []
    columns: list[str] = []
    section = ""
    for line in output.splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if set(line) <= set("|-: "):
                continue
            if not head:
                head = cells
            elif head[0] == "what" and len(cells) == 4:
                yield cells[0], cells[1], cells[2], cells[3]
            else:
                yield _parse_wide_row(section, dict(zip(head, cells, strict=False)))
            continue
        head = []
        cells = re.split(r"\s{2,}", line.strip())
        if len(cells) > 3 and not re.search(r"\d", line):
            columns = cells
        elif len(cells) > 3 and len(cells) == len(columns):
            figures = ", ".join(f"{value} {name}" for name, value in zip(columns[2:], cells[2:], strict=True))
            yield f"{cells[1]}, {cells[0]} {columns[0]}", figures, "", ""
        elif match := LABEL_AND_NUMBER.match(line):
            words, figure = match.groups()
            if words.lower() != "hardware":
                yield words, " ".join(figure.split()), "", ""
        elif line.strip():
            section = line.strip()


def _parse_wide_row(section: str, cells: dict[str, str]) -> tuple[str, str, str, str]:
    """A row of depth.py's table: the first column with a rate (`.../s`) is the figure, `x ...` the ratio."""
    figure = next((name for name in cells if "/s" in name), list(cells)[-1])
    ratio = next((name for name in cells if name.startswith("x ")), "")
    words = [value for name, value in cells.items() if name not in (figure, ratio) and name in list(cells)[:3]]
    where = section.split(",")[0]
    return f"{where}: {', '.join(words)}", f"{cells[figure]} {figure}", ratio.removeprefix("x "), cells.get(ratio, "")


def has_gpu() -> bool:
    """Whether torch finds a GPU; asked in another process, so that this one does not occupy it."""
    done = subprocess.run(
        [sys.executable, "-c", "import torch, sys; sys.exit(not torch.cuda.is_available())"], capture_output=True
    )
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
