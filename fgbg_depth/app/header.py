"""The top of the page: what this dataset is, in one line and five figures; or what is wrong with it."""

from __future__ import annotations

from fgbg_depth.app.markup import Markup, join, tag
from fgbg_depth.app.wording import license_name, thousands
from fgbg_depth.read.reader import Browser

MARK = Markup(
    '<svg class="fg-mark" viewBox="0 0 46 46" aria-hidden="true">'
    '<defs><linearGradient id="fg-ramp" x1="0" x2="1">'
    '<stop offset="0" stop-color="#420a68"/><stop offset=".5" stop-color="#bb3754"/>'
    '<stop offset="1" stop-color="#fbb61a"/>'
    '</linearGradient></defs><rect x="1" y="1" width="44" height="44" rx="10" fill="url(#fg-ramp)"/>'
    '<path d="M5 37 L17 23 L24 31 L31 25 L41 37 Z" fill="#fff" opacity=".35"/>'
    '<circle cx="27" cy="19" r="9" fill="#fff"/></svg>'
)


def header(browser: Browser) -> Markup:
    """Name, contents and figures."""
    s = browser.statistics
    num_bg, num_fg = len(s["sources"]["bg"]), len(s["sources"]["fg"])
    labels = "each with its matte and its depth map" if s.get("depth") else "each with its matte"
    made = f"{thousands(num_fg)} cut-outs placed on {thousands(num_bg)} backgrounds"
    line = f"{made}: {thousands(browser.num_rows)} composites, {labels}."
    height, width = browser.frame
    figures = [
        ("rows", thousands(browser.num_rows)),
        ("pixels", f"{width} × {height}"),
        (
            "depth",
            {"metric": "metres", "relative_depth": "relative", "relative_disparity": "disparity"}[s["depth"]["kind"]]
            if s.get("depth")
            else "none",
        ),
        ("version", str(s.get("version") or "not published")),
        ("licence", license_name(s.get("recipe", {}))),
    ]
    return tag(
        "header",
        MARK,
        tag("div", tag("h1", browser.name), tag("p", line)),
        tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in figures]),
        class_="fg-head",
    )


def waiting() -> Markup:
    """Before the dataset is known."""
    return tag("header", MARK, tag("div", tag("h1", "fgbg-depth"), tag("p", "Opening the dataset.")), class_="fg-head")


def problem(message: str) -> Markup:
    """What is wrong and what to do: the first line is what, the indented ones are what to do."""
    what, *todo = message.split("\n")
    steps = []
    for line in filter(None, map(str.strip, todo)):
        words, command, arguments = line.partition("python ")
        steps += [tag("p", words) if words else None, tag("pre", command + arguments) if command else None]
    again = tag("p", "Then load this page again; the server need not be started anew.")
    return tag(
        "div",
        tag("h2", "There is nothing to show yet"),
        tag("p", what),
        join(steps),
        again,
        class_="fg-problem",
        role="alert",
    )
