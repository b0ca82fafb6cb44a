"""The files that describe a dataset for other programs; they are written beside the card and published with it."""

from __future__ import annotations

from fgbg_depth import schema
from fgbg_depth.card.croissant import HubPlace, croissant_json
from fgbg_depth.card.fiftyone import fiftyone_yaml
from fgbg_depth.manifest import Manifest


def metadata_files(manifest: Manifest, place: HubPlace | None = None) -> dict[str, bytes]:
    """Content of each file of `schema.METADATA`, by path.

    Args:
        place: where the dataset is published; None: it is a folder.
    """
    return {
        schema.CROISSANT: croissant_json(manifest, place).encode(),
        schema.FIFTYONE: fiftyone_yaml(manifest).encode(),
    }
