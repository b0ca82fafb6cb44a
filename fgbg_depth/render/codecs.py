"""Stored images: a composite to bytes as the recipe says, and bytes of any column back to pixels."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from fgbg_depth.render.jpeg import encode_jpeg
from fgbg_depth.render.png import encode_rgb_png


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


def decode_rgb(data: bytes) -> np.ndarray:
    """Decode an image file to (H, W, 3) uint8."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def decode_rgba(data: bytes) -> np.ndarray:
    """Decode an image file to (H, W, 4) uint8, straight alpha."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def decode_grey(data: bytes) -> np.ndarray:
    """Decode a grey PNG to its stored values, (H, W) uint8 or uint16."""
    image = Image.open(io.BytesIO(data))
    values = np.asarray(image)
    return values.astype(np.uint16) if image.mode.startswith("I") else values
