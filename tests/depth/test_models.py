"""From a recipe's depth fields to a depth spec and a labeller: kinds, ranges, devices, and errors for wrong models."""

import json
import logging
import shutil

import numpy as np
import pytest
import tiny_models
from tiny_models import pictures

from fgbg_depth.depth import load_labeller, num_gpus, resolve_spec
from fgbg_depth.depth.devices import CPU_BATCH, pick_batch, pick_device, pick_precision
from fgbg_depth.depth.model_files import ModelFiles
from fgbg_depth.depth.models import widened_range
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


def test_the_licence_in_the_model_card_is_stored_and_warned_about(dense, caplog):
    assert spec_of(dense).license == ""
    (dense / "README.md").write_text("---\ntags: [x]\nlicense: CC-BY-NC-4.0\n---\nlicense: mit\n")
    with caplog.at_level(logging.WARNING):
        assert spec_of(dense).license == "CC-BY-NC-4.0"
    assert "commercial" in caplog.text


def test_the_kind_of_a_dpt_must_be_stated(models):
    with pytest.raises(
        DepthError,
        match=r"--depth-kind with one of: metric \(depth in metres.*relative_depth \(.*relative_disparity \(",
    ):
        spec_of(models / "dpt")


def test_a_stated_kind_that_contradicts_the_table_gives_a_warning(models, caplog):
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
    stated = spec_of(models / "da", depth_range=[-1, 3])
    assert (stated.low, stated.high) == (-1, 3)


@pytest.fixture
def three_threads():
    """A process that uses three torch threads, as an application that calls this package may."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield torch.get_num_threads
    torch.set_num_threads(before)


def test_the_callers_number_of_torch_threads_is_restored(models, three_threads, monkeypatch):
    spec = spec_of(models / "da")  # reads the range, so it loads and runs the model
    assert three_threads() == 3
    labeller = load_labeller(Recipe(depth_model=str(models / "da"), size=100), spec, "cpu")
    assert three_threads() == 3
    threads_inside = []
    labeller.model.register_forward_pre_hook(lambda *args: threads_inside.append(three_threads()))
    labeller(BACKGROUNDS)
    assert three_threads() == 3
    assert set(threads_inside) == {1}  # a label must not depend on the number of cores

    def fail(**kwargs):
        raise ValueError("ours")

    monkeypatch.setattr(labeller.model, "forward", fail)
    with pytest.raises(DepthError, match="ValueError: ours"):
        labeller(BACKGROUNDS)
    assert three_threads() == 3


def test_labels_do_not_depend_on_the_callers_number_of_torch_threads(models, three_threads):
    import torch

    recipe = Recipe(depth_model=str(models / "dense"), size=100)
    labeller = load_labeller(recipe, spec_of(models / "dense"), "cpu")
    with_three = labeller.values(BACKGROUNDS)
    torch.set_num_threads(1)
    assert np.array_equal(labeller.values(BACKGROUNDS), with_three)


def test_metric_models_take_no_range(models):
    with pytest.raises(DepthError, match="Leave depth_range empty"):
        spec_of(models / "dense", depth_range=[0, 1])


@pytest.mark.parametrize(
    "low, high, expected",
    [(0.0, 10.0, (0.0, 13.0)), (0.5, 10.0, (0.0, 12.4)), (-1.0, 1.0, (-1.5, 1.5)), (100.0, 104.0, (99.0, 105.0))],
)
def test_ranges_are_widened_and_rounded_outward(low, high, expected):
    assert widened_range(low, high, "m") == pytest.approx(expected)


def test_an_empty_range_is_an_error():
    with pytest.raises(DepthError, match=r"predicts 2\.5 for every pixel"):
        widened_range(2.5, 2.5, "m")
    with pytest.raises(DepthError, match="no finite value"):
        widened_range(np.inf, -np.inf, "m")


def test_the_digest_follows_weights_and_configuration(dense):
    spec = spec_of(dense)
    assert (spec.model, spec.revision) == ("dense", "")
    (dense / "notes.txt").write_text("not part of the model")
    assert spec_of(dense) == spec
    assert spec_of(dense.rename(dense.parent / "moved")).digest == spec.digest
    config = json.loads((dense.parent / "moved/config.json").read_text())
    (dense.parent / "moved/config.json").write_text(json.dumps({**config, "max_depth": 9.0}))
    assert spec_of(dense.parent / "moved").digest != spec.digest


def test_weights_that_change_during_a_build_are_an_error(dense):
    spec = spec_of(dense)
    tiny_models.densedepth(dense, leaky_slope=0.3)
    with pytest.raises(DepthError, match="has changed since the build started"):
        load_labeller(Recipe(depth_model=str(dense), size=100), spec, "cpu")


def test_a_damaged_model_is_an_error_that_names_its_file(dense):
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
    wrong = {**header, "conv2.bias": {**header["conv2.bias"], "shape": [10**12]}}
    text = json.dumps(wrong).encode()
    weights.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    failing("model.safetensors: damaged weights")
    weights.write_bytes(b"")
    failing("model.safetensors: damaged weights")
    weights.write_bytes(data)

    config = json.loads((dense / "config.json").read_text())
    for changes, match in [
        ({"decoder_width": 64}, "have the wrong shape|cannot load the depth model"),
        (
            {"block_config": [2, 2, 2, 3]},
            "weights are missing|weights have the wrong shape|cannot load the depth model",
        ),
        ({"block_config": [10**9]}, "cannot load the depth model"),
        ({"decoder_width": 10**12}, "cannot load the depth model"),
        ({"block_config": "many"}, "cannot load the depth model"),
    ]:
        (dense / "config.json").write_text(json.dumps({**config, **changes}))
        failing(match)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        (
            {"model_type": "bert", "architectures": ["BertForMaskedLM"]},
            r"'bert' \(BertForMaskedLM\), which does not predict depth",
        ),
        ({"model_type": "of my own"}, r"'of my own', which transformers [\d.]+ does not know"),
        ({"hidden_size": 5}, "has no model_type"),
        ({"model_type": ["bert"]}, "does not know"),
    ],
    ids=["bert", "unknown type", "no type", "wrong type"],
)
@pytest.mark.parametrize("kind", ["auto", "metric"])
def test_a_checkpoint_that_is_no_depth_model(config, match, kind, dense):
    (dense / "config.json").write_text(json.dumps(config))
    with pytest.raises(DepthError, match=match) as caught:
        spec_of(dense, depth_kind=kind)
    assert "--depth-kind" not in str(caught.value) and "Choose a model" in str(caught.value)


def test_a_fault_of_this_package_is_not_reported_as_a_damaged_model(dense, monkeypatch):
    from fgbg_depth.depth.densedepth import modeling

    spec = spec_of(dense)
    monkeypatch.delattr(modeling, "Encoder")
    with pytest.raises(NameError, match="Encoder"):
        load_labeller(Recipe(depth_model=str(dense), size=100), spec, "cpu")


def test_paths_that_are_not_models(tmp_path, dense):
    with pytest.raises(DepthError, match=r"has no config\.json"):
        spec_of(tmp_path)
    with pytest.raises(DepthError, match=r"convert-weights .*nyu.h5 FOLDER"):
        (tmp_path / "nyu.h5").write_bytes(b"x")
        spec_of(tmp_path / "nyu.h5")
    with pytest.raises(DepthError, match="there is no such folder, and it is not a Hub id"):
        spec_of("not_there")
    with pytest.raises(DepthError, match="Leave depth_revision empty"):
        spec_of(dense, depth_revision="main")
    (dense / "preprocessor_config.json").unlink()
    with pytest.raises(DepthError, match="image processor"):
        spec_of(dense)
    (dense / "config.json").write_text("{")
    with pytest.raises(DepthError, match="cannot read the model's configuration"):
        spec_of(dense)


def test_a_folder_without_weights(dense):
    (dense / "model.safetensors").unlink()
    with pytest.raises(DepthError, match="has no weights"):
        spec_of(dense)


def test_device_names():
    assert pick_device("cpu").type == "cpu"
    for name, match in [("gpu", "allowed: auto, cpu, cuda"), ("cuda:x", "allowed"), ("", "allowed")]:
        with pytest.raises(DepthError, match=match):
            pick_device(name)
    assert num_gpus("cpu") == num_gpus("mps") == 0


def test_workers_are_spread_over_the_gpus(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert [pick_device("auto", worker).index for worker in range(5)] == [0, 1, 2, 0, 1]
    assert [pick_device("cuda:1", worker).index for worker in range(3)] == [1, 1, 1]
    assert (num_gpus(), num_gpus("cuda"), num_gpus("cuda:2")) == (3, 3, 1)
    with pytest.raises(DepthError, match="this computer has 3 GPUs"):
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
def test_models_that_need_torchvision(model_type, dense, monkeypatch):
    from fgbg_depth.depth import load

    config = json.loads((dense / "config.json").read_text())
    (dense / "config.json").write_text(json.dumps({**config, "model_type": model_type}))
    monkeypatch.setattr(load, "find_spec", lambda name: None)
    with pytest.raises(DepthError, match="pip install torchvision"):
        spec_of(dense)


def test_a_model_card_that_cannot_be_read_is_an_error(dense):
    (dense / "README.md").mkdir()
    with pytest.raises(DepthError, match=r"README\.md: cannot read the model card"):
        spec_of(dense)
