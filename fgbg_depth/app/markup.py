"""Text into HTML. Everything that comes from a dataset goes through `escape` or `tag`; nothing else makes markup."""

from __future__ import annotations

from html import escape as _escape


class Markup(str):
    """HTML that this package wrote itself; `tag` escapes every other string."""

    __slots__ = ()


def escape(text: object) -> Markup:
    """`text` as it reads, with no character that means anything to HTML."""
    return text if isinstance(text, Markup) else Markup(_escape(str(text), quote=True))


def join(parts: object, separator: str = "") -> Markup:
    """Parts side by side; nested lists are flattened, None left out."""
    if parts is None:
        return Markup("")
    if isinstance(parts, str):
        return escape(parts)
    if isinstance(parts, (list, tuple)):
        return Markup(separator.join(join(part, separator) for part in parts if part is not None))
    return escape(parts)


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """`<name ...>children</name>`. `class_` is class, `data_x` is data-x; None and False leave an attribute out."""
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        label = key.rstrip("_").replace("_", "-")
        written.append(f" {label}" if value is True else f' {label}="{_escape(str(value), quote=True)}"')
    opening = f"<{name}{''.join(written)}>"
    if name in {"img", "input", "br"}:
        return Markup(opening)
    return Markup(f"{opening}{join(list(children))}</{name}>")
