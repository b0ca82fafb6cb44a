"""Composites and mattes: the formula, the frame's edges, and rows that are what their columns say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from tiny import pixels_of, scene, thing

from fgbg_depth.errors import PlacementError
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.codecs import encode_image
from fgbg_depth.render.compose import Background, Cutout, compose_rows, composite, place_alpha
from fgbg_depth.scene.layers import Placement
from fgbg_depth.statistics import Sums

SIZE = 24


def cutout_of(pixels: np.ndarray) -> Cutout:
    return Cutout("thing", "f" * 64, Image.fromarray(pixels))


def place(pixels: np.ndarray, background: np.ndarray, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    """fg_bg and mask of one placement."""
    height, width = pixels.shape[:2]
    p = Placement(x, y, width, height)
    image = composite(cutout_of(pixels), Image.fromarray(background), p)
    return np.asarray(image), place_alpha(pixels[..., 3], p, len(background))


def reference(pixels: np.ndarray, background: np.ndarray, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
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
    wanted, wanted_mask = reference(pixels, background, x, y)
    assert np.array_equal(mask, wanted_mask)
    assert np.array_equal(fg_bg, wanted)
    assert np.array_equal(background, before), "the background was painted on"


@given(CUTOUTS, BACKGROUNDS)
def test_alpha_0_is_the_background_and_255_the_cutout(pixels: np.ndarray, background: np.ndarray) -> None:
    clear, opaque = pixels.copy(), pixels.copy()
    clear[..., 3], opaque[..., 3] = 0, 255
    assert np.array_equal(place(clear, background, 0, 0)[0], background)
    fg_bg, mask = place(opaque, background, 0, 0)
    height, width = pixels.shape[:2]
    assert np.array_equal(fg_bg[:height, :width], pixels[..., :3])
    assert np.array_equal(fg_bg[height:], background[height:]) and np.array_equal(
        fg_bg[:, width:], background[:, width:]
    )
    assert (mask[:height, :width] == 255).all() and mask.sum() == 255 * height * width


def test_all_65536_pairs_are_rounded_to_the_nearest() -> None:
    """Every alpha over every difference of front and back: a*F + (1-a)*B to within half a level."""
    alpha, front = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    for back in (0, 1, 100, 254, 255):
        pixels = np.dstack([front, front, front, alpha]).astype(np.uint8)
        fg_bg, _ = place(pixels, np.full((256, 256, 3), back, np.uint8), 0, 0)
        exact = (alpha * front + (255 - alpha) * back) / 255
        assert np.abs(fg_bg[..., 0] - exact).max() <= 0.5


def test_outside_the_frame() -> None:
    for x, y in ((SIZE, 0), (0, SIZE), (-5, 0), (0, -5)):
        with pytest.raises(PlacementError, match="outside"):
            place_alpha(np.ones((5, 5), np.uint8), Placement(x, y, 5, 5), SIZE)


def rows_of(recipe: Recipe, pixels: np.ndarray | None = None) -> tuple[list[dict], Sums]:
    sums = Sums(recipe.size)
    background = Background("scene", "b" * 64, Image.fromarray(scene(0, recipe.size, recipe.size)))
    return list(compose_rows(recipe, background, cutout_of(thing(0) if pixels is None else pixels), sums)), sums


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mirror": False},
        {"visible_min": 0.4},
        {"image_format": "png"},
        {"jpeg_subsampling": "4:4:4", "jpeg_quality": 30},
    ],
)
def test_a_row_can_be_made_again_from_its_columns(changes: dict) -> None:
    recipe = Recipe(size=48, placements=4, **changes)
    rows, sums = rows_of(recipe)
    assert [(r["flip"], r["placement"]) for r in rows] == [(f, i) for f in recipe.flips for i in range(4)]
    assert sums.rows == len(rows)
    for row in rows:
        pixels = thing(0)[:, ::-1] if row["flip"] else thing(0)
        assert (row["height"], row["width"]) == pixels.shape[:2] and (row["bg"], row["fg"]) == ("scene", "thing")
        fg_bg, mask = reference(pixels, scene(0, 48, 48), row["x"], row["y"])
        assert np.array_equal(pixels_of(row["fg_bg_mask"]), mask)
        options = recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling
        assert row["fg_bg"]["bytes"] == encode_image(Image.fromarray(fg_bg), *options)
        if recipe.image_format == "png":
            assert np.array_equal(pixels_of(row["fg_bg"]), fg_bg)


def test_rows_do_not_depend_on_one_another() -> None:
    recipe = Recipe(size=48, placements=6)
    few, many = rows_of(recipe.replace(placements=2))[0], rows_of(recipe)[0]
    assert many[:2] == few[:2] and many[6:8] == few[2:]
    assert rows_of(recipe.replace(mirror=False))[0] == many[:6]


def test_mirroring_twice_is_nothing() -> None:
    cutout = cutout_of(thing(3))
    assert np.array_equal(np.asarray(cutout.flipped().flipped().image), thing(3))
    assert np.array_equal(np.asarray(cutout.flipped().alpha), thing(3)[:, ::-1, 3])
