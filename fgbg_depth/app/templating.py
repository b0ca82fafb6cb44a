"""The page's HTML: Jinja2 templates in `templates/`, the filters they use, and text files in `static/`.

Every value is escaped. Only `card.html` marks a value as safe: the card's HTML, which nh3 has cleaned.
"""

from __future__ import annotations

from importlib.resources import files

import jinja2

from fgbg_depth.card import markdown
from fgbg_depth.schema import TRAIN, UNSEEN_BG, UNSEEN_BOTH, UNSEEN_FG

SPLIT_LABELS = {
    TRAIN: "train",
    UNSEEN_BG: "test: unseen background",
    UNSEEN_FG: "test: unseen cut-out",
    UNSEEN_BOTH: "test: both unseen",
}
SPLIT_MEANINGS = {
    TRAIN: "backgrounds and cut-outs for training",
    UNSEEN_BG: "cut-outs of train on backgrounds that are not in train",
    UNSEEN_FG: "cut-outs that are not in train, on backgrounds of train",
    UNSEEN_BOTH: "neither the background nor the cut-out is in train",
}


def split_label(split: str) -> str:
    """A split's name for people: "test: unseen background"."""
    return SPLIT_LABELS.get(split, split)


def split_meaning(split: str) -> str:
    """What the rows of a split have in common; "" for unknown splits."""
    return SPLIT_MEANINGS.get(split, "")


def percent(share: float) -> str:
    """0.0734 -> "7.3 %", with a no-break space."""
    return f"{share * 100:.1f}\u00a0%"


def color(rgb: tuple[int, int, int]) -> str:
    """(255, 0, 16) -> "#ff0010"."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def without_backticks(phrase: str) -> str:
    """A phrase of Markdown, such as the meaning of a column, as plain text."""
    return phrase.replace("`", "")


ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("fgbg_depth.app"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters |= {
    "count": markdown.count,
    "size": markdown.size,
    "span": markdown.span,
    "percent": percent,
    "color": color,
    "without_backticks": without_backticks,
    "split_label": split_label,
    "split_meaning": split_meaning,
}


def render(template: str, **values: object) -> str:
    """The HTML of a template.

    Args:
        template: name of a file in `templates/`.
        values: plain values; every string is escaped.
    Raises:
        jinja2.UndefinedError: the template uses a value that is not given.
    """
    return ENVIRONMENT.get_template(template).render(**values)


def static(name: str) -> str:
    """A text file of `static/`."""
    return files("fgbg_depth.app").joinpath("static", name).read_text(encoding="utf-8")
