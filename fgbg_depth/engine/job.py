"""The interface between an engine and the build: jobs, tasks, workers and results.

Neither side imports the other's modules; the build's classes are `ShardJob`, `ShardTask` and `ShardBuilder`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from fgbg_depth.storage.files import FileInfo

OnRows = Callable[[int], None]  # called with the number of rows that were finished since the last call


@dataclass(frozen=True)
class ShardResult:
    """A finished shard: its path below the output, its rows, and the size and hash of its file."""

    path: str
    rows: int
    file: FileInfo


OnShard = Callable[[ShardResult], None]


class Task(Protocol):
    """One shard to build. Small and picklable."""

    @property
    def path(self) -> str:
        """The shard's path below the output."""

    @property
    def rows(self) -> int:
        """Rows that the shard will have."""


class Worker(Protocol):
    """Builds shards in one process, one after the other."""

    def build(self, task: Any, on_rows: OnRows = ...) -> ShardResult:
        """Build one shard. Raises FgBgError."""


class Job(Protocol):
    """Everything that a process needs to build any shard. Small and picklable, so it can be sent to another machine."""

    @property
    def output(self) -> str:
        """Folder or URL that the shards are written to."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Files below the output that every worker reads."""

    @property
    def uses_gpus(self) -> bool:
        """Whether workers run a depth model on GPUs where there are any."""

    def at(self, output: str) -> Job:
        """The same job with another address of the same output, such as an absolute path."""

    def worker(self, index: int = 0) -> Worker:
        """A worker; `index` chooses among several GPUs of one machine."""
