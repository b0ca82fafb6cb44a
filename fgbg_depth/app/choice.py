"""Which dataset the server shows: the one that the user, the environment or the Space names, or the one built last."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import yaml

from fgbg_depth import paths
from fgbg_depth.errors import OutputError


@dataclass(frozen=True)
class Choice:
    """A dataset to show. `source`: a folder, or USER/NAME on the Hub; None if there is none."""

    source: str | None
    revision: str | None = None


def choose(dataset: str | None, revision: str | None) -> Choice:
    """The dataset to show.

    Args:
        dataset, revision: what the command line names, if anything.
    Raises:
        OutputError: this is a Space, and its README.md names no dataset.
    """
    if source := dataset or os.environ.get("FGBG_DATASET"):
        return Choice(source, revision)
    readme = paths.CHECKOUT / "README.md"
    if (header := _space_header(readme)) is not None:
        return _named_by_space(header, readme, revision)
    return Choice(_built_last() or default_folder(), revision)


def default_folder() -> str | None:
    """The folder that `build` writes to by default, if it exists here."""
    return "fgbg-dataset" if os.path.isdir("fgbg-dataset") else None


def _built_last() -> str | None:
    """The dataset that was built last, unless it was deleted."""
    output = paths.last_output()
    return output if output and ("://" in output or os.path.isdir(output)) else None


def _space_header(readme: Path) -> dict[str, object] | None:
    """The front matter of the README.md beside the package if these are the files of a Space, else None."""
    try:
        text = readme.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if not text.startswith("---\n"):
        return None
    try:
        header = yaml.safe_load(text[4:].partition("\n---")[0])
    except yaml.YAMLError:
        return None
    return header if isinstance(header, dict) and header.get("sdk") == "gradio" else None


def _named_by_space(header: dict[str, object], readme: Path, revision: str | None) -> Choice:
    """The dataset that a Space names, on the Hub: never another one that happens to be on this machine."""
    names = header.get("datasets")
    if not isinstance(names, list) or not names:
        raise OutputError(
            f"{readme} is the card of a Space, but names no dataset.\n"
            "  Add the lines `datasets:` and `- USER/NAME` to its front matter, or set FGBG_DATASET."
        )
    named = header.get("fgbg_revision")
    return Choice(str(names[0]), revision or (str(named) if named is not None else None))
