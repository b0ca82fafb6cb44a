"""Poisson blending: colours that join the background, at any place, the same in every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fgbg_depth.errors import RecipeError
from fgbg_depth.render import poisson
from fgbg_depth.render.poisson import MAX_CHANGE, SHARE, clone_colors, has_opencv

ROOT = Path(__file__).parent.parent
SIZE = 64
needs_opencv = pytest.mark.skipif(not has_opencv(), reason="OpenCV is not installed")


def animal(hidden: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """A brown animal with darker stripes and legs of 2 px; its transparent pixels hold the colour `hidden`; 40x30."""
    image = Image.new("RGBA", (40, 30), (*hidden, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse([4, 3, 35, 18], fill=(150, 110, 70, 255))
    for left in (12, 26):
        draw.rectangle([left, 12, left + 1, 28], fill=(150, 110, 70, 255))
    for left in (14, 20, 26):
        draw.rectangle([left, 6, left + 2, 14], fill=(110, 80, 50, 255))
    return image


def scene(seed: int = 0) -> Image.Image:
    """(64, 64): a gradient from dark to light with noise."""
    ramp = np.linspace(40, 200, SIZE)[None, :, None] + np.random.default_rng(seed).integers(-15, 16, (SIZE, SIZE, 3))
    return Image.fromarray(ramp.astype(np.uint8))


def colors(cutout: Image.Image) -> np.ndarray:
    return np.asarray(cutout.convert("RGB")).astype(int)


OPAQUE = np.asarray(animal())[..., 3] == 255


@needs_opencv
@pytest.mark.parametrize("color", [(60, 60, 200), (230, 230, 230), (150, 110, 70)])
def test_on_a_plain_background_all_colours_move_by_the_same(color: tuple[int, int, int]) -> None:
    """The differences within the cut-out are kept, also in thin parts; the change is half and has a limit."""
    found = colors(clone_colors(Image.new("RGB", (SIZE, SIZE), color), animal(), 10, 20)) - colors(animal())
    moved = np.clip(SHARE * (np.array(color) - (150, 110, 70)), -MAX_CHANGE, MAX_CHANGE)
    assert np.abs(found[OPAQUE] - moved).max() <= 4


@needs_opencv
@pytest.mark.parametrize("place", [(10, 20), (-12, 20), (10, -9), (40, 50), (-3, -3), (24, 34)])
def test_any_place(place: tuple[int, int]) -> None:
    """Also at the frame's edge and beyond it. What lies outside keeps its colours, and nothing else is changed."""
    background, cutout = scene(), animal()
    stored = background.tobytes(), cutout.tobytes()
    found = clone_colors(background, cutout, *place)
    assert (background.tobytes(), cutout.tobytes()) == stored
    assert found.size == cutout.size and found.getchannel("A").tobytes() == cutout.getchannel("A").tobytes()
    y, x = np.mgrid[:30, :40]
    inside = (x >= -place[0]) & (x < SIZE - place[0]) & (y >= -place[1]) & (y < SIZE - place[1])
    change = colors(found) - colors(cutout)
    assert (change[~inside] == 0).all()
    assert (np.abs(change).max(-1)[inside & OPAQUE] > 0).mean() > 0.9


@needs_opencv
def test_a_cutout_as_large_as_the_frame() -> None:
    cutout = Image.new("RGBA", (SIZE, SIZE), (10, 20, 30, 255))
    found = clone_colors(Image.new("RGB", (SIZE, SIZE), (90, 100, 110)), cutout, 0, 0)
    assert np.abs(colors(found) - (50, 60, 70)).max() <= 2


@needs_opencv
@pytest.mark.parametrize("size", [(20, 17), (21, 17), (20, 18), (21, 18)])
def test_nothing_is_moved(size: tuple[int, int]) -> None:
    """Whether the sides are odd or even, the pattern of the cut-out stays where it is."""
    pixels = np.full((size[1], size[0], 4), (100, 120, 140, 255), np.uint8)
    pixels[3:-3, 3:-3, :3] += np.random.default_rng(0).integers(0, 60, (size[1] - 6, size[0] - 6, 3)).astype(np.uint8)
    cutout = Image.fromarray(pixels)
    change = colors(clone_colors(Image.new("RGB", (SIZE, SIZE), (110, 100, 90)), cutout, 9, 11)) - colors(cutout)
    assert np.abs(change - SHARE * np.array([10, -20, -50])).max() <= 3


@needs_opencv
def test_thin_parts_do_not_take_the_pattern_of_the_background() -> None:
    """seamlessClone leaves out the outermost 3 px of its mask: legs of 2 px would show the background's stripes."""
    stripes = np.where(np.arange(SIZE) // 2 % 2, 180, 80).astype(np.uint8)
    background = Image.fromarray(np.broadcast_to(stripes[:, None, None], (SIZE, SIZE, 3)).copy())
    pixels = np.zeros((30, 40, 4), np.uint8)
    pixels[4:14, 4:36] = pixels[14:28, 10:12] = pixels[14:28, 30:32] = (128, 128, 128, 255)
    legs = colors(clone_colors(background, Image.fromarray(pixels), 10, 20))[15:27, [10, 11, 30, 31]]
    assert legs.std() < 0.2 * stripes.std()


@needs_opencv
def test_colours_of_transparent_pixels_have_no_influence() -> None:
    white, black = (clone_colors(scene(), animal(hidden), 10, 20) for hidden in ((255, 255, 255), (0, 0, 0)))
    assert np.array_equal(colors(white)[OPAQUE], colors(black)[OPAQUE])


@needs_opencv
@pytest.mark.parametrize("place", [(-40, 0), (0, -30), (SIZE, 0), (0, SIZE)])
def test_outside_the_frame_nothing_changes(place: tuple[int, int]) -> None:
    assert clone_colors(scene(), animal(), *place) == animal()


@needs_opencv
def test_no_visible_pixel() -> None:
    cutout = Image.new("RGBA", (5, 4), (1, 2, 3, 0))
    assert clone_colors(scene(), cutout, 3, 3) == cutout


def many_clones() -> bytes:
    """Pixels of 20 clones of a cut-out of 120x90; with IPP, five of them have pixels that differ by a level."""
    cutout = animal().resize((120, 90))
    clones = (clone_colors(scene(seed).resize((224, 224)), cutout, 30 + 5 * seed, 100) for seed in range(20))
    return b"".join(clone.tobytes() for clone in clones)


@needs_opencv
@pytest.mark.parametrize("ipp", ["", "disabled"])
@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_same_in_every_process(threads: str, ipp: str) -> None:
    """With any number of threads, with and without Intel's IPP, and from call to call."""
    code = (
        "import sys; sys.path.insert(0, 'tests'); import hashlib, cv2, test_poisson as t\n"
        "cv2.setNumThreads(int(sys.argv[1]))\n"
        "settings = cv2.getNumThreads(), cv2.ipp.useIPP()\n"
        "found = t.many_clones()\n"
        "assert settings == (cv2.getNumThreads(), cv2.ipp.useIPP()), 'the settings of OpenCV were changed'\n"
        "assert found == t.many_clones()\n"
        "print(hashlib.sha256(found).hexdigest())"
    )
    found = many_clones()
    environment = {name: value for name, value in os.environ.items() if name != "OPENCV_IPP"}
    environment |= {"OMP_NUM_THREADS": threads} | ({"OPENCV_IPP": ipp} if ipp else {})
    line = [sys.executable, "-c", code, threads]
    shown = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert shown.stdout.strip() == hashlib.sha256(found).hexdigest(), shown.stderr


def test_without_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(RecipeError, match=r"needs OpenCV.*\n  Install it: .*pip install .*blend"):
        clone_colors(scene(), animal(), 10, 20)
    monkeypatch.setattr(poisson, "find_spec", lambda name: None)
    assert not has_opencv()
