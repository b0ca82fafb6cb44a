"""The progress bar of commands that go through the rows of a finished output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def rows_bar() -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr; yields a function that takes (rows done, rows in all)."""
    from tqdm import tqdm

    with tqdm(unit=" rows", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
