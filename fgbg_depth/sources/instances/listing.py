"""The instances at an address, whatever data set it is."""

from __future__ import annotations

from fgbg_depth.errors import SourceError
from fgbg_depth.recipe.addresses import COCO, PASCAL, Address
from fgbg_depth.sources.folder import FolderListing
from fgbg_depth.sources.instances.coco import list_coco
from fgbg_depth.sources.instances.openimages import list_open_images
from fgbg_depth.sources.instances.pascal import list_pascal


def list_instances(address: Address, kind: str) -> FolderListing:
    """The instances at an address, each as a cut-out.

    Args:
        kind: "backgrounds" or "foregrounds".
    Raises:
        SourceError: they cannot be listed, or `kind` is "backgrounds".
    """
    if kind != "foregrounds":
        raise SourceError(
            f"{address.with_path(address.path)} names instance masks, which are cut-outs and no {kind}.\n"
            f"  Give a folder of pictures: --{kind} DIR."
        )
    if address.prefix == COCO:
        return list_coco(address)
    return list_pascal(address) if address.prefix == PASCAL else list_open_images(address)
