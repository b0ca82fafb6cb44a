"""`cutouts` with given mattes: what is cut out, what is left out and why, and that a run continues an earlier one."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matting import COLOR, compose, cutout_at, make_mattes, make_photos, matte_of
from PIL import Image
from tiny import save, thing, tiny_recipe, tree

from fgbg_depth.card.cutouts_sheet import MAX_TILES, draw_sheet, write_sheet
from fgbg_depth.cli.main import main
from fgbg_depth.errors import OutputError, SourceError
from fgbg_depth.sources.cutouts import outline, rembg_mattes
from fgbg_depth.sources.cutouts.make import Cutout, CutoutsResult, make_cutouts
from fgbg_depth.sources.cutouts.outline import CutOptions
from fgbg_depth.sources.cutouts.state import STATE_FILE, State
from fgbg_depth.sources.cutouts.terms import YOUR_PART
from fgbg_depth.sources.folder import is_contact_sheet
from fgbg_depth.sources.load import load_sources
from fgbg_depth.storage.files import Storage

KEEP = CutOptions(keep_colors=True)
ROOT = Path(__file__).parent.parent


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """A folder with `photos/` (5) and `mattes/`."""
    make_photos(tmp_path / "photos", 5)
    make_mattes(tmp_path / "mattes", 5)
    return tmp_path


def run(places: Path, output: str = "fg", **changes: Any) -> CutoutsResult:
    return make_cutouts(places / "photos", places / output, **({"matte": places / "mattes", "options": KEEP} | changes))


def reasons(result: CutoutsResult) -> dict[str, str]:
    return {each.photo: each.reason for each in result.left_out}


# ---- what is cut out


def test_the_matte_is_kept_and_the_crop_has_a_margin(places: Path) -> None:
    assert run(places).made == 5
    cutout = cutout_at(places / "fg" / "photo_00.png")
    truth = matte_of(90, 120, (0.45, 0.5), 0.2)
    truth[truth < 8], truth[truth > 247] = 0, 255
    rows, columns = np.flatnonzero(truth.any(1)), np.flatnonzero(truth.any(0))
    crop = (slice(rows[0] - 4, rows[-1] + 5), slice(columns[0] - 4, columns[-1] + 5))
    assert np.array_equal(cutout[..., 3], truth[crop])
    photo = compose(matte_of(90, 120, (0.45, 0.5), 0.2), seed=0)[crop]
    assert np.array_equal(cutout[..., :3], photo * (truth[crop] > 0)[..., None])


def test_the_colours_of_the_edge_lose_the_old_background(places: Path) -> None:
    """Against the known colour of the object; opaque pixels keep the photograph's colours."""
    errors = {}
    for name, options in (("kept", KEEP), ("estimated", CutOptions())):
        run(places, name, options=options)
        cutout = cutout_at(places / name / "photo_01.png").astype(float)
        edge = (cutout[..., 3] >= 26) & (cutout[..., 3] < 255)
        errors[name] = np.sqrt(((cutout[edge][:, :3] - COLOR) ** 2).mean())
    kept, estimated = (cutout_at(places / name / "photo_01.png") for name in ("kept", "estimated"))
    assert np.array_equal(kept[..., 3], estimated[..., 3])
    assert np.array_equal(kept[kept[..., 3] == 255], estimated[kept[..., 3] == 255])
    assert errors["kept"] > 50 and errors["estimated"] < errors["kept"] / 3, errors


def test_a_large_cutout_is_reduced(tmp_path: Path) -> None:
    make_photos(tmp_path / "photos", 1, 600, 800)
    make_mattes(tmp_path / "mattes", 1, 600, 800)
    run(tmp_path, "small", options=CutOptions(longest=100, keep_colors=True))
    run(tmp_path, "full", options=CutOptions(longest=0, keep_colors=True))
    small, full = (cutout_at(tmp_path / name / "photo_00.png") for name in ("small", "full"))
    assert max(small.shape) == 100 and max(full.shape) > 300
    solid = small[small[..., 3] > 200][:, :3]
    assert np.abs(solid.astype(int) - COLOR).mean() < 12


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    """The matte belongs to the upright photograph, as people see it."""
    matte = matte_of(90, 120, (0.35, 0.4), 0.2)
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(compose(matte)).transpose(Image.Transpose.ROTATE_90)
    (tmp_path / "photos").mkdir()
    stored.save(tmp_path / "photos" / "a.jpg", exif=exif, quality=95, subsampling=0)
    save(matte, tmp_path / "mattes" / "a.png")
    assert run(tmp_path).made == 1
    cutout = cutout_at(tmp_path / "fg" / "a.png")
    assert np.abs(cutout[cutout[..., 3] == 255][:, :3].astype(int) - COLOR).mean() < 8
    save(np.rot90(matte).copy(), tmp_path / "mattes" / "a.png")
    assert reasons(run(tmp_path, "fg2"))["a.jpg"] == (
        "its matte a.png has 90x120 pixels and the photograph 120x90; the photograph is turned by its EXIF "
        "orientation, so turn the matte, too"
    )


def test_sub_folders_and_names_that_two_photographs_share(tmp_path: Path) -> None:
    make_photos(tmp_path / "photos" / "cats", 1)
    for i, name in enumerate(("a.png", "a.bmp", "b.c.png")):
        save(compose(matte_of(90, 120), seed=i), tmp_path / "photos" / name)
        save(matte_of(90, 120), tmp_path / "mattes" / name.replace(".bmp", ".png"))
    make_mattes(tmp_path / "mattes" / "cats", 1)
    found = {each.photo: each.file for each in run(tmp_path).cutouts}
    assert found["cats/photo_00.png"] == "cats/photo_00.png" and found["b.c.png"] == "b.c.png"
    assert found["a.bmp"] == "a.png" and found["a.png"].startswith("a-") and len(found["a.png"]) == len("a-123456.png")
    assert {each.photo: each.file for each in run(tmp_path).cutouts} == found


@pytest.mark.parametrize("kind", ["16 bit", "alpha", "bilevel", "jpeg", "palette"])
def test_mattes_of_many_kinds(places: Path, kind: str) -> None:
    run(places, "plain")
    expected = cutout_at(places / "plain" / "photo_00.png")[..., 3]
    file = places / "mattes" / "photo_00.png"
    matte = np.asarray(Image.open(file))
    if kind == "16 bit":
        Image.fromarray(matte.astype(np.uint16) * 257).save(file)
    elif kind == "alpha":
        save(np.dstack([compose(matte), matte]), file)
    elif kind == "bilevel":
        Image.fromarray(matte >= 128).save(file)
        expected = np.where(expected >= 128, 255, 0)
    elif kind == "jpeg":
        file.unlink()
        Image.fromarray(matte).convert("RGB").save(file.with_suffix(".jpg"), quality=98)
    else:
        Image.fromarray(matte).convert("P").save(file)
    run(places)
    alpha = cutout_at(places / "fg" / "photo_00.png")[..., 3].astype(int)
    if kind == "bilevel":
        assert set(np.unique(alpha)) == {0, 255} and alpha.astype(bool).sum() == expected.astype(bool).sum()
    else:
        assert alpha.shape == expected.shape and np.abs(alpha - expected).max() <= (10 if kind == "jpeg" else 1)


def test_one_photograph_with_one_matte(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(places / "photos")
    assert main(["cutouts", "photo_02.png", "--output", "fg", "--matte", str(places / "mattes" / "photo_02.png")]) == 0
    assert [path.name for path in (places / "photos" / "fg").glob("*.png")] == ["photo_02.png"]


# ---- what is left out


def test_each_photograph_that_is_left_out_has_a_reason(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, mattes = places / "photos", places / "mattes"

    def add(name: str, matte: np.ndarray, photo: np.ndarray | None = None) -> None:
        save(matte, mattes / f"{name}.png")
        save(compose(matte) if photo is None else photo, photos / f"{name}.png")

    two = np.maximum(matte_of(90, 120, (0.25, 0.5), 0.15), matte_of(90, 120, (0.75, 0.5), 0.15))
    add("all", np.full((90, 120), 255, np.uint8))
    add("cut", matte_of(90, 120, (0.95, 0.5), 0.2))
    add("cut_twice", matte_of(90, 120, (0.0, 1.0), 0.3))
    add("empty", np.zeros((90, 120), np.uint8))
    add("faint", matte_of(90, 120) // 3)
    add("size", matte_of(60, 80), compose(matte_of(90, 120)))
    add("small", matte_of(90, 120, radius=0.06))
    add("two", two)
    save(compose(matte_of(90, 120)), photos / "colour.png")
    save(compose(matte_of(90, 120)), mattes / "colour.png")
    save(compose(matte_of(90, 120)), photos / "missing.png")
    save(compose(matte_of(90, 120)), photos / "several.png")
    save(matte_of(90, 120), mattes / "several.png")
    save(matte_of(90, 120), mattes / "several.bmp")
    save(thing(0), photos / "cutout.png")
    save(matte_of(30, 24), mattes / "cutout.png")
    for name in ("damaged", "nothing"):
        (photos / f"{name}.jpg").write_bytes(b"no picture" if name == "damaged" else b"")
        save(matte_of(90, 120), mattes / f"{name}.png")
    line = ["cutouts", str(photos), "--output", str(places / "fg"), "--matte", str(mattes), "--keep-colors"]
    assert main(line) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(f"5 cut-outs of 19 photographs: {places}/fg\nLeft out 14.\n")
    found = dict(line.split(": left out: ", 1) for line in shown.err.splitlines() if ": left out: " in line)
    assert found == {
        "all.png": "no outline found: the matte covers 100% of the photograph",
        "colour.png": "its matte colour.png is a picture in colour without transparency (mode RGB); a matte is grey, "
        "or the alpha of RGBA",
        "cut.png": "cut off by the photograph's edge: right",
        "cut_twice.png": "cut off by the photograph's edge: left, bottom",
        "cutout.png": "is a cut-out already: it has transparent parts",
        "damaged.jpg": "is not a picture in a supported format",
        "empty.png": "no object found: the matte is empty",
        "faint.png": "no object found: the matte is empty",
        "missing.png": f"no matte: there is no {mattes}/missing.png, or with another extension",
        "nothing.jpg": "is empty (0 bytes)",
        "several.png": "several mattes: several.bmp, several.png; keep one of them",
        "size.png": "its matte size.png has 80x60 pixels and the photograph 120x90",
        "small.png": found["small.png"],
        "two.png": found["two.png"],
    }
    assert found["small.png"].startswith("too small: the object has ")
    assert found["two.png"].startswith("parts: 2 separate parts; 50.0% of the visible area lies outside the largest")
    assert sorted(path.name for path in (places / "fg").glob("*.png")) == [f"photo_0{i}.png" for i in range(5)]
    assert is_contact_sheet(places / "fg-contact-sheet.png")
    assert main(line) == 0  # the reasons are remembered, and said again
    again = capsys.readouterr()
    assert "Reused 5 of 19; made 0." in again.out and again.err == shown.err


def test_no_cutout_at_all_is_an_error(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (places / "mattes").glob("*.png"):
        save(np.zeros((90, 120), np.uint8), file)
    line = ["cutouts", str(places / "photos"), "--output", str(places / "fg"), "--matte", str(places / "mattes")]
    assert main([*line, "--keep-colors", "--json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["left_out"] == 5
    assert "SourceError: no photograph of " in shown.err and "fg-contact-sheet.png" in shown.err
    assert not (places / "fg" / "SOURCES.md").exists()


def test_a_doubtful_cutout_is_kept_with_a_note(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matte = matte_of(90, 120, radius=0.3)
    matte[55:] = 0  # a straight lower edge
    save(matte, places / "mattes" / "photo_03.png")
    line = ["cutouts", str(places / "photos"), "--output", str(places / "fg"), "--matte", str(places / "mattes")]
    assert main([*line, "--keep-colors", "--json"]) == 0
    shown = capsys.readouterr()
    noted = [each for each in json.loads(shown.out)["cutouts"] if each["notes"]]
    assert [each["photo"] for each in noted if any("cut_off" in note for note in each["notes"])] == ["photo_03.png"]
    assert "photo_03.png: kept, but look at it: cut_off (" in shown.err


def test_specks_of_a_model_are_removed_and_loose_hair_stays() -> None:
    matte = matte_of(200, 200)
    matte[5:8, 5:8] = 200  # a speck
    matte[99:101, 150:190] = 20  # faint hair that begins inside the object
    clean = rembg_mattes.without_specks(matte)
    assert not clean[:20, :20].any() and (clean[99:101, 165:190] == 20).all()
    matte[5:8, 5:8] = 0
    assert np.array_equal(clean, matte)
    assert np.array_equal(rembg_mattes.without_specks(matte), matte)
    assert not outline.clean_matte(np.full((4, 4), 7, np.uint8)).any()


# ---- the contact sheet


def test_the_sheet_shows_what_was_left_out_first(places: Path) -> None:
    save(np.zeros((90, 120), np.uint8), places / "mattes" / "photo_04.png")
    sheet = np.asarray(draw_sheet(run(places).cutouts))
    first, second = (sheet[66:266, left : left + 200] for left in (36, 252))
    assert (first[0] == (193, 18, 31)).all() and not (second[0] == (193, 18, 31)).all(axis=-1).any()
    assert {206, 250} <= set(np.unique(second[:8, :30]))  # the checkerboard


@pytest.mark.slow
def test_a_sheet_of_many_photographs_is_limited_and_files_that_are_gone_are_empty() -> None:
    def gone() -> bytes:
        raise FileNotFoundError(2, "gone")

    cutouts = [Cutout(f"photo {i} \N{CJK UNIFIED IDEOGRAPH-732B}", gone, reason="no " * 200) for i in range(500)]
    sheet = draw_sheet(cutouts)
    assert sheet.height < (MAX_TILES / 6) * 340
    assert np.asarray(sheet)[170, 136].tolist() == [226, 229, 234]


def test_the_sheet_replaces_only_a_sheet(places: Path) -> None:
    other = save(matte_of(90, 120), places / "fg-contact-sheet.png")
    data = other.read_bytes()
    paths = [write_sheet(run(places)) for _ in range(2)]
    assert [path.name for path in paths] == ["fg-contact-sheet-2.png"] * 2
    assert other.read_bytes() == data


# ---- later runs


def test_only_what_changed_is_made_again(places: Path) -> None:
    first = run(places)
    files = tree(places / "fg")
    assert (first.made, first.reused) == (5, 0)
    again = run(places)
    assert (again.made, again.reused) == (0, 5) and tree(places / "fg") == files
    save(compose(matte_of(90, 120, (0.45, 0.5), 0.2), seed=77), places / "photos" / "photo_00.png")
    save(matte_of(90, 120, (0.5, 0.5), 0.25), places / "mattes" / "photo_01.png")
    (places / "fg" / "photo_02.png").unlink()
    third = run(places)
    assert [each.photo for each in third.cutouts if each.made] == ["photo_00.png", "photo_01.png", "photo_02.png"]
    changed = {name for name, digest in tree(places / "fg").items() if digest != files[name]}
    assert changed == {"photo_00.png", "photo_01.png", STATE_FILE}
    assert run(places, options=CutOptions(longest=30, keep_colors=True)).made == 5


def test_a_moved_folder_of_photographs_changes_nothing(places: Path) -> None:
    run(places)
    (places / "photos").rename(places / "pictures")
    moved = make_cutouts(places / "pictures", places / "fg", matte=places / "mattes", options=KEEP)
    assert (moved.made, moved.reused) == (0, 5)
    other = CutOptions(longest=30, keep_colors=True)
    assert make_cutouts(places / "pictures", places / "fg", matte=places / "mattes", options=other).made == 5
    assert len(list((places / "fg").glob("*.png"))) == 5


def test_two_folders_of_photographs_share_one_output(places: Path) -> None:
    """Cameras number their files alike; no cut-out replaces that of another photograph."""
    run(places)
    files = tree(places / "fg")
    for i in range(2):
        save(compose(matte_of(90, 120), seed=50 + i), places / "more" / f"photo_{i:02d}.png")
    save(matte_of(90, 120), places / "one.png")
    more = make_cutouts(places / "more" / "photo_00.png", places / "fg", matte=places / "one.png", options=KEEP)
    assert more.made == 1 and more.cutouts[0].file.startswith("photo_00-")
    now = tree(places / "fg")
    assert all(now[name] == files[name] for name in files if name.startswith("photo"))
    assert run(places).reused == 5


def test_a_photograph_that_is_left_out_now_loses_its_cutout(places: Path) -> None:
    """A build would use it although it does not belong to the photograph any more."""
    run(places)
    save(np.zeros((90, 120), np.uint8), places / "mattes" / "photo_01.png")
    assert reasons(run(places)) == {"photo_01.png": "no object found: the matte is empty"}
    assert not (places / "fg" / "photo_01.png").exists()


def test_files_that_other_hands_made_are_never_overwritten(places: Path) -> None:
    logged: list[str] = []
    save(thing(1), places / "fg" / "photo_00.png")
    own = (places / "fg" / "photo_00.png").read_bytes()
    assert reasons(run(places)) == {
        "photo_00.png": f"{places}/fg/photo_00.png exists and was not made by this command; move it, or choose another "
        "output"
    }
    save(thing(2), places / "fg" / "photo_01.png")  # a cut-out of ours, improved by hand
    improved = (places / "fg" / "photo_01.png").read_bytes()
    assert run(places).reused == 4
    changed = run(places, options=CutOptions(longest=30, keep_colors=True), log=logged.append)
    assert (changed.made, changed.reused) == (3, 1)
    assert (
        f"photo_01.png: {places}/fg/photo_01.png was changed by hand and is kept; delete it to make it again" in logged
    )
    assert (places / "fg" / "photo_00.png").read_bytes() == own
    assert (places / "fg" / "photo_01.png").read_bytes() == improved


def test_cutouts_of_photographs_that_are_gone_are_named(places: Path) -> None:
    logged: list[str] = []
    run(places)
    (places / "photos" / "photo_04.png").unlink()
    assert run(places, log=logged.append).reused == 4
    assert logged[-1:] == ["kept, although their photographs are gone: photo_04.png"]


class Killed(BaseException):
    """Stands for the end of the process at this very point."""


def test_a_run_that_is_killed_anywhere_is_continued(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before and after each write; over cut-outs that an earlier run made with other options."""
    run(places, "right")
    right = {name: digest for name, digest in tree(places / "right").items() if name != STATE_FILE}
    real_write, real_append = Storage.write, State.append
    for limit in range(1, 12):
        output = places / f"killed_{limit}"
        run(places, output.name, options=CutOptions(longest=30, keep_colors=True))
        calls = 0

        def count() -> None:
            nonlocal calls
            calls += 1
            if calls == limit:  # noqa: B023
                raise Killed

        def write(self: Storage, *rest: Any) -> Any:
            count()
            return real_write(self, *rest)

        def append(self: Any, record: Any) -> None:
            real_append(self, record)
            count()

        monkeypatch.setattr(Storage, "write", write)
        monkeypatch.setattr(State, "append", append)
        if limit <= 10:
            with pytest.raises(Killed):
                run(places, output.name)
        monkeypatch.setattr(Storage, "write", real_write)
        monkeypatch.setattr(State, "append", real_append)
        continued = run(places, output.name)
        assert continued.made + continued.reused == 5
        assert {name: d for name, d in tree(output).items() if name != STATE_FILE} == right, limit
        assert run(places, output.name).reused == 5


SLOW = """
import sys, time
from fgbg_depth.sources.cutouts import make
real = make.cut_out
def slow(*arguments):
    time.sleep(0.3)
    return real(*arguments)
make.cut_out = slow
from fgbg_depth.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_an_interrupted_command_leaves_complete_files_and_continues(places: Path, number: signal.Signals) -> None:
    line = [str(places / "photos"), "--output", str(places / "fg"), "--matte", str(places / "mattes"), "--keep-colors"]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, "cutouts", *line],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while len(list((places / "fg").glob("*.png"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    existing = list((places / "fg").glob("*.png"))
    assert 2 <= len(existing) < 5
    for path in existing:
        cutout_at(path)
    if number == signal.SIGINT:
        assert "Stopped. Finished cut-outs are kept; the same command continues from there." in error
        assert f"- {len(existing)} cut-outs: mattes given with --matte." in (places / "fg" / "SOURCES.md").read_text()
    (places / "fg" / ".photo_09.png.0123456789ab.tmp").write_bytes(b"left by a killed run")
    result = run(places)
    assert (result.made, result.reused) == (5 - len(existing), len(existing))
    assert not list((places / "fg").glob(".*.tmp"))


def test_a_damaged_state_file_is_read_as_far_as_it_goes(places: Path) -> None:
    run(places)
    state = places / "fg" / STATE_FILE
    data = state.read_bytes()
    state.write_bytes(b"\xff nonsense\n[1]\n" + data[: -len(data) // 10])  # the last line is cut off
    result = run(places)
    assert result.reused == 4 and list(reasons(result)) == ["photo_04.png"]
    (places / "fg" / "photo_04.png").unlink()
    assert run(places).made == 1
    assert run(places).reused == 5


def test_two_runs_at_once_are_refused(places: Path) -> None:
    with Storage(places / "fg").lock(), pytest.raises(OutputError, match="another build is writing to this folder"):
        run(places)


# ---- SOURCES.md, and the build


def test_own_words_in_the_sources_file_are_kept(places: Path) -> None:
    run(places)
    file = places / "fg" / "SOURCES.md"
    text = file.read_text()
    assert "*Not stated yet.*" in text and "- 5 cut-outs: mattes given with --matte." in text
    file.write_text(text.split(YOUR_PART)[0] + YOUR_PART + "\n\nMy own photographs of cows, CC0.\n")
    (places / "photos" / "photo_04.png").unlink()
    (places / "fg" / "photo_04.png").unlink()
    run(places)
    assert "- 4 cut-outs: mattes" in file.read_text()
    assert file.read_text().endswith("My own photographs of cows, CC0.\n") and "Not stated" not in file.read_text()
    file.write_text("Cows of a friend.\n")  # without our part at all
    run(places)
    assert file.read_text().endswith("Cows of a friend.\n") and "- 4 cut-outs" in file.read_text()


def test_cutouts_of_different_origins_are_listed_apart(places: Path) -> None:
    run(places)
    save(compose(matte_of(90, 120), seed=5), places / "more" / "other.png")
    save(matte_of(90, 120), places / "one.png")
    make_cutouts(
        places / "more", places / "fg", matte=places / "one.png", options=CutOptions(longest=0, keep_colors=True)
    )
    text = (places / "fg" / "SOURCES.md").read_text()
    assert "- 5 cut-outs: mattes given" in text and "- 1 cut-out: mattes given" in text


def test_a_build_uses_the_cutouts_and_nothing_else(places: Path, sources: Path) -> None:
    run(places)
    recipe = tiny_recipe(sources, foregrounds=str(places / "fg"))
    found = load_sources(recipe)
    assert [source.name for source in found.cutouts] == [f"photo_{i:02d}" for i in range(5)]
    assert found.ignored == () and found.skipped == ()
    assert "mattes given with --matte" in found.terms["fg"]
    shutil.copy(write_sheet(run(places)), places / "fg")
    found = load_sources(recipe)
    assert len(found.cutouts) == 5 and len(found.ignored_outputs) == 1


# ---- wrong input


def make_dataset(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "statistics.json").write_text('{"format": 2, "recipe": {}, "shards": {}}')
    return folder


BAD = {
    "no folder": (["{}/nowhere"], "{}/nowhere does not exist.\n  Give a folder of photographs"),
    "no picture": (["{}/texts"], "{}/texts contains no picture (found 1 .txt)."),
    "not a picture": (["{}/texts/a.txt"], "{}/texts/a.txt is not a photograph."),
    "photos are a dataset": (["{}/set"], "{}/set is a dataset that fgbg-depth built, not a folder of photographs."),
    "output is a file": (["{}/photos", "--output", "{}/texts/a.txt"], "a.txt is a file.\n  Choose a folder"),
    "output is a dataset": (["{}/photos", "--output", "{}/set"], "{}/set is a dataset that fgbg-depth built.\n"),
    "output inside": (["{}/photos", "--output", "{}/photos/fg"], "is inside the folder of photographs {}/photos"),
    "output is the input": (["{}/photos", "--output", "{}/photos"], "is inside the folder of photographs {}/photos"),
    "output around": (["{}/photos", "--output", "{}"], "contains the folder of photographs {}/photos"),
    "output is a URL": (["{}/photos", "--output", "s3://bucket/fg"], "is a URL.\n  Cut-outs are written to a folder"),
    "no matte": (["{}/photos", "--matte", "{}/nowhere"], "--matte {}/nowhere does not exist.\n"),
    "no matte fits": (
        ["{}/photos", "--matte", "{}/others"],
        "--matte {}/others: no photograph has a matte there.\n  A matte has the name of its photograph: photo_00.png "
        "needs {}/others/photo_00.png",
    ),
    "one matte for all": (
        ["{}/photos", "--matte", "{}/mattes/photo_00.png"],
        "is one file, but there are 5 photographs.\n",
    ),
    "no pictures as mattes": (["{}/photos", "--matte", "{}/texts"], "{}/texts contains no picture"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_input_gets_a_clear_line(places: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    (places / "texts").mkdir()
    (places / "texts" / "a.txt").write_text("a")
    make_dataset(places / "set")
    save(matte_of(90, 120), places / "others" / "x.png")
    arguments, message = BAD[case]
    line = [argument.format(places) for argument in arguments]
    for option, value in (("--output", "{}/fg"), ("--matte", "{}/mattes")):
        if option not in line:
            line += [option, value.format(places)]
    before = tree(places)
    assert main(["cutouts", *line, "--keep-colors"]) == 1
    shown = capsys.readouterr()
    assert message.format(*[places] * message.count("{}")) in shown.err and "Traceback" not in shown.err
    assert shown.out == ""
    assert {name: d for name, d in tree(places).items() if not name.endswith(".lock")} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photos"], "missing: --output."),
        (["photos", "--output", "fg", "--model", "u2net", "--matte", "m"], "not allowed with argument"),
        (["photos", "--output", "fg", "--longest", "-3"], "'-3' is not allowed; allowed: a whole number from 0."),
        (["photos", "--output", "fg", "--device", "gpu"], "'gpu' is not allowed."),
    ],
)
def test_wrong_options(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit) as e:
        main(["cutouts", *arguments])
    assert e.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_that_cannot_be_written(places: Path) -> None:
    (places / "fg").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="cannot write"):
        run(places)


def test_a_full_disk_keeps_what_is_finished(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Storage._write_local

    def write(self: Storage, name: str, content: Any) -> Any:
        if name == "photo_02.png":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, name, content)

    monkeypatch.setattr(Storage, "_write_local", write)
    with pytest.raises(
        OutputError, match=r"(?s)photo_02\.png: cannot write .*The disk is full\. .*finished files are kept"
    ):
        run(places)
    monkeypatch.setattr(Storage, "_write_local", real)
    result = run(places)
    assert (result.made, result.reused) == (3, 2)


def test_a_photograph_that_cannot_be_read_is_left_out(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (places / "photos" / "photo_02.png").unlink()
    (places / "photos" / "photo_02.png").symlink_to(places / "gone.png")
    assert reasons(run(places)) == {"photo_02.png": "cannot be read (No such file or directory)"}


def test_the_python_function_raises_errors_of_this_project(places: Path) -> None:
    (places / "void").mkdir()
    with pytest.raises(SourceError, match="contains no picture"):
        make_cutouts(places / "void", places / "fg")
