"""One more background uploads its own share of the dataset and little else, by the Hub's log of requests."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hub_client import repo_of, send
from hub_server import HubServer
from PIL import Image
from small_output import METRIC, build_small

from fgbg_depth.manifest import Manifest
from fgbg_depth.recipe import Recipe
from fgbg_depth.storage.files import Storage

pytest_plugins = ["hub_fixtures"]

CONSTANT_BYTES = 300_000  # for what changes with every version: card, statistics, pictures
NUM_BG = [20, pytest.param(100, marks=pytest.mark.slow)]


def draw_background(folder: Path, index: int) -> None:
    """A background with texture, nothing like the others; its PNG takes about 35 kB at 160 pixels."""
    rng = np.random.default_rng(index)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(
        (200, 160), Image.Resampling.BICUBIC
    )
    pixels = np.asarray(coarse).astype(int) + rng.integers(-6, 7, (160, 200, 3))
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"scene_{index:03d}.png")


def draw_cutouts(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    y, x = np.mgrid[-1:1:90j, -1:1:70j]
    for i in range(count):
        alpha = np.clip(6 * (1 - np.hypot(x * (1 + 0.1 * i), y)), 0, 1) * 255
        colour = np.broadcast_to(np.random.default_rng(1000 + i).integers(60, 255, 3, dtype=np.uint8), (90, 70, 3))
        Image.fromarray(np.dstack([colour, alpha.astype(np.uint8)])).save(folder / f"thing_{i}.png")


@pytest.fixture(scope="module", params=NUM_BG)
def versions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two outputs: one of 20 or 100 backgrounds, and the same folder built again with one more background."""
    folder = tmp_path_factory.mktemp("versions")
    for index in range(request.param):
        draw_background(folder / "bg", index)
    draw_cutouts(folder / "fg", 5)
    recipe = Recipe(
        name="scenes", backgrounds=str(folder / "bg"), foregrounds=str(folder / "fg"), size=160, placements=2,
        holdout=0.1, depth_model=METRIC.model,
    )  # fmt: skip
    build_small(recipe, folder / "out")
    shutil.copytree(folder / "out", folder / "before")
    draw_background(folder / "bg", request.param)
    build_small(recipe, folder / "out")
    return folder / "before", folder / "out"


def allowed_bytes(before: Path, after: Path) -> float:
    """1.2 x the share of the new rows + a constant."""
    old, new = Manifest.read(Storage(before)), Manifest.read(Storage(after))
    assert old is not None and new is not None and new.rows > old.rows
    total = sum(path.stat().st_size for path in after.rglob("*") if path.is_file())
    return 1.2 * total * (new.rows - old.rows) / new.rows + CONSTANT_BYTES


@pytest.mark.slow
def test_one_more_background_sends_its_share_of_the_bytes(hub: HubServer, versions: tuple[Path, Path]):
    before, after = versions
    send(before, tag="v1.0.0")
    sent = hub.uploaded_bytes()
    report = send(after, tag="v1.1.0")
    by_folder = Counter()
    for path, size in (report.added | report.replaced).items():
        by_folder[path.split("/")[0]] += size
    assert hub.uploaded_bytes() - sent <= allowed_bytes(before, after), by_folder
    assert len([path for path in report.added if path.startswith("bg/")]) == 1
    assert not [path for path in report.replaced if path.startswith(("data/", "fg/"))]


def test_one_more_background_sends_its_share_of_the_bytes_through_xet(
    hub: HubServer, versions: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("hf_xet")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    stored = hub.use_xet()

    def moved() -> int:
        return hub.uploaded_bytes() + sum(path.stat().st_size for path in stored.rglob("*") if path.is_file())

    before, after = versions
    send(before)
    sent = moved()
    send(after)
    assert moved() - sent <= allowed_bytes(before, after)
    assert len(repo_of(hub).history("main")) == 3


def test_files_of_other_backgrounds_keep_their_names_and_bytes(versions: tuple[Path, Path]):
    old, new = (Manifest.read(Storage(folder)) for folder in versions)
    assert old is not None and new is not None
    for config, most in (("bg", 1), ("fg", 0), ("preview", 2)):
        kept = set(old.files_of(config).items()) & set(new.files_of(config).items())
        assert len(old.files_of(config)) - len(kept) <= most, config


def test_colours_of_the_pictures_are_kept_while_they_fit(versions: tuple[Path, Path]):
    old, new = (Manifest.read(Storage(folder)) for folder in versions)
    assert old is not None and new is not None and old.color_range is not None
    assert new.color_range == old.color_range and new.depth_range == tuple(old.color_range)
    assert new.depth_histogram != old.depth_histogram
    narrow = old.replace(color_range=[old.color_range[0], old.color_range[1] / 2])
    fitted = new.with_color_range(narrow).color_range
    assert fitted is not None and fitted != narrow.color_range and fitted == new.with_color_range(None).color_range
