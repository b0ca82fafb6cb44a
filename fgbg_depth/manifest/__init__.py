"""`statistics.json` as one typed object: the files of a dataset and its statistics.

Build, verify, card, Hub, loading and app exchange this object; no other module reads the file's keys. A build writes
the file last, so a dataset that has it is complete.
"""

from fgbg_depth.manifest.entries import (
    ColumnStatistics,
    Coverage,
    DepthHistogram,
    DepthStatistics,
    FileEntry,
    ImageStatistics,
    KindStatistics,
    PictureEntry,
    SkippedFile,
    SourceEntry,
    Version,
)
from fgbg_depth.manifest.manifest import Manifest

__all__ = [
    "ColumnStatistics",
    "Coverage",
    "DepthHistogram",
    "DepthStatistics",
    "FileEntry",
    "ImageStatistics",
    "KindStatistics",
    "Manifest",
    "PictureEntry",
    "SkippedFile",
    "SourceEntry",
    "Version",
]
