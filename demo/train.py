"""Train the demo network by the clock: python -m demo.train SCENES CUTOUTS.npz OUT --minutes 90

One torch thread. OUT holds the averaged weights (a state dict, float32), written anew every two minutes, so that
whatever is there can be looked at or shipped at any time. Scenes still being baked are taken in as they appear.
"""

import argparse
import copy
import math
import os
import time
from pathlib import Path

import torch
from torch.nn import functional

from demo.examples import Feed
from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

MIN_DEPTH, MAX_DEPTH = 0.8, 80.0
BATCH = 16
RATE = 2e-3
SIZES = ((0.15, 128), (0.55, 160), (1.01, 192))  # up to this share of the time, this input size


def demo_config() -> DenseDepthConfig:
    """About a million parameters; inputs of 192 x 192."""
    return DenseDepthConfig(
        num_init_features=24,
        growth_rate=16,
        block_config=[4, 6, 10, 10],
        decoder_width=160,
        leaky_after_conv_a=True,
        min_depth=MIN_DEPTH,
        max_depth=MAX_DEPTH,
    )


def similarity(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean structural similarity in 7 x 7 windows, (n, 1, h, w) maps of about unit range."""

    def mean(t: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(t, 7, 1)

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    return (((2 * ma * mb + 1e-4) * (2 * cov + 9e-4)) / ((ma * ma + mb * mb + 1e-4) * (va + vb + 9e-4))).mean()


def loss_of(raw: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Error of log depth, of its slopes at four scales, and of its structure.

    raw: (n, h, w), max_depth / predicted depth.  depth: (n, h, w) metres, inf for sky.
    """
    target = (MAX_DEPTH / depth.clamp(MIN_DEPTH, MAX_DEPTH)).log()[:, None]
    raw = raw[:, None].float()
    # Below 0.5 the logarithm goes on as a straight line: a negative value, which would come out as the nearest depth
    # instead of the farthest, still learns. Sky is 80 m, not "anything beyond": else it drifts below zero.
    log_raw = torch.where(raw > 0.5, raw.clamp(min=0.5).log(), (raw - 0.5) * 2 + math.log(0.5))
    error = log_raw - target
    slopes = torch.zeros(())
    for scale in range(4):
        e = functional.avg_pool2d(error, 2**scale) if scale else error
        slopes = slopes + (e[..., 1:] - e[..., :-1]).abs().mean() + (e[..., 1:, :] - e[..., :-1, :]).abs().mean()
    return error.abs().mean() + 0.45 * slopes + 0.5 * (1 - similarity(log_raw / 4.6, target / 4.6))


def save(model: torch.nn.Module, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    torch.save(model.state_dict(), temporary)
    os.replace(temporary, path)


def train(feed: Feed, minutes: float, out: Path, start_from: Path | None = None) -> None:
    """Train for so many minutes, then write the averaged weights a last time."""
    torch.manual_seed(0)
    model = DenseDepthForDepthEstimation(demo_config())
    if start_from is not None:
        model.load_state_dict(torch.load(start_from, weights_only=True))
    model = model.to(memory_format=torch.channels_last).train()  # type: ignore[call-arg]
    average = copy.deepcopy(model)
    pairs = list(zip(average.state_dict().values(), model.state_dict().values(), strict=True))
    floats = [(a, b) for a, b in pairs if a.dtype.is_floating_point]
    optimiser = torch.optim.AdamW(model.parameters(), RATE, weight_decay=1e-3)
    start, step, seen, recent, saved = time.monotonic(), 0, 0, 0.0, time.monotonic()
    while (share := (time.monotonic() - start) / (minutes * 60)) < 1:
        feed.size = next(size for until, size in SIZES if share < until)
        rate = RATE * min(1, step / 300 + 0.01) * (0.5 + 0.5 * math.cos(math.pi * max(0, (share - 0.05) / 0.95)))
        for group in optimiser.param_groups:
            group["lr"] = rate + 1e-6
        images, depth = feed.next()
        with torch.autocast("cpu", torch.bfloat16):
            raw = model.raw(images)
        loss = loss_of(raw, depth)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimiser.step()
        step, seen, recent = step + 1, seen + len(images), 0.99 * recent + 0.01 * loss.item() if step else loss.item()
        with torch.no_grad():
            torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], 1 - min(0.999, step / (step + 20)))
        if step % 200 == 0:
            print(
                f"{time.monotonic() - start:6.0f} s  step {step}  seen {seen}  size {images.shape[-1]}  "
                f"loss {recent:.4f}  rate {rate:.1e}  waiting {feed.queue.qsize()}  files {len(feed.scenes.chunks)}",
                flush=True,
            )
        if time.monotonic() - saved > 120:
            save(average, out)
            saved = time.monotonic()
    save(average, out)
    print(f"done: {step} steps, {seen} pictures", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("cutouts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--start", type=Path, help="weights of an earlier run to go on from")
    options = parser.parse_args()
    torch.set_num_threads(1)
    train(Feed(options.scenes, options.cutouts, BATCH, 1, SIZES[0][1]), options.minutes, options.out, options.start)
