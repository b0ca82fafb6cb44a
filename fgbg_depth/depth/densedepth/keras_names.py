"""Recognise a DenseDepth network in a weights-only file, from the names of its layers and the shapes of its weights.

Such a file does not describe the network, but Keras lists every layer in it, also those without weights. So it
shows whether a LeakyReLU follows convA and whether the encoder ends in a ReLU. It states neither the epsilon of the
batch normalisation nor the slope of the LeakyReLU; DenseNet's and DenseDepth's own values are used.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

from fgbg_depth.depth.densedepth.keras_file import WeightsFileError
from fgbg_depth.depth.densedepth.keras_graph import Architecture


def recognise_names(layer_names: list[str], shapes: Mapping[tuple[str, str], tuple[int, ...]]) -> Architecture:
    """The architecture of a weights-only file.

    Args:
        layer_names: all layers, `/` written `_`.
        shapes: {(layer, weight): shape} in Keras's layout.
    Raises:
        WeightsFileError: the names or shapes are not those of a DenseDepth network.
    """
    names = set(layer_names)

    def filters(layer: str) -> int:
        shape = shapes.get((layer, "kernel"))
        if shape is None or len(shape) != 4 or not shape[-1]:
            raise WeightsFileError(f"not a DenseDepth network: it has no convolution {layer}.")
        return shape[-1]

    blocks: list[int] = []
    while f"conv{len(blocks) + 2}_block1_0_bn" in names:
        number = len(blocks) + 2
        blocks.append(next(i for i in itertools.count() if f"conv{number}_block{i + 1}_0_bn" not in names))
    num_ups = sum(f"up{i}_convA" in names for i in range(1, len(names)))
    num_leaky = sum(re.fullmatch(r"leaky_?re_?lu(_\d+)?", name, re.IGNORECASE) is not None for name in names)
    if len(blocks) < 2 or num_ups != len(blocks) or num_leaky not in (num_ups, 2 * num_ups):
        raise WeightsFileError(
            f"not a DenseDepth network: it has {len(blocks)} dense blocks, {num_ups} up-blocks "
            f"and {num_leaky} LeakyReLUs."
        )
    growth = filters("conv2_block1_2_conv")
    settings: dict[str, Any] = {
        "num_init_features": filters("conv1_conv"),
        "growth_rate": growth,
        "bottleneck_factor": filters("conv2_block1_1_conv") // growth,
        "block_config": blocks,
        "decoder_width": filters("conv2"),
        "leaky_after_conv_a": num_leaky == 2 * num_ups,
        "leaky_slope": 0.2,
        "final_relu": "relu" in names,
        "batch_norm_eps": 1.001e-5,
        "align_corners": True,
    }
    return Architecture(settings, _layers(blocks))


def _layers(blocks: list[int]) -> dict[str, str]:
    """{torch module: Keras layer} for this number of dense layers in each block."""
    layers = {"encoder.conv0": "conv1_conv", "encoder.norm0": "conv1_bn", "encoder.norm5": "bn"}
    layers |= {"conv2": "conv2", "conv3": "conv3"}
    for block, count in enumerate(blocks):
        for i in range(count):
            torch, keras = f"encoder.blocks.{block}.{i}", f"conv{block + 2}_block{i + 1}"
            layers |= {f"{torch}.norm1": f"{keras}_0_bn", f"{torch}.conv1": f"{keras}_1_conv"}
            layers |= {f"{torch}.norm2": f"{keras}_1_bn", f"{torch}.conv2": f"{keras}_2_conv"}
        if block < len(blocks) - 1:
            torch, keras = f"encoder.transitions.{block}", f"pool{block + 2}"
            layers |= {f"{torch}.norm": f"{keras}_bn", f"{torch}.conv": f"{keras}_conv"}
        layers |= {f"ups.{block}.conv_{half.lower()}": f"up{block + 1}_conv{half}" for half in "AB"}
    return layers
