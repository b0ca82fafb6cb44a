"""One shard, finished or not there: compose its rows, label them, write one parquet file with one rename.

The file's name carries the digest of all that determines its content, so that it exists means that it is
done; its footer carries its statistics, so that no pixel is read again for the card.
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

CHUNK = 4 * ROW_GROUP  # rows in memory at once: 40 MB at 224x224 with depth, and ten times that while they are written


@dataclass(frozen=True)
class ShardTask:
    """One shard to make."""

    shard: Shard
    reuse_from: str | None = None  # a finished shard with the same composites and other labels

    @property
    def path(self) -> str:
        return self.shard.path

    @property
    def rows(self) -> int:
        return self.shard.rows


@dataclass(frozen=True)
class ShardJob:
    """All that a worker needs to make any shard of a build; small enough to send anywhere."""

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

    def worker(self, index: int = 0) -> ShardMaker:
        """A maker for one worker; `index` chooses among several GPUs."""

        def load() -> Labeller:
            assert self.spec is not None
            return models.load_labeller(self.recipe, self.spec, self.device, index)

        storage = Storage(self.output)
        return ShardMaker(self.recipe, self.spec, storage, Prepared.load(storage, self.bg_file, self.fg_file), load)


@dataclass
class ShardMaker:
    """Makes shards of one recipe into one output. One a process; loads sources and model when first needed."""

    recipe: Recipe
    spec: DepthSpec | None
    storage: Storage
    prepared: Prepared
    load_labeller: Callable[[], Labeller]
    _labeller: Labeller | None = None

    def make(self, task: ShardTask, on_rows: OnRows = lambda rows: None) -> ShardResult:
        """Make one shard.

        Args:
            on_rows: called several times, with the number of rows finished since the last call.
        Raises:
            ShardError: something failed; the message names the shard. Nothing is left behind.
        """
        shard, reuse_from = task.shard, task.reuse_from
        sums = Sums(self.recipe.size, depth_top=self.spec.levels if self.spec else 0)
        rows = self._composed(shard, sums) if reuse_from is None else self._reused(reuse_from, sums)
        # without labels nothing decodes whole images, and composing counts pixels cheaper
        label = LabelBatch(self._ready_labeller(), sums, reuse_from is None and self.spec is not None, on_rows)
        columns = schema.features(depth=self.spec is not None)

        def tables() -> Iterator[pa.Table]:
            for table in rows:
                yield self._labelled(table, label, shard, columns)

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
            written = write_parquet(self.storage, shard.path, columns, tables(), footer)
        except FgBgError:
            raise
        except Exception as e:
            raise ShardError(
                f"{shard.path}: {type(e).__name__}: {e}\n  Nothing of this shard was kept; the finished ones are."
            ) from e
        return ShardResult(shard.path, shard.rows, written)

    def _ready_labeller(self) -> Labeller | None:
        if self.spec is not None and self._labeller is None:
            self._labeller = self.load_labeller()
        return self._labeller

    def _composed(self, shard: Shard, sums: Sums) -> Iterator[pa.Table]:
        background = self.prepared.background(shard.bg)
        count_images = self.spec is None
        rows = (
            row
            for name in shard.fgs
            for row in compose_rows(self.recipe, background, self.prepared.cutout(name), sums, count_images)
        )
        columns = schema.features(depth=False).arrow_schema
        chunk_rows = CHUNK if self.spec else ROW_GROUP  # a labeller wants many; memory that is used again is faster
        while chunk := list(islice(rows, chunk_rows)):
            yield _table(chunk, columns)

    def _reused(self, path: str, sums: Sums) -> Iterator[pa.Table]:
        columns = schema.features(depth=False).arrow_schema
        measure(self.storage, path)  # raises where the file is damaged
        with self.storage.open(path) as f:
            file = pq.ParquetFile(f)
            counted = read_footer(file)["statistics"]
            images_only = {k: v for k, v in counted.items() if not k.startswith("depth_")}
            sums.add(Sums.from_dict({**images_only, "depth_top": sums.depth_top}))
            for batch in file.iter_batches(CHUNK, columns=columns.names):
                yield pa.Table.from_batches([batch]).cast(columns)

    def _labelled(self, table: pa.Table, label: LabelBatch, shard: Shard, columns: Features) -> pa.Table:
        from datasets import Dataset, Image

        if label.labeller is None:
            label.on_rows(len(table))
            return table
        encoded = {k: Image(decode=False) if isinstance(v, Image) else v for k, v in columns.items()}
        rows = Dataset(table).cast_column("fg_bg", Image(decode=False)).cast_column("fg_bg_mask", Image(decode=False))
        with _quiet_datasets():
            rows = rows.map(
                label,
                batched=True,
                batch_size=CHUNK,
                input_columns=["fg_bg"],
                features=type(columns)(encoded),
                keep_in_memory=True,
                new_fingerprint=shard.name.digest,  # hashing a model to make one costs 165 ms
            )
        return rows.data.table.select(columns.arrow_schema.names).cast(columns.arrow_schema)


def _table(rows: list[dict[str, Any]], columns: pa.Schema) -> pa.Table:
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
def _quiet_datasets() -> Iterator[None]:
    """No bar for each map call: the command has one of its own."""
    from datasets import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()
