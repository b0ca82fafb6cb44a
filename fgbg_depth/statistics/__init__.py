"""Exact statistics of stored pixels and numbers, as sums that can be added over rows, shards and machines."""

from fgbg_depth.statistics.column_sums import COLUMN_BINS, ColumnSums
from fgbg_depth.statistics.depth_sums import DEPTH_BINS, DepthSums
from fgbg_depth.statistics.moments import histogram_moments, moments
from fgbg_depth.statistics.rows import COVERAGE_BINS, HEAT_CELLS, CountedMatte, Sums
from fgbg_depth.statistics.table_columns import count_columns

__all__ = [
    "COLUMN_BINS",
    "COVERAGE_BINS",
    "DEPTH_BINS",
    "HEAT_CELLS",
    "ColumnSums",
    "CountedMatte",
    "DepthSums",
    "Sums",
    "count_columns",
    "histogram_moments",
    "moments",
]
