"""JPEG files: the stated quality and subsampling, cheap restart markers, and files joined from their rows."""

import io

import numpy as np
import pytest
from PIL import Image
from tiny import scene

from fgbg_depth.render.codecs import decode_rgb
from fgbg_depth.render.jpeg import BLOCK_HEIGHT, encode_jpeg, join_jpeg, split_jpeg


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_quality_and_subsampling(subsampling: str) -> None:
    image = Image.fromarray(scene(0))
    small, large = (encode_jpeg(image, quality, subsampling) for quality in (30, 95))
    opened = Image.open(io.BytesIO(large))
    assert opened.format == "JPEG" and opened.mode == "RGB" and len(small) < len(large)
    expected = 1 if subsampling == "4:4:4" else 2
    assert opened.layer[0][1:3] == (expected, expected)  # sampling factors of luma
    errors = [np.abs(decode_rgb(data).astype(int) - scene(0)).mean() for data in (small, large)]
    assert errors[1] < errors[0] < 20


def test_restart_markers_cost_little() -> None:
    image = Image.fromarray(scene(0, 224, 224))
    plain = io.BytesIO()
    image.save(plain, "JPEG", quality=90, subsampling=2)
    assert len(encode_jpeg(image, 90, "4:2:0")) < 1.01 * len(plain.getvalue())


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("height", [7, 16, 100, 160])
def test_joining_what_was_split_gives_the_file(height: int, subsampling: str) -> None:
    data = encode_jpeg(Image.fromarray(scene(1, height, 40)), 90, subsampling)
    header, rows = split_jpeg(data)
    assert len(rows) == -(-height // BLOCK_HEIGHT[subsampling])
    assert join_jpeg(header, rows, height) == data
