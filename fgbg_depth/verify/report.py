"""The result of `verify`, and what its lines say to do. `tests/test_verify.py` follows each advice."""

from __future__ import annotations

from dataclasses import dataclass

from fgbg_depth import schema
from fgbg_depth.read.files import build_command
from fgbg_depth.storage.files import Storage

WRITE_AGAIN = "Build again; no finished shard is built again."
WRITE_STATISTICS_AGAIN = f"Delete {schema.STATISTICS} and build again; no finished shard is built again."
# Without a recipe.yaml, `build` takes the folder for somebody else's; it writes the right one.
WRITE_RECIPE_AGAIN = (
    f"Create an empty {schema.RECIPE}, delete {schema.STATISTICS}, and run the original build command again (without "
    f"--recipe {schema.RECIPE}); no finished shard is built again."
)


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

    @property
    def ok(self) -> bool:
        """Whether the output is complete and correct."""
        return not self.problems

    def summary(self) -> str:
        """One line for people; with problems, a second line with the command that builds again."""
        rate = self.rows / max(self.elapsed_s, 1e-9)
        found = "no problem" if self.ok else f"{len(self.problems)} problem{'s' * (len(self.problems) != 1)}"
        line = (
            f"{self.output}: {found}; {self.files:,} files ({self.bytes / 1e6:,.0f} MB) hashed, "
            f"{self.rows:,} rows compared with the recipe, {self.remade:,} composed again, "
            f"{self.relabelled:,} labelled again, in {self.elapsed_s:.1f} s ({rate:,.0f} rows/s)"
        )
        is_known = self.files and not any(problem.startswith(schema.RECIPE) for problem in self.problems)
        return line if self.ok or not is_known else f"{line}\nto build again: {build_command(Storage(self.output))}"


def build_again(path: str) -> str:
    """For a missing parquet file."""
    return "Build again; only this shard is built." if _is_shard(path) else WRITE_AGAIN


def delete_and_build_again(path: str) -> str:
    """For a parquet file with wrong content."""
    return f"Delete it and build again; {'only this shard is built' if _is_shard(path) else 'no shard is built again'}."


def _is_shard(path: str) -> bool:
    return path.startswith(f"{schema.DATA}/")
