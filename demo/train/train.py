"""Train the demo network for a given time.

    python -m demo.train.train SCENES CUTOUTS.npz OUT --minutes 90

SCENES is a folder and CUTOUTS.npz a file written by `demo.train.dataset`. OUT is a file for the averaged weights (a
float32 state dict). It is rewritten every two minutes, so it can be measured or exported at any time. Scene files that
appear during training are used too. Runs on one torch thread.
"""

import argparse
import copy
import math
import os
import time
from pathlib import Path

import torch
from torch.nn import functional

from demo.train.batches import BatchLoader
from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

MIN_DEPTH, MAX_DEPTH = 0.8, 80.0
BATCH = 16
LEARNING_RATE = 2e-3
SIZES = ((0.15, 128), (0.55, 160), (1.01, 192))  # (end as a share of the training time, input size until then)


def demo_config() -> DenseDepthConfig:
    """The bundled network: 0.94 million parameters, for inputs of 192 x 192."""
    return DenseDepthConfig(
        num_init_features=24,
        growth_rate=16,
        block_config=[4, 6, 10, 10],
        decoder_width=160,
        leaky_after_conv_a=True,
        min_depth=MIN_DEPTH,
        max_depth=MAX_DEPTH,
    )


def structural_similarity(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean SSIM of two (n, 1, h, w) maps with a range of about 1, in 7 x 7 windows.

    Source: Wang et al. 2004, "Image Quality Assessment: From Error Visibility to Structural Similarity".
    """

    def mean(t: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(t, 7, 1)

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    return (((2 * ma * mb + 1e-4) * (2 * cov + 9e-4)) / ((ma * ma + mb * mb + 1e-4) * (va + vb + 9e-4))).mean()


def depth_loss(raw: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Error of log depth, of its gradients at four scales, and of its structure (SSIM).

    Args:
        raw: (n, h, w), the network's output, MAX_DEPTH / depth.
        depth: (n, h, w) metres, the truth, inf for sky.
    """
    target = (MAX_DEPTH / depth.clamp(MIN_DEPTH, MAX_DEPTH)).log()[:, None]
    raw = raw[:, None].float()
    # Below 0.5 the logarithm continues as a straight line, so that negative outputs, which would be clipped to the
    # nearest depth instead of the farthest, still get a gradient. Sky has the target 80 m: with "80 m or more" as its
    # target, its outputs drift below zero.
    log_raw = torch.where(raw > 0.5, raw.clamp(min=0.5).log(), (raw - 0.5) * 2 + math.log(0.5))
    error = log_raw - target
    gradients = torch.zeros(())
    for scale in range(4):
        e = functional.avg_pool2d(error, 2**scale) if scale else error
        gradients = gradients + (e[..., 1:] - e[..., :-1]).abs().mean() + (e[..., 1:, :] - e[..., :-1, :]).abs().mean()
    # 4.6 is about log(100), the range of log depth.
    return error.abs().mean() + 0.45 * gradients + 0.5 * (1 - structural_similarity(log_raw / 4.6, target / 4.6))


def save(model: torch.nn.Module, path: Path) -> None:
    """Write the state dict under a temporary name and rename it."""
    temporary = path.with_name(f".{path.name}.tmp")
    torch.save(model.state_dict(), temporary)
    os.replace(temporary, path)


def train(loader: BatchLoader, minutes: float, out: Path, start_from: Path | None = None) -> None:
    """Train for `minutes` and write a moving average of the weights to `out`.

    Args:
        start_from: weights of an earlier run to continue from; None starts from random weights.
    """
    torch.manual_seed(0)
    model = DenseDepthForDepthEstimation(demo_config())
    if start_from is not None:
        model.load_state_dict(torch.load(start_from, weights_only=True))
    model = model.to(memory_format=torch.channels_last).train()  # type: ignore[call-arg]
    average = copy.deepcopy(model)
    pairs = list(zip(average.state_dict().values(), model.state_dict().values(), strict=True))
    floats = [(a, b) for a, b in pairs if a.dtype.is_floating_point]
    optimiser = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=1e-3)
    start, step, seen, recent, saved = time.monotonic(), 0, 0, 0.0, time.monotonic()
    while (share := (time.monotonic() - start) / (minutes * 60)) < 1:
        loader.size = next(size for until, size in SIZES if share < until)
        warm_up, cosine = min(1, step / 300 + 0.01), 0.5 + 0.5 * math.cos(math.pi * max(0, (share - 0.05) / 0.95))
        rate = LEARNING_RATE * warm_up * cosine
        for group in optimiser.param_groups:
            group["lr"] = rate + 1e-6
        images, depth = loader.next()
        with torch.autocast("cpu", torch.bfloat16):
            raw = model.raw(images)
        loss = depth_loss(raw, depth)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimiser.step()
        step, seen, recent = step + 1, seen + len(images), 0.99 * recent + 0.01 * loss.item() if step else loss.item()
        with torch.no_grad():
            torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], 1 - min(0.999, step / (step + 20)))
        if step % 200 == 0:
            print(
                f"{time.monotonic() - start:6.0f} s  step {step}  images {seen}  size {images.shape[-1]}  "
                f"loss {recent:.4f}  rate {rate:.1e}  queued {loader.queue.qsize()}  files {len(loader.scenes.loaded)}",
                flush=True,
            )
        if time.monotonic() - saved > 120:
            save(average, out)
            saved = time.monotonic()
    save(average, out)
    print(f"Trained for {step} steps on {seen} images. Weights: {out}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("cutouts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=90, help="training time (default: %(default)s)")
    parser.add_argument("--start", type=Path, help="weights of an earlier run to continue from")
    options = parser.parse_args()
    torch.set_num_threads(1)
    loader = BatchLoader(options.scenes, options.cutouts, BATCH, 1, SIZES[0][1])
    train(loader, options.minutes, options.out, options.start)
