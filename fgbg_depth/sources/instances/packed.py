"""A photograph and the mask of one instance in it as one piece of data, which stands for the file of a cut-out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_MAGIC = b"fgbg-depth instance 1\n"
_LENGTH = 8  # bytes of each length


@dataclass(frozen=True)
class Instance:
    """One instance in a photograph.

    Args:
        photo: bytes of the photograph's file.
        width, height: of the photograph in pixels, as its annotations say; 0: not stated.
        mask: what the mask is: {"polygons": [[x, y, x, y, ...], ...]} in pixels of the photograph; or {"rle": {"size":
            [height, width], "counts": ...}} as COCO writes it; or {"file": value, "void": value or None}: the pixels
            of `mask_file` with that value, and the value of pixels at borders that may belong to it.
        mask_file: bytes of a file with masks, or b"".
    """

    photo: bytes
    mask: dict[str, Any]
    width: int = 0
    height: int = 0
    mask_file: bytes = b""

    def pack(self) -> bytes:
        """The instance as data. Equal instances give equal data in every version of every library."""
        values = {"mask": self.mask, "width": self.width, "height": self.height}
        header = json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
        lengths = b"".join(len(part).to_bytes(_LENGTH, "big") for part in (header, self.mask_file))
        return _MAGIC + lengths + header + self.mask_file + self.photo


def unpack(data: bytes) -> Instance | None:
    """The inverse of `Instance.pack`; None if the data is something else, such as a picture's file."""
    if not data.startswith(_MAGIC):
        return None
    start = len(_MAGIC) + 2 * _LENGTH
    first, second = (int.from_bytes(data[at : at + _LENGTH], "big") for at in (len(_MAGIC), len(_MAGIC) + _LENGTH))
    values = json.loads(data[start : start + first])
    mask_file = data[start + first : start + first + second]
    return Instance(data[start + first + second :], values["mask"], values["width"], values["height"], mask_file)
