"""Count the columns of a table that hold no image and have statistics."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from fgbg_depth.schema import Column
from fgbg_depth.statistics.rows import Sums


def count_columns(sums: Sums, columns: Iterable[Column], table: pa.Table) -> None:
    """Add the values of the columns that have a histogram, or whose texts are counted."""
    for column in columns:
        if column.histogram is not None:
            sums.add_values(column.name, column.histogram, table[column.name].to_numpy())
        elif column.counted:
            sums.add_texts(column.name, table[column.name].to_pylist())
