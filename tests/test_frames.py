"""Frames and letterboxes of one colour: found, cut away before the crop, and reported."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import make_sources, quiet_build, statistics_of, tiny_recipe

from fgbg_depth import paths
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.codecs import decode_rgb
from fgbg_depth.sources.frames import Margins, find_frame
from fgbg_depth.sources.load import load_sources
from fgbg_depth.sources.prepare import prepare_background
from fgbg_depth.verify.check import verify

BUNDLED = sorted((paths.DATA / "backgrounds").glob("*.jpg"))
WHITE, BLACK, BROWN = (255, 255, 255), (0, 0, 0), (90, 60, 40)


def framed(picture: Image.Image, margins: Margins, color: tuple[int, int, int] = WHITE) -> Image.Image:
    """A picture with a frame, saved as JPEG and read again."""
    size = (picture.width + margins.left + margins.right, picture.height + margins.top + margins.bottom)
    canvas = Image.new("RGB", size, color)
    canvas.paste(picture, (margins.left, margins.top))
    data = io.BytesIO()
    canvas.save(data, "JPEG", quality=85)
    return Image.open(data)


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_the_bundled_backgrounds_have_no_frame(path: Path) -> None:
    assert find_frame(Image.open(path)) is None


@pytest.mark.parametrize("color", [WHITE, BLACK, BROWN], ids=["white", "black", "brown"])
@pytest.mark.parametrize(
    "margins",
    [
        Margins(3, 3, 3, 3),
        Margins(20, 21, 22, 20),
        Margins(0, 40, 0, 40),
        Margins(40, 0, 42, 0),
        Margins(12, 0, 12, 13),
    ],
    ids=["thin", "wide", "letterbox", "pillarbox", "three sides"],
)
def test_frames_are_found_to_within_two_pixels(margins: Margins, color: tuple[int, int, int]) -> None:
    picture = Image.open(paths.DATA / "backgrounds" / "lake.jpg").convert("RGB")
    found = find_frame(framed(picture, margins, color))
    assert found is not None
    assert np.abs(np.subtract(found, margins)).max() <= 2


def test_a_reduced_frame_is_found_with_its_blurred_edge() -> None:
    picture = Image.open(paths.DATA / "backgrounds" / "lake.jpg").convert("RGB")
    large = framed(picture, Margins(30, 30, 30, 30))
    small = large.resize((large.width // 4, large.height // 4), Image.Resampling.BICUBIC)
    found = find_frame(small)
    assert found is not None
    assert all(30 / 4 <= width <= 30 / 4 + 3 for width in found), "a trace of the frame would be left"


def test_a_frame_whose_edge_is_hidden_by_a_white_sky_is_as_wide_as_at_the_other_sides() -> None:
    pixels = np.array(Image.open(paths.DATA / "backgrounds" / "meadow.jpg").convert("RGB"))
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    pixels[y < 80 + 30 * np.sin(x / 20)] = 255
    found = find_frame(framed(Image.fromarray(pixels), Margins(5, 5, 5, 5)))
    assert found is not None
    assert found.top == pytest.approx(5, abs=1)


@pytest.mark.parametrize(
    "name",
    [
        "white sky",
        "night",
        "object on white",
        "small object on black",
        "one side",
        "two colours",
        "nearly empty",
        "plain",
        "tiny",
    ],
)
def test_what_is_no_frame(name: str) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 200, (200, 300, 3), np.uint8)
    y, x = np.mgrid[0:200, 0:300]
    if name == "white sky":
        pixels[y < 90 + 30 * np.sin(x / 20)] = 255
    elif name == "night":  # dark at every side, without an edge
        light = np.clip(1 - np.hypot((x - 150) / 150, (y - 100) / 100), 0, 1)
        pixels = (pixels * light[..., None]).astype(np.uint8)
    elif name == "object on white":
        pixels[np.hypot((x - 150) / 120, (y - 100) / 80) > 1] = 255
    elif name == "small object on black":
        pixels[np.hypot((x - 150) / 60, (y - 100) / 40) > 1] = 0
    elif name == "one side":
        pixels[:20] = 255
    elif name == "two colours":
        pixels[:20], pixels[-20:] = 255, 0
    elif name == "nearly empty":
        inner = pixels[80:120, 100:200].copy()
        pixels[:] = 255
        pixels[80:120, 100:200] = inner
    elif name == "plain":
        pixels[:] = 128
    else:
        pixels = np.full((12, 12, 3), 255, np.uint8)
    assert find_frame(Image.fromarray(pixels)) is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sources with one background that has a frame and two that have none."""
    make_sources(tmp_path, 2, 2)
    picture = Image.open(paths.DATA / "backgrounds" / "lake.jpg").convert("RGB")
    framed(picture, Margins(20, 20, 20, 20)).save(tmp_path / "bg" / "framed.png")
    return tmp_path


def test_trim_frames_changes_only_backgrounds_with_a_frame(folder: Path) -> None:
    kept, trimmed = (load_sources(tiny_recipe(folder, trim_frames=trim)) for trim in (False, True))
    assert (kept.trimmed, trimmed.trimmed) == ((), ("framed.png",))
    before, after = ({s.name: decode_rgb(s.png) for s in each.backgrounds} for each in (kept, trimmed))
    assert [name for name in before if not np.array_equal(before[name], after[name])] == ["framed.png"]
    assert before["framed.png"][-1].min() > 240, "the frame"
    assert after["framed.png"][-1].max() < 240


def test_a_large_jpeg_is_trimmed_at_its_full_size() -> None:
    """JPEG is decoded at a reduced size first, from which too little would remain without its frame."""
    picture = Image.open(paths.DATA / "backgrounds" / "lake.jpg").convert("RGB").resize((380, 380))
    data = io.BytesIO()
    framed(picture, Margins(335, 335, 335, 335)).save(data, "JPEG")
    image, warning, is_corrected = prepare_background(data.getvalue(), Recipe(size=200, trim_frames=True))
    assert is_corrected and not warning and image.size == (200, 200)


def test_the_log_the_card_and_the_statistics_say_what_was_cut_away(folder: Path) -> None:
    lines: list[str] = []
    quiet_build(tiny_recipe(folder, trim_frames=True), folder / "out", log=lines.append)
    assert "Cut a frame away from 1 of 3 backgrounds: framed.png." in lines
    assert statistics_of(folder / "out")["trimmed"] == ["framed.png"]
    card = (folder / "out" / "README.md").read_text()
    assert "a frame or letterbox of one colour was cut away from 1 of 3 backgrounds (listed in" in card
    assert verify(str(folder / "out")).ok
