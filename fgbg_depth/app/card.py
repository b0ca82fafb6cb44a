"""The dataset's card as HTML. Anybody may have written it: nothing in it can run or load anything from elsewhere."""

from __future__ import annotations

import re
import zlib

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from fgbg_depth import schema
from fgbg_depth.app import images
from fgbg_depth.app.pixels import image_format
from fgbg_depth.app.templating import render
from fgbg_depth.errors import FgBgError
from fgbg_depth.read.reader import DatasetReader

_FRONT_MATTER = re.compile(r"\A---\r?\n.*?\r?\n---\r?\n", re.DOTALL)
_PICTURE = re.compile(rf"(?:\./)?({schema.ASSETS}/[\w.-]+\.(?:png|webp))")
_LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
_ALIGNMENT = re.compile(r"text-align:(left|center|right)")


def page(browser: DatasetReader, pictures: images.Links) -> str:
    """The card tab."""
    return render("card.html", card=clean_html(browser, pictures))


def clean_html(browser: DatasetReader, pictures: images.Links) -> str:
    """README.md as HTML, without its front matter, cleaned by nh3 (the HTML sanitizer ammonia).

    Scripts, styles, forms, classes, ids and event handlers are removed. Links lead to web pages or mail addresses
    and open in a new tab. Pictures are those of the dataset's own `assets/`; others keep their text.
    """
    text = _FRONT_MATTER.sub("", browser.files.read(schema.CARD).decode("utf-8", "replace"))
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = markdown.parse(text)
    for token in tokens:
        _align(token)

    def keep(tag: str, attribute: str, value: str) -> str | None:
        """The attribute's new value, or None to remove it."""
        if (tag, attribute) == ("img", "src"):
            return _picture(value, browser, pictures)
        if attribute in ("href", "cite", "src"):
            return value if _LINK.match(value) else None
        return value

    cleaned = nh3.clean(
        markdown.renderer.render(tokens, markdown.options, {}),
        attribute_filter=keep,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}, "img": {"loading": "lazy"}},
    )
    # So that the arrow keys can scroll wide ones.
    return cleaned.replace("<pre>", '<pre tabindex="0">').replace("<table>", '<table tabindex="0">')


def _align(token: Token) -> None:
    """Alignment of table cells as the attribute `align`, because nh3 removes `style`."""
    if token.type in ("th_open", "td_open"):
        found = _ALIGNMENT.fullmatch(str(token.attrs.pop("style", "")))
        if found:
            token.attrSet("align", found[1])


def _picture(source: str, browser: DatasetReader, pictures: images.Links) -> str | None:
    """The address of a PNG or WebP picture of the dataset; None for anything else."""
    found = _PICTURE.fullmatch(source)
    if found is None:
        return None
    try:
        data = browser.files.read(found[1])
    except FgBgError:  # the card names a picture that the dataset lacks
        return None
    if image_format(data) not in ("PNG", "WEBP"):
        return None
    return pictures.image(images.SHOWN, images.CARD, zlib.crc32(data), found[1].rpartition("/")[2])
