"""The formats of an export by name; a new format is one file and one line here."""

from __future__ import annotations

from fgbg_depth.export.folders import Folders
from fgbg_depth.export.format import Format

FORMATS: dict[str, type[Format]] = {cls.name: cls for cls in (Folders,)}
