"""Where this project keeps things between commands: converted weights, and which output was built last."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).parent
DATA = PACKAGE / "data"  # the bundled sources and depth model
CHECKOUT = PACKAGE.parent  # holds app.py and dataset_card.md in a checkout; site-packages once installed


def home() -> Path:
    """`$FGBG_DEPTH_HOME`, or `fgbg-depth` in the user's cache folder."""
    if chosen := os.environ.get("FGBG_DEPTH_HOME"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fgbg-depth"


def remember_output(output: str) -> None:
    """Note the output built last, for `python app.py` without arguments; failing to is no error."""
    path = output if "://" in output else str(Path(output).resolve())
    try:
        home().mkdir(parents=True, exist_ok=True)
        (home() / "last-output").write_text(path, encoding="utf-8")
    except OSError:
        pass


def last_output() -> str | None:
    """The output built last, if it is noted."""
    try:
        return (home() / "last-output").read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
