"""Preparing sources: cropped, resized and checked as the recipe says."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import make_sources, save, scene, tiny_recipe

from fgbg_depth.render.codecs import decode_rgb, decode_rgba
from fgbg_depth.sources.load import Sources, load_sources


def load(folder: Path, **changes: object) -> Sources:
    return load_sources(tiny_recipe(folder, **changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_sources(tmp_path, 2, 2)


def test_sizes_of_prepared_sources(sources: Path) -> None:
    found = load(sources, foreground_measure="height", foreground_min=10, foreground_max=10)
    assert [s.name for s in found.backgrounds] == [f"scene_{i:02d}.png" for i in range(5)]
    for s in found.backgrounds:
        assert decode_rgb(s.png).shape == (32, 32, 3) == (s.height, s.width, 3)
    for s in found.cutouts:
        pixels = decode_rgba(s.png)
        assert pixels.shape == (10, s.width, 4) and s.height == 10
        assert all(pixels[edge][..., 3].max() > 0 for edge in (0, -1)), "not cropped to what is visible"


@given(
    measure=st.sampled_from(["height", "longest", "canvas"]),
    low=st.floats(0.2, 0.9),
    more=st.floats(0, 0.1),
    height=st.integers(8, 60),
    width=st.integers(8, 60),
)
def test_cutouts_have_the_size_of_the_recipe(
    measure: str, low: float, more: float, height: int, width: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sizes")
    save(scene(0), folder / "bg" / "a.png")
    pixels = np.zeros((height + 6, width + 10, 4), np.uint8)  # visible: height x width, off center
    pixels[1 : 1 + height, 2 : 2 + width] = (200, 10, 30, 255)
    save(pixels, folder / "fg" / "a.png")
    found = load(folder, foreground_measure=measure, foreground_min=low, foreground_max=low + more, size=100)
    s = found.cutouts[0]
    measured = {"height": height, "longest": max(height, width), "canvas": max(height + 6, width + 10)}[measure]
    least, most = (100 * f * max(height, width) / measured for f in (low, low + more))
    assert min(least, 100) - 1 <= max(s.height, s.width) <= min(most, 100) + 1
    assert abs(s.width / s.height - width / height) <= (1 + width / height) / s.height, "aspect not kept"
    assert (least > 101) <= any("scaled down" in w for w in found.warnings)
    assert set(map(tuple, decode_rgba(s.png).reshape(-1, 4).tolist())) == {(200, 10, 30, 255)}


def test_no_halo(folder: Path) -> None:
    """The color of transparent pixels (here: white) must not show at the edge of a black shape."""
    pixels = np.full((64, 64, 4), 255, np.uint8)
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    inside = np.hypot(x, y) < 0.8
    pixels[inside] = (0, 0, 0, 255)
    pixels[~inside, 3] = 0
    save(pixels, folder / "fg" / "disc.png")
    disc = next(s for s in load(folder).cutouts if s.name == "disc")
    shown = decode_rgba(disc.png)
    assert 0 < (shown[..., 3] == 255).mean() < 1
    assert shown[shown[..., 3] > 16][:, :3].max() <= 8


def test_backgrounds_are_cropped_in_the_middle(folder: Path) -> None:
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = 255  # the middle square is white
    save(pixels, folder / "bg" / "wide.png")
    save(pixels.transpose(1, 0, 2), folder / "bg" / "tall.png")
    found = load(folder)
    for s in found.backgrounds:
        if s.name in ("wide", "tall"):
            assert (
                decode_rgb(s.png)[4:-4, 4:-4].min() == 255
            )  # not at the edge, where the filter reaches beyond the square
    assert any("enlarged" in w and "wide.png" in w for w in found.warnings)


def test_sizes_depend_on_the_seed(sources: Path) -> None:
    sizes = [[(s.width, s.height) for s in load(sources, seed=seed).cutouts] for seed in (0, 0, 1)]
    assert sizes[0] == sizes[1] != sizes[2]
