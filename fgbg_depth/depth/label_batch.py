"""Predict the labels of stored composites in batches: decode, predict, check and encode, all at the same time.

It works on arrays and bytes only, with any callable as labeller. While the labeller works on one batch, other threads
decode the next one and encode the last one, and the caller's thread may compose more rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.models import Labeller, StartsLabels
from fgbg_depth.errors import ShardError
from fgbg_depth.render.codecs import decode_rgb_into
from fgbg_depth.render.png import encode_depth
from fgbg_depth.schema import LABELS, PREDICTED
from fgbg_depth.statistics import DepthSums, Sums

DECODED_AHEAD = 2  # batches
# A batch is started before the one before it is waited for: a GPU then has work while its results are fetched.
STARTED_AHEAD = 1
ENCODED_AHEAD = 2

Stored = NDArray[np.unsignedinteger[Any]]
Pixels = NDArray[np.uint8]
Facts = Mapping[str, Any]


class StoredRow(NamedTuple):
    """A composed row, for its labels: the file fg_bg, and the facts that the checks need."""

    image: bytes
    facts: Facts


class PredictedLabel(NamedTuple):
    """A row's file fg_bg_depth, and the checks of it by column."""

    image: bytes
    checks: Mapping[str, np.float32]


class _Batch(NamedTuple):
    first: int  # number of its first row in the shard
    size: int  # of a full batch
    rows: Sequence[StoredRow]


class LabelStream:
    """Predicts the labels of the rows of one shard.

    Batches are filled across the tables in which a shard is composed, so only the last batch of a shard can be
    incomplete.

    Args:
        labeller: (N, H, W, 3) uint8 to (N, H, W) stored values; called with at most `labeller.batch_size` images.
        sums: the labels' values are added to it after the last row.
        count_images: add the pixels of fg_bg, too; pass False where they have been counted already.
        on_rows: called with the number of rows that were labelled since the last call.
        check: called with the facts of a row and its (H, W) stored values; returns the values of further columns by
            name.
    """

    def __init__(
        self,
        labeller: Labeller,
        sums: Sums,
        count_images: bool,
        on_rows: Callable[[int], None] = lambda rows: None,
        check: Callable[[Facts, Stored], Mapping[str, np.float32]] = lambda facts, stored: {},
    ) -> None:
        self.labeller, self.on_rows, self._check = labeller, on_rows, check
        self._sums, self._count_images = sums, count_images
        # Added to by other threads than `sums`, which composing adds to at the same time.
        self._depth_sums = DepthSums(sums.depths[LABELS[PREDICTED]].top)
        self._images = sums.emptied()

    def label(self, rows: Iterable[StoredRow], num_rows: int) -> Iterator[PredictedLabel]:
        """Label stored rows, in order.

        Args:
            rows: read in the caller's thread, a few batches ahead.
            num_rows: how many there are; it decides the size of the batches on a GPU.
        Raises:
            ShardError: an image is damaged, or the labels have another shape than the images.
        """
        batches = self._batches(rows, num_rows)
        decoding: deque[tuple[_Batch, Future[Pixels]]] = deque()
        started: deque[tuple[_Batch, Future[Callable[[], Stored]]]] = deque()
        encoding: deque[Future[list[PredictedLabel]]] = deque()
        with (
            ThreadPoolExecutor(1) as decoder,
            ThreadPoolExecutor(1) as device,
            ThreadPoolExecutor(1) as encoder,
        ):
            while True:
                for batch in islice(batches, DECODED_AHEAD - len(decoding)):
                    decoding.append((batch, decoder.submit(self._decode, batch)))
                if decoding:
                    batch, pixels = decoding.popleft()
                    started.append((batch, device.submit(self._start, batch, pixels.result())))
                elif not started:
                    break
                if len(started) > STARTED_AHEAD or not decoding:
                    batch, waiting = started.popleft()
                    stored = device.submit(_finish, waiting)
                    encoding.append(encoder.submit(self._encode, batch, stored))
                while encoding and (encoding[0].done() or len(encoding) > ENCODED_AHEAD):
                    yield from self._labelled(encoding.popleft())
            while encoding:
                yield from self._labelled(encoding.popleft())
        self._sums.depths[LABELS[PREDICTED]].add_sums(self._depth_sums)
        if self._count_images:
            self._sums.add_histogram(self._images.rgb_histogram, self._images.rgb_bytes)

    def _batches(self, rows: Iterable[StoredRow], num_rows: int) -> Iterator[_Batch]:
        rows, first = iter(rows), 0
        while True:
            size = self._rows_per_call(num_rows)
            batch = _Batch(first, size, list(islice(rows, size)))
            if not batch.rows:
                return
            yield batch
            first += len(batch.rows)

    def _rows_per_call(self, num_rows: int) -> int:
        labeller = self.labeller  # it may halve its batches on the way, for lack of memory
        return labeller.rows_per_call(num_rows) if isinstance(labeller, StartsLabels) else labeller.batch_size

    def _labelled(self, encoded: Future[list[PredictedLabel]]) -> list[PredictedLabel]:
        labels = encoded.result()
        self.on_rows(len(labels))
        return labels

    def _decode(self, batch: _Batch) -> Pixels:
        size = self._sums.size
        pixels = np.empty((len(batch.rows), size, size, 3), np.uint8)
        for index, row in enumerate(batch.rows):
            try:
                decode_rgb_into(row.image, pixels[index])
            except (OSError, ValueError) as e:
                raise ShardError(
                    f"row {batch.first + index} of the shard: fg_bg cannot be decoded: {e}\n"
                    "  Its bytes were changed after they were composed. Run the same command again; if that does not "
                    "help, check the memory and the disk of this machine."
                ) from e
            if self._count_images:
                self._images.add_pixels(pixels[index], len(row.image))
        return pixels

    def _start(self, batch: _Batch, pixels: Pixels) -> Callable[[], Stored]:
        """Start to label a batch; returns a function that waits for the labels, (N, H, W)."""
        labeller = self.labeller
        if isinstance(labeller, StartsLabels):
            finish = labeller.start(pixels, batch.size)
        else:
            finish = _returns(labeller(pixels))

        def checked() -> Stored:
            stored = finish()
            if stored.shape != pixels.shape[:3]:
                raise ShardError(
                    f"the depth model returned labels of shape {stored.shape} for images of shape {pixels.shape[:3]}"
                )
            return stored

        return checked

    def _encode(self, batch: _Batch, labels: Future[Stored]) -> list[PredictedLabel]:
        stored = labels.result()
        images = [encode_depth(values) for values in stored]
        self._depth_sums.add(stored, sum(map(len, images)))
        return [
            PredictedLabel(image, self._check(row.facts, values))
            for image, row, values in zip(images, batch.rows, stored, strict=True)
        ]


def _returns(stored: Stored) -> Callable[[], Stored]:
    return lambda: stored


def _finish(started: Future[Callable[[], Stored]]) -> Stored:
    return started.result()()
