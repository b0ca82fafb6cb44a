"""Check that the layers of a Keras model are a DenseDepth network, and read its widths.

Every layer must be one that DenseDepth has, with the same kind, settings and inputs. So a changed skip connection, a
different padding or an added layer is an error here and not a wrong depth map later.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, TypeVar

from fgbg_depth.depth.densedepth.keras_file import KerasLayer, WeightsFileError

CONV, BN, ACTIVATION = ("Conv2D", "Convolution2D"), ("BatchNormalization",), ("Activation", "ReLU")
CONCAT, PAD, LEAKY = ("Concatenate",), ("ZeroPadding2D",), ("LeakyReLU",)
MAX_POOL, AVERAGE_POOL = ("MaxPooling2D",), ("AveragePooling2D",)
ALIGNED, UNALIGNED = "BilinearUpSampling2D", "UpSampling2D"  # the first is the authors' own layer, the second Keras's
MAX_CHANNELS = 16_384
T = TypeVar("T")


@dataclass(frozen=True)
class Architecture:
    """What was found in a file.

    settings: arguments of DenseDepthConfig.
    layers: {torch module: Keras layer}, the layers with weights.
    """

    settings: dict[str, Any]
    layers: dict[str, str]


def recognise(layers: dict[str, KerasLayer]) -> Architecture:
    """The architecture of a network from the description of its layers.

    Args:
        layers: by name, `/` written `_`.
    Raises:
        WeightsFileError: it is not a DenseDepth network; the message names the layer that differs, and how.
    """
    return _Walk(layers).run()


class _Walk:
    """Follows the network from its input. Methods check the next layers and return the name of the last one."""

    def __init__(self, layers: dict[str, KerasLayer]) -> None:
        self.layers = layers
        self.visited = set[str]()
        self.torch_names: dict[str, str] = {}
        self.epsilons: set[float] = set()
        self.slopes: set[float] = set()

    def run(self) -> Architecture:
        inputs = [layer.name for layer in self.layers.values() if layer.kind == "InputLayer"]
        if len(inputs) != 1:
            raise WeightsFileError(f"not a DenseDepth network: it has {len(inputs)} inputs.")
        self.visited.add(inputs[0])
        x, init, skips = self.stem(inputs[0])
        x, blocks, growth, bottleneck, pooled = self.blocks(x)
        skips = [*skips, *pooled][: len(blocks)][::-1]
        x = self.norm(x, "bn", "encoder.norm5")
        final_relu = "relu" in self.layers
        if final_relu:
            x = self.layer("relu", ACTIVATION, [x], activation="relu")
        x, width = self.conv(x, "conv2", "conv2", 1, bias=True)
        leaky_a, aligned = set[bool](), set[bool]()
        channels = width
        for i, skip in enumerate(skips, start=1):
            x, align_corners = self.upsampling(x, f"up{i}_upsampling2d")
            aligned.add(align_corners)
            x = self.layer(f"up{i}_concat", CONCAT, [x, skip])
            for half in "AB":
                torch_name = f"ups.{i - 1}.conv_{half.lower()}"
                x, filters = self.conv(x, f"up{i}_conv{half}", torch_name, 3, bias=True)
                self.must(filters == channels // 2, f"up{i}_conv{half}", f"{channels // 2} filters", filters)
                activated = self.leaky(x)
                if half == "A":
                    leaky_a.add(activated is not None)
                self.must(half == "A" or activated is not None, x, "a LeakyReLU after it", None)
                x = activated or x
            channels //= 2
        _, outputs = self.conv(x, "conv3", "conv3", 3, bias=True)
        self.must(outputs == 1, "conv3", "1 filter", outputs)
        unknown = sorted(set(self.layers) - self.visited)
        if unknown:
            raise WeightsFileError(f"not a DenseDepth network: it has other layers too, such as {unknown[0]}.")
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
        return Architecture(settings, self.torch_names)

    def stem(self, x: str) -> tuple[str, int, list[str]]:
        x = self.pad(x, 3)
        x, init = self.conv(x, "conv1_conv", "encoder.conv0", 7, stride=2, padding="valid")
        x = self.norm(x, "conv1_bn", "encoder.norm0")
        relu = self.layer("conv1_relu", ACTIVATION, [x], activation="relu")
        x = self.pad(relu, 1)
        pool = self.layer("pool1", MAX_POOL, [x], pool_size=[3, 3], strides=[2, 2], padding="valid")
        return pool, init, [relu, pool]

    def blocks(self, x: str) -> tuple[str, list[int], int, int, list[str]]:
        """Dense blocks and transitions.

        Returns:
            (last layer, number of dense layers in each block, growth rate, bottleneck width, transitions).
        """
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
            raise WeightsFileError(
                f"not a DenseDepth network: it has {len(counts)} dense blocks named conv2_block1, ..."
            )
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
        expected = {"kernel_size": [kernel] * 2, "strides": [stride] * 2, "use_bias": bias, "activation": "linear"}
        expected |= {"dilation_rate": [1, 1], "groups": 1}
        if kernel > 1:  # with 1x1 kernels "same" and "valid" are the same
            expected["padding"] = padding
        self.layer(name, CONV, [x], **expected)
        self.torch_names[torch] = name
        filters = self.layers[name].config.get("filters")
        if type(filters) is not int or not 0 < filters <= MAX_CHANNELS:
            raise WeightsFileError(f"not a DenseDepth network: layer {name} has {filters!r} filters.")
        return name, filters

    def norm(self, x: str, name: str, torch: str) -> str:
        self.layer(name, BN, [x], center=True, scale=True)
        config = self.layers[name].config
        axis = config.get("axis", -1)
        axis = axis[0] if isinstance(axis, list) and axis else axis
        self.must(axis in (3, -1), name, "channels last", f"axis {axis}")
        self.epsilons.add(_number(config.get("epsilon", 1e-3)))
        self.torch_names[torch] = name
        return name

    def pad(self, x: str, size: int) -> str:
        name = self.follower(x, PAD)
        if name is None:
            raise WeightsFileError(f"not a DenseDepth network: no zero padding after layer {x}.")
        return self.layer(name, PAD, [x], padding=[[size, size], [size, size]])

    def leaky(self, x: str) -> str | None:
        name = self.follower(x, LEAKY)
        if name is None:
            return None
        config = self.layers[name].config
        self.slopes.add(round(_number(config.get("alpha", config.get("negative_slope", 0.3))), 6))
        return self.layer(name, LEAKY, [x])

    def upsampling(self, x: str, name: str) -> tuple[str, bool]:
        """(The upsampling layer after `x`, whether it aligns corners). The authors' own layer does."""
        self.layer(name, (ALIGNED, UNALIGNED), [x])
        layer = self.layers[name]
        size = layer.config.get("size", [2, 2])
        self.must(_pair(size) == [2, 2], name, "size 2", size)
        if layer.kind == UNALIGNED:
            interpolation = layer.config.get("interpolation", "nearest")
            self.must(interpolation == "bilinear", name, "bilinear upsampling", interpolation)
        return name, layer.kind == ALIGNED

    def follower(self, x: str, kinds: tuple[str, ...]) -> str | None:
        """The only layer of these kinds whose only input is `x`, or None; Keras numbers such layers freely."""
        names = [layer.name for layer in self.layers.values() if layer.inputs == [x] and layer.kind in kinds]
        return names[0] if len(names) == 1 else None

    def layer(self, name: str, kinds: tuple[str, ...], inputs: list[str], **config: Any) -> str:
        """Check one layer's kind, inputs and settings, and mark it as visited."""
        layer = self.layers.get(name)
        if layer is None:
            raise WeightsFileError(f"not a DenseDepth network: it has no layer {name}.")
        self.must(layer.kind in kinds, name, kinds[0], layer.kind)
        self.must(layer.inputs == inputs, name, f"input {' and '.join(inputs)}", " and ".join(layer.inputs))
        for key, expected in config.items():
            if key in layer.config:
                found = layer.config[key]
                found = _pair(found) if isinstance(expected, list) and not isinstance(expected[0], list) else found
                self.must(found == expected, name, f"{key} {expected}", found)
        data_format = layer.config.get("data_format", "channels_last")
        self.must(data_format == "channels_last", name, "channels last", data_format)
        self.visited.add(name)
        return name

    @staticmethod
    def must(is_right: bool, name: str, expected: str, found: Any) -> None:
        if not is_right:
            shown = "nothing" if found in (None, "", []) else found
            raise WeightsFileError(f"not a DenseDepth network: layer {name}: expected {expected}, found {shown}.")

    @staticmethod
    def one(values: set[T], what: str) -> T:
        """The only value of a setting that must be the same everywhere."""
        if len(values) != 1:
            raise WeightsFileError(
                f"not a DenseDepth network: {what} must be the same everywhere, but is {sorted(map(str, values))}."
            )
        return next(iter(values))


def _pair(value: Any) -> Any:
    return [value, value] if isinstance(value, int) else value


def _number(value: Any) -> float:
    if isinstance(value, dict):  # early Keras wrote numpy scalars as {"type": ..., "value": ...}
        value = value.get("value")
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise WeightsFileError(f"not a DenseDepth network: expected a number, found {value!r}.")
    return float(value)
