"""A finished shard whose composites, and perhaps predicted labels, another shard reuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from fgbg_depth import schema
from fgbg_depth.statistics import Sums
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import measure, read_record

if TYPE_CHECKING:
    from fgbg_depth.depth.spec import DepthSpec


@dataclass(frozen=True)
class ReusedShard:
    """A finished shard with the same composites.

    Args:
        record: of its footer.
        has_predicted: its predicted labels are those that are wanted, so they are reused, too.
        extras: what its rows have besides, of `schema.EXTRAS`.
    """

    storage: Storage
    path: str
    record: dict[str, Any]
    has_predicted: bool
    extras: Sequence[str] = ()

    @classmethod
    def open(
        cls,
        storage: Storage,
        path: str,
        labels: Sequence[str],
        extras: Sequence[str],
        spec: DepthSpec | None,
        bg_depth: str,
    ) -> ReusedShard | None:
        """Check a shard and read its footer.

        Args:
            labels: the kinds of labels that are wanted, of `schema.LABELS`.
            extras: what the rows of the recipe have besides, of `schema.EXTRAS`.
            spec: of the wanted labels.
            bg_depth: digest of the background's depth, with which predicted labels are compared.
        Returns:
            None if its images cannot be reused: its cut-outs stand on another ground than the background has now.
        Raises:
            ShardError: the file is damaged.
        """
        measure(storage, path)
        record = read_record(storage, path)
        if schema.GROUND in extras and record["bg_depth"] != bg_depth:
            return None
        same_spec = spec is not None and (record["depth"] or {}) | {"license": ""} == spec.to_dict() | {"license": ""}
        has_column = schema.LABELS[schema.PREDICTED] in record["statistics"]["depths"]
        same_labels = same_spec and has_column and record["bg_depth"] == bg_depth
        return cls(storage, path, record, schema.PREDICTED in labels and same_labels, extras)

    def tables(self, sums: Sums, num_rows: int) -> Iterator[pa.Table]:
        """The rows without labels, or with the predicted ones, at most `num_rows` a table; their sums go to `sums`."""
        stored = Sums.from_dict(self.record["statistics"])
        column = schema.LABELS[schema.PREDICTED]
        kept = schema.label_columns(schema.PREDICTED) if self.has_predicted else ()
        composed = [c.name for c in schema.columns(labels=(), extras=self.extras)]
        names = [*composed, *kept]
        sums.reuse(stored, [column] if self.has_predicted else [], names)
        with self.storage.open(self.path) as f:
            for batch in pq.ParquetFile(f).iter_batches(num_rows, columns=names):
                yield pa.Table.from_batches([batch])
