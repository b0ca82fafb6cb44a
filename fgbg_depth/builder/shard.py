"""Build one shard: compose its rows, label them, write one parquet file.

The file's name has the digest of everything that determines its content, so a shard is finished if its file exists.
The file's footer has the statistics of its rows, so the card needs to read no pixel again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fgbg_depth import schema
from fgbg_depth.builder.reused_shard import ReusedShard
from fgbg_depth.builder.row_composers import RowComposer, RowComposers
from fgbg_depth.builder.shard_labels import ShardLabels
from fgbg_depth.depth import models
from fgbg_depth.depth.models import Labeller
from fgbg_depth.engine.job import OnRows, ShardResult
from fgbg_depth.errors import FgBgError, ShardError
from fgbg_depth.plan import Shard
from fgbg_depth.recipe import Recipe
from fgbg_depth.sources.prepared import Prepared
from fgbg_depth.statistics import DepthSums, Sums, count_columns
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import ROW_GROUP, image_array, write_parquet

if TYPE_CHECKING:
    from fgbg_depth.depth.spec import DepthSpec

# Rows in memory at once where there are labels: 40 MB at 224x224, and ten times that while they are written.
LABELLED_ROWS = 4 * ROW_GROUP


def composing_counts_images(labels: Sequence[str]) -> bool:
    """Whether the pixels of fg_bg are counted while composing; if not, they are counted while depth is predicted.

    Stored JPEGs must be decoded to be counted. Composing would decode only the strips that the cut-out touches;
    predicting decodes whole images in any case, so in a build with predicted labels it counts.

    Args:
        labels: the kinds of labels that every row gets, of `schema.LABELS`.
    """
    # CPU time a row of a labelled build, counted while composing and while labelling; 224x224, 2 workers, medians of 5
    # alternating runs, two series: 3.31 and 2.90 ms, 3.18 and 2.92 ms with a labeller that costs the CPU almost
    # nothing, as on a GPU (9 to 14 % more); with the bundled network on the CPU 17 ms and no difference beyond noise.
    return schema.PREDICTED not in labels


@dataclass(frozen=True)
class ShardTask:
    """One shard to build."""

    shard: Shard
    reuse_from: str | None = None  # path of a finished shard with the same composites; labels may differ

    @property
    def path(self) -> str:
        return self.shard.path

    @property
    def rows(self) -> int:
        return self.shard.rows


@dataclass(frozen=True)
class ShardJob:
    """Everything that a worker needs to build any shard; small enough to be sent to another machine."""

    recipe: Recipe
    spec: DepthSpec | None
    output: str
    bg_files: tuple[str, ...]
    fg_files: tuple[str, ...]
    device: str = "auto"

    @property
    def inputs(self) -> tuple[str, ...]:
        return *self.bg_files, *self.fg_files

    @property
    def uses_gpus(self) -> bool:
        return schema.PREDICTED in self.recipe.labels and self.device in ("auto", "cuda")

    def at(self, output: str) -> ShardJob:
        return dataclasses.replace(self, output=output)

    def worker(self, index: int = 0) -> ShardBuilder:
        """A builder for one worker process; `index` chooses among several GPUs."""

        def load_labeller() -> Labeller:
            assert self.spec is not None
            return models.load_labeller(self.recipe, self.spec, self.device, index)

        storage = Storage(self.output)
        prepared = Prepared.load(storage, self.bg_files, self.fg_files)
        return ShardBuilder(self.recipe, self.spec, storage, prepared, load_labeller)


@dataclass
class ShardBuilder:
    """Builds shards of one recipe into one output. A process has one; it loads the depth model when first needed."""

    recipe: Recipe
    spec: DepthSpec | None
    storage: Storage
    prepared: Prepared
    load_labeller: Callable[[], Labeller]
    _labeller: Labeller | None = None

    def build(self, task: ShardTask, on_rows: OnRows = lambda rows: None) -> ShardResult:
        """Build one shard.

        Args:
            on_rows: called several times, with the number of rows that were finished since the last call.
        Raises:
            ShardError: it failed; the message names the shard. No file is left behind.
        """
        shard, labels, classes = task.shard, self.recipe.labels, self.prepared.classes
        extras = (*self.recipe.extras, *classes.extras)
        background = self.prepared.background(shard.bg)
        composer = self._composers.of(background, shard.fgs)
        levels = self.spec.levels if self.spec else 0
        sums = Sums(self.recipe.size, {schema.LABELS[label]: DepthSums(levels) for label in labels})

        def footer() -> dict[str, Any]:
            return {
                "format": schema.FORMAT,
                "rows": shard.rows,
                "compose_digest": shard.compose_digest,
                "label_digest": shard.label_digest,
                "statistics": sums.to_dict(),
                "depth": self.spec.to_dict() if self.spec else None,
                "bg_depth": background.depth_digest,
            }

        reused = None
        if task.reuse_from:
            reused = ReusedShard.open(
                self.storage, task.reuse_from, labels, self.recipe.extras, self.spec, background.depth_digest
            )
        predicts = schema.PREDICTED in labels and not (reused and reused.has_predicted)
        if predicts and self._labeller is None:
            self._labeller = self.load_labeller()
        try:
            label = None
            if self.spec is not None:
                label = ShardLabels(
                    self.recipe,
                    self.spec,
                    background,
                    composer.shapes,
                    sums,
                    self._labeller if predicts else None,
                    count_images=reused is None and not composing_counts_images(labels),
                    on_rows=on_rows,
                    extras=extras,
                )
            composed = reused.tables(sums, LABELLED_ROWS) if reused else self._composed(composer, sums)
            composed = map(classes.added_to, composed)
            tables = label.tables(composed, shard.rows) if label else _counted(composed, on_rows)
            columns = schema.features(labels=labels, extras=extras)
            written = write_parquet(self.storage, shard.path, columns, tables, footer)
        except FgBgError:
            raise
        except Exception as e:
            raise ShardError(
                f"{shard.path}: {type(e).__name__}: {e}\n  Nothing of this shard was written; finished shards are kept."
            ) from e
        return ShardResult(shard.path, shard.rows, written)

    @cached_property
    def _composers(self) -> RowComposers:
        return RowComposers(self.recipe, self.prepared, self.spec)

    def _composed(self, composer: RowComposer, sums: Sums) -> Iterator[pa.Table]:
        labels, extras = self.recipe.labels, self.recipe.extras
        rows = composer.rows(sums, composing_counts_images(labels))
        declared = schema.columns(labels=(), extras=extras)
        columns = schema.features(labels=(), extras=extras).arrow_schema
        # small chunks reuse memory, which is faster; predicting wants large ones
        chunk_rows = LABELLED_ROWS if schema.PREDICTED in labels else ROW_GROUP
        while chunk := list(islice(rows, chunk_rows)):
            table = _to_table(chunk, columns)
            count_columns(sums, declared, table)
            yield table


def _counted(tables: Iterable[pa.Table], on_rows: OnRows) -> Iterator[pa.Table]:
    for table in tables:
        on_rows(len(table))
        yield table


def _to_table(rows: list[dict[str, Any]], columns: pa.Schema) -> pa.Table:
    """`pa.Table.from_pylist`, column by column, which takes 4 instead of 11 us a row."""
    arrays = []
    for column in columns:
        values = [row[column.name] for row in rows]
        if pa.types.is_struct(column.type):
            arrays.append(image_array([value["bytes"] for value in values], column.type))
        else:
            arrays.append(pa.array(values, column.type))
    return pa.Table.from_arrays(arrays, schema=columns)
