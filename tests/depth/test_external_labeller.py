"""External labellers from a recipe to stored labels: what they state, their spec, range, device and version."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import labeller_functions
import numpy as np
import pytest
from test_external_names import register
from tiny_models import pictures

from fgbg_depth.depth import contract, load_labeller, num_gpus, resolve_spec
from fgbg_depth.depth.contract import check_labeller
from fgbg_depth.depth.devices import labeller_device
from fgbg_depth.depth.external.names import VARIABLE, remember_program
from fgbg_depth.depth.external.stated import Stated
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import DepthError
from fgbg_depth.plan import label_digest
from fgbg_depth.recipe import Recipe

FUNCTIONS = Path(labeller_functions.__file__)
EXAMPLE = FUNCTIONS.parent.parent.parent / "examples" / "height_labeller.py"
BACKGROUNDS = pictures(5, 40, 40, seed=1)


@pytest.fixture(autouse=True)
def no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")


@pytest.fixture(params=["exec", "entry point"])
def named(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives the depth_model of a function of labeller_functions.py: of another process, and of this one."""
    if request.param == "exec":
        return lambda function: remember_program(f"exec:{sys.executable}:{FUNCTIONS}:{function}")
    monkeypatch.syspath_prepend(tmp_path)
    names = [name for name in vars(labeller_functions) if not name.startswith("_")]
    register(tmp_path, "tests", "\n".join(f"{name} = labeller_functions:{name}" for name in names))
    return lambda function: function


def spec_of(model: str, **changes: Any) -> DepthSpec:
    return resolve_spec(Recipe(depth_model=model, size=40, **changes), lambda: iter(BACKGROUNDS), "cpu")


def test_a_metric_labeller(named: Any) -> None:
    model = named("brightness")
    spec = spec_of(model)
    assert (spec.model, spec.revision, spec.kind, spec.unit, spec.license) == (model, "1", "metric", "m", "mit")
    assert spec.step == 0.001 and len(spec.digest) == 16 and not spec.precision and not spec.input_size
    recipe = Recipe(depth_model=model, size=40, depth_batch=3)
    label = load_labeller(recipe, spec, "cpu")
    assert label.batch_size == 3
    expected = labeller_functions.brightness(BACKGROUNDS)[0]
    assert np.array_equal(label.values(BACKGROUNDS), expected)
    assert np.array_equal(label(BACKGROUNDS), np.rint(expected * np.float32(1000)).astype(np.uint16))
    label.release()
    assert spec_of(model, depth_bits=8).high == 21.0  # the stated reach


def test_a_relative_labeller_gets_its_range_from_the_backgrounds(named: Any) -> None:
    spec = spec_of(named("disparity"))
    values = labeller_functions.disparity(BACKGROUNDS)
    margin = 0.25 * np.ptp(values)
    assert spec.kind == "relative_disparity" and spec.unit == ""
    assert spec.low <= max(0, values.min() - margin) and spec.high >= values.max() + margin
    assert spec.high - spec.low < 2 * np.ptp(values)
    stated = spec_of(named("disparity"), depth_range=[0, 3])
    assert (stated.low, stated.high) == (0, 3)


def test_a_stated_range_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "ranged.py"
    source.write_text("def f(images): ...\nf.kind, f.version, f.range = 'relative_depth', '1', (0, 5)\n")
    spec = spec_of(remember_program(f"exec:{sys.executable}:{source}:f"))
    assert (spec.low, spec.high) == (0, 5)


def test_fields_that_a_labeller_cannot_follow(named: Any) -> None:
    model = named("brightness")
    for field, value in (("depth_revision", "v1"), ("depth_input", "64x64"), ("depth_precision", "fp16")):
        with pytest.raises(DepthError, match=f"{field} is '{value}', but depth model .* is an external labeller"):
            spec_of(model, **{field: value})
    with pytest.raises(DepthError, match="Leave depth_range empty"):
        spec_of(model, depth_range=[0, 1])


def test_another_kind_than_stated_gives_a_warning(named: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert spec_of(named("brightness"), depth_kind="relative_depth").kind == "relative_depth"
    assert "is known to predict metric, but the recipe says relative_depth" in caplog.text


@pytest.mark.slow
def test_the_digests_change_with_code_and_version(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    text = "import numpy as np\ndef f(images): return np.ones(images.shape[:3], np.float32)\n"
    attributes = "f.kind = 'metric'\nf.version = '1'\n"
    source.write_text(text + attributes)
    model = remember_program(f"exec:{sys.executable}:{source}:f")
    first = spec_of(model)
    assert spec_of(model) == first
    source.write_text(text + "# a change\n" + attributes)
    changed_code = spec_of(model)
    with pytest.raises(DepthError, match="exec:mine:f: the depth model has changed since the build started"):
        load_labeller(Recipe(depth_model=model, size=40), first, "cpu")
    source.write_text(text + attributes.replace("1", "2"))
    changed_version = spec_of(model)
    specs = (first, changed_code, changed_version)
    assert len({label_digest(spec, ["predicted"]) for spec in specs}) == 3 and len({spec.digest for spec in specs}) == 3
    from_a_file = attributes.replace("'1'", "open(__file__ + '.version').read()")
    source.write_text(text + from_a_file)
    digests = []
    for version in "12":
        (tmp_path / "mine.py.version").write_text(version)
        digests.append(spec_of(model).digest)
    assert digests[0] != digests[1]
    moved = source.rename(tmp_path / "other.py")
    moved.write_text(text + attributes)
    assert spec_of(remember_program(f"exec:{sys.executable}:{moved}:f")).digest == first.digest


def stated(**changes: Any) -> Stated:
    values = {"kind": "metric", "version": "1", "license": None, "reach_m": None, "range": None, "digest": "d"}
    return Stated.of(SimpleNamespace(name="mine", stated=values | changes))  # type: ignore[arg-type]


def test_what_a_labeller_states() -> None:
    assert stated(reach_m=80).reach_m == 80.0 and stated(license="mit").license == "mit"
    assert stated(kind="relative_depth", range=[0, 2]).value_range == (0.0, 2.0)
    relative = {"kind": "relative_depth"}
    for changes in (
        {"kind": None}, {"kind": "metres"}, {"version": None}, {"version": " "}, {"version": 2}, {"version": "a\nb"},
        {"license": 3}, {"reach_m": "80"}, {"reach_m": 0}, {"reach_m": float("inf")}, {"reach_m": True},
        relative | {"reach_m": 80}, {"range": (0, 1)}, relative | {"range": (1, 1)}, relative | {"range": 3},
        relative | {"range": (0, "1")}, relative | {"range": (0, float("nan"))},
    ):  # fmt: skip
        wrong = list(changes)[-1]
        with pytest.raises(DepthError, match=f"^depth model mine: the attribute '{wrong}' of its function is"):
            stated(**changes)


def test_an_entry_point_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    register(tmp_path, "broken", "absent = no_such_module:f\nnumber = labeller_functions:calls\n")
    with pytest.raises(DepthError, match="depth model absent failed with ModuleNotFoundError: No module named"):
        spec_of("absent")
    with pytest.raises(DepthError, match="depth model number: its entry point labeller_functions:calls is not a func"):
        spec_of("number")


def test_errors_in_this_process_name_the_labeller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    names = ("small", "doubles", "never_enough_memory", "reports_environment")
    register(tmp_path, "bad", "\n".join(f"{name} = labeller_functions:{name}" for name in names))
    for name, message in (("small", "has the shape"), ("doubles", "float64"), ("never_enough_memory", "MemoryError")):
        label = load_labeller(Recipe(depth_model=name, size=40), spec_of(name), "cpu")
        with pytest.raises(DepthError, match=f"^depth model {name}:? .*{message}"):
            label(BACKGROUNDS)
    name = "reports_environment"
    assert load_labeller(Recipe(depth_model=name, size=40), spec_of(name), "cpu").values(BACKGROUNDS)[0, 0, 0] == 1


def test_devices_of_labellers(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert [labeller_device(name, 3, True) for name in ("auto", "cpu", "cuda", "cuda:2")] == [
        "cpu",
        "cpu",
        "cuda",
        "cuda:2",
    ]
    with pytest.raises(DepthError, match="finds no GPU"):
        labeller_device("cuda", 0, False)
    with pytest.raises(DepthError, match="allowed: auto, cpu"):
        labeller_device("gpu", 0, True)
    # our torch finds no GPU, but the user names one for the labeller's Python: not one process a core on that GPU
    assert (num_gpus("auto"), num_gpus("cuda"), num_gpus("cuda:2")) == (0, 1, 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [labeller_device("auto", worker, True) for worker in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    assert num_gpus("cuda") == 2


def test_the_example_keeps_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert contract.main([f"exec:{sys.executable}:{EXAMPLE}:predict", "--device", "cpu", "--size", "64"]) == 0
    shown = capsys.readouterr().out
    assert "kind      metric: depth in metres" in shown and shown.endswith("The labeller keeps the contract.\n")


def test_the_documented_check_is_what_the_example_gives() -> None:
    """docs/labellers.md shows this output; only the speed may differ."""
    page = (EXAMPLE.parent.parent / "docs" / "labellers.md").read_text(encoding="utf-8")
    _, _, shown = page.partition("contract exec:python3:examples/height_labeller.py:predict\n")
    report = check_labeller(f"exec:{sys.executable}:{EXAMPLE}:predict", "cpu")
    lines = [line for line in str(report).splitlines() if not line.startswith("speed")]
    assert [line for line in shown.partition("\n```")[0].splitlines() if not line.startswith("speed")] == lines


def test_the_contract_holds_for_the_good_functions(named: Any) -> None:
    for function in ("brightness", "disparity", "infinite_where_invalid"):
        report = check_labeller(named(function), "cpu", 64)
        assert report.low < report.high and report.rows_per_s > 0


@pytest.mark.parametrize(
    "function, message",
    [
        ("small", "has the shape"),
        ("zeros", "metres are above 0"),
        ("nothing_valid", "picture 0 has no valid pixel"),
        ("constant", "picture 0 has the same depth, 1, everywhere"),
        ("scaled_by_batch", "depends on the rows beside it"),
        ("random", "differs when the same batch is labelled again"),
    ],
)
def test_the_contract_finds_what_is_wrong(named: Any, function: str, message: str) -> None:
    with pytest.raises(DepthError, match=message):
        check_labeller(named(function), "cpu", 64)


def test_a_name_without_a_labeller(capsys: pytest.CaptureFixture[str]) -> None:
    assert contract.main(["densedepth-demo"]) == 1
    assert "'densedepth-demo' is not an external labeller" in capsys.readouterr().err
