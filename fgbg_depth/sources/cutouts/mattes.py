"""Where mattes come from: the interface of `rembg_mattes` and `given_mattes`, and what `SOURCES.md` says about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from PIL import Image

from fgbg_depth.sources.folder import SourceFile

Log = Callable[[str], None]  # called with one line for people


@dataclass(frozen=True)
class Origin:
    """What made a cut-out, in words for people.

    Args:
        mattes: name of the matting model, or that the mattes were given.
        license: of the model's weights; "" of given mattes.
        terms: address of the page that states the licence; "" of given mattes.
        home: address of the model's authors; "" of given mattes.
        made_with: program and version that ran the model; "" of given mattes.
        options: what was done with the matte and the colours.
    """

    mattes: str
    license: str = ""
    terms: str = ""
    home: str = ""
    made_with: str = ""
    options: str = ""

    def to_dict(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> Origin:
        """The inverse of `to_dict`. Missing values become "", and unknown ones are ignored."""
        values = values if isinstance(values, dict) else {}
        return cls(**{name: str(values.get(name, "")) for name in cls.__dataclass_fields__})


class MatteSource(Protocol):
    """Gives the matte of a photograph."""

    @property
    def origin(self) -> Origin:
        """What made the mattes; `options` is empty."""

    def key(self, photo: SourceFile) -> str:
        """Text that changes if the matte of this photograph would change, apart from the photograph's own content.

        Raises:
            SourceError: there is no matte; the reason, to be printed after the photograph's name.
        """

    def matte(self, photo: SourceFile, image: Image.Image) -> np.ndarray:
        """The matte of a photograph.

        Args:
            image: the photograph, RGB, upright.
        Returns:
            (h, w) uint8, of the photograph's size: 255 is foreground.
        Raises:
            SourceError: the matte cannot be used; the reason, to be printed after the photograph's name.
            MattingError: the model cannot be used for any photograph.
        """
