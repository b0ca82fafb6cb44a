"""How near `defringe` comes to the true colours of soft edges, beside PyMatting, and what it costs.

    python benchmarks/defringe.py [--backgrounds 4]

Each bundled cut-out is placed on backgrounds and cut out again with its own alpha, so its soft edge shows the
background: the halo. The error is the root mean square difference of the colours of soft pixels (alpha 8 to 247) from
the true foreground, of 255: at the cut-out's own size, and at the size at which a build places it. There the order
matters: first `defringe` and then reduce, as builds do, or the other way round.

PyMatting (`pip install pymatting`) is the reference; without it its lines are left out.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from PIL import Image
from table import hardware

from fgbg_depth import paths
from fgbg_depth.render.resample import resize_cutout
from fgbg_depth.sources.defringe import defringe
from fgbg_depth.sources.halo import find_halo

PLACED = 0.45  # of 224 pixels: the middle of the default sizes, as the cut-out's longest side
COLORS = {"white": (255, 255, 255), "black": (0, 0, 0), "green": (40, 140, 60)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backgrounds", type=int, default=4, help="photographs behind each cut-out (default: 4)")
    options = parser.parse_args()
    print(f"Measured on: {hardware()}\n")
    print_errors(options.backgrounds)
    print_halos()
    print_costs()
    return 0


def cutouts() -> Iterator[Image.Image]:
    """The bundled cut-outs, cropped to what is visible."""
    for path in sorted((paths.DATA / "foregrounds").glob("*.png")):
        cutout = Image.open(path).convert("RGBA")
        yield cutout.crop(cutout.getchannel("A").getbbox())


def backgrounds(size: tuple[int, int], num_photos: int) -> Iterator[tuple[str, np.ndarray]]:
    for name, color in COLORS.items():
        yield name, np.broadcast_to(np.array(color, np.uint8), (size[1], size[0], 3))
    for path in sorted((paths.DATA / "backgrounds").glob("*.jpg"))[:num_photos]:
        yield "photograph", np.asarray(Image.open(path).convert("RGB").resize(size))


def recut(cutout: Image.Image, background: np.ndarray, keep: bool) -> Image.Image:
    """The cut-out placed on a background and cut out again; transparent pixels show the background or are black."""
    pixels = np.asarray(cutout).astype(np.float64)
    alpha = pixels[..., 3:] / 255
    colors = np.rint(alpha * pixels[..., :3] + (1 - alpha) * background)
    return Image.fromarray(np.dstack([colors if keep else colors * (alpha > 0), pixels[..., 3]]).astype(np.uint8))


def cleaned(cutout: Image.Image) -> Image.Image:
    return defringe(cutout, "on") or cutout


def methods() -> dict[str, Callable[[Image.Image], Image.Image]]:
    found: dict[str, Callable[[Image.Image], Image.Image]] = {"as it is": lambda image: image, "defringe": cleaned}
    if find_spec("pymatting"):
        from pymatting import estimate_foreground_ml

        def reference(image: Image.Image) -> Image.Image:
            pixels = np.asarray(image)
            colors = estimate_foreground_ml(pixels[..., :3] / 255, pixels[..., 3] / 255)
            return Image.fromarray(np.dstack([np.rint(255 * colors), pixels[..., 3]]).astype(np.uint8))

        found["PyMatting"] = reference
    return found


def squared_error(found: Image.Image, truth: Image.Image) -> float:
    """Mean over the soft pixels and channels."""
    pixels, true = np.asarray(found).astype(np.float64), np.asarray(truth).astype(np.float64)
    soft = (true[..., 3] >= 8) & (true[..., 3] <= 247)
    return float(((pixels - true)[soft][:, :3] ** 2).mean())


def print_errors(num_photos: int) -> None:
    errors: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for cutout in cutouts():
        scale = PLACED * 224 / max(cutout.size)
        size = (max(1, round(cutout.width * scale)), max(1, round(cutout.height * scale)))
        small_truth = resize_cutout(cutout, size)
        for name, background in backgrounds(cutout.size, num_photos):
            for keep in (False, True):
                below = "kept" if keep else "black"
                cut = recut(cutout, background, keep)
                for method, clean in methods().items():
                    found = clean(cut)
                    errors[name, below, f"{method}, own size"].append(squared_error(found, cutout))
                    small = resize_cutout(found, size)
                    errors[name, below, f"{method}, then reduced"].append(squared_error(small, small_truth))
                small = cleaned(resize_cutout(cut, size))
                errors[name, below, "reduced, then defringe"].append(squared_error(small, small_truth))
    columns = list(dict.fromkeys((name, below) for name, below, _ in errors))
    print("Error of the colours of soft edges, of 255. Hidden: transparent pixels are black, or keep the background\n")
    print(f"{'old background':32}" + "".join(f"{name:>12}" for name, _ in columns))
    print(f"{'hidden':32}" + "".join(f"{below:>12}" for _, below in columns))
    for method in dict.fromkeys(method for _, _, method in errors):
        means = [np.sqrt(np.mean(errors[*column, method])) for column in columns]
        print(f"{method:32}" + "".join(f"{value:12.1f}" for value in means))
    print()


def print_halos() -> None:
    """How many halos `defringe: auto` finds, and how many where there is none."""
    total, false = 0, 0
    found: dict[str, int] = defaultdict(int)
    for cutout in cutouts():
        total += 1
        false += find_halo(cutout) is not None
        for name, background in backgrounds(cutout.size, 1):
            found[name] += find_halo(recut(cutout, background, False)) is not None
    print(f"Halos found (defringe: auto), of {total} cut-outs each: " + ", ".join(f"{k} {v}" for k, v in found.items()))
    print(f"Halos found in the {total} cut-outs as they are bundled: {false}\n")


def print_costs() -> None:
    cutout = next(iter(cutouts()))
    cut = recut(cutout, np.full((cutout.height, cutout.width, 3), 255), False)
    print("CPU time of one cut-out")
    for side in (224, 512, 1024, 2048):
        image = cut.resize((side, side), Image.Resampling.BILINEAR)
        start = time.process_time()
        cleaned(image)
        taken = time.process_time() - start
        start = time.process_time()
        find_halo(image)
        searched = time.process_time() - start
        print(f"{side:5} x {side:<5} defringe {1000 * taken:6.0f} ms   find_halo {1000 * searched:5.1f} ms")
    for module in ("fgbg_depth.sources.defringe", "pymatting"):
        if find_spec(module):
            command = [sys.executable, "-c", f"import {module}"]
            start = time.perf_counter()
            subprocess.run(command, check=True)
            print(f"import {module:30} {time.perf_counter() - start:6.1f} s in a new process")


if __name__ == "__main__":
    sys.exit(main())
