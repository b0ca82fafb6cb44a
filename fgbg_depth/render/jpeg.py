"""JPEG files with a restart marker after each row of blocks, and taking them apart at these markers.

JPEG codes an image in rows of blocks (MCUs): 16 pixel rows at 4:2:0, 8 at 4:4:4. After a restart marker the code
depends on no earlier row. The markers cost 0.2 % more bytes at 224x224.
Source: ITU-T T.81, B.1 (markers) and B.2 (frame and scan headers).
"""

from __future__ import annotations

import io
import re
import struct

from PIL import Image

BLOCK_HEIGHT = {"4:4:4": 8, "4:2:0": 16}  # pixel rows in a row of blocks
END = b"\xff\xd9"

_SUBSAMPLING = {"4:4:4": 0, "4:2:0": 2}  # Pillow's numbers
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")  # in coded data every other 0xff is followed by 0
_RESTART_MARKERS = [bytes([0xFF, 0xD0 + i]) for i in range(8)]
_START_OF_SCAN, _START_OF_FRAME = 0xDA, (0xC0, 0xC1)  # baseline; encode_jpeg writes nothing else


def encode_jpeg(image: Image.Image, quality: int, subsampling: str) -> bytes:
    """Encode an RGB image with the standard Huffman tables.

    Args:
        quality: 1..100, as libjpeg understands it.
        subsampling: of the chroma, "4:4:4" or "4:2:0".
    """
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=_SUBSAMPLING[subsampling], restart_marker_rows=1)
    return buffer.getvalue()


def restart_marker(row: int) -> bytes:
    """The marker between rows of blocks `row` and `row + 1`; their numbers repeat after 8."""
    return _RESTART_MARKERS[row % 8]


def split_jpeg(data: bytes) -> tuple[bytes, list[bytes]]:
    """Split a file of `encode_jpeg` into its header and the code of each row of blocks, without markers."""
    start = _segment(data, (_START_OF_SCAN,))
    start += 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    return data[:start], _RESTART.split(data[start : -len(END)])


def join_jpeg(header: bytes, rows: list[bytes], height: int) -> bytes:
    """A JPEG file of `height` pixel rows from the code of its rows of blocks, with the tables of `header`."""
    frame = _segment(header, _START_OF_FRAME)
    pieces = [header[: frame + 5], struct.pack(">H", height), header[frame + 7 :]]
    for index, row in enumerate(rows):
        pieces += (row, restart_marker(index))
    pieces[-1] = END
    return b"".join(pieces)


def _segment(data: bytes, markers: tuple[int, ...]) -> int:
    """Offset of the first segment with one of these markers."""
    offset = 2
    while data[offset + 1] not in markers:
        offset += 2 + int.from_bytes(data[offset + 2 : offset + 4], "big")
    return offset
