"""The bundled pictures and depth network, and the code in demo/ that makes them."""

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from demo.render import bundle
from demo.render.arrays import f32
from demo.render.camera import Camera
from demo.render.cutouts import render_cutout
from demo.render.materials import plain
from demo.render.noise import hash01, hash_u32, noise, tile
from demo.render.raycast import render
from demo.render.scene_types import Light, Scene
from demo.render.scenes import KINDS, render_scene
from demo.train.metrics import depth_metrics
from demo.train.paste import paste

if TYPE_CHECKING:
    from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

ROOT = Path(__file__).parents[1]
DATA = ROOT / "fgbg_depth" / "data"
BACKGROUNDS = sorted((DATA / "backgrounds").glob("*.jpg"))
FOREGROUNDS = sorted((DATA / "foregrounds").glob("*.png"))
NETWORK = DATA / "densedepth-demo"
ABSREL, DELTA1 = 0.131, 0.875  # of the bundled weights, measured on the 24 scenes of the last test


def test_imports_go_one_way_and_without_circles() -> None:
    """render imports no train and no fgbg_depth; no module imports itself through others."""
    imports: dict[str, set[str]] = {}
    for path in sorted((ROOT / "demo").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        names = {node.module or "" for node in nodes}
        names |= {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}
        imports[module] = {name for name in names if name.split(".")[0] in ("demo", "fgbg_depth")}
    assert len(imports) > 40
    for module in imports:
        if module.startswith("demo.render"):
            assert all(name.startswith("demo.render") for name in imports[module]), module
        reached: set[str] = set()
        waiting = set(imports[module])
        while waiting:
            name = waiting.pop()
            reached.add(name)
            waiting |= imports.get(name, set()) - reached
        assert module not in reached, f"{module} imports itself"


def test_hash_has_known_values() -> None:
    x, y = np.array([0, 1, -1, 123456, 7]), np.array([0, 2, 5, -9, 7])
    assert hash_u32(x, y).tolist() == [0, 2300179481, 818386167, 3545715221, 1955914481]
    assert hash_u32(x, y, 3).tolist() == [3581634305, 2845626729, 1455944761, 2816903081, 1707947942]
    assert hash01(x, y)[1] == np.float32(0.5355522632598877)


def test_hash_is_uniform_and_uncorrelated() -> None:
    grid = hash01(*np.meshgrid(np.arange(300), np.arange(300)))
    assert np.histogram(grid, 10, (0, 1))[0].std() < 300
    assert abs(np.corrcoef(grid[:, 1:].ravel(), grid[:, :-1].ravel())[0, 1]) < 0.02


def test_noise_has_known_values_and_repeats_after_its_period() -> None:
    assert tile("fbm")[0, 3, 5] == pytest.approx(0.89680374, abs=1e-5)
    assert tile("leaf")[3, 100, 200] == pytest.approx(-1.217664, abs=1e-5)
    u, v = np.linspace(0, 3, 50, dtype=np.float32), np.linspace(1, 2, 50, dtype=np.float32)
    assert noise("fbm", u, v, 4.0, 0.01) == pytest.approx(noise("fbm", u + 4, v - 4, 4.0, 0.01), abs=1e-3)
    assert np.abs(noise("grain", u, v, 1.0, 5.0)).max() < 0.3  # a large footprint averages it out


def flat_scene(pitch: float = 0.0) -> Scene:
    scene = Scene(np.random.default_rng(0), Camera(height=1.5, pitch=pitch, fov=np.radians(60)))
    scene.add("ground", (0, 0, 0), 1, plain(np.full(3, 0.5)))
    scene.lights.append(Light(f32([0, 1, 0]), np.ones(3, np.float32), sun=True))
    return scene


def test_depth_is_along_z_in_metres() -> None:
    scene = flat_scene()
    scene.add("ball", (0, 1.5, 6), 1.0, plain(np.full(3, 0.5)))
    scene.add("box", (3, 1.5, 9), (0.5, 1.5, 1), plain(np.full(3, 0.5)))
    _, depth = render(scene, 65, 65)
    focal = scene.camera.focal_px(65)
    assert depth[32, 32] == pytest.approx(5.0, rel=1e-4)  # the ball's nearest point
    row = np.arange(45, 65)
    assert depth[row, 2] == pytest.approx(1.5 * focal / (row - 32), rel=1e-4)  # height * focal / rows below the horizon
    column = int(32 + 3 / 8 * focal)
    assert depth[32, column] == pytest.approx(8.0, rel=1e-4)  # constant over a face parallel to the image
    assert np.isinf(depth[5, 5])


def test_looking_up_lowers_the_horizon() -> None:
    horizon = [np.isfinite(render(flat_scene(pitch), 48, 48)[1][:, 0]).argmax() for pitch in (-0.2, 0.0, 0.2)]
    assert horizon[0] < horizon[1] < horizon[2]


@pytest.mark.parametrize("kind", KINDS)
def test_scene_is_reproducible_and_its_lower_edge_is_near_ground(kind: str) -> None:
    first, again = render_scene(2_000_003, 48, kind), render_scene(2_000_003, 48, kind)
    assert np.array_equal(first.image, again.image) and np.array_equal(first.depth_m, again.depth_m)
    assert first.image.shape == (48, 48, 3) and 0 <= first.image.min() < first.image.max() <= 1
    assert first.depth_m[-1].min() > 0.3 and np.median(first.depth_m[-1]) < 8  # the floor is near
    assert np.nanmedian(first.depth_m[:24]) > np.median(first.depth_m[-6:])


def test_cutouts_are_reproducible_cropped_and_antialiased() -> None:
    for kind in ("rabbit", "football"):
        one, two = render_cutout(kind, 5, 40), render_cutout(kind, 5, 40)
        assert np.array_equal(one.rgba, two.rgba)
        alpha = one.rgba[..., 3]
        assert alpha.max() == 255 and alpha.min() == 0 and ((alpha > 0) & (alpha < 255)).mean() > 0.02
        assert all(edge.max() > 8 for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]))
        assert np.array_equal(np.isfinite(one.relief_m), alpha > 0)


def test_pasting_makes_the_region_nearer_and_keeps_the_rest() -> None:
    scene, cutout = render_scene(2_000_001, 64, "street"), render_cutout("football", 1, 40, 1)
    image, depth = np.round(scene.image * 255).astype(np.uint8), scene.depth_m.copy()
    mask = paste(image, depth, cutout, np.random.default_rng(2))
    assert mask is not None
    assert np.median(depth[mask]) < np.median(scene.depth_m[mask])
    assert np.array_equal(depth[~mask], scene.depth_m[~mask])


def test_bundled_files_are_few_and_small() -> None:
    assert len(BACKGROUNDS) == len(FOREGROUNDS) == 16
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file() and path.parent != NETWORK) < 1.5e6
    assert sum(path.stat().st_size for path in NETWORK.iterdir()) < 2.5e6


@pytest.mark.parametrize("path", BACKGROUNDS, ids=lambda path: path.stem)
def test_bundled_background_and_its_depth(path: Path) -> None:
    with Image.open(path) as image:
        assert (image.size, image.mode, image.format) == ((320, 320), "RGB", "JPEG")
        pixels = np.asarray(image)
    assert pixels.std() > 25 and 60 < pixels.mean() < 200
    with Image.open(DATA / "backgrounds_depth" / f"{path.stem}.png") as image:
        assert (image.size, image.mode) == ((320, 320), "I;16")
        depth = np.asarray(image) / 256
    camera = json.loads((DATA / "cameras.json").read_text())[path.stem]
    assert depth[depth > 0].min() > 0.4 and np.median(depth[-20:]) < 6  # the ground where cut-outs stand is near
    # The depth of the lowest row follows from the camera's height and pitch.
    below = np.arctan(159.5 / camera["focal_px"]) - camera["pitch"]
    ground = camera["height"] / np.sin(below) * np.cos(np.arctan(159.5 / camera["focal_px"]))
    assert np.isclose(depth[-1, 140:180], ground, rtol=0.05).any()


def test_bundled_depth_agrees_with_a_new_rendering() -> None:
    for name in ("school-corridor", "lake"):
        kind, seed = bundle.BACKGROUNDS[name]
        again = render_scene(seed, 40, kind).depth_m
        stored = np.asarray(Image.open(DATA / "backgrounds_depth" / f"{name}.png"))[4::8, 4::8] / 256
        known = (stored > 0) & np.isfinite(again)
        assert np.median(np.abs(stored[known] / again[known] - 1)) < 0.02


@pytest.mark.parametrize("path", FOREGROUNDS, ids=lambda path: path.stem)
def test_bundled_cutout(path: Path) -> None:
    with Image.open(path) as image:
        assert image.mode == "RGBA" and 100 <= max(image.size) <= 224
        alpha = np.asarray(image)[..., 3]
    assert (alpha == 0).mean() > 0.1 and (alpha == 255).mean() > 0.2
    assert ((alpha > 0) & (alpha < 255)).mean() > 0.005  # soft edges
    assert all(edge.max() > 8 for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]))  # cropped to visible pixels


@pytest.fixture(scope="module")
def network() -> "DenseDepthForDepthEstimation":
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from transformers import AutoModelForDepthEstimation

    import fgbg_depth  # noqa: F401  registers DenseDepth

    model: DenseDepthForDepthEstimation = AutoModelForDepthEstimation.from_pretrained(NETWORK).eval()
    return model


def test_network_loads_as_float32_with_its_processor(network: "DenseDepthForDepthEstimation") -> None:
    from transformers import AutoImageProcessor

    assert type(network).__name__ == "DenseDepthForDepthEstimation"
    assert next(network.parameters()).dtype.itemsize == 4
    assert 0.8e6 < sum(p.numel() for p in network.parameters()) < 1.1e6
    processor = AutoImageProcessor.from_pretrained(NETWORK)  # type: ignore[no-untyped-call]
    pixels = processor(images=Image.open(BACKGROUNDS[0]), return_tensors="pt")["pixel_values"]
    assert pixels.shape == (1, 3, 192, 192) and pixels.min() >= 0 and pixels.max() <= 1


@pytest.mark.slow
def test_network_has_the_measured_error_and_accuracy(network: "DenseDepthForDepthEstimation") -> None:
    from demo.train.dataset import render_example
    from demo.train.evaluate import predict, to_output_size

    images, depths, _ = zip(*(render_example(2_000_000 + i) for i in range(24)), strict=True)
    depth = np.stack(depths).astype(np.float32)
    depth[depth == 0] = np.inf
    metrics = depth_metrics(predict(network, np.stack(images)), to_output_size(depth))
    assert metrics["absrel"] == pytest.approx(ABSREL, abs=0.01) and metrics["delta1"] == pytest.approx(DELTA1, abs=0.01)
