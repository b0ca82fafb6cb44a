"""Recognise a DenseDepth network in Keras's own description of it, layer by layer.

Every layer of the file must be one that DenseDepth has, of the right kind, with the right settings, fed by
the right layers. So a changed skip, a different padding or an added layer is an error, not a wrong depth map.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from fgbg_depth.depth.densedepth.keras_layers import Layer, read_layers
from fgbg_depth.errors import DepthError

CONV, BN, ACTIVATION = ("Conv2D", "Convolution2D"), ("BatchNormalization",), ("Activation", "ReLU")
CONCAT, PAD, LEAKY = ("Concatenate",), ("ZeroPadding2D",), ("LeakyReLU",)
MAX_POOL, AVERAGE_POOL = ("MaxPooling2D",), ("AveragePooling2D",)
ALIGNED, UNALIGNED = "BilinearUpSampling2D", "UpSampling2D"  # the authors' own layer; Keras's
MAX_CHANNELS = 16_384


@dataclass
class Architecture:
    """settings: arguments of DenseDepthConfig. layers: {torch module: Keras layer}, those with weights."""

    settings: dict[str, Any]
    layers: dict[str, str] = field(default_factory=dict)


def recognise(model_config: dict[str, Any]) -> Architecture:
    """The architecture in a Keras `model_config`.

    Raises:
        DepthError: it is not a DenseDepth; the message names the layer that differs and how.
    """
    return _Walk(read_layers(model_config)).run()


class _Walk:
    """Follow the network from its input, take note of its widths, and cross off each layer met."""

    def __init__(self, layers: dict[str, Layer]):
        self.layers, self.met = layers, set[str]()
        self.found: dict[str, str] = {}
        self.epsilons: set[float] = set()
        self.slopes: set[float] = set()

    def run(self) -> Architecture:
        inputs = [layer.name for layer in self.layers.values() if layer.kind == "InputLayer"]
        if len(inputs) != 1:
            raise DepthError(f"not a DenseDepth network: it has {len(inputs)} inputs.")
        self.met.add(inputs[0])
        x, init, skips = self.stem(inputs[0])
        x, blocks, growth, bottleneck, pooled = self.blocks(x)
        skips = [*skips, *pooled][: len(blocks)][::-1]
        x = self.norm(x, "bn", "encoder.norm5")
        final_relu = "relu" in self.layers
        if final_relu:
            x = self.layer("relu", ACTIVATION, [x], activation="relu")
        x, width = self.conv(x, "conv2", "conv2", 1, bias=True)
        leaky_a, aligned, channels = set(), set(), width
        for i, skip in enumerate(skips, start=1):
            x, align_corners = self.upsampling(x, f"up{i}_upsampling2d")
            aligned.add(align_corners)
            x = self.layer(f"up{i}_concat", CONCAT, [x, skip])
            for half in "AB":
                torch_name = f"ups.{i - 1}.conv_{half.lower()}"
                x, filters = self.conv(x, f"up{i}_conv{half}", torch_name, 3, bias=True)
                self.must(filters == channels // 2, f"up{i}_conv{half}", f"{channels // 2} filters", filters)
                after = self.leaky(x)
                if half == "A":
                    leaky_a.add(after is not None)
                self.must(half == "A" or after is not None, x, "a LeakyReLU after it", "none")
                x = after or x
            channels //= 2
        _, outputs = self.conv(x, "conv3", "conv3", 3, bias=True)
        self.must(outputs == 1, "conv3", "1 filter", outputs)
        left = sorted(set(self.layers) - self.met)
        if left:
            raise DepthError(f"not a DenseDepth network: it has layers of another kind, such as {left[0]}.")
        settings = {
            "num_init_features": init,
            "growth_rate": growth,
            "bottleneck_factor": bottleneck // growth,
            "block_config": blocks,
            "decoder_width": width,
            "leaky_after_conv_a": self.one(leaky_a, "LeakyReLU after convA"),
            "leaky_slope": self.one(self.slopes, "LeakyReLU slope"),
            "final_relu": final_relu,
            "batch_norm_eps": self.one(self.epsilons, "batch normalisation epsilon"),
            "align_corners": self.one(aligned, "upsampling"),
        }
        return Architecture(settings, self.found)

    def stem(self, x: str) -> tuple[str, int, list[str]]:
        x = self.pad(x, 3)
        x, init = self.conv(x, "conv1_conv", "encoder.conv0", 7, stride=2, padding="valid")
        x = self.norm(x, "conv1_bn", "encoder.norm0")
        relu = self.layer("conv1_relu", ACTIVATION, [x], activation="relu")
        x = self.pad(relu, 1)
        pool = self.layer("pool1", MAX_POOL, [x], pool_size=[3, 3], strides=[2, 2], padding="valid")
        return pool, init, [relu, pool]

    def blocks(self, x: str) -> tuple[str, list[int], int, int, list[str]]:
        """Dense blocks and transitions: output, layers a block, growth, bottleneck, transitions' outputs."""
        counts: list[int] = []
        growths, bottlenecks = set[int](), set[int]()
        pooled: list[str] = []
        for block in itertools.count():
            number = block + 2  # Keras counts the stem as 1
            if f"conv{number}_block1_0_bn" not in self.layers:
                break
            if block:
                x = self.transition(x, number - 1, block - 1)
                pooled.append(x)
            for index in itertools.count():
                name = f"conv{number}_block{index + 1}"
                if f"{name}_0_bn" not in self.layers:
                    break
                x = self.dense_layer(x, name, f"encoder.blocks.{block}.{index}", growths, bottlenecks)
            counts.append(index)
        if len(counts) < 2:
            raise DepthError(f"not a DenseDepth network: it has {len(counts)} dense blocks named conv2_block1, ...")
        growth, bottleneck = self.one(growths, "growth rate"), self.one(bottlenecks, "bottleneck width")
        self.must(bottleneck % growth == 0, "conv2_block1_1_conv", f"a multiple of {growth} filters", bottleneck)
        return x, counts, growth, bottleneck, pooled

    def dense_layer(self, x: str, name: str, torch: str, growths: set[int], bottlenecks: set[int]) -> str:
        y = self.norm(x, f"{name}_0_bn", f"{torch}.norm1")
        y = self.layer(f"{name}_0_relu", ACTIVATION, [y], activation="relu")
        y, filters = self.conv(y, f"{name}_1_conv", f"{torch}.conv1", 1)
        bottlenecks.add(filters)
        y = self.norm(y, f"{name}_1_bn", f"{torch}.norm2")
        y = self.layer(f"{name}_1_relu", ACTIVATION, [y], activation="relu")
        y, filters = self.conv(y, f"{name}_2_conv", f"{torch}.conv2", 3)
        growths.add(filters)
        return self.layer(f"{name}_concat", CONCAT, [x, y])

    def transition(self, x: str, number: int, index: int) -> str:
        torch = f"encoder.transitions.{index}"
        x = self.norm(x, f"pool{number}_bn", f"{torch}.norm")
        x = self.layer(f"pool{number}_relu", ACTIVATION, [x], activation="relu")
        x, _ = self.conv(x, f"pool{number}_conv", f"{torch}.conv", 1)
        return self.layer(f"pool{number}_pool", AVERAGE_POOL, [x], pool_size=[2, 2], strides=[2, 2])

    def conv(
        self,
        x: str,
        name: str,
        torch: str,
        kernel: int,
        *,
        bias: bool = False,
        stride: int = 1,
        padding: str = "same",
    ) -> tuple[str, int]:
        wanted = {
            "kernel_size": [kernel] * 2,
            "strides": [stride] * 2,
            "use_bias": bias,
            "activation": "linear",
        }
        wanted |= {"dilation_rate": [1, 1], "groups": 1}
        if kernel > 1:  # with 1x1 kernels "same" and "valid" are the same
            wanted["padding"] = padding
        self.layer(name, CONV, [x], **wanted)
        self.found[torch] = name
        filters = self.layers[name].config.get("filters")
        if type(filters) is not int or not 0 < filters <= MAX_CHANNELS:
            raise DepthError(f"not a DenseDepth network: layer {name} has {filters!r} filters.")
        return name, filters

    def norm(self, x: str, name: str, torch: str) -> str:
        self.layer(name, BN, [x], center=True, scale=True)
        config = self.layers[name].config
        axis = config.get("axis", -1)
        axis = axis[0] if isinstance(axis, list) and axis else axis
        self.must(axis in (3, -1), name, "channels last", f"axis {axis}")
        self.epsilons.add(_number(config.get("epsilon", 1e-3)))
        self.found[torch] = name
        return name

    def pad(self, x: str, size: int) -> str:
        name = self.follower(x, PAD)
        if name is None:
            raise DepthError(f"not a DenseDepth network: no zero padding after layer {x}.")
        return self.layer(name, PAD, [x], padding=[[size, size], [size, size]])

    def leaky(self, x: str) -> str | None:
        name = self.follower(x, LEAKY)
        if name is None:
            return None
        config = self.layers[name].config
        self.slopes.add(round(_number(config.get("alpha", config.get("negative_slope", 0.3))), 6))
        return self.layer(name, LEAKY, [x])

    def upsampling(self, x: str, name: str) -> tuple[str, bool]:
        """The upsampling layer after `x`, and whether it aligns corners: the authors' own layer does."""
        self.layer(name, (ALIGNED, UNALIGNED), [x])
        layer = self.layers[name]
        self.must(
            _pair(layer.config.get("size", [2, 2])) == [2, 2],
            name,
            "twice the size",
            layer.config.get("size"),
        )
        if layer.kind == UNALIGNED:
            how = layer.config.get("interpolation", "nearest")
            self.must(how == "bilinear", name, "bilinear upsampling", how)
        return name, layer.kind == ALIGNED

    def follower(self, x: str, kinds: tuple[str, ...]) -> str | None:
        """The one layer of these kinds that is fed by `x` alone; Keras numbers such layers."""
        names = [layer.name for layer in self.layers.values() if layer.inputs == [x] and layer.kind in kinds]
        return names[0] if len(names) == 1 else None

    def layer(self, name: str, kinds: tuple[str, ...], inputs: list[str], **config: Any) -> str:
        layer = self.layers.get(name)
        if layer is None:
            raise DepthError(f"not a DenseDepth network: it has no layer {name}.")
        self.must(layer.kind in kinds, name, kinds[0], layer.kind)
        self.must(layer.inputs == inputs, name, f"fed by {' and '.join(inputs)}", " and ".join(layer.inputs))
        for key, wanted in config.items():
            if key in layer.config:
                found = layer.config[key]
                found = _pair(found) if isinstance(wanted, list) and not isinstance(wanted[0], list) else found
                self.must(found == wanted, name, f"{key} {wanted}", found)
        self.must(
            layer.config.get("data_format", "channels_last") == "channels_last",
            name,
            "channels last",
            "first",
        )
        self.met.add(name)
        return name

    @staticmethod
    def must(is_right: bool, name: str, wanted: Any, found: Any) -> None:
        if not is_right:
            raise DepthError(
                f"not a DenseDepth network: layer {name}: {wanted} was expected, {found or 'nothing'} found."
            )

    @staticmethod
    def one(values: set, what: str) -> Any:
        if len(values) != 1:
            raise DepthError(f"not a DenseDepth network: more than one {what}: {sorted(values)}.")
        return next(iter(values))


def _pair(value: Any) -> Any:
    return [value, value] if isinstance(value, int) else value


def _number(value: Any) -> float:
    if isinstance(value, dict):  # early Keras wrote numpy scalars as {"type": ..., "value": ...}
        value = value.get("value")
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise DepthError(f"not a DenseDepth network: a number was expected, {value!r} found.")
    return float(value)
