"""Rows of a cut-out on a background: images and columns agree, and each row is independent of the others."""

from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_blend import cutout_of, loop_composite
from tiny import pixels_of, scene, thing

from fgbg_depth.recipe import Recipe
from fgbg_depth.render import blend, compose
from fgbg_depth.render.codecs import encode_image
from fgbg_depth.render.compose import compose_rows
from fgbg_depth.render.inputs import Background, Cutout
from fgbg_depth.statistics import Sums

CHANGES: list[dict[str, Any]] = [
    {},
    {"mirror": False},
    {"visible_min": 0.4},
    {"image_format": "png"},
    {"image_format": "png", "visible_min": 0.4},
    {"jpeg_subsampling": "4:4:4", "jpeg_quality": 30},
]


def rows_of(recipe: Recipe) -> tuple[list[dict[str, Any]], Sums]:
    sums = Sums(recipe.size)
    background = Background("scene", "b" * 64, Image.fromarray(scene(0, recipe.size, recipe.size)))
    return list(compose_rows(recipe, background, [cutout_of(thing(0))], sums)), sums


@pytest.mark.parametrize("changes", CHANGES)
def test_columns_of_a_row_reproduce_its_images(changes: dict[str, Any]) -> None:
    recipe = Recipe(size=48, placements=4, **changes)
    rows, sums = rows_of(recipe)
    assert [(r["flip"], r["placement"]) for r in rows] == [(f, i) for i in range(4) for f in recipe.flips]
    assert sums.rows == len(rows)
    for row in rows:
        pixels = thing(0)[:, ::-1] if row["flip"] else thing(0)
        assert (row["height"], row["width"]) == pixels.shape[:2] and (row["bg"], row["fg"]) == ("scene", "thing")
        fg_bg, mask = loop_composite(pixels, scene(0, 48, 48), row["x"], row["y"])
        assert np.array_equal(pixels_of(row["fg_bg_mask"]), mask)
        options = recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling
        assert row["fg_bg"]["bytes"] == encode_image(Image.fromarray(fg_bg), *options)
        if recipe.image_format == "png":
            assert np.array_equal(pixels_of(row["fg_bg"]), fg_bg)


@pytest.mark.parametrize("changes", CHANGES)
def test_every_cutout_is_pasted_by_one_function(changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """With `blend.paste` replaced by nothing, every row shows the bare background."""

    def paste_nothing(canvas: Image.Image, cutout: Cutout, x: int, y: int) -> None:
        pass

    for module in (blend, compose):
        monkeypatch.setattr(module, "paste", paste_nothing)
    recipe = Recipe(size=48, placements=4, **changes)
    options = recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling
    bare = encode_image(Image.fromarray(scene(0, 48, 48)), *options)
    assert {row["fg_bg"]["bytes"] for row in rows_of(recipe)[0]} == {bare}


@pytest.mark.parametrize("changes", CHANGES)
def test_counted_pixels_are_those_of_the_stored_images(changes: dict[str, Any]) -> None:
    recipe = Recipe(size=44, placements=30, **changes)  # 44 is no multiple of JPEG's rows of blocks
    background = Background("scene", "b" * 64, Image.fromarray(scene(0, 44, 44)))
    counted, decoded = Sums(44), Sums(44)
    for row in compose_rows(recipe, background, [cutout_of(thing(0))], counted, count_images=True):
        data = row["fg_bg"]["bytes"]
        decoded.add_image(Image.fromarray(pixels_of(row["fg_bg"])), len(data))
    assert np.array_equal(counted.rgb_histogram, decoded.rgb_histogram) and counted.rgb_bytes == decoded.rgb_bytes


def test_rows_do_not_depend_on_the_number_of_placements() -> None:
    recipe = Recipe(size=48, placements=6)
    few, many = rows_of(recipe.replace(placements=2))[0], rows_of(recipe)[0]
    assert many[:4] == few
    assert rows_of(recipe.replace(mirror=False))[0] == many[::2]
