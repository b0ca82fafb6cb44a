"""Stored depth maps as integer arrays, from every form in which `datasets` gives an image."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.errors import DepthError

COLUMN = "fg_bg_depth"


def stored_array(image: Any) -> NDArray[Any]:
    """The pixels of a stored depth map, or of several maps of one size.

    Args:
        image: a grey Pillow image; an integer array; a torch tensor (on any device), whose channel axis of 1 is
            dropped; the path or the bytes of an image file; {"bytes": ...} as `Image(decode=False)` gives it; or a
            list of any of these.
    Returns:
        (H, W) or, for several maps, (N, H, W); any dtype.
    Raises:
        DepthError: it is none of these, a file that cannot be read, or an image that is not grey.
    """
    if image is None:
        raise DepthError("there is no depth map to decode: the value is None, so this row was not labelled.")
    if isinstance(image, (str, Path)):
        return _opened(image, str(image))
    if isinstance(image, bytes):
        return _opened(io.BytesIO(image), "these bytes")
    if isinstance(image, Mapping):
        return _of_mapping(image)
    if isinstance(image, Sequence) and image and not isinstance(image[0], (int, float, list, tuple)):
        return _stacked([stored_array(one) for one in image])
    if (torch := sys.modules.get("torch")) and isinstance(image, torch.Tensor):
        return _of_tensor(image)
    if isinstance(mode := getattr(image, "mode", None), str):
        _check_mode(mode)
    return np.asarray(image)


def _opened(file: str | Path | io.BytesIO, name: str) -> NDArray[Any]:
    from PIL import Image

    try:
        with Image.open(file) as opened:
            opened.load()
            return stored_array(opened)
    except OSError as e:  # also what Pillow does not recognise
        raise DepthError(
            f"cannot read a depth map from {name}: {e}\n  Pass an image of the column {COLUMN}, or its PNG file."
        ) from e


def _of_mapping(values: Mapping[Any, Any]) -> NDArray[Any]:
    if values.get("bytes") is not None:
        return stored_array(values["bytes"])
    if values.get("path") is not None:
        return stored_array(values["path"])
    what = "a whole row" if COLUMN in values else f"a dictionary with the keys {', '.join(map(str, values))}"
    raise DepthError(f'not a stored depth map: {what}.\n  Pass one of its images, such as row["{COLUMN}"].')


def _stacked(maps: list[NDArray[Any]]) -> NDArray[Any]:
    if len({one.shape for one in maps}) > 1:
        raise DepthError(
            f"these depth maps differ in size: {', '.join(sorted({str(one.shape) for one in maps}))}.\n"
            "  Decode them one by one."
        )
    return np.stack(maps)


def _of_tensor(tensor: Any) -> NDArray[Any]:
    """`with_format("torch")` gives (1, H, W) for a row and (N, 1, H, W) for a batch."""
    if tensor.is_floating_point() or tensor.is_complex():  # numpy lacks some of these types
        raise DepthError(
            f"not a stored depth map: a tensor of shape {tuple(tensor.shape)}, {tensor.dtype}.\n"
            f"  Pass the integers of the column {COLUMN}, before any conversion."
        )
    if tensor.ndim >= 3 and tensor.shape[-3] == 1:
        tensor = tensor.squeeze(-3)
    return np.asarray(tensor.detach().cpu().numpy())


def _check_mode(mode: str) -> None:
    if not (mode in ("L", "I") or mode.startswith("I;16")):
        raise DepthError(
            f"not a stored depth map: an image of mode {mode}.\n"
            f"  Pass a grey image from the column {COLUMN}; the coloured preview holds no depth values."
        )
