"""Where this project keeps things between commands: converted weights, and which output was built last."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).parent
DATA = PACKAGE / "data"  # the bundled sources and depth model
CHECKOUT = PACKAGE.parent  # the project's root in a checkout; site-packages once installed


def project_file(name: str) -> Path:
    """A file of the project's root that the package reads: `app.py`, `dataset_card.md` or `space/README.md`.

    A wheel has copies in `data/project/` (see force-include in pyproject.toml); a checkout has the files themselves.
    """
    packaged = DATA / "project" / name
    return packaged if packaged.is_file() else CHECKOUT / name


def home() -> Path:
    """`$FGBG_DEPTH_HOME`, or `fgbg-depth` in the user's cache folder."""
    if chosen := os.environ.get("FGBG_DEPTH_HOME"):
        return Path(chosen)
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
