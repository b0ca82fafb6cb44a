"""Rows with placed depth per CPU second, beside composing alone.

    python benchmarks/placed.py [--rows 2000] [--repeats 5]

Both make whole shards of the same rows in one process: composite, matte, exact statistics, parquet. The second also
makes `fg_bg_depth_placed`, its two checks and their statistics. The backgrounds are labelled before the clock starts:
that is one inference a background. CPU time is measured, and the repeats alternate.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from compose import HEIGHT, SIZE, copy_pictures
from options import add_picture_options
from table import hardware

from fgbg_depth.builder.background_labels import predict_backgrounds
from fgbg_depth.builder.planning import plan_build
from fgbg_depth.builder.shard import ShardBuilder, ShardTask
from fgbg_depth.plan import Plan, make_plan
from fgbg_depth.recipe import Recipe
from fgbg_depth.sources.prepared import Prepared
from fgbg_depth.storage.files import Storage


def plans(folder: Path, model: str) -> dict[str, Plan]:
    """The plan of the same rows without depth and with placed depth."""
    recipe = Recipe(
        backgrounds=str(folder / "bg"),
        foregrounds=str(folder / "fg"),
        size=SIZE,
        foreground_measure="height",
        foreground_min=HEIGHT,
        foreground_max=HEIGHT,
        placements=20,
        holdout=0,
        depth_model=model,
        depth_label="placed",
    )
    placed = plan_build(recipe, 1, "cpu", log=lambda text: None)
    assert placed.spec is not None
    backgrounds = placed.sources.backgrounds
    depths = predict_backgrounds(backgrounds, recipe, placed.spec, "cpu")
    labelled = tuple(dataclasses.replace(s, depth=depth) for s, depth in zip(backgrounds, depths, strict=True))
    sources = dataclasses.replace(placed.sources, backgrounds=labelled)
    return {
        "composing alone": make_plan(recipe.replace(depth_model="none"), placed.sources, None),
        "placed depth": dataclasses.replace(placed, sources=sources),
    }


def rows_per_s(plan: Plan, rows: int) -> float:
    """Make shards until there are `rows` rows; returns rows per CPU second."""
    with tempfile.TemporaryDirectory() as out:
        builder = ShardBuilder(plan.recipe, plan.spec, Storage(out), Prepared.of(plan.sources), _no_model)
        start, made = time.process_time(), 0
        for shard in plan.shards:
            made += builder.build(ShardTask(shard)).rows
            if made >= rows:
                break
    return made / (time.process_time() - start)


def _no_model() -> None:
    raise AssertionError("placed labels need no model once the backgrounds are labelled")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000, help="rows per repeat (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="alternating repeats (default: %(default)s)")
    parser.add_argument("--model", default="densedepth-demo", help="depth model (default: %(default)s)")
    add_picture_options(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy_pictures(Path(folder), options.backgrounds, options.foregrounds)
        by_name = plans(Path(folder), options.model)
        for plan in by_name.values():
            rows_per_s(plan, 100)  # imports and caches
        found: dict[str, list[float]] = {name: [] for name in by_name}
        for _ in range(options.repeats):
            for name, plan in by_name.items():
                found[name].append(rows_per_s(plan, options.rows))
    medians = {name: statistics.median(rates) for name, rates in found.items()}
    print(f"hardware         {hardware()}")
    for name, rates in found.items():
        spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
        print(f"{name:16} {medians[name]:7,.0f} rows per CPU second (median of {options.repeats}; {spread})")
    print(f"ratio            {medians['placed depth'] / medians['composing alone']:7.2f}")


if __name__ == "__main__":
    main()
