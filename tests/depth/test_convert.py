"""convert-weights: all of Keras's file layouts convert, and a wrong file gives an error and leaves no files."""

import json

import h5py
import numpy as np
import pytest
import torch
from keras_files import OUTPUTS, configs, error, saved_by_keras, write_file
from seeded import SMALL, picture
from transformers import AutoImageProcessor, AutoModelForDepthEstimation

import fgbg_depth  # noqa: F401 (registers DenseDepth)
from fgbg_depth.depth.densedepth import convert
from fgbg_depth.depth.densedepth.convert import convert_weights
from fgbg_depth.depth.densedepth.keras_file import open_keras
from fgbg_depth.errors import DepthError

RELEASED, CURRENT = SMALL


def raw_error(folder, case):
    model = AutoModelForDepthEstimation.from_pretrained(folder).eval()
    size = case.sizes[0]
    pixels = torch.from_numpy(picture(size).astype(np.float32) / np.float32(255)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        return error(model.raw(pixels)[0].numpy(), OUTPUTS[case.key(size)])


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
@pytest.mark.parametrize("names", [bytes, str])
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("weights_only", [False, True])
def test_every_layout_converts(case, names, split, weights_only, tmp_path):
    file = write_file(tmp_path / "a.h5", case, names=names, split=split, weights_only=weights_only)
    convert_weights(file, tmp_path / "model")
    assert raw_error(tmp_path / "model", case) < 2e-5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "model"]


def test_a_weights_only_file_that_keras_saved(tmp_path):
    convert_weights(saved_by_keras("current-small-weights", tmp_path), tmp_path / "model")
    assert raw_error(tmp_path / "model", CURRENT) < 2e-5


def test_optimizer_weights_are_ignored(tmp_path):
    file = write_file(tmp_path / "a.h5", CURRENT)
    with h5py.File(file, "r+") as opened:
        opened["optimizer_weights/Adam/m:0"] = np.ones(3)
    convert_weights(file, tmp_path / "model")


def test_the_model_card_and_the_report_describe_the_source(tmp_path):
    report = convert_weights(write_file(tmp_path / "kitti.h5", CURRENT), tmp_path / "deep/er/model")
    folder = tmp_path / "deep/er/model"
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    ]
    card = (folder / "README.md").read_text()
    assert "license: gpl-3.0" in card
    assert report.sha256 in card
    assert "1 to 80 metres" in card
    config = json.loads((folder / "config.json").read_text())
    assert (config["min_depth"], config["max_depth"]) == (1, 80)
    assert dict(AutoImageProcessor.from_pretrained(folder).size) == {"height": 384, "width": 1280}
    text = str(report)
    for text_part in ("kitti.h5", "custom variant", "2/2/3/2", "convA and convB", "1..80 m (KITTI)", str(folder)):
        assert text_part in text


def test_the_dataset_can_be_chosen(tmp_path):
    file = write_file(tmp_path / "mine.h5", CURRENT)
    assert convert_weights(file, tmp_path / "a").dataset == "nyu"
    assert convert_weights(file, tmp_path / "b", dataset="kitti").dataset == "kitti"
    with pytest.raises(DepthError, match="allowed: nyu, kitti"):
        convert_weights(file, tmp_path / "c", dataset="sun")


def test_an_existing_folder_is_not_overwritten(tmp_path):
    file = write_file(tmp_path / "a.h5", CURRENT)
    (tmp_path / "model").mkdir()
    convert_weights(file, tmp_path / "model")  # an empty folder is allowed
    before = (tmp_path / "model/model.safetensors").stat().st_mtime_ns
    with pytest.raises(DepthError, match="exists already"):
        convert_weights(file, tmp_path / "model")
    assert (tmp_path / "model/model.safetensors").stat().st_mtime_ns == before


def fails(tmp_path, file, match):
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(DepthError, match=match) as caught:
        convert_weights(file, tmp_path / "model")
    assert str(file) in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_missing_file(tmp_path):
    fails(tmp_path, tmp_path / "none.h5", "there is no such file")


@pytest.mark.parametrize("content", [b"", b"<html>Not found</html>", b"\x89HDF\r\n\x1a\n" + bytes(2000)])
def test_a_file_that_is_not_hdf5(content, tmp_path):
    (tmp_path / "a.h5").write_bytes(content)
    fails(tmp_path, tmp_path / "a.h5", "not a complete HDF5 file")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99, 0.99999])
def test_a_truncated_file(keep, tmp_path):
    file = write_file(tmp_path / "a.h5", CURRENT)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * keep)])
    fails(tmp_path, file, "not a complete HDF5 file|damaged|missing")


def test_damage_anywhere_is_a_depth_error_or_only_changes_numbers(tmp_path):
    """Overwrites 64 bytes in many places: each gives a DepthError and no folder, or a model with other numbers."""
    data = write_file(tmp_path / "a.h5", CURRENT).read_bytes()
    file = tmp_path / "b.h5"
    rng = np.random.Generator(np.random.Philox(5))
    for start in [0, 8, 96, 400, 800, 1500, *rng.integers(0, 60_000, 12), *rng.integers(0, len(data) - 64, 8)]:
        file.write_bytes(data[:start] + b"\xff" * 64 + data[start + 64 :])
        target = tmp_path / f"model-{start}"
        try:
            convert_weights(file, target)
        except DepthError:
            assert not target.exists()
    assert not list(tmp_path.glob(".*"))


def test_an_hdf5_file_of_another_program(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.zeros(5)
    fails(tmp_path, tmp_path / "a.h5", "no layer_names")


def layer_of(config, name):
    return next(layer for layer in config["config"]["layers"] if layer["name"] == name)


def test_a_missing_weight(tmp_path):
    file = write_file(tmp_path / "a.h5", CURRENT, edit_weights=lambda w: w["up2_convB"].pop("bias"))
    fails(tmp_path, file, "layer up2_convB has no bias")


def test_a_layer_without_its_weights(tmp_path):
    file = write_file(tmp_path / "a.h5", CURRENT, edit_weights=lambda w: w.pop("conv3_block2_1_bn"))
    fails(tmp_path, file, "conv3_block2_1_bn")


def test_a_weight_that_is_listed_but_missing(tmp_path):
    file = write_file(tmp_path / "a.h5", CURRENT)
    with h5py.File(file, "r+") as opened:
        del opened["model_weights/conv2/conv2/kernel:0"]
    fails(tmp_path, file, "listed but missing")


def test_weights_that_no_layer_uses(tmp_path):
    file = write_file(tmp_path / "a.h5", CURRENT, edit_weights=lambda w: w.update(more={"kernel": np.zeros(2)}))
    fails(tmp_path, file, "belong to no layer")


@pytest.mark.parametrize("shape", [(3, 3, 6, 2), (6, 1, 3, 3), (54,), (0,)])
def test_a_weight_of_the_wrong_shape(shape, tmp_path):
    zeros = np.zeros(shape, np.float32)
    file = write_file(tmp_path / "a.h5", CURRENT, edit_weights=lambda w: w["conv3"].update(kernel=zeros))
    fails(tmp_path, file, "weight conv3/kernel is")


def test_a_shape_without_data_is_an_error(tmp_path):
    """A terabyte that the file claims but does not hold must not be allocated."""
    file = write_file(tmp_path / "a.h5", CURRENT)
    with h5py.File(file, "r+") as opened:
        del opened["model_weights/conv3/conv3/kernel:0"]
        opened.create_dataset("model_weights/conv3/conv3/kernel:0", shape=(1 << 38, 1), dtype="f4")
    fails(tmp_path, file, "weight conv3/kernel is")

    file = write_file(tmp_path / "b.h5", CURRENT)
    with h5py.File(file, "r+") as opened:
        del opened["model_weights/conv3/conv3/kernel:0"]
        opened.create_dataset("model_weights/conv3/conv3/kernel:0", shape=(3, 3, 6, 1), dtype="f4")
    fails(tmp_path, file, "has no data")


@pytest.mark.parametrize(
    "filters, match",
    [
        (10**9, "filters"),
        (-1, "filters"),
        ("many", "filters"),
        (True, "filters"),
        (None, "filters"),
        (16_000, "up1_convA: expected 8000 filters, found 48"),
    ],
)
def test_wrong_widths_are_errors(filters, match, tmp_path):
    def edit(config):
        layer_of(config, "conv2")["config"]["filters"] = filters

    fails(tmp_path, write_file(tmp_path / "a.h5", CURRENT, edit_config=edit), match)


def test_weights_that_are_not_finite(tmp_path):
    file = write_file(tmp_path / "a.h5", CURRENT, edit_weights=lambda w: w["bn"]["beta"].__setitem__(3, np.nan))
    fails(tmp_path, file, "bn/beta has values that are not finite")


def inbound(config, name, *sources):
    layer_of(config, name)["inbound_nodes"] = [[[source, 0, 0, {}] for source in sources]]


@pytest.mark.parametrize(
    "edit, match",
    [
        (lambda c: inbound(c, "up4_concat", "up4_upsampling2d", "conv1/bn"), "up4_concat"),
        (lambda c: inbound(c, "up1_concat", "pool3_pool", "up1_upsampling2d"), "up1_concat"),
        (lambda c: layer_of(c, "conv1/conv")["config"].update(strides=[1, 1]), "strides"),
        (lambda c: layer_of(c, "up1_convA")["config"].update(padding="valid"), "padding"),
        (lambda c: layer_of(c, "up1_convA")["config"].update(activation="relu"), "activation"),
        (lambda c: layer_of(c, "conv1/bn")["config"].update(epsilon=1e-3), "epsilon"),
        (lambda c: layer_of(c, "pool2_pool").update(class_name="MaxPooling2D"), "AveragePooling2D"),
        (lambda c: layer_of(c, "up1_upsampling2d").update(class_name="Conv2DTranspose"), "BilinearUpSampling2D"),
        (lambda c: layer_of(c, "conv1/conv")["config"].update(data_format="channels_first"), "channels last"),
        (lambda c: layer_of(c, "zero_padding2d")["config"].update(padding=[[2, 2], [3, 3]]), "padding"),
        (lambda c: layer_of(c, "leaky_re_lu")["config"].update(alpha=0.1), "slope"),
        (
            lambda c: c["config"]["layers"].append({"name": "x", "class_name": "Dense", "config": {}}),
            "other layers too",
        ),
        (lambda c: c["config"]["layers"].pop(3), "conv1_bn"),
        (lambda c: c["config"].update(layers="none"), "layers"),
        (lambda c: c["config"].update(layers=[]), "0 inputs"),
        (lambda c: c["config"]["layers"][5].pop("config"), "without a name or settings"),
    ],
)
def test_a_description_that_differs_from_densedepth_is_an_error(edit, match, tmp_path):
    fails(tmp_path, write_file(tmp_path / "a.h5", CURRENT, edit_config=edit), match)


def test_an_encoder_without_its_last_relu_and_keras_upsampling(tmp_path):
    def edit(config):
        layers = config["config"]["layers"]
        layers.remove(layer_of(config, "relu"))
        inbound(config, "conv2", "bn")
        for i in range(1, 5):
            up = layer_of(config, f"up{i}_upsampling2d")
            up["class_name"] = "UpSampling2D"
            up["config"].update(interpolation="bilinear", size=[2, 2])

    file = write_file(tmp_path / "a.h5", CURRENT, edit_config=edit, edit_weights=lambda w: w.pop("relu"))
    report = convert_weights(file, tmp_path / "model")
    assert report.settings["final_relu"] is False
    assert report.settings["align_corners"] is False


def test_a_weights_only_file_with_a_wrong_number_of_activations(tmp_path):
    def edit(weights):
        for name in [name for name in weights if name.startswith("leaky")][:3]:
            del weights[name]

    fails(tmp_path, write_file(tmp_path / "a.h5", CURRENT, weights_only=True, edit_weights=edit), "LeakyReLU")


def test_a_failed_write_leaves_no_files(tmp_path, monkeypatch):
    from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

    def full(self, folder):
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DenseDepthForDepthEstimation, "save_pretrained", full)
    file = write_file(tmp_path / "a.h5", CURRENT)
    with pytest.raises(DepthError, match="No space left"):
        convert_weights(file, tmp_path / "model")
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_the_recorded_configurations():
    assert set(configs()) == {"released", "current", "released-small", "current-small"}


@pytest.mark.parametrize("error", [DepthError, TypeError, KeyError, RuntimeError, OSError, ValueError])
def test_errors_inside_the_with_block_are_not_blamed_on_the_file(error, tmp_path):
    file = write_file(tmp_path / "a.h5", CURRENT)
    raised = error("ours")
    with pytest.raises(error) as caught, open_keras(file):
        raise raised
    assert caught.value is raised


@pytest.mark.parametrize("error", [DepthError, TypeError, KeyError, RuntimeError, OSError])
@pytest.mark.parametrize("place", ["_architecture", "_fill", "_read", "_write"])
def test_our_own_errors_during_a_conversion_are_not_blamed_on_the_file(error, place, tmp_path, monkeypatch):
    raised = error("ours")

    def fail(*args):
        raise raised

    monkeypatch.setattr(convert, place, fail)
    with pytest.raises(error) as caught:
        convert_weights(write_file(tmp_path / "a.h5", CURRENT), tmp_path / "model")
    assert caught.value is raised


def test_weights_that_h5py_cannot_read_are_the_files_fault(tmp_path):
    file = write_file(tmp_path / "a.h5", CURRENT)
    with h5py.File(file, "r+") as opened:
        name = "model_weights/conv2/conv2/kernel:0"
        values = opened[name][()]
        del opened[name]
        opened.create_dataset(name, data=values, compression="gzip", chunks=values.shape)
        offset = opened[name].id.get_chunk_info(0).byte_offset
    data = bytearray(file.read_bytes())
    data[offset : offset + 16] = bytes(16)
    file.write_bytes(data)
    fails(tmp_path, file, r"damaged: cannot read weight conv2/kernel")


@pytest.mark.parametrize("damage", ["model_weights", "layer", "layer_names", "not utf-8"])
def test_damaged_structure_is_the_files_fault(damage, tmp_path):
    file = write_file(tmp_path / "a.h5", CURRENT)
    with h5py.File(file, "r+") as opened:
        if damage == "model_weights":
            del opened["model_weights"]
            opened["model_weights"] = np.zeros(3)
        elif damage == "layer":
            del opened["model_weights/conv2"]
            opened["model_weights/conv2"] = np.zeros(3)
        else:
            names = 7 if damage == "layer_names" else np.array([b"\xff\xfe"])
            opened["model_weights"].attrs["layer_names"] = names
    fails(tmp_path, file, "damaged|listed but missing")


def test_a_network_beyond_the_configurations_limits_is_the_files_fault(tmp_path, monkeypatch):
    monkeypatch.setattr("fgbg_depth.depth.densedepth.configuration.MAX_LAYERS", 1)
    fails(tmp_path, write_file(tmp_path / "a.h5", CURRENT), "not a DenseDepth network that can be built")


def test_a_weights_only_file_with_an_empty_convolution(tmp_path):
    def edit(weights):
        weights["conv2_block1_2_conv"]["kernel"] = np.zeros((3, 3, 128, 0), np.float32)

    file = write_file(tmp_path / "a.h5", CURRENT, weights_only=True, edit_weights=edit)
    fails(tmp_path, file, "it has no convolution conv2_block1_2_conv")
