"""DenseDepth: a DenseNet encoder and a decoder of bilinear upsampling and convolutions; metric depth at half size.

Modules are named as in torchvision's DenseNet where it has them. Every array is (N, C, H, W) float.
Source: Alhashim & Wonka 2018 (network, depth transform); Huang et al. 2017 (DenseNet).
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.utils.generic import ModelOutput

from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig


@dataclass
class DenseDepthOutput(ModelOutput):
    """Outputs of `DenseDepthForDepthEstimation`, both (N, H / 2, W / 2).

    predicted_depth: metres, float32, within the configuration's `min_depth..max_depth`.
    raw: the network's own output, `max_depth / depth`, not clipped; it can be negative.
    """

    predicted_depth: torch.Tensor | None = None
    raw: torch.Tensor | None = None


class DenseLayer(nn.Module):
    """BN-ReLU-1x1-BN-ReLU-3x3; the new channels are appended to the input: [input, new]."""

    def __init__(self, channels: int, config: DenseDepthConfig):
        super().__init__()
        bottleneck = config.bottleneck_factor * config.growth_rate
        self.norm1 = nn.BatchNorm2d(channels, eps=config.batch_norm_eps)
        self.conv1 = nn.Conv2d(channels, bottleneck, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(bottleneck, eps=config.batch_norm_eps)
        self.conv2 = nn.Conv2d(bottleneck, config.growth_rate, 3, padding=1, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        new = self.conv1(functional.relu(self.norm1(features)))
        new = self.conv2(functional.relu(self.norm2(new)))
        return torch.cat([features, new], 1)


class Transition(nn.Module):
    """BN-ReLU-1x1 to half the channels, then average pooling to half the size."""

    def __init__(self, channels: int, config: DenseDepthConfig):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps=config.batch_norm_eps)
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(self.conv(functional.relu(self.norm(features))), 2)


class Encoder(nn.Module):
    """DenseNet without its classifier; also returns the features for the decoder's skip connections, deepest first."""

    def __init__(self, config: DenseDepthConfig):
        super().__init__()
        channels = config.num_init_features
        self.final_relu = config.final_relu
        self.conv0 = nn.Conv2d(config.num_channels, channels, 7, stride=2, padding=3, bias=False)
        self.norm0 = nn.BatchNorm2d(channels, eps=config.batch_norm_eps)
        self.blocks, self.transitions = nn.ModuleList(), nn.ModuleList()
        skip_channels = [channels, channels]
        for index, num_layers in enumerate(config.block_config):
            layers = [DenseLayer(channels + i * config.growth_rate, config) for i in range(num_layers)]
            self.blocks.append(nn.Sequential(*layers))
            channels += num_layers * config.growth_rate
            if index < len(config.block_config) - 1:
                self.transitions.append(Transition(channels, config))
                channels //= 2
                skip_channels.append(channels)
        self.norm5 = nn.BatchNorm2d(channels, eps=config.batch_norm_eps)
        self.out_channels = channels
        # The last transition's output is as small as the encoder's own output, so no up-block needs it.
        self.skip_channels = skip_channels[: len(config.block_config)][::-1]

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        features = functional.relu(self.norm0(self.conv0(image)))
        skips = [features]
        # Keras pads here with zeros and torch with -inf, which is the same after a ReLU.
        features = functional.max_pool2d(features, 3, stride=2, padding=1)
        skips.append(features)
        for block, transition in zip(self.blocks[:-1], self.transitions, strict=True):
            features = transition(block(features))
            skips.append(features)
        features = self.norm5(self.blocks[-1](features))
        if self.final_relu:
            features = functional.relu(features)
        return features, skips[: len(self.blocks)][::-1]


class UpBlock(nn.Module):
    """Upsample to the size of the skip connection, concatenate [up, skip], two 3x3 convolutions with bias."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int, config: DenseDepthConfig):
        super().__init__()
        self.align_corners = config.align_corners
        self.leaky_after_conv_a = config.leaky_after_conv_a
        self.leaky_slope = config.leaky_slope
        self.conv_a = nn.Conv2d(in_channels + skip_channels, out_channels, 3, padding=1)
        self.conv_b = nn.Conv2d(out_channels, out_channels, 3, padding=1)

    def forward(self, features: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        up = functional.interpolate(features, size=skip.shape[-2:], mode="bilinear", align_corners=self.align_corners)
        up = self.conv_a(torch.cat([up, skip], 1))
        if self.leaky_after_conv_a:
            up = functional.leaky_relu(up, self.leaky_slope)
        return functional.leaky_relu(self.conv_b(up), self.leaky_slope)


def check_sides(pixel_values: torch.Tensor, config: DenseDepthConfig) -> None:
    """Check that the sides of (N, 3, H, W) are multiples of `config.size_divisor`.

    Raises:
        ValueError: one is not.
    """
    divisor = config.size_divisor
    height, width = pixel_values.shape[-2:]
    if height % divisor or width % divisor or not height or not width:
        raise ValueError(
            f"DenseDepth needs input sides that are multiples of {divisor}; got {height}x{width}. "
            "Resize with DenseDepthImageProcessor first."
        )


def depth_from_raw(raw: torch.Tensor, config: DenseDepthConfig) -> torch.Tensor:
    """Metres, float32. The reciprocal is taken first and clipped after, so a negative value is the nearest depth.

    Source: the authors' evaluation code.
    """
    return torch.clamp(config.max_depth / raw.float(), config.min_depth, config.max_depth)


class DenseDepthForDepthEstimation(PreTrainedModel):
    """DenseDepth in transformers' form: `AutoModelForDepthEstimation` loads it after `import fgbg_depth`.

    Example:
        model = DenseDepthForDepthEstimation(DenseDepthConfig())
        model(torch.rand(2, 3, 224, 224)).predicted_depth  # (2, 112, 112), metres
        model.raw(torch.rand(2, 3, 224, 224))              # (2, 112, 112), for training
    """

    config: DenseDepthConfig
    config_class = DenseDepthConfig
    base_model_prefix = "densedepth"
    main_input_name = "pixel_values"
    _no_split_modules = ["UpBlock"]  # noqa: RUF012

    def __init__(self, config: DenseDepthConfig):
        super().__init__(config)
        self.encoder = Encoder(config)
        channels = config.decoder_width
        self.conv2 = nn.Conv2d(self.encoder.out_channels, channels, 1)
        self.ups = nn.ModuleList()
        for skip_channels in self.encoder.skip_channels:
            self.ups.append(UpBlock(channels, skip_channels, channels // 2, config))
            channels //= 2
        self.conv3 = nn.Conv2d(channels, 1, 3, padding=1)
        self.post_init()  # type: ignore[no-untyped-call]  # transformers

    def raw(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """The network's own output, before the depth transform.

        Args:
            pixel_values: (N, 3, H, W) float RGB in [0, 1]; H and W are multiples of `config.size_divisor`.
        Returns:
            (N, H / 2, W / 2), `max_depth / depth` in the dtype of the weights.
        Raises:
            ValueError: a side is not such a multiple.
        """
        check_sides(pixel_values, self.config)
        features, skips = self.encoder(pixel_values)
        features = self.conv2(features)
        for up, skip in zip(self.ups, skips, strict=True):
            features = up(features, skip)
        raw: torch.Tensor = self.conv3(features)[:, 0]
        return raw

    def depth_from_raw(self, raw: torch.Tensor) -> torch.Tensor:
        """Metres, float32; see the function of the same name."""
        return depth_from_raw(raw, self.config)

    def forward(
        self, pixel_values: torch.Tensor, return_dict: bool | None = None
    ) -> DenseDepthOutput | tuple[torch.Tensor, ...]:
        """Depth and raw output; `pixel_values` as in `raw`. A tuple without names if `return_dict` is False."""
        raw = self.raw(pixel_values)
        output = DenseDepthOutput(predicted_depth=self.depth_from_raw(raw), raw=raw)
        return output.to_tuple() if return_dict is False else output

    def _init_weights(self, module: nn.Module) -> None:
        # Kaiming, as DenseNet was trained. With transformers' default, a deviation of 0.02, training does not start.
        if isinstance(module, nn.BatchNorm2d):
            super()._init_weights(module)  # type: ignore[no-untyped-call]  # transformers
        elif isinstance(module, nn.Conv2d):
            if module is self.conv3 and module.bias is not None:
                # The first prediction is the same everywhere: the geometric middle of the depth range.
                init.normal_(module.weight, std=1e-3)
                init.constant_(module.bias, (self.config.max_depth / self.config.min_depth) ** 0.5)
                return
            init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            if module.bias is not None:
                init.zeros_(module.bias)
