"""The sources page: every background and cut-out, each leading to the rows made from it."""

from __future__ import annotations

from fgbg_depth.app.markup import Markup, tag
from fgbg_depth.app.pixels import data_uri, thumbnail
from fgbg_depth.read.reader import Browser

TILE_PX = 160
MOST = 400  # about 2 MB of thumbnails


def page(browser: Browser, kind: str) -> Markup:
    """Tiles of "bg" or "fg"."""
    sources = list(browser.sources(kind).values())
    held = sum(source.held_out for source in sources)
    word = "backgrounds" if kind == "bg" else "cut-outs"
    words = (
        f"{len(sources)} {word}; {held} of them are kept for the test splits. Choose one to see the rows made from it."
    )
    if len(sources) > MOST:
        words += f" The first {MOST} are shown; the others are in the list under Samples."
    tiles = [
        tag(
            "button",
            tag(
                "img",
                src=data_uri(thumbnail(source.image, TILE_PX)),
                alt="",
                loading="lazy",
                class_="fg-alpha" if kind == "fg" else None,
            ),
            tag("span", tag("b", source.name), class_="fg-name"),
            tag("span", "unseen in training" if source.held_out else "train", class_="fg-sub"),
            class_="fg-tile fg-held" if source.held_out else "fg-tile",
            type="button",
            title=source.name,
            data_pick=kind,
            data_name=source.name,
        )
        for source in sources[:MOST]
    ]
    return tag("div", tag("p", words, class_="fg-count"), tag("div", tiles, class_="fg-grid fg-small"))
