"""The resize on torch devices gives the same integers as Pillow."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fgbg_depth.depth.resize import BICUBIC, BILINEAR, PillowResize

SIDE = st.integers(1, 90)


@given(SIDE, SIDE, SIDE, SIDE, st.sampled_from([BILINEAR, BICUBIC]), st.integers(0, 2**32))
def test_equal_to_pillow_at_any_size(height, width, new_height, new_width, resample, seed):
    rng = np.random.Generator(np.random.Philox(seed))
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if seed % 2:
        image = np.where(image > 127, np.uint8(255), np.uint8(0))  # the cubic filter overshoots here
    ours = PillowResize((new_height, new_width), resample)(torch.from_numpy(image).permute(2, 0, 1)[None])
    pillow = np.asarray(Image.fromarray(image).resize((new_width, new_height), resample))
    assert ours.dtype == torch.uint8
    np.testing.assert_array_equal(ours[0].permute(1, 2, 0).numpy(), pillow)


@pytest.mark.parametrize("resample", [BILINEAR, BICUBIC])
@pytest.mark.parametrize("size", [(480, 640), (384, 1280), (518, 518), (224, 224), (100, 60)])
def test_equal_to_pillow_at_common_input_sizes(size, resample):
    image = np.random.Generator(np.random.Philox(0)).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    ours = PillowResize(size, resample)(torch.from_numpy(image).permute(2, 0, 1)[None].expand(2, 3, 224, 224))
    pillow = np.asarray(Image.fromarray(image).resize(size[::-1], resample))
    for one in ours:
        np.testing.assert_array_equal(one.permute(1, 2, 0).numpy(), pillow)
