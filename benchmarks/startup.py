"""Start-up time of the commands' help, beside an empty Python and the heavy imports that they put off.

CPU time counts: on a machine that does other work the wall clock shows that, not this.

python benchmarks/startup.py [--repeats 5]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from table import hardware, print_head, print_row

ROOT = Path(__file__).parent.parent
COMMANDS = {
    "builder.py --help": ["builder.py", "--help"],
    "builder.py build --help": ["builder.py", "build", "--help"],
    "import fgbg_depth": ["-c", "import fgbg_depth"],
    "import datasets, for comparison": ["-c", "import datasets"],
    "import torch, transformers, for comparison": ["-c", "import torch, transformers"],
}


def cpu_and_wall_s(arguments: list[str]) -> tuple[float, float]:
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="alternating repeats (default: %(default)s)")
    options = parser.parse_args()
    print(hardware())
    print_head()
    times: dict[str, list[tuple[float, float]]] = {"empty": [], **{name: [] for name in COMMANDS}}
    for turn in range(options.repeats + 1):
        for name, arguments in {"empty": ["-c", "pass"], **COMMANDS}.items():
            if turn > 2 and "comparison" in name:
                continue  # these take seconds
            took = cpu_and_wall_s(arguments)
            if turn:  # the first warms the file cache
                times[name].append(took)
    empty = statistics.median(cpu for cpu, _ in times.pop("empty"))
    for name, values in times.items():
        cpu, wall = (statistics.median(v) for v in zip(*values, strict=True))
        print_row(
            f"start: {name}", f"{cpu:.2f} s CPU, {wall:.2f} s wall", f"empty Python {empty:.2f} s", f"{cpu / empty:.1f}"
        )


if __name__ == "__main__":
    main()
