"""`build --from`: continue a dataset on the Hub without its shards and without its original pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hub_client import NAME, QUICK, edit_on_hub, files_of, repo_of, send
from hub_server import HubServer
from small_output import METRIC, use_slope
from test_hub_small_changes import draw_background, draw_cutouts

from fgbg_depth.builder.pipeline import BuildResult, build
from fgbg_depth.cli.main import main
from fgbg_depth.errors import HubError, OutputError, RecipeError, SourceError, UsageError
from fgbg_depth.hub.push import push
from fgbg_depth.manifest import Manifest
from fgbg_depth.manifest.differences import differences
from fgbg_depth.read.hub_base import BASE_FILE, HubBase
from fgbg_depth.read.load import load
from fgbg_depth.read.reader import DatasetReader
from fgbg_depth.recipe import Recipe
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.check import verify

pytest_plugins = ["hub_fixtures"]

NUM_BG = 8


def built(recipe: Recipe | None, output: Path, **options: Any) -> tuple[BuildResult, list[str]]:
    """Build with `Slope` as the depth model; returns the result and what the build said."""
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        use_slope(patch, METRIC)
        patch.setenv("FGBG_DEPTH_HOME", str(output.parent / "home"))
        return build(recipe, output, workers=1, device="cpu", progress=False, log=said.append, **options), said


def manifest_of(output: Path) -> Manifest:
    found = Manifest.read(Storage(output))
    assert found is not None
    return found


def recipe_of(folder: Path, **changes: Any) -> Recipe:
    values = {"size": 96, "placements": 3, "holdout": 0.125, "depth_model": METRIC.model, "name": "scenes"}
    return Recipe(backgrounds=str(folder / "bg"), foregrounds=str(folder / "fg"), **values | changes)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources and two builds: `one` of eight backgrounds, and `two` of nine. `new` has the ninth alone."""
    folder = tmp_path_factory.mktemp("originals")
    for index in range(NUM_BG):
        draw_background(folder / "bg", index)
    draw_cutouts(folder / "fg", 4)
    built(recipe_of(folder), folder / "one")
    shutil.copytree(folder / "one", folder / "two")
    draw_background(folder / "bg", NUM_BG)
    built(recipe_of(folder), folder / "two", replace=True)
    draw_background(folder / "new", NUM_BG)
    return folder


@pytest.fixture
def published(hub: HubServer, originals: Path, tmp_path: Path) -> HubServer:
    """The Hub with `one` as v1.0.0."""
    send(Path(shutil.copytree(originals / "one", tmp_path / "pushed")), tag="v1.0.0")
    return hub


def downloaded(hub: HubServer, folder: str = "") -> int:
    return sum(size for path, size in hub.downloads if path.split("/", 1)[-1].startswith(folder))


def shards_in(output: Path) -> set[str]:
    return {f"data/{path.name}" for path in (output / "data").glob("*.parquet")}


def test_one_more_background_fetches_no_shard_and_builds_its_own(published: HubServer, originals: Path, tmp_path: Path):
    old, expected = manifest_of(originals / "one"), manifest_of(originals / "two")
    result, said = built(None, tmp_path / "out", from_hub=f"{NAME}@v1.0.0", add_backgrounds=str(originals / "new"))
    assert any(f"Its {len(old.shards)} shards" in line and "stay on the Hub" in line for line in said)
    new_shards = {path for path in expected.shards if "scene_008" in path}
    assert shards_in(tmp_path / "out") == new_shards and result.made == len(new_shards) < result.shards
    sizes = {path: entry.bytes for path, entry in old.shards.items()}
    for path, size in published.downloads:
        name = path.split("/", 1)[-1]
        assert not name.startswith("data/") or size < sizes[name], "a whole shard was fetched"
    made = manifest_of(tmp_path / "out")
    assert made.shards == expected.shards and made.files.keys() >= expected.files_of("bg").keys()
    assert {k: v.sha256 for k, v in made.files.items()} == {k: v.sha256 for k, v in expected.files.items()}
    for key in ("rows", "splits", "kinds", "by_split", "coverage", "heat_map", "depth_histogram", "columns", "sources"):
        assert getattr(made, key) == getattr(expected, key), key  # exact: sums of the footers


@pytest.mark.slow
def test_push_uploads_the_new_shards_and_keeps_the_others(published: HubServer, originals: Path, tmp_path: Path):
    old, expected = manifest_of(originals / "one"), manifest_of(originals / "two")
    built(None, tmp_path / "out", from_hub=f"{NAME}@v1.0.0", add_backgrounds=str(originals / "new"))
    sent = len(published.log)
    report = push(tmp_path / "out", NAME, tag="v1.1.0", retry_policy=QUICK)  # with `verify`
    uploaded = {path.rsplit("/", 1)[-1] for method, path, _ in published.log[sent:] if method == "PUT"}
    assert not uploaded & {entry.sha256 for entry in old.shards.values()}
    new_bytes = sum(entry.bytes for path, entry in expected.shards.items() if path not in old.shards)
    kept = {entry.sha256 for entry in old.shards.values()} & {entry.sha256 for entry in expected.shards.values()}
    assert len(kept) == len(old.shards) and report.upload_bytes < new_bytes + 600_000
    on_hub = files_of(published, "v1.1.0")
    assert {path for path in on_hub if path.startswith("data/")} == expected.shards.keys()
    rows = load(NAME, revision="v1.1.0")
    reference = load(originals / "two")
    for split, loaded in reference.items():
        assert len(rows[split]) == len(loaded) and rows[split][0]["fg"] == loaded[0]["fg"]
        assert rows[split][-1]["fg_bg"].tobytes() == loaded[-1]["fg_bg"].tobytes()
    assert send(tmp_path / "out", tag="v1.1.0").commit is None
    assert len(repo_of(published).history("main")) == 3


def test_a_shard_that_moves_to_another_split_is_copied(published: HubServer, originals: Path, tmp_path: Path):
    old = manifest_of(originals / "one")
    recipe = old.recipe.replace(holdout=0.25)  # holds out two of eight backgrounds instead of one
    result, said = built(recipe, tmp_path / "out", from_hub=f"{NAME}@v1.0.0")
    made = manifest_of(tmp_path / "out")
    moved = made.shards.keys() - old.shards.keys()
    assert len(moved) == 2 and result.made == 0 and shards_in(tmp_path / "out") == set()
    assert {made.shards[path].sha256 for path in moved} < {entry.sha256 for entry in old.shards.values()}
    assert any(line.startswith("Kept 16 shards") for line in said)
    sent = len(published.log)
    report = send(tmp_path / "out", tag="v1.1.0")
    assert moved <= report.added.keys() and set(report.deleted) >= old.shards.keys() - made.shards.keys()
    uploaded = {path.rsplit("/", 1)[-1] for method, path, _ in published.log[sent:] if method == "PUT"}
    assert not uploaded & {entry.sha256 for entry in old.shards.values()}
    on_hub = files_of(published)
    assert {path for path in on_hub if path.startswith("data/")} == made.shards.keys()
    assert all(repo_of(published).resolve("main").files[path].sha256 == made.shards[path].sha256 for path in moved)


@pytest.mark.slow
def test_a_new_recipe_is_built_from_the_prepared_sources(published: HubServer, originals: Path, tmp_path: Path):
    recipe = manifest_of(originals / "one").recipe.replace(placements=2)
    result, said = built(recipe, tmp_path / "out", from_hub=NAME)
    message = next(line for line in said if "can use none of the" in line)
    assert "placements is 2, was 3" in message and "The next push deletes the others." in message
    assert result.made == result.shards
    shutil.copytree(originals / "bg", tmp_path / "bg")
    (tmp_path / "bg" / f"scene_{NUM_BG:03d}.png").unlink()
    shutil.copytree(originals / "fg", tmp_path / "fg")
    built(recipe_of(tmp_path, placements=2), tmp_path / "reference")
    assert manifest_of(tmp_path / "out").shards == manifest_of(tmp_path / "reference").shards
    report = send(tmp_path / "out", tag="v2.0.0")
    assert set(manifest_of(originals / "one").shards) <= set(report.deleted)
    assert verify(tmp_path / "out").ok


@pytest.mark.parametrize(
    ("changes", "needs"),
    [
        ({"size": 64}, "backgrounds"),
        ({"foreground_min": 0.2}, "foregrounds"),
        ({"scale_per": "row"}, "foregrounds"),
        ({"defringe": "on"}, "foregrounds"),
    ],
)
@pytest.mark.slow
def test_a_recipe_that_prepares_sources_in_another_way_needs_the_originals(
    published: HubServer, originals: Path, tmp_path: Path, changes: dict[str, Any], needs: str
):
    recipe = manifest_of(originals / "one").recipe.replace(**changes)
    name, value = next(iter(changes.items()))
    with pytest.raises(RecipeError, match=rf"{name} is {value}, was .*[\s\S]*--{needs} DIR"):
        built(recipe, tmp_path / "out", from_hub=NAME)
    given = recipe.replace(backgrounds=str(originals / "bg"), foregrounds=str(originals / "fg"))
    assert built(given, tmp_path / "out")[0].made > 0


@pytest.mark.slow
def test_fields_of_one_kind_of_source_do_not_need_the_originals_of_the_other(
    published: HubServer, originals: Path, tmp_path: Path
):
    recipe = manifest_of(originals / "one").recipe
    with pytest.raises(RecipeError, match=r"all backgrounds must be prepared again .* because trim_frames is true"):
        built(recipe.replace(trim_frames=True), tmp_path / "out", from_hub=NAME)
    only_backgrounds = recipe.replace(trim_frames=True, backgrounds=str(originals / "bg"))
    assert built(only_backgrounds, tmp_path / "out")[0].whole  # the prepared cut-outs are used


def test_a_source_folder_replaces_the_prepared_sources_of_its_kind(
    published: HubServer, originals: Path, tmp_path: Path
):
    recipe = manifest_of(originals / "one").recipe.replace(backgrounds=str(originals / "bg"))
    result, _ = built(recipe, tmp_path / "out", from_hub=NAME)
    assert manifest_of(tmp_path / "out").shards == manifest_of(originals / "two").shards
    assert result.made < result.shards
    with pytest.raises(UsageError, match="give only one of them"):
        built(recipe, tmp_path / "out", add_backgrounds=str(originals / "new"))


def test_without_changes_nothing_is_built(published: HubServer, originals: Path, tmp_path: Path):
    result, said = built(None, tmp_path / "out", from_hub=NAME)
    assert not result.changed and any("Nothing to do" in line for line in said)
    assert shards_in(tmp_path / "out") == set() and downloaded(published, "data/") == 0
    assert differences(manifest_of(tmp_path / "out"), manifest_of(originals / "one")).is_empty
    assert send(tmp_path / "out").commit is None
    count = len(published.downloads)
    built(None, tmp_path / "out", from_hub=f"{NAME}@v1.0.0")
    assert len(published.downloads) == count, "the same version is not fetched again"


@pytest.mark.slow
def test_a_later_build_of_the_same_folder_adds_to_what_it_has(published: HubServer, originals: Path, tmp_path: Path):
    built(None, tmp_path / "out", from_hub=NAME)
    built(None, tmp_path / "out", add_backgrounds=str(originals / "new"))
    assert manifest_of(tmp_path / "out").shards == manifest_of(originals / "two").shards
    again, _ = built(None, tmp_path / "out")
    assert not again.changed, "without options the folder keeps its sources"


@pytest.mark.slow
def test_load_reader_and_verify_read_shards_on_the_hub(published: HubServer, originals: Path, tmp_path: Path):
    built(None, tmp_path / "out", from_hub=NAME, add_backgrounds=str(originals / "new"))
    report = verify(tmp_path / "out")
    assert report.ok and any("16 shards of alice/scenes@main are on the Hub" in note for note in report.notes)
    expected = load(originals / "two", split="train")
    for options in ({}, {"streaming": True}):
        rows = list(load(tmp_path / "out", split="train", **options))
        assert [row["fg"] for row in rows] == list(expected["fg"])
        assert rows[0]["fg_bg"].tobytes() == expected[0]["fg_bg"].tobytes()
    reader, reference = DatasetReader.open(tmp_path / "out"), DatasetReader.open(originals / "two")
    assert not reader.files.is_local
    assert reader.row("train", 3).images == reference.row("train", 3).images


@pytest.mark.slow
def test_verify_and_push_refuse_shards_that_the_hub_does_not_have(
    published: HubServer, originals: Path, tmp_path: Path
):
    built(None, tmp_path / "out", from_hub=NAME, add_backgrounds=str(originals / "new"))
    base = HubBase.read(Storage(tmp_path / "out"))
    assert base is not None
    values = json.loads((tmp_path / "out" / BASE_FILE).read_text())
    digest, shard = next(iter(values["shards"].items()))
    values["shards"][digest] = shard | {"sha256": "0" * 64}
    (tmp_path / "out" / BASE_FILE).write_text(json.dumps(values))
    (problem,) = verify(tmp_path / "out").problems
    assert "does not have it with the size and SHA-256" in problem
    base.write(Storage(tmp_path / "out"))
    with pytest.raises(HubError, match="neither in the folder nor on this branch"):
        send(tmp_path / "out", "alice/elsewhere")


def test_a_version_whose_files_are_not_those_of_its_statistics_is_refused(published: HubServer, tmp_path: Path):
    path = next(path for path in files_of(published) if path.startswith("data/"))
    edit_on_hub(published, path, b"something else")
    with pytest.raises(HubError, match=r"with the size and SHA-256 that its statistics\.json lists"):
        built(None, tmp_path / "out", from_hub=NAME)
    built(None, tmp_path / "out", from_hub=f"{NAME}@v1.0.0")


def test_an_interrupted_fetch_is_done_again(published: HubServer, originals: Path, tmp_path: Path):
    built(None, tmp_path / "out", from_hub=NAME)
    (tmp_path / "out" / "statistics.json").unlink()  # it is written last
    removed = min((tmp_path / "out" / "bg").iterdir())
    removed.unlink()
    built(None, tmp_path / "out", from_hub=NAME)
    assert removed.exists() and manifest_of(tmp_path / "out").shards == manifest_of(originals / "one").shards


def test_outputs_that_cannot_continue_it(published: HubServer, originals: Path, tmp_path: Path):
    shutil.copytree(originals / "two", tmp_path / "two")
    with pytest.raises(OutputError, match="holds another dataset"):
        built(None, tmp_path / "two", from_hub=NAME)
    with pytest.raises(UsageError, match="write USER/NAME"):
        built(None, tmp_path / "out", from_hub="scenes")
    with pytest.raises(UsageError, match="this output continues none"):
        built(recipe_of(originals), tmp_path / "new", add_backgrounds=str(originals / "new"))
    built(None, tmp_path / "out", from_hub=f"{NAME}@v1.0.0")
    edit_on_hub(published, "docs/note.txt", b"another commit")
    with pytest.raises(OutputError, match=r"continues alice/scenes@v1\.0\.0 .* not alice/scenes"):
        built(None, tmp_path / "out", from_hub=NAME)


def test_an_added_picture_with_the_name_of_another_is_refused(published: HubServer, tmp_path: Path):
    draw_background(tmp_path / "other", 99)
    (tmp_path / "other" / "scene_099.png").rename(tmp_path / "other" / "scene_000.png")
    with pytest.raises(SourceError, match=r"scene_000\.png has the name of one of the dataset's backgrounds"):
        built(None, tmp_path / "out", from_hub=NAME, add_backgrounds=str(tmp_path / "other"))


@pytest.mark.slow
def test_the_command(published: HubServer, originals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.MonkeyPatch.context() as patch:
        use_slope(patch, METRIC)
        patch.setenv("FGBG_DEPTH_HOME", str(tmp_path / "home"))
        arguments = ["--from", f"{NAME}@v1.0.0", "--output", str(tmp_path / "out"), "--workers", "1", "--json"]
        assert main(["build", *arguments, "--add-backgrounds", str(originals / "new")]) == 0
        assert main(["build", *arguments[2:], "--depth-flip"]) == 0
        assert main(["build", *arguments[2:-1]]) == 0
    captured = capsys.readouterr()
    assert "because it continues alice/scenes@v1.0.0." in captured.err and "photos" not in captured.err
    results = [json.loads(line) for line in captured.out.splitlines()[:2]]
    assert f"fgbg_depth.load({str(tmp_path / 'out')!r})" in captured.out
    assert f"push {tmp_path / 'out'} {NAME} --tag NEW_TAG" in captured.out
    assert results[0]["made"] == 2 and results[1]["rows"] == results[0]["rows"]


def test_a_damaged_list_of_the_shards_on_the_hub_is_an_error(published: HubServer, tmp_path: Path):
    built(None, tmp_path / "out", from_hub=NAME)
    (tmp_path / "out" / BASE_FILE).write_text('{"repo_id": 1}')
    with pytest.raises(HubError, match=r"\.hub\.json is damaged"):
        load(tmp_path / "out")


@pytest.mark.slow
def test_the_datasets_builder_refuses_a_folder_whose_shards_are_on_the_hub(published: HubServer, tmp_path: Path):
    from fgbg_depth.builder.dataset import FgBgDepth

    built(None, tmp_path / "out", from_hub=NAME)
    with pytest.MonkeyPatch.context() as patch:
        use_slope(patch, METRIC)
        recipe = manifest_of(tmp_path / "out").recipe.to_dict()
        builder = FgBgDepth(output=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"), **recipe)
        with pytest.raises(OutputError, match=r"Read it with fgbg_depth\.load"):
            builder.download_and_prepare()
