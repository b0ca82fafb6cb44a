"""Randomness keyed by content: a row does not depend on the worker, the order, or on other sources."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np


def keyed_digest(*parts: str | int, size: int = 16) -> bytes:
    """BLAKE2b hash of `size` bytes over the parts. Unambiguous: ("ab", "c") and ("a", "bc") differ."""
    h = hashlib.blake2b(digest_size=size)
    for part in parts:
        text = str(part).encode("utf-8", "surrogatepass")
        h.update(len(text).to_bytes(8, "little") + text)
    return h.digest()


def json_digest(value: Any) -> str:
    """SHA-256 of a JSON value, with sorted keys, as 64 hex digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def sample_rng(seed: int, *parts: str | int) -> np.random.Generator:
    """A counter-based generator (Philox) keyed by the seed and by the parts, which say what it is for.

    Draw only uniform doubles. Their stream is the same in every version of numpy, and a longer draw starts with the
    shorter one, so that more placements do not change the first ones.
    """
    key = int.from_bytes(keyed_digest(seed, *parts), "little")
    return np.random.Generator(np.random.Philox(key=key))
