"""Finding pictures in a folder: links, hidden files, and folders without pictures."""

import os
from pathlib import Path

import pytest
from tiny import make_sources, save, scene, tiny_recipe

from fgbg_depth.errors import SourceError
from fgbg_depth.sources.load import Sources, load_sources


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
    assert [s.name for s in found.backgrounds] == ["again", "in", "linked", "scene_00", "scene_01"]
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
