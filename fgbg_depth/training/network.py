"""`SmallNet`: a mask and a depth map from one picture, by a network small enough to train on a CPU.

It exists to measure what a dataset teaches, so that every run can afford it: 0.41 million parameters; forward and
backward of a batch of 16 at 128 px take 0.18 s on one CPU core with channels last (`memory_format`), 0.25 s without.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 32  # of the deepest level; other sizes are padded inside
_WIDTHS = (24, 40, 72, 128, 192)  # channels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the picture's size
_BLOCKS = (1, 2, 2, 2, 2)
_HEAD = 32  # channels of the last features, at half size


class Prediction(NamedTuple):
    """What `SmallNet` predicts.

    Args:
        mask: (N, 1, H, W) logits: above 0 is the cut-out, `mask.sigmoid()` is the matte.
        depth: (N, 1, H, W) natural logarithm of the distance, as `targets.log_distance` gives it: of metres for
            metric depth, and of the distance 1 (near) to 4 (far) at which `DepthKind.distances` draws the kinds
            without a unit. Larger is always farther, also for disparity.
    """

    mask: Tensor
    depth: Tensor


class SmallNet(nn.Module):
    """A U-Net of depthwise-separable convolutions with one head for the mask and one for the depth.

    Args:
        seed: of the initial weights; equal seeds give equal weights, whatever was drawn before.
        log_distance: the depth that the untrained network predicts; best the median of the training rows.
    Source: depthwise-separable blocks, Howard et al. 2017, MobileNets; skips, Ronneberger et al. 2015, U-Net;
        sub-pixel heads, Shi et al. 2016.
    """

    def __init__(self, seed: int = 0, log_distance: float = 0.0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            # four neighbouring pixels become channels, so that half size loses nothing of the outline
            self.stem = nn.Sequential(nn.PixelUnshuffle(2), *_convolution(12, _WIDTHS[0], kernel=3))
            self.stages = nn.ModuleList(
                nn.Sequential(
                    _Separable(_WIDTHS[max(level - 1, 0)], width, stride=2 if level else 1),
                    *(_Separable(width, width) for _ in range(blocks - 1)),
                )
                for level, (width, blocks) in enumerate(zip(_WIDTHS, _BLOCKS, strict=True))
            )
            self.context = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(_WIDTHS[-1], _WIDTHS[-1], 1), nn.ReLU())
            levels = zip(_WIDTHS[:0:-1], _WIDTHS[-2::-1], strict=True)
            self.ups = nn.ModuleList(_Up(below, width) for below, width in levels)
            self.features = nn.Sequential(*_convolution(_WIDTHS[0], _HEAD, kernel=3))
            self.heads = nn.Conv2d(_HEAD, 2 * 4, 3, padding=1)  # two maps, four pixels each
            _initialise(self)
            nn.init.normal_(self.heads.weight, std=0.01)  # so that the first predictions are the biases
        with torch.no_grad():
            assert self.heads.bias is not None
            self.heads.bias[4:] = log_distance

    def forward(self, pictures: Tensor) -> Prediction:
        """Predict.

        Args:
            pictures: (N, 3, H, W) float RGB in [0, 1].
        """
        height, width = pictures.shape[-2:]
        padding = (0, -width % STRIDE, 0, -height % STRIDE)
        x = functional.pad(pictures, padding, "replicate") if any(padding) else pictures
        x = self.stem(2 * x - 1)
        skips = []
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        x = x + self.context(x)
        for up, skip in zip(self.ups, skips[-2::-1], strict=True):
            x = up(x, skip)
        both = functional.pixel_shuffle(self.heads(self.features(x)), 2)[..., :height, :width]
        return Prediction(both[:, :1], both[:, 1:])


class _Separable(nn.Module):
    """A 3x3 convolution of each channel, then one over channels; with a shortcut where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolution(inputs, inputs, kernel=3, stride=stride, groups=inputs),
            *_convolution(inputs, outputs, kernel=1),
        )
        self.shortcut = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.shortcut else y


class _Up(nn.Module):
    """Features of the level below at twice their size, added to the skip of this level."""

    def __init__(self, below: int, width: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(below, width, 1)
        self.mix = nn.Sequential(*_convolution(width, width, kernel=3))

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        up = functional.interpolate(self.narrow(below), scale_factor=2, mode="bilinear", align_corners=False)
        y: Tensor = self.mix(up + skip)
        return y


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


def _initialise(network: nn.Module) -> None:
    """He et al. 2015, for every convolution; torch's default is made for other activations."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(
                layer.weight, mode="fan_out" if layer.groups == 1 else "fan_in", nonlinearity="relu"
            )
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
