"""The format `yolo-seg`: images, a text file of polygons for each, and `data.yaml`, as Ultralytics YOLO reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fgbg_depth.export.blocks import Block
from fgbg_depth.export.folder import ExportFolder, Part
from fgbg_depth.export.format import Format, image_extension
from fgbg_depth.export.objects import mask_columns, objects_of
from fgbg_depth.export.polygons import opencv, polygon_of, relative
from fgbg_depth.export.selection import Selection
from fgbg_depth.export.yolo_splits import data_yaml, yolo_notes
from fgbg_depth.read.rows import StoredRow


class YoloSeg(Format):
    """DEST/images/SPLIT/000012.jpg and DEST/labels/SPLIT/000012.txt, one line an object: class x1 y1 x2 y2 ...

    Raises:
        OutputError: OpenCV is not installed.
    Source: https://docs.ultralytics.com/datasets/segment
    """

    name = "yolo-seg"

    def __init__(self, selection: Selection) -> None:
        super().__init__(selection)
        self._cv2 = opencv()
        self.image_columns = ("fg_bg", *mask_columns(selection))

    def write(self, block: Block, rows: Sequence[StoredRow], folder: ExportFolder) -> Part:
        for row in rows:
            key, data = self.selection.key(row), row.images["fg_bg"]
            folder.write(f"images/{row.split}/{key}.{image_extension(data)}", data)
            folder.write(f"labels/{row.split}/{key}.txt", "".join(self._lines(row)).encode())
        return {}

    def _lines(self, row: StoredRow) -> Iterable[str]:
        for found in objects_of(row, self.selection):
            corners = relative(polygon_of(found.mask, self._cv2), *found.mask.shape)
            numbers = " ".join(f"{value:.6f}" for value in corners.ravel().tolist())
            yield f"{self.selection.classes.index(found.class_name)} {numbers}\n"

    def finish(self, blocks: Sequence[Block], folder: ExportFolder) -> None:
        folder.replace("data.yaml", data_yaml(self.selection.num_rows, self.selection.classes))

    def notes(self) -> Iterable[str]:
        return yolo_notes(self.selection.num_rows)

    def snippet(self, folder: ExportFolder) -> str:
        split = self.first_split()
        return (
            f'import supervision as sv; files = [f"{folder.path}/{{kind}}/{split}" for kind in ("images", "labels")]\n'
            f'rows = sv.DetectionDataset.from_yolo(*files, "{folder.path}/data.yaml", force_masks=True)\n'
            f"# or train: yolo segment train data={folder.path.resolve()}/data.yaml model=yolo11n-seg.pt"
        )
