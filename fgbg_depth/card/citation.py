"""How to cite a dataset: its BibTeX entry, shown in the card and stored in `croissant.json`."""

from __future__ import annotations

import re

from fgbg_depth.manifest import Manifest


def bibtex(manifest: Manifest, url: str | None = None) -> str:
    """The BibTeX entry of a dataset.

    Args:
        url: address of the published dataset; None: it is not published.
    """
    recipe = manifest.recipe
    key = re.sub(r"[^a-z0-9]+", "-", recipe.name.lower()).strip("-") or "fgbg"
    note = f"Dataset of composites with mattes{' and depth labels' if manifest.depth else ''}, {manifest.rows} rows"
    note += f", version {manifest.version}" if manifest.version else ""
    lines = [f"  title  = {{{_plain(recipe.name)}}},"]
    if recipe.creators:
        lines.append(f"  author = {{{' and '.join(f'{{{_plain(name)}}}' for name in recipe.creators)}}},")
    lines.append(f"  note   = {{{_plain(note)}. Made with fgbg-depth}},")
    if url:
        lines.append(f"  url    = {{{url}}}")
    return "\n".join([f"@misc{{{key},", *lines, "}"])


def _plain(text: str) -> str:
    """A user's text without the characters that mean something to BibTeX."""
    return re.sub(r"[{}\\]", "", text)
