"""Softened outlines: no fringes, no lost parts, and the margin that they need."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from fgbg_depth.render.resample import resize_cutout
from fgbg_depth.render.soften import BLENDS, soften

SOFT = [blend for blend in BLENDS if blend not in ("alpha", "poisson")]
FRAMES = (32, 192, 224, 512)
RED = np.array([255, 0, 0])
BACKGROUNDS = {"green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255), "black": (0, 0, 0)}


def red_animal(hidden: tuple[int, int, int], antialiased: bool) -> Image.Image:
    """A red body on legs of 2 px, whose transparent pixels hold the colour `hidden`; 62x48."""
    scale = 4 if antialiased else 1
    image = Image.new("RGBA", (62 * scale, 48 * scale), (*hidden, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse([4 * scale, 4 * scale, 56 * scale - 1, 28 * scale - 1], fill=(255, 0, 0, 255))
    for left in (16, 24, 40):
        draw.rectangle([left * scale, 16 * scale, (left + 2) * scale - 1, 44 * scale - 1], fill=(255, 0, 0, 255))
    return resize_cutout(image, (62, 48)) if antialiased else image


def over(cutout: Image.Image, color: tuple[int, int, int]) -> np.ndarray:
    """(h, w, 3) int: the cut-out on a plain background of that colour."""
    canvas = Image.new("RGB", cutout.size, color)
    canvas.paste(cutout.convert("RGB"), (0, 0), cutout.getchannel("A"))
    return np.asarray(canvas).astype(int)


def alpha_of(cutout: Image.Image) -> np.ndarray:
    return np.asarray(cutout.getchannel("A")).astype(int)


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("hidden", [(255, 255, 255), (0, 0, 0), (0, 0, 255)])
@pytest.mark.parametrize("blend", SOFT)
def test_no_fringe(blend: str, hidden: tuple[int, int, int], antialiased: bool, background: str) -> None:
    """Each pixel is a mix of red and the background, in the proportion that the matte states."""
    back = np.array(BACKGROUNDS[background])
    for frame_size in FRAMES:
        softened, _ = soften(red_animal(hidden, antialiased), blend, frame_size)
        share = alpha_of(softened)[..., None] / 255
        assert np.abs(over(softened, BACKGROUNDS[background]) - (share * RED + (1 - share) * back)).max() <= 2


@pytest.mark.parametrize("blend", SOFT)
def test_faint_pixels_do_not_show_their_own_colour(blend: str) -> None:
    """A resized outline has pixels with alpha 1 to 3, whose colours are rounded to a few levels or merely wrong."""
    pixels = np.zeros((30, 30, 4), np.uint8)
    pixels[9:21, 9:21] = (255, 0, 0, 2)
    pixels[10:20, 10:20] = (60, 110, 30, 255)
    softened, _ = soften(Image.fromarray(pixels), blend, 224)
    share = alpha_of(softened)[..., None] / 255
    mixed = share * np.array([60, 110, 30]) + (1 - share) * 255
    assert np.abs(over(softened, (255, 255, 255)) - mixed).max() <= 3


CUTOUTS = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(lambda shape: arrays(np.uint8, (*shape, 4)))
KERNELS = st.sampled_from([*((blend, None) for blend in SOFT), ("feather", 0.4), ("feather", 3.0)])


@given(CUTOUTS, KERNELS, st.sampled_from(FRAMES))
def test_any_cutout(pixels: np.ndarray, kernel: tuple[str, float | None], frame_size: int) -> None:
    cutout = Image.fromarray(pixels)
    softened, margin = soften(cutout, kernel[0], frame_size, kernel[1])
    height, width = pixels.shape[:2]
    assert softened.mode == "RGBA" and softened.size == (width + 2 * margin, height + 2 * margin)
    grown = np.zeros((height + 2 * margin, width + 2 * margin, 4), int)
    grown[margin : margin + height, margin : margin + width] = pixels
    found, before = np.asarray(softened).astype(int), grown[..., 3]
    after = found[..., 3]
    assert (2 * after >= before).all(), "more than half of a pixel's alpha is lost"
    assert after.max() <= before.max()
    stays = after <= before
    assert np.array_equal(found[stays & (after > 0), :3], grown[stays & (after > 0), :3])
    visible = grown[before > 0, :3]
    for color in ((0, 0, 0), (255, 255, 255), (0, 255, 0)):
        shown = over(softened, color)
        low, high = (np.minimum(visible.min(0), color), np.maximum(visible.max(0), color)) if len(visible) else (0, 255)
        assert (shown >= low - 2).all() and (shown <= high + 2).all()
    again, _ = soften(cutout, kernel[0], frame_size, kernel[1])
    assert again.tobytes() == softened.tobytes()


@given(CUTOUTS, st.sampled_from(SOFT), st.sampled_from(FRAMES))
def test_nothing_of_the_outline_is_cut_off(pixels: np.ndarray, blend: str, frame_size: int) -> None:
    """With more transparent pixels around the cut-out, the result is the same and the new pixels stay transparent.

    The same to one level of premultiplied colour: the straight colours of pixels with an alpha of 1 to 3 have only that
    precision.
    """
    roomy = np.pad(pixels, ((9, 9), (9, 9), (0, 0)))
    softened, _ = soften(Image.fromarray(pixels), blend, frame_size)
    expected, _ = soften(Image.fromarray(roomy), blend, frame_size)
    size = expected.size
    inner = expected.crop((9, 9, size[0] - 9, size[1] - 9))
    a, b = (np.asarray(image.convert("RGBa")).astype(int) for image in (inner, softened))
    assert np.abs(a - b).max() <= 1
    assert alpha_of(expected).sum() == alpha_of(inner).sum()


@pytest.mark.parametrize("frame_size", FRAMES)
@pytest.mark.parametrize("blend", SOFT)
def test_the_margin_is_no_wider_than_needed(blend: str, frame_size: int) -> None:
    square = Image.new("RGBA", (40, 40), (90, 60, 30, 255))
    softened, margin = soften(square, blend, frame_size)
    alpha = alpha_of(softened)
    assert margin > 0
    assert max(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()) > 0
    if blend.startswith("feather"):  # the others end abruptly
        assert max(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()) <= 8
    interior = np.asarray(softened)[2 * margin : -2 * margin, 2 * margin : -2 * margin]
    assert (interior == (90, 60, 30, 255)).all()


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("frame_size", [192, 224])
@pytest.mark.parametrize("blend", SOFT)
def test_mass_is_kept_and_thin_legs_stay(blend: str, frame_size: int, antialiased: bool) -> None:
    cutout = red_animal((255, 255, 255), antialiased)
    softened, margin = soften(cutout, blend, frame_size)
    before, after = alpha_of(cutout), alpha_of(softened)
    assert after.sum() == pytest.approx(before.sum(), rel=0.03)
    assert (after[margin:-margin, margin:-margin][before == 255] >= 128).all(), "a part left the binary mask"
    assert after.max() == 255 and len(np.unique(after)) > len(np.unique(before))


def test_constant_alpha_stays_constant_inside() -> None:
    for blend in SOFT:
        softened, margin = soften(Image.new("RGBA", (40, 30), (10, 200, 30, 77)), blend, 224)
        assert (alpha_of(softened)[2 * margin : -2 * margin, 2 * margin : -2 * margin] == 77).all()


@pytest.mark.parametrize(
    ("blend", "up_right", "down_right", "right", "down"),
    [("motion_0", 0, 0, 1, 0), ("motion_90", 0, 0, 0, 1), ("motion_45", 1, 0, 0, 0), ("motion_135", 0, 1, 0, 0)],
)
def test_directions_of_motion(blend: str, up_right: int, down_right: int, right: int, down: int) -> None:
    dot = Image.new("RGBA", (1, 1), (255, 255, 255, 255))
    softened, margin = soften(dot, blend, 224)
    alpha = alpha_of(softened)
    neighbours = [alpha[margin - 1, margin + 1], alpha[margin + 1, margin + 1], alpha[margin, margin + 1]]
    neighbours.append(alpha[margin + 1, margin])
    assert [int(value > 0) for value in neighbours] == [up_right, down_right, right, down]
    assert np.array_equal(alpha, alpha[::-1, ::-1])  # the same on both sides, so that nothing moves


def test_kernels_scale_with_the_frame() -> None:
    square = Image.new("RGBA", (60, 60), (255, 255, 255, 255))
    for blend in SOFT:
        small, large = soften(square, blend, 224), soften(square, blend, 448)
        assert large[1] > small[1]
    fine, wide = soften(square, "feather_fine", 224)[0], soften(square, "feather", 224, 0.75)[0]
    assert fine.tobytes() == wide.tobytes()
    assert soften(square, "feather", 448, 0.75)[0].tobytes() == wide.tobytes()  # sigma_px is not scaled


def test_what_changes_nothing() -> None:
    cutout = red_animal((255, 255, 255), True)
    for blend, sigma_px in (("alpha", None), ("poisson", None), ("feather", 0.0)):
        assert soften(cutout, blend, 224, sigma_px) == (cutout, 0)


@pytest.mark.parametrize(("blend", "sigma_px"), [("smooth", None), ("feather", None), ("box", 1.0)])
def test_unknown_blends(blend: str, sigma_px: float | None) -> None:
    with pytest.raises(ValueError, match=f"blend is '{blend}'"):
        soften(Image.new("RGBA", (4, 4)), blend, 224, sigma_px)
