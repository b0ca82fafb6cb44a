"""Render the data that the network is trained and measured on.

    python -m demo.train.dataset FOLDER [--first 0] [--count 16000]     # scenes
    python -m demo.train.dataset FOLDER --cutouts 16                    # cut-outs

Scenes: FOLDER/scenes-*.npz with `image` (n, 192, 192, 3) uint8, `depth` (n, 192, 192) float16 metres (0 for sky) and
`kind` (n,) strings. Existing files are kept, so an interrupted run can be continued; one core renders about 12 scenes
per second. Cut-outs: FOLDER/cutouts.npz with that many of each kind, about three per second.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from PIL import Image

from demo.render.arrays import f32
from demo.render.cutouts import MAKERS, render_cutout
from demo.render.scenes import render_scene
from demo.render.trace import Cutout

SIDE = 192
RENDER_SIDE = 256  # shrinking from this to SIDE softens edges as a lens would
SCENES_PER_FILE = 200
CUTOUT_SIDE = 112


def render_example(seed: int) -> tuple[np.ndarray, np.ndarray, str]:
    """One scene: image (SIDE, SIDE, 3) uint8, depth (SIDE, SIDE) float16 metres with 0 for sky, and kind."""
    scene = render_scene(seed, RENDER_SIDE)
    image = Image.fromarray(np.round(scene.image * 255).astype(np.uint8))
    nearest = ((np.arange(SIDE) + 0.5) * RENDER_SIDE / SIDE).astype(int)
    depth = scene.depth_m[np.ix_(nearest, nearest)]
    depth = np.where(np.isfinite(depth), np.clip(depth, 0.1, 60000), 0).astype(np.float16)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)), depth, scene.kind


def write_scenes(folder: Path, first: int, count: int) -> None:
    """Write the scenes of the seeds first..first + count - 1, SCENES_PER_FILE a file; skip files that exist.

    Each file is written under a temporary name and renamed, so a reader never sees half of one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(first, first + count, SCENES_PER_FILE):
        path = folder / f"scenes-{start:07d}.npz"
        if path.exists():
            continue
        seeds = range(start, min(start + SCENES_PER_FILE, first + count))
        images, depths, kinds = zip(*map(render_example, seeds), strict=True)
        with open(folder / f".{path.name}.tmp", "wb") as file:
            np.savez(file, image=np.stack(images), depth=np.stack(depths), kind=np.array(kinds))
        os.replace(folder / f".{path.name}.tmp", path)


def write_cutouts(path: Path, count: int, first: int) -> None:
    """Write `count` cut-outs of each kind to one file, as arrays rgba_<i>, relief_<i> and pixel_<i> (see `Cutout`)."""
    arrays: dict[str, np.ndarray] = {}
    for number in range(count):
        for kind in MAKERS:
            cutout = render_cutout(kind, first + 1000 * number + len(kind), CUTOUT_SIDE, 1)
            index = len(arrays) // 3
            arrays[f"rgba_{index}"] = cutout.rgba
            arrays[f"relief_{index}"] = cutout.relief_m.astype(np.float16)
            arrays[f"pixel_{index}"] = f32(cutout.pixel_m)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)  # type: ignore[arg-type]  # numpy's stub takes one keyword for a bool


def load_cutouts(path: Path) -> list[Cutout]:
    """Read a file of `write_cutouts`."""
    with np.load(path) as file:
        num_cutouts = len(file.files) // 3
        return [
            Cutout(file[f"rgba_{i}"], file[f"relief_{i}"].astype(np.float32), float(file[f"pixel_{i}"]))
            for i in range(num_cutouts)
        ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--first", type=int, default=0, help="seed of the first scene or cut-out (default: %(default)s)"
    )
    parser.add_argument("--count", type=int, default=16000, help="number of scenes (default: %(default)s)")
    parser.add_argument(
        "--cutouts",
        type=int,
        default=0,
        metavar="N",
        help="render N cut-outs of each kind to FOLDER/cutouts.npz, and no scenes",
    )
    options = parser.parse_args()
    if options.cutouts:
        write_cutouts(options.folder / "cutouts.npz", options.cutouts, options.first)
    else:
        write_scenes(options.folder, options.first, options.count)
