"""The dataset that this project was made for, once from start to end: 100 x 100 x 2 x 20 = 400,000 rows at 224x224.

    python benchmarks/whole.py --backgrounds DIR --foregrounds DIR [--output DIR]
    python benchmarks/whole.py --placements 1 --depth-label predicted --no-app    # 20,000 rows with predicted depth

It builds with placed depth labels from 100 backgrounds and 100 cut-outs, then builds again, verifies, and starts the
app on it (benchmarks/app.py). If the folders have fewer pictures, changed copies are made: another crop, other colours.
Needs about 27 GB of disk; the bundled pictures are used by default. CPU times are of all processes together.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from options import add_picture_options  # noqa: E402
from table import hardware, print_head, print_row  # noqa: E402

NUM_SOURCES = 100
POLL_S = 0.5


@dataclass
class Usage:
    """What one command took."""

    wall_s: float
    cpu_s: float
    parent_mib: float
    worker_mib: float  # of the largest worker
    output: str


def make_sources(originals: Path, folder: Path, is_cutout: bool) -> None:
    """Write `NUM_SOURCES` pictures: those of a folder, and changed copies until there are enough."""
    folder.mkdir(parents=True)
    files = sorted(file for file in originals.iterdir() if file.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    for number in range(NUM_SOURCES):
        image = Image.open(files[number % len(files)])
        generation = number // len(files)
        if not generation and (image.mode == "RGBA") >= is_cutout:
            (folder / f"{number:03d}{files[number].suffix}").write_bytes(files[number].read_bytes())
            continue
        pixels = np.asarray(image.convert("RGBA" if is_cutout else "RGB"))
        if generation:
            colors = np.roll(pixels[..., :3], generation, 2)  # red, green and blue change places
            height, width = (int(side * (1 - 0.15 * generation)) for side in pixels.shape[:2])
            pixels = np.dstack([colors, pixels[..., 3:]])
            if not is_cutout:
                pixels = pixels[-height:, -width:]
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")


def run(*arguments: str, cwd: Path = ROOT) -> Usage:
    """Run a command of this project, or of the checkout `cwd`, and watch its processes.

    Raises:
        SystemExit: it failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([sys.executable, *arguments], cwd=cwd, stdout=log, stderr=subprocess.STDOUT)
        peaks: dict[int, int] = {}
        while process.poll() is None:
            for pid, rss in memory_of(process.pid):
                peaks[pid] = max(peaks.get(pid, 0), rss)
            time.sleep(POLL_S)
        wall = time.perf_counter() - start
        log.seek(0)
        output = log.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{output[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    parent = peaks.pop(process.pid, 0)
    return Usage(wall, cpu, parent / 2**20, max(peaks.values(), default=0) / 2**20, output)


def memory_of(pid: int) -> list[tuple[int, int]]:
    """(process id, resident bytes) of a process and of all that it started."""
    found = []
    try:
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            found.append((process.pid, process.memory_info().rss))
    except psutil.NoSuchProcess:
        pass
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_picture_options(parser)
    parser.add_argument("--output", type=Path, help="keep the dataset in this folder")
    parser.add_argument("--placements", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--depth-label", default="placed", help="default: %(default)s")
    parser.add_argument("--no-app", action="store_true", help="do not start the app on it")
    options = parser.parse_args()
    print(hardware())
    print_head()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["FGBG_DEPTH_HOME"] = str(folder / "home")  # nothing of earlier builds is reused
        make_sources(options.backgrounds, folder / "bg", is_cutout=False)
        make_sources(options.foregrounds, folder / "fg", is_cutout=True)
        output = options.output or folder / "out"
        build = (
            "builder.py", "build", "--backgrounds", str(folder / "bg"), "--foregrounds", str(folder / "fg"),
            "--output", str(output), "--placements", str(options.placements), "--size", "224",
            "--depth-model", "densedepth-demo", "--depth-label", options.depth_label,
        )  # fmt: skip
        rows = NUM_SOURCES * NUM_SOURCES * 2 * options.placements
        first = run(*build)
        num_bytes = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
        print_row(f"build {rows:,} rows, {options.depth_label} depth", f"{first.wall_s:,.0f} s", "", "")
        print_row("rows a second of wall time", f"{rows / first.wall_s:,.0f}")
        print_row("rows per CPU second", f"{rows / first.cpu_s:,.0f}", f"{first.cpu_s:,.0f} CPU s")
        print_row("peak memory of the parent", f"{first.parent_mib:,.0f} MiB")
        print_row("peak memory of the largest worker", f"{first.worker_mib:,.0f} MiB")
        print_row("on disk", f"{num_bytes / 1e9:.2f} GB", f"{num_bytes / rows / 1e3:.1f} kB a row")
        again = run(*build)
        assert "Nothing to do" in again.output, again.output
        print_row("build again, nothing to do", f"{again.wall_s:.1f} s, {again.cpu_s:.1f} CPU s")
        check = run("builder.py", "verify", str(output))
        print_row(
            "verify",
            f"{check.wall_s:,.0f} s, {check.cpu_s:,.0f} CPU s",
            check.output.strip().splitlines()[-1].removeprefix(f"{output}: "),
        )
        if options.no_app:
            return
        print("\nThe app on it:", flush=True)
        subprocess.run([sys.executable, str(ROOT / "benchmarks" / "app.py"), "--output", str(output)], check=True)


if __name__ == "__main__":
    main()
