"""Finding pictures in a folder: links, hidden files, outputs, files of other kinds, and folders without pictures."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image
from tiny import make_sources, quiet_build, save, scene, tiny_recipe, tree

from fgbg_depth.builder.dry_run import write_sheet
from fgbg_depth.errors import SourceError
from fgbg_depth.sources import decode as decode_module
from fgbg_depth.sources import folder as folder_module
from fgbg_depth.sources.decode import EXTENSIONS
from fgbg_depth.sources.folder import list_folder
from fgbg_depth.sources.load import Sources, load_sources
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.check import verify


def load(folder: Path, **changes: object) -> Sources:
    return load_sources(tiny_recipe(folder, **changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_sources(tmp_path, 2, 2)


def test_subfolders_and_links_are_followed_other_files_are_skipped(folder: Path) -> None:
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
    assert [s.name for s in found.backgrounds] == [
        "again.png",
        "deep/er/in",
        "link/linked.PNG",
        "scene_00.png",
        "scene_01.png",
    ]
    assert any("the same file 2 times" in w for w in found.warnings)


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
        SourceError,
        match={"missing": "does not exist", "file": "not a folder"}.get(what, "contains no|every cut-out was left out"),
    ) as e:
        load(folder, foregrounds=str(where), skip_bad=True)
    assert str(where) in str(e.value)
    if what == "texts":
        assert "1 .txt" in str(e.value)


def test_an_unreadable_folder_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "bg" / "locked").mkdir()
    scandir = os.scandir

    def refuse(path: object) -> object:  # root may read every folder, so permissions cannot be used here
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SourceError, match="locked cannot be read"):
        load(folder)


def test_an_output_in_a_source_folder_is_ignored(folder: Path, built: Path) -> None:
    shutil.copytree(built, folder / "bg" / "year" / "my set")
    (folder / "bg" / "year" / "my set" / "recipe.yaml").unlink()
    save(scene(5), folder / "bg" / "data" / "a.png")  # a folder that only has the name of one of ours
    save(scene(6), folder / "bg" / "assets" / "b.png")
    (folder / "bg" / "recipe.yaml").write_text(tiny_recipe(folder).to_yaml())
    (folder / "bg" / "statistics.json").write_text('{"format": "of something else"}')
    found = load(folder)
    assert len(found.backgrounds) == 4
    assert found.ignored_outputs == ("bg/year/my set (an output of fgbg-depth)",)
    assert found.ignored == ("1 .json, 1 .yaml in bg",)


def test_an_unfinished_output_is_recognised_by_its_shards(folder: Path, built: Path) -> None:
    shutil.copytree(built, folder / "bg" / "set")
    (folder / "bg" / "set" / "statistics.json").unlink()
    assert load(folder).ignored_outputs == ("bg/set (an output of fgbg-depth)",)
    shutil.rmtree(folder / "bg" / "set" / "data")
    assert load(folder).ignored_outputs == ("bg/set (an output of fgbg-depth)",)
    for config in ("bg", "fg"):
        shutil.rmtree(folder / "bg" / "set" / config)
    assert load(folder).ignored_outputs == ()


def test_an_output_is_no_folder_of_sources(folder: Path, built: Path) -> None:
    with pytest.raises(SourceError, match=f"{built} is an output of fgbg-depth, not a folder of backgrounds"):
        load(folder, backgrounds=str(built))


def test_a_build_into_its_source_folder_can_be_repeated(folder: Path) -> None:
    out, logged = folder / "bg" / "set", list[str]()
    recipe = tiny_recipe(folder)
    quiet_build(recipe, out, log=logged.append)
    before = tree(out)
    assert "ignored: bg/set (an output of fgbg-depth)" not in logged
    again = quiet_build(recipe, out, log=logged.append)
    assert not again.changed and tree(out) == before
    assert "ignored: bg/set (an output of fgbg-depth)" in logged
    (out / "README.md").unlink()  # so that statistics and card are written again
    quiet_build(recipe, out)
    assert tree(out) == before


def test_files_of_other_kinds_are_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.HEIC", "film.mp4", "b.txt", "c.txt", "Makefile", ".hidden.mov"):
        (folder / "bg" / name).write_bytes(b"x")
    monkeypatch.setattr(folder_module, "readable_extensions", lambda: EXTENSIONS)  # as without pillow-heif
    expected = "2 .txt, 1 without extension, 1 .heic (install pillow-heif), 1 .mp4 in bg"
    assert load(folder).ignored == (expected,)
    for index in range(9):
        (folder / "bg" / f"x.kind{index}").write_bytes(b"x")
    assert load(folder).ignored[0].endswith(".kind3, 1 .kind4, 5 of other kinds in bg")
    logged: list[str] = []
    quiet_build(tiny_recipe(folder), folder / "out", log=logged.append)
    assert any(line.startswith("ignored: 2 .txt, 1 without extension, 1 .heic (install") for line in logged)
    assert "1 .heic (install pillow-heif)" in (folder / "out" / "README.md").read_text()
    assert verify(folder / "out").ok


def test_a_folder_of_unreadable_kinds_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "readable_extensions", lambda: EXTENSIONS)
    (folder / "photos").mkdir()
    (folder / "photos" / "IMG_1.HEIC").write_bytes(b"x")
    with pytest.raises(SourceError, match=r"contains no picture \(found 1 .heic \(install pillow-heif\)\)"):
        load(folder, backgrounds=str(folder / "photos"))


def test_with_pillow_heif_the_pictures_of_phones_are_read(folder: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.fromarray(scene(3, 64, 64))).save(folder / "bg" / "IMG_1.HEIC", quality=95)
    found = load(folder)
    assert len(found.backgrounds) == 3 and found.ignored == ()


def test_the_contact_sheet_of_a_dry_run_is_no_source(tmp_path: Path) -> None:
    """It lies beside the output, which may lie in a source folder."""
    make_sources(tmp_path, 3, 3)
    storage = Storage(tmp_path / "bg" / "set")
    sheet = write_sheet(storage, Image.new("RGB", (40, 40)))
    save(scene(1), tmp_path / "bg" / "my-contact-sheet.png")  # of the user
    listing = list_folder(tmp_path / "bg", "backgrounds")
    assert sheet.parent == tmp_path / "bg"
    assert len(listing.pictures) == 4 and listing.outputs == (f"bg/{sheet.name} (an output of fgbg-depth)",)


def test_without_avif_support_the_message_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_module.features, "check", lambda name: False)
    decode_module._readable_formats.cache_clear()
    try:
        (folder / "bg" / "a.avif").write_bytes(b"x")
        assert load(folder).ignored == ("1 .avif (install Pillow 11.3 or newer) in bg",)
    finally:
        decode_module._readable_formats.cache_clear()
