"""Merge the `croissant.json` that a push generates with what people wrote into that file on the Hub."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fgbg_depth.card.croissant import HubPlace, croissant_json, describe, to_json
from fgbg_depth.manifest import Manifest

_TEXTS = ("name", "description", "license", "creator", "keywords")  # besides those of the vocabularies rai and prov


@dataclass(frozen=True)
class MergedCroissant:
    """A `croissant.json` for the Hub.

    Args:
        text: of the file.
        kept: its keys that only the file on the Hub has.
        replaced: keys whose text on the Hub is neither that of the last push nor that of this one.
    """

    text: str
    kept: list[str]
    replaced: list[str]


def merge_croissant(base: Manifest | None, published: Manifest, place: HubPlace, remote: bytes) -> MergedCroissant:
    """The `croissant.json` of this push, with the keys that people added on the Hub.

    Texts of keys that a push generates are replaced: their place is the recipe, from which the card shows them, too.

    Args:
        base: the manifest on the Hub; None if no push wrote it.
        published: the manifest of this push.
        remote: the file on the Hub. One that is not a JSON object is replaced as a whole.
    """
    generated = describe(published, place)
    try:
        theirs = json.loads(remote)
    except ValueError:
        theirs = None
    if not isinstance(theirs, dict):
        return MergedCroissant(croissant_json(published, place), [], ["the whole file, which is not a JSON object"])
    before = describe(base, place) if base is not None else {}
    kept = {key: value for key, value in theirs.items() if key not in generated and key not in before}
    replaced = [
        key
        for key, value in theirs.items()
        if key in generated and _is_text(key) and value not in (generated[key], before.get(key))
    ]
    merged: dict[str, Any] = generated | kept
    context = theirs.get("@context")
    if kept and isinstance(context, dict):  # it may explain the kept keys
        merged["@context"] = context | generated["@context"]
    return MergedCroissant(to_json(merged), sorted(kept), sorted(replaced))


def _is_text(key: str) -> bool:
    return key in _TEXTS or key.startswith(("rai:", "prov:"))
