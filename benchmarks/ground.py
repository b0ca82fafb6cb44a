"""The fitted ground against the exact one: horizon, sizes, and which pixels are ground.

    python benchmarks/ground.py [--scenes 200] [--quick] [--cache FOLDER] [--json FILE]
    python benchmarks/ground.py --overlays FOLDER [--photographs FOLDER]      # also pictures to look at

The ground is fitted to exact depth and to the depth that the bundled network predicts, for the bundled backgrounds and
for rendered scenes that the network has not seen. The limits of the fit were tuned on the scenes with even numbers;
this uses those with odd numbers. A fit is wrong if its horizon is off by more than a tenth of the frame's height.
Rendering takes about 0.2 seconds a scene, so scenes are kept in the cache folder.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parent.parent))

from ground_scenes import SIZE, GroundScene, bundled_scenes, rendered_scenes
from table import hardware

from demo.render.scenes import KINDS
from fgbg_depth.depth import models
from fgbg_depth.depth.background_ground import ground_distances
from fgbg_depth.recipe import Recipe
from fgbg_depth.scene.ground import fit_ground, ground_mask, relative_size

WRONG = 0.1  # of the frame's height
UPWARD, ROLLED = 0.9, {"2°": 0.035, "4°": 0.07}  # radians; looking upward, no ground is in the frame
FARTHEST_M = 80.0  # what a depth model says of the sky
COLUMNS = (
    *("scenes", "accepted", "wrong", "horizon, px: median", "90 %", "worst", "size error at 1/2: median", "90 %"),
    *("at 1/4: median", "90 %", "mask: not ground", "ground in the mask"),
)


@dataclass(frozen=True)
class Fit:
    """One fit and how right it is; every figure is NaN where no ground was found.

    has_ground: the frame shows ground that the fit should find.
    horizon: fitted less exact, in pixels of a frame of 224.
    half, quarter: |log ratio| of fitted and exact size where the exact size is 1/2 and 1/4 of that at the lower edge.
    raised: share of the mask that is 15 cm or more above the ground, or sky.
    found: share of the ground that is in the mask.
    """

    name: str
    kind: str
    accepted: bool
    has_ground: bool
    horizon: float = np.nan
    half: float = np.nan
    quarter: float = np.nan
    error: float = np.nan
    share: float = np.nan
    raised: float = np.nan
    found: float = np.nan

    @property
    def wrong(self) -> bool:
        return self.accepted and (not self.has_ground or abs(self.horizon) > WRONG * SIZE)


def measure(scene: GroundScene, distances: np.ndarray) -> Fit:
    """Fit the ground and compare it with the exact one."""
    height = len(distances)
    has_ground = bool(scene.is_ground[-height // 20 :].any())
    ground = fit_ground(distances)
    if ground is None:
        return Fit(scene.name, scene.kind, False, has_ground)
    mask = ground_mask(distances, ground)
    errors = []
    for size in (0.5, 0.25):
        row = scene.horizon + size * (height - 1 - scene.horizon)
        errors.append(abs(float(np.log(max(relative_size(ground, row, height), 0.01) / size))))
    return Fit(
        scene.name,
        scene.kind,
        True,
        has_ground,
        (ground.horizon - scene.horizon) * SIZE / height,
        *errors,
        ground.error,
        ground.share,
        float((mask & scene.is_raised).sum() / mask.sum()),
        float((mask & scene.is_ground).sum() / max(1, scene.is_ground.sum())),
    )


def exact(scene: GroundScene) -> np.ndarray:
    """(H, W) float32 metres, the sky as depth models have it."""
    return np.minimum(scene.depth_m, np.float32(FARTHEST_M))


def predict(images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Distances of the bundled network's labels, as a build has them."""
    recipe = Recipe()
    spec = models.resolve_spec(recipe, lambda: iter(images), "cpu")
    labeller = models.load_labeller(recipe, spec, "cpu")
    return [ground_distances(stored, spec) for stored in labeller(np.stack(images))]


def from_disparity(offset: float) -> Callable[[GroundScene], np.ndarray]:
    """Distances as exact relative disparity gives them, moved by a share of its maximum."""

    def distances(scene: GroundScene) -> np.ndarray:
        disparity = 1 / scene.depth_m
        moved = disparity + offset * disparity.max()
        return np.where(moved > 0, 1 / np.where(moved > 0, moved, 1), np.nan).astype(np.float32)

    return distances


def from_moved_depth(scene: GroundScene) -> np.ndarray:
    """Relative depth of which neither factor nor offset is known: the nearest pixel is 0, the farthest 1."""
    depth = exact(scene)
    return np.where(depth > depth.min(), (depth - depth.min()) / np.ptp(depth), np.nan).astype(np.float32)


def line(name: str, fits: Sequence[Fit]) -> str:
    """A line of the Markdown table with COLUMNS."""
    accepted = [fit for fit in fits if fit.accepted]
    cells = [str(len(fits)), str(len(accepted)), str(sum(fit.wrong for fit in fits))]
    if accepted and any(fit.has_ground for fit in accepted):
        horizon = np.abs([fit.horizon for fit in accepted])
        cells += [f"{np.median(horizon):.1f}", f"{np.quantile(horizon, 0.9):.1f}", f"{horizon.max():.1f}"]
        for values in ([fit.half for fit in accepted], [fit.quarter for fit in accepted]):
            cells += [f"{np.expm1(np.median(values)):.1%}", f"{np.expm1(np.quantile(values, 0.9)):.1%}"]
        cells += [f"{statistics.mean(fit.raised for fit in accepted):.1%}"]
        cells += [f"{statistics.mean(fit.found for fit in accepted):.1%}"]
    return f"| {name} | " + " | ".join(cells + [""] * (len(COLUMNS) - len(cells))) + " |"


def print_table(rows: dict[str, Sequence[Fit]]) -> None:
    print("| depth | " + " | ".join(COLUMNS) + " |\n" + "|---" * (len(COLUMNS) + 1) + "|")
    print("\n".join(line(name, fits) for name, fits in rows.items()) + "\n", flush=True)


def print_bundled(exact_fits: Sequence[Fit], predicted_fits: Sequence[Fit]) -> None:
    """A line for each bundled background."""
    print("| background | exact: horizon, px | predicted: horizon, px | error | ground | mask: not ground |")
    print("|---|---|---|---|---|---|")
    for true, fit in zip(exact_fits, predicted_fits, strict=True):
        figures = [f"{true.horizon:+.1f}"]
        if fit.accepted:
            figures += [f"{fit.horizon:+.1f}", f"{fit.error:.3f}", f"{fit.share:.0%}", f"{fit.raised:.1%}"]
        else:
            figures += ["rejected", "", "", ""]
        print(f"| {fit.name} | " + " | ".join(figures) + " |")
    print(flush=True)


def milliseconds(distances: np.ndarray, repeats: int = 20) -> tuple[float, float]:
    """Median CPU time of a fit and of a mask."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        ground = fit_ground(distances)
        middle = time.process_time()
        if ground:
            ground_mask(distances, ground)
        times.append((middle - start, time.process_time() - middle))
    fits, masks = zip(*times, strict=True)
    return statistics.median(fits) * 1e3, statistics.median(masks) * 1e3


def write_overlays(
    folder: Path, names: Sequence[str], images: Sequence[np.ndarray], maps: Sequence[np.ndarray]
) -> None:
    """A picture of each background: ground green, horizon red, marks where things have 1/2 and 1/4 of their size."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, image, distances in zip(names, images, maps, strict=True):
        ground = fit_ground(distances)
        pixels = image.copy()
        if ground:
            mask = ground_mask(distances, ground)
            pixels[mask] = (pixels[mask] * 0.55 + np.array([0, 115, 27])).astype(np.uint8)
        picture = Image.fromarray(pixels).resize((2 * image.shape[1], 2 * image.shape[0]))
        draw = ImageDraw.Draw(picture)
        if ground:
            below = len(image) - 1 - ground.horizon
            for share, right, color in ((0, picture.width, "red"), (0.25, 40, "yellow"), (0.5, 40, "yellow")):
                row = 2 * (ground.horizon + share * below) + 1
                draw.line([(0, row), (right, row)], color, 2)
        text = f"horizon {ground.horizon:.1f}, error {ground.error:.3f}, {ground.share:.0%}" if ground else "no ground"
        draw.text((4, 4), f"{name}: {text}", "white", stroke_width=2, stroke_fill="black")
        picture.save(folder / f"{name}.png")


def read_photographs(folder: Path) -> tuple[list[str], list[np.ndarray]]:
    """Names and (192, 192, 3) pixels of the JPEG files of a folder."""
    paths = sorted(folder.glob("*.jpg"))
    return [path.stem for path in paths], [
        np.asarray(Image.open(path).convert("RGB").resize((192, 192), Image.Resampling.LANCZOS)) for path in paths
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=200, help="number of scenes (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="12 scenes")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "fgbg-depth-ground-scenes",
        help="folder of rendered scenes (default: %(default)s)",
    )
    parser.add_argument("--overlays", type=Path, help="write a picture of each background to this folder")
    parser.add_argument("--photographs", type=Path, help="folder of JPEG files, for --overlays")
    parser.add_argument("--json", type=Path, help="write every fit's figures to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    count = 12 if options.quick else options.scenes

    bundled = list(bundled_scenes())
    scenes = list(rendered_scenes(range(1, 2 * count, 2), options.cache))
    few = range(1, 2 * count, 8)  # for other cameras
    upward = list(rendered_scenes(few, options.cache, pitch=UPWARD))
    bundled_maps, maps = predict([s.image for s in bundled]), predict([s.image for s in scenes])
    predicted = [measure(*pair) for pair in zip(scenes, maps, strict=True)]
    print(f"{hardware()}; {len(scenes)} scenes\n")

    own = [measure(s, exact(s)) for s in bundled], [measure(*pair) for pair in zip(bundled, bundled_maps, strict=True)]
    print_bundled(*own)
    rows: dict[str, Sequence[Fit]] = {
        "bundled, exact": own[0],
        "bundled, predicted": own[1],
        "unseen, exact": [measure(s, exact(s)) for s in scenes],
        "unseen, predicted": predicted,
    }
    rows |= {f"unseen, predicted: {kind}": [fit for fit in predicted if fit.kind == kind] for kind in KINDS}
    rows |= {
        "no ground in the frame, exact": [measure(s, exact(s)) for s in upward],
        "no ground in the frame, predicted": [
            measure(*pair) for pair in zip(upward, predict([s.image for s in upward]), strict=True)
        ],
        "exact relative disparity": [measure(s, from_disparity(0)(s)) for s in scenes],
        "disparity moved by 5 % of its maximum": [measure(s, from_disparity(0.05)(s)) for s in scenes],
        "relative depth of unknown offset": [measure(s, from_moved_depth(s)) for s in scenes],
    }
    for angle, radians in ROLLED.items():
        rolled = list(rendered_scenes(few, options.cache, roll=radians))
        rows[f"camera rolled by {angle}, exact"] = [measure(s, exact(s)) for s in rolled]
        pairs = zip(rolled, predict([s.image for s in rolled]), strict=True)
        rows[f"camera rolled by {angle}, predicted"] = [measure(*pair) for pair in pairs]
    print_table({name: fits for name, fits in rows.items() if fits})
    for name, distances in (("192 x 192", maps[0][16:208, 16:208]), ("320 x 320", bundled_maps[-1])):
        print("CPU time at {}: fit {:.1f} ms, mask {:.1f} ms".format(name, *milliseconds(distances)))
    if options.overlays:
        write_overlays(options.overlays, [s.name for s in bundled], [s.image for s in bundled], bundled_maps)
        if options.photographs:
            names, images = read_photographs(options.photographs)
            write_overlays(options.overlays, names, images, predict(images))
    if options.json:
        found = {name: [asdict(fit) for fit in fits] for name, fits in rows.items()}
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
