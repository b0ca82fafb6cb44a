"""Render what the network learns from: python -m demo.bake OUT [--first 0] [--count 16000] [--cutouts 16]

Scenes: files of `image` (n, 192, 192, 3) uint8, `depth` (n, 192, 192) float16 metres (0: sky) and `kind` (n,) strings.
Files that exist are left alone, so an interrupted bake goes on; about 12 scenes a second on one core.
Cut-outs: with --cutouts N, N of each kind in one file instead, about three a second.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from PIL import Image

from demo.arrays import f32
from demo.cutouts import MAKERS, render_cutout
from demo.scenes import render_scene
from demo.trace import Cutout

SIDE = 192
CAST = 256  # rays along a side; shrinking to SIDE softens the edges as a lens would
CHUNK = 200
CUTOUT_SIDE = 112


def bake_one(seed: int) -> tuple[np.ndarray, np.ndarray, str]:
    """(SIDE, SIDE, 3) uint8, (SIDE, SIDE) float16 metres with 0 for sky, kind."""
    scene = render_scene(seed, CAST)
    image = Image.fromarray(np.round(scene.image * 255).astype(np.uint8))
    pick = ((np.arange(SIDE) + 0.5) * CAST / SIDE).astype(int)
    depth = scene.depth_m[np.ix_(pick, pick)]
    depth = np.where(np.isfinite(depth), np.clip(depth, 0.1, 60000), 0).astype(np.float16)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)), depth, scene.kind


def bake(folder: Path, first: int, count: int) -> None:
    """Write the scenes first..first+count in files of CHUNK; each appears whole, by a rename."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(first, first + count, CHUNK):
        path = folder / f"scenes-{start:07d}.npz"
        if path.exists():
            continue
        images, depths, kinds = zip(
            *(bake_one(seed) for seed in range(start, start + min(CHUNK, first + count - start))), strict=True
        )
        with open(folder / f".{path.name}.tmp", "wb") as file:
            np.savez(file, image=np.stack(images), depth=np.stack(depths), kind=np.array(kinds))
        os.replace(folder / f".{path.name}.tmp", path)


def bake_cutouts(path: Path, count: int, first: int) -> None:
    """`count` cut-outs of each kind: arrays rgba_<i>, relief_<i> and pixel_<i> in one file."""
    arrays: dict[str, np.ndarray] = {}
    for number in range(count):
        for kind in MAKERS:
            cutout = render_cutout(kind, first + 1000 * number + len(kind), CUTOUT_SIDE, 1)
            index = len(arrays) // 3
            arrays[f"rgba_{index}"] = cutout.rgba
            arrays[f"relief_{index}"] = cutout.relief_m.astype(np.float16)
            arrays[f"pixel_{index}"] = f32(cutout.pixel_m)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def load_cutouts(path: Path) -> list[Cutout]:
    """What `bake_cutouts` wrote."""
    with np.load(path) as file:
        number = len(file.files) // 3
        return [
            Cutout(file[f"rgba_{i}"], file[f"relief_{i}"].astype(np.float32), float(file[f"pixel_{i}"]))
            for i in range(number)
        ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=16000)
    parser.add_argument(
        "--cutouts",
        type=int,
        default=0,
        help="render this many cut-outs of each kind to OUT/cutouts.npz, and no scenes",
    )
    options = parser.parse_args()
    if options.cutouts:
        bake_cutouts(options.out / "cutouts.npz", options.cutouts, options.first)
    else:
        bake(options.out, options.first, options.count)
