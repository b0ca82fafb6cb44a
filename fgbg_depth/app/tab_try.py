"""The tab Try it: drag a cut-out over a background and see composite, matte and placed depth at once.

The page calls three functions of the server with plain values and gets plain values back. Pictures are sent inside
these calls, not through gradio's upload route, which would write them to files.
"""

from __future__ import annotations

import base64
import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from fgbg_depth.app import pixels, try_it
from fgbg_depth.app.components import QUIET
from fgbg_depth.app.depth_scale import DepthScale
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.predictor import Predictor
from fgbg_depth.app.templating import render, static
from fgbg_depth.depth.placed import Stored
from fgbg_depth.depth.spec import decode_depth
from fgbg_depth.errors import FgBgError, UsageError
from fgbg_depth.read.reader import DatasetReader
from fgbg_depth.render.codecs import decode_rgb, encode_image
from fgbg_depth.render.png import encode_depth, encode_mask
from fgbg_depth.schema import BG, FG, SCENE

Values = dict[str, Any]
NO_TRY = "FGBG_NO_TRY"  # set to anything but 0: the tab is not shown
TRY = "FGBG_TRY"  # set to 1: the tab is shown in a Space without the depth model, too


@dataclass(frozen=True)
class TryTab:
    """Components of the tab Try it."""

    tab: gr.Tab
    html: gr.HTML


def is_enabled(opened: Opened, predictor: Predictor) -> bool:
    """Whether the tab is shown.

    With $FGBG_NO_TRY it is not; in a Space without the depth model only if $FGBG_TRY is 1.
    """
    if os.environ.get(NO_TRY, "0") not in ("", "0"):
        return False
    if "SPACE_ID" not in os.environ or os.environ.get(TRY) == "1":  # SPACE_ID is set by the Hub
        return True
    try:
        return predictor.available(opened().manifest)
    except FgBgError:
        return False


def try_tab(opened: Opened, predictor: Predictor) -> TryTab:
    """Make the tab, still empty: `connect_try` fills it when it is selected."""
    functions = server_functions(opened, predictor, try_it.Benches())
    with gr.Tab("Try it", id="try") as tab:
        html = gr.HTML(
            js_on_load=static("try.js"), apply_default_css=False, elem_id="fg-try", server_functions=functions
        )
    return TryTab(tab, html)


def connect_try(opened: Opened, predictor: Predictor, tab: TryTab) -> None:
    """Fill the tab when it is selected. What a visitor did there stays when the tab is selected again."""

    def show(shown: str | None) -> Any:
        if shown and "data-try" in shown:
            return gr.skip()
        try:
            return page(opened(), predictor)
        except FgBgError as e:
            raise gr.Error(str(e), print_exception=False) from e

    tab.tab.select(show, tab.html, tab.html, **QUIET)


def page(browser: DatasetReader, predictor: Predictor) -> str:
    """HTML of the tab."""
    manifest = browser.manifest
    return render(
        "try.html",
        size=manifest.recipe.size,
        names={kind: browser.names(kind) for kind in (FG, BG)},
        scale=DepthScale.of(browser) if manifest.depth else None,
        can_predict=predictor.available(manifest),
        model=manifest.depth.model if manifest.depth else "",
        has_scenes=SCENE in manifest.extras,
        max_bytes=try_it.MAX_BYTES,
        max_pixels=try_it.MAX_PIXELS,
        extension="jpg" if manifest.recipe.image_format == "jpeg" else "png",
    )


def server_functions(
    opened: Opened, predictor: Predictor, benches: try_it.Benches
) -> list[Callable[[Mapping[str, Any]], Values]]:
    """What the page calls. Each returns values for the page, or {"error": a message for people}."""

    @_with_messages
    def try_source(values: Mapping[str, Any]) -> Values:
        """Choose a picture of the dataset (`name`), or one of the visitor (`file`, `base64`)."""
        return choose(opened(), benches, values)

    @_with_messages
    def try_place(values: Mapping[str, Any]) -> Values:
        """Composite, matte and placed depth of a placement; with `final` also the files to download."""
        return place(opened(), benches, values)

    @_with_messages
    def try_predict(values: Mapping[str, Any]) -> Values:
        """As `try_place`, with predicted depth; and that of a background whose depth is not known."""
        return predict(opened(), benches, predictor, values)

    @_with_messages
    def try_leave(values: Mapping[str, Any]) -> Values:
        """Forget the visitor's pictures."""
        benches.drop(str(values.get("key")))
        return {}

    return [try_source, try_place, try_predict, try_leave]


def choose(browser: DatasetReader, benches: try_it.Benches, values: Mapping[str, Any]) -> Values:
    """Put a picture on the visitor's bench.

    Returns:
        `image`: a data: address of the picture; for cut-outs also the first `placement`.
    """
    kind, recipe, key = values.get("kind"), browser.manifest.recipe, values.get("key")
    benches.get(key)  # checks the key
    if kind not in (BG, FG):
        raise UsageError(f"kind is {kind!r}; allowed: {BG}, {FG}.")
    is_upload = "base64" in values
    if is_upload:
        picture = try_it.uploaded_picture(kind, str(values.get("file")), _decoded(values["base64"]), recipe)
    else:
        source = browser.sources(kind).get(str(values.get("name")))
        if source is None:
            raise UsageError(f"This dataset has no {kind} named {str(values.get('name'))[:80]!r}.")
        picture = try_it.stored_picture(kind, source)
    if kind == BG:
        benches.put(str(key), background=picture)
        return {"image": pixels.data_uri(pixels.png(picture.image))}
    benches.put(str(key), cutout=picture)
    placement = try_it.first_placement(picture.image, recipe, from_dataset=not is_upload)
    shown = picture.image.copy()
    shown.thumbnail((2 * recipe.size, 2 * recipe.size), Image.Resampling.BOX)
    return {"image": pixels.data_uri(pixels.png(shown)), "placement": placement._asdict()}


def place(browser: DatasetReader, benches: try_it.Benches, values: Mapping[str, Any]) -> Values:
    """The pictures of a placement as data: addresses; `files` are encoded as the dataset stores them."""
    return _answer(browser, benches.get(values.get("key")), values)


def predict(browser: DatasetReader, benches: try_it.Benches, predictor: Predictor, values: Mapping[str, Any]) -> Values:
    """As `place`, with predicted depth. The depth of a visitor's background is predicted, too, and kept."""
    key = values.get("key")
    bench, manifest = benches.get(key), browser.manifest
    if bench.background is not None and bench.background.depth is None:
        depth = predictor(manifest, np.asarray(bench.background.image))
        bench = replace(bench, background=replace(bench.background, depth=depth))
        benches.put(str(key), background=bench.background)
    return _answer(browser, bench, values, predictor)


def _answer(
    browser: DatasetReader, bench: try_it.Bench, values: Mapping[str, Any], predictor: Predictor | None = None
) -> Values:
    manifest, recipe = browser.manifest, browser.manifest.recipe
    placement = try_it.Placement.of(values, recipe.size)
    composed = try_it.compose(bench, placement, recipe, manifest.depth)
    image = encode_image(composed.image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling)
    mask = encode_mask(composed.mask)
    answer: Values = {"image": pixels.data_uri(image), "mask": pixels.data_uri(mask)}
    depths = {"placed": composed.placed}
    if predictor is not None:
        depths["predicted"] = predictor(manifest, decode_rgb(image))
    for label, stored in depths.items():
        if stored is not None:
            answer[label] = pixels.data_uri(_in_colors(browser, stored))
            if values.get("final") is True:
                answer[f"{label}_file"] = pixels.data_uri(encode_depth(stored))
    return answer


def _in_colors(browser: DatasetReader, stored: Stored) -> bytes:
    """Stored depth as a PNG in the colours of the dataset's pages."""
    spec = browser.manifest.depth
    if spec is None:
        raise UsageError("This dataset has no depth.")
    scale = DepthScale.of(browser)
    return pixels.depth_png(decode_depth(stored, spec), scale.low, scale.high, scale.kind)


def _decoded(text: Any) -> bytes:
    """The bytes of an upload. A text that is too long is refused before it is decoded."""
    if not isinstance(text, str):
        raise UsageError("The file did not arrive. Choose it again.")
    if len(text) > try_it.MAX_BYTES * 4 // 3 + 4:
        raise UsageError(
            f"The file has more than {try_it.MAX_BYTES / 1e6:.0f} MB, the most that is allowed. Choose a smaller file."
        )
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as e:  # also binascii.Error
        raise UsageError("The file did not arrive complete. Choose it again.") from e


def _with_messages(work: Callable[[Mapping[str, Any]], Values]) -> Callable[[Mapping[str, Any]], Values]:
    """Errors of this project become a message for the page. Any other error goes to the server's log."""

    @functools.wraps(work)
    def run(values: Mapping[str, Any]) -> Values:
        try:
            if not isinstance(values, dict):
                raise UsageError("The page sent something else than named values. Load the page again.")
            return work(values)
        except FgBgError as e:
            return {"error": str(e)}

    return run
