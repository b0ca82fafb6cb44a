"""Slices of a build and `finish` give the same bytes as one build, in any order and at the same time."""

import json
import multiprocessing
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tiny import make_sources, quiet_build, tiny_recipe, tree

from fgbg_depth.builder import finish, slices
from fgbg_depth.builder.output import check_output
from fgbg_depth.builder.planning import plan_build
from fgbg_depth.builder.slices import PREVIOUS_MANIFEST, read_known_files, slice_paths
from fgbg_depth.errors import OutputError
from fgbg_depth.manifest import Version
from fgbg_depth.storage.files import Storage


@pytest.mark.parametrize("count", [1, 2, 3, 7, 40])
def test_slices_have_every_shard_once_and_similar_sizes(sources: Path, count: int) -> None:
    plan = plan_build(tiny_recipe(sources))
    rows = {shard.path: shard.rows for shard in plan.shards}
    made = Counter(path for i in range(1, count + 1) for path in slice_paths(plan, i, count))
    assert made == Counter(list(rows))
    loads = [sum(rows[path] for path in slice_paths(plan, i, count)) for i in range(1, count + 1)]
    assert max(loads) - min(loads) <= max(rows.values())


def test_slices_in_any_order_then_finish_give_the_bytes_of_one_build(
    sources: Path, built: Path, tmp_path: Path
) -> None:
    recipe, output = tiny_recipe(sources), tmp_path / "out"
    for i in (3, 1, 2):
        result = quiet_build(recipe, output, slice_of=(i, 3))
        assert not result.whole and result.made
        assert not (output / "statistics.json").exists()
    result = quiet_build(recipe, output, finish=True)
    assert result.whole and result.made == 0
    assert tree(output) == tree(built)


def test_finish_uses_the_recorded_hashes(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, output = tiny_recipe(sources), tmp_path / "out"
    quiet_build(recipe, output, slice_of=(1, 2))
    quiet_build(recipe, output, slice_of=(2, 2))
    hashed = []
    real = Storage.sha256
    monkeypatch.setattr(Storage, "sha256", lambda self, name: hashed.append(name) or real(self, name))
    quiet_build(recipe, output, finish=True)
    assert hashed and not [name for name in hashed if name.startswith("data/")]


def test_a_repeated_slice_builds_nothing_and_keeps_the_records(sources: Path, built: Path, tmp_path: Path) -> None:
    recipe, output = tiny_recipe(sources), tmp_path / "out"
    assert quiet_build(recipe, output, slice_of=(1, 2)).made > 0
    assert quiet_build(recipe, output, slice_of=(1, 2)).made == 0
    quiet_build(recipe, output, slice_of=(2, 2))
    quiet_build(recipe, output, finish=True)
    assert tree(output) == tree(built)
    result = quiet_build(recipe, output, slice_of=(1, 2))  # after the end of the build
    assert result.whole and not result.changed and tree(output) == tree(built)


def test_missing_shards_are_named_and_no_file_is_changed(sources: Path, tmp_path: Path) -> None:
    recipe, output = tiny_recipe(sources), tmp_path / "out"
    quiet_build(recipe, output, slice_of=(2, 3))
    before = tree(output)
    missing = [s.path for s in plan_build(recipe).shards if not (output / s.path).exists()]
    with pytest.raises(OutputError, match=f"^{len(missing)} of .* shards are missing") as e:
        quiet_build(recipe, output, finish=True)
    assert all(path in str(e.value) for path in missing[:10]) and "--shards i/n" in str(e.value)
    assert tree(output) == before


def test_finish_of_an_empty_output(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="shards are missing"):
        quiet_build(tiny_recipe(sources), tmp_path / "out", finish=True)
    assert tree(tmp_path / "out") == {}


def test_shards_with_other_labels_get_a_hint_about_precision(
    sources: Path, tmp_path: Path, simple_depth: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slices on GPU nodes, --finish on a login node, and a precision that depends on the device."""
    import tiny

    import fgbg_depth.depth.models

    recipe = tiny_recipe(sources, depth_model="simple")
    quiet_build(recipe, tmp_path / "out", slice_of=(1, 1))
    spec = tiny.simple_spec(recipe, precision="bf16")
    monkeypatch.setattr(fgbg_depth.depth.models, "resolve_spec", lambda *args: spec)
    with pytest.raises(OutputError, match="the same --depth-precision"):
        quiet_build(recipe, tmp_path / "out", finish=True)


def test_finish_is_refused_while_a_slice_runs(sources: Path, tmp_path: Path) -> None:
    with Storage(tmp_path / "out").lock(shared=True), pytest.raises(OutputError, match="another build is writing"):
        quiet_build(tiny_recipe(sources), tmp_path / "out", finish=True)


def test_a_slice_that_starts_while_another_writes_its_first_file(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other slice's recipe appears between the two listings of the folder."""
    output, real = tmp_path / "out", Storage.list
    other = quiet_build(tiny_recipe(sources), tmp_path / "other", slice_of=(1, 2))
    assert other.made

    def list_then_appear(self: Storage, *args: Any, **kwargs: Any) -> dict[str, int]:
        found = real(self, *args, **kwargs)
        if not output.joinpath("recipe.yaml").exists():
            shutil.copytree(tmp_path / "other", output, dirs_exist_ok=True)
        return found

    monkeypatch.setattr(Storage, "list", list_then_appear)
    check_output(Storage(output))
    monkeypatch.undo()
    shutil.rmtree(output)
    output.mkdir()
    (output / "holiday.jpg").write_bytes(b"not ours")
    with pytest.raises(OutputError, match="not made by fgbg-depth"):
        check_output(Storage(output))


def test_history_survives_an_interrupted_build(
    sources: Path, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build removes statistics.json when it starts; the history is in that file only."""
    output = tmp_path / "out"
    shutil.copytree(built, output)
    statistics = json.loads((output / "statistics.json").read_text())
    statistics |= {"version": "v1.0.0", "history": [Version(version="v1.0.0", rows=150).model_dump()]}
    (output / "statistics.json").write_text(json.dumps(statistics))
    shard = next(iter(statistics["shards"]))
    (output / shard).unlink()

    def stop(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(finish, "finish_build", stop)
        with pytest.raises(KeyboardInterrupt):
            quiet_build(tiny_recipe(sources), output)
    assert (output / PREVIOUS_MANIFEST).exists() and not (output / "statistics.json").exists()
    quiet_build(tiny_recipe(sources), output)
    again = json.loads((output / "statistics.json").read_text())
    assert (again["version"], again["history"]) == ("v1.0.0", statistics["history"])
    assert not (output / PREVIOUS_MANIFEST).exists()
    assert again["shards"] == statistics["shards"]


def test_records_that_disagree_are_ignored(tmp_path: Path) -> None:
    from fgbg_depth.storage.files import FileInfo

    storage = Storage(tmp_path)
    slices.write_record(storage, {"data/a": FileInfo(1, "aa"), "data/b": FileInfo(2, "bb")})
    slices.write_record(storage, {"data/a": FileInfo(1, "other")})
    (tmp_path / ".slice-half.json").write_text('{"data/c": ')
    assert read_known_files(storage, None) == {"data/b": FileInfo(2, "bb")}
    slices.remove_records(storage)
    assert list(tmp_path.iterdir()) == []


def _one_slice(folder: str, output: str, index: int, count: int, gate: Any) -> None:
    gate.wait(60)
    quiet_build(tiny_recipe(Path(folder), placements=6), output, slice_of=(index, count))


@pytest.mark.slow
def test_slices_at_the_same_time(tmp_path: Path) -> None:
    """Three processes start at the same moment on an output that does not exist."""
    make_sources(tmp_path / "sources", 9, 5)
    recipe = tiny_recipe(tmp_path / "sources", placements=6)
    quiet_build(recipe, tmp_path / "one")
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(3)
    arguments = (str(tmp_path / "sources"), str(tmp_path / "out"))
    processes = [context.Process(target=_one_slice, args=(*arguments, i, 3, gate)) for i in (1, 2, 3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    quiet_build(recipe, tmp_path / "out", finish=True)
    assert tree(tmp_path / "out") == tree(tmp_path / "one")
