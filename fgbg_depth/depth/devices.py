"""Which device a worker uses, with which arithmetic and how many CPU threads, and how many rows at once."""

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
CUDA_DEVICE = r"cuda(:\d+)?"
MAX_CUDA_BATCH = 256
CUDA_BATCH_PIXELS = 64 * 480 * 640  # 64 rows at 480x640 saturate a large GPU
CPU_BATCH = 4


def pick_device(device: str = "auto", worker: int = 0) -> torch.device:
    """The device of worker number `worker`.

    Args:
        device: auto, cpu, cuda (worker i uses GPU i modulo their number), cuda:1 (only this GPU), or mps.
        worker: number of the worker, from 0.
    Raises:
        DepthError: this computer has no such device.
    """
    if device == "auto":
        available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        device = next(name for name, is_available in available.items() if is_available)
    if device == "cpu":
        return torch.device("cpu")
    if device == "mps":
        if not torch.backends.mps.is_available():
            raise DepthError("device mps is not available on this computer.\n  Use --device auto or --device cpu.")
        return torch.device("mps")
    if not re.fullmatch(CUDA_DEVICE, device):
        raise DepthError(f"device is {device!r}; allowed: auto, cpu, cuda, cuda:N, mps.\n  Change --device.")
    num_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not num_gpus:
        raise DepthError(
            f"device {device} is not available on this computer: torch {torch.__version__} finds no GPU.\n"
            "  Use --device cpu; or install a torch built for CUDA, and check that nvidia-smi lists the GPU."
        )
    index = int(device.partition(":")[2]) if ":" in device else worker % num_gpus
    if index >= num_gpus:
        raise DepthError(
            f"device {device} does not exist: this computer has {num_gpus} GPUs, cuda:0 to cuda:{num_gpus - 1}.\n"
            "  Change --device."
        )
    return torch.device("cuda", index)


def labeller_device(device: str, worker: int, own_python: bool) -> str:
    """The device of an external labeller, as a text for its function: "cpu", "cuda", "cuda:N" or "mps".

    Args:
        device, worker: as for `pick_device`.
        own_python: the labeller runs in a Python of its own, whose torch may find a GPU where ours finds none.
    Raises:
        DepthError: this computer has no such device.
    """
    if own_python and re.fullmatch(CUDA_DEVICE, device) and not torch.cuda.is_available():
        return device
    return str(pick_device(device, worker))


def pick_precision(precision: str, device: torch.device) -> str:
    """The arithmetic to use: "auto" is fp16 on CUDA, where its error is far below bf16's, and fp32 elsewhere.

    The errors are measured by benchmarks/depth.py.

    Args:
        precision: auto, fp32, tf32, fp16 or bf16.
    Raises:
        DepthError: it is none of these, or the device lacks it.
    """
    if precision == "auto":
        return "fp16" if device.type == "cuda" else "fp32"
    if precision not in DTYPES:
        raise DepthError(f"depth_precision is {precision!r}; allowed: auto, {', '.join(DTYPES)}.")
    if precision == "tf32" and device.type != "cuda":
        raise DepthError(
            f"depth_precision is tf32, which only NVIDIA GPUs have, but the device is {device.type}.\n  Use fp32."
        )
    if precision == "fp16" and device.type == "cpu":
        logger.warning(
            "depth_precision is fp16, which many CPUs emulate at a hundredth of the speed; fp32 or bf16 is faster"
        )
    return precision


def pick_batch(device: torch.device, size: tuple[int, int]) -> int:
    """Rows for each call of the model; the labeller halves it at run time if the memory does not suffice.

    Args:
        size: the model's input size (height, width).
    Returns:
        a power of two, at most 256, for CUDA; 4 for the others.
    """
    if device.type != "cuda":
        return CPU_BATCH
    batch = max(1, min(MAX_CUDA_BATCH, CUDA_BATCH_PIXELS // (size[0] * size[1])))
    return 1 << (batch.bit_length() - 1)


@contextmanager
def arithmetic(precision: str) -> Iterator[None]:
    """Use TF32 only if `precision` is "tf32", and deterministic convolutions; restore torch's settings on exit."""
    cudnn: Any = torch.backends.cudnn  # its stub lacks these attributes
    matmul, conv = torch.backends.cuda.matmul, cudnn.conv
    before = matmul.fp32_precision, conv.fp32_precision, cudnn.benchmark, cudnn.deterministic
    mode = "tf32" if precision == "tf32" else "ieee"
    try:
        matmul.fp32_precision, conv.fp32_precision = mode, mode
        cudnn.benchmark, cudnn.deterministic = False, True
        yield
    finally:
        matmul.fp32_precision, conv.fp32_precision, cudnn.benchmark, cudnn.deterministic = before


@contextmanager
def one_cpu_thread(device: torch.device) -> Iterator[None]:
    """Use one torch thread in this process if the device is the CPU; restore the caller's number on exit.

    With more threads the last bits of a label would depend on the number of cores, and two threads beside another
    busy process can be ten times slower. Several cores are used by several workers.
    """
    num_threads = torch.get_num_threads()
    if device.type != "cpu" or num_threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)
