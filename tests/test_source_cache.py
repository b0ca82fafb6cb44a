"""Prepared sources are kept by content between builds, and nothing but time depends on it."""

import os
from pathlib import Path

import pytest
from tiny import tiny_recipe

from fgbg_depth import paths
from fgbg_depth.recipe import Recipe
from fgbg_depth.sources import cache, load
from fgbg_depth.sources.cache import PreparedCache

DIGEST = "ab" * 32


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FGBG_DEPTH_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "prepared"


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each source that is prepared and not found in the cache."""
    calls: list[int] = []
    for name in ("prepare_background", "prepare_cutout"):
        original = getattr(load, name)
        monkeypatch.setattr(load, name, lambda data, recipe, f=original: calls.append(1) or f(data, recipe))
    return calls


def test_a_second_build_prepares_nothing(sources: Path, prepared: list[int]) -> None:
    recipe = tiny_recipe(sources)
    first = load.load_sources(recipe, workers=2)
    assert len(prepared) == len(first.backgrounds) + len(first.cutouts)
    assert load.load_sources(recipe.replace(holdout=0, shard_rows=100, name="other")).cutouts != ()
    assert load.load_sources(recipe) == first
    assert len(prepared) == len(first.backgrounds) + len(first.cutouts)


@pytest.mark.parametrize("change", [{"size": 40}, {"seed": 5}, {"foreground_min": 0.2}, {"defringe": "auto"}])
def test_another_recipe_prepares_again(sources: Path, prepared: list[int], change: dict) -> None:
    recipe = tiny_recipe(sources)
    load.load_sources(recipe)
    num_sources = len(prepared)
    changed = load.load_sources(recipe.replace(**change))
    assert len(prepared) == 2 * num_sources
    assert load.load_sources(recipe.replace(**change)) == changed


def test_changed_code_prepares_again(sources: Path, prepared: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tiny_recipe(sources)
    load.load_sources(recipe)
    num_sources = len(prepared)
    monkeypatch.setattr(cache, "_code_digest", lambda: "other")
    load.load_sources(recipe)
    assert len(prepared) == 2 * num_sources


def test_the_code_digest_covers_the_code_that_prepares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / name if name.endswith(".py") else tmp_path / name / "inner" / "code.py" for name in cache._CODE]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("a = 1")
    monkeypatch.setattr(paths, "PACKAGE", tmp_path)
    digests = set()
    for file in files:
        file.write_text("a = 2")
        cache._code_digest.cache_clear()
        digests.add(cache._code_digest())
    cache._code_digest.cache_clear()
    assert len(digests) == len(cache._CODE)


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"no json", None])
def test_damaged_files_are_prepared_again(sources: Path, home: Path, damage: bytes | None) -> None:
    recipe = tiny_recipe(sources)
    first = load.load_sources(recipe)
    for file in home.iterdir():
        data = bytearray(file.read_bytes())
        data[-20] ^= 1
        file.write_bytes(bytes(data) if damage is None else damage)
    assert load.load_sources(recipe) == first


def test_a_folder_that_cannot_be_written_stops_no_build(sources: Path, home: Path) -> None:
    home.parent.mkdir()
    home.write_text("a file where the folder would be")
    assert load.load_sources(tiny_recipe(sources)).backgrounds


def test_the_files_written_first_are_deleted_first(home: Path) -> None:
    kept = PreparedCache(Recipe(), "backgrounds")
    for number in range(5):
        kept.put(f"{number}" * 64, {"width": number}, bytes(1000))
        file = kept._path(f"{number}" * 64)

        os.utime(file, ns=(number, number))
    size = file.stat().st_size
    kept.remove_oldest(max_bytes=3 * size)
    assert [kept.get(f"{number}" * 64) is not None for number in range(5)] == [False, False, True, True, True]
    assert not list(home.glob("*.tmp"))
