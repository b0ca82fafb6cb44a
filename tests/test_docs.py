"""Documents that are made from the code, or that must agree with it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["cli.md", "recipe.md"])
def test_generated_pages_are_up_to_date(generate: ModuleType, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fgbg-depth"])
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert text == generate.PAGES[page](), "run: python docs/generate.py"


def test_every_module_is_in_the_tree_of_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = text.split("```", 2)[1]
    package = ROOT / "fgbg_depth"
    names = {p.relative_to(package).as_posix() for p in package.rglob("*.py") if p.name != "__init__.py"}
    listed = set()
    folders: list[tuple[int, str]] = []
    for line in tree.splitlines():
        name = line.split(maxsplit=1)[0] if line.strip() else ""
        depth = len(line) - len(line.lstrip())
        while folders and folders[-1][0] >= depth:
            folders.pop()
        path = "/".join([*(folder for _, folder in folders), name])
        if name.endswith("/"):
            folders.append((depth, name.rstrip("/")))
        elif name.endswith(".py"):
            listed.add(path)
            assert len(line.split(maxsplit=1)) == 2, f"{path} has no line of explanation"
    in_package = {path.removeprefix("fgbg_depth/") for path in listed if path.startswith("fgbg_depth/")}
    assert in_package == names
