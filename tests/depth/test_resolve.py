"""What a recipe's depth fields turn into: kinds, ranges, licences, and errors that say what to do."""

import json
import logging
import shutil

import numpy as np
import pytest
import tiny_models
from tiny_models import pictures

from fgbg_depth.depth import load_labeller, num_gpus, resolve_spec
from fgbg_depth.depth.devices import CPU_BATCH, pick_batch, pick_device, pick_precision
from fgbg_depth.depth.known import KNOWN, kind_from_config, license_warning, look_up
from fgbg_depth.depth.model_files import ModelFiles
from fgbg_depth.depth.resolve import widened_range
from fgbg_depth.errors import DepthError
from fgbg_depth.recipe import Recipe

BACKGROUNDS = pictures(5, seed=1)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny_models.depth_anything(folder / "da")
    tiny_models.dpt(folder / "dpt")
    tiny_models.densedepth(folder / "dense")
    return folder


@pytest.fixture
def dense(models, tmp_path):
    return shutil.copytree(models / "dense", tmp_path / "dense")


def spec_of(folder, **changes):
    return resolve_spec(Recipe(depth_model=str(folder), size=100, **changes), lambda: iter(BACKGROUNDS), "cpu")


@pytest.mark.parametrize(
    "model, kind, reach_m, license",
    [
        ("LiheYoung/depth-anything-small-hf", "relative_disparity", None, "apache-2.0"),
        ("depth-anything/Depth-Anything-V2-Large-hf", "relative_disparity", None, "cc-by-nc-4.0"),
        ("depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf", "metric", 20, "apache-2.0"),
        ("depth-anything/depth-anything-v2-metric-outdoor-base-hf", "metric", 80, "cc-by-nc-4.0"),
        ("Intel/dpt-large", "relative_disparity", None, "apache-2.0"),
        ("Intel/dpt-beit-base-384", "relative_disparity", None, "mit"),
        ("Intel/zoedepth-nyu-kitti", "metric", 80, "mit"),
        ("facebook/dpt-dinov2-base-nyu", "metric", 10, "apache-2.0"),
        ("vinvino02/glpn-kitti", "metric", 80, "apache-2.0"),
        ("apple/DepthPro-hf", "metric", 10_000, "apple-amlr"),
        ("densedepth-nyu", "metric", 10, "gpl-3.0"),
    ],
)
def test_known_models(model, kind, reach_m, license):
    known = look_up(model)
    assert (known.kind.name, known.reach_m, known.license) == (kind, reach_m, license)


def test_unknown_models_are_not_guessed():
    for model in ("Intel/dpt", "someone/Depth-Anything-V2-Small-hf", "densedepth", ""):
        assert look_up(model) is None
    assert all((known.reach_m is None) == (not known.kind.is_metric) for known in KNOWN)


@pytest.mark.parametrize(
    "config, told",
    [
        ({"model_type": "densedepth", "max_depth": 80}, ("metric", 80)),
        ({"model_type": "depth_anything"}, ("relative_disparity", None)),
        ({"model_type": "depth_anything", "depth_estimation_type": "metric", "max_depth": 20}, ("metric", 20)),
        ({"model_type": "zoedepth", "bin_configurations": [{"max_depth": 10.0}, {"max_depth": 80.0}]}, ("metric", 80)),
        ({"model_type": "zoedepth"}, ("metric", None)),
        ({"model_type": "glpn", "max_depth": 10}, ("metric", 10)),
        ({"model_type": "depth_pro"}, ("metric", 10_000)),
        ({"model_type": "dpt"}, None),
        ({}, None),
    ],
)
def test_what_a_models_configuration_tells(config, told):
    found = kind_from_config(config)
    assert (found and (found[0].name, found[1])) == told


@pytest.mark.parametrize(
    "license, warns",
    [("cc-by-nc-4.0", "commercial"), ("apple-amlr", "commercial"), ("gpl-3.0", "gpl"), ("mit", None), ("", None)],
)
def test_licence_warnings(license, warns):
    warning = license_warning(license)
    assert warning is None if warns is None else warns in warning


def test_the_model_cards_licence_is_told_and_warned_of(dense, caplog):
    assert spec_of(dense).license == ""
    (dense / "README.md").write_text("---\ntags: [x]\nlicense: CC-BY-NC-4.0\n---\nlicense: mit\n")
    with caplog.at_level(logging.WARNING):
        assert spec_of(dense).license == "CC-BY-NC-4.0"
    assert "commercial" in caplog.text


def test_a_dpt_must_be_told_its_kind(models):
    with pytest.raises(DepthError, match=r"--depth-kind metric \(metres\), relative_depth or relative_disparity"):
        spec_of(models / "dpt")


def test_a_told_kind_that_contradicts_is_warned_of(models, caplog):
    with caplog.at_level(logging.WARNING):
        assert spec_of(models / "da", depth_kind="relative_depth").kind == "relative_depth"
    assert "known to predict relative_disparity" in caplog.text


def test_range_of_a_relative_model(models):
    found = spec_of(models / "da")
    values = load_labeller(Recipe(depth_model=str(models / "da"), size=100), found, "cpu").values(BACKGROUNDS)
    margin = 0.25 * np.ptp(values)
    assert found.low <= values.min() - margin
    assert found.high >= values.max() + margin
    assert found.high - found.low < 2 * np.ptp(values)
    assert spec_of(models / "da") == found
    assert (
        resolve_spec(Recipe(depth_model=str(models / "da"), size=100), lambda: iter(BACKGROUNDS[::-1]), "cpu") == found
    )  # the order of the backgrounds does not matter
    told = spec_of(models / "da", depth_range=[-1, 3])
    assert (told.low, told.high) == (-1, 3)


def test_a_range_is_for_relative_kinds(models):
    with pytest.raises(DepthError, match="Leave depth_range empty"):
        spec_of(models / "dense", depth_range=[0, 1])


@pytest.mark.parametrize(
    "low, high, wide",
    [(0.0, 10.0, (0.0, 13.0)), (0.5, 10.0, (0.0, 12.4)), (-1.0, 1.0, (-1.5, 1.5)), (100.0, 104.0, (99.0, 105.0))],
)
def test_ranges_are_widened_and_rounded_outward(low, high, wide):
    assert widened_range(low, high, "m") == pytest.approx(wide)


def test_no_range_is_an_error():
    with pytest.raises(DepthError, match=r"predicts 2\.5 for every pixel"):
        widened_range(2.5, 2.5, "m")
    with pytest.raises(DepthError, match="nothing finite"):
        widened_range(np.inf, -np.inf, "m")


def test_the_digest_follows_weights_and_configuration(dense):
    spec = spec_of(dense)
    assert (spec.model, spec.revision) == ("dense", "")
    (dense / "notes.txt").write_text("nothing to do with it")
    assert spec_of(dense) == spec
    assert spec_of(dense.rename(dense.parent / "moved")).digest == spec.digest
    config = json.loads((dense.parent / "moved/config.json").read_text())
    (dense.parent / "moved/config.json").write_text(json.dumps({**config, "max_depth": 9.0}))
    assert spec_of(dense.parent / "moved").digest != spec.digest


def test_weights_that_change_during_a_build_are_noticed(dense):
    spec = spec_of(dense)
    tiny_models.densedepth(dense, leaky_slope=0.3)
    with pytest.raises(DepthError, match="has changed since the build started"):
        load_labeller(Recipe(depth_model=str(dense), size=100), spec, "cpu")


def test_a_denser_model_says_where_it_is_wrong(dense):
    """A damaged model is refused before anything is labelled with it."""
    recipe, spec = Recipe(depth_model=str(dense), size=100), None

    def failing(match):
        current = ModelFiles(dense, "dense")
        with pytest.raises(DepthError, match=match) as caught:
            load_labeller(recipe, spec_with(current), "cpu")
        assert str(dense) in str(caught.value)

    def spec_with(files):
        return type(spec)(**{**spec.to_dict(), "digest": files.digest()})

    spec = spec_of(dense)
    weights = dense / "model.safetensors"
    data = weights.read_bytes()

    weights.write_bytes(data[: len(data) // 2])
    failing("model.safetensors: damaged weights")
    weights.write_bytes((1 << 60).to_bytes(8, "little") + data[8:])
    failing("model.safetensors: damaged weights")
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    lying = {**header, "conv2.bias": {**header["conv2.bias"], "shape": [10**12]}}
    text = json.dumps(lying).encode()
    weights.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    failing("model.safetensors: damaged weights")
    weights.write_bytes(b"")
    failing("model.safetensors: damaged weights")
    weights.write_bytes(data)

    config = json.loads((dense / "config.json").read_text())
    for changes, match in [
        ({"decoder_width": 64}, "weights .*shape|cannot load the depth model"),
        ({"block_config": [2, 2, 2, 3]}, "weights missing|weights of the wrong shape|cannot load the depth model"),
        ({"block_config": [10**9]}, "cannot load the depth model"),
        ({"decoder_width": 10**12}, "cannot load the depth model"),
        ({"block_config": "many"}, "cannot load the depth model"),
        ({"model_type": "bert"}, "cannot load the depth model"),
        ({"model_type": "of my own"}, "cannot load the depth model"),
    ]:
        (dense / "config.json").write_text(json.dumps({**config, **changes}))
        failing(match)


def test_folders_that_are_no_model(tmp_path, dense):
    with pytest.raises(DepthError, match=r"has no config\.json"):
        spec_of(tmp_path)
    with pytest.raises(DepthError, match=r"convert-weights .*nyu.h5 FOLDER"):
        (tmp_path / "nyu.h5").write_bytes(b"x")
        spec_of(tmp_path / "nyu.h5")
    with pytest.raises(DepthError, match="no such folder, and not a Hub id"):
        spec_of("not_there")
    with pytest.raises(DepthError, match="Leave it empty"):
        spec_of(dense, depth_revision="main")
    (dense / "preprocessor_config.json").unlink()
    with pytest.raises(DepthError, match="image processor"):
        spec_of(dense)
    (dense / "config.json").write_text("{")
    with pytest.raises(DepthError, match="cannot read the model's configuration"):
        spec_of(dense)


def test_weights_that_are_not_there(dense):
    (dense / "model.safetensors").unlink()
    with pytest.raises(DepthError, match="holds no weights"):
        spec_of(dense)


def test_devices():
    assert pick_device("cpu").type == "cpu"
    for wrong, match in [("gpu", "allowed: auto, cpu, cuda"), ("cuda:x", "allowed"), ("", "allowed")]:
        with pytest.raises(DepthError, match=match):
            pick_device(wrong)
    assert num_gpus("cpu") == num_gpus("mps") == 0


def test_workers_share_out_the_gpus(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert [pick_device("auto", worker).index for worker in range(5)] == [0, 1, 2, 0, 1]
    assert [pick_device("cuda:1", worker).index for worker in range(3)] == [1, 1, 1]
    assert (num_gpus(), num_gpus("cuda"), num_gpus("cuda:2")) == (3, 3, 1)
    with pytest.raises(DepthError, match="there are 3 GPUs"):
        pick_device("cuda:3")
    assert pick_precision("auto", torch.device("cuda")) == "fp16"
    assert pick_precision("tf32", torch.device("cuda")) == "tf32"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DepthError, match="finds no GPU"):
        pick_device("cuda")


def test_batches_fit_the_device():
    import torch

    assert pick_batch(torch.device("cpu"), (480, 640)) == CPU_BATCH
    gpu = torch.device("cuda")
    assert [pick_batch(gpu, size) for size in [(480, 640), (224, 224), (384, 1280), (4000, 4000)]] == [64, 256, 32, 1]


@pytest.mark.parametrize("model_type", ["zoedepth", "depth_pro"])
def test_models_that_need_torchvision_say_so(model_type, dense, monkeypatch):
    from fgbg_depth.depth import load

    config = json.loads((dense / "config.json").read_text())
    (dense / "config.json").write_text(json.dumps({**config, "model_type": model_type}))
    monkeypatch.setattr(load, "find_spec", lambda name: None)
    with pytest.raises(DepthError, match="pip install torchvision"):
        spec_of(dense)
