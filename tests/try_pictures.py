"""Pictures for tests of the tab Try it."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from fgbg_depth.app import try_it
from fgbg_depth.read.reader import DatasetReader


def png(array: np.ndarray, mode: str | None = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array, mode).save(buffer, "PNG", **options)
    return buffer.getvalue()


def bench_of(reader: DatasetReader, bg: str, fg: str) -> try_it.Bench:
    background = try_it.stored_picture("bg", reader.sources("bg")[bg])
    return try_it.Bench(background, try_it.stored_picture("fg", reader.sources("fg")[fg]))  # type: ignore[arg-type]


def values_of(data_uri: str) -> bytes:
    return base64.b64decode(data_uri.split(",", 1)[1])


def jpeg_bytes(size: int = 200) -> bytes:
    rng = np.random.Generator(np.random.Philox(1))
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (size, size, 3), np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()
