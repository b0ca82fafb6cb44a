"""What an external labeller states about itself, checked."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from fgbg_depth.depth.external.function import Function
from fgbg_depth.depth.kinds import KINDS, DepthKind
from fgbg_depth.errors import DepthError


@dataclass(frozen=True)
class Stated:
    """What a labeller states about itself, checked.

    kind: what its values mean.
    version: changes with the weights and with everything else that changes a label.
    digest: first 16 hex digits of the SHA-256 of its code's file and its version.
    reach_m: farthest depth in metres, for kind metric; None if not stated.
    value_range: lowest and highest value, for relative kinds; None if not stated.
    license: of the weights; "" if not stated.
    """

    kind: DepthKind
    version: str
    digest: str
    reach_m: float | None
    value_range: tuple[float, float] | None
    license: str

    @classmethod
    def of(cls, function: Function) -> Stated:
        """Check what a function states.

        Raises:
            DepthError: an attribute is missing or has a wrong value; the message says what to write.
        """
        found = function.stated

        def wrong(attribute: str, allowed: str) -> DepthError:
            return DepthError(
                f"depth model {function.name}: the attribute {attribute!r} of its function is {found[attribute]!r}; "
                f"allowed: {allowed}.\n  Set it below the function; docs/labellers.md has an example."
            )

        if found["kind"] not in KINDS:
            raise wrong("kind", ", ".join(repr(kind) for kind in KINDS))
        kind = KINDS[found["kind"]]
        if not isinstance(found["version"], str) or not found["version"].strip() or not found["version"].isprintable():
            raise wrong("version", "a text that you change with the weights, such as 'moge-2-vitl 1'")
        if not isinstance(found["license"], str | None):
            raise wrong("license", "a text such as 'mit', or None")
        reach_m = found["reach_m"]
        if reach_m is not None and not (kind.is_metric and _is_number(reach_m) and reach_m > 0):
            raise wrong("reach_m", "metres above 0, for kind 'metric' only, or None")
        pair = found["range"]
        is_pair = isinstance(pair, tuple | list) and len(pair) == 2 and all(map(_is_number, pair)) and pair[0] < pair[1]
        if pair is not None and (kind.is_metric or not is_pair):
            raise wrong("range", "(lowest, highest) value, for relative kinds only, or None")
        return cls(
            kind=kind,
            version=found["version"],
            digest=hashlib.sha256(f"{found['digest']}\0{found['version']}".encode()).hexdigest()[:16],
            reach_m=None if reach_m is None else float(reach_m),
            value_range=None if pair is None else (float(pair[0]), float(pair[1])),
            license=found["license"] or "",
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
