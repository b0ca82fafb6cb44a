"""The check of names of files: statistics.json and the card name files, and anybody may have written them."""

from __future__ import annotations

import re

from fgbg_depth.errors import OutputError

# The only names that a dataset's files may have. Anybody may have written the names in statistics.json and the card;
# without ".." and "\" they cannot leave the dataset.
_FILE_NAME = re.compile(
    r"(README\.md|recipe\.yaml|statistics\.json|assets/[^/\\]+\.(png|webp)|(data|bg|fg|preview)/[^/\\]+\.parquet)"
)


def check_name(name: str) -> str:
    """`name`, if a dataset may have a file of this name.

    Raises:
        OutputError: it may not; nothing was read.
    """
    if not _FILE_NAME.fullmatch(name) or "\0" in name:
        raise OutputError(
            f"{name!r} is not the name of a file of a dataset, so it was not read.\n"
            "  fgbg-depth did not write the dataset's statistics.json or card; load only datasets that you trust."
        )
    return name
