"""Run a depth model over rows in batches and give back what is stored."""

from __future__ import annotations

import inspect
import logging
from typing import Any

import numpy as np
import torch

from fgbg_depth.depth.devices import DTYPES, arithmetic, pick_batch
from fgbg_depth.depth.prepare import Preparer
from fgbg_depth.depth.spec import INVALID, DepthSpec
from fgbg_depth.errors import DepthError
from fgbg_depth.recipe import parse_size

logger = logging.getLogger("fgbg_depth.depth")


class TorchLabeller:
    """Label rows with a depth model: call it with (N, H, W, 3) uint8, get (N, H, W) stored values.

    Every call of the model has the same shape (a last, smaller batch is filled up), so a row's label does not
    depend on how many rows came with it. Out of memory halves the batch for good.

    Args:
        model, processor: of transformers; the model as loaded, in fp32 on the CPU.
        spec: how values are stored; its precision, input size and flip are what the model runs with.
        device: where it runs.
        batch_size: rows a call of the model; 0 = by device.
    """

    def __init__(self, model: Any, processor: Any, spec: DepthSpec, device: torch.device, batch_size: int = 0) -> None:
        self.spec, self.device, self.processor = spec, device, processor
        size = parse_size(spec.input_size)
        if size is None:
            raise DepthError(f"depth spec: input_size is {spec.input_size!r}, not HEIGHTxWIDTH.")
        self.size = size
        self.batch_size = batch_size or pick_batch(device, size)
        self.dtype = DTYPES[spec.precision]
        self.model = model.to(device=device, dtype=self.dtype, memory_format=torch.channels_last).eval()
        self._preparers: dict[tuple[int, int], Preparer] = {}
        parameters = inspect.signature(processor.post_process_depth_estimation).parameters
        self._wants_source_sizes = "source_sizes" in parameters
        self._warned: set[str] = set()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Stored depth of each row.

        Args:
            images: (N, H, W, 3) uint8 RGB.
        Returns:
            (N, H, W) uint16 (or uint8, by `spec.bits`): 0 = invalid.
        Raises:
            DepthError: the model predicts nothing valid, or one row does not fit the memory.
        """
        stored = self._run(images, self._quantise)
        result = stored.astype(self.spec.dtype)
        if result.size:
            self._look_at(result)
        return result

    def values(self, images: np.ndarray) -> np.ndarray:
        """What the model predicts, not yet quantised: (N, H, W) float32 in the spec's unit."""
        return self._run(images, lambda maps: maps)

    def _run(self, images: np.ndarray, finish: Any) -> np.ndarray:
        if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
            raise DepthError(f"rows are (N, H, W, 3) uint8; got {images.shape} {images.dtype}.")
        if not len(images):
            return np.zeros(images.shape[:3], dtype=np.float32)
        done: list[torch.Tensor] = []
        start = 0
        with torch.inference_mode(), arithmetic(self.spec.precision):
            while start < len(images):
                batch = images[start : start + self.batch_size]
                maps = self._try(batch)
                if maps is None:
                    continue  # the batch was halved
                done.append(finish(maps[: len(batch)]))
                start += len(batch)
            # One copy back at the end: the host prepares the next batch while the device works on this one.
            return torch.cat(done).cpu().numpy()

    def _try(self, batch: np.ndarray) -> torch.Tensor | None:
        """Depth maps of a full batch, or None when memory did not suffice and the batch size was halved."""
        try:
            return self._predict(batch)
        except DepthError:
            raise
        except Exception as e:
            if not _is_out_of_memory(e):
                raise DepthError(
                    f"depth model {self.spec.model} failed on {self.device} at {self.spec.input_size}, "
                    f"{self.spec.precision}: {type(e).__name__}: {e}"
                ) from e
            if self.batch_size == 1:
                raise DepthError(
                    f"depth model {self.spec.model} does not fit the memory of {self.device} with one row of "
                    f"{self.spec.input_size}.\n  Use a smaller depth_input, fp16, or --device cpu."
                ) from e
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.batch_size //= 2
        self._warn_once("memory", f"out of memory on {self.device}: going on with {self.batch_size} rows a batch")
        return None

    def _predict(self, batch: np.ndarray) -> torch.Tensor:
        missing = self.batch_size - len(batch)
        if missing:
            batch = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
        rows = torch.from_numpy(np.require(batch, requirements=["C", "W"]))
        if self.device.type == "cuda":
            rows = rows.pin_memory().to(self.device, non_blocking=True)
        rows = rows.to(self.device).permute(0, 3, 1, 2)
        maps = self._forward(rows)
        if self.spec.flip:
            maps = (maps + self._forward(rows.flip(-1)).flip(-1)) / 2
        return maps

    def _forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows (B, 3, H, W) uint8 to depth maps (B, H, W) float32, by the model's own post-processing."""
        row_size = (rows.shape[-2], rows.shape[-1])
        if row_size not in self._preparers:
            self._preparers[row_size] = Preparer(self.processor, self.size, row_size, self.device)
        pixels = self._preparers[row_size](rows)
        pixels = pixels.to(dtype=self.dtype, memory_format=torch.channels_last)
        outputs = self.model(pixel_values=pixels)
        outputs.predicted_depth = outputs.predicted_depth.float()
        sizes = [row_size] * len(rows)
        more = {"source_sizes": sizes} if self._wants_source_sizes else {}
        maps = self.processor.post_process_depth_estimation(outputs, target_sizes=sizes, **more)
        return torch.stack([one["predicted_depth"].float().reshape(row_size) for one in maps])

    def _quantise(self, maps: torch.Tensor) -> torch.Tensor:
        """`encode_values` on the device, in its order of operations; int32, as torch lacks much of uint16."""
        spec = self.spec
        finite = torch.isfinite(maps)
        scaled = torch.round((maps - spec.offset) * spec.scale)
        stored = scaled.clamp(1, spec.levels)
        return torch.where(finite, stored, INVALID).to(torch.int32)

    def _look_at(self, result: np.ndarray) -> None:
        """Say what no one should have to find out from the finished dataset."""
        invalid = int((result == INVALID).sum())
        if invalid == result.size:
            raise DepthError(
                f"depth model {self.spec.model} predicts no valid number at all in {self.spec.precision}.\n"
                "  Try depth_precision fp32; if that does not help, its weights are damaged."
            )
        if invalid:
            self._warn_once(
                "invalid",
                f"depth model {self.spec.model}: {invalid} of {result.size} pixels are not finite "
                f"in {self.spec.precision}; they are stored as 0 = invalid (depth_precision fp32 may help)",
            )
        if result.min() == result.max():
            self._warn_once(
                "constant",
                f"depth model {self.spec.model} predicts the same depth for every pixel of a batch",
            )

    def _warn_once(self, kind: str, message: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            logger.warning(message)


def release(labeller: TorchLabeller) -> None:
    """Give the device's memory back: a parent that only looked for a range must not keep it from its workers."""
    labeller.model.to("cpu")
    if labeller.device.type == "cuda":
        torch.cuda.empty_cache()


def _is_out_of_memory(e: BaseException) -> bool:
    text = str(e).lower()
    return isinstance(e, torch.OutOfMemoryError) or any(
        sign in text for sign in ("out of memory", "can't allocate memory", "cublas_status_alloc_failed")
    )
