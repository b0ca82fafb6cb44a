"""Weights, pictures and cases that both the recorder (Keras) and the tests (torch) compute from a seed.

They use numpy's `Philox.random_raw`, whose bits are guaranteed never to change, so only outputs have to be stored.
"""

import zlib
from dataclasses import dataclass

import numpy as np

TINY_VARIANCE = np.float32(2.0**-20)  # so small that a wrong epsilon (Keras: 1.001e-5) changes the output


@dataclass(frozen=True)
class Case:
    """One network and its picture sizes.

    width: channels at the start of the decoder.  leaky_a: LeakyReLU after convA too, as in the current variant.
    """

    name: str
    blocks: tuple[int, ...]
    width: int
    leaky_a: bool
    sizes: tuple[tuple[int, int], ...]  # (height, width)

    def key(self, size: tuple[int, int]) -> str:
        return f"{self.name}/{size[0]}x{size[1]}"


CASES = (
    Case("released", (6, 12, 32, 32), 1664, False, ((224, 224), (96, 160))),
    Case("current", (6, 12, 32, 32), 832, True, ((128, 96), (64, 64))),
    Case("released-small", (2, 3, 2, 2), 128, False, ((96, 64), (64, 128), (32, 32), (128, 128))),
    Case("current-small", (2, 2, 3, 2), 96, True, ((64, 96), (128, 32), (64, 64), (160, 96))),
)
SMALL = CASES[2:]


def uniform(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """float32 in [0, 1) with 24 bits, determined by the name."""
    count = int(np.prod(shape))
    raw = np.random.Philox(key=zlib.crc32(name.encode())).random_raw(count)
    return ((raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)).reshape(shape)


def tensor(layer: str, weight: str, shape: tuple[int, ...]) -> np.ndarray:
    """The weight of a Keras layer, determined by its name, in Keras's layout.

    Args:
        layer: name with `/` written `_`, because Keras 2 and 3 differ in that.  weight: kernel, gamma, ...
    """
    u = uniform(f"{layer}/{weight}", shape)
    if weight == "kernel":
        fan_in = int(np.prod(shape[:-1]))
        limit = np.float32(np.sqrt(6.0 / fan_in))
        return (2 * u - 1) * limit * np.float32(0.5 if layer == "conv3" else 1.0)
    if weight == "bias":
        return 2 * u - 1 + np.float32(5.0 if layer == "conv3" else 0.0)
    tiny = uniform(f"{layer}/tiny", shape) < 1 / 8  # an eighth of the channels
    if weight == "gamma":
        return np.where(tiny, np.float32(2.0**-8), np.float32(1.0)) * (np.float32(0.5) + u)
    if weight == "moving_variance":
        return np.where(tiny, TINY_VARIANCE, np.float32(0.5) + u)
    return (u - np.float32(0.5)) * np.float32(0.5)  # beta, moving_mean


def picture(size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8: coarse patches of colour with fine noise, different in every channel."""
    height, width = size
    coarse = (uniform(f"coarse {size}", (8, 8, 3)) * 192).astype(np.uint8)
    rows, columns = np.arange(height) * 8 // height, np.arange(width) * 8 // width
    fine = (uniform(f"fine {size}", (height, width, 3)) * 64).astype(np.uint8)
    return coarse[rows][:, columns] + fine
