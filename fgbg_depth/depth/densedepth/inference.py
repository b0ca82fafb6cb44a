"""DenseDepth for prediction alone: no batch normalisation left, and dense blocks that are written once.

The network's time on a GPU is mostly the memory traffic of its encoder. Each dense layer of the training form copies
all channels so far (concatenation), reads and writes them for the normalisation, and again for the ReLU. Here a block
has one tensor to which each layer adds its channels, and each layer reads and writes all channels so far once:

- A normalisation after a convolution is part of that convolution's weights.
- A normalisation s*x + b before a ReLU and a 1x1 convolution is a clamp of x, and the convolution's weights have the
  rest: max(0, s*x + b) = s*max(x, -b/s) + b where s > 0, and s*min(x, -b/s) + b where s < 0.
- Average pooling and a 1x1 convolution can change places; pooling first leaves a quarter of the multiplications.

The result differs from that of the training form by rounding alone: in fp32 by less than 1e-6 of the output's range
(root mean square), in fp16 and bf16 it is nearer to the exact result. That changes a stored value now and then, so it
is used on GPUs only, where no labels were made before; on a CPU labels stay as they were, to the bit.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from fgbg_depth.depth.densedepth.modeling import (
    DenseDepthForDepthEstimation,
    DenseDepthOutput,
    DenseLayer,
    Encoder,
    Transition,
    check_sides,
    depth_from_raw,
)

# Activations of a trained network are far below; a threshold beyond it is never reached, and fp16 ends at 65,504.
LARGEST_THRESHOLD = 1e4


class _Affine(NamedTuple):
    """A normalisation with constant statistics, scale * x + shift, by channel; float64."""

    scale: torch.Tensor
    shift: torch.Tensor

    @classmethod
    def of(cls, norm: nn.BatchNorm2d) -> _Affine:
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight.double() * torch.rsqrt(norm.running_var.double() + norm.eps)
        return cls(scale, norm.bias.double() - norm.running_mean.double() * scale)


class Clamp(nn.Module):
    """What is left of a normalisation and a ReLU: clamp each channel between two constants."""

    low: torch.Tensor
    high: torch.Tensor

    def __init__(self, low: torch.Tensor, high: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("low", low.view(1, -1, 1, 1))
        self.register_buffer("high", high.view(1, -1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) of any strides to a new tensor."""
        return torch.clamp(x, self.low, self.high)


def clamp_and_affine(norm: nn.BatchNorm2d) -> tuple[Clamp, _Affine]:
    """A clamp and an affine map that give ReLU(norm(x)), one after the other."""
    scale, shift = _Affine.of(norm)
    threshold = -shift / torch.where(scale == 0, 1, scale)
    # Where the threshold cannot be reached the ReLU passes everything, or nothing: a constant, as where scale is 0.
    above = threshold.abs() > LARGEST_THRESHOLD
    passes = above & (torch.sign(scale) != torch.sign(threshold))
    constant = (scale == 0) | (above & ~passes)
    endless = torch.full_like(threshold, torch.inf)
    low = torch.where((scale > 0) & ~passes, threshold, -endless)
    high = torch.where((scale < 0) & ~passes, threshold, endless)
    low, high = (torch.where(constant, 0, bound) for bound in (low, high))
    value = torch.where(scale == 0, shift.clamp_min(0), 0)
    dtype = norm.weight.dtype
    return Clamp(low.to(dtype), high.to(dtype)), _Affine(
        torch.where(constant, 0, scale), torch.where(constant, value, shift)
    )


def conv_after(affine: _Affine, conv: nn.Conv2d) -> nn.Conv2d:
    """One 1x1 convolution that does an affine map and then a 1x1 convolution."""
    weight = conv.weight.double()
    bias = (weight[:, :, 0, 0] * affine.shift).sum(1)
    if conv.bias is not None:
        bias = bias + conv.bias.double()
    return _conv(conv, weight * affine.scale.view(1, -1, 1, 1), bias)


def conv_before(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """One convolution that does a convolution and then a normalisation."""
    scale, shift = _Affine.of(norm)
    bias = shift if conv.bias is None else shift + scale * conv.bias.double()
    return _conv(conv, conv.weight.double() * scale.view(-1, 1, 1, 1), bias)


def _conv(like: nn.Conv2d, weight: torch.Tensor, bias: torch.Tensor) -> nn.Conv2d:
    outputs, inputs, height, width = weight.shape
    with torch.device("meta"):
        conv = nn.Conv2d(inputs, outputs, (height, width))
    conv.stride, conv.padding = like.stride, like.padding
    conv.weight = nn.Parameter(weight.to(like.weight.dtype), requires_grad=False)
    conv.bias = nn.Parameter(bias.to(like.weight.dtype), requires_grad=False)
    return conv


class InferenceDenseLayer(nn.Module):
    """Clamp-1x1-ReLU-3x3: the new channels of a dense layer."""

    def __init__(self, layer: DenseLayer) -> None:
        super().__init__()
        self.clamp, affine = clamp_and_affine(layer.norm1)
        self.conv1 = conv_before(conv_after(affine, layer.conv1), layer.norm2)
        self.conv2 = layer.conv2

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, growth rate, H, W)."""
        new: torch.Tensor = self.conv2(functional.relu(self.conv1(self.clamp(features)), inplace=True))
        return new


class InferenceTransition(nn.Module):
    """Clamp, average pooling to half the size, 1x1 to half the channels."""

    def __init__(self, transition: Transition) -> None:
        super().__init__()
        self.clamp, affine = clamp_and_affine(transition.norm)
        self.conv = conv_after(affine, transition.conv)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, C / 2, H / 2, W / 2)."""
        smaller: torch.Tensor = self.conv(functional.avg_pool2d(self.clamp(features), 2))
        return smaller


class InferenceDenseBlock(nn.Module):
    """Dense layers that write their channels into one tensor."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = nn.ModuleList(InferenceDenseLayer(layer) for layer in layers if isinstance(layer, DenseLayer))
        self.growth = sum(layer.conv2.out_channels for layer in self.layers if isinstance(layer, InferenceDenseLayer))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, C + growth, H, W), in the memory format channels_last."""
        batch, channels, height, width = features.shape
        block = torch.empty(
            (batch, channels + self.growth, height, width),
            dtype=features.dtype,
            device=features.device,
            memory_format=torch.channels_last,
        )
        block[:, :channels] = features
        for layer in self.layers:
            new = layer(block[:, :channels])
            block[:, channels : channels + new.shape[1]] = new
            channels += new.shape[1]
        return block


class InferenceEncoder(nn.Module):
    """See `modeling.Encoder`."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.conv0 = conv_before(encoder.conv0, encoder.norm0)
        self.blocks = nn.ModuleList(InferenceDenseBlock(b) for b in encoder.blocks if isinstance(b, nn.Sequential))
        self.transitions = nn.ModuleList(
            InferenceTransition(transition) for transition in encoder.transitions if isinstance(transition, Transition)
        )

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The last block, not normalised, and the features for the decoder, deepest first."""
        features = functional.relu(self.conv0(image), inplace=True)
        skips = [features]
        features = functional.max_pool2d(features, 3, stride=2, padding=1)
        skips.append(features)
        for block, transition in zip(self.blocks[:-1], self.transitions, strict=True):
            features = transition(block(features))
            skips.append(features)
        return self.blocks[-1](features), skips[: len(self.blocks)][::-1]


class InferenceDenseDepth(nn.Module):
    """DenseDepth without gradients, with the same inputs and outputs as `DenseDepthForDepthEstimation`.

    The weights of the decoder are shared with the model that it is made from; those of the encoder are new.

    Args:
        model: in fp32, with its final statistics; not changed.
    """

    def __init__(self, model: DenseDepthForDepthEstimation) -> None:
        super().__init__()
        self.config = model.config
        encoder = model.encoder
        self.encoder = InferenceEncoder(encoder)
        self.clamp: nn.Module = nn.Identity()
        affine = _Affine.of(encoder.norm5)
        if encoder.final_relu:
            self.clamp, affine = clamp_and_affine(encoder.norm5)
        self.conv2 = conv_after(affine, model.conv2)
        self.ups, self.conv3 = model.ups, model.conv3
        self.eval().requires_grad_(False)

    def raw(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """See `DenseDepthForDepthEstimation.raw`."""
        check_sides(pixel_values, self.config)
        features, skips = self.encoder(pixel_values)
        features = self.conv2(self.clamp(features))
        for up, skip in zip(self.ups, skips, strict=True):
            features = up(features, skip)
        raw: torch.Tensor = self.conv3(features)[:, 0]
        return raw

    def forward(self, pixel_values: torch.Tensor) -> DenseDepthOutput:
        """See `DenseDepthForDepthEstimation.forward`."""
        raw = self.raw(pixel_values)
        return DenseDepthOutput(predicted_depth=depth_from_raw(raw, self.config), raw=raw)
