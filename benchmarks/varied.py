"""Cost of each option that varies scenes, beside plain rows: composing, and placed labels with their checks.

    python benchmarks/varied.py [--cutouts 6] [--repeats 5]

The rows are those of two bundled backgrounds at 224x224: each cut-out, mirrored and not, at 20 places, composed,
encoded and counted as in a build without predicted depth. Each option is turned on alone, then all of them. The ground
comes from the rendered depth of the backgrounds. Times are medians of CPU time, and the repeats alternate.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from table import hardware, print_head, print_row

from fgbg_depth import paths
from fgbg_depth.builder.row_composers import RowComposer, RowComposers
from fgbg_depth.depth.checks import check_label
from fgbg_depth.depth.placed_labels import PlacedLabels
from fgbg_depth.depth.spec import DepthSpec, encode_values
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.poisson import has_opencv
from fgbg_depth.sources.load import load_sources
from fgbg_depth.sources.prepared import Prepared
from fgbg_depth.statistics import DepthSums, Sums

SIZE = 224
SPEC = DepthSpec("rendered", step=1 / 256, low=1 / 256, high=65535 / 256)
SCENE = {"placement_mode": "scene", "visible_min": 0.5}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "scale_per: row": {"scale_per": "row"},
    "rotation_max: 15": {"rotation_max": 15},
    "blend: feather": {"blend": "feather"},
    "blend: mixed, without Poisson": {"blend": "mixed", "poisson_share": 0.0},
    "blend: mixed, 10 % Poisson": {"blend": "mixed", "poisson_share": 0.1},
    "match_light: 0.5": {"match_light": 0.5},
    "objects: 2 2": {"objects": [2, 2], "visible_min": 0.5},
    "placement_mode: scene": SCENE,
    "placement_mode: scene, occlusion": {**SCENE, "occlusion": True},
    "all": {
        **SCENE,
        "occlusion": True,
        "scale_per": "row",
        "rotation_max": 15,
        "blend": "mixed",
        "poisson_share": 0.1,
        "match_light": 0.4,
        "objects": [1, 3],
    },
}


class Rows:
    """The rows of two backgrounds with one set of options."""

    def __init__(self, options: dict[str, Any], num_cutouts: int) -> None:
        self.recipe = Recipe(depth_label="placed", **options)
        sources = load_sources(self.recipe)
        prepared = Prepared.of(sources)
        self.names = [source.name for source in sources.cutouts][:num_cutouts]
        backgrounds = [prepared.background(name) for name in ("country-road", "study")]
        self.backgrounds = [dataclasses.replace(b, depth=rendered_depth(b.name)) for b in backgrounds]
        composers = RowComposers(self.recipe, prepared, SPEC)
        self.composers: list[RowComposer] = [composers.of(b, self.names) for b in self.backgrounds]
        self.rows = [list(composer.rows(Sums(SIZE), True)) for composer in self.composers]

    def compose(self) -> int:
        """Compose all rows; returns their number."""
        return sum(1 for composer in self.composers for _ in composer.rows(Sums(SIZE), True))

    def label(self) -> int:
        """Make and check all placed labels; returns their number."""
        for composer, background, rows in zip(self.composers, self.backgrounds, self.rows, strict=True):
            assert background.depth is not None
            placed = PlacedLabels(background.depth, SPEC, DepthSums(SPEC.levels))
            for row in rows:
                shape = composer.shapes.of_row(row)
                stored, _ = placed.label(shape.cutouts)
                check_label(stored, None, shape.outline, shape.x, shape.y, SPEC)
        return sum(map(len, self.rows))


def rendered_depth(name: str) -> np.ndarray:
    """(224, 224) uint16: the exact depth of a bundled background, in 1/256 m."""
    metres = np.asarray(Image.open(paths.DATA / "backgrounds_depth" / f"{name}.png"), np.float32) / 256
    side = min(metres.shape)
    top, left = (metres.shape[0] - side) // 2, (metres.shape[1] - side) // 2
    square = metres[top : top + side, left : left + side]
    return encode_values(np.asarray(Image.fromarray(square).resize((SIZE, SIZE), Image.Resampling.NEAREST)), SPEC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cutouts", type=int, default=6, help="number of cut-outs (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="alternating repeats (default: %(default)s)")
    options = parser.parse_args()
    chosen = {
        name: Rows(values, options.cutouts)
        for name, values in OPTIONS.items()
        if not values.get("poisson_share") or has_opencv()
    }
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.repeats):
        for name, rows in chosen.items():
            for step, run in (("compose", rows.compose), ("placed label", rows.label)):
                start = time.process_time()
                count = run()
                times.setdefault((step, name), []).append((time.process_time() - start) / count)
    print(f"{hardware()}, Pillow {PIL.__version__}")
    print_head()
    for (step, name), values in sorted(times.items(), key=lambda item: item[0][0]):
        median_s, base_s = statistics.median(values), statistics.median(times[step, "plain"])
        baseline = "" if name == "plain" else f"plain: {base_s * 1e6:,.0f} us"
        print_row(
            f"{step}, {name}", f"{median_s * 1e6:,.0f} us", baseline, f"{median_s / base_s:.1f}" if baseline else ""
        )


if __name__ == "__main__":
    main()
