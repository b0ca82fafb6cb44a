"""Which device a worker uses, in which arithmetic, and how many rows at once."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from fgbg_depth.errors import DepthError

logger = logging.getLogger("fgbg_depth.depth")

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
MAX_CUDA_BATCH = 256
CUDA_BATCH_PIXELS = 64 * 480 * 640  # 64 rows at 480x640 saturate a large GPU
CPU_BATCH = 4


def pick_device(device: str = "auto", worker: int = 0) -> torch.device:
    """The device of worker number `worker`.

    Args:
        device: auto, cpu, cuda (workers take turns over all GPUs), cuda:1 (this one), or mps.
    Raises:
        DepthError: no such device here.
    """
    if device == "auto":
        found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        device = next(name for name, is_there in found.items() if is_there)
    if device == "cpu":
        return torch.device("cpu")
    if device == "mps":
        if not torch.backends.mps.is_available():
            raise DepthError("device mps is not available here.\n  Use --device auto or --device cpu.")
        return torch.device("mps")
    if not re.fullmatch(r"cuda(:\d+)?", device):
        raise DepthError(f"device is {device!r}; allowed: auto, cpu, cuda, cuda:N, mps.")
    num_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not num_gpus:
        raise DepthError(
            f"device {device} is not available here: torch {torch.__version__} finds no GPU.\n"
            "  Use --device cpu, or install a torch built for CUDA and check nvidia-smi."
        )
    index = int(device.partition(":")[2]) if ":" in device else worker % num_gpus
    if index >= num_gpus:
        raise DepthError(f"device {device}: there are {num_gpus} GPUs here, cuda:0 to cuda:{num_gpus - 1}.")
    return torch.device("cuda", index)


def pick_precision(precision: str, device: torch.device) -> str:
    """fp32 on CPU and MPS; fp16 on CUDA, whose error is far below bf16's. See benchmarks/depth.py."""
    if precision == "auto":
        return "fp16" if device.type == "cuda" else "fp32"
    if precision not in DTYPES:
        raise DepthError(f"depth precision is {precision!r}; allowed: auto, {', '.join(DTYPES)}.")
    if precision == "tf32" and device.type != "cuda":
        raise DepthError(f"depth precision tf32 exists on NVIDIA GPUs only, not on {device.type}.\n  Use fp32.")
    if precision == "fp16" and device.type == "cpu":
        logger.warning(
            "depth precision fp16 is emulated on many CPUs and then 100 times slower; fp32 or bf16 is better"
        )
    return precision


def pick_batch(device: torch.device, size: tuple[int, int]) -> int:
    """Rows a model call, from the model's input size; halved at run time where memory does not suffice."""
    if device.type != "cuda":
        return CPU_BATCH
    batch = max(1, min(MAX_CUDA_BATCH, CUDA_BATCH_PIXELS // (size[0] * size[1])))
    return 1 << (batch.bit_length() - 1)


@contextmanager
def arithmetic(precision: str) -> Iterator[None]:
    """TF32 exactly when asked for, and deterministic convolutions; torch's settings are then put back."""
    cudnn: Any = torch.backends.cudnn
    matmul, conv = torch.backends.cuda.matmul, cudnn.conv
    before = matmul.fp32_precision, conv.fp32_precision, cudnn.benchmark, cudnn.deterministic
    mode = "tf32" if precision == "tf32" else "ieee"
    try:
        matmul.fp32_precision, conv.fp32_precision = mode, mode
        cudnn.benchmark, cudnn.deterministic = False, True
        yield
    finally:
        matmul.fp32_precision, conv.fp32_precision, cudnn.benchmark, cudnn.deterministic = before
