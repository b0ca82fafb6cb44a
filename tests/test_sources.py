"""Backgrounds and cut-outs: found, checked all at once, named, sized and divided."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tiny import make_sources, save, scene, thing, tiny_recipe

from fgbg_depth.errors import SourceError
from fgbg_depth.render.codecs import decode_rgb, decode_rgba
from fgbg_depth.sources.load import Sources, load_sources


def load(folder: Path, **changes: object) -> Sources:
    return load_sources(tiny_recipe(folder, **changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_sources(tmp_path, 2, 2)


def test_prepared_sizes(sources: Path) -> None:
    found = load(sources, foreground_measure="height", foreground_min=10, foreground_max=10)
    assert [s.name for s in found.backgrounds] == [f"scene_{i:02d}" for i in range(5)]
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
def test_cutout_sizes(
    measure: str, low: float, more: float, height: int, width: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sizes")
    save(scene(0), folder / "bg" / "a.png")
    pixels = np.zeros((height + 6, width + 10, 4), np.uint8)  # visible: height x width, off the middle
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
    """Transparent pixels have a colour too (here: white); it must not bleed into the edge of a black shape."""
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
            assert decode_rgb(s.png)[4:-4, 4:-4].min() == 255  # at the rim the filter sees beyond the square
    assert any("enlarged" in w and "wide.png" in w for w in found.warnings)


def test_sub_folders_links_and_what_is_passed_over(folder: Path) -> None:
    save(scene(7), folder / "bg" / "deep" / "er" / "in.jpg")
    save(scene(8), folder / "elsewhere" / "linked.PNG")
    (folder / "bg" / "link").symlink_to(folder / "elsewhere")
    (folder / "elsewhere" / "loop").symlink_to(folder / "bg")
    (folder / "bg" / "again.png").symlink_to(folder / "bg" / "scene_00.png")
    save(scene(9), folder / "bg" / ".hidden.png")
    save(scene(9), folder / "bg" / ".git" / "x.png")
    (folder / "bg" / "notes.txt").write_text("not a picture")
    (folder / "bg" / "folder.png").mkdir()
    os.mkfifo(folder / "bg" / "pipe.png")
    (folder / "bg" / "to-pipe.png").symlink_to(folder / "bg" / "pipe.png")
    found = load(folder)
    assert [s.name for s in found.backgrounds] == ["again", "in", "linked", "scene_00", "scene_01"]
    assert any("the same file 2 times" in w for w in found.warnings)


def test_all_bad_files_in_one_message(folder: Path) -> None:
    (folder / "bg" / "empty.png").write_bytes(b"")
    (folder / "bg" / "page.jpg").write_text("<html>")
    (folder / "bg" / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "bg" / "round.png").symlink_to(folder / "bg" / "round.png")
    save(scene(1, 3, 3), folder / "bg" / "tiny.png")
    save(scene(0), folder / "fg" / "opaque.png")
    save(np.zeros((9, 9, 4), np.uint8), folder / "fg" / "clear.png")
    faint = thing(3)
    faint[..., 3] //= 10
    save(faint, folder / "fg" / "faint.png")
    dot = np.zeros((20, 20, 4), np.uint8)
    dot[5, 5] = 255
    save(dot, folder / "fg" / "dot.png")
    whole = (folder / "fg" / "thing_00.png").read_bytes()
    (folder / "fg" / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError) as e:
        load(folder)
    text = str(e.value)
    assert text.startswith("10 source files cannot be used") and "--skip-bad" in text
    reasons = {
        "empty.png": "is empty",
        "page.jpg": "not a picture",
        "gone.png": "cannot be read",
        "round.png": "cannot be read",
        "tiny.png": "smaller than 4 pixels (3x3)",
        "opaque.png": "no transparency (mode RGB)",
        "clear.png": "wholly transparent",
        "faint.png": "nowhere opaque enough",
        "dot.png": "shows less than 4 pixels (1x1",
        "half.png": "damaged",
    }
    for file, reason in reasons.items():
        line = next(line for line in text.splitlines() if f"  {file} " in line)
        assert reason in line
    found = load(folder, skip_bad=True)
    assert {file for file, _ in found.skipped} == reasons.keys()
    assert len(found.backgrounds) == 2 and len(found.cutouts) == 2


def test_thousands_of_bad_files_are_counted_not_listed(folder: Path) -> None:
    for i in range(120):
        (folder / "bg" / f"bad{i}.png").write_bytes(b"")
    with pytest.raises(SourceError) as e:
        load(folder)
    assert "120 source files" in str(e.value) and "and 70 more" in str(e.value) and len(str(e.value)) < 4000


@pytest.mark.parametrize("what", ["missing", "file", "empty", "texts", "all bad"])
def test_folders_without_sources(folder: Path, what: str) -> None:
    where = folder / "other"
    if what == "file":
        where.write_text("x")
    elif what != "missing":
        where.mkdir()
        if what == "texts":
            (where / "a.txt").write_text("x")
        if what == "all bad":
            (where / "a.png").write_text("x")
    with pytest.raises(
        SourceError, match={"missing": "does not exist", "file": "not a folder"}.get(what, "holds no|is bad")
    ) as e:
        load(folder, foregrounds=str(where), skip_bad=True)
    assert str(where) in str(e.value)
    if what == "texts":
        assert "1 .txt" in str(e.value)


def test_an_unreadable_folder_is_not_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "bg" / "locked").mkdir()
    scandir = os.scandir

    def refuse(path: object) -> object:  # root may read everything, so rights cannot be tried here
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SourceError, match="locked cannot be read"):
        load(folder)


def test_names_are_unique_printable_and_stable(folder: Path) -> None:
    names = [
        "a.png",
        "a.jpg",
        "sub/a.png",
        "A.png",
        "é.png",
        "e\u0301.png",
        " .png",
        "x\ny.png",
        "[31m\x1b.png",
        "-.png",
        "a" * 240 + ".png",
    ]
    for index, name in enumerate(names):
        save(scene(20 + index), folder / "bg" / name)
    shutil.copy(folder / "bg" / "a.png", folder / "bg" / "sub" / "b.png")
    with open(os.fsencode(folder / "bg") + b"/\xff\xfe.png", "wb") as f:
        f.write((folder / "bg" / "scene_00.png").read_bytes())
    found = load(folder)
    got = [s.name for s in found.backgrounds]
    assert len(set(got)) == len(got) == 2 + len(names) + 2 and got == sorted(got)
    for s in found.backgrounds:
        assert s.name.isprintable() and s.file.isprintable() and 0 < len(s.name) <= 210
        f"{s.name}{s.file}".encode()
    assert "A" in got and "b" in got and sum(n.startswith("a-") for n in got) == 3


def test_a_name_cannot_take_another_ones(folder: Path) -> None:
    save(scene(30), folder / "bg" / "x.png")
    save(scene(31), folder / "bg" / "x.bmp")
    clash = next(s for s in load(folder).backgrounds if s.name.startswith("x-")).name
    save(scene(32), folder / "bg" / f"{clash}.png")
    names = [s.name for s in load(folder).backgrounds]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("holdout", [0, 0.1, 0.25, 0.5])
def test_held_out_by_content(tmp_path: Path, holdout: float) -> None:
    make_sources(tmp_path, 12, 1)
    found = load(tmp_path, holdout=holdout)
    held = {s.digest for s in found.backgrounds if s.held_out}
    assert len(held) == (0 if holdout == 0 else max(1, int(12 * holdout + 0.5)))
    assert not found.cutouts[0].held_out, "the only cut-out must stay in train"
    for s in sorted((tmp_path / "bg").iterdir()):  # names play no part
        s.rename(s.with_name(f"renamed_{s.stem[::-1]}.png"))
    assert {s.digest for s in load(tmp_path, holdout=holdout).backgrounds if s.held_out} == held
    other = {s.digest for s in load(tmp_path, holdout=holdout, seed=1).backgrounds if s.held_out}
    assert holdout == 0 or other != held


def test_of_two_one_is_held_out_however_small_the_fraction(tmp_path: Path) -> None:
    make_sources(tmp_path, 2, 3)
    found = load(tmp_path, holdout=0.01)
    assert [sum(s.held_out for s in kind) for kind in (found.backgrounds, found.cutouts)] == [1, 1]


def test_one_more_source_moves_at_most_two_others(tmp_path: Path) -> None:
    make_sources(tmp_path, 10, 1)
    before = {s.digest: s.held_out for s in load(tmp_path, holdout=0.2).backgrounds}
    for count in range(11, 16):
        make_sources(tmp_path, count, 1)
        after = {s.digest: s.held_out for s in load(tmp_path, holdout=0.2).backgrounds}
        assert sum(after[d] != held for d, held in before.items()) <= 2
        before = after


def test_workers_change_nothing(sources: Path) -> None:
    assert load_sources(tiny_recipe(sources), 1) == load_sources(tiny_recipe(sources), 4)


def test_the_seed_alone_changes_sizes(sources: Path) -> None:
    sizes = [[(s.width, s.height) for s in load(sources, seed=seed).cutouts] for seed in (0, 0, 1)]
    assert sizes[0] == sizes[1] != sizes[2]


def test_hub_sources(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is taken apart rightly and the bytes are the files' own; the network is left out."""
    import datasets

    files = sorted((folder / "bg").glob("*.png"))
    images = datasets.Dataset.from_dict({"n": [1, 2], "photo": [str(f) for f in files]})
    images = images.cast_column("photo", datasets.Image())
    asked = []

    def fake(repo: str, revision: str | None = None) -> datasets.DatasetDict:
        asked.append((repo, revision))
        return datasets.DatasetDict({"train": images, "test": images.select([1])})

    monkeypatch.setattr(datasets, "load_dataset", fake)
    where = "hf://datasets/me/scenes"
    local, remote = load(folder), load(folder, backgrounds=where)
    assert [(s.name, s.digest, s.pixels) for s in remote.backgrounds] == [
        (s.name, s.digest, s.pixels) for s in local.backgrounds
    ]
    assert len(load(folder, backgrounds=f"{where}@v1:test#photo").backgrounds) == 1
    assert asked == [("me/scenes", None), ("me/scenes", "v1")]
    for wrong, message in ((":val", "no split"), ("#n", "no image column")):
        with pytest.raises(SourceError, match=message):
            load(folder, backgrounds=where + wrong)
    with pytest.raises(SourceError, match="hf://datasets/USER/NAME"):
        load(folder, backgrounds="hf://me")
    monkeypatch.setattr(datasets, "load_dataset", lambda *a, **k: 1 / 0)
    with pytest.raises(SourceError, match="cannot be loaded"):
        load(folder, backgrounds=where)


def test_prepared_pixels_are_what_is_compared(sources: Path) -> None:
    found = load(sources)
    for s in (*found.backgrounds, *found.cutouts):
        mode = "RGBA" if s in found.cutouts else "RGB"
        image = Image.frombytes(
            mode, (s.width, s.height), (decode_rgba if mode == "RGBA" else decode_rgb)(s.png).tobytes()
        )
        assert image.size == (s.width, s.height)
