"""Label the rows of one shard: predicted depth, placed depth, and the checks of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fgbg_depth import schema
from fgbg_depth.builder.row_shapes import RowShape, RowShapes
from fgbg_depth.depth.checks import check_label
from fgbg_depth.depth.label_batch import LabelBatch
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

if TYPE_CHECKING:
    from datasets import Features


class RowChecks:
    """Checks the labels of the rows of a table.

    It is an object of its own because `LabelBatch` keeps it: a labeller whose `LabelBatch` were part of a circle of
    references would end its process, or free its device, only when Python looks for circles.
    """

    def __init__(self, spec: DepthSpec, background: Stored, shapes: RowShapes) -> None:
        self._spec, self._background, self._shapes = spec, background, shapes
        self.facts: list[dict[str, Any]] = []  # of the table that is being labelled

    def predicted(self, index: int, stored: Stored) -> dict[str, np.float32]:
        """The checks of the predicted label of a row, by column."""
        return self._of(PREDICTED, self._shapes.of_row(self.facts[index]), stored, self._background)

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
        self._predict = LabelBatch(labeller, sums, count_images, on_rows, self._checks.predicted) if labeller else None
        column, labels = schema.LABELS[PLACED], recipe.labels
        self._placed = PlacedLabels(background.depth, spec, sums.depths[column]) if PLACED in labels else None
        self._columns, self._facts = schema.features(labels=labels, extras=extras), shapes.columns

    def __call__(self, table: pa.Table, fingerprint: str) -> pa.Table:
        """The table with all columns of the default config.

        Args:
            fingerprint: any text that identifies the table's content, for `datasets`.
        Raises:
            ShardError: the labels do not fit the images.
        """
        self._checks.facts = table.select(self._facts).to_pylist()
        if self._predict is not None:
            table = _map(table, self._predict, fingerprint, _without(self._columns, schema.label_columns(PLACED)))
        if self._placed is not None:
            table = self._add_placed(table, self._placed)
        if self._predict is None:  # it reports its rows itself
            self._on_rows(len(table))
        table = table.select(self._columns.arrow_schema.names).cast(self._columns.arrow_schema)
        self._count_columns(table)
        return table

    def _count_columns(self, table: pa.Table) -> None:
        """Add the columns of numbers that were filled here to the sums."""
        filled = [label for label, made in ((PREDICTED, self._predict), (PLACED, self._placed)) if made is not None]
        composed = schema.fact_columns(labels=())
        count_columns(self._sums, [c for c in schema.columns(labels=filled) if c.name not in composed], table)

    def _add_placed(self, table: pa.Table, placed: PlacedLabels) -> pa.Table:
        images: list[bytes] = []
        values: dict[str, list[np.float32]] = {name: [] for name in schema.CHECKS[PLACED].values()}
        for facts in self._checks.facts:
            shape = self._shapes.of_row(facts)
            stored, data = placed.label(shape.cutouts)
            images.append(data)
            for name, value in self._checks.placed(shape, stored).items():
                values[name].append(value)
        placed.flush()
        types = self._columns.arrow_schema
        field = types.field(schema.LABELS[PLACED])
        table = table.append_column(field, image_array(images, field.type))
        for name, column in values.items():
            table = table.append_column(types.field(name), pa.array(column, types.field(name).type))
        return table


def _without(columns: Features, names: Sequence[str]) -> Features:
    return type(columns)({name: feature for name, feature in columns.items() if name not in names})


def _map(table: pa.Table, label: LabelBatch, fingerprint: str, columns: Features) -> pa.Table:
    """`table` with the columns that `label` returns; one call of `Dataset.map` on all rows."""
    from datasets import Dataset, Image

    encoded = {k: Image(decode=False) if isinstance(v, Image) else v for k, v in columns.items()}
    rows = Dataset(table).cast_column("fg_bg", Image(decode=False)).cast_column("fg_bg_mask", Image(decode=False))
    with _no_datasets_bars():
        rows = rows.map(
            label,
            batched=True,
            batch_size=len(table),
            input_columns=["fg_bg"],
            features=type(columns)(encoded),
            keep_in_memory=True,
            new_fingerprint=fingerprint,  # datasets would hash the model to make one, which costs 165 ms
        )
    return rows.data.table.select(columns.arrow_schema.names).cast(columns.arrow_schema)


@contextmanager
def _no_datasets_bars() -> Iterator[None]:
    """Hide the progress bar of each map call; the build has one of its own."""
    from datasets import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()
