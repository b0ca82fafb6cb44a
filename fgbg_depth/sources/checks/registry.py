"""The checks of single pictures, in the order of their findings; a new check is one line here."""

from __future__ import annotations

from fgbg_depth.sources.checks import (
    checkerboard,
    cut_off,
    frames,
    halo,
    parts,
    size,
    surround,
    text,
)
from fgbg_depth.sources.checks.finding import CERTAIN, Check, Finding, Picture

CHECKS: tuple[Check, ...] = (
    size.EMPTY,
    size.TINY,
    size.ENLARGED,
    frames.CHECK,
    text.CHECK,
    checkerboard.CHECK,
    surround.CHECK,
    halo.CHECK,
    cut_off.CHECK,
    parts.PARTS,
    parts.HOLES,
)


def check_background(picture: Picture) -> list[Finding]:
    """Findings about a background, in the order of `CHECKS`; empty if nothing is wrong."""
    return _findings(picture, "backgrounds")


def check_cutout(picture: Picture) -> list[Finding]:
    """Findings about a cut-out, in the order of `CHECKS`; empty if nothing is wrong."""
    return _findings(picture, "foregrounds")


def reason_to_skip(picture: Picture) -> str | None:
    """Why `skip_bad` leaves a picture out, to be printed after its name; None: it stays.

    Only checks with `skips` are asked, and only findings from `CERTAIN` on count.
    """
    kind = "foregrounds" if picture.is_cutout else "backgrounds"
    for check in CHECKS:
        if check.skips and kind in check.kinds:
            finding = check(picture)
            if finding is not None and finding.certainty >= CERTAIN:
                return f"has a fault ({finding.check}: {finding.detail})"
    return None


def _findings(picture: Picture, kind: str) -> list[Finding]:
    found = [check(picture) for check in CHECKS if kind in check.kinds]
    return [finding for finding in found if finding is not None]
