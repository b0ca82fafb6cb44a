"""The format `yolo-depth`: images, 16-bit depth maps and `data.yaml`, as Ultralytics YOLO reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fgbg_depth import schema
from fgbg_depth.errors import OutputError, UsageError
from fgbg_depth.export.blocks import Block
from fgbg_depth.export.folder import ExportFolder, Part
from fgbg_depth.export.format import Format, image_extension
from fgbg_depth.export.selection import Selection
from fgbg_depth.export.yolo_splits import data_yaml, yolo_notes
from fgbg_depth.read.rows import StoredRow


class YoloDepth(Format):
    """DEST/images/SPLIT/000012.jpg and DEST/depth/SPLIT/000012.png: the stored bytes, divided by `depth_scale` metres.

    Args:
        label: which label, of `schema.LABELS`; None: the placed one, or else the predicted one.
    Raises:
        OutputError: the dataset has no depth, or not in metres, or not of 16 bits.
        UsageError: it has no such label.
    Source: https://docs.ultralytics.com/datasets/depth (PNG and `depth_scale` since
        https://github.com/ultralytics/ultralytics/pull/25859)
    """

    name = "yolo-depth"

    def __init__(self, selection: Selection, label: str | None = None) -> None:
        super().__init__(selection)
        manifest = selection.manifest
        spec, name = manifest.depth, selection.files.name
        if spec is None or manifest.main_depth_column is None:
            raise OutputError(
                f"{name} has no depth labels, so it cannot be exported as yolo-depth.\n"
                "  Build it with a depth model, or export it as yolo-seg."
            )
        if not spec.meaning.is_metric:
            raise OutputError(
                f"{name} has {spec.meaning.description}; yolo-depth needs depth in metres.\n"
                "  Build it with a metric depth model, or export it as folders or webdataset."
            )
        if spec.bits != 16:
            raise OutputError(
                f"{name} stores depth with {spec.bits} bits; yolo-depth needs 16.\n"
                "  Build it with --depth-bits 16, or export it as folders or webdataset."
            )
        if label is not None and label not in manifest.labels:
            raise UsageError(f"{name} has no {label} depth; it has {' and '.join(manifest.labels)}.")
        self._column = schema.LABELS[label] if label is not None else manifest.main_depth_column
        self._scale = spec.scale
        self.options = {"depth": self._column}
        self.image_columns = ("fg_bg", self._column)

    def write(self, block: Block, rows: Sequence[StoredRow], folder: ExportFolder) -> Part:
        for row in rows:
            key, data = self.selection.key(row), row.images["fg_bg"]
            folder.write(f"images/{row.split}/{key}.{image_extension(data)}", data)
            folder.write(f"depth/{row.split}/{key}.png", row.images[self._column])
        return {}

    def finish(self, blocks: Sequence[Block], folder: ExportFolder) -> None:
        scale = round(self._scale) if abs(self._scale - round(self._scale)) < 1e-6 else self._scale
        folder.replace("data.yaml", data_yaml(self.selection.num_rows, ["depth"], {"depth_scale": scale}))

    def notes(self) -> Iterable[str]:
        return [f"depth is the column {self._column}.", *yolo_notes(self.selection.num_rows)]

    def snippet(self, folder: ExportFolder) -> str:
        file = f"{folder.path}/depth/{self.first_split()}"
        return (
            f'import numpy, PIL.Image, pathlib; file = sorted(pathlib.Path("{file}").iterdir())[0]\n'
            f"metres = numpy.asarray(PIL.Image.open(file)) / {self._scale:g}  # 0 = no depth\n"
            f"# or train: yolo depth train data={folder.path.resolve()}/data.yaml model=yolo26n-depth.pt"
        )
