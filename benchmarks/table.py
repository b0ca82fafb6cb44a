"""The table that most benchmarks print: what, figure, baseline of the same run, ratio; and a line on the hardware."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def hardware() -> str:
    """Processor, cores that this process may use, memory, load and Python version, in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return f"{cpu_name()}, {cores} cores, {_memory_gb():.0f} GB, {load}, Python {platform.python_version()}"


def print_head() -> None:
    """Print the table's first two lines."""
    print_row("what", "figure", "baseline, same run", "ratio")
    print("|---|---|---|---|", flush=True)


def print_row(what: str, figure: str, baseline: str = "", ratio: str = "") -> None:
    """Print one line of the table."""
    print(f"| {what} | {figure} | {baseline} | {ratio} |", flush=True)


def cpu_name() -> str:
    """The processor's name, or the architecture where it is unknown."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_gb() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError, AttributeError):
        return float("nan")
