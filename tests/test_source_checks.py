"""Checks of source files: each finds its fault, and none finds anything in clean pictures."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from source_faults import ROOT, SCRIPT, bundled

from fgbg_depth import paths
from fgbg_depth.card.charts import font
from fgbg_depth.recipe import Recipe
from fgbg_depth.sources.checks import CHECKS, Finding, Picture, check_background, check_cutout
from fgbg_depth.sources.checks.areas import connected_areas
from fgbg_depth.sources.checks.decoding import load_picture
from fgbg_depth.sources.checks.folders import FAULTS, check_sources

CHECK_NAMES = [check.name for check in CHECKS]
BACKGROUNDS = sorted((paths.DATA / "backgrounds").iterdir())
CUTOUTS = sorted((paths.DATA / "foregrounds").iterdir())


def file_of(image: Image.Image, kind: str) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG") if kind == "foregrounds" else image.save(data, "JPEG", quality=90)
    return data.getvalue()


def findings(image: Image.Image, kind: str) -> list[Finding]:
    picture = load_picture(file_of(image, kind), kind, Recipe())  # type: ignore[arg-type]
    return check_background(picture) if kind == "backgrounds" else check_cutout(picture)


def names(image: Image.Image, kind: str) -> set[str]:
    return {finding.check for finding in findings(image, kind)}


# --- precision


def test_nothing_is_found_in_the_bundled_sources() -> None:
    report = check_sources(Recipe(), workers=2)
    assert report.checked == {"backgrounds": 16, "foregrounds": 16}
    assert [(entry.file, entry.findings) for entry in report.files] == []


@pytest.mark.parametrize("path", BACKGROUNDS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda image: image.crop((40, 0, 300, 180)),
        lambda image: image.crop((0, 150, 320, 320)),
        lambda image: image.resize((1000, 1000), Image.Resampling.LANCZOS),
        lambda image: image.point(lambda v: v // 4),  # night
    ],
    ids=["mirrored", "upper", "lower", "large", "dark"],
)
def test_nothing_is_found_in_parts_of_clean_backgrounds(
    path: Path, change: Callable[[Image.Image], Image.Image]
) -> None:
    assert [str(finding) for finding in findings(change(Image.open(path)), "backgrounds")] == []


@pytest.mark.parametrize("path", CUTOUTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("margin", [0, 12])
@pytest.mark.parametrize("factor", [0.4, 1, 3])
def test_nothing_is_found_in_clean_cutouts_of_any_size(path: Path, margin: int, factor: float) -> None:
    image = SCRIPT.cutout(path.stem, margin)
    size = (round(image.width * factor), round(image.height * factor))
    image = image.convert("RGBa").resize(size, Image.Resampling.BOX).convert("RGBA")
    assert [str(finding) for finding in findings(image, "foregrounds")] == []


def overcast() -> Image.Image:
    """A white sky over a dark, irregular skyline."""
    image = Image.new("RGB", (320, 320), (252, 252, 252))
    draw = ImageDraw.Draw(image)
    rng = np.random.default_rng(0)
    for x in range(0, 320, 16):
        draw.rectangle((x, int(rng.integers(60, 180)), x + 15, 320), fill=tuple(rng.integers(30, 140, 3).tolist()))
    return image


def sea() -> Image.Image:
    """A plain sky that ends at a straight horizon."""
    pixels = np.random.default_rng(1).integers(40, 110, (320, 320, 3)).astype(np.uint8)
    pixels[:90] = (205, 225, 245)
    return Image.fromarray(pixels)


def floor() -> Image.Image:
    """A black and white tiled floor in perspective, below a wall."""
    y, x = np.mgrid[1:161, -160:160]
    tiles = (np.floor(x / y * 6) + np.floor(400 / y)) % 2
    pixels = np.full((320, 320, 3), (150, 120, 90), np.uint8)
    pixels[160:] = np.where(tiles, 235, 60)[..., None]
    pixels[:160] += np.random.default_rng(2).integers(0, 40, (160, 320, 3)).astype(np.uint8)
    return Image.fromarray(pixels)


def windows() -> Image.Image:
    """Rows of windows up to the upper and the lower side."""
    image = Image.new("RGB", (320, 320), (140, 90, 70))
    draw = ImageDraw.Draw(image)
    for y in range(6, 310, 24):
        for x in range(6, 310, 20):
            draw.rectangle((x, y, x + 10, y + 14), fill=(40, 50, 70))
    shade = np.random.default_rng(4).integers(-25, 25, (320, 320, 1))  # a wall is not of one colour
    return Image.fromarray((np.asarray(image) + shade).astype(np.uint8))


@pytest.mark.parametrize("make", [overcast, sea, floor, windows], ids=lambda make: make.__name__)
def test_scenes_that_resemble_a_fault_have_none(make: Callable[[], Image.Image]) -> None:
    assert [str(finding) for finding in findings(make(), "backgrounds")] == []


def shape(draw_on: Callable[[ImageDraw.ImageDraw], None], size: tuple[int, int] = (200, 200)) -> Image.Image:
    """A cut-out of what is drawn, in a texture."""
    alpha = Image.new("L", (4 * size[0], 4 * size[1]))
    draw_on(ImageDraw.Draw(alpha))
    rng = np.random.default_rng(3)
    texture = Image.fromarray(rng.integers(60, 200, (20, 20, 3)).astype(np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    texture.putalpha(alpha.resize(size, Image.Resampling.BOX))
    return texture.convert("RGBA")


RING = shape(lambda draw: (draw.ellipse((0, 0, 799, 799), fill=255), draw.ellipse((260, 260, 540, 540), fill=0)))  # type: ignore[func-returns-value]
BALL = shape(lambda draw: draw.ellipse((0, 0, 799, 799), fill=255))
POT = shape(lambda draw: draw.polygon([(100, 0), (700, 0), (560, 799), (240, 799)], fill=255)).crop((25, 0, 175, 200))
BELL = shape(lambda draw: draw.polygon([(350, 0), (450, 0), (799, 799), (0, 799)], fill=255))


@pytest.mark.parametrize("image", [RING, BALL, POT], ids=["ring", "ball that touches its frame", "pot"])
def test_shapes_that_resemble_a_fault_have_none(image: Image.Image) -> None:
    assert [str(finding) for finding in findings(image, "foregrounds")] == []


def test_a_white_or_black_object_has_no_halo() -> None:
    for level in (250, 8):
        image = BALL.copy()
        image.paste((level, level, level), (0, 0, *image.size))
        image.putalpha(BALL.getchannel("A"))
        assert "halo" not in names(image, "foregrounds")


# --- faults made on purpose, as docs/sources.md shows them


@pytest.mark.parametrize("name", [name for name in SCRIPT.PICTURES if name != "copy"])
def test_each_documented_fault_is_found_and_its_cure_is_clean(name: str) -> None:
    kind, make = SCRIPT.PICTURES[name]
    bad, good = make()
    assert name in names(bad, kind)
    assert names(good, kind) == set()


def test_every_check_has_a_documented_fault() -> None:
    assert set(SCRIPT.PICTURES) == {*CHECK_NAMES, "copy"}


@pytest.mark.slow
def test_letterboxes_are_found_with_their_sides() -> None:
    num_found = 0
    for path in BACKGROUNDS:
        for color in ("white", "black", "#204080"):
            image = Image.new("RGB", (320, 400), color)
            image.paste(Image.open(path), (0, 40))
            found = [f for f in findings(image, "backgrounds") if f.check == "frame"]
            assert all("top" in f.detail and "bottom" in f.detail for f in found)
            num_found += bool(found)
    assert num_found >= 42  # of 48; a white sky or ceiling hides a white letterbox


def test_the_width_of_a_frame_is_in_pixels_of_the_file() -> None:
    image = Image.new("RGB", (2000, 2000), "white")
    image.paste(Image.open(BACKGROUNDS[0]).resize((1800, 1800)), (100, 100))
    [finding] = findings(image, "backgrounds")
    widths = [int(width) for width in re.findall(r"(\d+) px", finding.detail)]
    assert len(widths) == 4 and all(abs(width - 100) <= 7 for width in widths)


@pytest.mark.parametrize("cell", [6, 8, 12, 16, 20])
@pytest.mark.parametrize("light", [191, 204, 230])
def test_checkerboards_are_found_after_jpeg_and_resizing(cell: int, light: int) -> None:
    squares = (np.indices((320, 320)) // cell).sum(0) % 2
    board = Image.fromarray(np.where(squares, light, 255).astype(np.uint8)).convert("RGB")
    dog = bundled("foregrounds/dog.png").convert("RGBA")
    board.paste(dog, (50, 50), dog)
    for size in (320, 250):
        data = io.BytesIO()
        board.resize((size, size), Image.Resampling.BICUBIC).save(data, "JPEG", quality=85)
        assert "checkerboard" in names(Image.open(data), "backgrounds")


@pytest.mark.parametrize("path", BACKGROUNDS, ids=lambda path: path.stem)
def test_text_on_a_band_is_found(path: Path) -> None:
    image = Image.open(path).convert("RGB").resize((480, 480))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 440, 480, 480), fill=(20, 20, 20))
    draw.text((20, 446), "PHOTOGRAPHY 20418876", font=font(24), fill=(240, 240, 240))
    assert "text" in names(image, "backgrounds")


@pytest.mark.parametrize("name", ["dog", "cat", "woman", "teddy", "robot", "car"])
@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_a_cut_off_object_is_found_with_its_side(name: str, side: str) -> None:
    image = SCRIPT.cutout(name)
    width, height = image.size
    box = {
        "left": (width // 2, 0, width, height),
        "top": (0, height // 2, width, height),
        "right": (0, 0, width // 2, height),
        "bottom": (0, 0, width, height // 2),
    }[side]
    found = [finding for finding in findings(image.crop(box), "foregrounds") if finding.check == "cut_off"]
    assert all(side in finding.detail for finding in found)
    if name in ("woman", "teddy", "car"):  # elsewhere the cut may go through legs or an ear, which is too short
        assert found


def test_a_flat_base_is_not_certainly_cut_off() -> None:
    """Where the file is cropped to what is visible, a flat base looks like a cut: the certainty says so."""
    assert [f.certainty < 0.7 for f in findings(BELL, "foregrounds")] == [True]


@pytest.mark.parametrize("color", [(255, 255, 255), (0, 0, 0)])
@pytest.mark.parametrize("name", ["teddy", "rabbit", "armchair", "puppy", "kitten"])
def test_halos_of_white_and_black_backgrounds_are_found(name: str, color: tuple[int, int, int]) -> None:
    from PIL import ImageFilter

    good = SCRIPT.cutout(name)
    bad = SCRIPT.on_color(good, color).convert("RGBA")
    bad.putalpha(good.getchannel("A").filter(ImageFilter.MaxFilter(7)))
    assert "halo" in names(bad, "foregrounds")


def test_a_cutout_without_alpha_is_found_with_the_color_of_its_surround() -> None:
    for color, word in (((255, 255, 255), "white"), ((0, 0, 0), "black"), ((0, 200, 0), "#00c800")):
        image = SCRIPT.on_color(SCRIPT.cutout("duck" if word != "white" else "dog"), color)
        [finding] = [f for f in findings(image, "foregrounds") if f.check == "surround"]
        assert word in finding.detail
    [finding] = findings(bundled("backgrounds/garden.jpg"), "foregrounds")
    assert finding.check == "surround" and finding.detail == "no transparency at all"


def test_a_rectangle_with_a_margin_is_found() -> None:
    image = Image.new("RGBA", (320, 320))
    image.paste(bundled("backgrounds/garden.jpg").resize((200, 200)), (60, 60))
    assert names(image, "foregrounds") == {"surround"}


def test_certainty_is_a_share_and_findings_say_what_to_do() -> None:
    for kind, make in SCRIPT.PICTURES.values():
        for finding in findings(make()[0], kind):
            assert 0.5 <= finding.certainty <= 1 and finding.advice and finding.detail
            assert str(finding).startswith(f"{finding.check} (")


# --- parts of the checks


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1), st.floats(0.1, 0.9))
def test_connected_areas_agree_with_a_flood_fill(height: int, width: int, seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    areas = connected_areas(mask)
    expected = np.zeros(mask.shape, int)
    count = 0
    for start in zip(*np.nonzero(mask), strict=True):
        if expected[start]:
            continue
        count += 1
        waiting = [start]
        while waiting:
            y, x = waiting.pop()
            if 0 <= y < height and 0 <= x < width and mask[y, x] and not expected[y, x]:
                expected[y, x] = count
                waiting += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    assert areas.count == count
    pairs = set(zip(expected.ravel().tolist(), areas.labels.ravel().tolist(), strict=True))
    assert len(pairs) == len(np.unique(expected)) == len(np.unique(areas.labels))
    for number in range(1, count + 1):
        ys, xs = np.nonzero(areas.labels == number)
        assert areas.sizes[number] == len(ys)
        assert areas.boxes[number].tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


@pytest.mark.parametrize("size", [(1, 1), (4, 300), (300, 4), (5, 5)])
def test_checks_work_on_pictures_of_any_shape(size: tuple[int, int]) -> None:
    check_background(Picture.background(Image.new("RGB", size)))
    check_cutout(Picture.cutout(Image.new("RGBA", size, (10, 20, 30, 255))))
    check_cutout(Picture.cutout(Image.new("RGBA", size)))


# --- docs/sources.md


def test_every_fault_has_a_section_with_picture_and_cure() -> None:
    text = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(sections) == [fault.name for fault in FAULTS]
    for name, section in sections.items():
        assert "Cause:" in section and "Cure:" in section, name
        if name in SCRIPT.PICTURES:
            assert f"](sources/{name}.jpg)" in section


def test_pictures_of_the_documents_exist_and_are_small() -> None:
    for name in SCRIPT.PICTURES:
        path = ROOT / "docs" / "sources" / f"{name}.jpg"
        assert 0 < path.stat().st_size < 60_000
        with Image.open(path) as image:
            assert image.size == (2 * SCRIPT.SIDE + SCRIPT.GAP, SCRIPT.SIDE + SCRIPT.HEAD)
