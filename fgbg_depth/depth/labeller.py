"""Run a depth model over rows in batches and return the values to store."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fgbg_depth.depth.devices import DTYPES, arithmetic, one_cpu_thread, pick_batch
from fgbg_depth.depth.prepare import Preparer
from fgbg_depth.depth.spec import INVALID, DepthSpec
from fgbg_depth.errors import DepthError
from fgbg_depth.recipe import parse_size

logger = logging.getLogger("fgbg_depth.depth")

OUT_OF_MEMORY_TEXTS = ("out of memory", "can't allocate memory", "cublas_status_alloc_failed")


class TorchLabeller:
    """Label rows with a depth model: call it with (N, H, W, 3) uint8, get (N, H, W) stored values.

    Every call of the model has the same shape (a last, smaller batch is filled up), so the label of a row does not
    depend on how many rows came with it: with another shape the last bits differ, and so do some stored values (on a
    CPU 0.08 % of the pixels by 1 mm between 4 and 64 rows a call). The rows of a shard may be passed in smaller
    batches on a GPU (`rows_per_call`). Out of memory halves the batch size for all later calls.

    Args:
        model, processor: from transformers; the model as loaded, in fp32 on the CPU.
        spec: how values are stored, and with which precision, input size and flip the model runs.
        device: where it runs.
        batch_size: rows for each call of the model; 0 chooses it by device and input size.
    """

    def __init__(self, model: Any, processor: Any, spec: DepthSpec, device: torch.device, batch_size: int = 0) -> None:
        self.spec, self.device, self.processor = spec, device, processor
        size = parse_size(spec.input_size)
        if size is None:
            raise DepthError(f"depth spec: input_size is {spec.input_size!r}, not HEIGHTxWIDTH.")
        self.size = size
        self.batch_size = batch_size or pick_batch(device, size)
        self.dtype = DTYPES[spec.precision]
        model = prediction_form(model) if device.type == "cuda" else model
        self.model = model.to(device=device, dtype=self.dtype, memory_format=torch.channels_last).eval()
        self._preparers: dict[tuple[int, int], Preparer] = {}
        parameters = inspect.signature(processor.post_process_depth_estimation).parameters
        self._needs_source_sizes = "source_sizes" in parameters
        self._warned: set[str] = set()

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.unsignedinteger]:
        """Stored depth of each row.

        Args:
            images: (N, H, W, 3) uint8 RGB.
        Returns:
            (N, H, W) uint16, or uint8 where `spec.bits` is 8; 0 = invalid.
        Raises:
            DepthError: the model fails or predicts nothing valid, or one row does not fit into memory.
        """
        return self.start(images)()

    def start(self, images: NDArray[np.uint8], batch_size: int | None = None) -> Callable[[], NDArray[Any]]:
        """Start to label rows; returns a function that waits for the labels and returns them as a call does.

        On a GPU everything is queued, the copy of the labels to this computer's memory too, and the function waits for
        that copy alone. So the next batch can be queued before the results of this one are waited for. On a CPU the
        labels are finished when `start` returns.

        Args:
            batch_size: rows for each call of the model; default: that of this labeller.
        """
        fetch = self._run(images, self._quantise, batch_size)

        def finish() -> NDArray[Any]:
            stored = fetch().astype(self.spec.dtype)
            if stored.size:
                self._check(stored)
            return stored

        return finish

    def rows_per_call(self, rows: int) -> int:
        """How many rows to pass at once where `rows` rows follow one another.

        On a GPU the size that fills up the fewest rows. Elsewhere `batch_size`: an odd row more costs little in
        batches of 4, and every other shape would change labels that were made before.
        """
        return even_batch(rows, self.batch_size) if self.device.type == "cuda" else self.batch_size

    def values(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the model predicts, not yet quantised.

        Args:
            images: (N, H, W, 3) uint8 RGB.
        Returns:
            (N, H, W) float32 in the spec's unit.
        Raises:
            DepthError: the model fails, or one row does not fit into memory.
        """
        return self._run(images, lambda maps: maps, None)()

    def release(self) -> None:
        """Free the device's memory, so that a process that only looked for the range leaves it to the workers."""
        self.model.to("cpu")
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _run(
        self, images: NDArray[np.uint8], finish: Callable[[torch.Tensor], torch.Tensor], batch_size: int | None
    ) -> Callable[[], NDArray[Any]]:
        if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
            raise DepthError(f"rows must be (N, H, W, 3) uint8, but are {images.shape} {images.dtype}.")
        if not len(images):
            return lambda: np.zeros(images.shape[:3], dtype=np.float32)
        finished: list[torch.Tensor] = []
        start = 0
        with torch.inference_mode(), arithmetic(self.spec.precision), one_cpu_thread(self.device):
            while start < len(images):
                size = min(batch_size or self.batch_size, self.batch_size)
                batch = images[start : start + size]
                maps = self._predict_or_halve(batch, size)
                if maps is None:
                    continue
                finished.append(finish(maps[: len(batch)]))
                start += len(batch)
            return self._fetch(torch.cat(finished))

    def _fetch(self, values: torch.Tensor) -> Callable[[], NDArray[Any]]:
        """Start the copy from the device; returns a function that waits for it."""
        if self.device.type != "cuda":
            copied: NDArray[Any] = values.cpu().numpy()
            return lambda: copied
        host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        host.copy_(values, non_blocking=True)
        done = torch.cuda.Event()
        done.record(torch.cuda.current_stream(self.device))

        def wait() -> NDArray[Any]:
            try:
                done.synchronize()
            except RuntimeError as e:  # kernels run later than they are called, and so do their errors
                raise self._failed(e) from e
            array: NDArray[Any] = host.numpy()
            return array

        return wait

    def _predict_or_halve(self, batch: NDArray[np.uint8], size: int) -> torch.Tensor | None:
        """Depth maps of a batch filled up to `size` rows; None if memory did not suffice and the size was halved."""
        try:
            return self._predict(batch, size)
        except Exception as e:  # only running out of memory is handled here
            if not _is_out_of_memory(e):
                raise
            if self.batch_size == 1:
                raise DepthError(
                    f"depth model {self.spec.model}: one row at {self.spec.input_size} does not fit into the memory "
                    f"of {self.device}.\n  Use a smaller depth_input, depth_precision fp16, or --device cpu."
                ) from e
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.batch_size //= 2
        self._warn_once("memory", f"out of memory on {self.device}: continuing with {self.batch_size} rows a batch")
        return None

    def _predict(self, batch: NDArray[np.uint8], size: int) -> torch.Tensor:
        missing = size - len(batch)
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
        """Rows (B, 3, H, W) uint8 to depth maps (B, H, W) float32."""
        row_size = (rows.shape[-2], rows.shape[-1])
        if row_size not in self._preparers:
            self._preparers[row_size] = Preparer(self.processor, self.size, row_size, self.device)
        pixels = self._preparers[row_size](rows)
        maps = self._call_model(pixels.to(dtype=self.dtype, memory_format=torch.channels_last), row_size)
        return torch.stack([one["predicted_depth"].float().reshape(row_size) for one in maps])

    def _call_model(self, pixels: torch.Tensor, row_size: tuple[int, int]) -> list[dict[str, torch.Tensor]]:
        """The model and its own post-processing to the rows' size.

        Raises:
            DepthError: either fails; running out of memory is raised as it is.
        """
        sizes = [row_size] * len(pixels)
        options = {"source_sizes": sizes} if self._needs_source_sizes else {}
        try:
            outputs = self.model(pixel_values=pixels)
            outputs.predicted_depth = outputs.predicted_depth.float()
            maps: list[dict[str, torch.Tensor]] = self.processor.post_process_depth_estimation(
                outputs, target_sizes=sizes, **options
            )
        except Exception as e:  # a model of the Hub may raise anything
            if _is_out_of_memory(e):
                raise
            raise self._failed(e) from e
        return maps

    def _failed(self, e: Exception) -> DepthError:
        return DepthError(
            f"depth model {self.spec.model} failed on {self.device} at {self.spec.input_size} in "
            f"{self.spec.precision}: {type(e).__name__}: {e}\n"
            "  Try another depth_input, depth_precision fp32, or another depth model."
        )

    def _quantise(self, maps: torch.Tensor) -> torch.Tensor:
        """`encode_values` on the device, in the same order of operations; int32, because torch's uint16 is limited."""
        spec = self.spec
        scaled = torch.round((maps - spec.offset) * spec.scale)
        return torch.where(torch.isfinite(maps), scaled.clamp(1, spec.levels), INVALID).to(torch.int32)

    def _check(self, stored: NDArray[Any]) -> None:
        """Report faults of the labels that nobody should have to discover in the finished dataset."""
        invalid = int((stored == INVALID).sum())
        if invalid == stored.size:
            raise DepthError(
                f"depth model {self.spec.model} predicts not one finite value in {self.spec.precision}.\n"
                "  Set depth_precision to fp32; if that does not help, the model's weights are damaged."
            )
        if invalid:
            self._warn_once(
                "invalid",
                f"depth model {self.spec.model}: {invalid} of {stored.size} pixels are not finite in "
                f"{self.spec.precision}; they are stored as 0 = invalid (depth_precision fp32 may help)",
            )
        if stored.min() == stored.max():
            self._warn_once(
                "constant", f"depth model {self.spec.model} predicts the same depth for every pixel of a batch"
            )

    def _warn_once(self, topic: str, message: str) -> None:
        if topic not in self._warned:
            self._warned.add(topic)
            logger.warning(message)


def prediction_form(model: Any) -> Any:
    """A DenseDepth that predicts faster on a GPU; other models as they are.

    Not for a CPU: its values differ in the last bits, so a few stored values would differ from those made before.
    """
    from fgbg_depth.depth.densedepth.inference import InferenceDenseDepth
    from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

    return InferenceDenseDepth(model) if isinstance(model, DenseDepthForDepthEstimation) else model


def even_batch(rows: int, largest: int) -> int:
    """The batch size, more than half of `largest`, with which the fewest rows are filled up; of equal ones the largest.

    even_batch(400, 64)   # 50: 8 calls of 50 rows; 7 of 64 would be 448 rows
    even_batch(400, 256)  # 200
    even_batch(10, 64)    # 10: one call
    """
    if rows <= largest:
        return max(1, rows)
    sizes = range(largest // 2 + 1, largest + 1)
    return min(sizes, key=lambda size: (-(-rows // size) * size, -size))


def _is_out_of_memory(e: BaseException) -> bool:
    if isinstance(e, (MemoryError, torch.OutOfMemoryError)):
        return True
    return any(text in str(e).lower() for text in OUT_OF_MEMORY_TEXTS)
