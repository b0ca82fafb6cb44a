"""Finding sources that look alike."""

import numpy as np
from PIL import Image
from tiny import encoded, scene, thing

from fgbg_depth.sources.decode import load_rgb
from fgbg_depth.sources.lookalikes import group_lookalikes, thumbnail


def grouped(*images: Image.Image) -> list[list[int]]:
    return sorted(map(sorted, group_lookalikes([thumbnail(image) for image in images])))


def test_copies_are_grouped_and_different_pictures_are_not() -> None:
    picture, other = (Image.fromarray(scene(index, 120, 160)) for index in (1, 2))
    resized = picture.resize((80, 60))
    saved_again = load_rgb(encoded(picture, "JPEG", quality=40))
    mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert grouped(picture, other, resized, saved_again, mirrored) == [[0, 2, 3, 4], [1]]


def test_cutouts_are_compared_without_the_color_of_transparent_pixels() -> None:
    pixels = thing(0)
    painted = pixels.copy()
    painted[painted[..., 3] == 0, :3] = 255
    assert grouped(Image.fromarray(pixels), Image.fromarray(painted)) == [[0, 1]]


def test_groups_join_through_others() -> None:
    """0 and 2 differ by more than the limit, but both look like 1."""
    images = [Image.fromarray(np.full((16, 16, 3), grey, np.uint8)) for grey in (100, 107, 114, 200)]
    assert grouped(*images) == [[0, 1, 2], [3]]
    assert grouped(images[0], images[2]) == [[0], [1]]


def test_more_sources_than_are_compared_at_once() -> None:
    images = [np.full((8, 8, 3), grey, np.uint8) for grey in [0] * 700 + [128] * 700 + [255] * 700]
    assert sorted(map(len, group_lookalikes(images))) == [700, 700, 700]


def test_no_sources() -> None:
    assert group_lookalikes([]) == []
