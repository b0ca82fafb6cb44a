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
from dataclasses import dataclass
from functools import lru_cache

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
    """(H, W) uint8 matte as an 8-bit grey PNG."""
    return encode_mask_part(PackedMatte.of(alpha, alpha.shape[1]), 0, 0, *alpha.shape)


@dataclass(frozen=True)
class PackedMatte:
    """A matte, compressed once for all its placements in frames of one width.

    Row by row, a frame is zeros, then the matte's rows with equal gaps of zeros between them, then zeros. Only how
    many zeros come first and last depends on the place, and those are known by heart.
    """

    first: int  # place of the first pixel that is not 0: row * frame's width + column
    length: int  # bytes from there to the last such pixel, in PNG scanlines
    deflated: bytes
    adler: int

    @classmethod
    def of(cls, part: np.ndarray, frame_width: int) -> PackedMatte:
        """Pack a (height, width) uint8 matte; width <= frame_width. Unfiltered: filters break up runs of 0 and 255."""
        height, width = part.shape
        scanlines = np.zeros((height, frame_width + 1), np.uint8)  # each ends with the filter byte of the next
        scanlines[:, :width] = part
        places = np.flatnonzero(scanlines)
        first, end = (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)
        core = scanlines.reshape(-1)[first:end].tobytes()
        return cls(first, len(core), _deflated(core), zlib.adler32(core))


def encode_mask_part(matte: PackedMatte, top: int, left: int, height: int, width: int) -> bytes:
    """`encode_mask` of a matte of height x width that is `matte` at (top, left) and 0 elsewhere."""
    before = top * (width + 1) + 1 + left + matte.first if matte.length else 0
    after = height * (width + 1) - before - matte.length
    # Adler-32 (RFC 1950) is a = 1 + sum of bytes, b = sum of all a on the way; zeros change only b
    a, b = matte.adler & 0xFFFF, matte.adler >> 16
    b = (b + before + after * a) % 65521
    parts = (b"\x78\x01", *_zeros(before), matte.deflated, *_zeros(after), b"\x03\x00", struct.pack(">HH", b, a))
    return _wrapped(b"".join(parts), width, height, bits=8, color_type=0)


def _zeros(count: int) -> tuple[bytes, bytes]:
    """So many zeros, deflated."""
    return _some_zeros(count & ~4095), _some_zeros(count & 4095)


@lru_cache(maxsize=2**14)
def _some_zeros(count: int) -> bytes:
    return _deflated(bytes(count))


def _deflated(data: bytes) -> bytes:
    """A piece of a deflate stream, which ends on a whole byte and looks back at nothing before it."""
    runs = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
    return runs.compress(data) + runs.flush(zlib.Z_SYNC_FLUSH) if data else b""


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
    return _wrapped(runs.compress(scanlines.tobytes()) + runs.flush(), width, height, bits, color_type)


def _wrapped(body: bytes, width: int, height: int, bits: int, color_type: int) -> bytes:
    """Compressed scanlines as a PNG file."""
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", body), _chunk(b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(data, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", crc)))
