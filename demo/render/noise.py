"""Noise textures from an integer hash, which is the same on every machine: no sine, no FFT of a library.

Each kind of texture is one 256 x 256 tile with seven levels of blur. `noise` looks it up at positions in metres and
chooses the blur by the footprint of a pixel, so that distant surfaces do not alias.
"""

from functools import cache

import numpy as np

TILE = 256
LEVELS = 7

# For each kind its octaves: lattice cells across the tile (along u, along v), and weight. The names seed the noise too.
OCTAVES = {
    "fbm": [((2**i, 2**i), 0.62**i) for i in range(2, 8)],
    "grain": [((32, 32), 0.5), ((64, 64), 0.8), ((128, 128), 1.0)],
    "streak": [((4, 64), 1.0), ((8, 128), 0.8), ((16, 256), 0.6), ((4, 16), 0.7)],
    "blotch": [((8, 8), 1.0), ((16, 16), 0.35)],
    "leaf": [((8, 8), 0.55), ((16, 16), 0.8), ((32, 32), 1.0), ((64, 64), 0.9), ((128, 128), 0.7)],
    "wave": [((4, 16), 1.0), ((8, 32), 0.8), ((16, 64), 0.6), ((32, 128), 0.4)],
}


def hash_u32(x: np.ndarray, y: np.ndarray, seed: int = 0) -> np.ndarray:
    """Hash pairs of integers to 32 bits.

    Args:
        x, y: integer arrays of the same shape; negative values wrap around.
        seed: gives another hash function.
    Returns:
        uint32 of the same shape.
    Source: the multiply-xorshift finaliser "lowbias32" of Chris Wellons' hash-prospector (public domain).
    """
    h = np.asarray(x).astype(np.int64).astype(np.uint32) * np.uint32(0x9E3779B1)
    h = h ^ (np.asarray(y).astype(np.int64).astype(np.uint32) * np.uint32(0x85EBCA77))
    h = h ^ np.uint32(seed * 0xC2B2AE3D & 0xFFFFFFFF)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
    return h ^ (h >> np.uint32(16))


def hash01(x: np.ndarray, y: np.ndarray, seed: int = 0) -> np.ndarray:
    """`hash_u32` as float32 in [0, 1); only 24 bits are used, so the conversion is exact."""
    return (hash_u32(x, y, seed) >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def _octave(cells_u: int, cells_v: int, seed: int) -> np.ndarray:
    """(TILE, TILE) value noise that repeats at the tile's edge, smooth between lattice points."""

    def axis(cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lattice point before and after each texel, and the weight of the one after."""
        position = np.arange(TILE, dtype=np.float32) * np.float32(cells / TILE)
        before = np.floor(position).astype(np.int64)
        fraction = position - before.astype(np.float32)
        return before % cells, (before + 1) % cells, fraction * fraction * (3 - 2 * fraction)

    (u0, u1, fu), (v0, v1, fv) = axis(cells_u), axis(cells_v)
    grid: np.ndarray = hash01(*np.meshgrid(np.arange(cells_u), np.arange(cells_v)), seed)
    top = grid[v0][:, u0] * (1 - fu) + grid[v0][:, u1] * fu
    bottom = grid[v1][:, u0] * (1 - fu) + grid[v1][:, u1] * fu
    octave: np.ndarray = top * (1 - fv[:, None]) + bottom * fv[:, None]
    return octave


@cache
def tile(kind: str) -> np.ndarray:
    """(LEVELS, TILE, TILE) float32, mean 0. Level 0 has deviation 1; level n is blurred to about 2**n texels."""
    total = np.zeros((TILE, TILE), np.float32)
    for number, ((cells_u, cells_v), weight) in enumerate(OCTAVES[kind]):
        total += np.float32(weight) * _octave(cells_u, cells_v, 1000 * len(kind) + number + ord(kind[0]))
    total = (total - total.mean(dtype=np.float64)) / total.std(dtype=np.float64)
    levels = [total.astype(np.float32)]
    for level in range(1, LEVELS):
        image, step = levels[-1], 2 ** (level - 1)
        for axis in (0, 1):
            image = image * 0.5 + 0.25 * (np.roll(image, step, axis) + np.roll(image, -step, axis))
        levels.append(image.astype(np.float32))
    return np.stack(levels)


def noise(kind: str, u: np.ndarray, v: np.ndarray, period: float, footprint: np.ndarray | float) -> np.ndarray:
    """Texture noise with mean 0 and, unblurred, deviation 1.

    Args:
        kind: a key of OCTAVES.
        u, v: (n,) positions in metres.
        period: metres after which the texture repeats.
        footprint: (n,) or one number, width of a pixel there in metres; chooses the level of blur.
    Returns:
        (n,) float32.
    """
    levels = tile(kind)
    scale = np.float32(TILE / period)
    blur = np.log2(np.maximum(np.asarray(footprint, np.float32) * scale, np.float32(1e-3))) + np.float32(0.5)
    level = np.clip(blur, 0, LEVELS - 1).astype(np.intp)
    x, y = u * scale, v * scale
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = (x - x0).astype(np.float32), (y - y0).astype(np.float32)
    x0, y0 = x0.astype(np.intp) & (TILE - 1), y0.astype(np.intp) & (TILE - 1)
    x1, y1 = (x0 + 1) & (TILE - 1), (y0 + 1) & (TILE - 1)
    top = levels[level, y0, x0]
    top = top + (levels[level, y0, x1] - top) * fx
    bottom = levels[level, y1, x0]
    bottom = bottom + (levels[level, y1, x1] - bottom) * fx
    values: np.ndarray = top + (bottom - top) * fy
    return values
