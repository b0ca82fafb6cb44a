"""Stored images: composites in the recipe's format, and the same bytes in every process."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encode_everything import digest_of_everything
from PIL import Image
from tiny import scene

from fgbg_depth.render.codecs import decode_rgb, decode_rgb_into, encode_image
from fgbg_depth.render.jpeg import encode_jpeg


def jpeg(size: tuple[int, int] = (50, 37), mode: str = "RGB", **options: Any) -> bytes:
    """A JPEG file, with a restart marker after each row of blocks."""
    buffer = io.BytesIO()
    image = Image.fromarray(scene(1)).resize(size).convert(mode)
    image.save(buffer, "JPEG", quality=90, restart_marker_rows=1, **options)
    return buffer.getvalue()


def by_pillow(data: bytes) -> np.ndarray | str:
    """The pixels that Pillow decodes, or its error."""
    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except OSError as e:
        return str(e).partition("0x")[0]


def damaged(data: bytes) -> bytes:
    """The file with other bytes in its coded data."""
    place = data.index(b"\xff\xd0") - 20  # before the first restart marker
    return data[:place] + b"\x55" * 10 + data[place + 10 :]


JPEG_FILES = {
    "plain": jpeg(),
    "4:4:4": jpeg(subsampling=0),
    "4:2:2": jpeg(subsampling=1),
    "one pixel": jpeg((1, 1)),
    "progressive": jpeg(progressive=True),
    "grey": jpeg(mode="L"),
    "CMYK": jpeg(mode="CMYK"),
    "RGB, not YCbCr": jpeg(keep_rgb=True),
    "bytes after the end": jpeg() + b"more",
}
DAMAGED_FILES = {
    "truncated": jpeg()[:-40],
    "without end": jpeg()[:-2],
    "truncated header": jpeg()[:90],
    "damaged": damaged(jpeg()),
    "wrong restart marker": jpeg().replace(b"\xff\xd1", b"\xff\xd5", 1),
    "only the first two bytes": b"\xff\xd8",
}


@pytest.mark.parametrize("name", [*JPEG_FILES, *DAMAGED_FILES])
def test_every_jpeg_file_gives_pillows_pixels_or_pillows_error(name: str) -> None:
    data = (JPEG_FILES | DAMAGED_FILES)[name]
    expected = by_pillow(data)
    if isinstance(expected, str):
        with pytest.raises(OSError) as caught:
            decode_rgb(data)
        assert str(caught.value).startswith(expected)
    else:
        assert np.array_equal(decode_rgb(data), expected)


@pytest.mark.parametrize("name", JPEG_FILES)
def test_decoding_into_an_array_gives_the_same_pixels(name: str) -> None:
    expected = by_pillow(JPEG_FILES[name])
    assert isinstance(expected, np.ndarray)
    batch = np.zeros((3, *expected.shape), np.uint8)
    decode_rgb_into(JPEG_FILES[name], batch[1])
    assert np.array_equal(batch[1], expected)
    assert not batch[::2].any()


@pytest.mark.parametrize("name", DAMAGED_FILES)
def test_decoding_a_damaged_file_into_an_array_is_an_error(name: str) -> None:
    """Also where Pillow decodes what there is: a label of other pixels than were composed would be wrong."""
    with pytest.raises((OSError, ValueError), match=r"JPEG|truncated|Truncated|identify"):
        decode_rgb_into(DAMAGED_FILES[name], np.zeros((37, 50, 3), np.uint8))


def test_a_file_of_another_size_is_an_error() -> None:
    for data in (jpeg(), encode_image(Image.new("RGB", (50, 37)), "png", 1, "")):
        with pytest.raises(ValueError, match="it has 50x37 pixels, not 37x50"):
            decode_rgb_into(data, np.zeros((50, 37, 3), np.uint8))


def test_pillow_decides_about_very_large_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(Image.DecompressionBombError):
        decode_rgb(jpeg())


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_composites_are_encoded_in_the_format_of_the_recipe(subsampling: str) -> None:
    image = Image.fromarray(scene(0))
    assert encode_image(image, "jpeg", 70, subsampling) == encode_jpeg(image, 70, subsampling)
    assert np.array_equal(decode_rgb(encode_image(image, "png", 1, subsampling)), scene(0))


def digests_of_processes(count: int) -> set[str]:
    """What `encode_everything.py` prints in so many new processes."""
    command = [sys.executable, str(Path(__file__).parent / "encode_everything.py")]
    return {subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() for _ in range(count)}


def test_the_same_bytes_in_every_process() -> None:
    """A library that fails this even once in some thousand processes cannot be used: see render/png.py."""
    assert digests_of_processes(2) == {digest_of_everything()} == {digest_of_everything()}


@pytest.mark.slow
def test_the_same_bytes_in_many_processes() -> None:
    """`benchmarks/encoders.py --processes 300` does the same with more."""
    assert digests_of_processes(20) == {digest_of_everything()}
