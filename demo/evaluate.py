"""Measure a depth network and print Markdown.

    python -m demo.evaluate MODEL --scenes UNSEEN --train TRAIN [--real FOLDER] [--sheet FILE.png]

MODEL is a folder for `AutoModelForDepthEstimation` or a state dict that `demo.train` wrote. UNSEEN and TRAIN are
folders that `demo.bake` wrote (scenes and cutouts.npz); the trivial baselines come from TRAIN.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from demo.bake import load_cutouts
from demo.figures import HIGH, TABLE_HEAD, depth_figures, line, log_mean
from demo.paste import paste
from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

INPUT = 192


def load_model(path: Path) -> DenseDepthForDepthEstimation:
    """A saved folder, or a bare state dict of the demo configuration."""
    if path.is_dir():
        config = DenseDepthConfig.from_pretrained(path)
        return DenseDepthForDepthEstimation.from_pretrained(path, config=config, dtype=torch.float32).eval()
    from demo.train import demo_config

    model = DenseDepthForDepthEstimation(demo_config())
    model.load_state_dict(torch.load(path, weights_only=True))
    return model.eval()


def predict(model: DenseDepthForDepthEstimation, images: np.ndarray) -> np.ndarray:
    """(n, s, s, 3) uint8 of any size to (n, INPUT / 2, INPUT / 2) float32 metres."""
    maps = []
    with torch.inference_mode():
        for start in range(0, len(images), 16):
            sized = [
                Image.fromarray(i).resize((INPUT, INPUT), Image.Resampling.BILINEAR) for i in images[start : start + 16]
            ]
            batch = torch.from_numpy(np.stack([np.asarray(i) for i in sized])).permute(0, 3, 1, 2).float() / 255
            maps.append(model(batch).predicted_depth.numpy())
    return np.concatenate(maps)


def load_scenes(folder: Path, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (n, s, s, 3) uint8, depth (n, s, s) float32 metres with inf for sky, kinds (n,)."""
    images, depths, kinds = [], [], []
    for path in sorted(folder.glob("scenes-*.npz")):
        with np.load(path) as file:
            images.append(file["image"])
            depths.append(file["depth"].astype(np.float32))
            kinds.append(file["kind"])
        if sum(map(len, images)) >= most:
            break
    depth = np.concatenate(depths)[:most]
    depth[depth == 0] = np.inf
    return np.concatenate(images)[:most], depth, np.concatenate(kinds)[:most]


def halve(maps: np.ndarray) -> np.ndarray:
    """(n, s, s) to (n, INPUT / 2, INPUT / 2) by nearest sample: depth must not be averaged across edges."""
    pick = ((np.arange(INPUT // 2) + 0.5) * maps.shape[1] * 2 / INPUT).astype(int)
    return maps[:, pick][:, :, pick]


def on_scenes(model: DenseDepthForDepthEstimation, unseen: Path, train: Path) -> list[str]:
    """Markdown lines: the network and the baselines on plain scenes, by kind, and on composites."""
    images, depth, kinds = load_scenes(unseen, 400)
    _, past, past_kinds = load_scenes(train, 3000)
    past = halve(past)
    true = halve(depth)
    plain = predict(model, images)
    mean, mean_log = np.clip(past, 0, HIGH).mean(0), log_mean(past)
    of_kind = {kind: log_mean(past[past_kinds == kind]) for kind in np.unique(kinds)}
    lines = [
        f"Plain scenes ({len(images)} unseen):",
        "",
        TABLE_HEAD,
        line("densedepth-demo", depth_figures(plain, true)),
    ]
    lines.append(line("mean depth of each pixel", depth_figures(np.broadcast_to(mean, true.shape), true)))
    lines.append(line("mean log depth of each pixel", depth_figures(np.broadcast_to(mean_log, true.shape), true)))
    lines.append(
        line(
            "mean log depth of each pixel, true kind known", depth_figures(np.stack([of_kind[k] for k in kinds]), true)
        )
    )
    lines += ["", "By kind of scene:", "", TABLE_HEAD]
    for kind in np.unique(kinds):
        lines.append(
            line(f"{kind} ({(kinds == kind).sum()})", depth_figures(plain[kinds == kind], true[kinds == kind]))
        )
    sky, near = ~np.isfinite(true), true < 30
    lines += [
        "",
        f"Sky: {(plain[sky] > 60).mean():.1%} of its pixels are put beyond 60 m; "
        f"of what is within 30 m, {(plain[near] > 60).mean():.2%}.",
    ]
    composites, truth, masks = _composites(images, depth, unseen)
    seen = predict(model, composites)
    own = halve(masks)
    lines += [
        "",
        "Composites (the same scenes, one unseen cut-out in each):",
        "",
        TABLE_HEAD,
        line("densedepth-demo", depth_figures(seen, truth)),
    ]
    lines.append(line("mean log depth of each pixel", depth_figures(np.broadcast_to(mean_log, truth.shape), truth)))
    lines.append(line("densedepth-demo, the cut-out's pixels", depth_figures(seen[own], truth[own])))
    lines.append(line("its answer without the cut-out, the cut-out's pixels", depth_figures(plain[own], truth[own])))
    nearer = _nearer(plain, seen, own)
    lines += [
        "",
        f"The cut-out is nearer than what it hides in {np.mean(nearer < 1):.0%}, "
        f"by more than a tenth in {np.mean(nearer < 0.9):.0%}.",
    ]
    return lines


def _composites(images: np.ndarray, depth: np.ndarray, unseen: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng, cutouts = np.random.default_rng(5), load_cutouts(unseen / "cutouts.npz")
    composites, truth, masks = images.copy(), depth.copy(), np.zeros(depth.shape, bool)
    for i in range(len(images)):
        mask = paste(composites[i], truth[i], cutouts[rng.integers(len(cutouts))], rng, share=(0.2, 0.55))
        if mask is not None:
            masks[i] = mask
    return composites, halve(truth), masks


def _nearer(before: np.ndarray, after: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """For each composite with a visible mask, median depth of the region with the cut-out over that without."""
    ratios = [np.median(a[m]) / np.median(b[m]) for b, a, m in zip(before, after, masks, strict=True) if m.sum() > 30]
    return np.array(ratios)


def on_photographs(
    model: DenseDepthForDepthEstimation, folder: Path, sheet: Path | None, count: int = 100
) -> list[str]:
    """`folder` has backgrounds/ and foregrounds/. Markdown, and a sheet of every composite with failures framed."""
    backgrounds, foregrounds = (sorted((folder / name).iterdir()) for name in ("backgrounds", "foregrounds"))
    rng = np.random.default_rng(1)
    plain, composites, masks = [], [], []
    for i in range(count):
        background = Image.open(backgrounds[i % len(backgrounds)]).convert("RGB").resize((224, 224))
        cutout = (
            Image.open(foregrounds[(i * 7 + i // len(backgrounds)) % len(foregrounds)])
            .convert("RGBA")
            .resize((112, 112))
        )
        x, y = (int(v) for v in rng.integers(0, 113, 2))
        composite, mask = background.copy(), Image.new("L", (224, 224))
        composite.paste(cutout, (x, y), cutout)
        mask.paste(cutout.getchannel("A"), (x, y))
        plain.append(np.asarray(background))
        composites.append(np.asarray(composite))
        masks.append(np.asarray(mask) >= 128)
    before, after = predict(model, np.stack(plain)), predict(model, np.stack(composites))
    ratios = _nearer(before, after, halve(np.stack(masks)))
    if sheet is not None:
        _sheet(sheet, np.stack(composites), before, after, ratios)
    return [
        f"Photographs: the cut-out's region is nearer than what it hides in {(ratios < 1).sum()} of {len(ratios)}, "
        f"by more than a tenth in {(ratios < 0.9).sum()}."
    ]


def _sheet(path: Path, composites: np.ndarray, before: np.ndarray, after: np.ndarray, ratios: np.ndarray) -> None:
    """Rows of composite, depth without the cut-out, depth with it; failures first, framed in red."""
    order, side, across = np.argsort(-ratios), 96, 15
    rows = -(-len(order) // across)
    sheet = Image.new("RGB", (across * side, rows * side * 3), "white")

    def gray(depth: np.ndarray) -> Image.Image:
        shade = 1 - np.log(np.clip(depth, 0.8, 80) / 0.8) / np.log(100)
        return Image.fromarray(np.round(255 * shade).astype(np.uint8)).resize((side - 4, side - 4))

    for place, i in enumerate(order):
        x, y = place % across * side, place // across * side * 3
        if ratios[i] >= 1:
            sheet.paste("red", (x, y, x + side, y + 3 * side))
        sheet.paste(Image.fromarray(composites[i]).resize((side - 4, side - 4)), (x + 2, y + 2))
        sheet.paste(gray(before[i]).convert("RGB"), (x + 2, y + side + 2))
        sheet.paste(gray(after[i]).convert("RGB"), (x + 2, y + 2 * side + 2))
    sheet.save(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--scenes", type=Path)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_model(options.model)
    if options.scenes:
        print("\n".join(on_scenes(network, options.scenes, options.train)))
    if options.real:
        print("\n".join(on_photographs(network, options.real, options.sheet)))
