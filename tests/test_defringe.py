"""Halos: found in soft edges and rims, and removed; the same bytes in every process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from tiny import make_sources, quiet_build, save, statistics_of, tiny_recipe, tree

from fgbg_depth import paths
from fgbg_depth.recipe import parse_recipe
from fgbg_depth.sources.defringe import defringe, estimate_foreground
from fgbg_depth.sources.halo import find_halo
from fgbg_depth.sources.load import load_sources
from fgbg_depth.verify.check import verify

BUNDLED = sorted((paths.DATA / "foregrounds").glob("*.png"))
COLORS = {"white": (255, 255, 255), "black": (0, 0, 0), "green": (40, 140, 60), "red": (200, 30, 30)}


def bundled(name: str) -> Image.Image:
    return Image.open(paths.DATA / "foregrounds" / f"{name}.png").convert("RGBA")


def recut(cutout: Image.Image, background: np.ndarray | tuple[int, int, int], hidden: bool = False) -> Image.Image:
    """The cut-out placed on a background and cut out again with its own alpha: its soft edge shows the background.

    Args:
        hidden: keep the background's colours in transparent pixels; otherwise they are black.
    """
    pixels = np.asarray(cutout).astype(np.float64)
    alpha = pixels[..., 3:] / 255
    colors = np.rint(alpha * pixels[..., :3] + (1 - alpha) * np.asarray(background))
    if not hidden:
        colors = colors * (alpha > 0)
    return Image.fromarray(np.dstack([colors, pixels[..., 3]]).astype(np.uint8))


def edge_error(found: Image.Image | np.ndarray, truth: Image.Image) -> float:
    """Root mean square difference of the colours of soft pixels, of 255."""
    true = np.asarray(truth).astype(np.float64)
    soft = (true[..., 3] >= 8) & (true[..., 3] <= 247)
    return float(np.sqrt(((np.asarray(found)[..., :3] - true[..., :3])[soft] ** 2).mean()))


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_the_bundled_cutouts_have_no_halo(path: Path) -> None:
    assert find_halo(Image.open(path).convert("RGBA")) is None


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_a_halo_of_one_colour_is_found_with_its_colour(path: Path, color: str) -> None:
    halo = find_halo(recut(Image.open(path).convert("RGBA"), COLORS[color]))
    assert halo is not None and not halo.rim
    assert np.abs(np.subtract(halo.color, COLORS[color])).max() <= 25
    assert 0.8 < halo.strength < 1.3
    assert halo.is_pale == (color == "white")


def test_a_white_rim_of_opaque_pixels_is_found_and_taken_from_inside() -> None:
    pixels = np.zeros((90, 90, 4), np.uint8)
    y, x = np.mgrid[-1:1:90j, -1:1:90j]
    pixels[np.hypot(x, y) < 0.9] = (250, 250, 250, 255)
    pixels[np.hypot(x, y) < 0.87] = (120, 60, 30, 255)
    halo = find_halo(Image.fromarray(pixels))
    assert halo is not None and halo.rim and halo.color == (255, 255, 255)
    clean = defringe(Image.fromarray(pixels), "auto")
    assert clean is not None
    visible = np.asarray(clean)[pixels[..., 3] > 0]
    assert np.abs(visible[:, :3].astype(int) - (120, 60, 30)).max() <= 3


def test_an_outline_at_the_pictures_own_edge_is_no_halo() -> None:
    """A white wall behind the feet of a cut-out that its frame cuts off."""
    pixels = np.full((80, 80, 4), (60, 70, 80, 255), np.uint8)
    pixels[:, -3:, :3] = 255
    pixels[:20, :, 3] = 0
    assert find_halo(Image.fromarray(pixels)) is None


@pytest.mark.parametrize("hidden", [False, True], ids=["black below", "background below"])
@pytest.mark.parametrize("background", ["white", "black", "green", "photograph"])
def test_the_colours_of_soft_edges_come_near_the_truth(background: str, hidden: bool) -> None:
    before, after = [], []
    for name in ("dog", "houseplant", "woman"):
        cutout = bundled(name)
        photo = Image.open(paths.DATA / "backgrounds" / "garden.jpg").convert("RGB").resize(cutout.size)
        cut = recut(cutout, COLORS.get(background, np.asarray(photo)), hidden)
        clean = defringe(cut, "on")
        assert clean is not None
        before.append(edge_error(cut, cutout))
        after.append(edge_error(clean, cutout))
        pixels, cut_pixels = np.asarray(clean), np.asarray(cut)
        assert (pixels[..., 3] == cut_pixels[..., 3]).all()
        assert (pixels[cut_pixels[..., 3] == 255] == cut_pixels[cut_pixels[..., 3] == 255]).all()
    assert np.mean(after) < 17
    assert np.mean(after) < np.mean(before) / 2


def test_it_is_at_least_as_near_the_truth_as_pymatting() -> None:
    pymatting = pytest.importorskip("pymatting", reason="the reference; it is in requirements-dev.txt")
    ours, theirs, apart = [], [], []
    for name in ("dog", "houseplant", "teddy"):
        cutout = bundled(name)
        photo = np.asarray(Image.open(paths.DATA / "backgrounds" / "garden.jpg").convert("RGB").resize(cutout.size))
        cut = np.asarray(recut(cutout, photo, hidden=True))
        found = estimate_foreground(cut[..., :3], cut[..., 3])
        reference = pymatting.estimate_foreground_ml(cut[..., :3] / 255, cut[..., 3] / 255) * 255
        ours.append(edge_error(found, cutout))
        theirs.append(edge_error(reference, cutout))
        apart.append(float(np.abs(found - reference)[(cut[..., 3] > 127) & (cut[..., 3] < 255)].mean()))
    assert np.mean(ours) <= np.mean(theirs)
    assert np.mean(apart) < 6


def test_a_plain_foreground_on_a_plain_background_is_found_exactly() -> None:
    alpha = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (30, 1))
    share = alpha[..., None] / 255
    image = np.rint(share * (200, 80, 40) + (1 - share) * (10, 90, 250)).astype(np.uint8)
    found = estimate_foreground(image, alpha)[alpha > 0]
    assert np.abs(found.astype(int) - (200, 80, 40)).max() <= 2


PROGRAM = """
import hashlib, sys
import numpy as np
from PIL import Image
from fgbg_depth.sources.defringe import estimate_foreground
pixels = np.random.default_rng(5).integers(0, 256, (67, 91, 4), np.uint8)
print(hashlib.sha256(estimate_foreground(pixels[..., :3], pixels[..., 3]).tobytes()).hexdigest()[:16])
"""
KNOWN = "fb98b78923c847b3"


def test_every_process_and_thread_gives_the_same_bytes() -> None:
    """The known digest also compares machines: a build with another CPU must compute it too."""
    pixels = np.random.default_rng(5).integers(0, 256, (67, 91, 4), np.uint8)

    def digest(_: int) -> str:
        return hashlib.sha256(estimate_foreground(pixels[..., :3], pixels[..., 3]).tobytes()).hexdigest()[:16]

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(digest, range(8))) == {KNOWN}
    environment = {"OMP_NUM_THREADS": "3", "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX"}
    process = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment)
    assert process.stdout.strip() == KNOWN, process.stderr


@given(hnp.arrays(np.uint8, st.tuples(st.integers(4, 30), st.integers(4, 30), st.just(4))))
def test_any_cutout_keeps_its_alpha(pixels: np.ndarray) -> None:
    for mode in ("auto", "on"):
        clean = defringe(Image.fromarray(pixels), mode)
        if clean is not None:
            assert (np.asarray(clean)[..., 3] == pixels[..., 3]).all()


def test_off_does_nothing_and_a_hard_edge_has_nothing_to_estimate() -> None:
    soft = recut(bundled("dog"), COLORS["white"])
    assert defringe(soft, "off") is None
    hard = np.asarray(soft).copy()
    hard[..., 3] = 255 * (hard[..., 3] > 127)
    hard[..., :3] = 90
    assert defringe(Image.fromarray(hard), "on") is None


def test_very_large_cutouts_are_reduced_first() -> None:
    clean = defringe(recut(bundled("dog"), COLORS["white"]), "on", max_side=64)
    assert clean is not None and max(clean.size) == 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sources with one cut-out that has a white halo and one that has none."""
    make_sources(tmp_path, 3, 0)
    save(np.asarray(recut(bundled("dog"), COLORS["white"])), tmp_path / "fg" / "halo.png")
    save(np.asarray(bundled("cat")), tmp_path / "fg" / "clean.png")
    return tmp_path


def test_auto_changes_only_cutouts_with_a_halo(folder: Path) -> None:
    off, auto, on = (load_sources(tiny_recipe(folder, defringe=mode)) for mode in ("off", "auto", "on"))
    assert (off.defringed, auto.defringed, on.defringed) == ((), ("halo",), ("clean", "halo"))
    digests = [{s.name: s.pixels_digest for s in each.cutouts} for each in (off, auto, on)]
    assert digests[0]["clean"] == digests[1]["clean"] != digests[2]["clean"]
    assert digests[0]["halo"] != digests[1]["halo"] == digests[2]["halo"]


def test_the_log_the_card_and_the_statistics_say_what_was_done(folder: Path) -> None:
    lines: list[str] = []
    quiet_build(tiny_recipe(folder, defringe="auto"), folder / "out", log=lines.append)
    assert "Estimated the edge colours of 1 of 2 cut-outs: halo." in lines
    assert statistics_of(folder / "out")["defringed"] == ["halo"]
    card = (folder / "out" / "README.md").read_text()
    assert "the colours of the soft edge of 1 of 2 cut-outs (listed in `statistics.json`) were estimated" in card
    assert "the others show no halo of one colour" in card
    assert verify(str(folder / "out")).ok
    quiet_build(tiny_recipe(folder, defringe="auto"), folder / "again")
    assert tree(folder / "out") == tree(folder / "again")


def test_yaml_may_say_on_or_off_without_quotes(tmp_path: Path) -> None:
    for text, value in (("defringe: on", "on"), ("defringe: off", "off"), ("defringe: auto", "auto"), ("", "off")):
        recipe = parse_recipe(text)
        assert recipe.defringe == value
        assert parse_recipe(recipe.to_yaml()) == recipe
