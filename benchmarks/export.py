"""Rows in a second of CPU of each format of an export, beside writing the same files with plain `open().write()`.

    python benchmarks/export.py [--output FOLDER] [--repeats 3]

The plain loop writes bytes that are in memory already, into the same files as the export. So the ratio says what an
export does besides: it reads parquet, and writes tables, labels and records. Seconds are those of the CPU, in
Python and in the system: on a slow disk both take the same time. The best of the repeats counts; the two
alternate, so that the load of the machine reaches both.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from table import hardware, print_head, print_row

sys.path.insert(0, str(Path(__file__).parent.parent))  # for running it in a checkout

from fgbg_depth.export.format import Format
from fgbg_depth.export.formats import FORMATS
from fgbg_depth.export.run import export
from fgbg_depth.export.selection import Selection


def seconds(work: Callable[[Path], object], folder: Path) -> float:
    """Seconds of CPU that `work` takes to fill a new folder, which is removed afterwards."""
    started = time.process_time()
    work(folder)
    elapsed_s = time.process_time() - started
    shutil.rmtree(folder)
    return elapsed_s


def write_plainly(files: dict[str, bytes], folder: Path) -> None:
    """Write files that are in memory, each with one `open().write()`."""
    for parent in {Path(name).parent for name in files}:
        (folder / parent).mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        with open(folder / name, "wb") as file:
            file.write(data)


def build_demonstration(folder: Path) -> Path:
    """The demonstration dataset, built into `folder`."""
    from fgbg_depth.builder.pipeline import build
    from fgbg_depth.recipe.demo import demo_recipe

    build(demo_recipe(), folder, progress=False, log=lambda text: None)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", metavar="FOLDER", help="a finished dataset (default: build the demonstration)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fgbg-export-") as temporary:
        work = Path(temporary)
        output = Path(options.output) if options.output else build_demonstration(work / "demo")
        print(hardware())
        print_head()
        for name, cls in FORMATS.items():
            measure(name, cls, output, work, options.repeats)


def measure(name: str, cls: type[Format], output: Path, work: Path, repeats: int) -> None:
    """Print the line of one format."""

    def run(folder: Path) -> None:
        selection = Selection(output)  # opened anew: finding the rows is part of an export
        export(selection, folder, cls(selection))

    run(work / "once")
    files = {
        path.relative_to(work / "once").as_posix(): path.read_bytes()
        for path in (work / "once").rglob("*")
        if path.is_file()
    }
    shutil.rmtree(work / "once")
    num_rows = Selection(output).total_rows
    times = [
        (seconds(run, work / "export"), seconds(lambda folder: write_plainly(files, folder), work / "plain"))
        for _ in range(repeats)
    ]
    exported, plain = (num_rows / min(column) for column in zip(*times, strict=True))
    size = sum(map(len, files.values())) / 1e6
    what = f"export --format {name}: {num_rows:,} rows, {len(files):,} files, {size:.0f} MB"
    print_row(what, f"{exported:,.0f} rows per CPU second", f"open().write(): {plain:,.0f}", f"{exported / plain:.2f}")


if __name__ == "__main__":
    main()
