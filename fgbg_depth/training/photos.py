"""A person's own photographs with masks, to test a network on.

A folder holds, for each photograph, either `NAME.jpg` (or another format) and its mask `NAME_mask.png`, or one picture
with an alpha channel that is the mask, whose colours are those of the whole photograph.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fgbg_depth.errors import SourceError
from fgbg_depth.schema import VISIBLE_ALPHA
from fgbg_depth.sources.decode import has_transparency, load_matte, load_rgb, load_rgba, readable_extensions
from fgbg_depth.training.examples import Examples

T = TypeVar("T")
MASK_SUFFIX = "_mask"
LAYOUT = (
    f"For each photograph, put NAME.jpg and NAME{MASK_SUFFIX}.png (white is the foreground) into the folder, or one "
    "PNG whose alpha is the mask."
)


def read_photos(folder: str | Path, size: int) -> tuple[list[str], Examples]:
    """All photographs of a folder with their masks, without depth.

    Args:
        size: side in pixels; the middle square of each photograph is used.
    Returns:
        names: of the files, sorted.  examples: in the same order.
    Raises:
        SourceError: the folder has no photographs, or one has no mask, a mask of another size, or cannot be read. The
            message names the file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SourceError(f"There is no folder {folder} with photographs.\n  {LAYOUT}")
    pictures, mattes, names = [], [], []
    for path, mask in _pairs(folder):
        photo, matte = _read(path, mask)
        square = Image.fromarray(photo), Image.fromarray(matte)
        small = [ImageOps.fit(image, (size, size), Image.Resampling.BOX) for image in square]
        pictures.append(np.asarray(small[0]))
        mattes.append(np.asarray(small[1]))
        names.append(path.name)
    stacked = torch.from_numpy(np.stack(pictures)).movedim(3, 1), torch.from_numpy(np.stack(mattes))[:, None]
    return names, Examples(*stacked)


def _pairs(folder: Path) -> Iterator[tuple[Path, Path | None]]:
    """Each photograph with its mask; None: the mask is its alpha."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in readable_extensions())
    masks = {path.stem.removesuffix(MASK_SUFFIX): path for path in files if path.stem.endswith(MASK_SUFFIX)}
    photos = [path for path in files if not path.stem.endswith(MASK_SUFFIX)]
    if not photos:
        raise SourceError(f"{folder} has no photographs.\n  {LAYOUT}")
    stems = {path.stem for path in photos}
    if alone := [path for stem, path in masks.items() if stem not in stems]:
        raise SourceError(f"{alone[0]} is a mask without a photograph.\n  {LAYOUT}")
    for path in photos:
        yield path, masks.get(path.stem)


def _read(path: Path, mask: Path | None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(H, W, 3) uint8 RGB and (H, W) uint8 mask."""
    if mask is None:
        return _read_with_alpha(path)
    photo = np.asarray(_decode(path, load_rgb))
    matte: NDArray[np.uint8] = _decode(mask, load_matte)
    if matte.shape != photo.shape[:2]:
        raise SourceError(
            f"{mask} has {matte.shape[1]}x{matte.shape[0]} pixels, but {path.name} has "
            f"{photo.shape[1]}x{photo.shape[0]}.\n  A mask has the size of its photograph."
        )
    return photo, matte


def _read_with_alpha(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    if not _decode(path, _has_alpha):
        raise SourceError(f"{path} has no mask: there is no {path.stem}{MASK_SUFFIX}.png, and no alpha.\n  {LAYOUT}")
    rgba = np.asarray(_decode(path, load_rgba))
    photo, matte = rgba[..., :3], rgba[..., 3]
    hidden = photo[matte < VISIBLE_ALPHA]
    if len(hidden) and (hidden == hidden[0]).all():
        raise SourceError(
            f"{path} is a cut-out, not a photograph: its transparent pixels all have one colour.\n  {LAYOUT}"
        )
    return photo, matte


def _has_alpha(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as image:
        return has_transparency(image)


def _decode(path: Path, decode: Callable[[bytes], T]) -> T:
    try:
        return decode(path.read_bytes())
    except (SourceError, OSError) as e:
        raise SourceError(f"{path} cannot be used: {e}") from e
