"""Where things lie: the files of the package, and the one folder for what this project keeps between commands."""

from __future__ import annotations

import logging
import multiprocessing
import os
from functools import cache
from pathlib import Path

logger = logging.getLogger("fgbg_depth")

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
    """The folder for what this project keeps between commands: depth models, prepared sources, and the path of the
    last output. It can be deleted at any time.

    `$FGBG_DEPTH_HOME`, else `$XDG_CACHE_HOME/fgbg-depth`, else `~/.cache/fgbg-depth`.
    """
    if chosen := os.environ.get("FGBG_DEPTH_HOME"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fgbg-depth"


def find_folder(name: str, marker: str) -> Path:
    """The folder `name` below `home()`, or where earlier versions stored it.

    Without `$FGBG_DEPTH_HOME` earlier versions stored models in `$HF_HOME/fgbg-depth`. A folder that is complete there
    and not in `home()` is used, so that it is not downloaded again.

    Args:
        name: of the folder.
        marker: a file that the folder contains once it is complete.
    Returns:
        the folder below `home()` if it is complete nowhere.
    """
    folder = home() / name
    if (folder / marker).is_file() or os.environ.get("FGBG_DEPTH_HOME"):
        return folder
    from huggingface_hub.constants import HF_HOME

    earlier = Path(HF_HOME) / "fgbg-depth" / name
    if not (earlier / marker).is_file():
        return folder
    if multiprocessing.parent_process() is None:  # workers would repeat the message
        _report_earlier(earlier, folder)
    return earlier


@cache  # once a process
def _report_earlier(earlier: Path, folder: Path) -> None:
    logger.warning("Using %s, stored by an earlier version of fgbg-depth. You can move it to %s.", earlier, folder)


def remember_output(output: str) -> None:
    """Store the path of the output built last, which the app opens without arguments. Errors are ignored."""
    path = output if "://" in output else str(Path(output).resolve())
    try:
        home().mkdir(parents=True, exist_ok=True)
        (home() / "last-output").write_text(path, encoding="utf-8")
    except OSError:
        pass


def last_output() -> str | None:
    """The path of the output built last, or None if it is not known."""
    try:
        return (home() / "last-output").read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
