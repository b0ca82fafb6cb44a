"""From a source file's bytes to the picture that checks look at."""

from __future__ import annotations

import io

from PIL import Image

from fgbg_depth.errors import SourceError
from fgbg_depth.recipe import Recipe
from fgbg_depth.sources.checks.finding import BACKGROUND_SIDE, Kind, Picture
from fgbg_depth.sources.checks.registry import reason_to_skip
from fgbg_depth.sources.decode import NO_TRANSPARENCY, load_rgb, load_rgba


def load_picture(data: bytes, kind: Kind, recipe: Recipe) -> Picture:
    """Decode a source file for the checks; a cut-out may have no alpha channel.

    Raises:
        SourceError: the reason why the file cannot be read, to be printed after its name.
    """
    if kind == "backgrounds":
        image = load_rgb(data, at_least=BACKGROUND_SIDE)
        return Picture.background(image, _full_size(data, image), recipe.size)
    try:
        image = load_rgba(data)
    except SourceError as e:
        if not str(e).startswith(NO_TRANSPARENCY):
            raise
        image = load_rgb(data)
    return Picture.cutout(image, recipe.foreground_range_px()[1])


def reason_to_skip_file(data: bytes, kind: Kind, recipe: Recipe) -> str | None:
    """Why `skip_bad` leaves a readable file out, to be printed after its name; None: it stays.

    Raises:
        SourceError: the file cannot be read.
    """
    return reason_to_skip(load_picture(data, kind, recipe))


def _full_size(data: bytes, image: Image.Image) -> tuple[int, int]:
    """(width, height) of the file, upright; `image` may have been decoded at a reduced size."""
    with Image.open(io.BytesIO(data)) as file:
        width, height = file.size
    return (height, width) if (width > height) != (image.width > image.height) else (width, height)
