"""Depth predicted on request, with the model of the shown dataset. Only a model on this computer is used."""

from __future__ import annotations

import threading
from importlib.util import find_spec

import numpy as np

from fgbg_depth.depth import models
from fgbg_depth.depth.external.names import find_labeller
from fgbg_depth.depth.model_files import is_local
from fgbg_depth.depth.placed import Stored
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import FgBgError, UsageError
from fgbg_depth.manifest import Manifest

MAX_WAITING = 8  # predictions that wait for the model; each holds one of the server's threads


class Predictor:
    """Predicts one image at a time, so that visitors share one model and its memory. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(MAX_WAITING)
        self._loaded: tuple[DepthSpec, models.Labeller] | None = None

    def available(self, manifest: Manifest) -> bool:
        """Whether the model's files and the packages that run it are on this computer. Downloads nothing.

        Labellers that are functions of other packages or programs are not run for visitors.
        """
        spec, name = manifest.depth, manifest.recipe.depth_model
        if spec is None or find_spec("torch") is None or find_spec("transformers") is None:
            return False
        try:
            return find_labeller(name) is None and is_local(name, spec.revision)
        except FgBgError:
            return False

    def __call__(self, manifest: Manifest, image: np.ndarray) -> Stored:
        """The predicted depth of one image.

        Args:
            image: (H, W, 3) uint8 RGB, as it is stored.
        Returns:
            (H, W) stored values.
        Raises:
            UsageError: the model is not on this computer, or too many predictions are waiting.
            DepthError: it cannot be loaded, or fails.
        """
        spec = manifest.depth
        if spec is None or not self.available(manifest):
            raise UsageError("Depth cannot be predicted here: the depth model is not on this computer.")
        if not self._places.acquire(blocking=False):
            raise UsageError("Too many visitors wait for a prediction. Try again in a minute.")
        try:
            with self._lock:
                stored: Stored = self._labeller(manifest, spec)(image[None])[0]
                return stored
        finally:
            self._places.release()

    def _labeller(self, manifest: Manifest, spec: DepthSpec) -> models.Labeller:
        """The model, loaded at the first call."""
        if self._loaded is None or self._loaded[0] != spec:
            # one row a call: a larger batch would be filled up with copies of it
            self._loaded = spec, models.load_labeller(manifest.recipe.replace(depth_batch=1), spec)
        return self._loaded[1]
