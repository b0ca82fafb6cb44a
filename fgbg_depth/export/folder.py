"""The folder of an export: what it is an export of, which blocks of rows are finished, and how files are written.

`export.json` says what the folder holds. While the export runs, the hidden folder `.export` has a record of each
finished block, renamed into place after the block's files were written. So a killed export continues with the first
block that has no record.
"""

from __future__ import annotations

import errno
import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from fgbg_depth.errors import OutputError
from fgbg_depth.storage.lock import locked

DESCRIPTION = "export.json"
RECORDS = ".export"
Part = dict[str, list[str]]  # lines of text by the file that they belong to


class ExportFolder:
    """A local folder that an export fills.

    Args:
        path: need not exist.
        identity: everything that decides what the folder will contain, as JSON types.
        description: what `export.json` says besides, for readers.
    """

    def __init__(self, path: str | Path, identity: Mapping[str, Any], description: Mapping[str, Any]) -> None:
        self.path, self._identity, self._description = Path(path).expanduser(), dict(identity), dict(description)
        self._made: set[str] = set()  # folders that exist
        self.num_bytes = 0  # of the export's files that this process wrote

    def is_complete(self) -> bool:
        """Whether the folder holds this export already. Nothing is written.

        Raises:
            OutputError: the folder has other files, or an export of something else.
        """
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"{self.path} is a file, not a folder.\n  Choose another DEST.")
        found = self._read()
        if found is None:
            others = sorted(p.name for p in self.path.iterdir() if p.name != RECORDS) if self.path.is_dir() else []
            if others:
                raise OutputError(
                    f"{self.path} is not empty and has no {DESCRIPTION}, so it is not an export: it contains "
                    f"{others[0]}{f' and {len(others) - 1} more' if others[1:] else ''}.\n"
                    "  Choose a new folder as DEST."
                )
            return False
        for key, value in self._identity.items():
            if found.get(key) != value:
                there, here = (_words(key, other) for other in (found.get(key), value))
                raise OutputError(
                    f"{self.path} holds another export: {there} there, {here} in this command.\n"
                    f"  Choose another DEST, or delete that export first: rm -r {shlex.quote(str(self.path))}"
                )
        return found.get("complete") is True

    @contextmanager
    def begin(self) -> Iterator[None]:
        """Lock the folder against other exports, without waiting, and say in `export.json` what it will hold.

        Raises:
            OutputError: another export holds the lock, or the folder cannot be written to.
        """
        with self._explained(RECORDS):
            (self.path / RECORDS).mkdir(parents=True, exist_ok=True)
            file = open(self.path / RECORDS / "lock", "a+b")  # noqa: SIM115 (closed below)
        with file, ExitStack() as stack:
            try:
                stack.enter_context(locked(file, False))
            except OSError as e:
                raise OutputError(
                    f"{self.path}: another export is writing to this folder.\n"
                    "  Wait until it has ended, or choose another DEST."
                ) from e
            self._describe(complete=False)
            yield

    def is_done(self, block: str) -> bool:
        """Whether a block of rows is finished."""
        return (self.path / RECORDS / f"{block}.json").is_file()

    def record(self, block: str, part: Part) -> None:
        """Note that a block is finished. Call it after its files were written."""
        self.replace(f"{RECORDS}/{block}.json", json.dumps(part, ensure_ascii=False).encode("utf-8", "surrogatepass"))

    def part(self, block: str) -> Part:
        """What `record` was given for a block."""
        try:
            part: Part = json.loads((self.path / RECORDS / f"{block}.json").read_bytes())
        except (OSError, ValueError) as e:
            raise OutputError(
                f"{self.path / RECORDS / block}.json cannot be read: {e}.\n"
                "  Delete that file and run the same command again; it exports these rows again."
            ) from e
        return part

    def write(self, name: str, data: bytes) -> None:
        """Write a file of a block. If the process is killed meanwhile, the block has no record and is written again."""
        parent = name.rpartition("/")[0]
        with self._explained(name):
            if parent not in self._made:
                (self.path / parent).mkdir(parents=True, exist_ok=True)
                self._made.add(parent)
            with open(f"{self.path}/{name}", "wb", buffering=0) as file:
                if file.write(data) != len(data):
                    raise OSError(errno.ENOSPC, "the file was cut short")
        self.num_bytes += len(data)

    def replace(self, name: str, content: bytes | Callable[[BinaryIO], object]) -> None:
        """Write a file that becomes visible, by one rename, when it is complete.

        Args:
            content: the bytes, or a function that writes them into an open file.
        """
        temporary, target = self.path / RECORDS / "unfinished", self.path / name
        with self._explained(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, "wb") as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    content(file)
                file.flush()
                os.fsync(file.fileno())
                num_bytes = file.tell()
            os.replace(temporary, target)
        self.num_bytes += 0 if name.startswith(f"{RECORDS}/") else num_bytes

    def finish(self) -> None:
        """Say that the export is complete, and remove the records of blocks."""
        self._describe(complete=True)
        self.remove_records()

    def remove_records(self) -> None:
        """Remove the records of blocks, which a complete export does not need."""
        shutil.rmtree(self.path / RECORDS, ignore_errors=True)

    def _read(self) -> dict[str, Any] | None:
        try:
            found = json.loads((self.path / DESCRIPTION).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as e:
            raise OutputError(
                f"{self.path / DESCRIPTION} cannot be read: {e}.\n  Choose another DEST, or delete that folder."
            ) from e
        return found if isinstance(found, dict) else {}

    def _describe(self, complete: bool) -> None:
        content = {**self._identity, **self._description, "complete": complete}
        self.replace(DESCRIPTION, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise self._error(name, e) from e

    def _error(self, name: str, e: OSError) -> OutputError:
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "The disk is full. Free some space and run the same command again; finished rows are kept."
        elif e.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            hint = "Check the folder's permissions, or choose another DEST."
        else:
            hint = "Run the same command again; finished rows are kept."
        return OutputError(f"{self.path / name}: cannot write ({e.strerror or e}).\n  {hint}")


def _words(key: str, value: Any) -> str:
    """A part of an export's identity in words."""
    if key == "where":
        return "all rows" if value is None else f"the rows where {value!r}"
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    if key == "options":
        value = ", ".join(f"{name} {inner}" for name, inner in (value or {}).items()) or "without options"
    return str(value) if key == "options" else f"{key} {value}"
