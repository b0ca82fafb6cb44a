"""Start-up time of the commands, compared with an empty Python and with the large imports that they avoid.

    python benchmarks/startup.py [--repeats 5]

Compare CPU times: wall times also depend on other work of the machine.
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
    """CPU and wall time of Python with these arguments, in seconds."""
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
    for repeat in range(options.repeats + 1):
        for name, arguments in {"empty": ["-c", "pass"], **COMMANDS}.items():
            if repeat > 2 and "comparison" in name:
                continue  # these take seconds; two measurements are enough
            measured = cpu_and_wall_s(arguments)
            if repeat:  # the first run only fills the file cache
                times[name].append(measured)
    empty = statistics.median(cpu for cpu, _ in times.pop("empty"))
    for name, values in times.items():
        cpu, wall = (statistics.median(v) for v in zip(*values, strict=True))
        print_row(
            f"start: {name}", f"{cpu:.2f} s CPU, {wall:.2f} s wall", f"empty Python {empty:.2f} s", f"{cpu / empty:.1f}"
        )


if __name__ == "__main__":
    main()
