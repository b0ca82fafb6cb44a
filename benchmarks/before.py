"""This version against version 1, a commit of this repository: the same commands, run alternately.

    python benchmarks/before.py [--repeats 3] [--backgrounds DIR --foregrounds DIR]

At most 50 pictures of each kind are used, and 4 backgrounds for the builds with depth.
The commands are those that both have: `builder.py build` with and without depth, and again when nothing is to do. CPU
times are of all processes of a command. Version 1's files are taken from git into a temporary folder; it runs in the
same Python environment.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from compose import copy_pictures
from options import add_picture_options
from table import hardware, print_head, print_row
from whole import run

ROOT = Path(__file__).resolve().parent.parent
VERSION_1 = "4152492"  # its last commit
SIZE, DEPTH_BACKGROUNDS = 224, 4


@dataclass(frozen=True)
class Version:
    """A checkout and the folder for its files."""

    name: str
    code: Path
    work: Path

    def build(self, pictures: Path, output: str, *more: str) -> float:
        """Build from the pictures in `bg` and `fg` of a folder; returns CPU seconds."""
        os.environ["FGBG_DEPTH_HOME"] = str(self.work / "home")
        sources = ("--backgrounds", str(pictures / "bg"), "--foregrounds", str(pictures / "fg"))
        arguments = ("--output", str(self.work / output), "--size", str(SIZE), "--workers", "1", *more)
        return run("builder.py", "build", *sources, *arguments, cwd=self.code).cpu_s


def extract(commit: str, folder: Path) -> Path:
    """The files of a commit."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def rows_of(output: Path, column: str) -> Iterator[object]:
    """A column's values of all rows, shard by shard."""
    for file in sorted((output / "data").glob("*.parquet")):
        yield from pq.read_table(file, columns=[column])[column].to_pylist()


def depth_kb(output: Path) -> float:
    """Mean bytes of a depth map, in kB."""
    return statistics.mean(len(cell["bytes"]) for cell in rows_of(output, "fg_bg_depth")) / 1e3  # type: ignore[index]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="alternating repeats (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=4000, help="about so many without depth (default: %(default)s)")
    add_picture_options(parser)
    options = parser.parse_args()
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        many, few = folder / "many", folder / "few"
        for chosen in (many, few):
            chosen.mkdir()
            copy_pictures(chosen, options.backgrounds, options.foregrounds)
        for file in sorted((few / "bg").iterdir())[DEPTH_BACKGROUNDS:]:
            file.unlink()
        num_bg, num_fg = (len(list((many / kind).iterdir())) for kind in ("bg", "fg"))
        plain = ("--placements", str(max(1, round(options.rows / (2 * num_bg * num_fg)))), "--depth-model", "none")
        depth = ("--placements", "1", "--depth-model", "densedepth-demo")
        versions = [Version("now", ROOT, folder / "now")]
        versions += [Version("version 1", extract(VERSION_1, folder / "code"), folder / "version-1")]
        for repeat in range(options.repeats):
            for version in versions:
                times["build", version.name].append(version.build(many, f"plain-{repeat}", *plain))
                times["again", version.name].append(version.build(many, f"plain-{repeat}", *plain))
                times["depth", version.name].append(version.build(few, f"depth-{repeat}", *depth))
                times["depth again", version.name].append(version.build(few, f"depth-{repeat}", *depth))
        num_plain, num_depth = (len(list(rows_of(versions[0].work / name, "fg"))) for name in ("plain-0", "depth-0"))
        print(hardware())
        print_head()
        for key, label in (
            ("build", f"build {num_plain:,} rows without depth"),
            ("again", "build again, nothing to do"),
            ("depth", f"build {num_depth:,} rows with predicted depth"),
            ("depth again", "build again with predicted depth, nothing to do"),
        ):
            now, then = (statistics.median(times[key, version.name]) for version in versions)
            print_row(label, f"{now:.2f} CPU s", f"version 1: {then:.2f} CPU s", f"{then / now:.2f} x as fast")
        kb = [depth_kb(version.work / "depth-0") for version in versions]
        print_row("a depth map", f"{kb[0]:.1f} kB", f"version 1: {kb[1]:.1f} kB", f"{kb[0] / kb[1]:.2f} of the size")


if __name__ == "__main__":
    sys.exit(main())
