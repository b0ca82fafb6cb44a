"""Licences as addresses of the SPDX list, which Croissant recommends."""

from __future__ import annotations

NOT_STATED = "Not stated by the maker of this dataset."
_URL = "https://spdx.org/licenses/{}.html"
# Ids of the Hub whose SPDX id is not the same in capitals. Source: https://spdx.org/licenses/
_SPDX = {
    "apache-2.0": "Apache-2.0",
    "artistic-2.0": "Artistic-2.0",
    "cdla-permissive-1.0": "CDLA-Permissive-1.0",
    "cdla-permissive-2.0": "CDLA-Permissive-2.0",
    "cdla-sharing-1.0": "CDLA-Sharing-1.0",
    "etalab-2.0": "etalab-2.0",
    "odbl": "ODbL-1.0",
    "odc-by": "ODC-By-1.0",
    "pddl": "PDDL-1.0",
    "unlicense": "Unlicense",
    "zlib": "Zlib",
}
_SAME_IN_CAPITALS = ("cc0-1.0", "mit", "isc", "bsd-2-clause", "bsd-3-clause", "ecl-2.0", "epl-2.0", "mpl-2.0", "wtfpl")


def license_url(words: str) -> str:
    """The SPDX address of a licence, or the maker's own words if they name none that SPDX lists.

    Args:
        words: the recipe's `license`: a licence id of the Hub, or other words.
    """
    name = words.strip().lower()
    if name in _SPDX:
        return _URL.format(_SPDX[name])
    if name in _SAME_IN_CAPITALS or (name.startswith("cc-by") and name[-3:] in ("2.0", "2.5", "3.0", "4.0")):
        return _URL.format(name.upper().replace("CLAUSE", "Clause"))
    return words.strip() if name not in ("", "other", "unknown") else NOT_STATED
