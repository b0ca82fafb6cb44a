"""What every format of an export has: the images it needs, how it writes a block of rows, and how it ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import BinaryIO, ClassVar

from fgbg_depth.errors import OutputError
from fgbg_depth.export.blocks import Block
from fgbg_depth.export.folder import ExportFolder, Part
from fgbg_depth.export.selection import Selection
from fgbg_depth.read.rows import StoredRow

_SIGNATURES = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"RIFF": "webp"}


class Format(ABC):
    """One format. A subclass says at construction why a dataset cannot be exported into it.

    Attributes:
        name: as `--format` has it.
        is_mixed: whether a block has rows of several backgrounds.
        image_columns: the columns of images that `write` needs.
        options: what was chosen besides, as JSON types; an export with other options is another export.
    """

    name: ClassVar[str]
    is_mixed: ClassVar[bool] = False
    image_columns: tuple[str, ...]
    options: Mapping[str, str | bool] = MappingProxyType({})

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.image_columns = selection.image_columns

    @abstractmethod
    def write(self, block: Block, rows: Sequence[StoredRow], folder: ExportFolder) -> Part:
        """Write the files of a block; the same block gives the same files.

        Returns:
            lines of text for the files that `finish` writes.
        """

    @abstractmethod
    def finish(self, blocks: Sequence[Block], folder: ExportFolder) -> None:
        """Write the files that belong to all rows, from the parts of all blocks. It may be called again."""

    @abstractmethod
    def snippet(self, folder: ExportFolder) -> str:
        """Lines of Python that open the export."""

    def notes(self) -> Iterable[str]:
        """Sentences for people about what the export lacks."""
        return ()

    def first_split(self) -> str:
        """The split that examples show."""
        return next(iter(self.selection.num_rows))


def image_extension(data: bytes) -> str:
    """The extension that belongs to an encoded image: jpg, png or webp.

    Raises:
        OutputError: it is none of these.
    """
    for signature, extension in _SIGNATURES.items():
        if data.startswith(signature):
            return extension
    raise OutputError(
        f"an image of the dataset is neither JPEG, PNG nor WebP; it begins with {data[:8]!r}.\n"
        "  Check the dataset with the command verify."
    )


def lines_of(blocks: Iterable[Block], folder: ExportFolder, name: str) -> Iterator[str]:
    """The lines for one file, from the parts of blocks; one block is in memory at a time."""
    for block in blocks:
        yield from folder.part(block.name).get(name, ())


def write_lines(file: BinaryIO, lines: Iterable[str]) -> None:
    """Write lines of text as UTF-8. Half of a surrogate pair, which a file's name can contain, becomes "?"."""
    for line in lines:
        file.write(line.encode("utf-8", "replace") + b"\n")
