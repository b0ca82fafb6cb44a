"""Pixels to bytes and back. `encode_`/`decode_` are inverses, except for JPEG's loss.

Deflate is a large cost of a row. The standard zlib looking for runs only (Z_RLE) is quick on mattes and on
filtered depth: at 224x224 a matte takes 0.04 ms and 1.6 KB, a 16-bit depth map 0.6 ms and 72 KB, where zlib
level 1 takes 1.6 ms and Pillow's default 9 ms at the same size. ISA-L takes 0.02 and 0.2 ms, but gave other bytes for
small images in 3 of 250 processes on a busy machine, as Pillow's zlib-ng does: same pixels must be same bytes.
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2  # PNG filter: difference to the pixel above
_SUBSAMPLING = {"4:4:4": 0, "4:2:0": 2}


def encode_png(image: Image.Image) -> bytes:
    """An L, RGB or RGBA image as a lossless PNG, well compressed; for the few, not for the many.

    Pillow is not used to write it: its zlib-ng gives other bytes in one run of a few dozen.
    """
    color_type = {"L": 0, "RGB": 2, "RGBA": 6}[image.mode]
    pixels = np.asarray(image)
    flat = pixels.reshape(image.height, -1)
    plain = np.zeros((flat.shape[0], flat.shape[1] + 1), np.uint8)
    plain[:, 1:] = flat
    bodies = [zlib.compress(rows.tobytes(), 6) for rows in (plain, _filtered_up(flat))]
    return _wrapped(min(bodies, key=len), image.width, image.height, bits=8, color_type=color_type)


def encode_image(image: Image.Image, image_format: str, quality: int, subsampling: str) -> bytes:
    """A composite as the recipe stores it: JPEG with the standard tables, or PNG.

    The JPEG has a restart marker after each row of blocks, 0.2 % more bytes, so that `strips` can reuse rows.
    """
    if image_format == "png":
        return encode_rgb_png(np.asarray(image))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=_SUBSAMPLING[subsampling], restart_marker_rows=1)
    return buffer.getvalue()


def encode_mask(alpha: np.ndarray) -> bytes:
    """(H, W) uint8 matte as an 8-bit grey PNG. Unfiltered: mattes are runs of 0 and 255, which filters break up."""
    height, width = alpha.shape
    return encode_mask_part(alpha, 0, 0, height, width)


def encode_mask_part(part: np.ndarray, top: int, left: int, height: int, width: int) -> bytes:
    """`encode_mask` of a matte of height x width that is `part` at (top, left) and 0 elsewhere."""
    scanlines = np.zeros((height, width + 1), np.uint8)
    scanlines[top : top + part.shape[0], left + 1 : left + 1 + part.shape[1]] = part
    return _png(scanlines, width, height, bits=8, color_type=0)


def encode_depth(stored: np.ndarray) -> bytes:
    """(H, W) uint16 or uint8 stored depth values as a grey PNG of that many bits."""
    height, width = stored.shape
    size = stored.dtype.itemsize
    if stored.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"depth values are stored as uint8 or uint16, not {stored.dtype}")
    flat = stored.astype(">u2" if size == 2 else "u1", order="C").view(np.uint8).reshape(height, width * size)
    return _png(_filtered_up(flat), width, height, bits=8 * size, color_type=0)


def encode_rgb_png(pixels: np.ndarray) -> bytes:
    """(H, W, 3) uint8 as a PNG."""
    height, width, channels = pixels.shape
    return _png(_filtered_up(pixels.reshape(height, width * channels)), width, height, bits=8, color_type=2)


def decode_rgb(data: bytes) -> np.ndarray:
    """Encoded image to (H, W, 3) uint8."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def decode_rgba(data: bytes) -> np.ndarray:
    """Encoded image to (H, W, 4) uint8, straight alpha."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def decode_grey(data: bytes) -> np.ndarray:
    """Grey PNG to (H, W) uint8 or uint16, the stored values."""
    image = Image.open(io.BytesIO(data))
    values = np.asarray(image)
    return values.astype(np.uint16) if image.mode.startswith("I") else values


def _filtered_up(flat: np.ndarray) -> np.ndarray:
    """Scanlines with PNG's Up filter: smooth maps become small numbers."""
    rows = np.empty((flat.shape[0], flat.shape[1] + 1), np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    return rows


def _png(scanlines: np.ndarray, width: int, height: int, bits: int, color_type: int) -> bytes:
    runs = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    return _wrapped(runs.compress(scanlines) + runs.flush(), width, height, bits, color_type)


def _wrapped(body: bytes, width: int, height: int, bits: int, color_type: int) -> bytes:
    """Compressed scanlines as a PNG file."""
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", body), _chunk(b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(data, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", crc)))
