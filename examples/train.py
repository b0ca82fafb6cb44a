"""Train a small network on a dataset of fgbg-depth: a mask and a depth map from one picture.

    python builder.py build                               # the demonstration: 1,024 rows, no network needed
    python examples/train.py --data fgbg-dataset          # about five minutes on two CPU cores
    python examples/train.py --data USER/NAME --revision v1.0.0 --device cuda --amp --steps 20000 --batch 64 --workers 8

At the end it prints the scores of every split, and writes to `--output`: model.safetensors, scores.json and
predictions.png. `test_unseen_both` is the split to compare: neither its backgrounds nor its cut-outs were in `train`.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch.utils.data import BatchSampler, DataLoader, RandomSampler
from tqdm import tqdm

sys.path.append(str(Path(__file__).resolve().parent.parent))  # a checkout needs no installation
import fgbg_depth
from fgbg_depth.depth.colors import colorize
from fgbg_depth.training.losses import depth_loss, mask_loss
from fgbg_depth.training.network import SmallNet
from fgbg_depth.training.scores import Scores, depth_scores, mask_scores
from fgbg_depth.training.targets import log_distance


class ToTensors:
    """Turns the encoded rows of a batch into tensors; the workers of the DataLoader call it.

    Args:
        manifest: of the dataset; its depth spec says what the 16-bit values of the depth maps mean.
        depth: the column of depth; None: the dataset has none.
        size: side of the network's pictures in pixels.
        augment: draw a crop, a mirroring and a brightness for each row.
    """

    def __init__(self, manifest, depth, size, augment=False):
        self.spec, self.depth, self.size, self.augment = manifest.depth, depth, size, augment

    def __call__(self, rows):
        batch = fgbg_depth.decode_batch(rows, self.spec)  # arrays: uint8 images, depth in metres with NaN where invalid
        pixels = [torch.from_numpy(batch["fg_bg"]).movedim(3, 1), torch.from_numpy(batch["fg_bg_mask"])[:, None]]
        pixels = torch.cat(pixels, 1).float() / 255
        scale, grid = self.draw_views(len(pixels))
        pixels = F.grid_sample(pixels, grid, "bilinear", "border", align_corners=False)
        gain = torch.empty(len(pixels), 3, 1, 1).uniform_(0.8, 1.25) if self.augment else 1
        out = {"picture": (pixels[:, :3] * gain).clamp(0, 1), "matte": pixels[:, 3:].clamp(0, 1)}
        if self.depth:
            target, valid = log_distance(batch[self.depth], self.spec)
            maps = torch.from_numpy(np.stack([target, valid.astype(np.float32)], 1))
            maps = F.grid_sample(maps, grid, "nearest", "border", align_corners=False)  # no depth between two depths
            if self.spec.meaning.is_metric:  # an enlarged crop looks as if everything were nearer
                maps[:, :1] += scale.log()
            out |= {"depth": maps[:, :1], "valid": maps[:, 1:] > 0.5}
        return out

    def draw_views(self, count):
        """One crop for picture, mask and depth of each row alike: its share of the side, and where to sample.

        With torchvision, `v2.RandomResizedCrop` and `v2.RandomHorizontalFlip` do this for a tv_tensors.Image and Mask
        together; pass the depth as a Mask, so that it is not interpolated.
        """
        scale, shift, mirror = torch.ones(count, 1, 1, 1), torch.zeros(count, 2), torch.ones(count)
        if self.augment:
            scale = torch.empty(count, 1, 1, 1).uniform_(0.6, 1)
            shift = (1 - scale.reshape(count, 1)) * torch.empty(count, 2).uniform_(-1, 1)
            mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
        theta = torch.zeros(count, 2, 3)
        theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = scale.flatten() * mirror, scale.flatten(), shift
        return scale, F.affine_grid(theta, [count, 1, self.size, self.size], align_corners=False)


def loader(rows, transform, options, num_batches=None):
    """Batches of rows: `num_batches` random ones, or all rows in order. The rows of a batch are decoded together."""
    sampler = range(len(rows))
    if num_batches is not None:
        order = torch.Generator().manual_seed(options.seed)
        sampler = RandomSampler(rows, num_samples=num_batches * options.batch, generator=order)
    return DataLoader(
        rows,
        sampler=BatchSampler(sampler, options.batch, drop_last=num_batches is not None),
        batch_size=None,  # the sampler gives whole batches: rows[[4, 1, 7, ...]] is a dict of columns
        collate_fn=transform,  # `with_transform` does the same, after it has hashed the function for seconds
        num_workers=options.workers,
        pin_memory=options.device.startswith("cuda"),
    )


def to_device(batch, device):
    batch = {name: values.to(device, non_blocking=True) for name, values in batch.items()}
    return batch | {"picture": batch["picture"].contiguous(memory_format=torch.channels_last)}


def train(network, batches, options):
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.lr, total_steps=options.steps)
    network.train()
    progress = tqdm(batches, total=options.steps, unit=" steps")
    for step, batch in enumerate(progress):
        batch = to_device(batch, options.device)
        with torch.autocast(torch.device(options.device).type, torch.bfloat16, enabled=options.amp):
            mask, depth = network(batch["picture"])
        loss = mask_loss(mask, batch["matte"])
        if "depth" in batch:  # pixels without valid depth count nowhere
            loss = loss + depth_loss(depth, batch["depth"], batch["valid"])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        if step % 20 == 0:  # reading the value waits for a GPU
            progress.set_postfix(loss=f"{loss.item():.3f}")


@torch.no_grad()
def evaluate(network, batches, options):
    """The scores of one split."""
    network.eval()
    total = Scores()
    for batch in batches:
        batch = to_device(batch, options.device)
        mask, depth = network(batch["picture"])
        total += mask_scores(mask, batch["matte"])
        if "depth" in batch:
            total += depth_scores(depth, batch["depth"], batch["valid"], inside=batch["matte"] > 0.5)
    return total


@torch.no_grad()
def picture_of(network, batch, manifest, options):
    """Rows of a batch as lines of picture, mask, predicted mask, depth, predicted depth."""
    mask, depth = network(to_device(batch, options.device)["picture"])
    grey = [batch["matte"][:, 0], mask.sigmoid()[:, 0].cpu()]
    columns = [(255 * batch["picture"]).byte().movedim(1, 3).numpy()]
    columns += [np.repeat((255 * values).byte().numpy()[..., None], 3, axis=3) for values in grey]
    if "depth" in batch:
        spec, (low, high) = manifest.depth, manifest.depth_range
        for values in (batch["depth"].where(batch["valid"], np.nan)[:, 0], depth[:, 0].cpu()):
            values = spec.meaning.from_distances(values.exp().numpy(), spec.low, spec.high)
            columns.append(np.stack([colorize(one, low, high, spec.meaning) for one in values]))
    return Image.fromarray(np.concatenate(np.concatenate(columns, axis=2), axis=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="fgbg-dataset", help="folder of a dataset, or USER/NAME on the Hub")
    parser.add_argument("--revision", help="tag, branch or commit on the Hub")
    parser.add_argument("--where", help='train only on these rows, such as "boundary_recall > 0.5"')
    parser.add_argument("--output", type=Path, default=Path("trained"))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=128, help="side of the network's pictures in pixels")
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--workers", type=int, default=1, help="processes that decode")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--amp", action="store_true", help="compute in bfloat16 where that is safe; for GPUs")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    if options.device == "cpu":  # threads that wait for a core of a worker slow the others down
        torch.set_num_threads(max(1, (os.cpu_count() or 1) - options.workers))

    manifest = fgbg_depth.load_manifest(options.data, options.revision)
    depth = manifest.main_depth_column
    columns = ["fg_bg", "fg_bg_mask", *([depth] if depth else [])]  # other columns would be read for nothing
    splits = fgbg_depth.load(options.data, options.revision, decode=False).select_columns(columns)
    rows = fgbg_depth.load(options.data, options.revision, split="train", where=options.where, decode=False)
    rows = rows.select_columns(columns)
    print(f"{len(rows):,} rows, each {options.steps * options.batch / len(rows):.0f} times; depth: {depth}")

    network = SmallNet(options.seed).to(options.device, memory_format=torch.channels_last)
    train(network, loader(rows, ToTensors(manifest, depth, options.size, True), options, options.steps), options)

    plain = ToTensors(manifest, depth, options.size)
    tested = {name: split.select(range(0, len(split), 1 + len(split) // 2000)) for name, split in splits.items()}
    scores = {name: evaluate(network, loader(split, plain, options), options) for name, split in tested.items()}
    print(f"{'split':18}{'rows':>7}" + "".join(f"{name:>16}" for name in scores["train"].sums))
    for name, total in scores.items():
        print(f"{name:18}{len(tested[name]):7,}" + "".join(f"{value:16.3f}" for value in total.means().values()))

    options.output.mkdir(parents=True, exist_ok=True)
    weights = {name: values.contiguous() for name, values in network.state_dict().items()}
    save_file(weights, options.output / "model.safetensors", {"data": options.data, "size": str(options.size)})
    (options.output / "scores.json").write_text(json.dumps({k: v.means() for k, v in scores.items()}, indent=2))
    last = list(tested)[-1]
    shown = plain(tested[last][:: 1 + len(tested[last]) // 8])
    picture_of(network, shown, manifest, options).save(options.output / "predictions.png")
    print(f"written: {options.output}/model.safetensors, scores.json, predictions.png (rows of {last})")


if __name__ == "__main__":  # workers import this file again where processes are spawned
    main()
