"""One shard: its hash, footer, columns and images, compared with statistics.json, recipe and sources."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fgbg_depth import schema
from fgbg_depth.builder.row_composers import Facts, RowComposer
from fgbg_depth.errors import FgBgError, ShardError
from fgbg_depth.manifest import FileEntry
from fgbg_depth.plan import Plan
from fgbg_depth.read.parquet import open_parquet, read_row_groups
from fgbg_depth.read.spread import GOLDEN_RATIO
from fgbg_depth.render.inputs import Background
from fgbg_depth.sources.classes import SourceClasses
from fgbg_depth.statistics import Sums, count_columns
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import is_written_as, read_footer
from fgbg_depth.verify.expected import Expected
from fgbg_depth.verify.files import check_hash
from fgbg_depth.verify.report import Problem, build_again
from fgbg_depth.verify.row_images import check_coverage, check_images, count_images
from fgbg_depth.verify.row_labels import check_labels_of_row

SAMPLED_ROWS = 3  # of each shard that are composed again, unless all are


@dataclass
class ShardCheck:
    """What the check of a shard, or of several, found.

    Args:
        problems: what is wrong.
        sums: statistics in the footer; None: the shard has a problem.
        rows: number of rows whose columns were compared.
        remade: number of rows that were composed again.
        reencoded: number of these that have the right pixels in other bytes.
        not_rewritten: number of shards whose parquet footers could not be compared with those of this version.
    """

    problems: list[Problem] = field(default_factory=list)
    sums: Sums | None = None
    rows: int = 0
    remade: int = 0
    reencoded: int = 0
    not_rewritten: int = 0

    def add(self, other: ShardCheck) -> None:
        """Add the problems and numbers of another check, without its sums."""
        self.problems += other.problems
        self.rows += other.rows
        self.remade += other.remade
        self.reencoded += other.reencoded
        self.not_rewritten += other.not_rewritten


def check_shard(
    storage: Storage,
    path: str,
    entry: FileEntry,
    expected: Expected | None,
    *,
    full: bool = False,
    shard_index: int = 0,
) -> ShardCheck:
    """Check one shard that exists. Only its first problem is reported, since others follow from it.

    Args:
        entry: its rows, bytes and SHA-256 in `statistics.json`.
        expected: what the output should contain; None if that is not known: only bytes and footer are checked.
        full: compose all rows again, compute the statistics from the pixels, and write the file again to compare
            parquet's own footer and index.
        shard_index: position of the shard among all; it spreads the sampled rows over cut-outs.
    """
    check = ShardCheck()
    try:
        if problem := check_hash(storage, path, entry.sha256):
            if _is_of_another_build(storage, path):
                problem = Problem(path, "a shard of another recipe or of other sources", build_again(path))
            check.problems.append(problem)
            return check
        with open_parquet(storage, path) as parquet:
            footer = read_footer(parquet)
            _check_footer(path, parquet, footer, entry, expected.plan if expected else None)
            check.sums = Sums.from_dict(footer["statistics"])
            if expected is not None and path in expected.shards:
                shard = expected.shards[path]
                background = expected.prepared.background(shard.bg)
                composer = expected.composers.of(background, shard.fgs)
                rows = list(composer.facts())
                _check_facts(parquet, rows)
                _check_classes(parquet, expected.prepared.classes)
                if footer["bg_depth"] != background.depth_digest:
                    raise ShardError("its labels were made with another depth of the background than the config bg has")
                check.rows = entry.rows
                _check_images(parquet, rows, composer, background, expected.plan, check, full, shard_index)
        if full and expected is not None:
            columns = schema.features(labels=expected.plan.labels, extras=expected.plan.extras)
            is_same = is_written_as(storage, path, columns)
            check.not_rewritten += is_same is None
            if is_same is False:
                raise ShardError("parquet's footer or index in it is not the one of its rows: the file has changed")
    except (FgBgError, pa.ArrowException, OSError, LookupError, ValueError, TypeError, AttributeError) as e:
        reason = " ".join(str(e).split()) or type(e).__name__
        check.problems.append(Problem(path, reason, build_again(path)))
        check.sums = None
    return check


def _is_of_another_build(storage: Storage, path: str) -> bool:
    """Whether the file is an undamaged shard that has another shard's name."""
    try:
        with open_parquet(storage, path) as parquet:
            return _digest(read_footer(parquet)) != schema.ShardName.parse(path).digest
    except (ShardError, pa.ArrowException, OSError, KeyError):
        return False


def _digest(footer: Mapping[str, Any]) -> str:
    return f"{footer['compose_digest']}{footer['label_digest']}"


def _check_footer(
    path: str, parquet: pq.ParquetFile, footer: Mapping[str, Any], entry: FileEntry, plan: Plan | None
) -> None:
    """Compare a shard's record with its name, its rows and columns, and `statistics.json`."""
    num_rows = parquet.metadata.num_rows
    if not footer["rows"] == num_rows == entry.rows:
        raise ShardError(
            f"has {num_rows} rows, but its footer says {footer['rows']} and {schema.STATISTICS} {entry.rows}"
        )
    if _digest(footer) != schema.ShardName.parse(path).digest:
        raise ShardError("its footer is that of another recipe or of other sources")
    if plan is None:
        return
    if footer["depth"] != (plan.spec.to_dict() if plan.spec else None):
        raise ShardError(f"its footer describes another depth than {schema.STATISTICS}")
    columns = schema.features(labels=plan.labels, extras=plan.extras).arrow_schema
    stored = parquet.schema_arrow
    if stored.names != columns.names or stored.types != columns.types:
        raise ShardError(f"its columns are {_columns(stored)}; they should be {_columns(columns)}")


def _columns(arrow_schema: pa.Schema) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in zip(arrow_schema.names, arrow_schema.types, strict=True))


def _check_facts(parquet: pq.ParquetFile, expected: Sequence[Facts]) -> None:
    """Compare the columns without images of all rows."""
    columns = list(expected[0])
    table = read_row_groups(parquet, columns=columns)
    if table.num_rows != len(expected):
        raise ShardError(f"has {table.num_rows} rows; recipe and sources give {len(expected)}")
    for column in columns:
        stored = table.column(column).to_pylist()
        right = [row[column] for row in expected]
        if stored != right:
            row = next(i for i, (a, b) in enumerate(zip(stored, right, strict=True)) if a != b)
            raise ShardError(f"row {row}: {column} is {stored[row]!r}; recipe and sources give {right[row]!r}")


def _check_classes(parquet: pq.ParquetFile, classes: SourceClasses) -> None:
    """Compare the columns of classes of all rows; `bg` and `fg` are checked already."""
    if not classes.extras:
        return
    table = read_row_groups(parquet, columns=["bg", "fg", *classes.extras])
    for column, right in classes.expected(table).items():
        if table[column].combine_chunks() != right:
            stored, wanted = table[column].to_pylist(), right.to_pylist()
            row = next(i for i, (a, b) in enumerate(zip(stored, wanted, strict=True)) if a != b)
            raise ShardError(f"row {row}: {column} is {stored[row]!r}; its source has the class {wanted[row]!r}")


def _check_images(
    parquet: pq.ParquetFile,
    rows: Sequence[Facts],
    composer: RowComposer,
    background: Background,
    plan: Plan,
    check: ShardCheck,
    full: bool,
    shard_index: int,
) -> None:
    """Compose rows again and compare; with `full`, all of them, and compute the statistics from all pixels."""
    in_footer = check.sums
    assert in_footer is not None
    counted = in_footer.emptied() if full else None
    columns = schema.image_columns(labels=plan.labels, extras=plan.extras)
    declared = schema.columns(labels=plan.labels, extras=plan.extras)
    numbers = [column.name for column in declared if column.histogram is not None or column.counted]
    checks = [name for label in plan.labels for name in schema.CHECKS[label].values()]
    for group, first in _row_groups(parquet, full, shard_index):
        table = read_row_groups(parquet, [group], [*columns, *numbers])
        chosen = range(table.num_rows) if full else _spread_rows(table.num_rows, shard_index)
        for i in chosen:
            row = rows[first + i]
            try:
                images = {column: _bytes(table, column, i) for column in columns}
                composed = composer.pixels(row)
                same_bytes = check_images(images, row, composed, plan)
                if schema.SCENE in plan.extras:
                    check_coverage(table.column("coverage")[i].as_py(), composed)
                check.reencoded += not same_bytes
                found = {name: table.column(name)[i].as_py() for name in checks}
                check_labels_of_row(images, found, row, composer.shapes.of_row(row), plan, background)
                if counted is not None:
                    count_images(counted, images, plan)
            except ShardError as e:
                raise ShardError(f"row {first + i}: {e}") from e
            except OSError as e:
                raise ShardError(f"row {first + i}: an image does not decode ({e})") from e
        check.remade += len(chosen)
        if counted is not None:
            count_columns(counted, declared, table)
    if counted is not None:
        if counted.to_dict() != in_footer.to_dict():
            raise ShardError("the statistics in its footer are not those of its pixels")
        check.sums = counted


def _bytes(table: pa.Table, column: str, row: int) -> bytes:
    cell = table.column(column)[row].as_py()
    if not cell or not cell["bytes"]:
        raise ShardError(f"{column} is empty")
    return bytes(cell["bytes"])


def _row_groups(parquet: pq.ParquetFile, full: bool, shard_index: int) -> Iterator[tuple[int, int]]:
    """(position, number of its first row) of all row groups, or of one, another one for each shard."""
    only = int(math.fmod((shard_index + 0.5) * GOLDEN_RATIO, 1.0) * parquet.num_row_groups)
    first = 0
    for position in range(parquet.num_row_groups):
        if full or position == only:
            yield position, first
        first += parquet.metadata.row_group(position).num_rows


def _spread_rows(count: int, shard_index: int) -> list[int]:
    """Up to `SAMPLED_ROWS` of `count` rows, others for each shard."""
    steps = (shard_index + k / SAMPLED_ROWS + 0.1 for k in range(SAMPLED_ROWS))
    return sorted({int(math.fmod(step * GOLDEN_RATIO, 1.0) * count) for step in steps})
