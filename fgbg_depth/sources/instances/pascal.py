"""PASCAL VOC: each instance in `SegmentationObject` is a cut-out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from fgbg_depth.errors import SourceError
from fgbg_depth.recipe.addresses import PASCAL, Address
from fgbg_depth.sources.folder import FolderListing, SourceFile
from fgbg_depth.sources.instances.found import Found
from fgbg_depth.sources.instances.packed import Instance
from fgbg_depth.sources.names import printable

CLASSES = (  # by the value of a pixel in SegmentationClass, from 1
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
VOID = 255  # pixels at borders


def list_pascal(address: Address) -> FolderListing:
    """The instances of a folder such as `VOCdevkit/VOC2012`, sorted by photograph and value.

    Needed are `SegmentationObject/NAME.png` and `JPEGImages/NAME.jpg`. The classes come from `SegmentationClass`;
    without that folder the class of every instance is "object".

    Raises:
        SourceError: there is no such folder, or no instance that can be used.
    """
    folder = Path(address.path)
    masks = folder / "SegmentationObject"
    if not masks.is_dir():
        raise SourceError(
            f"{folder} has no folder SegmentationObject.\n"
            f"  Give a folder of PASCAL VOC with masks of objects: --foregrounds {PASCAL}VOCdevkit/VOC2012"
        )
    found = Found(address)
    for mask_path in sorted(masks.glob("*.png")):
        values = _values(mask_path)
        classes_path = folder / "SegmentationClass" / mask_path.name
        classes = _values(classes_path) if classes_path.is_file() else None
        for value in sorted(set(np.unique(values).tolist()) - {0, VOID}):
            rows, columns = np.nonzero(values == value)
            name = "object" if classes is None else _class_of(classes[rows, columns])
            if found.accepts(name, float(max(np.ptp(rows), np.ptp(columns)) + 1)):
                stem = printable(mask_path.stem)
                found.add(SourceFile(f"{name}/{stem}-{value}.png", _Reader(folder, mask_path, value), name))
    return found.listing(f"{PASCAL}{folder}")


class _Reader:
    """Reads one instance with its photograph."""

    def __init__(self, folder: Path, mask: Path, value: int) -> None:
        self._folder, self._mask, self._value = folder, mask, value

    def __call__(self) -> bytes:
        photo = self._folder / "JPEGImages" / f"{self._mask.stem}.jpg"
        if not photo.is_file():
            raise SourceError(f"has no photograph: {printable(str(photo))} does not exist")
        mask = {"file": self._value, "void": VOID}
        return Instance(photo.read_bytes(), mask, mask_file=self._mask.read_bytes()).pack()


def _values(path: Path) -> np.ndarray:
    """(height, width) uint8: the numbers of the palette's colours."""
    try:
        with Image.open(path) as image:
            if image.mode not in ("P", "L"):
                raise SourceError(f"{path} has the mode {image.mode}; masks of PASCAL VOC have a palette (mode P).")
            return np.asarray(image)
    except (OSError, SyntaxError, ValueError) as e:
        raise SourceError(f"{path} cannot be read ({e}).\n  Copy the data set again.") from e


def _class_of(values: np.ndarray) -> str:
    """The class of most of the pixels of an instance."""
    counts = np.bincount(values[(values > 0) & (values != VOID)], minlength=1)
    index = int(counts.argmax()) - 1
    return CLASSES[index] if 0 <= index < len(CLASSES) else "object"
