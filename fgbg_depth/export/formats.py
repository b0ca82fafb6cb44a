"""The formats of an export by name; a new one is a file, a line here, and a line of help in `cli/export.py`."""

from __future__ import annotations

from fgbg_depth.export.coco import Coco
from fgbg_depth.export.folders import Folders
from fgbg_depth.export.format import Format
from fgbg_depth.export.webdataset import WebDataset
from fgbg_depth.export.yolo_depth import YoloDepth
from fgbg_depth.export.yolo_seg import YoloSeg

FORMATS: dict[str, type[Format]] = {cls.name: cls for cls in (Folders, Coco, YoloSeg, YoloDepth, WebDataset)}
