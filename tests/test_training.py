"""`fgbg_depth.training`: the small network, targets, losses and scores."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgbg_depth.depth.spec import DepthSpec, relative_scale
from fgbg_depth.training.losses import depth_loss, mask_loss
from fgbg_depth.training.network import SmallNet
from fgbg_depth.training.scores import Scores, depth_scores, mask_scores
from fgbg_depth.training.targets import log_distance

torch.set_num_threads(1)
EVERYWHERE = torch.ones(2, 1, 16, 16, dtype=torch.bool)


def random_maps(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_the_network_is_small_and_answers_in_the_pictures_size() -> None:
    network = SmallNet()
    assert sum(p.numel() for p in network.parameters()) < 600_000
    for size in ((128, 128), (96, 160), (101, 67)):
        mask, depth = network(torch.rand(2, 3, *size))
        assert mask.shape == depth.shape == (2, 1, *size)


def test_equal_seeds_give_equal_weights_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second, other = SmallNet(seed=1), SmallNet(seed=1), SmallNet(seed=2)
    assert torch.equal(torch.rand(3), expected)
    states = [torch.cat([p.flatten() for p in network.parameters()]) for network in (first, second, other)]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_the_depth_head_starts_at_the_given_distance() -> None:
    with torch.no_grad():
        depth = SmallNet(log_distance=1.5)(torch.rand(2, 3, 64, 64)).depth
    assert depth.mean() == pytest.approx(1.5, abs=0.2)


@pytest.mark.slow
def test_a_batch_of_16_takes_less_than_half_a_second() -> None:
    network, pictures, times = SmallNet(), torch.rand(16, 3, 128, 128), []
    for _ in range(5):
        start = time.process_time()
        mask, depth = network(pictures)
        (mask.mean() + depth.mean()).backward()
        times.append(time.process_time() - start)
    assert min(times) < 0.5


@pytest.mark.slow
def test_the_network_learns_a_bright_disc_nearer_than_its_surroundings() -> None:
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    centres = torch.randint(20, 44, (8, 2), generator=torch.Generator().manual_seed(0))
    discs = torch.stack([((x - cx) ** 2 + (y - cy) ** 2 < 144) for cx, cy in centres]).unsqueeze(1)
    pictures = 0.3 * random_maps(0, 8, 3, 64, 64) + 0.6 * discs
    target, valid = torch.where(discs, 0.5, 1.5), torch.ones_like(discs)
    network = SmallNet(log_distance=1.0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(40):
        mask, depth = network(pictures)
        loss = mask_loss(mask, discs) + depth_loss(depth, target, valid)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        mask, depth = network(pictures)
    assert mask_scores(mask, discs).mean("iou") > 0.9
    assert depth_scores(depth, target, valid).mean("abs_rel") < 0.15


def test_targets_are_logarithms_of_metres_and_invalid_pixels_are_marked() -> None:
    logarithms, valid = log_distance(np.array([1.0, math.e, np.nan], np.float32), DepthSpec("m"))
    np.testing.assert_allclose(logarithms, [0, 1, 0], atol=1e-6)
    assert valid.tolist() == [True, True, False]


def test_farther_is_larger_also_for_disparity() -> None:
    spec = DepthSpec("m", kind="relative_disparity", unit="", **relative_scale(-2.0, 6.0))
    logarithms, valid = log_distance(np.array([6.0, 2.0, -2.0, np.nan], np.float32), spec)
    np.testing.assert_allclose(logarithms[[0, 2]], [0, math.log(4)], atol=1e-6)
    assert logarithms[0] < logarithms[1] < logarithms[2]
    assert valid.tolist() == [True, True, True, False]


def test_mask_loss_is_least_for_the_true_matte() -> None:
    matte = (random_maps(0, 2, 1, 16, 16) > 0.8).float()
    right = mask_loss((matte * 2 - 1) * 20, matte)
    assert right < 0.01 < mask_loss(torch.zeros_like(matte), matte) < mask_loss((1 - matte * 2) * 20, matte)
    assert mask_loss(torch.full_like(matte, -20), torch.zeros_like(matte)) < 0.01  # nothing there, nothing predicted


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.floats(-3, 3), st.sampled_from([0.0, 0.5, 1.0]))
def test_invalid_depth_changes_neither_loss_nor_scores(seed: int, log_scale: float, invariance: float) -> None:
    prediction, target = random_maps(seed, 2, 1, 16, 16), random_maps(seed + 1, 2, 1, 16, 16)
    valid = random_maps(seed + 2, 2, 1, 16, 16) > 0.3
    noise = torch.where(valid, target, math.nan)
    prediction.requires_grad_()
    losses = [depth_loss(prediction, t, valid, invariance) for t in (target, noise, torch.where(valid, target, 1e30))]
    assert losses[0] == losses[1] == losses[2]
    losses[1].backward()
    assert prediction.grad is not None
    assert torch.isfinite(prediction.grad).all()
    assert (prediction.grad[~valid] == 0).all()
    scores = [depth_scores(prediction.detach() + log_scale, t, valid, align=True) for t in (target, noise)]
    assert scores[0] == scores[1]


def test_no_valid_depth_is_no_loss_and_no_score() -> None:
    prediction = torch.zeros(2, 1, 16, 16, requires_grad=True)
    loss = depth_loss(prediction, prediction.detach() * math.nan, ~EVERYWHERE)
    loss.backward()
    assert loss == 0
    scores = depth_scores(prediction.detach(), prediction.detach() * math.nan, ~EVERYWHERE, align=True)
    assert scores.sums["abs_rel"] == (0.0, 0)
    assert math.isnan(scores.mean("abs_rel"))


def test_scale_invariant_depth_loss_ignores_scale() -> None:
    target = random_maps(0, 2, 1, 16, 16)
    assert depth_loss(target + 0.7, target, EVERYWHERE) == pytest.approx(0.7, abs=1e-5)
    assert depth_loss(target + 0.7, target, EVERYWHERE, scale_invariance=1) == pytest.approx(0, abs=1e-5)


def test_the_gradient_term_counts_edges_and_no_neighbours_across_invalid_pixels() -> None:
    target = torch.zeros(1, 1, 16, 16)
    prediction = torch.zeros(1, 1, 16, 16)
    prediction[..., 8:] = 1
    valid = torch.ones_like(target, dtype=torch.bool)
    with_edge = depth_loss(prediction, target, valid) - depth_loss(prediction, target, valid, gradient=0)
    valid[..., 7:9] = False
    valid[..., 4::4] = False  # no neighbours at the coarser scales
    across = depth_loss(prediction, target, valid) - depth_loss(prediction, target, valid, gradient=0)
    assert with_edge > 0.01
    assert across == pytest.approx(0, abs=1e-6)


def test_mask_scores_agree_with_counting() -> None:
    logits, matte = torch.full((1, 1, 4, 4), -9.0), torch.zeros(1, 1, 4, 4)
    logits[..., :2, :] = 9  # 8 pixels
    matte[..., 1:3, :] = 128 / 255  # 8 pixels, 4 of them shared
    scores = mask_scores(logits, matte)
    assert scores.mean("iou") == pytest.approx(4 / 12)
    assert scores.mean("dice") == pytest.approx(8 / 16)
    matte[...] = 127 / 255
    assert mask_scores(logits, matte).mean("iou") == 0
    assert mask_scores(torch.full_like(logits, -9.0), matte).mean("dice") == 1
    assert mask_scores(torch.full_like(logits, -90.0), matte).mean("matte_error") == pytest.approx(127 / 255)


def test_depth_scores_agree_with_their_formulas_everywhere_and_inside() -> None:
    truth = torch.tensor([1.0, 2.0, 4.0, 8.0]).reshape(1, 1, 2, 2)
    predicted = truth * torch.tensor([1.2, 1.0, 1.3, 0.5]).reshape(1, 1, 2, 2)
    inside = torch.tensor([True, False, False, False]).reshape(1, 1, 2, 2)
    scores = depth_scores(predicted.log(), truth.log(), torch.ones_like(inside), inside)
    expected = {"abs_rel": (0.2 + 0 + 0.3 + 0.5) / 4, "delta": 0.5, "abs_rel_inside": 0.2, "delta_inside": 1.0}
    assert scores.means() == pytest.approx(expected, rel=1e-5)


def test_alignment_removes_the_scale_of_each_picture() -> None:
    truth = 1 + random_maps(0, 2, 1, 15, 15)
    predicted = truth * torch.tensor([0.3, 5.0]).reshape(2, 1, 1, 1)
    valid = torch.ones_like(truth, dtype=torch.bool)
    assert depth_scores(predicted.log(), truth.log(), valid).mean("delta") == 0
    aligned = depth_scores(predicted.log(), truth.log(), valid, align=True)
    assert aligned.mean("delta") == 1
    assert aligned.mean("abs_rel") == pytest.approx(0, abs=1e-5)


def test_scores_add_up_to_those_of_one_batch() -> None:
    logits, matte = random_maps(0, 6, 1, 16, 16) * 4 - 2, random_maps(1, 6, 1, 16, 16)
    whole = mask_scores(logits, matte)
    added = sum((mask_scores(logits[i : i + 2], matte[i : i + 2]) for i in (0, 2, 4)), Scores())
    assert added.means() == pytest.approx(whole.means())
    both = added + Scores({"abs_rel": (0.5, 2)})
    assert both.mean("abs_rel") == 0.25
    assert both.mean("iou") == pytest.approx(whole.mean("iou"))
