"""Mattes from the matting models of rembg, on this machine."""

from __future__ import annotations

import os
from importlib import metadata
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from PIL import Image

from fgbg_depth.errors import MattingError, SourceError, install_command
from fgbg_depth.schema import VISIBLE_ALPHA
from fgbg_depth.sources.checks.areas import connected_areas
from fgbg_depth.sources.cutouts.mattes import Log, Origin
from fgbg_depth.sources.cutouts.models import MattingModel
from fgbg_depth.sources.folder import SourceFile

Device = Literal["auto", "cpu", "cuda"]
_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
SPECK = 0.005  # of the largest part's pixels; smaller separate parts are noise of a model


def without_specks(matte: np.ndarray) -> np.ndarray:
    """A matte without its small separate parts, which would make the crop larger than the object.

    A part is what is connected by visible pixels, so loose hair stays.

    Args:
        matte: (h, w) uint8.
    """
    areas = connected_areas(matte >= VISIBLE_ALPHA)
    if areas.count < 2:
        return matte
    is_speck = areas.sizes < SPECK * areas.sizes.max()
    is_speck[0] = False
    return np.where(is_speck[areas.labels], 0, matte).astype(np.uint8)


class RembgMattes:
    """Mattes from one of rembg's models. rembg and the model are loaded at the first matte, not before.

    Args:
        model: entry of the table of models.
        device: auto = a GPU if onnxruntime can use one.
        log: called with a line before something that takes long.
    Raises:
        MattingError: a package is missing.
    """

    def __init__(self, model: MattingModel, device: Device, log: Log) -> None:
        self._model, self._device, self._log = model, device, log
        self._session: Any = None
        missing = [name for name in ("rembg", "onnxruntime") if find_spec(name) is None]
        if missing:
            raise MattingError(
                f"mattes of {model.name} need packages that are not installed: {', '.join(missing)}.\n"
                f"  Install them: {install_command('cutouts')}\n  Or give mattes that you have: --matte FOLDER."
            )
        self._version = metadata.version("rembg")

    @property
    def origin(self) -> Origin:
        model = self._model
        return Origin(model.name, model.license, model.terms, model.home, f"rembg {self._version}")

    def key(self, photo: SourceFile) -> str:
        """Model and version of rembg, which fixes the weights by their hash."""
        return f"{self._model.name} rembg {self._version}"

    def matte(self, photo: SourceFile, image: Image.Image) -> np.ndarray:
        """See `MatteSource`; small separate parts are removed.

        rembg scales each matte to the full range, so the matte of a photograph without an object may be noise.
        """
        if self._session is None:
            self._session = self._load()
        try:
            with np.errstate(divide="ignore", invalid="ignore"):  # a constant answer is divided by its range of 0
                found = self._session.predict(image)[0]
        except Exception as e:  # of onnxruntime: not enough memory, or a file that is no such model
            raise MattingError(
                f"{self._model.name} failed on {photo.name} ({_first_line(e)}).\n"
                "  If memory is short, choose a smaller model: --model birefnet-general-lite. "
                "If the file of the model is another one, delete it."
            ) from e
        matte = np.asarray(found.convert("L"))
        if matte.shape != (image.height, image.width):
            raise SourceError(f"got a matte of another size from {self._model.name}")
        return without_specks(matte)

    def _load(self) -> Any:
        """The session, with its weights downloaded if they are not on this machine."""
        self._log("Loading rembg. At its first start it compiles functions of PyMatting, which takes about a minute.")
        import onnxruntime
        from rembg import new_session
        from rembg.sessions import sessions

        providers = self._providers(onnxruntime.get_available_providers())
        session_class = sessions[self._model.name]
        file = os.path.join(session_class.model_dir(), f"{self._model.name}.onnx")
        if session_class.resolve_existing(os.path.basename(file)) is None:
            self._log(f"Downloading {self._model.name} from {self._model.url} to {file}, once.")
        try:
            path = session_class.download_models()
        except Exception as e:  # of requests, of the hash's check, of the disk
            raise MattingError(
                f"{self._model.name} cannot be downloaded from {self._model.url} ({_first_line(e)}).\n"
                "  Check the network and run the same command again. Without a network, download this file elsewhere "
                f"and save it as {file}.\n  Or give mattes that you have: --matte FOLDER."
            ) from e
        try:
            session = new_session(self._model.name, providers=providers)
        except Exception as e:  # of onnxruntime: the file is damaged, or a library of the GPU is missing
            raise MattingError(
                f"{path} cannot be loaded ({_first_line(e)}).\n"
                "  Delete this file and run the same command again: it is downloaded again."
            ) from e
        if _CUDA in providers and _CUDA not in session.inner_session.get_providers():
            self._refuse_or_log("onnxruntime could not use the GPU: a library of CUDA or cuDNN is missing")
        return session

    def _providers(self, available: list[str]) -> list[str]:
        if self._device == "cpu" or (self._device == "auto" and _CUDA not in available):
            return [_CPU]
        if _CUDA not in available:
            self._refuse_or_log("the installed onnxruntime has no support for CUDA; install onnxruntime-gpu instead")
        return [_CUDA, _CPU]

    def _refuse_or_log(self, reason: str) -> None:
        if self._device == "cuda":
            raise MattingError(f"--device cuda: {reason}.\n  Or use the processor: --device cpu.")
        self._log(f"Using the processor: {reason}.")


def _first_line(e: Exception) -> str:
    line = (str(e).strip().splitlines() or [""])[0][:200].rstrip(".")
    return f"{type(e).__name__}: {line}" if line else type(e).__name__
