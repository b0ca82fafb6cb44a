"""Where a dataset comes from: what it was made from, and the steps that made it, for `croissant.json`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fgbg_depth import schema
from fgbg_depth.manifest import Manifest
from fgbg_depth.recipe import DEMO
from fgbg_depth.sources.hub import PREFIX, HubAddress

HUB_URL = "https://huggingface.co"
_NOT_STATED = "Licence and origin are not stated by the maker of this dataset."
_NAMES = {"bg": "backgrounds", "fg": "cut-outs"}


def making(manifest: Manifest) -> str:
    """How the rows were made, in one sentence."""
    recipe = manifest.recipe
    plural = "s" if recipe.placements != 1 else ""
    each = f"{'in' if (is_scene := schema.SCENE in manifest.extras) else 'at'} {recipe.placements:,} random "
    each += f"{'scene' if is_scene else 'place'}{plural}"
    mirrored = ", original and mirrored," if recipe.mirror else ""
    num_bg, num_fg = (len(manifest.sources[kind]) for kind in ("bg", "fg"))
    return (
        f"A program placed each of {num_fg:,} cut-outs{mirrored} on each of {num_bg:,} backgrounds {each}; all "
        f"randomness comes from the seed {recipe.seed} and the content of the sources."
    )


def preparation(manifest: Manifest) -> list[str]:
    """What was done to the sources before they were composed."""
    recipe = manifest.recipe
    size = f"{recipe.size} x {recipe.size} pixels"
    found = [f"Backgrounds were centre-cropped to a square and resized to {size}."]
    if recipe.trim_frames:
        found.append(f"A frame of one colour was cut away from {len(manifest.trimmed):,} backgrounds before that.")
    found.append("Cut-outs were cropped to their visible part and resized with premultiplied alpha, aspect kept.")
    if recipe.defringe != "off":
        found.append(f"The colours of the soft edge of {len(manifest.defringed):,} cut-outs were estimated again.")
    if recipe.exclude:
        found.append(f"The recipe leaves these sources out: {', '.join(recipe.exclude)}.")
    if manifest.skipped:
        found.append(f"{len(manifest.skipped):,} source files could not be used and were left out.")
    held = {kind: len(names) for kind, names in manifest.held_out.items()}
    if any(held.values()):
        found.append(
            f"{held['bg']:,} backgrounds and {held['fg']:,} cut-outs were kept out of the split train; sources that "
            "look alike are kept together."
        )
    return found


def derived_from(manifest: Manifest) -> list[dict[str, Any]]:
    """The sources and the depth model as PROV entities."""
    recipe = manifest.recipe
    licences = {"bg": recipe.background_license, "fg": recipe.foreground_license}
    addresses = {"bg": recipe.backgrounds, "fg": recipe.foregrounds}
    found = [
        _entity(
            f"{len(manifest.sources[kind]):,} {_NAMES[kind]}",
            licences[kind] or ("Bundled with fgbg-depth." if addresses[kind] == DEMO else _NOT_STATED),
            _hub_dataset(addresses[kind]),
        )
        for kind in _NAMES
    ]
    depth = manifest.depth
    if depth is not None:
        revision = f", revision {depth.revision}" if depth.revision else ""
        licence = f"Licence: {depth.license}." if depth.license else "Its licence is not known."
        url = f"{HUB_URL}/{depth.model}" if depth.revision and depth.model.count("/") == 1 else ""
        found.append(_entity(f"depth model {depth.model}{revision}", licence, url))
    return found


def generated_by(manifest: Manifest) -> list[dict[str, Any]]:
    """The steps of a build as PROV activities, in their order."""
    steps = [
        ("preparation of the sources", " ".join(preparation(manifest))),
        ("composition", f"{making(manifest)} Every choice is in {schema.RECIPE}."),
    ]
    if manifest.depth is not None:
        steps.append(("depth labels", f"Predicted by {manifest.depth.model}, and checked against the mattes."))
    agent = {"@type": "prov:SoftwareAgent", "name": "fgbg-depth"}
    return [
        {"@type": "prov:Activity", "name": name, "description": text, "prov:wasAssociatedWith": agent}
        for name, text in steps
    ]


def _entity(name: str, description: str, url: str) -> dict[str, Any]:
    entity = {"@type": "prov:Entity", "name": name, "description": description}
    return entity | ({"url": url} if url else {})


def _hub_dataset(address: str) -> str:
    """The page of a source on the Hub; "" for other sources."""
    if not address.startswith(PREFIX):
        return ""
    found = HubAddress.parse(address)
    return f"{HUB_URL}/datasets/{found.repo}" + (f"/tree/{quote(found.revision, safe='')}" if found.revision else "")
