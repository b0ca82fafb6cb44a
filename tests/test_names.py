"""Names of sources: unique, printable, and independent of other files."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import make_sources, save, scene, thing, tiny_recipe

from fgbg_depth.plan import make_plan
from fgbg_depth.sources.load import Sources, load_sources
from fgbg_depth.sources.names import printable, source_name, unique_names


def load(folder: Path, **changes: object) -> Sources:
    return load_sources(tiny_recipe(folder, **changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_sources(tmp_path, 2, 2)


def test_names_of_sources_are_unique_and_printable(folder: Path) -> None:
    names = [
        "a.png",
        "a.jpg",
        "sub/a.jpg",
        "A.jpg",
        "a.png.jpg",
        "é.png",
        "e\u0301.png",
        " .png",
        " .jpg",
        "x\ny.png",
        "x\ry.png",
        "[31m\x1b.png",
        "-.png",
        "a" * 240 + ".png",
        "a" * 241 + ".png",
    ]
    for index, name in enumerate(names):
        save(scene(20 + index), folder / "bg" / name)
    shutil.copy(folder / "bg" / "a.jpg", folder / "bg" / "sub" / "b.jpg")
    with open(os.fsencode(folder / "bg") + b"/\xff\xfe.png", "wb") as f:
        f.write((folder / "bg" / "scene_00.png").read_bytes())
    found = load(folder)
    got = [s.name for s in found.backgrounds]
    assert len(set(got)) == len(got) == 2 + len(names) + 2 and got == sorted(got)
    for s in found.backgrounds:
        assert s.name.isprintable() and s.file.isprintable() and 0 < len(s.name) <= 210
        f"{s.name}{s.file}".encode()
    assert {"a", "a.png", "sub/a", "sub/b", "A", "a.png.jpg", "-.png"} <= set(got)


@pytest.mark.parametrize(
    ("file", "extension", "name"),
    [
        ("lake.jpg", ".jpg", "lake"),
        ("lake.png", ".jpg", "lake.png"),
        ("lake.JPG", ".jpg", "lake.JPG"),
        ("alps/lake.jpg", ".jpg", "alps/lake"),
        ("lake.png.jpg", ".jpg", "lake.png.jpg"),
        ("v1.2.jpg", ".jpg", "v1.2"),
        ("cat.png", ".png", "cat"),
        ("cat.webp", ".png", "cat.webp"),
        ("000012", ".jpg", "000012"),
    ],
)
def test_a_name_is_the_path_without_the_usual_extension(file: str, extension: str, name: str) -> None:
    assert source_name(file, extension) == name


PARTS = st.text(st.sampled_from("ab. "), min_size=1, max_size=4).filter(lambda part: not part.startswith("."))


@given(st.sets(st.lists(PARTS, min_size=1, max_size=3).map("/".join), max_size=6))
def test_files_with_different_paths_have_different_names(stems: set[str]) -> None:
    files = [stem + extension for stem in stems for extension in (".jpg", ".png", ".png.jpg", ".jpeg")]
    assert len({source_name(file, ".jpg") for file in files}) == len(set(files))


def test_more_files_rename_no_source(folder: Path) -> None:
    """Names are stored in rows: a new name would build the background's shards again."""
    save(scene(30), folder / "bg" / "lake.jpg")
    save(thing(30), folder / "fg" / "cat.png")
    before = make_plan(tiny_recipe(folder, holdout=0), load(folder, holdout=0), None)
    for index, name in enumerate(["lake.png", "lake.JPG", "lake.webp", "lake.png.jpg"]):
        save(scene(40 + index), folder / "bg" / name)
    after = make_plan(tiny_recipe(folder, holdout=0), load(folder, holdout=0), None)
    assert "lake" in {shard.bg for shard in before.shards}
    assert set(before.shards) < set(after.shards)
    save(scene(50), folder / "bg" / "alps" / "lake.jpg")  # the folder is a class, for which all shards get a column
    names = {s.digest: s.name for s in load(folder).backgrounds}
    assert names.items() >= {s.digest: s.name for s in after.sources.backgrounds}.items()
    save(thing(31), folder / "fg" / "cat.webp")
    save(thing(32), folder / "fg" / "animals" / "cat.png")
    names = {s.digest: s.name for s in load(folder).cutouts}
    assert names.items() >= {s.digest: s.name for s in before.sources.cutouts}.items()


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "a-aaaaaa", "a-aaaaaa-2"]), st.sampled_from(["a" * 64, "b" * 64])))
)
def test_no_name_occurs_twice(sources: list[tuple[str, str]]) -> None:
    names = unique_names([name for name, _ in sources], [digest for _, digest in sources])
    assert len(set(names)) == len(names)
    for given_name, name in zip([name for name, _ in sources], names, strict=True):
        assert name.startswith(given_name)


@given(st.text())
def test_names_are_one_line_of_text(file: str) -> None:
    name = source_name(printable(file.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")))
    assert name.isprintable() and 0 < len(name) <= 200
