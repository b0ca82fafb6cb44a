"""A small output with depth, built by `build` with a made-up labeller; every other part is real."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fgbg_depth.depth.models
from fgbg_depth.builder.pipeline import BuildResult, build
from fgbg_depth.depth.spec import DepthSpec, encode_values, relative_scale
from fgbg_depth.recipe import Recipe

SIZE = 64


class Slope:
    """A labeller: the lower part of an image is near, and its bright pixels are nearer."""

    batch_size = 16

    def __init__(self, spec: DepthSpec) -> None:
        self.spec = spec

    def release(self) -> None:
        """There is no device to free."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        height = images.shape[1]
        metres = np.linspace(9, 1.2, height)[None, :, None] * (1.3 - images.mean(axis=-1) / 425)
        return encode_values(12 / metres if self.spec.kind == "relative_disparity" else metres, self.spec)


METRIC = DepthSpec("made-up-metric", digest="0123456789abcdef", input_size="64x64", license="mit")
DISPARITY = DepthSpec(
    "made-up/disparity", revision="abc123", kind="relative_disparity", unit="", license="cc-by-nc-4.0",
    **relative_scale(0.5, 12.0),
)  # fmt: skip


def draw_sources(folder: Path, num_bg: int = 4, num_fg: int = 5) -> None:
    """Backgrounds with texture, cut-outs with soft edges; no two alike."""
    rng = np.random.default_rng(7)
    for kind in ("backgrounds", "foregrounds"):
        (folder / kind).mkdir(parents=True)
    for i in range(num_bg):
        coarse = Image.fromarray(rng.integers(0, 255, (5, 7, 3), dtype=np.uint8))
        coarse.resize((112, 80), Image.Resampling.BICUBIC).save(folder / "backgrounds" / f"scene_{i}.png")
    y, x = np.mgrid[-1:1:48j, -1:1:40j]
    for i in range(num_fg):
        alpha = np.clip(6 * (1 - np.hypot(x * (1 + 0.1 * i), y)), 0, 1) * 255
        colour = np.broadcast_to(rng.integers(60, 255, 3, dtype=np.uint8), (48, 40, 3))
        rgba = np.dstack([colour, alpha.astype(np.uint8)])
        Image.fromarray(rgba).save(folder / "foregrounds" / f"thing_{i}.png")


def use_slope(patch: pytest.MonkeyPatch, spec: DepthSpec | None) -> None:
    """Let `Slope` be the depth model of everything until `patch` is undone."""
    patch.setattr(fgbg_depth.depth.models, "resolve_spec", lambda *a, **k: spec)
    patch.setattr(fgbg_depth.depth.models, "load_labeller", lambda *a, **k: Slope(spec))


def make_output(folder: Path, spec: DepthSpec | None = METRIC, **choices: Any) -> Path:
    """Build into `folder`/out and return it."""
    if not (folder / "backgrounds").exists():
        draw_sources(folder)
    recipe = Recipe(
        **{
            "name": "small scenes",
            "backgrounds": str(folder / "backgrounds"),
            "foregrounds": str(folder / "foregrounds"),
            "size": SIZE,
            "placements": 2,
            "holdout": 0.25,
            "depth_model": spec.model if spec else "none",
        }
        | choices
    )
    build_small(recipe, folder / "out", spec)
    return folder / "out"


def build_small(recipe: Recipe, output: Path, spec: DepthSpec | None = METRIC) -> BuildResult:
    """Build with `Slope` as the depth model."""
    with pytest.MonkeyPatch.context() as patch:
        use_slope(patch, spec)
        patch.setenv("FGBG_DEPTH_HOME", str(output.parent / "home"))
        return build(recipe, output, workers=1, device="cpu", progress=False, log=lambda text: None)


@pytest.fixture(scope="module")
def metric_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four backgrounds x five cut-outs x two mirrorings x two places: 80 rows in four splits. Not to be changed."""
    return make_output(tmp_path_factory.mktemp("metric"))


@pytest.fixture
def output_copy(metric_output: Path, tmp_path: Path) -> Callable[[], Path]:
    """A function that copies it; the copy may be changed."""
    import shutil

    def copy() -> Path:
        shutil.copytree(metric_output, tmp_path / "out")
        return tmp_path / "out"

    return copy
