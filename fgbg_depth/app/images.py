"""Pictures of rows and sources over HTTP, so that browsers keep them and the page's HTML stays small.

    {root}/fgbg/image/<digest>/<form>/<group>/<number>/<column>

The digest is that of the dataset's version, so what an address returns never changes. A form is how the image is sent
(`FORMS`); a group is a split, or "bg" or "fg" for the sources, which are numbered by their sorted names, or "card" for
the pictures of the card, whose number is a checksum and whose column is the name of the file.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from fgbg_depth.app import pixels
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.row_objects import INSTANCES, instances_png, overlay_png
from fgbg_depth.errors import FgBgError, UsageError
from fgbg_depth.read.reader import DatasetReader
from fgbg_depth.read.rows import Cache
from fgbg_depth.schema import ASSETS, LABELS, image_columns

PATH = "/fgbg/image"
TILE, SHOWN, STORED, OVERLAY, READINGS = FORMS = ("tile", "shown", "stored", "overlay", "readings")
_SOURCES, CARD = ("bg", "fg"), "card"
_CARD_PICTURE = re.compile(r"[\w-][\w.-]*\.(?:png|webp)", re.ASCII)
_CACHE_BYTES = 48 * 2**20  # pictures that were made: tiles of about 10 kB, coloured depth maps of about 40 kB
_ROW_TILE_PX, _SOURCE_TILE_PX = 280, 160
_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",  # private: the dataset may be
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@dataclass(frozen=True)
class Links:
    """Addresses of pictures.

    Args:
        root: path of the app on its server, without a slash at the end; "" for the whole server.
        digest: of the dataset's version.
    """

    root: str
    digest: str

    def image(self, form: str, group: str, number: int, column: str) -> str:
        """The address of a picture; see the module for the arguments."""
        return f"{self.root}{PATH}/{self.digest}/{form}/{group}/{number}/{column}"


def links(browser: DatasetReader, request: gr.Request | None) -> Links:
    """The addresses of a dataset's pictures for the page that made this request, also behind a proxy."""
    inner = getattr(request, "request", None)
    root = ""
    if inner is not None:
        root = getattr(inner.app, "root_path", "") or inner.scope.get("root_path", "")
    return Links(root.rstrip("/"), browser.digest)


def image_routes(opened: Opened) -> list[Route]:
    """The route of all pictures, for the server."""
    cache: Cache[tuple[bytes, str]] = Cache(_CACHE_BYTES, lambda value: len(value[0]))

    def answer(request: Request) -> Response:
        etag = '"' + hashlib.sha256(request.url.path.encode()).hexdigest()[:32] + '"'
        form, group, column = (request.path_params[name] for name in ("form", "group", "column"))
        number = request.path_params["number"]
        try:
            browser = opened()
            if request.path_params["digest"] != browser.digest:
                raise UsageError("This picture is of another version of the dataset. Reload the page.")
            if request.headers.get("if-none-match") == etag:
                return Response(status_code=304, headers=_HEADERS | {"ETag": etag})
            make = _maker(browser, form, group, number, column)
            data, mime = make() if form == STORED else cache.get(request.url.path, make)
        except FgBgError as e:
            return PlainTextResponse(str(e), 404, {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
        headers = _HEADERS | {"ETag": etag}
        if form == READINGS:
            headers["Content-Encoding"] = "gzip"
        if form == STORED or not mime.startswith("image/"):
            headers["Content-Disposition"] = "attachment"
        return Response(data, headers=headers, media_type=mime)

    place = "{digest}/{form}/{group}/{number:int}/{column}"
    return [Route(f"{PATH}/{place}", answer, methods=["GET"], include_in_schema=False)]


def _maker(browser: DatasetReader, form: str, group: str, number: int, column: str) -> Callable[[], tuple[bytes, str]]:
    """What makes a picture: its bytes and MIME type. Wrong addresses are found when it is called."""

    def make() -> tuple[bytes, str]:
        if form not in FORMS:
            raise UsageError(f"There is no form {form!r}; the forms are {', '.join(FORMS)}.")
        if group == CARD:
            data = _card_picture(browser, form, number, column)
        elif group in _SOURCES:
            data = _source(browser, form, group, number)
        else:
            data = _row(browser, form, group, number, column)
        return data, "application/octet-stream" if form == READINGS else pixels.mime(data)

    return make


def _source(browser: DatasetReader, form: str, kind: str, number: int) -> bytes:
    names = browser.names(kind)
    if form not in (TILE, SHOWN) or number >= len(names):
        raise UsageError(f"There is no picture {number} of {kind} in the form {form!r}.")
    data = browser.sources(kind)[names[number]].image
    return pixels.thumbnail(data, _SOURCE_TILE_PX) if form == TILE else data


def _card_picture(browser: DatasetReader, form: str, checksum: int, name: str) -> bytes:
    if form == SHOWN and _CARD_PICTURE.fullmatch(name):
        data = browser.files.read(f"{ASSETS}/{name}")
        if zlib.crc32(data) == checksum:
            return data
    raise UsageError(f"The card has no picture {name!r} of this version.")


def _row(browser: DatasetReader, form: str, split: str, index: int, column: str) -> bytes:
    manifest = browser.manifest
    known = image_columns(labels=manifest.labels, extras=manifest.extras)
    if column not in known:
        raise UsageError(f"There is no column {column!r}; the image columns are {', '.join(known)}.")
    mask, depths = "fg_bg_mask", manifest.depth_columns
    needed = {OVERLAY: (mask, INSTANCES), READINGS: (mask, *depths)}.get(form, (column,))
    images = browser.row(split, index, needed).images
    if form == OVERLAY:
        return overlay_png(images[INSTANCES], images[mask]) if INSTANCES in images else pixels.overlay_png(images[mask])
    if form == READINGS:
        return gzip.compress(pixels.readings([images[name] for name in depths], images[mask]), 1, mtime=0)
    data = images[column]
    if form == STORED:
        return data
    if column == INSTANCES:
        data = instances_png(data)
    elif column in LABELS.values() and manifest.depth is not None:
        values = pixels.decode_values(data, manifest.depth)
        kind = manifest.depth.meaning
        data = pixels.depth_png(values, *kind.shown_range(*manifest.depth_range), kind)
    return pixels.thumbnail(data, _ROW_TILE_PX) if form == TILE else data
