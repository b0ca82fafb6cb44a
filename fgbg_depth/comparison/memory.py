"""How much memory a model takes: of the GPU, or of this process."""

from __future__ import annotations

import ctypes
import gc
import re
from dataclasses import dataclass
from pathlib import Path

GPU, RAM = "GPU", "RAM"
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Memory:
    """The most memory that a model took at one time.

    num_bytes: None: not measured.
    kind: GPU = memory that torch allocated on the GPU; RAM = growth of this process's resident memory, from before the
        model was loaded; "" = not measured.
    """

    num_bytes: int | None = None
    kind: str = ""

    @property
    def text(self) -> str:
        """For people: "310 MB RAM"."""
        return "not measured" if self.num_bytes is None else f"{self.num_bytes / 1e6:,.0f} MB {self.kind}"


class MemoryMeter:
    """Measures the memory from when it is made until `read` is called.

    What a model takes in a process of its own is not measured, neither is RAM on systems without /proc (macOS).

    Args:
        device: where the model runs: cpu, cuda:0, ...
        own_process: the model runs in a process of its own.
    """

    def __init__(self, device: str, own_process: bool) -> None:
        self._device = device
        self._kind = "" if own_process else GPU if device.startswith("cuda") else RAM if device == "cpu" else ""
        gc.collect()
        if self._kind == GPU:
            import torch

            torch.cuda.reset_peak_memory_stats(device)
            self._before = torch.cuda.memory_allocated(device)
        elif self._kind == RAM:
            _return_free_memory()
            self._kind = RAM if _reset_peak() else ""
            self._before = _resident("VmRSS") if self._kind else 0

    def read(self) -> Memory:
        """The most memory at one time, less what was in use before."""
        if self._kind == GPU:
            import torch

            return Memory(torch.cuda.max_memory_allocated(self._device) - self._before, GPU)
        return Memory(max(0, _resident("VmHWM") - self._before), RAM) if self._kind == RAM else Memory()


def _return_free_memory() -> None:
    """Give freed memory back to the system; a model could use it again without growth that can be seen."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, TypeError, AttributeError):  # not glibc
        return


def _reset_peak() -> bool:
    """Start the peak of the resident memory (VmHWM) again. Source: Linux, proc(5), /proc/pid/clear_refs."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return True


def _resident(name: str) -> int:
    """Bytes of resident memory: VmRSS = now, VmHWM = the peak."""
    match = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    return 1024 * int(match[1]) if match else 0
