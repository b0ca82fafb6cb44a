"""Depth labels against exact truth: rendered scenes with a rendered body standing in them.

    python benchmarks/labels.py [--scenes 240] [--quick] [--variants] [--cache FOLDER] [--json FILE]
    python benchmarks/labels.py --scenes 90 --variants --situation floating --first 20000   # other scenes
    python benchmarks/labels.py --scenes 40 --variants --situation ground --body-m 2 4      # tall bodies
    python benchmarks/labels.py --scenes 40 --variants --situation ground --camera-m 0.5    # a low camera

Each row is composed as in a build: the scene without the body, the body's cut-out over it, JPEG. Four labels are
compared with the truth, the exact depth of the scene with the body:

predicted       the bundled network on the composite
placed          the bundled network on the bare background, and the cut-out set in at the depth where it stands
placed, exact   the same, with the exact depth of the bare background instead of the network's
anchored        as placed, but inside the cut-out the prediction, scaled so that its foot stands at that depth

--variants also compares variants of the rule that places cut-outs. Rendering takes about a second a scene, so scenes
are kept in the cache folder.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

import label_rules as rules
from label_metrics import FAR_M, label_metrics
from label_scenes import SITUATIONS, LabelScene, Setting, load_scenes
from table import hardware

from fgbg_depth.depth import models
from fgbg_depth.depth.placed import place_depth
from fgbg_depth.depth.spec import DepthSpec, decode_depth, encode_values
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.codecs import decode_rgb, encode_image

SHOWN = (
    *("inside absrel", "inside delta1", "inside rmselog", "inside bias", "outside absrel", "outside rmselog"),
    *("outline absrel", "outline delta1", "outline rmselog", "matte recall", "edge recall", "edge precision"),
)
COMPARED = ("inside absrel", "inside rmselog", "outline absrel", "outline rmselog", "outside absrel", "matte recall")
HIGHER_IS_BETTER = ("delta1", "recall", "precision")
SITUATION_NAMES = ("ground", "edge", "hidden", "support", "floating")


@dataclass(frozen=True)
class Row:
    """A scene, and the two maps that the network predicts for it: (H, W) stored values."""

    scene: LabelScene
    predicted: np.ndarray
    background: np.ndarray
    spec: DepthSpec

    @property
    def exact(self) -> np.ndarray:
        """(H, W) stored values of the exact depth of the bare background; sky is FAR_M, as the network says it."""
        return encode_values(np.minimum(self.scene.background_m, FAR_M), self.spec)

    def metres(self, stored: np.ndarray) -> np.ndarray:
        """(H, W) float32 metres of stored values."""
        return decode_depth(stored, self.spec)

    def placed(self, background: np.ndarray) -> np.ndarray:
        """(H, W) metres, the product's rule on the stored values of a background."""
        return self.metres(place_depth(background, self.scene.mask, self.spec))

    def case(self, background: np.ndarray) -> rules.Case:
        """What a variant of the rule may use."""
        scene = self.scene
        return rules.Case(self.metres(background), self.metres(self.predicted), scene.mask, scene.pitch, scene.focal_px)


Label = Callable[[Row], np.ndarray]  # -> (H, W) metres
LABELS: dict[str, Label] = {
    "predicted": lambda row: row.metres(row.predicted),
    "placed": lambda row: row.placed(row.background),
    "placed, exact": lambda row: row.placed(row.exact),
    "anchored": lambda row: rules.anchored(row.case(row.background)),
    "the truth": lambda row: row.scene.true_m,  # its recall is the most that a true label can have
}
Variant = Callable[[rules.Case], np.ndarray]
VARIANTS: dict[str, Variant] = {
    "predicted": lambda case: case.prediction,
    "the product's rule": lambda case: case.set_in(rules.standing(case)),
    "without the second term": lambda case: case.set_in(rules.standing(case, percentile=None)),
    "second term: 5th percentile": lambda case: case.set_in(rules.standing(case, percentile=5)),
    "second term: 1st percentile": lambda case: case.set_in(rules.standing(case, percentile=1)),
    "second term: 0.9 instead of 0.95": lambda case: case.set_in(rules.standing(case, margin=0.9)),
    "second term: 0.8 instead of 0.95": lambda case: case.set_in(rules.standing(case, margin=0.8)),
    "second term pixel by pixel": rules.pixelwise,
    "foot: 2 % of the height": lambda case: case.set_in(rules.standing(case, share=0.02)),
    "foot: 20 % of the height": lambda case: case.set_in(rules.standing(case, share=0.2)),
    "foot: all columns": lambda case: case.set_in(rules.standing(case, share=None)),
    "foot: one pixel lower": lambda case: case.set_in(rules.standing(case, below=1)),
    "each column at its own foot": rules.column_feet,
    "upright plane (true camera)": rules.tilted,
    "anchored": rules.anchored,
    "anchored, relief ^ 0.25": lambda case: rules.anchored(case, 0.25),
    "nearer of rule and prediction's median": rules.not_behind_prediction,
    "no taller than 3 m": lambda case: rules.not_taller(case, 3.0),
    "without the third term": lambda c: c.set_in(rules.standing(c, ratio=np.inf)),
    "third term: 4 x depth 1 height below": lambda c: c.set_in(rules.standing(c, ratio=4)),
    "third term: 2.5 x depth 1 height below": lambda c: c.set_in(rules.standing(c, ratio=2.5)),
    "third term: 2 x depth 1 height below": lambda c: c.set_in(rules.standing(c, ratio=2)),
    "third term: 3 x depth 2 heights below": lambda c: c.set_in(rules.standing(c, heights_below=2)),
}


def compose(scene: LabelScene, recipe: Recipe) -> np.ndarray:
    """(H, W, 3) uint8, the composite as a build stores it: pasted with alpha, encoded and decoded."""
    image, cutout = Image.fromarray(scene.background), Image.fromarray(scene.cutout)
    image.paste(cutout.convert("RGB"), (0, 0), cutout.getchannel("A"))
    return decode_rgb(encode_image(image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling))


def label_rows(scenes: Sequence[LabelScene], recipe: Recipe) -> list[Row]:
    """Every scene with the bundled network's labels of composite and bare background."""
    backgrounds = np.stack([scene.background for scene in scenes])
    spec = models.resolve_spec(recipe, lambda: iter(backgrounds), "cpu")
    labeller = models.load_labeller(recipe, spec, "cpu")
    predicted = labeller(np.stack([compose(scene, recipe) for scene in scenes]))
    bare = labeller(backgrounds)
    return [Row(*each, spec) for each in zip(scenes, predicted, bare, strict=True)]


def measure(rows: Iterable[Row], labels: dict[str, Label]) -> dict[str, dict[str, np.ndarray]]:
    """For each label and measure the figure of every row."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in labels}
    for row in rows:
        for name, label in labels.items():
            found[name].append(label_metrics(label(row), row.scene.true_m, row.scene.mask))
    return {name: {key: np.array([r[key] for r in each]) for key in each[0]} for name, each in found.items()}


def groups(rows: Sequence[Row]) -> dict[str, np.ndarray]:
    """(n,) bool, which rows belong to each category."""
    situation = np.array([row.scene.situation for row in rows])
    foot = np.array([row.scene.foot_m for row in rows])
    slim = np.array([slimness(row.scene.mask) for row in rows])
    ground = situation == "ground"
    return {
        "all": np.ones(len(rows), bool),
        **{name: situation == name for name in SITUATION_NAMES},
        "ground, near (< 4 m)": ground & (foot < 4),
        "ground, far": ground & (foot >= 4),
        "ground, tall": ground & (slim >= 1.5),
        "ground, flat": ground & (slim <= 0.85),
    }


def slimness(mask: np.ndarray) -> float:
    """Height over width of the mask."""
    return float((np.ptp(np.flatnonzero(mask.any(1))) + 1) / (np.ptp(np.flatnonzero(mask.any(0))) + 1))


def better(key: str, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(n,) how much better `ours` is than `theirs` by this measure, above 0 where it is."""
    gain: np.ndarray = ours - theirs if key.endswith(HIGHER_IS_BETTER) else theirs - ours
    return gain


def means_table(found: dict[str, dict[str, np.ndarray]], chosen: np.ndarray) -> list[str]:
    """Markdown: the mean of each measure over the chosen rows, a line for each label."""
    lines = ["| label | " + " | ".join(SHOWN) + " |", "|---" * (len(SHOWN) + 1) + "|"]
    for name, measures in found.items():
        lines.append(f"| {name} | " + " | ".join(f"{np.nanmean(measures[key][chosen]):.3f}" for key in SHOWN) + " |")
    return lines


def paired_table(
    found: dict[str, dict[str, np.ndarray]], name: str, base: str, parts: dict[str, np.ndarray]
) -> list[str]:
    """Markdown: `name` against `base` for each category: both means, mean gain and its standard error, rows won."""
    lines = ["| rows | n | " + " | ".join(COMPARED) + " |", "|---" * (len(COMPARED) + 2) + "|"]
    for part, chosen in parts.items():
        if chosen.sum() < 2:
            continue
        cells = []
        for key in COMPARED:
            theirs, ours = found[base][key][chosen], found[name][key][chosen]
            gain = better(key, ours, theirs)
            error = gain.std(ddof=1) / math.sqrt(len(gain))
            cells.append(
                f"{theirs.mean():.3f} → {ours.mean():.3f} ({gain.mean():+.3f} ± {error:.3f}), {np.mean(gain > 0):.0%}"
            )
        lines.append(f"| {part} | {chosen.sum()} | " + " | ".join(cells) + " |")
    return lines


def variants_table(rows: Sequence[Row], exact: bool, parts: dict[str, np.ndarray]) -> list[str]:
    """Markdown: each variant's error inside the cut-out by situation, and its means over all rows.

    Args:
        exact: on the exact depth of the bare background, instead of the network's.
    """

    def applied(variant: Variant) -> Label:
        return lambda row: variant(row.case(row.exact if exact else row.background))

    found = measure(rows, {name: applied(variant) for name, variant in VARIANTS.items()})
    means = ("inside absrel", "inside delta1", "inside rmselog", "outline absrel", "matte recall", "edge precision")
    situations = [name for name in SITUATION_NAMES if parts[name].any()]
    head = [f"{name}, inside absrel" for name in situations] + [f"all, {key}" for key in means]
    lines = ["| rule | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for name, measures in found.items():
        figures = [measures["inside absrel"][parts[situation]].mean() for situation in situations]
        figures += [measures[key].mean() for key in means]
        lines.append(f"| {name} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=240, help="number of scenes (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="16 scenes")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "fgbg-depth-label-scenes",
        help="folder of rendered scenes (default: %(default)s)",
    )
    parser.add_argument("--variants", action="store_true", help="also compare variants of the rule")
    parser.add_argument("--situation", choices=sorted(set(SITUATIONS)), default="", help="how every body stands")
    parser.add_argument("--first", type=int, default=0, help="number of the first scene")
    parser.add_argument("--body-m", type=float, nargs=2, metavar=("LOW", "HIGH"), help="heights of the bodies, metres")
    parser.add_argument("--camera-m", type=float, help="height of the camera, metres (default: 1.3 to 1.7)")
    parser.add_argument("--json", type=Path, help="write every row's figures to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    body_m = (options.body_m[0], options.body_m[1]) if options.body_m else None
    setting = Setting(options.situation, options.first, body_m, options.camera_m)
    rows = label_rows(list(load_scenes(16 if options.quick else options.scenes, options.cache, setting)), Recipe())
    found, parts = measure(rows, LABELS), groups(rows)
    print(f"{hardware()}; {len(rows)} scenes, {rows[0].spec.model} at {rows[0].spec.input_size}\n")
    print("\n".join(means_table(found, parts["all"])))
    for name in LABELS:
        if name not in ("predicted", "the truth"):
            print(f"\nFrom predicted to {name}: mean (gain ± standard error, share of rows that are better)\n")
            print("\n".join(paired_table(found, name, "predicted", parts)))
    for exact in (False, True) if options.variants else ():
        print(f"\nVariants of the rule, on the {'exact depth' if exact else 'label'} of the bare background\n")
        print("\n".join(variants_table(rows, exact, parts)))
    if options.json:
        facts = [{k: getattr(r.scene, k) for k in ("seed", "situation", "scene", "body", "foot_m")} for r in rows]
        values = {name: {key: v.tolist() for key, v in each.items()} for name, each in found.items()}
        options.json.write_text(json.dumps({"rows": facts, "figures": values}, indent=1))


if __name__ == "__main__":
    main()
