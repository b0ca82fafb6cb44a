"""Pasting: equal to the formula, clipped at the frame, and the mask is the alpha that was used."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from tiny import thing

from fgbg_depth.errors import PlacementError
from fgbg_depth.render.blend import composite, place_alpha
from fgbg_depth.render.inputs import Cutout
from fgbg_depth.scene.layers import Layer

SIZE = 24


def cutout_of(pixels: np.ndarray) -> Cutout:
    return Cutout("thing", "f" * 64, Image.fromarray(pixels))


def place(pixels: np.ndarray, background: np.ndarray, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    """fg_bg and mask of one layer."""
    height, width = pixels.shape[:2]
    layer = Layer(x, y, width, height)
    image = composite(cutout_of(pixels), Image.fromarray(background), layer)
    return np.asarray(image), place_alpha(pixels[..., 3], layer, len(background))


def loop_composite(pixels: np.ndarray, background: np.ndarray, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    """The same as plain loops over pixels."""
    fg_bg, mask = background.copy(), np.zeros(background.shape[:2], np.uint8)
    for row in range(pixels.shape[0]):
        for column in range(pixels.shape[1]):
            if 0 <= y + row < len(background) and 0 <= x + column < len(background):
                alpha = int(pixels[row, column, 3])
                mask[y + row, x + column] = alpha
                for channel in range(3):
                    front, back = int(pixels[row, column, channel]), int(background[y + row, x + column, channel])
                    fg_bg[y + row, x + column, channel] = (alpha * front + (255 - alpha) * back) / 255 + 0.5
    return fg_bg, mask


SIDES = st.integers(1, SIZE)
CUTOUTS = st.tuples(SIDES, SIDES).flatmap(lambda shape: arrays(np.uint8, (*shape, 4)))
BACKGROUNDS = arrays(np.uint8, (SIZE, SIZE, 3))


@given(CUTOUTS, BACKGROUNDS, st.data())
def test_equals_the_formula_written_as_loops(pixels: np.ndarray, background: np.ndarray, data: st.DataObject) -> None:
    height, width = pixels.shape[:2]
    x, y = data.draw(st.integers(1 - width, SIZE - 1)), data.draw(st.integers(1 - height, SIZE - 1))
    before = background.copy()
    fg_bg, mask = place(pixels, background, x, y)
    expected, expected_mask = loop_composite(pixels, background, x, y)
    assert np.array_equal(mask, expected_mask)
    assert np.array_equal(fg_bg, expected)
    assert np.array_equal(background, before), "the background was changed"


@given(CUTOUTS, BACKGROUNDS)
def test_alpha_0_gives_the_background_and_255_the_cutout(pixels: np.ndarray, background: np.ndarray) -> None:
    clear, opaque = pixels.copy(), pixels.copy()
    clear[..., 3], opaque[..., 3] = 0, 255
    assert np.array_equal(place(clear, background, 0, 0)[0], background)
    fg_bg, mask = place(opaque, background, 0, 0)
    height, width = pixels.shape[:2]
    assert np.array_equal(fg_bg[:height, :width], pixels[..., :3])
    assert np.array_equal(fg_bg[height:], background[height:])
    assert np.array_equal(fg_bg[:, width:], background[:, width:])
    assert (mask[:height, :width] == 255).all() and mask.sum() == 255 * height * width


def test_all_65536_pairs_of_alpha_and_color_are_rounded_to_the_nearest() -> None:
    """Every alpha with every front value, over five backgrounds: a*F + (1-a)*B to within half a level."""
    alpha, front = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    for back in (0, 1, 100, 254, 255):
        pixels = np.dstack([front, front, front, alpha]).astype(np.uint8)
        fg_bg, _ = place(pixels, np.full((256, 256, 3), back, np.uint8), 0, 0)
        exact = (alpha * front + (255 - alpha) * back) / 255
        assert np.abs(fg_bg[..., 0] - exact).max() <= 0.5


def test_a_layer_outside_the_frame_is_refused() -> None:
    for x, y in ((SIZE, 0), (0, SIZE), (-5, 0), (0, -5)):
        with pytest.raises(PlacementError, match=rf"5x5 at x={x}, y={y} is outside the frame of {SIZE}x{SIZE}"):
            place_alpha(np.ones((5, 5), np.uint8), Layer(x, y, 5, 5), SIZE)


def test_flipping_twice_changes_nothing() -> None:
    cutout = cutout_of(thing(3))
    assert np.array_equal(np.asarray(cutout.flipped().flipped().image), thing(3))
    assert np.array_equal(np.asarray(cutout.flipped().alpha), thing(3)[:, ::-1, 3])
