"""The dataset's card as a page. The card is text of strangers: its HTML is shown as text, its pictures stay inside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from fgbg_depth.app.markup import Markup
from fgbg_depth.app.pixels import data_uri, mime
from fgbg_depth.errors import FgBgError
from fgbg_depth.read.files import Files

ASSET = re.compile(r"(?:\./)?(assets/[\w.-]+\.png)")
LINK = re.compile(r"https?://|mailto:|#", re.IGNORECASE)
BARE = re.compile(  # the only HTML let through: no attributes
    r"&lt;(/?(?:details|summary|br|sub|sup|kbd|code|em|strong|b|i))\s*/?&gt;"
)


def render(files: Files) -> Markup:
    """README.md without its front matter, as HTML that holds no script, style, form or outside picture."""
    text = files.read("README.md").decode("utf-8", "replace")
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"\A---\r?\n.*?\r?\n---\r?\n", "", text, flags=re.DOTALL)
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    markdown.add_render_rule("html_block", _bare_tags)
    markdown.add_render_rule("html_inline", _bare_tags)
    tokens = markdown.parse(text)
    for token in tokens:
        for child in token.children or []:
            _mend(child, files)
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))


def _mend(token: Token, files: Files) -> None:
    if token.type == "image":
        token.attrSet("src", _asset(str(token.attrGet("src") or ""), files))
        token.attrSet("loading", "lazy")
    elif token.type == "link_open":
        if not LINK.match(str(token.attrGet("href") or "")):
            token.attrSet("href", "#")
        token.attrSet("rel", "noopener noreferrer nofollow")
        token.attrSet("target", "_blank")


def _asset(source: str, files: Files) -> str:
    """A picture of the dataset as a data address; anything else is left out, so that nothing is fetched elsewhere."""
    found = ASSET.fullmatch(source)
    if not found:
        return ""
    try:
        data = files.read(found[1])
    except FgBgError:
        return ""
    return data_uri(data) if mime(data) == "image/png" else ""


def _bare_tags(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return BARE.sub(r"<\1>", escape(tokens[index].content))
