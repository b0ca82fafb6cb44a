"""Which external labeller a recipe's depth_model names, and which program it may start."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fgbg_depth.cli.main import main
from fgbg_depth.cli.recipe_options import recipe_from
from fgbg_depth.depth.external.names import (
    VARIABLE,
    Installed,
    Program,
    find_labeller,
    installed_names,
    parse_program,
    remember_program,
)
from fgbg_depth.depth.model_files import locate
from fgbg_depth.errors import DepthError, RecipeError
from fgbg_depth.recipe import Recipe
from fgbg_depth.recipe.parse import parse_recipe


@pytest.fixture(autouse=True)
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: it has da3.py and a virtual environment's link to this Python."""
    (tmp_path / "da3.py").write_text("")
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "python").symlink_to(sys.executable)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def register(folder: Path, package: str, lines: str) -> None:
    """Install a package's metadata with entry points, as pip does."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[fgbg_depth.labellers]\n{lines}\n")


def test_a_program_has_a_name_without_paths(here: Path) -> None:
    program = parse_program("exec:venv/python:da3.py:predict")
    assert program == Program(
        str(here / "venv" / "python"), str(here / "da3.py"), "predict"
    )  # the link, not its target
    assert program.name == "exec:da3:predict"
    module = parse_program(f"exec:{sys.executable}:package.module:predict")
    assert module.name == "exec:package.module:predict" and module.python == sys.executable
    (here / "a:b").symlink_to(sys.executable)
    assert parse_program("exec:./a:b:da3.py:f").python == str(here / "a:b")  # a colon in the path of the Python


@pytest.mark.parametrize(
    "text, message",
    [
        ("exec:", "is not a labeller program; write exec:PYTHON:MODULE:FUNCTION"),
        ("exec:a:b:", "is not a labeller program"),
        ("exec:/no/python:m:f", "there is no program /no/python"),
        ("exec:da3.py:m:f", r"there is no program da3\.py"),  # not executable
        ("exec:venv/python:no.py:f", r"there is no file no\.py"),
        ("exec:venv/python:a;b:f", "is not a labeller program"),
    ],
)
def test_texts_that_are_not_programs(here: Path, text: str, message: str) -> None:
    with pytest.raises(DepthError, match=message):
        parse_program(text)


def test_a_program_is_known_after_it_was_named(here: Path) -> None:
    with pytest.raises(
        DepthError, match=r"depth model exec:da3:predict runs a program.*\n.*exec:PYTHON:MODULE:predict"
    ):
        find_labeller("exec:da3:predict")
    assert remember_program("exec:venv/python:da3.py:predict") == "exec:da3:predict"
    assert remember_program("exec:venv/python:da3.py:other") == "exec:da3:other"
    found = find_labeller("exec:da3:predict")
    assert isinstance(found, Program) and found.python == str(here / "venv" / "python")
    assert remember_program(f"exec:{sys.executable}:da3.py:predict") == "exec:da3:predict"  # replaces the first
    again, other = find_labeller("exec:da3:predict"), find_labeller("exec:da3:other")
    assert isinstance(again, Program) and again.python == sys.executable
    assert isinstance(other, Program) and other.function == "other"
    with pytest.raises(DepthError, match="runs a program"):
        find_labeller("exec:os:predict")  # another module in the same Python was not named
    assert os.environ[VARIABLE].count(";") == 1  # workers inherit it
    for model in ("none", "densedepth-demo", "user/name", "exec:da3:predict"):
        assert remember_program(model) == model


def test_a_recipe_cannot_name_a_program() -> None:
    for model in ("exec:/bin/python:m:f", "exec:python:m:f", "exec:../m.py:f", "exec:m", "exec:", "exec:m:f;g"):
        with pytest.raises(RecipeError, match="names no program of one computer"):
            Recipe(depth_model=model)
        with pytest.raises(RecipeError, match="depth_model"):
            parse_recipe(f"depth_model: '{model}'")
    assert Recipe(depth_model="exec:package.module-2:predict").has_depth


def test_a_recipe_file_starts_no_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("depth_model: exec:os:abort\n")
    assert main(["build", "--recipe", str(recipe), "--output", str(tmp_path / "out"), "--dry-run"]) == 1
    assert "depth model exec:os:abort runs a program" in capsys.readouterr().err


def test_the_option_names_the_program_and_the_recipe_gets_the_name(here: Path) -> None:
    from fgbg_depth.cli.main import parser

    recipe = recipe_from(parser().parse_args(["build", "--depth-model", "exec:venv/python:da3.py:predict"]))
    assert recipe.depth_model == "exec:da3:predict" and str(here) not in recipe.to_yaml()
    assert isinstance(find_labeller(recipe.depth_model), Program)


def test_labellers_of_installed_packages(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_labeller("brightness") is None
    monkeypatch.syspath_prepend(here)
    names = ("brightness", "other", "densedepth-demo", "none")
    register(here, "first", "\n".join(f"{name} = labeller_functions:brightness" for name in names))
    found = find_labeller("brightness")
    assert isinstance(found, Installed) and found.entry_point.value == "labeller_functions:brightness"
    assert {"brightness", "other"} <= set(installed_names())
    with pytest.raises(DepthError, match=r"Labellers of installed packages: brightness, .*other"):
        locate("brighness")
    assert find_labeller("./brightness") is None and find_labeller("user/brightness") is None
    assert find_labeller("densedepth-demo") is None and find_labeller("none") is None  # a package cannot replace them
    (here / "brightness").mkdir()
    with pytest.raises(
        DepthError, match=r"is both a folder here and a labeller.*\n  For the folder write \./brightness"
    ):
        find_labeller("brightness")
    register(here, "second", "other = somewhere.else:predict")
    with pytest.raises(DepthError, match=r"several installed packages: labeller_functions:brightness, somewhere\.else"):
        find_labeller("other")
