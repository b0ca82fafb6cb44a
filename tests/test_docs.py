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


@pytest.mark.parametrize("page", ["architecture.md", "cli.md", "recipe.md"])
def test_generated_pages_are_up_to_date(generate: ModuleType, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fgbg-depth"])
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert text == generate.PAGES[page](), "run: python docs/generate.py"


def test_every_module_explains_itself_in_the_tree(generate: ModuleType) -> None:
    lines = generate.tree().splitlines()
    modules = list((ROOT / "fgbg_depth").rglob("*.py"))
    assert len(lines) == len(modules)  # a folder's line stands for its __init__.py
    for line in lines:
        name, _, summary = line.strip().partition(" ")
        assert len(summary.strip()) > 15, f"{name} has no docstring that says what it is for"
