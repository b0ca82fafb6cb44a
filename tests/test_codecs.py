"""Stored images: composites in the recipe's format, and the same bytes in every process."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from encode_everything import digest_of_everything
from PIL import Image
from tiny import scene

from fgbg_depth.render.codecs import decode_rgb, encode_image
from fgbg_depth.render.jpeg import encode_jpeg


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_composites_are_encoded_in_the_format_of_the_recipe(subsampling: str) -> None:
    image = Image.fromarray(scene(0))
    assert encode_image(image, "jpeg", 70, subsampling) == encode_jpeg(image, 70, subsampling)
    assert np.array_equal(decode_rgb(encode_image(image, "png", 1, subsampling)), scene(0))


def test_the_same_bytes_in_every_process() -> None:
    """A deflate library that fails this even once in some thousand processes cannot be used: see render/png.py."""
    command = [sys.executable, str(Path(__file__).parent / "encode_everything.py")]
    others = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2)]
    assert {other.stdout.strip() for other in others} == {digest_of_everything()} == {digest_of_everything()}
