"""Compose a cut-out on a background where a visitor drags it: composite, matte and placed depth.

Pictures of visitors stay in memory, for a limited number of visitors; none is written to a file. The pixels come from
the functions that build a dataset.
"""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from fgbg_depth.depth.placed import Silhouette, Stored, set_in
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import PlacementError, SourceError, UsageError, command
from fgbg_depth.read.stored_sources import StoredSource
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.blend import blended, composite, place_alpha
from fgbg_depth.render.codecs import decode_grey
from fgbg_depth.render.inputs import Background, Cutout
from fgbg_depth.render.resample import resize_cutout
from fgbg_depth.scene.layers import Layer
from fgbg_depth.schema import BG, FG, FOREGROUND_ALPHA, VISIBLE_ALPHA
from fgbg_depth.sources.decode import FORMATS, NO_TRANSPARENCY, load_rgba
from fgbg_depth.sources.defringe import defringe
from fgbg_depth.sources.prepare import MIN_SIDE, prepare_background

MAX_BYTES = 12_000_000  # of an uploaded file; a photograph of a phone has 3 to 8 MB
MAX_PIXELS = 25_000_000  # of an uploaded picture; 100 MB decoded
KEPT_SIDE_PX = 1024  # of a visitor's cut-out; a larger one is reduced, so that each takes at most 4 MB
MAX_VISITORS = 64  # whose pictures are kept; then those of the visitor who has been idle longest are dropped
_DECODERS = threading.Semaphore(2)  # large pictures decoded at once


class Placement(NamedTuple):
    """Where the cut-out goes: its box in pixels of the composite, y down, and whether it is mirrored."""

    x: int
    y: int
    width: int
    height: int
    flip: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any], size: int) -> Placement:
        """The placement that a page sends.

        Raises:
            UsageError: a value is missing or outside its range: 1 to 2 * `size` for the sides, and the box must touch
                the frame of `size` x `size` pixels.
        """
        found = {}
        for name in ("x", "y", "width", "height"):
            value = values.get(name)
            low, high = (1, 2 * size) if name in ("width", "height") else (-2 * size, size - 1)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise UsageError(f"{name} is {value!r}; allowed: a whole number from {low} to {high}.")
            found[name] = value
        return cls(**found, flip=values.get("flip") is True)


@dataclass(frozen=True)
class Bench:
    """The pictures that one visitor tries: a background at the composite's size, a cut-out at its own size."""

    background: Background | None = None
    cutout: Cutout | None = None


class Benches:
    """The pictures of the visitors, by a key that each visitor's page draws at random. Safe to share between threads.

    At most `limit` are kept. A bench that is not used any more makes room for others.
    """

    def __init__(self, limit: int = MAX_VISITORS) -> None:
        self._limit, self._lock = limit, threading.Lock()
        self._kept: OrderedDict[str, Bench] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Any) -> Bench:
        """The bench with this key; an empty one if there is none.

        Raises:
            UsageError: not a key: 32 hex digits.
        """
        if not isinstance(key, str) or len(key) != 32 or not set(key) <= set("0123456789abcdef"):
            raise UsageError("The key of this page is not valid. Load the page again.")
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key, Bench())

    def put(self, key: str, **pictures: Any) -> None:
        """Replace `background` or `cutout` of a bench."""
        with self._lock:
            self._kept[key] = replace(self._kept.get(key, Bench()), **pictures)
            self._kept.move_to_end(key)
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)

    def drop(self, key: str) -> None:
        """Forget the pictures of a visitor who leaves."""
        with self._lock:
            self._kept.pop(key, None)


class Composed(NamedTuple):
    """What a placement gives.

    Args:
        image: (size, size, 3) uint8 sRGB.
        mask: (size, size) uint8, alpha.
        placed: (size, size) stored depth values; None if the depth of the bare background is not known.
    """

    image: Image.Image
    mask: np.ndarray
    placed: Stored | None


def compose(bench: Bench, placement: Placement, recipe: Recipe, spec: DepthSpec | None) -> Composed:
    """Composite, matte and placed depth, as a build makes them for a row with this placement.

    Raises:
        UsageError: a picture is missing.
        PlacementError: the whole cut-out is outside the frame, or nothing of it is visible at this size.
    """
    if bench.background is None or bench.cutout is None:
        raise UsageError("The server no longer has your pictures. Choose them again.")
    cutout, size = bench.cutout, (placement.width, placement.height)
    if cutout.image.size != size:
        cutout = replace(cutout, image=resize_cutout(cutout.image, size))
    pasted = blended(cutout, placement.flip, recipe)
    layer = Layer(*placement)
    alpha = np.asarray(pasted.alpha)
    if alpha.max() < FOREGROUND_ALPHA:
        raise PlacementError(f"At {size[0]}x{size[1]} pixels nothing of the cut-out is visible. Make it larger.")
    mask = place_alpha(alpha, layer, recipe.size)
    image = composite(pasted, bench.background.image, layer)
    placed = None
    if spec is not None and bench.background.depth is not None:
        placed = bench.background.depth.copy()
        set_in(placed, Silhouette.of(alpha), placement.x, placement.y, spec)
    return Composed(image, mask, placed)


def stored_picture(kind: str, source: StoredSource) -> Background | Cutout:
    """A background ("bg") or a cut-out ("fg") of the dataset."""
    image = Image.open(io.BytesIO(source.image), formats=("PNG",))
    if kind == FG:
        return Cutout(source.name, source.digest, image.convert("RGBA"))
    depth = decode_grey(source.depth) if source.depth else None
    return Background(source.name, source.digest, image.convert("RGB"), depth)


def uploaded_picture(kind: str, name: str, data: bytes, recipe: Recipe) -> Background | Cutout:
    """A picture that a visitor dropped, prepared as a build prepares sources, but a cut-out keeps its own size.

    Args:
        kind: "bg" or "fg".
        name: of the file, for messages.
    Raises:
        SourceError: the file is too large, no picture, damaged, or a cut-out without transparency.
    """
    try:
        if len(data) > MAX_BYTES:
            raise SourceError(f"has {len(data) / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB are allowed")
        _check_header(data)
        digest = hashlib.sha256(data).hexdigest()
        with _DECODERS:
            if kind == BG:
                return Background(name, digest, prepare_background(data, recipe).image)
            return Cutout(name, digest, _visible_part(data, recipe))
    except SourceError as e:
        advice = "\n  Choose another file."
        if NO_TRANSPARENCY in str(e):
            advice = f"\n  Remove the background of the photograph first: {command('cutouts')}"
        raise SourceError(f"{name[:80]} {e}.{advice}") from e


def first_placement(cutout: Image.Image, recipe: Recipe, from_dataset: bool) -> Placement:
    """Where a cut-out is put first: in the middle, a little low, at a size that the recipe's cut-outs have."""
    width, height = cutout.size
    if not from_dataset:
        scale = sum(recipe.foreground_range_px()) / 2 / height
        scale = min(scale, recipe.size / max(width, height))
        width, height = (max(1, round(side * scale)) for side in cutout.size)
    size = recipe.size
    return Placement((size - width) // 2, max(0, min(size - height, round(0.9 * size) - height)), width, height)


def _check_header(data: bytes) -> None:
    """Check the format and the number of pixels before anything is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as e:
        raise SourceError(f"is too large; at most {MAX_PIXELS / 1e6:.0f} million pixels are allowed") from e
    except UnidentifiedImageError as e:
        raise SourceError("is not a picture in a supported format, such as PNG, JPEG or WebP") from e
    except Exception as e:  # decoders of damaged files raise nearly any type
        raise SourceError(f"is damaged ({type(e).__name__})") from e
    if image.width * image.height > MAX_PIXELS:
        raise SourceError(
            f"has {image.width}x{image.height} pixels; at most {MAX_PIXELS / 1e6:.0f} million pixels are allowed"
        )


def _visible_part(data: bytes, recipe: Recipe) -> Image.Image:
    """A cut-out cropped to what is visible, its longest side at most `KEPT_SIDE_PX`."""
    image = load_rgba(data)
    box = image.getchannel("A").point(lambda a: 255 * (a >= VISIBLE_ALPHA)).getbbox()
    if box is None:
        raise SourceError(f"is fully transparent (alpha below {VISIBLE_ALPHA} everywhere)")
    visible = image.crop(box)
    if min(visible.size) < MIN_SIDE:
        width, height = visible.size
        raise SourceError(f"has a visible part of {width}x{height} pixels; each side needs at least {MIN_SIDE}")
    if np.asarray(visible.getchannel("A")).max() < FOREGROUND_ALPHA:
        raise SourceError(f"is too faint to be foreground (alpha below {FOREGROUND_ALPHA} everywhere)")
    clean = defringe(visible, recipe.defringe, KEPT_SIDE_PX) or visible
    scale = KEPT_SIDE_PX / max(clean.size)
    if scale >= 1:
        return clean
    return resize_cutout(clean, (max(1, round(clean.width * scale)), max(1, round(clean.height * scale))))
