"""Open Images: each mask of an object is a cut-out."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from PIL import Image

from fgbg_depth.errors import SourceError
from fgbg_depth.recipe.addresses import OPEN_IMAGES, Address
from fgbg_depth.sources.folder import FolderListing, SourceFile
from fgbg_depth.sources.instances.found import Found
from fgbg_depth.sources.instances.packed import Instance
from fgbg_depth.sources.names import printable

_MASK_NAME = re.compile(r"(?P<image>[0-9a-f]{16})_(?P<label>m[0-9a-z_]+)_(?P<box>[0-9a-f]+)\.png")
_DESCRIPTIONS = "class-descriptions*.csv"  # lines of a label such as /m/0bt9lr and a name such as Dog


def list_open_images(address: Address) -> FolderListing:
    """The instances of a folder with masks (`IMAGE_LABEL_BOX.png`) and photographs (`IMAGE.jpg`), sorted by mask.

    Both may be in sub-folders. The names of the classes are read from a file `class-descriptions*.csv` in the folder;
    without it the classes are the labels, such as m0bt9lr.

    Raises:
        SourceError: there is no such folder, or no instance that can be used.
    """
    folder = Path(address.path)
    if not folder.is_dir():
        raise SourceError(
            f"{folder} is not a folder.\n  Give a folder with masks and photographs: --foregrounds {OPEN_IMAGES}DIR"
        )
    names = _class_names(folder)
    photos = {path.stem: path for path in sorted(folder.rglob("*.jpg"), reverse=True)}
    found = Found(address)
    for path in sorted(folder.rglob("*.png"), key=lambda path: path.name):
        match = _MASK_NAME.fullmatch(path.name)
        if match is None:
            continue
        name = names.get(match["label"], match["label"])
        photo = photos.get(match["image"])
        if photo is None:
            found.leave_out("without photograph")
        elif found.accepts(name, _longer_side(path, photo)):
            found.add(SourceFile(f"{name}/{match['image']}-{match['box']}.png", _Reader(path, photo), name))
    return found.listing(f"{OPEN_IMAGES}{folder}")


class _Reader:
    """Reads one instance with its photograph."""

    def __init__(self, mask: Path, photo: Path) -> None:
        self._mask, self._photo = mask, photo

    def __call__(self) -> bytes:
        return Instance(self._photo.read_bytes(), {"file": 255, "void": None}, mask_file=self._mask.read_bytes()).pack()


def _longer_side(mask: Path, photo: Path) -> float:
    """Of the mask's box, in pixels of the photograph."""
    try:
        with Image.open(mask) as image, Image.open(photo) as picture:
            box = image.convert("L").getbbox() or (0, 0, 0, 0)
            return max(
                (box[2] - box[0]) * picture.width / image.width, (box[3] - box[1]) * picture.height / image.height
            )
    except (OSError, SyntaxError, ValueError) as e:
        raise SourceError(f"{mask} or its photograph cannot be read ({e}).\n  Copy the data set again.") from e


def _class_names(folder: Path) -> dict[str, str]:
    """Names by label as masks have it: /m/0bt9lr is m0bt9lr there."""
    names: dict[str, str] = {}
    for file in sorted(folder.rglob(_DESCRIPTIONS)):
        with open(file, newline="", encoding="utf-8", errors="replace") as lines:
            names |= {row[0].replace("/", ""): printable(row[1]) for row in csv.reader(lines) if len(row) > 1}
    return names
