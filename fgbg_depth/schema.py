"""Names and types of everything that is stored. Imports nothing heavy, so every other module may use it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Features

FORMAT = 1  # raise it when the meaning of stored files changes; it is part of every shard's digest

TRAIN = "train"
UNSEEN_BG = "test_unseen_bg"
UNSEEN_FG = "test_unseen_fg"
UNSEEN_BOTH = "test_unseen_both"
SPLITS = (TRAIN, UNSEEN_BG, UNSEEN_FG, UNSEEN_BOTH)

KINDS = ("bg", "fg", "fg_bg", "fg_bg_mask", "fg_bg_depth")
CONFIGS = ("default", "bg", "fg", "preview")

FOOTER_KEY = b"fgbg_depth"  # parquet key-value metadata: a shard's own record
DATA, BG, FG, PREVIEW, ASSETS = "data", "bg", "fg", "preview", "assets"
FOLDERS = (DATA, BG, FG, PREVIEW, ASSETS, "")  # all that an output has
CARD, RECIPE, STATISTICS = "README.md", "recipe.yaml", "statistics.json"

NO_LABELS = "00000000"  # label digest of a dataset without depth


def split_of(bg_held_out: bool, fg_held_out: bool) -> str:
    """The split of a row: which of its two sources training never sees."""
    if bg_held_out and fg_held_out:
        return UNSEEN_BOTH
    if bg_held_out:
        return UNSEEN_BG
    return UNSEEN_FG if fg_held_out else TRAIN


def features(depth: bool = True) -> Features:
    """Columns of the default config, in order.

    `fg_bg` RGB; `fg_bg_mask` 8-bit grey matte, foreground where >= 128; `fg_bg_depth` 16- or 8-bit grey,
    0 = invalid, absent without a depth model; `x, y, width, height` in pixels of `fg_bg`, y down.
    """
    from datasets import Features, Image, Value

    columns = {"fg_bg": Image(), "fg_bg_mask": Image()}
    if depth:
        columns["fg_bg_depth"] = Image()
    columns |= {"bg": Value("string"), "fg": Value("string"), "flip": Value("bool")}
    columns |= {name: Value("int32") for name in ("placement", "x", "y", "width", "height")}
    return Features(columns)


def bg_features() -> Features:
    """Columns of the `bg` config: each prepared background once, lossless."""
    from datasets import Features, Image, Value

    return Features({"name": Value("string"), "image": Image(), "held_out": Value("bool"), "digest": Value("string")})


def fg_features() -> Features:
    """Columns of the `fg` config: each prepared cut-out once, lossless; `mask` is the alpha of `image`."""
    from datasets import Features, Image, Value

    return Features(
        {
            "name": Value("string"),
            "image": Image(),
            "mask": Image(),
            "held_out": Value("bool"),
            "digest": Value("string"),
            "width": Value("int32"),
            "height": Value("int32"),
        }
    )


def preview_features(depth: bool = True) -> Features:
    """Columns of the `preview` config: some rows with an 8-bit coloured depth that viewers can show."""
    from datasets import Features, Image, Value

    columns = {"fg_bg": Image(), "fg_bg_mask": Image()}
    if depth:
        columns["fg_bg_depth_color"] = Image()
    columns |= {"bg": Value("string"), "fg": Value("string"), "flip": Value("bool")}
    columns |= {"placement": Value("int32"), "split": Value("string")}
    return Features(columns)


def slug(name: str) -> str:
    """`name` as a part of a file name: ASCII letters, digits, `_` and `.`; at most 40 characters.

    `-` is left out because it separates the parts of a shard's file name.
    """
    text = re.sub(r"[^A-Za-z0-9_.]+", "_", name).strip("._")[:40]
    return text or "unnamed"
