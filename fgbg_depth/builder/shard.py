"""Build one shard: compose its rows, label them, write one parquet file.

The file's name has the digest of everything that determines its content, so a shard is finished if its file exists.
The file's footer has the statistics of its rows, so the card needs to read no pixel again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from fgbg_depth import schema
from fgbg_depth.depth import models
from fgbg_depth.depth.label_batch import LabelBatch
from fgbg_depth.depth.models import Labeller
from fgbg_depth.engine.job import OnRows, ShardResult
from fgbg_depth.errors import FgBgError, ShardError
from fgbg_depth.plan import Shard
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.compose import compose_rows
from fgbg_depth.sources.prepared import Prepared
from fgbg_depth.statistics import Sums
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import ROW_GROUP, measure, read_footer, write_parquet

if TYPE_CHECKING:
    from datasets import Features

    from fgbg_depth.depth.spec import DepthSpec

# Rows in memory at once where there are labels: 40 MB at 224x224, and ten times that while they are written.
LABELLED_ROWS = 4 * ROW_GROUP


def composing_counts_images(spec: DepthSpec | None) -> bool:
    """Whether the pixels of fg_bg are counted while composing; if not, they are counted while labelling.

    Stored JPEGs must be decoded to be counted. Composing would decode only the strips that the cut-out touches;
    labelling decodes whole images in any case, so in a labelled build it counts.
    """
    # CPU time a row of a labelled build, counted while composing and while labelling; 224x224, 2 workers, medians of 5
    # alternating runs, two series: 3.31 and 2.90 ms, 3.18 and 2.92 ms with a labeller that costs the CPU almost
    # nothing, as on a GPU (9 to 14 % more); with the bundled network on the CPU 17 ms and no difference beyond noise.
    return spec is None


@dataclass(frozen=True)
class ShardTask:
    """One shard to build."""

    shard: Shard
    reuse_from: str | None = None  # path of a finished shard with the same composites and other labels

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
    bg_file: str
    fg_file: str
    device: str = "auto"

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.bg_file, self.fg_file

    @property
    def uses_gpus(self) -> bool:
        return self.spec is not None and self.device in ("auto", "cuda")

    def at(self, output: str) -> ShardJob:
        return dataclasses.replace(self, output=output)

    def worker(self, index: int = 0) -> ShardBuilder:
        """A builder for one worker process; `index` chooses among several GPUs."""

        def load_labeller() -> Labeller:
            assert self.spec is not None
            return models.load_labeller(self.recipe, self.spec, self.device, index)

        storage = Storage(self.output)
        prepared = Prepared.load(storage, self.bg_file, self.fg_file)
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
        shard = task.shard
        sums = Sums(self.recipe.size, depth_top=self.spec.levels if self.spec else 0)
        columns = schema.features(depth=self.spec is not None)
        if self.spec is not None and self._labeller is None:
            self._labeller = self.load_labeller()

        def footer() -> dict[str, Any]:
            return {
                "format": schema.FORMAT,
                "rows": shard.rows,
                "compose_digest": shard.compose_digest,
                "label_digest": shard.label_digest,
                "statistics": sums.to_dict(),
                "depth": self.spec.to_dict() if self.spec else None,
            }

        try:
            tables = self._tables(task, sums, columns, on_rows)
            written = write_parquet(self.storage, shard.path, columns, tables, footer)
        except FgBgError:
            raise
        except Exception as e:
            raise ShardError(
                f"{shard.path}: {type(e).__name__}: {e}\n  Nothing of this shard was written; finished shards are kept."
            ) from e
        return ShardResult(shard.path, shard.rows, written)

    def _tables(self, task: ShardTask, sums: Sums, columns: Features, on_rows: OnRows) -> Iterator[pa.Table]:
        """The shard's rows, composed or reused, with labels if the recipe has a depth model; counted into `sums`."""
        reused = task.reuse_from
        tables = self._composed(task.shard, sums) if reused is None else self._reused(reused, sums)
        if self._labeller is None:
            for table in tables:
                on_rows(len(table))
                yield table
            return
        count_images = reused is None and not composing_counts_images(self.spec)
        label = LabelBatch(self._labeller, sums, count_images, on_rows)
        for table in tables:
            yield _labelled(table, label, task.shard.name.digest, columns)

    def _composed(self, shard: Shard, sums: Sums) -> Iterator[pa.Table]:
        background = self.prepared.background(shard.bg)
        count_images = composing_counts_images(self.spec)
        rows = (
            row
            for name in shard.fgs
            for row in compose_rows(self.recipe, background, self.prepared.cutout(name), sums, count_images)
        )
        columns = schema.features(depth=False).arrow_schema
        chunk_rows = LABELLED_ROWS if self.spec else ROW_GROUP  # small chunks reuse memory, which is faster
        while chunk := list(islice(rows, chunk_rows)):
            yield _to_table(chunk, columns)

    def _reused(self, path: str, sums: Sums) -> Iterator[pa.Table]:
        """The rows of a finished shard without its labels."""
        columns = schema.features(depth=False).arrow_schema
        measure(self.storage, path)  # raises ShardError if the file is damaged
        with self.storage.open(path) as f:
            file = pq.ParquetFile(f)
            counted = read_footer(file)["statistics"]
            images_only = {k: v for k, v in counted.items() if not k.startswith("depth_")}
            sums.add(Sums.from_dict({**images_only, "depth_top": sums.depth_top}))
            for batch in file.iter_batches(LABELLED_ROWS, columns=columns.names):
                yield pa.Table.from_batches([batch]).cast(columns)


def _labelled(table: pa.Table, label: LabelBatch, fingerprint: str, columns: Features) -> pa.Table:
    from datasets import Dataset, Image

    encoded = {k: Image(decode=False) if isinstance(v, Image) else v for k, v in columns.items()}
    rows = Dataset(table).cast_column("fg_bg", Image(decode=False)).cast_column("fg_bg_mask", Image(decode=False))
    with _no_datasets_bars():
        rows = rows.map(
            label,
            batched=True,
            batch_size=LABELLED_ROWS,
            input_columns=["fg_bg"],
            features=type(columns)(encoded),
            keep_in_memory=True,
            new_fingerprint=fingerprint,  # datasets would hash the model to make one, which costs 165 ms
        )
    return rows.data.table.select(columns.arrow_schema.names).cast(columns.arrow_schema)


def _to_table(rows: list[dict[str, Any]], columns: pa.Schema) -> pa.Table:
    """`pa.Table.from_pylist`, column by column, which takes 4 instead of 11 us a row."""
    arrays = []
    for column in columns:
        values = [row[column.name] for row in rows]
        if pa.types.is_struct(column.type):
            data = pa.array([value["bytes"] for value in values], pa.binary())
            arrays.append(
                pa.StructArray.from_arrays([data, pa.nulls(len(values), pa.string())], fields=list(column.type))
            )
        else:
            arrays.append(pa.array(values, column.type))
    return pa.Table.from_arrays(arrays, schema=columns)


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
