"""The prepared sources of an output that continues a version on the Hub: they stand for the recipe's folders.

The original files are not on the Hub. The prepared ones are, and the digests of shards need no more than these, so a
build that continues gets the same shards. Only a recipe that prepares sources in another way needs the originals.
"""

from __future__ import annotations

import os
from pathlib import Path

from fgbg_depth import schema
from fgbg_depth.builder.slices import PREVIOUS_MANIFEST, read_manifest
from fgbg_depth.errors import OutputError, RecipeError, UsageError
from fgbg_depth.manifest import Manifest
from fgbg_depth.manifest.differences import value_text
from fgbg_depth.read.files import StorageFiles
from fgbg_depth.read.hub_base import HubBase
from fgbg_depth.read.prepared_sources import prepared_sources
from fgbg_depth.recipe import DEMO, OPTIONS, Recipe, published
from fgbg_depth.recipe.fields import Shapes
from fgbg_depth.sources.load import KnownSources
from fgbg_depth.storage.files import Storage

_FOLDERS = {"backgrounds": schema.BG, "foregrounds": schema.FG}
_OTHER_KIND = {  # fields that prepare only sources of the other kind
    "backgrounds": ("foreground_measure", "foreground_min", "foreground_max", "scale_per", "seed", "defringe"),
    "foregrounds": ("trim_frames",),
}


def known_sources(
    recipe: Recipe, storage: Storage | None, add_backgrounds: str = "", add_foregrounds: str = ""
) -> KnownSources | None:
    """The sources of the output that take the place of the recipe's folders; None: all come from the folders.

    A folder of the recipe that exists wins: it holds all originals of its kind.

    Args:
        recipe: with absolute folders.
        add_backgrounds, add_foregrounds: folders to add to them; "" for none.
    Raises:
        UsageError: there are folders to add, and the output does not continue a version on the Hub.
        RecipeError: the recipe prepares sources in another way, so the original files are needed.
    """
    added = {"backgrounds": add_backgrounds, "foregrounds": add_foregrounds}
    if storage is None or HubBase.read(storage) is None:
        if any(added.values()):
            raise UsageError(
                "--add-backgrounds and --add-foregrounds add to a dataset on the Hub, and this output continues none.\n"
                "  Give --from USER/NAME, too; or put the pictures into the folders of the recipe and build again."
            )
        return None
    manifest = read_manifest(storage, schema.STATISTICS) or read_manifest(storage, PREVIOUS_MANIFEST)
    if manifest is None:
        raise OutputError(f"{storage} has no readable {schema.STATISTICS}.\n  Delete it and run build --from again.")
    stored = {field: _stands_for(getattr(recipe, field), field, recipe, manifest, storage) for field in _FOLDERS}
    for field, folder in added.items():
        if folder and not stored[field]:
            raise UsageError(f"--{field} gives all {field} and --add-{field} adds some; give only one of them.")
    for field in (field for field, is_stored in stored.items() if is_stored):
        _check_preparation(recipe, manifest, field)
    files = StorageFiles(storage)
    prepared = {
        field: prepared_sources(files, manifest, kind) if stored[field] else None for field, kind in _FOLDERS.items()
    }
    return KnownSources(
        prepared["backgrounds"],
        prepared["foregrounds"],
        add_backgrounds,
        add_foregrounds,
        tuple((item.file, item.reason) for item in manifest.skipped) if all(stored.values()) else (),
        tuple(manifest.ignored) if all(stored.values()) else (),
        tuple(manifest.license_notes) if all(stored.values()) else (),
        {kind: manifest.terms[kind] for field, kind in _FOLDERS.items() if stored[field] and kind in manifest.terms},
    )


def _stands_for(value: str, field: str, recipe: Recipe, manifest: Manifest, storage: Storage) -> bool:
    """Whether the prepared sources of the version stand for the folder `value` of a recipe.

    A relative folder of the version's recipe is looked for in the output, where `bg` is a config and no such folder.
    """
    if getattr(published(recipe), field) != getattr(manifest.recipe, field):
        return False
    if value == DEMO or "://" in value:
        return True
    folder = Path(os.path.expanduser(value))
    return not folder.is_dir() or folder.resolve().is_relative_to(storage.root.resolve())


def _check_preparation(recipe: Recipe, manifest: Manifest, field: str) -> None:
    """Raise RecipeError if the recipe would prepare the sources of a kind in another way than the version did."""
    before, now = manifest.recipe, recipe
    names = [
        name
        for name, options in OPTIONS.items()
        if (options.shapes is Shapes.SOURCES or name in ("size", "seed", "scale_per"))
        and name not in (*_FOLDERS, "skip_bad", *_OTHER_KIND[field])
        and getattr(before, name) != getattr(now, name)
    ]
    if names == ["seed"] and (before.foreground_min == before.foreground_max or before.scale_per == "row"):
        return  # the seed draws the sizes of cut-outs, and these all are prepared at one size
    if names:
        changes = ", ".join(
            f"{name} is {value_text(getattr(now, name))}, was {value_text(getattr(before, name))}" for name in names
        )
        raise RecipeError(
            f"With this recipe all {field} must be prepared again from their original files, because {changes}.\n"
            f"  The dataset has them only as they were prepared before. Give their folder with --{field} DIR, or keep "
            "the recipe's values."
        )
