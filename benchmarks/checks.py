"""Time of the three checks of a depth label, beside composing the same rows.

    python benchmarks/checks.py [--backgrounds 4] [--placements 20] [--repeats 5]

Rows are composed from the bundled sources at 224x224, without depth. The labels are the exact depth maps of the bundled
backgrounds with the cut-out set in at half the distance, and with noise. Times are CPU time a row with one thread, the
medians of alternating repeats. The outline is made once for all places of a cut-out and flip, and counted with them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from table import hardware, print_head, print_row

from fgbg_depth import paths
from fgbg_depth.depth.checks import Outline, background_drift, check_label
from fgbg_depth.depth.spec import DepthSpec, encode_values
from fgbg_depth.plan import make_plan
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.blend import blended, place_alpha
from fgbg_depth.render.compose import compose_rows
from fgbg_depth.render.inputs import Background, Cutout
from fgbg_depth.scene.layers import Layer
from fgbg_depth.sources.load import load_sources
from fgbg_depth.sources.prepared import Prepared
from fgbg_depth.statistics import Sums

SIZE = 224
SPEC = DepthSpec("any", step=1 / 256, low=1 / 256, high=65535 / 256)


class Scene:
    """All rows of one background: composed, and with labels that are ready to be checked."""

    def __init__(self, recipe: Recipe, background: Background, cutouts: list[Cutout]) -> None:
        self.recipe, self.background, self.cutouts = recipe, background, cutouts
        depth = Image.open(paths.DATA / "backgrounds_depth" / f"{background.name}.png")
        metres = np.asarray(depth, np.float32) / 256
        self.bare = encode_values(np.asarray(Image.fromarray(metres).resize((SIZE, SIZE))), SPEC)
        noise = np.random.default_rng(0).uniform(0.9, 1.1, (SIZE, SIZE))
        self.labels: list[tuple[Cutout, bool, list[tuple[Layer, np.ndarray]]]] = []
        rows = self.compose()
        for cutout in cutouts:
            for flip in recipe.flips:
                alpha = np.asarray(blended(cutout, flip, recipe).alpha)
                placed = []
                for row in rows:
                    if (row["fg"], row["flip"]) != (cutout.name, flip):
                        continue
                    layer = Layer(row["x"], row["y"], row["width"], row["height"], flip)
                    mask = place_alpha(alpha, layer, SIZE) >= 128
                    label = np.where(mask, self.bare // 2, self.bare) * noise
                    placed.append((layer, np.clip(label, 1, SPEC.levels).astype(np.uint16)))
                self.labels.append((cutout, flip, placed))

    def compose(self) -> list[dict]:
        return list(compose_rows(self.recipe, self.background, self.cutouts, Sums(SIZE)))

    def outlines(self) -> list[Outline]:
        return [Outline.of(np.asarray(blended(c, flip, self.recipe).alpha)) for c, flip, _ in self.labels]

    def check(self, outlines: list[Outline]) -> None:
        for outline, (_, _, placed) in zip(outlines, self.labels, strict=True):
            for layer, label in placed:
                check_label(label, self.bare, outline, layer.x, layer.y, SPEC)

    def check_without_background(self, outlines: list[Outline]) -> None:
        for outline, (_, _, placed) in zip(outlines, self.labels, strict=True):
            for layer, label in placed:
                check_label(label, None, outline, layer.x, layer.y, SPEC)

    def drift(self, outlines: list[Outline]) -> None:
        for outline, (_, _, placed) in zip(outlines, self.labels, strict=True):
            for layer, label in placed:
                background_drift(label, self.bare, outline, layer.x, layer.y, SPEC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backgrounds", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--placements", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=5, help="alternating repeats (default: %(default)s)")
    options = parser.parse_args()
    recipe = Recipe(size=SIZE, placements=options.placements, depth_model="none")
    plan = make_plan(recipe, load_sources(recipe), None)
    prepared = Prepared.of(plan.sources)
    cutouts = [prepared.cutout(source.name) for source in plan.sources.cutouts]
    names = [source.name for source in plan.sources.backgrounds[: options.backgrounds]]
    scenes = [Scene(recipe, prepared.background(name), cutouts) for name in names]
    num_rows = len(scenes) * len(cutouts) * len(recipe.flips) * recipe.placements
    times: dict[str, list[float]] = {}
    for _ in range(options.repeats):
        outlines = scenes[0].outlines()
        steps = {
            "compose": lambda: [scene.compose() for scene in scenes],
            "outlines": lambda: [scene.outlines() for scene in scenes],
            "all": lambda outlines=outlines: [scene.check(outlines) for scene in scenes],
            "without drift": lambda outlines=outlines: [scene.check_without_background(outlines) for scene in scenes],
            "drift": lambda outlines=outlines: [scene.drift(outlines) for scene in scenes],
        }
        for name, step in steps.items():
            start = time.process_time()
            step()
            times.setdefault(name, []).append((time.process_time() - start) / num_rows)
    us = {name: 1e6 * statistics.median(values) for name, values in times.items()}
    compose = f"composing the row: {us['compose']:.0f} us"
    print(hardware())
    print_head()
    total = us["outlines"] + us["all"]
    lines = {
        f"three checks, with the outline ({options.placements} places share it)": total,
        "three checks, the outline known": us["all"],
        "boundary_recall and nearer": us["without drift"],
        "background_drift": us["drift"],
    }
    for name, value in lines.items():
        print_row(f"check a label: {name}", f"{value:.0f} us", compose, f"{value / us['compose']:.2f}")
    per_outline = us["outlines"] * options.placements
    print_row("check a label: one outline", f"{per_outline:.0f} us", compose, f"{per_outline / us['compose']:.2f}")


if __name__ == "__main__":
    main()
