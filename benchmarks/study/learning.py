"""Train the same small network on the rows of one way, and predict with it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.study.ways import Rows
from fgbg_depth.training.losses import depth_loss, mask_loss
from fgbg_depth.training.network import SmallNet

BATCH = 16
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2
START_LOG_M = 1.8  # where the depth head starts, for all ways
CURVE_POINTS = 12


@dataclass(frozen=True)
class Trained:
    """A trained network, its loss curve and its cost.

    curve: (step, mask loss, depth loss): means over the steps since the point before.
    cpu_s, wall_s: seconds of the training alone.
    """

    network: SmallNet
    curve: list[tuple[int, float, float]]
    cpu_s: float
    wall_s: float


def train(rows: Rows, seed: int, steps: int, batch: int = BATCH) -> Trained:
    """Train from random weights for so many steps; `seed` decides weights, order and augmentation."""
    network = SmallNet(seed, START_LOG_M)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 1.5 times as fast on a CPU
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps, pct_start=0.1)
    order = np.concatenate([rng.permutation(len(rows)) for _ in range(-(-steps * batch // len(rows)))])
    curve: list[tuple[int, float, float]] = []
    since: list[tuple[float, float]] = []
    cpu, wall = time.process_time(), time.perf_counter()
    network.train()
    for step in range(steps):
        pictures, mattes, depths = _batch(rows.chosen(order[step * batch : (step + 1) * batch]), rng)
        valid = depths.isfinite()
        with torch.autocast("cpu", torch.bfloat16):
            predicted = network(pictures)
        losses = mask_loss(predicted.mask, mattes), depth_loss(predicted.depth, depths, valid)
        optimiser.zero_grad()
        (losses[0] + losses[1]).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        since.append((losses[0].item(), losses[1].item()))
        if (step + 1) * CURVE_POINTS // steps > step * CURVE_POINTS // steps:
            means = np.mean(since, 0)
            curve.append((step + 1, round(float(means[0]), 4), round(float(means[1]), 4)))
            since.clear()
    return Trained(network.eval(), curve, time.process_time() - cpu, time.perf_counter() - wall)


def _batch(rows: Rows, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures (N, 3, H, W), mattes and depths (N, 1, H, W), half of them mirrored, with varied light and colour."""
    flip = rng.uniform(size=len(rows)) < 0.5
    pictures, mattes, depths = (
        np.where(flip.reshape(-1, *[1] * (a.ndim - 1)), a[:, :, ::-1], a)
        for a in (rows.pictures, rows.mattes, rows.depths)
    )
    gain = rng.uniform(0.75, 1.25, (len(rows), 1, 1, 1)) * rng.uniform(0.92, 1.08, (len(rows), 1, 1, 3))
    contrast = rng.uniform(0.75, 1.25, (len(rows), 1, 1, 1))
    x = pictures.astype(np.float32) / 255
    x = ((x - 0.5) * contrast.astype(np.float32) + 0.5) * gain.astype(np.float32)
    inputs = torch.from_numpy(x.clip(0, 1)).permute(0, 3, 1, 2)  # channels last in memory
    return (
        inputs,
        torch.from_numpy(mattes / np.float32(255))[:, None],
        torch.from_numpy(depths.astype(np.float32))[:, None],
    )


def predict(network: SmallNet, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, H, W) float32 mattes from 0 to 1, and outputs of the depth head, for (N, H, W, 3) uint8 pictures."""
    mattes, depths = [], []
    with torch.inference_mode():
        for start in range(0, len(pictures), BATCH):
            x = torch.from_numpy(pictures[start : start + BATCH].astype(np.float32) / 255).permute(0, 3, 1, 2)
            predicted = network(x)
            mattes.append(predicted.mask.sigmoid()[:, 0].float().numpy())
            depths.append(predicted.depth[:, 0].float().numpy())
    return np.concatenate(mattes), np.concatenate(depths)
