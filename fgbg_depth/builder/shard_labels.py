"""Label the rows of one shard: predicted depth, placed depth, and the checks of both."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fgbg_depth import schema
from fgbg_depth.builder.row_shapes import RowShape, RowShapes
from fgbg_depth.depth.checks import check_label
from fgbg_depth.depth.label_batch import Facts, LabelStream, PredictedLabel, StoredRow
from fgbg_depth.depth.models import Labeller
from fgbg_depth.depth.placed import Stored
from fgbg_depth.depth.placed_labels import PlacedLabels
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.engine.job import OnRows
from fgbg_depth.errors import ShardError
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.inputs import Background
from fgbg_depth.schema import PLACED, PREDICTED
from fgbg_depth.statistics import Sums, count_columns
from fgbg_depth.storage.parquet import image_array


class RowChecks:
    """Checks the labels of rows.

    It is an object of its own because `LabelStream` keeps it: a labeller whose `LabelStream` were part of a circle of
    references would end its process, or free its device, only when Python looks for circles.
    """

    def __init__(self, spec: DepthSpec, background: Stored, shapes: RowShapes) -> None:
        self._spec, self._background, self._shapes = spec, background, shapes

    def predicted(self, facts: Facts, stored: Stored) -> dict[str, np.float32]:
        """The checks of the predicted label of a row, by column."""
        return self._of(PREDICTED, self._shapes.of_row(facts), stored, self._background)

    def placed(self, shape: RowShape, stored: Stored) -> dict[str, np.float32]:
        """The checks of the placed label of a row, by column."""
        return self._of(PLACED, shape, stored, None)

    def _of(self, label: str, shape: RowShape, stored: Stored, background: Stored | None) -> dict[str, np.float32]:
        found = check_label(stored, background, shape.outline, shape.x, shape.y, self._spec)._asdict()
        return {column: found[name] for name, column in schema.CHECKS[label].items()}


class ShardLabels:
    """Adds the label columns to tables of composed rows, all on one background.

    Args:
        recipe: decides the columns.
        spec: of the labels.
        background: with its depth.
        shapes: of the rows' cut-outs.
        sums: the labels' values are added to it.
        labeller: predicts depth; None if no label is predicted, or if the tables have those labels already.
        count_images: also add the pixels of fg_bg to `sums` while they are decoded.
        on_rows: called with the number of rows that were labelled since the last call.
    """

    def __init__(
        self,
        recipe: Recipe,
        spec: DepthSpec,
        background: Background,
        shapes: RowShapes,
        sums: Sums,
        labeller: Labeller | None,
        count_images: bool,
        on_rows: OnRows,
        extras: Sequence[str],
    ) -> None:
        if background.depth is None:
            raise ShardError(f"the background {background.name!r} has no depth in the config bg")
        self._shapes, self._checks = shapes, RowChecks(spec, background.depth, shapes)
        self._sums, self._on_rows = sums, on_rows
        self._predict = LabelStream(labeller, sums, count_images, on_rows, self._checks.predicted) if labeller else None
        column, labels = schema.LABELS[PLACED], recipe.labels
        self._placed = PlacedLabels(background.depth, spec, sums.depths[column]) if PLACED in labels else None
        self._columns, self._facts = schema.features(labels=labels, extras=extras), shapes.columns

    def tables(self, composed: Iterable[pa.Table], num_rows: int) -> Iterator[pa.Table]:
        """The tables with all columns of the default config.

        Args:
            composed: read a few batches ahead where labels are predicted.
            num_rows: of all tables together.
        Raises:
            ShardError: the labels do not fit the images, or an image is damaged.
        """
        for table, facts in self._predicted(composed, num_rows):
            if self._placed is not None:
                table = self._add_placed(table, facts, self._placed)
            if self._predict is None:  # it reports its rows itself
                self._on_rows(len(table))
            table = table.select(self._columns.arrow_schema.names).cast(self._columns.arrow_schema)
            self._count_columns(table)
            yield table

    def _predicted(self, composed: Iterable[pa.Table], num_rows: int) -> Iterator[tuple[pa.Table, list[Facts]]]:
        """The tables with predicted labels, unless they have them already, and the facts of their rows."""
        if self._predict is None:
            for table in composed:
                yield table, table.select(self._facts).to_pylist()
            return
        waiting: deque[tuple[pa.Table, list[Facts]]] = deque()

        def rows() -> Iterator[StoredRow]:
            for table in composed:
                facts = table.select(self._facts).to_pylist()
                waiting.append((table, facts))
                yield from map(StoredRow, pc.struct_field(table["fg_bg"], "bytes").to_pylist(), facts)

        labels: list[PredictedLabel] = []
        for label in self._predict.label(rows(), num_rows):
            labels.append(label)
            if len(labels) == len(waiting[0][0]):
                table, facts = waiting.popleft()
                yield self._with_labels(table, PREDICTED, [x.image for x in labels], [x.checks for x in labels]), facts
                labels = []

    def _with_labels(
        self, table: pa.Table, label: str, images: Sequence[bytes], checks: Sequence[Mapping[str, np.float32]]
    ) -> pa.Table:
        """The table with the columns of one kind of label."""
        types = self._columns.arrow_schema
        field = types.field(schema.LABELS[label])
        table = table.append_column(field, image_array(images, field.type))
        for name in schema.CHECKS[label].values():
            field = types.field(name)
            table = table.append_column(field, pa.array([values[name] for values in checks], field.type))
        return table

    def _count_columns(self, table: pa.Table) -> None:
        """Add the columns of numbers that were filled here to the sums."""
        filled = [label for label, made in ((PREDICTED, self._predict), (PLACED, self._placed)) if made is not None]
        composed = schema.fact_columns(labels=())
        count_columns(self._sums, [c for c in schema.columns(labels=filled) if c.name not in composed], table)

    def _add_placed(self, table: pa.Table, facts: Sequence[Facts], placed: PlacedLabels) -> pa.Table:
        images, checks = [], []
        for row in facts:
            shape = self._shapes.of_row(row)
            stored, data = placed.label(shape.cutouts)
            images.append(data)
            checks.append(self._checks.placed(shape, stored))
        placed.flush()
        return self._with_labels(table, PLACED, images, checks)
