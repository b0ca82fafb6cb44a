"""Folders in recipes: relative to the recipe's file, published by name, remembered in the output; `~` is expanded."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_output import METRIC, build_small, draw_sources
from tiny import make_sources, quiet_build, tiny_recipe, tree

from fgbg_depth.builder.planning import plan_build
from fgbg_depth.cli.main import main
from fgbg_depth.depth.model_files import locate
from fgbg_depth.errors import DepthError, SourceError
from fgbg_depth.manifest import Manifest
from fgbg_depth.recipe import Recipe, load_recipe, published, with_absolute_folders, with_local_folders
from fgbg_depth.sources.load import load_sources
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.check import verify


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `photos`, `cut` and `recipe.yaml`, whose paths are relative; the current folder is another one."""
    folder = make_sources(tmp_path / "project", 3, 3)
    (folder / "bg").rename(folder / "photos")
    (folder / "fg").rename(folder / "cut")
    recipe = tiny_recipe(folder, backgrounds="photos", foregrounds="./cut", holdout=0)
    (folder / "recipe.yaml").write_text(recipe.to_yaml())
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def text_files(folder: Path) -> dict[str, str]:
    """The published text files of an output, and all strings in the footers of its parquet files."""
    texts = {name: (folder / name).read_text() for name in ("README.md", "recipe.yaml", "statistics.json")}
    return texts | {str(p): p.read_bytes().decode("latin-1") for p in folder.rglob("*.parquet")}


@pytest.mark.parametrize("place", [".", "..", "../..", "project"])
def test_paths_in_a_recipe_are_relative_to_its_file(project: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start = project / "photos" / "deep"
    start.mkdir()
    monkeypatch.chdir(start / place if place != "project" else project.parent)
    relative = os.path.relpath(project / "recipe.yaml")
    for path in (relative, project / "recipe.yaml"):
        recipe = load_recipe(path)
        assert Path(recipe.backgrounds).resolve() == project / "photos"
        assert Path(recipe.foregrounds).resolve() == project / "cut"
        assert recipe.depth_model == "none"


def test_a_missing_folder_is_named_with_the_recipes_folder(project: Path) -> None:
    shutil.rmtree(project / "photos")
    Path("photos").mkdir()  # in the current folder, which the recipe does not mean
    with pytest.raises(SourceError, match=f"{project}/photos does not exist") as e:
        load_sources(load_recipe(project / "recipe.yaml"))
    assert "In a recipe a relative path is relative to the folder of the recipe's file" in str(e.value)


def test_the_recipe_of_an_output_builds_it_again_from_anywhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    quiet_build(load_recipe("recipe.yaml"), "out")
    monkeypatch.chdir(project / "photos")
    quiet_build(load_recipe("../out/recipe.yaml"), project / "again")
    assert tree(project / "again") == tree(project / "out")
    shutil.move(project / "out", project.parent / "moved")
    assert not quiet_build(load_recipe(project.parent / "moved" / "recipe.yaml"), project.parent / "moved").changed


def test_nothing_published_has_a_path_of_this_machine(project: Path) -> None:
    quiet_build(load_recipe(project / "recipe.yaml"), project / "out")
    machine = str(project.parent)
    assert all(machine not in text for text in text_files(project / "out").values())
    assert "backgrounds: ./photos  #" in (project / "out" / "recipe.yaml").read_text()
    assert "foregrounds: ./cut  #" in (project / "out" / "README.md").read_text()
    assert verify(project / "out").ok
    assert json.loads((project / "out" / ".paths.json").read_text()) == {
        "backgrounds": {"./photos": str(project / "photos")},
        "foregrounds": {"./cut": str(project / "cut")},
    }


def test_a_published_recipe_is_built_with_folders_beside_it(project: Path, tmp_path: Path) -> None:
    """As somebody does who downloads the dataset and has the sources: there are no remembered paths."""
    quiet_build(load_recipe(project / "recipe.yaml"), project / "out")
    (tmp_path / "download").mkdir()
    shutil.copy(project / "out" / "recipe.yaml", tmp_path / "download")
    with pytest.raises(SourceError, match="download/photos does not exist"):
        load_sources(load_recipe(tmp_path / "download" / "recipe.yaml"))
    shutil.move(project / "photos", tmp_path / "download" / "photos")
    shutil.move(project / "cut", tmp_path / "download" / "cut")
    quiet_build(load_recipe(tmp_path / "download" / "recipe.yaml"), tmp_path / "again")
    assert tree(tmp_path / "again") == tree(project / "out")


def test_other_paths_of_the_same_sources_change_no_digest(project: Path, tmp_path: Path) -> None:
    """And an output stays complete when its sources move; it remembers the new place."""
    recipe = load_recipe(project / "recipe.yaml")
    quiet_build(recipe, project / "out")
    before = tree(project / "out")
    shutil.copytree(project / "photos", tmp_path / "elsewhere" / "photos")
    shutil.copytree(project / "cut", tmp_path / "other name")
    moved = recipe.replace(backgrounds=str(tmp_path / "elsewhere" / "photos"), foregrounds=str(tmp_path / "other name"))
    assert plan_build(moved).shards == plan_build(recipe).shards
    same_names = moved.replace(foregrounds=recipe.foregrounds)
    assert not quiet_build(same_names, project / "out").changed and tree(project / "out") == before
    assert load_recipe(project / "out" / "recipe.yaml").backgrounds == str(tmp_path / "elsewhere" / "photos")
    assert quiet_build(moved, project / "out").made == 0
    assert Manifest.read(Storage(project / "out")).recipe.foregrounds == "./other name"


def test_a_bucket_gets_no_local_paths(project: Path) -> None:
    url = f"memory://{project}/out"
    quiet_build(load_recipe(project / "recipe.yaml"), url)
    assert ".paths.json" not in Storage(url).list(hidden=True)


def test_two_folders_of_one_name_stay_apart() -> None:
    recipe = Recipe(backgrounds="/a/images", foregrounds="/b/images")
    found = published(recipe)
    assert (found.backgrounds, found.foregrounds) == ("./backgrounds/images", "./foregrounds/images")
    same = published(recipe.replace(foregrounds="/a/images"))
    assert (same.backgrounds, same.foregrounds) == ("./images", "./images")


FOLDERS = st.sampled_from(
    ["demo", "./demo", "/x/demo", "/x/y", "/z/y", "y", "~/y", "../y", "/", "hf://datasets/user/name", "s3://b/y"]
)
MODELS = st.sampled_from(
    ["none", "densedepth-nyu", "user/name", "./name", "/x/name", "~/name", "../name", "a/b/c", "/", "~"]
)


@given(FOLDERS, FOLDERS, MODELS)
def test_publishing_twice_changes_nothing(backgrounds: str, foregrounds: str, model: str) -> None:
    recipe = Recipe(backgrounds=backgrounds, foregrounds=foregrounds, depth_model=model)
    once = published(recipe)
    assert published(once) == once
    kept = ("demo", "none", "densedepth-nyu", "user/name", "hf://datasets/user/name", "s3://b/y")
    for field in ("backgrounds", "foregrounds", "depth_model"):
        before, after = getattr(recipe, field), getattr(once, field)
        assert after == before if before in kept else after.startswith("./") and "x" not in after


@pytest.mark.slow
def test_home_is_expanded_everywhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(project))
    where = ["--backgrounds", "~/photos", "--foregrounds", "~/cut", "--output", "~/out"]
    assert main(["build", *where, "--size", "32", "--placements", "1", "--depth-model", "none", "--workers", "1"]) == 0
    assert (project / "out" / "statistics.json").exists()
    assert main(["verify", "~/out"]) == 0
    assert main(["build", "--recipe", "~/out/recipe.yaml", "--output", "~/again", "--workers", "1"]) == 0
    assert main(["build", "--recipe", "~/recipe.yaml", "--output", "~/third", "--workers", "1"]) == 0
    assert not list(Path().iterdir())
    with pytest.raises(DepthError, match="is not a depth model"):
        (project / "model").mkdir()
        locate("~/model")


def make_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


def test_a_depth_model_in_a_recipe_is_a_folder_or_a_hub_id(project: Path) -> None:
    model = make_model(project / "models" / "mine")
    models = {
        "models/mine": str(model),
        "./models/mine": str(model),
        "./models/gone": str(project / "models" / "gone"),
        "models/gone": str(project / "models" / "gone"),  # the folder `models` exists
        "user/name": "user/name",
        "densedepth-nyu": "densedepth-nyu",
        "none": "none",
    }
    for stated, expected in models.items():
        assert with_local_folders(Recipe(depth_model=stated), project).depth_model == expected
    hub = Recipe(depth_model="models/gone", depth_revision="main")
    assert with_local_folders(hub, project) == hub


def test_a_missing_model_folder_is_not_looked_for_on_the_hub(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model(project / "models" / "mine")
    monkeypatch.chdir(project)
    monkeypatch.setattr("fgbg_depth.depth.model_files._from_hub", lambda model, revision: (model, revision))
    for missing in ("models/gone", "./models/gone", str(project / "models" / "gone")):
        with pytest.raises(
            DepthError, match=rf"the folder {project}/models has no folder gone\.\n.*--depth-revision main"
        ):
            locate(missing)
    with pytest.raises(DepthError, match="there is no such folder"):
        locate("./nowhere/gone")
    assert locate("models/gone", "main") == ("models/gone", "main")
    assert locate("user/name") == ("user/name", "")


@pytest.mark.slow
def test_a_model_folder_is_published_by_name_and_verified(tmp_path: Path) -> None:
    draw_sources(tmp_path)
    make_model(tmp_path / "models" / "mine")
    recipe = Recipe(
        backgrounds=str(tmp_path / "backgrounds"),
        foregrounds=str(tmp_path / "foregrounds"),
        size=64,
        placements=1,
        depth_model=str(tmp_path / "models" / "mine"),
    )
    build_small(recipe, tmp_path / "out", METRIC)
    manifest = Manifest.read(Storage(tmp_path / "out"))
    assert manifest.recipe.depth_model == "./mine"
    assert load_recipe(tmp_path / "out" / "recipe.yaml").depth_model == str(tmp_path / "models" / "mine")
    with pytest.MonkeyPatch.context() as patch:
        loaded = []
        patch.setattr("fgbg_depth.depth.models.load_labeller", lambda recipe, *_: loaded.append(recipe) or 1 / 0)
        with pytest.raises(ZeroDivisionError):
            verify(tmp_path / "out", labels=1)
    assert loaded[0].depth_model == str(tmp_path / "models" / "mine")


def test_a_damaged_list_of_paths_is_ignored(project: Path) -> None:
    expected = str(project / "photos")
    for text in ("{", "[]", '{"backgrounds": []}', '{"backgrounds": {"photos": 3}}', ""):
        (project / ".paths.json").write_text(text)
        assert load_recipe(project / "recipe.yaml").backgrounds == expected


def test_absolute_folders_hold_in_every_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model(project / "mine")
    monkeypatch.chdir(project)
    recipe = with_absolute_folders(Recipe(backgrounds="photos", depth_model="mine"))
    assert (recipe.backgrounds, recipe.foregrounds) == (str(project / "photos"), "demo")
    assert recipe.depth_model == str(project / "mine")
    for model in ("user/name", "cut/gone", "none", "densedepth-nyu"):
        assert with_absolute_folders(Recipe(depth_model=model)).depth_model == model


def test_the_bundled_sources_are_no_folder_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout has a folder `demo`."""
    (tmp_path / "demo").mkdir()
    monkeypatch.chdir(tmp_path)
    assert with_absolute_folders(Recipe()).backgrounds == "demo"
