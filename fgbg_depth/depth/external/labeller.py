"""Label rows with an external labeller: call its function in batches and return the values to store."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.devices import CPU_BATCH
from fgbg_depth.depth.external.failures import FunctionError, labeller_error
from fgbg_depth.depth.external.function import Function
from fgbg_depth.depth.external.runner import ContractError
from fgbg_depth.depth.kinds import DepthKind
from fgbg_depth.depth.spec import INVALID, DepthSpec, encode_values
from fgbg_depth.errors import DepthError

logger = logging.getLogger("fgbg_depth.depth")

GPU_BATCH = 16  # these models are often large; --depth-batch states another number
OUT_OF_MEMORY_TEXTS = ("out of memory", "can't allocate memory", "cublas_status_alloc_failed", "memoryerror")


class ExternalLabeller:
    """Label rows with an external labeller: call it with (N, H, W, 3) uint8, get (N, H, W) stored values.

    Every call of the function has the same number of rows (a last, smaller batch is filled up), so the label of a row
    does not depend on how many rows came with it. Out of memory halves that number for all later calls.

    Args:
        function: from `open_function`.
        spec: how values are stored, and whether the mirrored row is labelled too.
        device: where the function runs.
        batch_size: rows for each call; 0 chooses it by device.
    """

    def __init__(self, function: Function, spec: DepthSpec, device: str, batch_size: int = 0) -> None:
        self.function, self.spec = function, spec
        self.batch_size = batch_size or (GPU_BATCH if device.startswith("cuda") else CPU_BATCH)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.unsignedinteger]:
        """Stored depth of each row.

        Args:
            images: (N, H, W, 3) uint8 RGB.
        Returns:
            (N, H, W) uint16, or uint8 where `spec.bits` is 8; 0 = invalid.
        Raises:
            DepthError: the function fails, or returns something wrong or nothing valid.
        """
        stored = encode_values(self.values(images), self.spec)
        if stored.size and (stored == INVALID).all():
            raise DepthError(f"depth model {self.spec.model} returns no valid value for {len(images)} rows.")
        return stored

    def values(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the function returns, not yet quantised.

        Args:
            images: (N, H, W, 3) uint8 RGB.
        Returns:
            (N, H, W) float32 in the spec's unit; NaN = invalid.
        Raises:
            DepthError: the function fails or returns something wrong.
        """
        if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
            raise DepthError(f"rows must be (N, H, W, 3) uint8, but are {images.shape} {images.dtype}.")
        values = np.empty(images.shape[:3], np.float32)
        start = 0
        while start < len(images):
            batch = images[start : start + self.batch_size]
            found = self._predict_or_halve(batch)
            if found is not None:
                values[start : start + len(batch)] = found[: len(batch)]
                start += len(batch)
        return values

    def release(self) -> None:
        """End the function's process, or free the device's memory."""
        self.function.close()

    def _call(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        return check_values(self.spec.model, self.spec.meaning, self.function(batch))

    def _predict_or_halve(self, batch: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """Depth maps of a full batch, or None if the memory did not suffice and the batch size was halved."""
        missing = self.batch_size - len(batch)
        full = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch
        try:
            values = self._call(full)
            if self.spec.flip:
                mirrored = self._call(np.ascontiguousarray(full[:, :, ::-1]))
                values = (values + mirrored[:, :, ::-1]) * np.float32(0.5)
            return values
        except FunctionError as e:
            if self.batch_size == 1 or not any(text in str(e).lower() for text in OUT_OF_MEMORY_TEXTS):
                raise
        self.batch_size //= 2
        logger.warning("%s: out of memory; continuing with %d rows a batch", self.spec.model, self.batch_size)
        return None


def check_values(name: str, kind: DepthKind, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """`values`, if this kind of depth can have them.

    Raises:
        DepthError: metres are 0 or below.
    """
    if kind.is_metric and (wrong := int((values <= 0).sum())):
        raise labeller_error(
            name,
            ContractError.__name__,
            f"{wrong} of {values.size} depth values are 0 or below, but metres are above 0. Mark pixels without "
            "depth by NaN, or by False in a validity map",
        )
    return values
