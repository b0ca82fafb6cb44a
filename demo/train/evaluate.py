"""Measure a depth network and print the results as Markdown.

    python -m demo.train.evaluate MODEL --scenes UNSEEN --train TRAIN [--photographs FOLDER] [--sheet FILE.png]

MODEL is a folder for `AutoModelForDepthEstimation` or a state dict written by `demo.train.train`. UNSEEN and TRAIN are
folders written by `demo.train.dataset` (scenes and cutouts.npz); the baselines are computed from TRAIN.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from demo.train.dataset import load_cutouts
from demo.train.metrics import HIGH, TABLE_HEAD, depth_metrics, geometric_mean, table_row
from demo.train.paste import paste
from demo.train.train import demo_config
from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

INPUT = 192


def load_model(path: Path) -> DenseDepthForDepthEstimation:
    """Load a model folder, or a state dict of the demo configuration, in evaluation mode."""
    if path.is_dir():
        config = DenseDepthConfig.from_pretrained(path)
        model: DenseDepthForDepthEstimation = DenseDepthForDepthEstimation.from_pretrained(
            path, config=config, dtype=torch.float32
        )
    else:
        model = DenseDepthForDepthEstimation(demo_config())
        model.load_state_dict(torch.load(path, weights_only=True))
    model.train(False)
    return model


def predict(model: DenseDepthForDepthEstimation, images: np.ndarray) -> np.ndarray:
    """(n, INPUT / 2, INPUT / 2) float32 metres for (n, s, s, 3) uint8 images of any size s."""
    maps = []
    with torch.inference_mode():
        for start in range(0, len(images), 16):
            resized = [
                Image.fromarray(i).resize((INPUT, INPUT), Image.Resampling.BILINEAR) for i in images[start : start + 16]
            ]
            batch = torch.from_numpy(np.stack([np.asarray(i) for i in resized])).permute(0, 3, 1, 2).float() / 255
            maps.append(model(batch).predicted_depth.numpy())
    return np.concatenate(maps)


def load_scenes(folder: Path, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first `most` scenes: images (n, s, s, 3) uint8, depth (n, s, s) float32 metres (inf: sky), kinds (n,)."""
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


def to_output_size(maps: np.ndarray) -> np.ndarray:
    """(n, INPUT / 2, INPUT / 2) of (n, s, s), by nearest sample: depth must not be averaged across edges."""
    nearest = ((np.arange(INPUT // 2) + 0.5) * maps.shape[1] * 2 / INPUT).astype(int)
    return maps[:, nearest][:, :, nearest]


def measure_on_scenes(model: DenseDepthForDepthEstimation, unseen: Path, train: Path) -> list[str]:
    """Markdown lines: the network and the baselines on plain scenes, per kind of scene, and on composites."""
    images, depth, kinds = load_scenes(unseen, 400)
    _, train_depth, train_kinds = load_scenes(train, 3000)
    train_depth = to_output_size(train_depth)
    true, plain = to_output_size(depth), predict(model, images)
    mean, log_mean = np.clip(train_depth, 0, HIGH).mean(0), geometric_mean(train_depth)
    log_mean_of = {kind: geometric_mean(train_depth[train_kinds == kind]) for kind in np.unique(kinds)}
    rows = {
        "densedepth-demo": plain,
        "mean depth of each pixel": np.broadcast_to(mean, true.shape),
        "mean log depth of each pixel": np.broadcast_to(log_mean, true.shape),
        "mean log depth of each pixel, true kind known": np.stack([log_mean_of[kind] for kind in kinds]),
    }
    lines = [f"Plain scenes ({len(images)} unseen):", "", TABLE_HEAD]
    lines += [table_row(name, depth_metrics(predicted, true)) for name, predicted in rows.items()]
    lines += ["", "By kind of scene:", "", TABLE_HEAD]
    for kind in np.unique(kinds):
        of_kind = kinds == kind
        lines.append(table_row(f"{kind} ({of_kind.sum()})", depth_metrics(plain[of_kind], true[of_kind])))
    sky, near = ~np.isfinite(true), true < 30
    lines += [
        "",
        f"Predicted beyond 60 m: {(plain[sky] > 60).mean():.1%} of the sky's pixels, "
        f"{(plain[near] > 60).mean():.2%} of the pixels within 30 m.",
    ]
    composites, truth, masks = _composites(images, depth, unseen)
    composite_depth = predict(model, composites)
    inside = to_output_size(masks)
    composite_rows = {
        "densedepth-demo": (composite_depth, truth),
        "mean log depth of each pixel": (np.broadcast_to(log_mean, truth.shape), truth),
        "densedepth-demo, the cut-out's pixels": (composite_depth[inside], truth[inside]),
        "its prediction without the cut-out, the cut-out's pixels": (plain[inside], truth[inside]),
    }
    lines += ["", "Composites (the same scenes, one unseen cut-out in each):", "", TABLE_HEAD]
    lines += [table_row(name, depth_metrics(*pair)) for name, pair in composite_rows.items()]
    ratios = _depth_ratios(plain, composite_depth, inside)
    lines += [
        "",
        f"The cut-out is nearer than what it hides in {np.mean(ratios < 1):.0%}, "
        f"by more than a tenth in {np.mean(ratios < 0.9):.0%}.",
    ]
    return lines


def _composites(images: np.ndarray, depth: np.ndarray, unseen: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The scenes with one cut-out in each: images, depth and masks, the last two at the network's output size."""
    rng, cutouts = np.random.default_rng(5), load_cutouts(unseen / "cutouts.npz")
    composites, truth, masks = images.copy(), depth.copy(), np.zeros(depth.shape, bool)
    for i in range(len(images)):
        mask = paste(composites[i], truth[i], cutouts[rng.integers(len(cutouts))], rng, share=(0.2, 0.55))
        if mask is not None:
            masks[i] = mask
    return composites, to_output_size(truth), masks


def _depth_ratios(before: np.ndarray, after: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Median depth of the mask's pixels with the cut-out over that without it, for each mask of over 30 pixels."""
    ratios = [np.median(a[m]) / np.median(b[m]) for b, a, m in zip(before, after, masks, strict=True) if m.sum() > 30]
    return np.array(ratios)


def measure_on_photographs(
    model: DenseDepthForDepthEstimation, folder: Path, sheet: Path | None, count: int = 100
) -> list[str]:
    """Markdown lines: how often the network puts a pasted cut-out nearer than the background.

    Args:
        folder: has backgrounds/ and foregrounds/ (RGBA).
        sheet: where to write a contact sheet of all composites; None for no sheet.
        count: number of composites.
    """
    backgrounds, foregrounds = (sorted((folder / name).iterdir()) for name in ("backgrounds", "foregrounds"))
    rng = np.random.default_rng(1)
    plain, composites, masks = [], [], []
    for i in range(count):
        background = Image.open(backgrounds[i % len(backgrounds)]).convert("RGB").resize((224, 224))
        foreground = foregrounds[(i * 7 + i // len(backgrounds)) % len(foregrounds)]
        cutout = Image.open(foreground).convert("RGBA").resize((112, 112))
        x, y = (int(v) for v in rng.integers(0, 113, 2))
        composite, mask = background.copy(), Image.new("L", (224, 224))
        composite.paste(cutout, (x, y), cutout)
        mask.paste(cutout.getchannel("A"), (x, y))
        plain.append(np.asarray(background))
        composites.append(np.asarray(composite))
        masks.append(np.asarray(mask) >= 128)
    before, after = predict(model, np.stack(plain)), predict(model, np.stack(composites))
    ratios = _depth_ratios(before, after, to_output_size(np.stack(masks)))
    if sheet is not None:
        _write_sheet(sheet, np.stack(composites), before, after, ratios)
    return [
        f"Photographs: the cut-out's region is nearer than what it hides in {(ratios < 1).sum()} of {len(ratios)}, "
        f"by more than a tenth in {(ratios < 0.9).sum()}."
    ]


def _write_sheet(path: Path, composites: np.ndarray, before: np.ndarray, after: np.ndarray, ratios: np.ndarray) -> None:
    """Each composite above its depth without and with the cut-out; largest ratios first, those of 1 or more in red."""
    order, side, across = np.argsort(-ratios), 96, 15
    rows = -(-len(order) // across)
    sheet = Image.new("RGB", (across * side, rows * side * 3), "white")

    def gray(depth: np.ndarray) -> Image.Image:
        shade = 1 - np.log(np.clip(depth, 0.8, 80) / 0.8) / np.log(100)
        return Image.fromarray(np.round(255 * shade).astype(np.uint8)).resize((side - 4, side - 4))

    for position, i in enumerate(order):
        x, y = position % across * side, position // across * side * 3
        if ratios[i] >= 1:
            sheet.paste("red", (x, y, x + side, y + 3 * side))
        sheet.paste(Image.fromarray(composites[i]).resize((side - 4, side - 4)), (x + 2, y + 2))
        sheet.paste(gray(before[i]).convert("RGB"), (x + 2, y + side + 2))
        sheet.paste(gray(after[i]).convert("RGB"), (x + 2, y + 2 * side + 2))
    sheet.save(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--scenes", type=Path, help="unseen scenes and cut-outs to measure on; needs --train")
    parser.add_argument("--train", type=Path, help="the training set, for the baselines")
    parser.add_argument("--photographs", type=Path, help="a folder with backgrounds/ and foregrounds/")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet of the photographs here")
    options = parser.parse_args()
    if options.scenes and not options.train:
        parser.error("--scenes needs --train")
    torch.set_num_threads(1)
    network = load_model(options.model)
    if options.scenes:
        print("\n".join(measure_on_scenes(network, options.scenes, options.train)))
    if options.photographs:
        print("\n".join(measure_on_photographs(network, options.photographs, options.sheet)))
