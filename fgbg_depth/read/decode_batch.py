"""`decode_batch`: the images of many rows as arrays, fast enough to feed a network from one CPU core."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgbg_depth import schema
from fgbg_depth.depth.spec import DepthSpec, HasDepthSpec, decode_depth, spec_of
from fgbg_depth.depth.stored_maps import stored_array
from fgbg_depth.errors import DepthError, OutputError
from fgbg_depth.render.codecs import decode_rgb_into, plain_jpeg_size
from fgbg_depth.render.png_pixels import decode_grey_png

Pixels = NDArray[Any]
Column = NDArray[Any] | Sequence[Any]
_RGB, _GREY = "fg_bg", ("fg_bg_mask", "fg_bg_instances")
# what Pillow raises for damaged files; simplejpeg raises ValueError
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)


def decode_batch(
    rows: Mapping[str, Sequence[Any]], spec: DepthSpec | HasDepthSpec | Mapping[str, Any] | None = None
) -> dict[str, Column]:
    """Decode the images of a batch of rows: the pixels that Pillow gives, in less than half of the time.

    The images must be encoded, as `load(..., decode=False)` leaves them:

        rows = fgbg_depth.load("user/name", split="train", decode=False)
        manifest = fgbg_depth.load_manifest("user/name")
        batch = fgbg_depth.decode_batch(rows[:16], manifest)
        batch["fg_bg"].shape     # (16, 224, 224, 3)

    Only the columns that are in `rows` are decoded: choose them with `rows.select_columns([...])` before. For a torch
    DataLoader see examples/train.py; `rows.with_transform(functools.partial(fgbg_depth.decode_batch, spec=manifest))`
    decodes whatever is read.

    Args:
        rows: the values of each column of the config default. Images are {"bytes": ..., "path": ...} or bytes; Pillow
            images and arrays, which are decoded already, are copied. All images of a column have one size.
        spec: the dataset's depth spec, or its manifest, as `decode_depth` takes it; needed for columns of depth.
    Returns:
        all columns of `rows`, where
        fg_bg: (N, H, W, 3) uint8 RGB.
        fg_bg_mask, fg_bg_instances: (N, H, W) uint8.
        fg_bg_depth, fg_bg_depth_placed: (N, H, W) float32 as `decode_depth` gives them: metres, or relative values;
            NaN where invalid. For each also the column with `_valid` after its name: (N, H, W) bool.
    Raises:
        OutputError: an image is missing, damaged, or has another size than the first; the message names the row.
        DepthError: a column of depth does not agree with `spec`, or there is no spec.
    """
    decoded: dict[str, Column] = {}
    for name, values in rows.items():
        if len(values) == 0:
            decoded[name] = values
        elif name == _RGB:
            decoded[name] = _decode_column(rows, name, _read_rgb)
        elif name in _GREY:
            decoded[name] = _decode_column(rows, name, _read_grey)
        elif name in schema.LABELS.values():
            decoded[name] = depth = _decode_column(rows, name, _depth_reader(name, spec))
            decoded[f"{name}_valid"] = np.isfinite(depth)
        else:
            decoded[name] = values
    return decoded


class _OtherSizeError(Exception):
    """An image has another size than the first of its column."""


Reader = Callable[[Any, Pixels | None], Pixels]  # (bytes or decoded image, where to write) -> the pixels


def _decode_column(rows: Mapping[str, Sequence[Any]], name: str, read: Reader) -> Pixels:
    pixels: Pixels | None = None
    for index, value in enumerate(rows[name]):
        try:
            image = read(_content(value), pixels[index] if pixels is not None else None)
        except _OtherSizeError as e:
            raise OutputError(
                f"{_row_name(rows, index)}: {name} is {e} pixels, but that of the batch's first row is "
                f"{_size(pixels)}.\n  Decode rows of different sizes one by one."
            ) from e
        except DepthError as e:
            raise DepthError(f"{_row_name(rows, index)}: {e}") from e
        except _DAMAGED as e:
            raise OutputError(
                f"{_row_name(rows, index)}: {name} cannot be decoded: {e}\n"
                "  The shard that holds this row is damaged: `verify` finds it, and the next build replaces it."
            ) from e
        if pixels is None:
            pixels = np.empty((len(rows[name]), *image.shape), image.dtype)
            pixels[0] = image
    assert pixels is not None
    return pixels


def _read_rgb(content: Any, out: Pixels | None) -> Pixels:
    if isinstance(content, bytes) and (size := plain_jpeg_size(content)):
        _check_size(size, out)
        out = np.empty((*size, 3), np.uint8) if out is None else out
        decode_rgb_into(content, out)  # strict: fails where Pillow gives noise
        return out
    return _write(np.asarray(_opened(content).convert("RGB")), out)


def _read_grey(content: Any, out: Pixels | None) -> Pixels:
    found = decode_grey_png(content) if isinstance(content, bytes) else None
    if found is None or found.dtype != np.uint8:
        image = _opened(content)
        if image.mode not in ("L", "1", "P"):
            raise ValueError(f"it is an image of mode {image.mode}, not grey with 8 bits")
        found = np.asarray(image.convert("L"))
    return _write(found, out)


def _depth_reader(name: str, given: DepthSpec | HasDepthSpec | Mapping[str, Any] | None) -> Reader:
    if given is None:
        raise DepthError(
            f"the column {name} needs the dataset's depth spec, which says what its stored values mean.\n"
            "  Pass fgbg_depth.load_manifest(DATASET), or leave the column out."
        )
    spec = spec_of(given)

    def read(content: Any, out: Pixels | None) -> Pixels:
        stored = decode_grey_png(content) if isinstance(content, bytes) else None
        if stored is None:
            stored = stored_array(content)
        if stored.dtype.kind != "u" or stored.dtype.itemsize * 8 != spec.bits:
            return _write(decode_depth(stored, spec), out)  # finds out whether the values agree with the spec
        if out is None:
            out = np.empty(stored.shape, np.float32)
        _check_size(stored.shape, out)
        big_endian = stored.dtype == np.dtype(">u2")
        table = _values(spec, big_endian)
        np.take(table, stored.view(np.uint16) if big_endian else stored, out=out, mode="clip")  # "raise" needs a copy
        return out

    return read


@lru_cache(maxsize=16)
def _values(spec: DepthSpec, big_endian: bool) -> NDArray[np.float32]:
    """The depth value of every stored value; at the position of its bytes in this machine's order."""
    stored = np.arange(spec.levels + 1, dtype=spec.dtype)
    values: NDArray[np.float32] = decode_depth((stored.view(">u2") if big_endian else stored)[None], spec)[0]
    return values


def _content(value: Any) -> Any:
    """Bytes of an encoded image, or the decoded image."""
    if isinstance(value, Mapping):
        if value.get("bytes") is not None:
            return value["bytes"]
        if value.get("path") is not None:
            return Path(value["path"]).read_bytes()
    if value is None or isinstance(value, Mapping):
        raise ValueError("there is no image in this row")
    return value


def _opened(content: Any) -> Image.Image:
    if isinstance(content, bytes):
        return Image.open(io.BytesIO(content))
    return content if isinstance(content, Image.Image) else Image.fromarray(np.asarray(content))


def _write(pixels: Pixels, out: Pixels | None) -> Pixels:
    if out is None:
        return pixels
    _check_size(pixels.shape, out)
    out[...] = pixels
    return out


def _check_size(shape: tuple[int, ...], out: Pixels | None) -> None:
    if out is not None and tuple(shape[:2]) != out.shape[:2]:
        raise _OtherSizeError(f"{shape[1]}x{shape[0]}")


def _size(pixels: Pixels | None) -> str:
    return f"{pixels.shape[2]}x{pixels.shape[1]}" if pixels is not None else ""


def _row_name(rows: Mapping[str, Sequence[Any]], index: int) -> str:
    """Where a row of a batch comes from, as far as its columns say it."""
    facts = [f"{name} {rows[name][index]}" for name in ("bg", "fg", "flip", "placement") if name in rows]
    return f"row {index} of the batch" + (f" ({', '.join(facts)})" if facts else "")
