"""The result of `verify`, and what its lines say to do. `tests/test_repair.py` follows each advice."""

from __future__ import annotations

from dataclasses import dataclass

from fgbg_depth import schema

WRITE_AGAIN = "Build again; no finished shard is built again."
BUILD_SHARD_AGAIN = "Build again; only this shard is built."
BUILD_MISSING = "Build again; only missing shards are built."
DELETE_AGAIN = "Build again; this file is deleted."


@dataclass(frozen=True)
class Problem:
    """One problem of an output.

    Args:
        path: the file's path below the output.
        what: what is wrong with it; a sentence without its full stop.
        advice: what to do; sentences.
        also: other files that the next build must write again.
    """

    path: str
    what: str
    advice: str
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.what}. {self.advice}"

    @property
    def to_write_again(self) -> tuple[str, ...]:
        """The files that the next build must write again, or delete; none if a person has to act."""
        return (self.path, *self.also) if self.advice.startswith("Build again") else self.also


@dataclass(frozen=True)
class VerifyReport:
    """What was checked, and what is wrong.

    Args:
        output: folder or URL.
        problems: one line for each: the file's path, what is wrong, and what to do.
        notes: one line each; worth knowing, but not wrong.
        files, bytes: number and size of the files whose SHA-256 was compared.
        rows: number of rows whose columns were compared with recipe and sources.
        remade: number of these rows that were composed again and compared byte by byte.
        relabelled: number of rows whose depth was predicted again.
        repair: the command that builds again what is damaged; "" if there is nothing to build, or if a line names it.
    """

    output: str
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    files: int = 0
    bytes: int = 0
    rows: int = 0
    remade: int = 0
    relabelled: int = 0
    elapsed_s: float = 0.0
    repair: str = ""

    @property
    def ok(self) -> bool:
        """Whether the output is complete and correct."""
        return not self.problems

    def summary(self) -> str:
        """One line for people; with problems, a second line with the command that builds again."""
        rate = self.rows / max(self.elapsed_s, 1e-9)
        found = "no problem" if self.ok else f"{len(self.problems)} problem{'s' * (len(self.problems) != 1)}"
        line = (
            f"{self.output}: {found}; {self.files:,} file{'s' * (self.files != 1)} "
            f"({self.bytes / 1e6:,.0f} MB) hashed, {self.rows:,} row{'s' * (self.rows != 1)} compared with the recipe, "
            f"{self.remade:,} composed again, "
            f"{self.relabelled:,} labelled again, in {self.elapsed_s:.1f} s ({rate:,.0f} rows/s)"
        )
        return f"{line}\nto build again: {self.repair}" if self.repair else line


def build_again(path: str) -> str:
    """For a parquet file that is missing or has wrong content."""
    return BUILD_SHARD_AGAIN if path.startswith(f"{schema.DATA}/") else WRITE_AGAIN
