"""Compose a row of a finished dataset again, from its columns and the sources that the dataset stores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fgbg_depth import schema
from fgbg_depth.builder.row_composers import RowComposers
from fgbg_depth.errors import UsageError
from fgbg_depth.read.reader import DatasetReader
from fgbg_depth.read.stored_sources import read_sources
from fgbg_depth.render.poisson import check_opencv
from fgbg_depth.render.scenes import ComposedScene
from fgbg_depth.sources.prepared import Prepared

_PLAIN_COLUMNS = ("bg", "fg", "flip", "x", "y", "width", "height")
_SCENE_COLUMNS = ("bg", "fg", "placement", "blend", "objects")


def compose_row(
    dataset: str | Path | DatasetReader, row: Mapping[str, Any], revision: str | None = None
) -> ComposedScene:
    """The pixels of one row, before they are encoded.

        composed = compose_row("user/name", row)
        composed.image, composed.mask, composed.instances

    Nothing is drawn at random: size, angle, place, depth order and blend of each cut-out are columns of the row. What
    hides a cut-out follows from the depth of the background, which the config `bg` stores.

    Args:
        dataset: a folder, an fsspec URL or `USER/NAME` on the Hub; for many rows, a `DatasetReader`, which is opened
            once.
        row: the row's values by column, as `load` and `datasets.load_dataset` return them; images are not needed.
        revision: tag, branch or commit on the Hub; default: `main`.
    Returns:
        image: Pillow RGB, equal to `fg_bg` before its compression. mask: (H, W) uint8, equal to `fg_bg_mask`.
        instances: (H, W) uint8, equal to `fg_bg_instances` where the dataset has it; None for rows without scenes.
    Raises:
        UsageError: the row has no column that is needed, or names a source that the dataset does not have.
        OutputError, HubError: the dataset is missing or not complete.
        RecipeError: the row was blended by OpenCV, which is not installed.
    """
    reader = dataset if isinstance(dataset, DatasetReader) else DatasetReader.open(dataset, revision)
    manifest = reader.manifest
    needed = _SCENE_COLUMNS if schema.SCENE in manifest.extras else _PLAIN_COLUMNS
    if missing := [name for name in needed if name not in row]:
        raise UsageError(
            f"The row has no column {missing[0]}, which is needed to compose it again.\n"
            f"  Give a row of the config default of {reader.name}, with the columns {', '.join(needed)}."
        )
    facts = {name: row[name] for name in needed}
    if facts.get("blend") == "poisson":
        check_opencv()
    names = {
        schema.BG: {facts["bg"]},
        schema.FG: {facts["fg"], *(item["fg"] for item in facts.get("objects", ()))},
    }
    stored = {kind: read_sources(reader.files, manifest.files_of(kind), names[kind]) for kind in names}
    for kind, of_row in names.items():
        if unknown := sorted(of_row - stored[kind].keys()):
            raise UsageError(
                f"{reader.name} has no {kind} named {unknown[0]!r}, which the row names.\n"
                "  The row belongs to another dataset, or to another version of this one."
            )
    pictures = (
        {name: (source.digest, source.image, source.depth) for name, source in stored[kind].items()} for kind in names
    )
    prepared = Prepared.of_pictures(*pictures)
    composers = RowComposers(manifest.recipe, prepared, manifest.depth)
    return composers.of(prepared.background(facts["bg"]), sorted(names[schema.FG])).pixels(facts)
