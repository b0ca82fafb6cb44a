"""Names of everything that is stored: splits, labels, extras, folders and files."""

from __future__ import annotations

import re

FORMAT = 2  # increase it when the meaning of stored files changes; it is part of every shard's digest

TRAIN = "train"
UNSEEN_BG = "test_unseen_bg"
UNSEEN_FG = "test_unseen_fg"
UNSEEN_BOTH = "test_unseen_both"
SPLITS = (TRAIN, UNSEEN_BG, UNSEEN_FG, UNSEEN_BOTH)

PREDICTED, PLACED = "predicted", "placed"
LABELS = {PREDICTED: "fg_bg_depth", PLACED: "fg_bg_depth_placed"}  # the column of each kind of depth label
CHECKS = {  # the column of each check of `depth.checks`, by kind of label; placed labels cannot drift
    PREDICTED: {"boundary_recall": "boundary_recall", "nearer": "nearer", "background_drift": "background_drift"},
    PLACED: {"boundary_recall": "placed_boundary_recall", "nearer": "placed_nearer"},
}
SCENE, INSTANCES, GROUND = "scene", "instances", "ground"  # what recipes that vary scenes add to rows and sources
BG_CLASS, FG_CLASS = "bg_class", "fg_class"  # what sources with classes add to rows
EXTRAS = (SCENE, INSTANCES, GROUND, BG_CLASS, FG_CLASS)
CLASSES = {"bg": BG_CLASS, "fg": FG_CLASS}  # the column of the class, by kind of source
IMAGE_KINDS = ("bg", "fg", "fg_bg", "fg_bg_mask", *LABELS.values())  # the manifest has statistics of each

FOOTER_KEY = b"fgbg_depth"  # parquet key-value metadata: the record of a shard in its footer
DATA, BG, FG, PREVIEW, ASSETS = "data", "bg", "fg", "preview", "assets"
PARQUET_FOLDERS = (DATA, BG, FG, PREVIEW)  # `load_dataset` reads every file in them
FOLDERS = (*PARQUET_FOLDERS, ASSETS, "")  # all folders of an output
CARD, RECIPE, STATISTICS = "README.md", "recipe.yaml", "statistics.json"
CROISSANT, FIFTYONE = "croissant.json", "fiftyone.yml"
METADATA = (CROISSANT, FIFTYONE)  # the dataset described for other programs; written with the card

# The card's pictures. Photographs in WebP take a fifth of PNG, which matters because each version has new ones.
SHEETS = ("banner", "contact_sheet", "checked_rows")
CHARTS = ("heat_map", "coverage", "depth", "checks")

FOREGROUND_ALPHA = 128  # of 255; from here on a pixel of fg_bg_mask is foreground
VISIBLE_ALPHA = 8  # of 255; fainter pixels (3 %) cannot be seen and do not count as part of a cut-out

NO_LABELS = "00000000"  # label digest of a dataset without depth


def split_of(bg_held_out: bool, fg_held_out: bool) -> str:
    """The split of a row, from whether its background and its cut-out are kept out of train."""
    if bg_held_out and fg_held_out:
        return UNSEEN_BOTH
    if bg_held_out:
        return UNSEEN_BG
    return UNSEEN_FG if fg_held_out else TRAIN


def slug(name: str) -> str:
    """`name` as a part of a file name: ASCII letters, digits, `_` and `.`; at most 40 characters.

    `-` is replaced because it separates the parts of a shard's file name.
    """
    text = re.sub(r"[^A-Za-z0-9_.]+", "_", name).strip("._")[:40]
    return text or "unnamed"
