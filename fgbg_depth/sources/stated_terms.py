"""`SOURCES.md` in a folder of sources: where they come from, as their owner says; the card quotes it."""

from __future__ import annotations

from pathlib import Path

TERMS_FILE = "SOURCES.md"
MAX_CHARACTERS = 6000  # about two pages
_READ_BYTES = 8 * MAX_CHARACTERS


def read_terms(folder: Path) -> str:
    """The text of `SOURCES.md` directly in a folder, for people; "" if there is none or it cannot be read.

    It is data: whoever shows it escapes or quotes it. Control characters are removed, and a long text is cut off with a
    line that says so.
    """
    try:
        with open(folder / TERMS_FILE, "rb") as file:
            data = file.read(_READ_BYTES + 1)
    except OSError:
        return ""
    lines = data[:_READ_BYTES].decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    text = "\n".join(_printable(line).rstrip() for line in lines).strip()
    if len(text) > MAX_CHARACTERS or len(data) > _READ_BYTES:
        cut = text[:MAX_CHARACTERS].rsplit("\n", 1)[0].rstrip()
        return f"{cut}\n[... {TERMS_FILE} is longer than {MAX_CHARACTERS:,} characters; the rest is left out]"
    return text


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else " " if c == "\t" else "" for c in line)
