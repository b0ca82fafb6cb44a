"""The configuration of a DenseDepth network: its widths, its activations and the range of its depth."""

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

MAX_WIDTH, MAX_BLOCKS, MAX_LAYERS = 16_384, 6, 256


@strict
class DenseDepthConfig(PreTrainedConfig):
    """Configuration of a DenseDepth network. The defaults are the authors' released NYU network.

    One class covers every variant:

    - released (`nyu.h5`, `kitti.h5`): the defaults, 42.66 M parameters;
    - the authors' current code: `decoder_width=832, leaky_after_conv_a=True`, 21.4 M;
    - a small one, below 1 M: `DenseDepthConfig(num_init_features=24, growth_rate=12, block_config=[4, 6, 8, 6],
      decoder_width=128, leaky_after_conv_a=True)`.

    Args:
        num_channels: channels of the input, RGB in [0, 1].
        num_init_features: channels after the first convolution.
        growth_rate: channels that each dense layer adds.
        bottleneck_factor: a dense layer's 1x1 convolution has `bottleneck_factor * growth_rate` channels.
        block_config: number of dense layers in each block; input sides are multiples of
            2 ** (len(block_config) + 1).
        decoder_width: channels after the decoder's 1x1 convolution; each up-block halves them.
        leaky_after_conv_a: LeakyReLU also after the first convolution of an up-block (the second always has one).
        leaky_slope: negative slope of the LeakyReLU.
        final_relu: ReLU after the encoder's last batch normalisation.
        batch_norm_eps: epsilon of the batch normalisations; 1.001e-5 is that of Keras's DenseNet, torch's is 1e-5.
        align_corners: of the decoder's bilinear upsampling; the released weights were trained with True.
        min_depth, max_depth: depth in metres is `clip(max_depth / raw, min_depth, max_depth)`. NYU: 0.1, 10
            (the authors' `10 * clip(1000 / raw, 10, 1000) / 1000` in other units); KITTI: 1, 80.
        depth_estimation_type: always "metric": metres, larger is farther.
    Source: Alhashim & Wonka 2018, "High Quality Monocular Depth Estimation via Transfer Learning".
    """

    model_type = "densedepth"

    num_channels: int = 3
    num_init_features: int = 64
    growth_rate: int = 32
    bottleneck_factor: int = 4
    block_config: list[int] | tuple[int, ...] = (6, 12, 32, 32)
    decoder_width: int = 1664
    leaky_after_conv_a: bool = False
    leaky_slope: float = 0.2
    final_relu: bool = True
    batch_norm_eps: float = 1.001e-5
    align_corners: bool = True
    min_depth: float | int = 0.1
    max_depth: float | int = 10.0
    depth_estimation_type: str = "metric"

    @property
    def size_divisor(self) -> int:
        """Input sides must be multiples of this: 2 by the stem, 2 by its pool, 2 by each transition."""
        return 1 << (len(self.block_config) + 1)

    def validate_architecture(self) -> None:
        """Reject a configuration of a network that cannot be built; transformers calls this at construction.

        Raises:
            ValueError: a value is outside its range.
        """
        widths = (
            self.num_channels,
            self.num_init_features,
            self.growth_rate,
            self.bottleneck_factor,
            self.decoder_width,
        )
        if not all(0 < width <= MAX_WIDTH for width in widths):
            raise ValueError(f"DenseDepth: widths must be 1..{MAX_WIDTH}; got {widths}")
        blocks = tuple(self.block_config)
        if not 2 <= len(blocks) <= MAX_BLOCKS or not all(0 < layers <= MAX_LAYERS for layers in blocks):
            raise ValueError(
                f"DenseDepth: block_config must be 2..{MAX_BLOCKS} blocks of 1..{MAX_LAYERS}; got {blocks}"
            )
        if self.decoder_width < 2 ** len(blocks):  # each up-block halves it
            raise ValueError(f"DenseDepth: decoder_width must be at least {2 ** len(blocks)}; got {self.decoder_width}")
        if not 0 < self.min_depth < self.max_depth:
            raise ValueError(f"DenseDepth: 0 < min_depth < max_depth must hold; got {self.min_depth}, {self.max_depth}")
