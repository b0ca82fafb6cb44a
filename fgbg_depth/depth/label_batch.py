"""The batched map function: decode stored composites, count their pixels, label them, encode the labels.

Works on arrays and bytes only, with any callable as labeller; while the labeller works on one batch,
threads decode the next and encode the last.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image

from fgbg_depth.depth.models import Labeller
from fgbg_depth.errors import ShardError
from fgbg_depth.render.png import encode_depth
from fgbg_depth.statistics import Sums


class LabelBatch:
    """A function for `Dataset.map(batched=True, input_columns=["fg_bg"])` that adds `fg_bg_depth`.

    Without a labeller it only counts the stored pixels into `sums` and adds nothing. `on_rows` is told how
    many more rows are done.
    """

    def __init__(
        self,
        labeller: Labeller | None,
        sums: Sums,
        count_images: bool = True,
        on_rows: Callable[[int], None] = lambda n: None,
    ) -> None:
        self.labeller, self.sums, self.count_images, self.on_rows = labeller, sums, count_images, on_rows

    def __call__(self, images: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
        if self.labeller is None:
            for image in images if self.count_images else ():
                self._decode(image)
            self.on_rows(len(images))
            return {}
        size = self.labeller.batch_size
        batches = [images[i : i + size] for i in range(0, len(images), size)]
        encoded: list[Future[list[bytes]]] = []
        with ThreadPoolExecutor(1) as decoder, ThreadPoolExecutor(1) as encoder:
            ahead = decoder.submit(self._decode_batch, batches[0])
            for index in range(len(batches)):
                pixels = ahead.result()
                if index + 1 < len(batches):
                    ahead = decoder.submit(self._decode_batch, batches[index + 1])
                encoded.append(encoder.submit(self._encode_batch, self.labeller(pixels), pixels.shape[:3]))
                self.on_rows(len(pixels))
            labels = [data for future in encoded for data in future.result()]
        return {"fg_bg_depth": [{"bytes": data, "path": None} for data in labels]}

    def _decode(self, image: dict[str, Any]) -> Image.Image:
        decoded = Image.open(io.BytesIO(image["bytes"]), formats=("JPEG", "PNG"))
        decoded.load()
        if self.count_images:
            self.sums.add_image(decoded, len(image["bytes"]))
        return decoded

    def _decode_batch(self, images: Sequence[dict[str, Any]]) -> np.ndarray:
        return np.stack([np.asarray(self._decode(image)) for image in images])

    def _encode_batch(self, stored: np.ndarray, shape: tuple[int, ...]) -> list[bytes]:
        if stored.shape != shape:
            raise ShardError(f"the depth model gave labels of shape {stored.shape} for pictures of {shape}")
        encoded = [encode_depth(values) for values in stored]
        self.sums.add_depth(stored, sum(map(len, encoded)))
        return encoded
