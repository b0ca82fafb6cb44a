"""An output loaded by `datasets`: splits, configs, streaming, and the builder class."""

from pathlib import Path

import datasets
import numpy as np
import pytest
from tiny import SimpleLabeller, quiet_build, simple_spec, tiny_recipe, tree

from fgbg_depth import schema
from fgbg_depth.builder import planning
from fgbg_depth.builder.dataset import FgBgDepth
from fgbg_depth.depth import models
from fgbg_depth.depth.spec import DepthSpec, relative_scale
from fgbg_depth.errors import OutputError
from fgbg_depth.recipe import Recipe

ROWS = {"train": 96, "test_unseen_bg": 24, "test_unseen_fg": 24, "test_unseen_both": 6}


def arguments(sources: Path, **changes: object) -> dict:
    """The recipe as keyword arguments of the builder."""
    values = tiny_recipe(sources).to_dict() | changes
    del values["name"]
    return values


def test_load_dataset_gives_four_splits_that_add_up(built: Path, tmp_path: Path) -> None:
    loaded = datasets.load_dataset(str(built), cache_dir=str(tmp_path))
    assert {split: len(rows) for split, rows in loaded.items()} == ROWS
    assert dict(loaded["train"].features) == dict(schema.features(labels=()))
    held = {split: ({*rows["bg"]}, {*rows["fg"]}) for split, rows in loaded.items()}
    assert held["train"][0].isdisjoint(held["test_unseen_bg"][0]) and held["train"][1].isdisjoint(
        held["test_unseen_fg"][1]
    )
    assert held["test_unseen_both"] == (held["test_unseen_bg"][0], held["test_unseen_fg"][1])
    for rows in loaded.values():
        for row in rows:
            assert row["fg_bg"].size == row["fg_bg_mask"].size == (32, 32)
            assert (row["fg_bg"].mode, row["fg_bg_mask"].mode) == ("RGB", "L")


@pytest.mark.parametrize("config", ["bg", "fg", "preview"])
def test_configs(built: Path, tmp_path: Path, config: str) -> None:
    loaded = datasets.load_dataset(str(built), config, cache_dir=str(tmp_path))
    assert list(loaded) == ["train"]
    rows = loaded["train"]
    wanted = {
        "bg": schema.features("bg", ()),
        "fg": schema.features("fg"),
        "preview": schema.features("preview", ()),
    }
    assert dict(rows.features) == dict(wanted[config])
    assert len(rows) == 5 if config != "preview" else 0 < len(rows) <= 200
    for row in rows:
        assert row["image" if config != "preview" else "fg_bg"].mode == ("RGBA" if config == "fg" else "RGB")


def test_streaming_gives_the_same_rows(built: Path, tmp_path: Path) -> None:
    whole = datasets.load_dataset(str(built), split="train", cache_dir=str(tmp_path))
    streamed = list(datasets.load_dataset(str(built), split="train", streaming=True))
    assert [{k: v for k, v in r.items() if "fg_bg" not in k} for r in streamed] == [
        {k: v for k, v in r.items() if "fg_bg" not in k} for r in whole
    ]
    assert all(np.array_equal(a["fg_bg"], b["fg_bg"]) for a, b in zip(streamed, whole, strict=True))


def test_depth_is_loaded_in_16_bits(sources: Path, tmp_path: Path, simple_depth: list) -> None:
    quiet_build(tiny_recipe(sources, depth_model="simple", placements=1), tmp_path / "out")
    loaded = datasets.load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    label = SimpleLabeller(simple_spec())
    for row in loaded:
        assert row["fg_bg_depth"].mode == "I;16"
        assert np.array_equal(np.asarray(row["fg_bg_depth"]), label(np.asarray(row["fg_bg"])[None])[0])


def test_the_builder_builds_and_loads(built: Path, sources: Path, tmp_path: Path) -> None:
    builder = FgBgDepth(
        cache_dir=str(tmp_path / "cache"), output=str(tmp_path / "out"), workers=1, **arguments(sources)
    )
    builder.download_and_prepare()
    loaded = builder.as_dataset()
    assert {split: len(rows) for split, rows in loaded.items()} == ROWS
    made = {n: d for n, d in tree(tmp_path / "out").items() if n.startswith(("data/", "bg/", "fg/"))}
    assert made == {n: d for n, d in tree(built).items() if n in made} and made
    from_files = datasets.load_dataset(str(built), split="train", cache_dir=str(tmp_path / "other"))
    train = builder.as_dataset(split="train")
    key = ("bg", "fg", "flip", "placement")
    assert sorted(zip(*(train[k] for k in key), strict=True)) == sorted(zip(*(from_files[k] for k in key), strict=True))
    again = FgBgDepth(cache_dir=str(tmp_path / "cache"), output=str(tmp_path / "out"), workers=1, **arguments(sources))
    assert again.cache_dir == builder.cache_dir and again.info.splits == builder.info.splits


def test_the_builder_resumes_a_stopped_build(sources: Path, tmp_path: Path, built: Path) -> None:
    quiet_build(tiny_recipe(sources), tmp_path / "out", slice_of=(1, 2))
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "data").iterdir()}
    builder = FgBgDepth(
        cache_dir=str(tmp_path / "cache"), output=str(tmp_path / "out"), workers=1, **arguments(sources)
    )
    builder.download_and_prepare()
    assert stamps and all(p.stat().st_mtime_ns == stamp for p, stamp in stamps.items())


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.slow
def test_the_builder_prepares_its_sources_once(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """In the constructor and with the workers asked for; `download_and_prepare` uses them and then frees them."""
    real, calls = planning.load_sources, []
    monkeypatch.setattr(
        planning, "load_sources", lambda recipe, workers, known: calls.append(workers) or real(recipe, workers, known)
    )
    builder = FgBgDepth(
        cache_dir=str(tmp_path / "cache"), output=str(tmp_path / "out"), workers=workers, **arguments(sources)
    )
    assert builder._plan is not None
    builder.download_and_prepare()
    assert calls == [workers] and builder._plan is None
    assert {split: len(rows) for split, rows in builder.as_dataset().items()} == ROWS


@pytest.mark.slow
def test_the_builder_keeps_the_depth_range_of_its_output(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one more background would change the labels of rows that are there."""
    found: list[object] = []

    def resolve_spec(recipe: Recipe, images: object, device: str = "auto") -> DepthSpec:
        found.append(recipe.depth_range)
        low, high = recipe.depth_range or (0.5, 12.0 + len(found))
        return DepthSpec("simple", kind="relative_disparity", unit="", digest="5" * 16, **relative_scale(low, high))

    monkeypatch.setattr(models, "resolve_spec", resolve_spec)
    monkeypatch.setattr(models, "load_labeller", lambda recipe, spec, device="auto", index=0: SimpleLabeller(spec))
    values = arguments(sources, depth_model="simple") | {"output": str(tmp_path / "out"), "workers": 1}
    FgBgDepth(cache_dir=str(tmp_path / "cache"), **values).download_and_prepare()
    before = tree(tmp_path / "out")
    again = FgBgDepth(cache_dir=str(tmp_path / "other"), **values)
    again.download_and_prepare()
    assert found == [None, (0.5, 13.0)] and tree(tmp_path / "out") == before


def test_the_builder_streams(sources: Path, tmp_path: Path) -> None:
    builder = FgBgDepth(
        cache_dir=str(tmp_path / "cache"), output=str(tmp_path / "out"), workers=1, **arguments(sources)
    )
    rows = builder.as_streaming_dataset(split="train")
    assert len([row["fg_bg"].size for row in rows]) == ROWS["train"]


def test_the_cache_depends_on_fields_that_change_rows(sources: Path, tmp_path: Path) -> None:
    dirs = {
        FgBgDepth(cache_dir=str(tmp_path), **arguments(sources, **changes)).cache_dir
        for changes in ({}, {"seed": 1}, {"placements": 4}, {"license": "mit"})
    }
    assert len(dirs) == 3, "the licence changes no row"


def test_a_build_without_output_is_below_the_cache_dir_and_is_removed_when_it_was_copied(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written to the home folder; an interrupted build continues."""
    home, cache = tmp_path / "home", tmp_path / "cache"
    monkeypatch.setenv("FGBG_DEPTH_HOME", str(home))
    builder = FgBgDepth(cache_dir=str(cache), workers=1, **arguments(sources))
    with monkeypatch.context() as patch:
        patch.setattr(FgBgDepth, "_generate_tables", lambda self, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            builder.download_and_prepare()
    shards = list(cache.glob("fgbg-depth-builds/*/data/*.parquet"))
    stamps = {path: path.stat().st_mtime_ns for path in shards}
    assert len(shards) == 10
    builder = FgBgDepth(cache_dir=str(cache), workers=1, **arguments(sources))
    with monkeypatch.context() as patch:
        kept: list[bool] = []
        real = FgBgDepth._generate_tables

        def generate(self: FgBgDepth, **kwargs: object) -> object:
            kept.append(all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items()))
            return real(self, **kwargs)

        patch.setattr(FgBgDepth, "_generate_tables", generate)
        builder.download_and_prepare()
    assert kept and all(kept)
    assert not list(cache.glob("fgbg-depth-builds/*")) and not (home / "builds").exists()
    assert {split: len(rows) for split, rows in builder.as_dataset().items()} == ROWS
    builder.download_and_prepare()  # from the cache; nothing is built
    assert not list(cache.glob("fgbg-depth-builds/*"))


def test_a_streamed_build_is_kept(sources: Path, tmp_path: Path) -> None:
    builder = FgBgDepth(cache_dir=str(tmp_path), workers=1, **arguments(sources))
    rows = builder.as_streaming_dataset(split="train")
    builder.download_and_prepare()
    assert len(list(rows)) == ROWS["train"]


def test_a_home_that_cannot_be_written_to(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice is an argument that the builder has; permissions do not stop root, so a file is in the way."""
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("FGBG_DEPTH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "hf"))
    builder = FgBgDepth(workers=1, **arguments(sources))
    with pytest.raises(
        OutputError, match=r"FgBgDepth\(cache_dir=\.\.\.\), or set the environment variable FGBG_DEPTH_HOME"
    ):
        builder.download_and_prepare()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "home" / "hf"))
    with pytest.raises(OutputError, match=r"FgBgDepth\(cache_dir=\.\.\.\)"):
        FgBgDepth(workers=1, **arguments(sources))
    FgBgDepth(cache_dir=str(tmp_path / "cache"), workers=1, **arguments(sources)).download_and_prepare()


def test_the_builder_deletes_finished_shards_of_its_output_only_with_replace(
    sources: Path, built: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(built, tmp_path / "out")
    values = arguments(sources, placements=1) | {"output": str(tmp_path / "out"), "workers": 1}
    with pytest.raises(OutputError, match="placements is 1, was 3"):
        FgBgDepth(cache_dir=str(tmp_path / "cache"), **values).download_and_prepare()
    FgBgDepth(cache_dir=str(tmp_path / "cache"), replace=True, **values).download_and_prepare()
    assert (tmp_path / "out" / "statistics.json").exists()
