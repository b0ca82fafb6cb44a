"""The batched map function: decode stored composites, label them, encode the labels.

It works on arrays and bytes only, with any callable as labeller. While the labeller works on one batch, threads decode
the next one and encode the last one.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image

from fgbg_depth.depth.models import Labeller
from fgbg_depth.errors import ShardError
from fgbg_depth.render.png import encode_depth
from fgbg_depth.schema import LABELS, PREDICTED
from fgbg_depth.statistics import Sums


def decode_image(image: dict[str, Any], sums: Sums | None = None) -> Image.Image:
    """Decode a stored fg_bg, {"bytes", "path"}, to RGB; add its pixels to `sums`, if given.

    Raises:
        OSError: the image is damaged.
    """
    decoded = Image.open(io.BytesIO(image["bytes"]), formats=("JPEG", "PNG"))
    decoded.load()
    if sums is not None:
        sums.add_image(decoded, len(image["bytes"]))
    return decoded


class LabelBatch:
    """A function for `Dataset.map(batched=True, input_columns=["fg_bg"])` that adds `fg_bg_depth`, and checks of it.

    Args:
        labeller: (N, H, W, 3) uint8 to (N, H, W) stored values; called with at most `labeller.batch_size` images.
        sums: the labels' values are added to it.
        count_images: add the pixels of fg_bg, too; pass False where they have been counted already.
        on_rows: called with the number of rows that were labelled since the last call.
        check: called with the number of a row in the batch and its (H, W) stored values; returns the values of further
            columns by name.
    """

    def __init__(
        self,
        labeller: Labeller,
        sums: Sums,
        count_images: bool,
        on_rows: Callable[[int], None] = lambda rows: None,
        check: Callable[[int, np.ndarray], Mapping[str, np.float32]] = lambda index, stored: {},
    ) -> None:
        self.labeller, self.on_rows, self._check = labeller, on_rows, check
        self._depth_sums = sums.depths[LABELS[PREDICTED]]
        self._image_sums = sums if count_images else None

    def __call__(self, images: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
        """Label stored images, {"bytes", "path"}.

        Returns:
            for each column, the values of all rows: `fg_bg_depth` as {"bytes", "path"}, and what `check` returns.

        Raises:
            OSError: an image is damaged.
            ShardError: the labels have another shape than the images.
        """
        size = self.labeller.batch_size
        batches = [images[i : i + size] for i in range(0, len(images), size)]
        encoded: list[Future[list[dict[str, Any]]]] = []
        with ThreadPoolExecutor(1) as decoder, ThreadPoolExecutor(1) as encoder:
            next_pixels = decoder.submit(self._decode_batch, batches[0])
            for index in range(len(batches)):
                pixels = next_pixels.result()
                if index + 1 < len(batches):
                    next_pixels = decoder.submit(self._decode_batch, batches[index + 1])
                encoded.append(
                    encoder.submit(self._encode_batch, self.labeller(pixels), pixels.shape[:3], index * size)
                )
                self.on_rows(len(pixels))
            rows = [row for future in encoded for row in future.result()]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def _decode_batch(self, images: Sequence[dict[str, Any]]) -> np.ndarray:
        return np.stack([np.asarray(decode_image(image, self._image_sums)) for image in images])

    def _encode_batch(self, stored: np.ndarray, shape: tuple[int, ...], first: int) -> list[dict[str, Any]]:
        if stored.shape != shape:
            raise ShardError(f"the depth model returned labels of shape {stored.shape} for images of shape {shape}")
        encoded = [encode_depth(values) for values in stored]
        self._depth_sums.add(stored, sum(map(len, encoded)))
        return [
            {LABELS[PREDICTED]: {"bytes": data, "path": None}, **self._check(first + index, values)}
            for index, (data, values) in enumerate(zip(encoded, stored, strict=True))
        ]
