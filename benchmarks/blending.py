"""Cost of softened outlines, matched light and Poisson blending, beside the plain paste.

    python benchmarks/blending.py [--pairs 12] [--repeats 7]

The cut-outs and backgrounds are the bundled ones, in frames of 224x224; every cut-out covers as much as a box of
110x80 pixels. Each figure is what a step costs in addition to the paste: one cut-out softened, lit or cloned once. The
softened outline depends on the cut-out and the blend alone; light and clone depend on the place, too. Times are medians
of CPU time, and the repeats alternate.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import PIL
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from table import hardware, print_head, print_row

from fgbg_depth import paths
from fgbg_depth.render.light import around_box, match_light
from fgbg_depth.render.poisson import clone_colors, has_opencv
from fgbg_depth.render.resample import resize_cutout
from fgbg_depth.render.soften import BLENDS, soften

SIZE, AREA_PX = 224, 110 * 80
X, Y = 50, 90  # of all cut-outs
Pair = tuple[Image.Image, Image.Image]


def pairs(count: int) -> list[Pair]:
    """Backgrounds (224, 224) RGB with cut-outs RGBA whose box has 8,800 pixels."""
    found = []
    folders = [sorted((paths.DATA / kind).glob("*.*")) for kind in ("backgrounds", "foregrounds")]
    for bg, fg in list(zip(*folders, strict=False))[:count]:
        background = Image.open(bg).convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS)
        cutout = Image.open(fg).convert("RGBA")
        scale = (AREA_PX / (cutout.width * cutout.height)) ** 0.5
        size = max(1, round(cutout.width * scale)), max(1, round(cutout.height * scale))
        found.append((background, resize_cutout(cutout, size)))
    return found


def paste(pair: Pair) -> None:
    """Compose one picture."""
    background, cutout = pair
    image = background.copy()
    image.paste(cutout.convert("RGB"), (X, Y), cutout.getchannel("A"))


def light(pair: Pair) -> None:
    """Match the light of a cut-out to the background around it, all the way."""
    background, cutout = pair
    match_light(cutout, background.crop(around_box(X, Y, *cutout.size, SIZE)), 1.0)


def clone(pair: Pair) -> None:
    """Clone the colours of a cut-out."""
    background, cutout = pair
    clone_colors(background, cutout, X, Y)


def softened(blend: str) -> Callable[[Pair], None]:
    """A function that softens the outline of a pair's cut-out."""

    def run(pair: Pair) -> None:
        soften(pair[1], blend, SIZE)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=12, help="pairs of background and cut-out (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=7, help="alternating repeats (default: %(default)s)")
    options = parser.parse_args()
    chosen = pairs(options.pairs)
    steps: dict[str, Callable[[Pair], None]] = {"plain paste": paste}
    steps |= {f"soften: {blend}": softened(blend) for blend in BLENDS if blend not in ("alpha", "poisson")}
    steps["match light"] = light
    if has_opencv():
        steps["Poisson: seamlessClone"] = clone
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step(chosen[0])  # tables and imports
    for _ in range(options.repeats):
        for name, step in steps.items():
            start = time.process_time()
            for pair in chosen:
                step(pair)
            times[name].append((time.process_time() - start) / len(chosen))
    medians = {name: statistics.median(values) for name, values in times.items()}
    base_s = medians["plain paste"]
    print(f"{hardware()}, Pillow {PIL.__version__}")
    print_head()
    for name, median_s in medians.items():
        is_base = name == "plain paste"
        baseline, ratio = ("", "") if is_base else (f"plain paste: {base_s * 1e6:,.0f} us", f"{median_s / base_s:.1f}")
        print_row(name, f"{median_s * 1e6:,.0f} us", baseline, ratio)
    if not has_opencv():
        print_row("Poisson: seamlessClone", "not measured: OpenCV is not installed")


if __name__ == "__main__":
    main()
