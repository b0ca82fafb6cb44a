"""Losses of the mask and of the depth, averaged over a batch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

GRADIENT_SCALES = 4  # differences of neighbours at full, half, quarter and eighth size


def mask_loss(logits: Tensor, matte: Tensor) -> Tensor:
    """Binary cross-entropy plus soft Dice: the first for every pixel, the second for cut-outs that cover few of them.

    Args:
        logits: (N, 1, H, W).
        matte: (N, 1, H, W) in [0, 1]; soft outlines are targets as they are.
    Returns:
        a scalar, 0 or more.
    Source: Dice as a loss, Milletari et al. 2016, V-Net; one is added above and below for empty masks.
    """
    matte = matte.float()
    logits = logits.float()  # half precision would lose the sums below
    predicted = logits.sigmoid()
    overlap = (predicted * matte).sum((1, 2, 3))
    total = predicted.sum((1, 2, 3)) + matte.sum((1, 2, 3))
    dice = (2 * overlap + 1) / (total + 1)
    return functional.binary_cross_entropy_with_logits(logits, matte) + (1 - dice).mean()


def depth_loss(
    log_depth: Tensor, target: Tensor, valid: Tensor, scale_invariance: float = 0.0, gradient: float = 0.5
) -> Tensor:
    """Mean absolute error of the logarithm, plus the same of its differences between neighbours, for sharp outlines.

    Pixels without valid depth count nowhere: neither in the error, nor as a neighbour.

    Args:
        log_depth: (N, 1, H, W), predicted logarithm.
        target: (N, 1, H, W), true logarithm; any value, also NaN, where it is not valid.
        valid: (N, 1, H, W) bool.
        scale_invariance: 0: an error of scale counts fully; 1: the mean error of each picture is removed first, so that
            only proportions count.
        gradient: weight of the second term.
    Returns:
        a scalar, 0 or more; 0 (and no gradient) if no pixel is valid.
    Source: the scale-invariant error in log space, Eigen et al. 2014; gradients at several scales, Li & Snavely 2018,
        MegaDepth.
    """
    # the invalid target is replaced before the subtraction: NaN * 0 is NaN
    error = log_depth.float() - target.float().where(valid, log_depth.detach().float())
    error = error * valid
    loss = _mean(error.abs(), valid)
    if scale_invariance:
        counts = valid.sum((1, 2, 3), keepdim=True).clamp(min=1)
        mean = error.sum((1, 2, 3), keepdim=True) / counts
        loss = _mean(((error - scale_invariance * mean) * valid).abs(), valid)
    for scale in range(GRADIENT_SCALES if gradient else 0):
        step = 2**scale
        e, v = error[..., ::step, ::step], valid[..., ::step, ::step]
        across, down = v[..., 1:] & v[..., :-1], v[..., 1:, :] & v[..., :-1, :]
        loss = loss + gradient / GRADIENT_SCALES * (
            _mean((e[..., 1:] - e[..., :-1]).abs() * across, across)
            + _mean((e[..., 1:, :] - e[..., :-1, :]).abs() * down, down)
        )
    return loss


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    """Mean of `values`, which are 0 where they do not count."""
    return values.sum() / counted.sum().clamp(min=1)
