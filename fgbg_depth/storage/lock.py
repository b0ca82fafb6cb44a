"""Locks on an open file that exclude other processes: exclusive for a build, shared for the slices of one build.

The operating system releases them when the process ends, also when it was killed, so no lock is ever left behind.
Both implementations are the standard library's. `filelock.FileLock` has no shared mode; `filelock.ReadWriteLock` is an
SQLite database, which reports a file system without locks as locked and needs hard links in a folder that a group may
write; `portalocker` needs pywin32 for a shared lock on Windows.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

# Windows' locks forbid other processes to read the bytes, so these lie far behind the end of the file.
FIRST_BYTE, NUM_BYTES = 2**30, 2**20


@contextmanager
def locked(file: BinaryIO, shared: bool) -> Iterator[None]:
    """Hold a lock on `file`, open for reading and writing; does not wait.

    Where the file system has no locks (some clusters mount theirs so), nothing is held and nothing is raised.

    Raises:
        BlockingIOError, PermissionError: another process, or another open file of this one, holds a lock that
            excludes this one.
    """
    release: Callable[[], None] | None
    try:
        release = _acquire(file, shared)
    except (BlockingIOError, PermissionError):
        raise
    except OSError:
        release = None
    try:
        yield
    finally:
        if release is not None:
            release()


def lock_bytes(lock: Callable[[int, int], None], shared: bool) -> tuple[int, int]:
    """Shared and exclusive locks out of exclusive ones on ranges of bytes, for Windows.

    An exclusive lock takes all `NUM_BYTES`. A shared one takes one of them at random, so that it excludes an exclusive
    one, and another shared one once in a million times; then it takes another byte.

    Args:
        lock: called with the first byte and the number of bytes.
    Returns:
        the range that was locked, as (first byte, number of bytes).
    Raises:
        PermissionError: `lock` raised it each time.
    Source: SQLite's locks on Windows 95, https://www.sqlite.org/src/file/src/os_win.c
    """
    attempts = 3 if shared else 1
    for attempt in range(attempts):
        first, count = (FIRST_BYTE + secrets.randbelow(NUM_BYTES), 1) if shared else (FIRST_BYTE, NUM_BYTES)
        try:
            lock(first, count)
            break
        except PermissionError:
            if attempt == attempts - 1:
                raise
    return first, count


if sys.platform == "win32":
    import msvcrt

    def _acquire(file: BinaryIO, shared: bool) -> Callable[[], None]:
        def change(mode: int, first: int, count: int) -> None:
            file.seek(first)
            msvcrt.locking(file.fileno(), mode, count)

        taken = lock_bytes(lambda first, count: change(msvcrt.LK_NBLCK, first, count), shared)
        return lambda: change(msvcrt.LK_UNLCK, *taken)  # closing the file would release it only after a while

else:
    import fcntl

    def _acquire(file: BinaryIO, shared: bool) -> Callable[[], None]:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        return lambda: fcntl.flock(file, fcntl.LOCK_UN)
