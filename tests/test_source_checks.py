"""Checks of source files: each finds its fault, and none finds anything in clean pictures."""

from __future__ import annotations

import importlib.util
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from fgbg_depth import paths
from fgbg_depth.card.charts import font
from fgbg_depth.card.findings_sheet import SheetEntry, findings_sheet
from fgbg_depth.cli.main import main
from fgbg_depth.errors import RecipeError, SourceError
from fgbg_depth.recipe import OPTIONS, Recipe
from fgbg_depth.sources.checks import CHECKS, Finding, Picture, check_background, check_cutout
from fgbg_depth.sources.checks.areas import connected_areas
from fgbg_depth.sources.checks.decoding import load_picture
from fgbg_depth.sources.checks.finding import CERTAIN
from fgbg_depth.sources.checks.folders import FAULTS, check_sources
from fgbg_depth.sources.folder import is_contact_sheet
from fgbg_depth.sources.load import load_sources

ROOT = Path(__file__).parent.parent
CHECK_NAMES = [check.name for check in CHECKS]
BACKGROUNDS = sorted((paths.DATA / "backgrounds").iterdir())
CUTOUTS = sorted((paths.DATA / "foregrounds").iterdir())


def load_pictures_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("source_pictures", ROOT / "docs" / "source_pictures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = load_pictures_script()


def file_of(image: Image.Image, kind: str) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG") if kind == "foregrounds" else image.save(data, "JPEG", quality=90)
    return data.getvalue()


def findings(image: Image.Image, kind: str) -> list[Finding]:
    picture = load_picture(file_of(image, kind), kind, Recipe())  # type: ignore[arg-type]
    return check_background(picture) if kind == "backgrounds" else check_cutout(picture)


def names(image: Image.Image, kind: str) -> set[str]:
    return {finding.check for finding in findings(image, kind)}


def bundled(name: str) -> Image.Image:
    return Image.open(paths.DATA / name)


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


# --- folders, the command and the recipe


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Clean sources with one fault of each kind in `bg` and `fg`."""
    for name in ("garden", "lake", "snow"):
        tiny.save(np.asarray(bundled(f"backgrounds/{name}.jpg")), tmp_path / "bg" / f"{name}.png")
    for name in ("cat", "dog"):
        tiny.save(np.asarray(SCRIPT.cutout(name)), tmp_path / "fg" / f"{name}.png")
    tiny.save(np.asarray(SCRIPT.PICTURES["copy"][1]()[0]), tmp_path / "bg" / "old" / "lake2.png")
    tiny.save(np.asarray(SCRIPT.PICTURES["empty"][1]()[0]), tmp_path / "bg" / "zero.png")
    boxed = SCRIPT.on_color(SCRIPT.cutout("dog"), (255, 255, 255)).convert("RGBA")
    boxed.putpixel((0, 0), (255, 255, 255, 254))  # alpha that is not 255 everywhere: a build takes it for a cut-out
    boxed.save(tmp_path / "fg" / "boxed.png")
    return tmp_path


def recipe_of(sources: Path, **changes: object) -> Recipe:
    values = {"backgrounds": str(sources / "bg"), "foregrounds": str(sources / "fg"), "depth_model": "none"}
    return Recipe(**(values | changes))  # type: ignore[arg-type]


def test_folders_are_checked_in_order_with_copies_and_unreadable_files(sources: Path) -> None:
    (sources / "bg" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    report = check_sources(recipe_of(sources), pictures=2)
    assert [(entry.file, entry.findings[0].check) for entry in report.files] == [
        ("broken.jpg", "unreadable"),
        ("old/lake2.png", "copy"),
        ("zero.png", "empty"),
        ("boxed.png", "surround"),
    ]
    assert "looks like lake.png" in report.files[1].findings[0].detail
    assert report.counts == {"unreadable": 1, "empty": 1, "surround": 1, "copy": 1}
    assert [entry.picture is not None for entry in report.files] == [False, True, False, False]


def test_the_same_file_twice_is_certain(sources: Path) -> None:
    (sources / "bg" / "z.png").write_bytes((sources / "bg" / "snow.png").read_bytes())
    [finding] = next(entry for entry in check_sources(recipe_of(sources)).files if entry.file == "z.png").findings
    assert finding.certainty == 1 and finding.detail == "the same file as snow.png"


@pytest.mark.parametrize(("name", "field", "value"), [("frame", "trim_frames", True), ("halo", "defringe", "auto")])
def test_a_fault_that_the_recipe_cures_is_no_finding(sources: Path, name: str, field: str, value: object) -> None:
    if field not in OPTIONS:
        pytest.skip(f"recipes have no {field}")
    kind, make = SCRIPT.PICTURES[name]
    tiny.save(np.asarray(make()[0]), sources / ("bg" if kind == "backgrounds" else "fg") / "faulty.png")
    for recipe, expected in ((recipe_of(sources), 1), (recipe_of(sources, **{field: value}), 0)):
        assert check_sources(recipe).counts.get(name, 0) == expected


def test_threads_do_not_change_the_report(sources: Path) -> None:
    assert check_sources(recipe_of(sources), workers=1) == check_sources(recipe_of(sources), workers=4)


def test_the_command_prints_findings_and_exits_with_1(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = sources / "findings.png"
    words = ["check-sources", "--backgrounds", str(sources / "bg"), "--foregrounds", str(sources / "fg")]
    assert main([*words, "--sheet", str(sheet)]) == 1
    printed = capsys.readouterr().out
    assert "zero.png" in printed and "empty (95%)" in printed and "4 background" not in printed
    assert "Findings in 3 files of 5 backgrounds and 3 cut-outs:" in printed and "What to do:" in printed
    assert is_contact_sheet(sheet) and Image.open(sheet).width == 1256
    assert main([*words, "--json"]) == 1
    values = json.loads(capsys.readouterr().out)
    assert values["checked"] == {"backgrounds": 5, "foregrounds": 3} and values["sheet"] is None
    assert values["files"][0]["findings"][0].keys() == {"check", "certainty", "detail", "advice"}
    assert main([*words, "--exclude", "zero.png", "old/*", "foregrounds:boxed.png", "--sheet", str(sheet)]) == 0
    assert "Nothing found in 3 backgrounds and 2 cut-outs." in capsys.readouterr().out


def test_the_command_checks_one_folder_alone(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-sources", "--foregrounds", str(sources / "fg"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["checked"] == {"foregrounds": 3}


def test_the_command_says_which_files_it_ignored(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sources / "fg" / "notes.txt").write_text("cats")
    assert main(["check-sources", "--foregrounds", str(sources / "fg")]) == 1
    assert "ignored: 1 .txt in fg" in capsys.readouterr().err


def test_the_command_checks_the_sources_of_a_recipe(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = sources / "mine.yaml"
    file.write_text("backgrounds: bg\nforegrounds: fg\nexclude: [zero.png, boxed.png, lake2.png]\n")
    assert main(["check-sources", "--recipe", str(file)]) == 0
    assert "3 backgrounds and 2 cut-outs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sheet", "no/such/folder/a.png"], "existing folder"),
        (["--sheet", "a.jpg"], "ends in .png"),
        (["--workers", "0"], "from 1 to 1024"),
    ],
)
def test_wrong_usage_of_the_command(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-sources", *words]) == 2
    assert message in capsys.readouterr().err


def test_the_command_names_what_exclude_does_not_find(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check-sources", "--backgrounds", str(sources / "bg"), "--foregrounds", str(sources / "fg")]
    assert main([*words, "--exclude", "zero.pgn"]) == 1
    assert "zero.pgn (did you mean zero.png?)" in capsys.readouterr().err


def test_a_missing_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-sources", "--backgrounds", str(tmp_path / "none")]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_the_dry_run_shows_findings_and_removes_an_old_sheet(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["build", "--backgrounds", str(sources / "bg"), "--foregrounds", str(sources / "fg"), "--dry-run"]
    words += ["--output", str(sources / "out"), "--depth-model", "none", "--workers", "1"]
    assert main(words) == 0
    sheet = sources / "out-findings-contact-sheet.png"
    assert is_contact_sheet(sheet) and "Findings in 3 files" in (printed := capsys.readouterr().out)
    assert f"findings       {sheet}" in printed
    assert main([*words, "--exclude", "zero.png", "lake2.png", "boxed.png", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["findings"]["files"] == [] and values["findings_sheet"] is None
    assert not sheet.exists()


def files_of(recipe: Recipe) -> list[str]:
    found = load_sources(recipe)
    return [source.file for source in (*found.backgrounds, *found.cutouts)]


def test_exclude_leaves_files_out_before_they_are_read(sources: Path) -> None:
    (sources / "bg" / "broken.jpg").write_bytes(b"broken")
    with pytest.raises(SourceError, match=r"broken\.jpg"):
        load_sources(recipe_of(sources))
    found = files_of(recipe_of(sources, exclude=["broken.jpg", "z*", "old/lake?.png"]))
    assert found == ["garden.png", "lake.png", "snow.png", "boxed.png", "cat.png", "dog.png"]


def test_excluded_sources_change_no_other_source(sources: Path) -> None:
    everything = load_sources(recipe_of(sources, holdout=0))
    fewer = load_sources(recipe_of(sources, holdout=0, exclude=["lake2.png"]))
    (sources / "bg" / "old" / "lake2.png").unlink()
    assert load_sources(recipe_of(sources, holdout=0)) == fewer
    digests = {source.name: source.content_digest for source in everything.backgrounds}
    assert all(digests[source.name] == source.content_digest for source in fewer.backgrounds)


def test_a_prefix_limits_exclude_to_one_folder(sources: Path) -> None:
    tiny.save(np.asarray(SCRIPT.cutout("cat")), sources / "fg" / "snow.png")
    found = files_of(recipe_of(sources, exclude=["foregrounds:snow.png"]))
    assert found.count("snow.png") == 1
    assert files_of(recipe_of(sources, exclude=["snow.png"])).count("snow.png") == 0


def test_exclude_with_an_unknown_name_is_an_error_that_names_it(sources: Path) -> None:
    with pytest.raises(SourceError, match=r"zero\.jpg \(did you mean zero\.png\?\)\n  foregrounds:\*\.tif\n"):
        load_sources(recipe_of(sources, exclude=["zero.jpg", "lake2.png", "foregrounds:*.tif"]))
    with pytest.raises(SourceError, match="every cut-out was left out"):
        load_sources(recipe_of(sources, exclude=["foregrounds:*"]))


@pytest.mark.parametrize("value", ["a.jpg", 3, None, [1], [""]])
def test_exclude_is_a_list_of_texts(value: object) -> None:
    with pytest.raises(RecipeError, match="exclude is"):
        Recipe(exclude=value)  # type: ignore[arg-type]


def test_skip_bad_leaves_out_certain_faults_and_says_why(sources: Path) -> None:
    found = load_sources(recipe_of(sources, skip_bad=True))
    assert dict(found.skipped).keys() == {"zero.png", "boxed.png"}
    reasons = dict(found.skipped)
    assert reasons["zero.png"] == "has a fault (empty: 100% of it is grey)"
    assert "white surround" in reasons["boxed.png"]


def test_skip_bad_changes_nothing_where_sources_are_clean(sources: Path) -> None:
    clean = recipe_of(sources, exclude=["zero.png", "boxed.png"])
    assert load_sources(clean) == load_sources(clean.replace(skip_bad=True))


def test_a_build_without_skip_bad_does_not_run_the_checks(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("a check was run")

    monkeypatch.setattr("fgbg_depth.sources.load.reason_to_skip_file", fail)
    load_sources(recipe_of(sources))


def test_the_faults_that_skip_bad_acts_on_are_in_its_help() -> None:
    skipped = [check.name for check in CHECKS if check.skips]
    assert ", ".join(skipped[:-1]) + " or " + skipped[-1] in OPTIONS["skip_bad"].help
    assert 0.9 <= CERTAIN < 1


def test_a_sheet_has_a_place_for_each_file() -> None:
    entries = [SheetEntry(None, f"{i}.jpg", ("frame (90%): " + "white " * 12,)) for i in range(7)]
    one, two = findings_sheet(entries[:5]), findings_sheet(entries, num_more=3)
    assert one.width == two.width and two.height > 1.7 * one.height
    with pytest.raises(ValueError, match="at least one"):
        findings_sheet([])


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
