"""Stored images: a composite to bytes as the recipe says, and bytes of any column back to pixels.

JPEG is decoded by simplejpeg straight into an array: the same pixels as Pillow, which uses the same libjpeg-turbo, in
half of the time, because `np.asarray(Image)` copies twice. Files that simplejpeg does not decode to the same pixels
(CMYK), or finds fault with, are left to Pillow.
"""

from __future__ import annotations

import io

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from fgbg_depth.render.jpeg import encode_jpeg
from fgbg_depth.render.png import encode_rgb_png

_COLOR_SPACES = ("YCbCr", "Gray", "RGB")  # simplejpeg's names


def encode_image(image: Image.Image, image_format: str, quality: int, subsampling: str) -> bytes:
    """Encode an RGB composite.

    Args:
        image_format: "jpeg" or "png"; PNG ignores the other two options.
        quality: of JPEG, 1..100.
        subsampling: of JPEG's chroma, "4:4:4" or "4:2:0".
    """
    if image_format == "png":
        return encode_rgb_png(np.asarray(image))
    return encode_jpeg(image, quality, subsampling)


def decode_rgb(data: bytes) -> NDArray[np.uint8]:
    """Decode an image file to (H, W, 3) uint8.

    Raises:
        OSError: it is no image, or it is truncated.
    """
    if plain_jpeg_size(data):
        try:
            decoded: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB")
            return decoded
        except ValueError:  # libjpeg warns about damage; Pillow decodes what there is, or says what is wrong
            pass
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def decode_rgb_into(data: bytes, out: NDArray[np.uint8]) -> None:
    """Decode a stored fg_bg into an array, for batches.

    Args:
        data: a JPEG or PNG file.
        out: (H, W, 3) uint8, C-contiguous; overwritten.
    Raises:
        ValueError: the image has another size, or it is a damaged JPEG file: libjpeg's message says how.
        OSError: it is no image, or it is truncated.
    """
    if size := plain_jpeg_size(data):
        _check_size(size, out)
        simplejpeg.decode_jpeg(data, "RGB", buffer=out)
        return
    image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
    _check_size((image.height, image.width), out)
    out[:] = np.asarray(image.convert("RGB"))


def plain_jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) of a JPEG file that simplejpeg decodes as Pillow does; None for other files.

    Its colour space becomes RGB in one way, and it is not too large for Pillow.
    """
    if data[:2] != b"\xff\xd8":
        return None
    try:
        height, width, color_space, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:  # damaged, or an unusual file that Pillow can read
        return None
    limit = Image.MAX_IMAGE_PIXELS  # above it Pillow warns about a decompression bomb, or refuses the file
    is_plain = color_space in _COLOR_SPACES and (limit is None or height * width <= limit)
    return (height, width) if is_plain else None


def _check_size(size: tuple[int, int], out: NDArray[np.uint8]) -> None:
    if tuple(size) != out.shape[:2]:
        raise ValueError(f"it has {size[1]}x{size[0]} pixels, not {out.shape[1]}x{out.shape[0]}")


def decode_rgba(data: bytes) -> np.ndarray:
    """Decode an image file to (H, W, 4) uint8, straight alpha."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def decode_grey(data: bytes) -> np.ndarray:
    """Decode a grey PNG to its stored values, (H, W) uint8 or uint16."""
    image = Image.open(io.BytesIO(data))
    values = np.asarray(image)
    return values.astype(np.uint16) if image.mode.startswith("I") else values
