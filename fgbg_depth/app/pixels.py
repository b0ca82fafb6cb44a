"""Stored bytes into pictures a browser shows. Works in memory: no file is written for a visitor."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgbg_depth.depth.colors import COLORS, INVALID_RGB
from fgbg_depth.depth.kinds import depth_kind
from fgbg_depth.depth.spec import DepthSpec, decode_depth

Image.MAX_IMAGE_PIXELS = 64_000_000  # a foreign dataset must not exhaust the memory
OVERLAY_RGB = (232, 62, 140)
MIME = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def mime(data: bytes) -> str:
    """image/png or image/jpeg by the file's first bytes; anything else is not shown as a picture."""
    for magic, name in MIME.items():
        if data.startswith(magic):
            return name
    return "application/octet-stream"


def data_uri(data: bytes) -> str:
    """The bytes as an address that needs no request."""
    return f"data:{mime(data)};base64,{base64.b64encode(data).decode()}"


def png(image: Image.Image, **options: Any) -> bytes:
    """An image as PNG, quickly rather than smallest."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=options.pop("compress_level", 2), **options)
    return buffer.getvalue()


@lru_cache(600)  # the keys are bytes that the browser holds anyway
def thumbnail(data: bytes, side: int) -> bytes:
    """The picture no larger than `side`; small files stay as they are. Transparency stays."""
    image: Image.Image = Image.open(io.BytesIO(data))
    if max(image.size) <= side and len(data) <= 40_000:
        return data
    transparent = image.mode in {"RGBA", "LA"}
    image = image.convert("RGBA" if transparent else "RGB")
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    if transparent:
        return png(image, compress_level=6)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def show_range(statistics: Mapping[str, Any]) -> tuple[float, float]:
    """(low, high) of the colours, in the depth's unit: one range for all rows, so that they can be compared."""
    spec, histogram = statistics["depth"], statistics.get("depth_histogram")
    if histogram:
        return depth_kind(spec["kind"]).histogram_range(histogram["edges"], histogram["counts"])
    return spec["low"], spec["high"]


def decode(data: bytes, spec: Mapping[str, Any]) -> NDArray[np.float32]:
    """(H, W) float32 depth of a stored map, in metres or the relative value; NaN where there is none."""
    return decode_depth(Image.open(io.BytesIO(data)), DepthSpec.from_dict(spec))


def stored_numbers(data: bytes) -> NDArray[np.uint16]:
    """(H, W) uint16 numbers of a stored map, as they stand in the PNG."""
    return np.asarray(Image.open(io.BytesIO(data))).astype(np.uint16)


def depth_png(values: NDArray[np.float32], low: float, high: float, kind: str) -> bytes:
    """A coloured depth map as a palette PNG, a third of the size of one in RGB.

    Level 0 is "no depth" (grey); 1..255 are the colours from far to near.
    """
    finite = np.isfinite(values)
    near = depth_kind(kind).nearness(np.where(finite, values, np.float32(high)), low, high)
    image = Image.fromarray(np.where(finite, 1 + np.rint(near * 254), 0).astype(np.uint8))
    image.putpalette(_palette())
    return png(image)


def overlay_png(mask: bytes) -> bytes:
    """One colour whose opacity is the matte, to lay over the composite."""
    image = Image.open(io.BytesIO(mask)).convert("L")
    levels = Image.fromarray(np.asarray(image))
    levels.putpalette(bytes(OVERLAY_RGB) * 256)
    return png(levels, transparency=bytes(range(256)))


def readings(depth: bytes | None, mask: bytes) -> str:
    """What the page reads under the pointer: deflated uint16 depth (little-endian) then uint8 mask, base64."""
    raw = np.asarray(Image.open(io.BytesIO(mask)).convert("L")).tobytes()
    if depth is not None:
        raw = stored_numbers(depth).astype("<u2").tobytes() + raw
    return base64.b64encode(zlib.compress(raw, 1)).decode()


def gradient(stops: int = 12) -> str:
    """The depth colours as CSS, far to near."""
    chosen = COLORS[np.linspace(0, 255, stops).round().astype(int)]
    return "linear-gradient(90deg," + ",".join(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in chosen.tolist()) + ")"


@lru_cache(1)
def _palette() -> bytes:
    colours = COLORS[np.linspace(0, 255, 255).round().astype(int)]
    return bytes(INVALID_RGB) + colours.tobytes()
