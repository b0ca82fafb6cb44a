"""Addresses of sources: a folder, a dataset on the Hub, or instance masks such as `coco:annotations.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from fgbg_depth.errors import RecipeError

HUB = "hf://"
COCO, PASCAL, OPEN_IMAGES = "coco:", "pascal:", "openimages:"
INSTANCES = (COCO, PASCAL, OPEN_IMAGES)  # prefixes of annotated photographs; each instance becomes a cut-out
MIN_SIDE = 64  # pixels, default of the option min_side
_FORM = "PREFIX:PATH?min_side=64&classes=dog,cat"


@dataclass(frozen=True)
class Address:
    """The parts of an address of sources.

    Args:
        prefix: one of `INSTANCES`, `HUB`, or "" for a folder.
        path: of the folder or file; for the Hub all that follows the prefix.
        min_side: pixels; instances whose longer side is smaller are left out.
        classes: names of the classes to use; empty: all.
        query: the options as they were written, with "?", or "".
    """

    prefix: str
    path: str
    min_side: int = MIN_SIDE
    classes: tuple[str, ...] = field(default=())
    query: str = ""

    def with_path(self, path: str) -> str:
        """The address with another path."""
        return f"{self.prefix}{path}{self.query}"


def parse_address(text: str) -> Address:
    """The parts of an address; only addresses of instance masks have options.

    Raises:
        RecipeError: an option is unknown or has a wrong value, or the path is missing.
    """
    if text.startswith(HUB):
        return Address(HUB, text.removeprefix(HUB))
    prefix = next((prefix for prefix in INSTANCES if text.startswith(prefix)), "")
    if not prefix:
        return Address("", text)
    path, mark, query = text.removeprefix(prefix).partition("?")
    if not path.strip():
        raise RecipeError(f"{text} names no path.\n  Write {_FORM.replace('PREFIX:', prefix)}.")
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(options.keys() - {"min_side", "classes"})
    min_side = options.get("min_side", str(MIN_SIDE))
    if unknown or not (min_side.isascii() and min_side.isdigit()):
        problem = f"unknown option {unknown[0]!r}" if unknown else f"min_side is {min_side!r}, not a number of pixels"
        raise RecipeError(
            f"{text}: {problem}.\n  Write {_FORM.replace('PREFIX:', prefix)}; both options may be left out."
        )
    classes = tuple(name.strip() for name in options.get("classes", "").split(",") if name.strip())
    return Address(prefix, path, int(min_side), classes, f"{mark}{query}")
