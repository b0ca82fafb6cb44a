"""Encoded images as pictures that a browser shows. All in memory: no file is written for a visitor."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgbg_depth.depth.colors import COLORS, INVALID_RGB
from fgbg_depth.depth.kinds import DepthKind
from fgbg_depth.depth.spec import DepthSpec, decode_depth
from fgbg_depth.errors import ShardError

MAX_PIXELS = 64_000_000  # 8000 x 8000; decoded as RGBA it takes 256 MB. Anybody may have made the dataset.
MASK_RGB = (232, 62, 140)  # pink: rare in photographs and absent from the colours of depth
_FORMATS = {"PNG": b"\x89PNG", "JPEG": b"\xff\xd8\xff"}  # all that a build writes, with their first bytes


def image_format(data: bytes) -> str | None:
    """ "PNG", "JPEG" or "WEBP" by the first bytes; None for anything else, which is not shown as a picture."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":  # pictures of the card; rows have none
        return "WEBP"
    return next((name for name, start in _FORMATS.items() if data.startswith(start)), None)


def mime(data: bytes) -> str:
    """The MIME type of encoded image data, such as image/png; application/octet-stream for anything else."""
    name = image_format(data)
    return f"image/{name.lower()}" if name else "application/octet-stream"


def data_uri(data: bytes) -> str:
    """The bytes as a data: address, which a browser shows without another request."""
    return f"data:{mime(data)};base64,{base64.b64encode(data).decode()}"


def open_image(data: bytes) -> Image.Image:
    """Open a stored image, not yet decoded.

    Pillow's own limit, `Image.MAX_IMAGE_PIXELS`, belongs to the whole process, so the size is checked here.

    Raises:
        ShardError: not a PNG or JPEG file, or it has more than `MAX_PIXELS` pixels.
    """
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=tuple(_FORMATS))
    except (OSError, Image.DecompressionBombError) as e:
        raise ShardError(f"An image of this dataset cannot be read: {e}.") from e
    if image.width * image.height > MAX_PIXELS:
        raise ShardError(
            f"An image of this dataset has {image.width} x {image.height} pixels; "
            f"the app shows images of up to {MAX_PIXELS:,} pixels."
        )
    return image


def png(image: Image.Image, compress_level: int = 2, **options: Any) -> bytes:
    """An image as PNG. The default level is quick; a higher one gives fewer bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=compress_level, **options)
    return buffer.getvalue()


def thumbnail(data: bytes, side_px: int) -> bytes:
    """The image no larger than `side_px` squared, with its transparency. Small files are returned as they are."""
    image = open_image(data)
    if max(image.size) <= side_px and len(data) <= 40_000:
        return data
    transparent = image.mode in {"RGBA", "LA"}
    image = image.convert("RGBA" if transparent else "RGB")
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    if transparent:
        return png(image, compress_level=6)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def rgb_array(data: bytes) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of an encoded image."""
    return np.asarray(open_image(data).convert("RGB"))


def mask_array(data: bytes) -> NDArray[np.uint8]:
    """(H, W) uint8 of an encoded mask: alpha, 0 to 255."""
    return np.asarray(open_image(data).convert("L"))


def decode_values(data: bytes, spec: DepthSpec) -> NDArray[np.float32]:
    """(H, W) float32 depth of an encoded depth map, in the spec's unit; NaN where invalid."""
    return decode_depth(open_image(data), spec)


def stored_numbers(data: bytes) -> NDArray[np.uint16]:
    """(H, W) uint16 numbers of an encoded depth map, as stored in the PNG; 0 is invalid."""
    return np.asarray(open_image(data)).astype(np.uint16)


def depth_png(values: NDArray[np.float32], low: float, high: float, kind: DepthKind) -> bytes:
    """A depth map in colours, as a palette PNG, which has a third of the bytes of an RGB one.

    Args:
        values: (H, W) float32 in the kind's unit, NaN where invalid.
        low, high: range of the colours.
    Returns:
        PNG whose level 0 is grey (invalid), and 1 to 255 are the colours from far to near.
    """
    finite = np.isfinite(values)
    nearness = kind.nearness(np.where(finite, values, np.float32(high)), low, high)
    image = Image.fromarray(np.where(finite, 1 + np.rint(nearness * 254), 0).astype(np.uint8))
    image.putpalette(_palette())
    return png(image)


def overlay_png(mask: bytes) -> bytes:
    """One colour with the mask as its opacity, to lay over the composite."""
    image = Image.fromarray(mask_array(mask))
    image.putpalette(bytes(MASK_RGB) * 256)
    return png(image, transparency=bytes(range(256)))


def readings(depths: Sequence[bytes], mask: bytes) -> bytes:
    """The numbers that the page shows for the pixel under the pointer; static/row.js reads them.

    Returns:
        uint16 little-endian numbers of each depth map, one map after the other, then the uint8 mask.
    """
    return b"".join(stored_numbers(depth).astype("<u2").tobytes() for depth in depths) + mask_array(mask).tobytes()


def gradient(num_stops: int = 12) -> str:
    """The colours of depth as a CSS gradient, far to near."""
    stops = COLORS[np.linspace(0, 255, num_stops).round().astype(int)]
    return "linear-gradient(90deg," + ",".join(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in stops.tolist()) + ")"


@lru_cache(1)
def _palette() -> bytes:
    colors = COLORS[np.linspace(0, 255, 255).round().astype(int)]
    return bytes([*INVALID_RGB, *colors.ravel().tolist()])
