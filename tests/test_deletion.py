"""A build deletes finished shards only when it was told to, and says how many and why."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from test_cli import build_words
from tiny import quiet_build, save, scene, statistics_of, tiny_recipe, tree

from fgbg_depth.builder.deletion import Deletion
from fgbg_depth.builder.slices import DELETIONS
from fgbg_depth.cli.main import main
from fgbg_depth.engine import local
from fgbg_depth.errors import OutputError
from fgbg_depth.recipe import load_recipe

NUM = 10  # shards of the fixture `built`


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    """A copy of a finished output, which may be changed."""
    shutil.copytree(built, tmp_path / "out")
    return tmp_path / "out"


def shard_names(output: Path) -> set[str]:
    return {path.name for path in (output / "data").glob("*.parquet")}


def test_a_changed_field_is_refused_and_nothing_is_changed(sources: Path, out: Path) -> None:
    before = tree(out)
    with pytest.raises(OutputError) as e:
        quiet_build(tiny_recipe(sources, placements=4), out)
    assert str(e.value) == (
        f"This build would delete all {NUM} finished shards in {out} and build {NUM} shards, because:\n"
        "  placements is 4, was 3\n"
        "  Pass --replace (in Python: replace=True) to delete them, or choose another --output to keep them."
    )
    assert tree(out) == before


def test_replace_deletes_and_says_so(sources: Path, out: Path) -> None:
    before, logged = shard_names(out), list[str]()
    quiet_build(tiny_recipe(sources, placements=4), out, replace=True, log=logged.append)
    text = next(line for line in logged if line.startswith("This build"))
    assert text.startswith(f"This build deletes all {NUM} finished shards in {out} and builds {NUM} shards")
    assert "placements is 4, was 3" in text
    assert not before & shard_names(out) and not (out / DELETIONS).exists()


def test_changed_sources_are_named(sources: Path, out: Path, tmp_path: Path) -> None:
    shutil.copytree(sources, tmp_path / "src")
    (tmp_path / "src" / "bg" / "scene_00.png").unlink()
    save(scene(99), tmp_path / "src" / "bg" / "scene_01.png")
    recipe = tiny_recipe(sources).replace(backgrounds=str(tmp_path / "src" / "bg"))
    with pytest.raises(OutputError) as e:
        quiet_build(recipe, out)
    assert "backgrounds: 1 removed (scene_00.png), 1 changed (scene_01.png)" in str(e.value)


def test_growing_does_not_ask(sources: Path, tmp_path: Path) -> None:
    """A new background adds shards and deletes none."""
    shutil.copytree(sources, tmp_path / "src")
    recipe = tiny_recipe(tmp_path / "src", holdout=0)
    quiet_build(recipe, tmp_path / "out")
    before = shard_names(tmp_path / "out")
    save(scene(77), tmp_path / "src" / "bg" / "zzz.png")
    assert quiet_build(recipe, tmp_path / "out").made == 1
    assert before < shard_names(tmp_path / "out")


def test_missing_shards_of_an_unfinished_output_need_no_question(sources: Path, built: Path, tmp_path: Path) -> None:
    quiet_build(tiny_recipe(sources), tmp_path / "out", slice_of=(1, 3))
    quiet_build(tiny_recipe(sources), tmp_path / "out")
    assert tree(tmp_path / "out") == tree(built)


def test_finished_shards_of_an_unfinished_output_are_not_deleted_silently(sources: Path, tmp_path: Path) -> None:
    quiet_build(tiny_recipe(sources), tmp_path / "out", slice_of=(1, 3))
    before = tree(tmp_path / "out")
    with pytest.raises(OutputError, match="placements is 4, was 3"):
        quiet_build(tiny_recipe(sources, placements=4), tmp_path / "out")
    assert tree(tmp_path / "out") == before


def test_new_labels_reuse_images_and_say_so(sources: Path, tmp_path: Path, simple_depth: list) -> None:
    quiet_build(tiny_recipe(sources, depth_model="simple"), tmp_path / "out")
    with pytest.raises(OutputError) as e:
        quiet_build(tiny_recipe(sources), tmp_path / "out")
    assert "depth_model is none, was simple" in str(e.value)
    assert "Their images are reused; no image of these is composed again." in str(e.value)


def test_a_continued_build_does_not_ask_again(
    sources: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted before and after its first shards; then with yet another recipe, which asks for the new shards."""
    recipe, asked, real = tiny_recipe(sources, placements=4), list[Deletion](), local.run
    confirm = lambda deletion: bool(asked.append(deletion)) or True  # noqa: E731

    def stop(job, tasks, *args) -> None:  # type: ignore[no-untyped-def]
        real(job, tasks[:2], *args)
        raise KeyboardInterrupt

    monkeypatch.setattr(local, "run", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            quiet_build(recipe, out, confirm=confirm)
    assert len(asked) == 1
    with pytest.raises(OutputError, match=f"would delete 4 of the {NUM + 4} finished shards"):
        quiet_build(recipe.replace(placements=5), out)
    monkeypatch.undo()
    quiet_build(recipe, out, confirm=confirm)
    assert len(asked) == 1
    quiet_build(recipe, tmp_path / "fresh")
    assert shard_names(out) == shard_names(tmp_path / "fresh") and not (out / DELETIONS).exists()


def test_slices_refuse_once_and_finish_deletes(sources: Path, out: Path) -> None:
    recipe, before = tiny_recipe(sources, placements=4), shard_names(out)
    with pytest.raises(OutputError, match="--replace"):
        quiet_build(recipe, out, slice_of=(1, 2), confirm=lambda deletion: pytest.fail("a slice asked"))
    assert (out / "statistics.json").exists()
    quiet_build(recipe, out, slice_of=(1, 2), replace=True)
    quiet_build(recipe, out, slice_of=(2, 2))
    assert before < shard_names(out), "a slice deleted shards"
    quiet_build(recipe, out, finish=True)
    assert not before & shard_names(out)


def test_another_format_is_a_reason(sources: Path, out: Path) -> None:
    statistics = statistics_of(out) | {"format": 0}
    (out / "statistics.json").write_text(json.dumps(statistics))
    with pytest.raises(OutputError, match=r"another version of fgbg-depth built them \(format 0; this version"):
        quiet_build(tiny_recipe(sources, placements=4), out)


# The command line


@pytest.mark.slow
def test_an_output_is_continued_with_its_own_recipe(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without sources the demonstration replaced a finished dataset."""
    out = tmp_path / "my set"
    assert main(build_words(sources, out)) == 0
    before = tree(out)
    capsys.readouterr()
    assert main(["build", "--output", str(out)]) == 0
    printed = capsys.readouterr().err
    assert f"Using the recipe of {out} (recipe.yaml), because neither --recipe nor sources are given." in printed
    assert "Nothing to do" in printed and tree(out) == before
    assert main(["build", "--output", str(out), "--license", "mit"]) == 0
    assert load_recipe(out / "recipe.yaml").license == "mit"
    assert main(["build", "--output", str(out), "--placements", "2"]) == 1
    assert "placements is 2, was 1" in capsys.readouterr().err
    assert main(["build", "--output", str(out), "--placements", "2", "--replace", "--workers", "1"]) == 0
    assert load_recipe(out / "recipe.yaml").backgrounds == str(sources / "bg")


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_the_question_in_a_terminal(
    answer: str,
    code: int,
    sources: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(build_words(sources, tmp_path / "out")) == 0
    before = shard_names(tmp_path / "out")
    monkeypatch.setattr(sys.stdin, "readline", lambda: answer, raising=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda self: True)
    capsys.readouterr()
    assert main([*build_words(sources, tmp_path / "out"), "--seed", "5"]) == code
    printed = capsys.readouterr().err
    assert "would delete all" in printed and "Delete them? [y/N]" in printed
    assert ("Nothing was changed" in printed) == (code == 1)
    assert (shard_names(tmp_path / "out") == before) == (code == 1)


def test_the_commands_that_push_and_verify_recommend_finish_the_build(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "my set"
    assert main([*build_words(sources, out), "--shards", "1/2"]) == 0
    for words in (["push", str(out), "user/name"], ["verify", str(out)]):
        capsys.readouterr()
        assert main(words) == 1
        assert f"build --output '{out}'" in "".join(capsys.readouterr())
    assert main(["build", "--output", str(out), "--workers", "1"]) == 0
    assert main(["verify", str(out)]) == 0


def test_an_empty_output_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--output", "", "--depth-model", "none"]) == 1
    assert "The address of the output is empty." in capsys.readouterr().err
