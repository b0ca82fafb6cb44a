"""Train a small network on examples in memory, and score it. Deterministic on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import torch

from fgbg_depth.training.examples import Batch, Examples
from fgbg_depth.training.losses import depth_loss, mask_loss
from fgbg_depth.training.network import SmallNet
from fgbg_depth.training.scores import MASK_THRESHOLD, Scores, depth_scores, mask_scores

LEARNING_RATE = 4e-3
_WEIGHT_DECAY, _MAX_GRADIENT = 0.01, 5.0
_SCORED_AT_ONCE = 32


def fit(
    network: SmallNet,
    examples: Examples,
    steps: int,
    batch_size: int = 16,
    seed: int = 0,
    device: torch.device | None = None,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train a network, in place, on random views of the examples.

    AdamW with a learning rate that rises for the first third of the steps, then falls to nearly 0.

    Args:
        network: on `device`, best in the memory format channels last.
        seed: of the order of the examples and of their views.
        on_step: called after each step with the steps done and the last loss that was read.
    Source: one cycle, Smith & Topin 2019.
    """
    device = device or torch.device("cpu")
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    network.train()
    order = torch.empty(0, dtype=torch.int64)
    last_loss = float("nan")
    for step in range(steps):
        while len(order) < batch_size:  # every example once before any is used again
            order = torch.cat([order, torch.randperm(len(examples), generator=generator)])
        indices, order = order[:batch_size], order[batch_size:]
        loss = _loss(network, examples.random_views(indices, generator).to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), _MAX_GRADIENT)
        optimizer.step()
        schedule.step()
        if step % 20 == 0:  # reading the value waits for a GPU
            last_loss = float(loss.detach())
        on_step(step + 1, last_loss)


def _loss(network: SmallNet, batch: Batch) -> torch.Tensor:
    mask, depth = network(batch.pictures)
    loss = mask_loss(mask, batch.mattes)
    if batch.depth is not None and batch.valid is not None:
        loss = loss + depth_loss(depth, batch.depth, batch.valid)
    return loss


@torch.no_grad()
def score(network: SmallNet, examples: Examples, device: torch.device | None = None) -> Scores:
    """The scores of a network on examples: of the mask, and of the depth where it is known, also inside the cut-out."""
    device = device or torch.device("cpu")
    network.eval()
    total = Scores()
    for start in range(0, len(examples), _SCORED_AT_ONCE):
        indices = torch.arange(start, min(start + _SCORED_AT_ONCE, len(examples)))
        batch = examples.batch(indices).to(device)
        mask, depth = network(batch.pictures)
        total += mask_scores(mask, batch.mattes)
        if batch.depth is not None and batch.valid is not None:
            inside = batch.mattes >= MASK_THRESHOLD
            total += depth_scores(depth, batch.depth, batch.valid, inside)
    return total
