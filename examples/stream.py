"""Read a dataset from the Hub while it is downloaded: shuffled batches of tensors, and nothing stored on the disk.

    python examples/stream.py --data USER/NAME --revision v1.0.0 --batches 100

The stream reads several shards (one background each) in turn and shuffles through a buffer, so that a batch shows many
backgrounds and cut-outs. Workers share the shards. With `--where`, groups of rows that cannot match are not downloaded.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

sys.path.append(str(Path(__file__).resolve().parent.parent))  # a checkout needs no installation
import fgbg_depth
from fgbg_depth.training.targets import log_distance


class Collate:
    """Encoded rows to one batch of tensors; the workers of the DataLoader call it."""

    def __init__(self, manifest):
        self.spec, self.depth = manifest.depth, manifest.main_depth_column

    def __call__(self, rows):
        batch = fgbg_depth.decode_batch({name: [row[name] for row in rows] for name in rows[0]}, self.spec)
        out = {
            "picture": torch.from_numpy(batch["fg_bg"]).movedim(3, 1).float() / 255,  # (N, 3, H, W) in [0, 1]
            "matte": torch.from_numpy(batch["fg_bg_mask"])[:, None].float() / 255,
            "bg": batch["bg"],
            "fg": batch["fg"],
        }
        if self.depth:
            logarithms, valid = log_distance(batch[self.depth], self.spec)  # metres, or a relative distance
            out |= {"depth": torch.from_numpy(logarithms)[:, None], "valid": torch.from_numpy(valid)[:, None]}
        return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="USER/NAME on the Hub, or the folder of a dataset")
    parser.add_argument("--revision", help="tag, branch or commit on the Hub")
    parser.add_argument("--split", default="train")
    parser.add_argument("--where", help='only these rows, such as "boundary_recall > 0.5 and not flip"')
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--batches", type=int, default=100, help="stop after so many")
    parser.add_argument("--buffer", type=int, default=1000, help="rows among which the next one is drawn")
    parser.add_argument("--workers", type=int, default=1, help="processes that download and decode; 0: this one")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    manifest = fgbg_depth.load_manifest(options.data, options.revision)
    depth = [manifest.main_depth_column] if manifest.main_depth_column else []
    rows = fgbg_depth.load(
        options.data, options.revision, split=options.split, streaming=True, where=options.where, decode=False
    )
    rows = rows.select_columns(["fg_bg", "fg_bg_mask", *depth, "bg", "fg"])  # other images are not downloaded
    rows = rows.shuffle(seed=options.seed, buffer_size=options.buffer)
    loader = DataLoader(rows, options.batch, collate_fn=Collate(manifest), num_workers=options.workers)

    start, num_rows, different = time.monotonic(), 0, []
    for step, batch in enumerate(tqdm(loader, total=options.batches, unit=" batches")):
        num_rows += len(batch["picture"])  # a training step would go here
        different.append([len(set(batch["bg"])), len(set(batch["fg"]))])
        if step + 1 == options.batches:
            break
    if not num_rows:
        print("No row matches.")
        return
    backgrounds, cutouts = np.mean(different, axis=0)
    print(f"{num_rows:,} rows, {num_rows / (time.monotonic() - start):,.0f} a second, the first ones included")
    print(f"in a batch, on average: {backgrounds:.1f} different backgrounds, {cutouts:.1f} different cut-outs")


if __name__ == "__main__":
    main()
