"""Rows a second of composing alone, with statistics, beside the loop that people wrote by hand.

    python benchmarks/compose.py [--rows 2000] [--repeats 5]

The loop opens a background and a cut-out, pastes at random, and saves composite and mask as JPEG, as notebooks
do. Ours makes whole shards: composite, matte, exact statistics of the stored pixels, parquet. Both make 224x224
with cut-outs of 105 px height out of the same files, in one process; CPU seconds count, and repeats alternate.
"""

from __future__ import annotations

import argparse
import platform
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from fgbg_depth.builder.shard import ShardBuilder, ShardTask
from fgbg_depth.plan import make_plan
from fgbg_depth.recipe import Recipe
from fgbg_depth.sources.load import load_sources
from fgbg_depth.sources.prepared import Prepared
from fgbg_depth.storage.files import Storage

SIZE, HEIGHT = 224, 105


def hand_written_loop(folder: Path, rows: int) -> None:
    """The core of the notebooks: files in, files out, one row at a time."""
    bgs, fgs = sorted((folder / "bg").iterdir()), sorted((folder / "fg").iterdir())
    out = folder / "loop"
    out.mkdir(exist_ok=True)
    rng = random.Random(0)
    for index in range(rows):
        bg = Image.open(bgs[index * len(bgs) // rows]).convert("RGB").resize((SIZE, SIZE))
        fg = Image.open(fgs[index % len(fgs)]).convert("RGBA")
        scale = min(HEIGHT / fg.height, SIZE / fg.width)
        fg = fg.resize((int(fg.width * scale), int(fg.height * scale)))
        if index % 2:
            fg = fg.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        x, y = rng.randint(0, SIZE - fg.width), rng.randint(0, SIZE - fg.height)
        bg.paste(fg, (x, y), fg)
        mask = Image.new("L", (SIZE, SIZE))
        mask.paste(fg.getchannel("A"), (x, y))
        bg.save(out / f"fg_bg_{index:06d}.jpg")
        mask.save(out / f"mask_{index:06d}.jpg")


def ours(folder: Path, rows: int) -> float:
    """Shards of the same pictures, as a build of any size makes them; returns rows a CPU second."""
    recipe = Recipe(
        backgrounds=str(folder / "bg"),
        foregrounds=str(folder / "fg"),
        size=SIZE,
        foreground_measure="height",
        foreground_min=HEIGHT,
        foreground_max=HEIGHT,
        placements=20,
        holdout=0,
        depth_model="none",
    )
    with tempfile.TemporaryDirectory(dir=folder) as out:
        plan = make_plan(recipe, load_sources(recipe), None)
        maker = ShardBuilder(recipe, None, Storage(out), Prepared.of(plan.sources), lambda: None)  # type: ignore[arg-type,return-value]
        start, made = time.process_time(), 0
        for shard in plan.shards:
            made += maker.build(ShardTask(shard)).rows
            if made >= rows:
                break
    return made / (time.process_time() - start)


def copy_pictures(folder: Path, backgrounds: Path, foregrounds: Path) -> None:
    """The same files for both, as they are, at most 50 of each kind."""
    for kind, given in (("bg", backgrounds), ("fg", foregrounds)):
        (folder / kind).mkdir()
        for file in sorted(given.iterdir())[:50]:
            shutil.copy(file, folder / kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000, help="rows a repeat (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="alternating repeats (default: %(default)s)")
    bundled = Path(__file__).parent.parent / "fgbg_depth" / "data"
    parser.add_argument("--backgrounds", type=Path, default=bundled / "backgrounds", help="default: the bundled ones")
    parser.add_argument("--foregrounds", type=Path, default=bundled / "foregrounds", help="default: the bundled ones")
    options = parser.parse_args()
    loops, rates = [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_pictures(folder, options.backgrounds, options.foregrounds)
        ours(folder, 100)  # imports
        for _ in range(options.repeats):
            start = time.process_time()
            hand_written_loop(folder, options.rows // 4)
            loops.append(options.rows // 4 / (time.process_time() - start))
            rates.append(ours(folder, options.rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    loop, rate = statistics.median(loops), statistics.median(rates)
    print(f"hardware         {_cpu()}, Python {platform.python_version()}, Pillow {Image.__version__}")
    print(f"hand-written     {loop:7,.0f} rows per CPU second (medians of {options.repeats}; {_span(loops)})")
    print(f"ours             {rate:7,.0f} rows per CPU second ({_span(rates)})")
    print(f"ratio            {rate / loop:7.2f}")
    print(f"peak memory      {peak:7,.0f} MB")


def _span(values: list[float]) -> str:
    return f"{min(values):,.0f} to {max(values):,.0f}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        return f"{len(names)} x {names[0]}"
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
