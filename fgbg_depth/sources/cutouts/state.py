"""What earlier runs made in a folder of cut-outs: a hidden file with one line of JSON for each photograph.

A line is appended before the cut-out is written, so a run that is killed leaves either both or a line whose cut-out is
missing; such a cut-out is made again. A line that was not written to its end is ignored.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from fgbg_depth.errors import OutputError
from fgbg_depth.sources.cutouts.mattes import Origin

STATE_FILE = ".cutouts.jsonl"


@dataclass(frozen=True)
class Record:
    """The result for one photograph.

    Args:
        folder: absolute path of the folder of photographs.
        photo: the photograph's name below it.
        key: digest of everything that decides the result: photograph, matte, options.
        file: of the cut-out, below the output; "" if the photograph was left out.
        sha256: of the cut-out's file; "" if the photograph was left out.
        reason: why the photograph was left out; "" if it was not.
        notes: what is doubtful about the cut-out, for people.
    """

    folder: str
    photo: str
    key: str
    file: str = ""
    sha256: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()
    origin: Origin = field(default_factory=lambda: Origin(""))

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, line: bytes) -> Record | None:
        """The inverse of `to_json`; None for a line that is not a record."""
        try:
            values: Any = json.loads(line)
            texts = {name: str(values[name]) for name in ("folder", "photo", "key", "file", "sha256", "reason")}
            return cls(**texts, notes=tuple(map(str, values["notes"])), origin=Origin.from_dict(values["origin"]))
        except (ValueError, RecursionError, KeyError, TypeError):
            return None


class Content(Enum):
    """What a file of the output is."""

    MISSING = "missing"
    LATEST = "as the last record says"
    EARLIER = "as an earlier record says: a run was killed before it wrote the file again"
    OTHER = "changed by hand, or made by something else"


class State:
    """The records of an output, read once and appended to.

    Args:
        output: the folder of cut-outs; it exists.
    """

    def __init__(self, output: Path) -> None:
        self._path = output / STATE_FILE
        self._output = output
        self._by_photo: dict[tuple[str, str], Record] = {}
        self._by_key: dict[tuple[str, str], Record] = {}  # by photograph and key
        self._written: dict[str, list[str]] = {}  # SHA-256 of all that was ever written to a file, by file
        self._ends_in_line = True
        if self._path.exists():
            data = self._path.read_bytes()
            self._ends_in_line = data.endswith(b"\n") or not data
            for line in data.splitlines():
                if record := Record.from_json(line):
                    self._add(record)

    def find(self, folder: str, photo: str, key: str) -> Record | None:
        """The record of a photograph of this name with this key, also if its folder was moved; else the last one."""
        return self._by_key.get((photo, key)) or self._by_photo.get((folder, photo))

    def file_for(self, folder: str, photo: str, digest: str) -> str:
        """The name of a photograph's cut-out: that of earlier runs, else the photograph's with `.png`.

        A name that another photograph has gets the first 6 digits of `digest` as a suffix.
        """
        record = self._by_photo.get((folder, photo))
        if record is not None and record.file:
            return record.file
        taken = {other.file for place, other in self._by_photo.items() if place != (folder, photo)}
        stem = os.path.splitext(photo)[0]
        names = (f"{stem}.png", f"{stem}-{digest[:6]}.png", f"{photo}-{digest}.png")
        return next(name for name in names if name not in taken)

    def content(self, file: str) -> Content:
        """What a file of the output is now."""
        try:
            found = hashlib.sha256((self._output / file).read_bytes()).hexdigest()
        except FileNotFoundError:
            return Content.MISSING
        except OSError:  # a folder, or a file that cannot be read
            return Content.OTHER
        written = self._written.get(file, [])
        if not written or found not in written:
            return Content.OTHER
        return Content.LATEST if found == written[-1] else Content.EARLIER

    def append(self, record: Record) -> None:
        """Add a record, on disk too.

        Raises:
            OutputError: the file cannot be written.
        """
        self._add(record)
        line = ("" if self._ends_in_line else "\n") + record.to_json() + "\n"
        try:
            with open(self._path, "ab") as file:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as e:
            raise OutputError(
                f"{self._path} cannot be written ({e.strerror or e}).\n"
                "  Check the disk and the folder's permissions, and run the same command again."
            ) from e
        self._ends_in_line = True

    def cutouts(self) -> list[Record]:
        """The records of all cut-outs whose files exist, sorted by file."""
        records = (r for r in self._by_photo.values() if r.file and (self._output / r.file).is_file())
        return sorted(records, key=lambda record: record.file)

    def _add(self, record: Record) -> None:
        earlier = self._by_key.get((record.photo, record.key))
        if earlier is not None and earlier.folder != record.folder:  # the folder of photographs was moved
            self._by_photo.pop((earlier.folder, earlier.photo), None)
        self._by_photo[record.folder, record.photo] = record
        self._by_key[record.photo, record.key] = record
        if record.file:
            self._written.setdefault(record.file, []).append(record.sha256)
