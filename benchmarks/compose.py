"""Composed rows per second without depth, compared with a hand-written loop.

    python benchmarks/compose.py [--rows 2000] [--repeats 5]

The loop opens a background and a cut-out, pastes at a random place, and saves composite and mask as JPEG, as notebooks
do. fgbg-depth makes whole shards: composite, matte, exact statistics of the stored pixels, parquet. Both make 224x224
images with cut-outs 105 px high from the same files, in one process. CPU time is measured, and the repeats alternate.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import PIL
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from options import add_picture_options
from table import hardware

from fgbg_depth.builder.shard import ShardBuilder, ShardTask
from fgbg_depth.plan import make_plan
from fgbg_depth.recipe import Recipe
from fgbg_depth.sources.load import load_sources
from fgbg_depth.sources.prepared import Prepared
from fgbg_depth.storage.files import Storage

SIZE, HEIGHT = 224, 105


def hand_written_loop(folder: Path, rows: int) -> None:
    """Compose `rows` rows as notebooks do, one at a time, from files to files in `folder`."""
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


def composed_rows_per_s(folder: Path, rows: int) -> float:
    """Make shards of the same pictures, as a build does, until there are `rows` rows; returns rows per CPU second."""
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
    """Copy at most 50 files of each kind to folder/bg and folder/fg."""
    for kind, source in (("bg", backgrounds), ("fg", foregrounds)):
        (folder / kind).mkdir()
        for file in sorted(source.iterdir())[:50]:
            shutil.copy(file, folder / kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000, help="rows per repeat (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="alternating repeats (default: %(default)s)")
    add_picture_options(parser)
    options = parser.parse_args()
    loops, rates = [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_pictures(folder, options.backgrounds, options.foregrounds)
        composed_rows_per_s(folder, 100)  # imports and caches
        for _ in range(options.repeats):
            start = time.process_time()
            hand_written_loop(folder, options.rows // 4)
            loops.append(options.rows // 4 / (time.process_time() - start))
            rates.append(composed_rows_per_s(folder, options.rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    loop, rate = statistics.median(loops), statistics.median(rates)
    print(f"hardware         {hardware()}, Pillow {PIL.__version__}")
    print(f"hand-written     {loop:7,.0f} rows per CPU second (median of {options.repeats}; {_range(loops)})")
    print(f"fgbg-depth       {rate:7,.0f} rows per CPU second ({_range(rates)})")
    print(f"ratio            {rate / loop:7.2f}")
    print(f"peak memory      {peak:7,.0f} MB")


def _range(values: list[float]) -> str:
    return f"{min(values):,.0f} to {max(values):,.0f}"


if __name__ == "__main__":
    main()
