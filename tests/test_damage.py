"""Damaged shards are found before a build changes anything, and are built again; nothing else is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import quiet_build, tiny_recipe, tree

from fgbg_depth.builder import pipeline
from fgbg_depth.builder.damage import NOTES, note_damaged, read_damaged
from fgbg_depth.cli.main import main
from fgbg_depth.errors import OutputError
from fgbg_depth.storage.files import Storage


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    """A copy of a finished output, which may be changed."""
    shutil.copytree(built, tmp_path / "out")
    return tmp_path / "out"


def flip(path: Path, at: float = 0.5) -> None:
    """Flip a bit at a fraction of a file's length."""
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= 1
    path.write_bytes(data)


def flip_record(path: Path) -> None:
    """Change one digit of the statistics in a shard's footer."""
    data = path.read_bytes()
    at = data.rindex(b'"rgb_bytes": ') + len(b'"rgb_bytes": ')
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "text": lambda path: path.write_text("not a shard"),
    "missing": lambda path: path.unlink(),
}
FLIPPED: dict[str, Callable[[Path], object]] = {"content": lambda path: flip(path, 0.2), "record": flip_record}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_complete_output_with_a_damaged_shard(sources: Path, built: Path, out: Path, case: str) -> None:
    """The size or the ends of the file show it; the build used to say that there is nothing to do, or to fail."""
    shard, logged = sorted((out / "data").iterdir())[1], list[str]()
    DAMAGE[case](shard)
    result = quiet_build(tiny_recipe(sources), out, log=logged.append)
    assert result.made == 1 and tree(out) == tree(built)
    assert case == "missing" or f"damaged: data/{shard.name} (" in "\n".join(logged)


@pytest.mark.parametrize("case", [*DAMAGE, *FLIPPED])
def test_an_unfinished_output_with_damaged_shards(sources: Path, built: Path, out: Path, case: str) -> None:
    """Without records, as after a killed build, shards are read once."""
    (out / "statistics.json").unlink()
    for shard in sorted((out / "data").iterdir())[:2]:
        (DAMAGE | FLIPPED)[case](shard)
    assert quiet_build(tiny_recipe(sources), out).made == 2
    assert tree(out) == tree(built)


def test_a_shard_with_the_name_of_another(sources: Path, built: Path, out: Path) -> None:
    (out / "statistics.json").unlink()
    first, second = sorted((out / "data").iterdir())[:2]
    shutil.copy(first, second)
    assert quiet_build(tiny_recipe(sources), out).made == 1
    assert tree(out) == tree(built)


def test_shards_are_hashed_once_in_repeated_starts(sources: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read at the start of an interrupted build is recorded for the next one."""
    (out / "statistics.json").unlink()
    next((out / "data").iterdir()).unlink()

    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    from fgbg_depth.builder import damage

    measured, real = [], damage.measure
    monkeypatch.setattr(damage, "measure", lambda storage, name: measured.append(name) or real(storage, name))
    monkeypatch.setattr(pipeline.local, "run", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            quiet_build(tiny_recipe(sources), out)
    assert len(measured) == len(set(measured)) == 9


@pytest.mark.slow
def test_images_of_a_damaged_shard_are_not_reused(sources: Path, tmp_path: Path, simple_depth: list) -> None:
    out = tmp_path / "out"
    quiet_build(tiny_recipe(sources, depth_model="simple"), out)
    flip(sorted((out / "data").iterdir())[0])
    result = quiet_build(tiny_recipe(sources), out, replace=True)
    assert (result.made, result.relabelled) == (10, 9)
    quiet_build(tiny_recipe(sources), tmp_path / "fresh")
    assert {n: d for n, d in tree(out).items() if n.startswith("data/")} == {
        n: d for n, d in tree(tmp_path / "fresh").items() if n.startswith("data/")
    }


def test_statistics_stay_when_a_build_is_refused(sources: Path, out: Path) -> None:
    flip(sorted((out / "data").iterdir())[0], 0.999)
    before = tree(out)
    with pytest.raises(OutputError, match="placements is 2"):
        quiet_build(tiny_recipe(sources, placements=2), out)
    assert tree(out) == before


def test_a_slice_repairs_its_damaged_shards(sources: Path, built: Path, tmp_path: Path) -> None:
    recipe, out = tiny_recipe(sources), tmp_path / "out"
    for i in (1, 2):
        quiet_build(recipe, out, slice_of=(i, 2))
    shard = sorted((out / "data").iterdir())[0]
    DAMAGE["truncated"](shard)
    with pytest.raises(OutputError, match=shard.name):
        quiet_build(recipe, out, finish=True)
    assert sum(quiet_build(recipe, out, slice_of=(i, 2)).made for i in (1, 2)) == 1
    quiet_build(recipe, out, finish=True)
    assert tree(out) == tree(built)


def test_noted_files_are_those_that_have_not_changed_since(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    for name in ("a", "b", "c"):
        storage.write(name, b"wrong")
    note_damaged(storage, ["a", "b", "never existed"])
    assert read_damaged(storage) == {"a", "b"}
    storage.write("a", b"right")
    assert read_damaged(storage) == {"b"}
    for text in ("[]", "{", '"a"'):
        storage.write(NOTES, text.encode())
        assert read_damaged(storage) == frozenset()
    note_damaged(storage, [])
    assert not (tmp_path / NOTES).exists()


# A lost recipe.yaml


@pytest.mark.parametrize("text", [None, "", "\n"])
def test_the_recipe_is_recovered_from_the_statistics(
    built: Path, out: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / "recipe.yaml").unlink() if text is None else (out / "recipe.yaml").write_text(text)
    assert main(["build", "--output", str(out), "--workers", "1"]) == 0
    assert "(statistics.json)" in capsys.readouterr().err
    assert tree(out) == tree(built)


def test_a_recipe_that_is_lost_for_good(
    sources: Path, built: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message asks for the original sources and options; with them every shard is reused."""
    (out / "recipe.yaml").unlink()
    (out / "statistics.json").unlink()
    assert main(["build", "--output", str(out)]) == 1
    assert "its recipe is not known" in capsys.readouterr().err
    assert quiet_build(tiny_recipe(sources), out).made == 0
    assert tree(out) == tree(built)


def test_a_recipe_that_cannot_be_read(built: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (out / "recipe.yaml").write_text("size: [\n")
    assert main(["build", "--output", str(out)]) == 2
    assert "delete it: the recipe is then taken from statistics.json" in capsys.readouterr().err
    (out / "recipe.yaml").unlink()
    assert main(["build", "--output", str(out)]) == 0
    assert tree(out) == tree(built)
