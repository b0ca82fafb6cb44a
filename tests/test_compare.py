"""`compare`: the same rows for all models, the same checks as a build, alignment, the page, and its messages."""

from __future__ import annotations

import importlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import fgbg_depth
from fgbg_depth.cli.main import main
from fgbg_depth.comparison import alignment, memory
from fgbg_depth.comparison.compare import compare
from fgbg_depth.comparison.drawn_rows import DatasetRows, RecipeRows
from fgbg_depth.comparison.named_models import NamedModel, parse_models
from fgbg_depth.comparison.page import as_markdown, as_text, check_page, write_page
from fgbg_depth.comparison.result import Comparison, summarise
from fgbg_depth.depth import models
from fgbg_depth.depth.checks import LabelChecks
from fgbg_depth.errors import DepthError, FgBgError, OutputError, RecipeError, UsageError
from fgbg_depth.read.spread import choose_rows
from fgbg_depth.recipe import Recipe

ROOT = Path(__file__).parent.parent
# Models that know the same depth d = 1 to 21 by brightness, or its opposite; `kind` is what each returns.
FAKES = """
import numpy as np

def depth(images):
    return (21 - images.astype(np.float32).mean(axis=-1) * np.float32(20 / 255)).astype(np.float32)

def again(images):
    return depth(images)

def scaled(images):
    return 3 * depth(images) + 5

def relative(images):
    return 0.5 * depth(images) - 2

def disparity(images):
    return 7 / depth(images) + 2

def exchanged(images):
    return 100 - depth(images)

def constant(images):
    return np.full(images.shape[:3], 2, np.float32)

def partial(images):
    found = depth(images)
    found[:, ::2] = np.nan
    return found

def nothing(images):
    return np.full(images.shape[:3], np.nan, np.float32)

for function in (depth, again, scaled, exchanged, constant, partial, nothing):
    function.kind, function.version = "metric", "1"
relative.kind, relative.version = "relative_depth", "1"
disparity.kind, disparity.version = "relative_disparity", "1"
"""
NAMES = ("depth", "again", "scaled", "relative", "disparity", "exchanged", "constant", "partial", "nothing")


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions of `FAKES` as installed labellers."""
    folder = tmp_path / "installed"
    info = folder / "fakes-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "compared_fakes.py").write_text(FAKES)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fakes\nVersion: 1.0\n")
    lines = "\n".join(f"{name} = compared_fakes:{name}" for name in NAMES)
    (info / "entry_points.txt").write_text(f"[fgbg_depth.labellers]\n{lines}\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "compared_fakes", raising=False)


def tiny_checkpoint(architecture: str, folder: Path) -> Path:
    """A model with random weights of one of the architectures in tests/depth/tiny_models.py."""
    sys.path.insert(0, str(ROOT / "tests" / "depth"))
    try:
        made: Path = getattr(importlib.import_module("tiny_models"), architecture)(folder)
    finally:
        sys.path.remove(str(ROOT / "tests" / "depth"))
    return made


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Depth Anything: relative disparity."""
    return tiny_checkpoint("depth_anything", tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def labelled(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished output with both labels of densedepth-demo; read only."""
    output = tmp_path_factory.mktemp("labelled") / "out"
    tiny.quiet_build(tiny.tiny_recipe(sources, depth_model="densedepth-demo", placements=2), output)
    return output


def quiet(source: Recipe | Path | str, names: list[str], rows: int = 12, **options: Any) -> Comparison:
    return compare(source, names, rows, device="cpu", log=lambda text: None, **options)


# ------------------------------------------------------------------------------------------------ alignment

values = st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=40)


@given(values, st.randoms(use_true_random=False))
def test_the_fit_is_numpys_least_squares(first: list[float], random: Any) -> None:
    prediction = np.array(first)
    target = np.array([random.uniform(-5, 5) for _ in first]) + 0.3 * prediction
    if np.ptp(prediction) < 1e-3:
        return
    (scale, shift), *_ = np.linalg.lstsq(np.stack([prediction, np.ones_like(prediction)], 1), target, rcond=None)
    if scale <= 0:  # a negative scale is not allowed; then the best map is the target's mean
        assert alignment.fit(prediction, target) == pytest.approx((0, target.mean()))
        assert alignment.disagreement(prediction, target) == pytest.approx(1)
        return
    assert alignment.fit(prediction, target) == pytest.approx((scale, shift), abs=1e-6, rel=1e-6)
    expected = np.sqrt(np.mean((scale * prediction + shift - target) ** 2)) / target.std()
    assert alignment.disagreement(prediction, target) == pytest.approx(expected, abs=1e-9)


@given(values, values)
def test_disagreement_is_symmetric_and_does_not_see_scale_and_shift(first: list[float], second: list[float]) -> None:
    n = min(len(first), len(second))
    a, b = np.array(first[:n]), np.array(second[:n])
    if min(np.ptp(a), np.ptp(b)) < 1e-2:
        return
    found = alignment.disagreement(a, b)
    assert 0 <= found <= 1 + 1e-12
    assert alignment.disagreement(b, a) == pytest.approx(found, abs=1e-6)
    assert alignment.disagreement(2.5 * a - 40, 0.01 * b + 3) == pytest.approx(found, abs=1e-6)
    assert alignment.disagreement(a, 4 * a + 9) == pytest.approx(0, abs=1e-9)
    assert alignment.disagreement(a, -a) == 1


def test_disagreement_leaves_out_pixels_without_depth() -> None:
    a = np.array([1.0, np.nan, 3, 4, 9, 7])
    b = np.array([2.0, 100, 6, np.nan, 18, 14])
    assert alignment.disagreement(a, b) == pytest.approx(0, abs=1e-12)
    assert math.isnan(alignment.disagreement(a, np.full(6, np.nan)))
    assert math.isnan(alignment.disagreement(a, np.ones(6)))


def test_the_domain_of_each_pair_of_kinds() -> None:
    specs = {
        "metric": tiny.simple_spec(),
        "relative_depth": tiny.simple_spec(kind="relative_depth", unit="", low=10.0, high=40.0),
        "relative_disparity": tiny.simple_spec(kind="relative_disparity", unit="", low=0.0, high=3.0),
    }
    for a in specs.values():
        for b in specs.values():
            inverse = "relative_disparity" in (a.kind, b.kind)
            assert alignment.common_domain(a, b) == ("inverse depth" if inverse else "depth")
    given_values = np.array([10, 25, 40, np.nan], np.float32)
    in_domain = alignment.in_domain
    assert np.array_equal(in_domain(given_values, specs["metric"], "depth"), given_values, equal_nan=True)
    inverse_m = [1 / 10, 1 / 25, 1 / 40, np.nan]
    assert in_domain(given_values, specs["metric"], "inverse depth") == pytest.approx(inverse_m, nan_ok=True)
    laid_out = [1, 1 / 2.5, 1 / 4, np.nan]  # distances 1 to 4
    assert in_domain(given_values, specs["relative_depth"], "inverse depth") == pytest.approx(laid_out, nan_ok=True)
    disparity = in_domain(given_values, specs["relative_disparity"], "inverse depth")
    assert np.array_equal(disparity, given_values, equal_nan=True)


# ------------------------------------------------------------------------------------------------ models


@pytest.mark.usefixtures("fakes")
@pytest.mark.slow
def test_models_that_are_equal_up_to_scale_and_shift_do_not_disagree(sources: Path) -> None:
    found = quiet(tiny.tiny_recipe(sources), ["depth", "again", "scaled", "relative", "disparity", "exchanged"])
    assert {pair.rows for pair in found.pairs} == {12} and len(found.pairs) == 15
    for other in "BCD":  # in depth
        assert found.disagreement("A", other) == pytest.approx(0, abs=1e-4), other
    assert found.disagreement("E", "A") == pytest.approx(0, abs=1e-4)  # in inverse depth
    assert found.disagreement("A", "F") == pytest.approx(1)
    assert found.models[0].predicted == found.models[1].predicted and found.models[0].placed == found.models[1].placed
    domains = {(pair.first, pair.second): pair.domain for pair in found.pairs}
    assert domains["A", "D"] == "depth" and domains["D", "E"] == "inverse depth"


@pytest.mark.usefixtures("fakes")
@pytest.mark.slow
def test_the_wrong_domain_shows(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fgbg_depth.comparison.compare.common_domain", lambda first, second: alignment.DEPTH)
    found = quiet(tiny.tiny_recipe(sources), ["depth", "disparity"])
    assert found.disagreement("A", "B") == pytest.approx(1)


@pytest.mark.usefixtures("fakes")
@pytest.mark.slow
def test_pixels_without_depth_and_constant_maps(sources: Path) -> None:
    found = quiet(tiny.tiny_recipe(sources), ["depth", "partial", "constant"])
    assert [model.no_depth for model in found.models] == [0, 0.5, 0]
    assert found.disagreement("A", "B") == pytest.approx(0, abs=1e-6)
    assert found.disagreement("A", "C") is None and found.pairs[1].rows == 0
    assert found.models[2].predicted.background_drift is not None
    assert found.models[2].predicted.background_drift.median == 0
    assert "B gives no depth for 50 % of the pixels." in as_text(found)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["pairs"][1]["median"] is None


@pytest.mark.usefixtures("fakes")
def test_a_model_without_any_depth_stops(sources: Path) -> None:
    with pytest.raises(DepthError, match="nothing returns no valid value"):
        quiet(tiny.tiny_recipe(sources), ["nothing"])


@pytest.mark.slow
def test_the_checks_are_those_of_a_build(labelled: Path) -> None:
    """The same rows, the same labels and the same checks as the columns of the dataset."""
    found = quiet(labelled, ["densedepth-demo"], 20)
    manifest = DatasetRows(labelled).manifest
    chosen = choose_rows(
        {path: entry.rows for path, entry in manifest.shards.items()}, 20, manifest.recipe.rows_per_pair
    )
    tables = {path: pq.read_table(labelled / path).to_pylist() for path, _ in chosen}
    rows = [tables[path][row] for path, row in chosen]
    model = found.models[0]
    assert model.spec == manifest.depth
    for summary, column in (
        (model.predicted.boundary_recall, "boundary_recall"),
        (model.predicted.nearer, "nearer"),
        (model.predicted.background_drift, "background_drift"),
        (model.placed.boundary_recall, "placed_boundary_recall"),
        (model.placed.nearer, "placed_nearer"),
    ):
        stored = np.array([row[column] for row in rows])
        assert summary is not None and summary.rows == np.count_nonzero(~np.isnan(stored))
        assert summary.median == np.nanmedian(stored), column
    assert model.placed.background_drift is None


def test_rows_of_a_recipe_are_those_of_its_dataset(sources: Path, labelled: Path) -> None:
    composed = RecipeRows(tiny.tiny_recipe(sources, placements=2), lambda text: None).draw(30)
    stored = DatasetRows(labelled).draw(30)
    assert composed.rows == stored.rows and len({row.fg_bg for row in composed.rows}) == 30
    assert composed.backgrounds == stored.backgrounds and composed.splits == stored.splits
    assert len(composed.splits) == 4 and composed.num_cutouts == 5
    assert np.array_equal(*(drawn.background(composed.backgrounds[0]) for drawn in (composed, stored)))
    a, b = (drawn.shape(0) for drawn in (composed, stored))
    assert np.array_equal(a.cutouts[0][0].inside, b.cutouts[0][0].inside) and (a.x, a.y) == (b.x, b.y)
    assert np.array_equal(a.outline.rows, b.outline.rows)


@pytest.mark.slow
def test_each_model_labels_each_background_once(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    class Labeller(tiny.SimpleLabeller):
        def values(self, images: np.ndarray) -> np.ndarray:
            calls.append(len(images))
            return models_values(images)

    def models_values(images: np.ndarray) -> np.ndarray:
        return 1 + images.astype(np.float32).mean(axis=-1)

    monkeypatch.setattr(models, "resolve_spec", lambda recipe, images, device="auto": tiny.simple_spec(recipe))
    monkeypatch.setattr(models, "load_labeller", lambda recipe, spec, device="auto", worker=0: Labeller(spec))
    seen: list[tuple[str, int, int]] = []
    found = quiet(tiny.tiny_recipe(sources), ["any"], 40, on_progress=lambda *step: seen.append(step))
    assert sum(calls) == 40 + found.backgrounds and found.backgrounds == 5
    assert seen == [("any", i, 40) for i in range(1, 41)]
    assert found.models[0].images_per_s > 0 and found.models[0].batch_size == 7


def test_a_wrong_model_stops_before_sources_are_read(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(self: object, rows: int) -> None:
        raise AssertionError("sources were read")

    monkeypatch.setattr(RecipeRows, "draw", draw)
    with pytest.raises(DepthError, match=r"\./nope"):
        quiet(tiny.tiny_recipe(sources), ["densedepth-demo", "./nope"])


def test_weights_that_cannot_be_loaded_stop_before_rows_are_labelled(
    sources: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    broken = Path(shutil.copytree(tiny_model, tmp_path / "broken"))
    (broken / "model.safetensors").write_bytes(b"damaged")
    monkeypatch.setattr("fgbg_depth.comparison.compare.label_rows", lambda *args: pytest.fail("rows were labelled"))
    with pytest.raises(DepthError, match="broken"):
        quiet(tiny.tiny_recipe(sources), ["densedepth-demo", str(broken)])


@pytest.mark.slow
def test_the_kind_of_a_model_that_is_not_known(sources: Path, tmp_path: Path) -> None:
    folder = tiny_checkpoint("dpt", tmp_path / "new")
    recipe = tiny.tiny_recipe(sources)
    with pytest.raises(DepthError, match="does not state what it predicts") as e:
        quiet(recipe, [str(folder)])
    assert f"Write {folder}=KIND, with one of these kinds: metric (" in str(e.value)
    assert "--depth-kind" not in str(e.value)
    found = quiet(recipe, ["densedepth-demo", f"{folder}=relative_depth"])
    assert [model.spec.kind for model in found.models] == ["metric", "relative_depth"]
    assert found.models[1].name == str(folder) and found.pairs[0].domain == "depth"


# ------------------------------------------------------------------------------------------------ names


def test_names_of_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "b@c").mkdir(parents=True)
    assert NamedModel.parse("user/name@v2") == NamedModel("user/name", "v2")
    assert NamedModel.parse("user/name@v2=metric") == NamedModel("user/name", "v2", "metric")
    assert NamedModel.parse("./my=model=relative_depth") == NamedModel("./my=model", "", "relative_depth")
    assert NamedModel.parse("a/b@c") == NamedModel("a/b@c")  # a folder
    assert NamedModel.parse("x=other") == NamedModel("x=other")
    assert NamedModel.parse(f"exec:{sys.executable}:package.module:run").model == "exec:package.module:run"


def test_the_recipes_own_model_keeps_the_recipes_depth_fields() -> None:
    base = Recipe(depth_model="user/own", depth_input="480x640", depth_flip=True, depth_range=[0, 2], seed=3)
    own, other = NamedModel("user/own").recipe(base, {}), NamedModel("densedepth-demo").recipe(base, {"depth_bits": 8})
    assert own == base
    assert other == Recipe(depth_model="densedepth-demo", seed=3, depth_bits=8)
    assert NamedModel("user/own", "v2").recipe(base, {}) == Recipe(depth_model="user/own", depth_revision="v2", seed=3)
    assert NamedModel("user/own", "", "metric").recipe(base, {}).depth_range is None
    with pytest.raises(RecipeError, match="depth_bits"):
        NamedModel("x").recipe(base, {"depth_bits": 7})


@pytest.mark.parametrize(
    "names, message",
    [
        ([], "No depth model is named"),
        (["x"] * 2, "x is named twice"),
        (["user/x", "user/x=metric"], "user/x is named twice"),
        (["none"], "none is not a depth model"),
        ([str(i) for i in range(27)], "27 depth models are named; at most 26"),
    ],
)
def test_wrong_names(names: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_models(names)


# ------------------------------------------------------------------------------------------------ the result


def test_summaries() -> None:
    nan = math.nan
    rows = [(0.2, 0.0, 0.3), (0.6, 0.5, 0.05), (nan, nan, 0.1), (1.0, -0.1, nan)]
    found = summarise([LabelChecks(*map(np.float32, row)) for row in rows])
    assert (found.boundary_recall.median, found.boundary_recall.rows) == (pytest.approx(0.6), 3)
    assert found.boundary_recall.poor == pytest.approx(1 / 3) and found.nearer.poor == pytest.approx(2 / 3)
    assert found.background_drift is not None and found.background_drift.median == pytest.approx(0.1)
    assert found.background_drift.rows == 3
    assert summarise([LabelChecks(*map(np.float32, (nan, nan, nan)))]).nearer.median is None


@pytest.mark.slow
def test_memory() -> None:
    meter = memory.MemoryMeter("cpu", own_process=False)
    block = np.ones(8_000_000)  # 64 MB
    block.sum()
    del block
    found = meter.read()
    if found.num_bytes is not None:  # Linux
        assert 60e6 < found.num_bytes < 200e6 and found.kind == "RAM"
    assert memory.MemoryMeter("cpu", own_process=True).read() == memory.Memory()
    assert memory.Memory().text == "not measured" and memory.Memory(2_345_678_901, "GPU").text == "2,346 MB GPU"


# ------------------------------------------------------------------------------------------------ the command


@pytest.mark.slow
def test_the_command_on_a_dataset(
    labelled: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "found.md"
    words = ["compare", str(labelled), "--models", "densedepth-demo", str(tiny_model), "--rows", "10"]
    assert main([*words, "--device", "cpu", "--page", str(page)]) == 0
    printed = capsys.readouterr()
    assert all(len(line) <= 100 for line in printed.out.splitlines() if str(labelled) not in line), printed.out
    assert "boundary_recall" in printed.out and "images/s" in printed.out and "disagreement" in printed.out
    assert "cpu fp32" in printed.out and f"Wrote {page} and {page.with_suffix('.png')}." in printed.err
    text = page.read_text()
    assert "![Rows with the depth of each model](found.png)" in text and "| A | predicted |" in text
    with Image.open(tmp_path / "found.png") as picture:
        assert picture.width > 900 and picture.height > 1000
    assert main([*words, "--json", "--page", str(page)]) == 0  # replaces its own page
    values = json.loads(capsys.readouterr().out)
    assert [model["spec"]["model"] for model in values["models"]] == ["densedepth-demo", tiny_model.name]
    assert values["rows"] == 10 and values["models"][1]["spec"]["kind"] == "relative_disparity"
    assert 0 < values["pairs"][0]["median"] <= 1 and values["pairs"][0]["domain"] == "inverse depth"
    assert values["models"][0]["predicted"]["nearer"]["rows"] > 0


@pytest.mark.usefixtures("fakes")
@pytest.mark.slow
def test_the_command_on_a_recipe(sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", "--backgrounds", str(sources / "bg"), "--foregrounds", str(sources / "fg"), "--size", "32"]
    assert main([*words, "--placements", "2", "--rows", "8", "--models", "depth", "--models", "disparity"]) == 0
    printed = capsys.readouterr()
    assert "8 rows of the recipe fgbg: " in printed.out and "test_unseen_both" in printed.out
    assert "Comparing 2 depth models on 8 rows of the recipe fgbg." in printed.err


@pytest.mark.parametrize(
    "words, code, says",
    [
        (["OUT", "--size", "64", "--models", "densedepth-demo"], 2, "--size would change how rows are composed"),
        (["OUT", "--recipe", "x.yaml", "--models", "densedepth-demo"], 2, "--recipe would change"),
        (["--models", "densedepth-demo", "OUT"], 2, "is a dataset, not a depth model"),
        (["--models", "densedepth-demo", "--rows", "0"], 2, "--rows is 0"),
        (["nowhere/at/all", "--models", "densedepth-demo"], 1, "There is no folder nowhere/at/all"),
        (["--models", "densedepth-demo", "--page", "page.txt"], 2, "give the name of a Markdown file"),
        (["--models", "densedepth-demo", "--page", "nowhere/page.md"], 2, "there is no folder nowhere"),
        (["--models", "densedepth-demo", "--page", "mine.md"], 2, "mine.md exists and is not from compare"),
        (["--models", "exec:no-python:x:y"], 1, "there is no program no-python"),
    ],
)
def test_messages(
    words: list[str],
    code: int,
    says: str,
    built: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.md").write_text("# Mine\n")
    monkeypatch.setattr(RecipeRows, "draw", lambda *args: pytest.fail("the work was started"))
    assert main(["compare", *(str(built) if word == "OUT" else word for word in words)]) == code
    printed = capsys.readouterr()
    assert says in printed.err and "Traceback" not in printed.err and not printed.out


def test_a_picture_of_another_origin_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"x\.png exists"):
        check_page(tmp_path / "x.md")


@pytest.mark.usefixtures("fakes")
def test_a_page_of_one_model_with_names_that_markdown_would_read(sources: Path, tmp_path: Path) -> None:
    found = quiet(tiny.tiny_recipe(sources, name="a|b_c_"), ["depth"], 4)
    assert "disagreement" not in as_text(found) and "Disagreement" not in as_markdown(found, "x.png")
    page, picture = write_page(found, tmp_path / "my page.md")
    text = page.read_text()
    assert "the recipe a&#124;b&#95;c&#95;: " in text and "](my%20page.png)" in text
    assert "| A | <code>depth</code> | metres |" in text and picture.name == "my page.png"
    with Image.open(picture) as image:
        assert image.width < 900


def test_the_public_function() -> None:
    assert fgbg_depth.compare is compare
    with pytest.raises(OutputError, match="There is no folder"):
        fgbg_depth.compare(Path("nowhere"), ["densedepth-demo"])
    with pytest.raises(FgBgError, match="rows is 0"):
        fgbg_depth.compare(Recipe(), ["densedepth-demo"], 0)
