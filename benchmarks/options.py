"""Options that several benchmarks have."""

from __future__ import annotations

import argparse
from pathlib import Path

_BUNDLED = Path(__file__).resolve().parent.parent / "fgbg_depth" / "data"


def add_picture_options(parser: argparse.ArgumentParser) -> None:
    """Add `--backgrounds` and `--foregrounds`, folders of pictures."""
    for kind in ("backgrounds", "foregrounds"):
        parser.add_argument(f"--{kind}", type=Path, default=_BUNDLED / kind, metavar="DIR", help="default: bundled")
