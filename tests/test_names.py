"""Names of sources: unique, printable, and independent of the order of files."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import make_sources, save, scene, tiny_recipe

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


def test_a_suffix_never_gives_the_name_of_another_file(folder: Path) -> None:
    save(scene(30), folder / "bg" / "x.png")
    save(scene(31), folder / "bg" / "x.bmp")
    clash = next(s for s in load(folder).backgrounds if s.name.startswith("x-")).name
    save(scene(32), folder / "bg" / f"{clash}.png")
    names = [s.name for s in load(folder).backgrounds]
    assert len(set(names)) == len(names)


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
