"""The function of an external labeller, ready to be called: in this process, or in a Python of its own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from fgbg_depth.depth.devices import one_cpu_thread
from fgbg_depth.depth.external.failures import labeller_error
from fgbg_depth.depth.external.names import Installed, Program
from fgbg_depth.depth.external.process import LabellerProcess
from fgbg_depth.depth.external.runner import ContractError, call, describe


class Function(Protocol):
    """A labeller function that is ready to be called, in this process or in another.

    name: of the depth model.
    stated: what the function states about itself; see `runner.describe`.
    """

    name: str

    @property
    def stated(self) -> Mapping[str, Any]: ...

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, H, W, 3) uint8 sRGB to (N, H, W) float32; NaN = invalid. Raises DepthError."""
        ...

    def close(self) -> object:
        """Free what the function holds."""
        ...


class InstalledFunction:
    """The function of an installed package, called in this process.

    Raises:
        DepthError: it cannot be imported.
    """

    def __init__(self, installed: Installed, device: str) -> None:
        self.name, self.device = installed.name, device
        point = installed.entry_point
        try:
            self._function = point.load()
            if not callable(self._function):
                raise ContractError(f"its entry point {point.value} is not a function")
            self.stated = describe(self._function, getattr(sys.modules[point.module], "__file__", None))
        except Exception as e:  # a package may raise anything when it is imported
            raise labeller_error(self.name, type(e).__name__, str(e)) from e

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, H, W, 3) uint8 sRGB to (N, H, W) float32; NaN = invalid. Raises DepthError."""
        try:
            with one_cpu_thread(torch.device(self.device)):
                return call(self._function, images, self.device)
        except Exception as e:  # the function may raise anything
            raise labeller_error(self.name, type(e).__name__, str(e)) from e

    def close(self) -> None:
        """Free the memory that torch keeps for later use."""
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()


def open_function(source: Program | Installed, device: str) -> Function:
    """The function of a labeller, ready to be called on a device.

    Raises:
        DepthError: the program does not start, or the function cannot be imported.
    """
    return LabellerProcess(source, device) if isinstance(source, Program) else InstalledFunction(source, device)
