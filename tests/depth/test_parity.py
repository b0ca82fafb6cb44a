"""The converted network agrees with Keras in its raw output and at recorded places inside."""

import numpy as np
import pytest
import torch
from keras_files import OUTPUTS, error, saved_by_keras, write_file
from record_taps import TAPS, thinned
from seeded import CASES, SMALL, Case, picture
from transformers import AutoImageProcessor, AutoModelForDepthEstimation, pipeline

import fgbg_depth  # noqa: F401 (registers DenseDepth)
from fgbg_depth.depth.densedepth.convert import convert_weights

TOLERANCE = 2e-5


def pixel_values(size: tuple[int, int]) -> torch.Tensor:
    return torch.from_numpy(picture(size).astype(np.float32) / np.float32(255)).permute(2, 0, 1)[None]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def converted(request, tmp_path_factory):
    case: Case = request.param
    folder = tmp_path_factory.mktemp(case.name)
    report = convert_weights(write_file(folder / "nyu.h5", case), folder / "model")
    (folder / "nyu.h5").unlink()
    return case, report, AutoModelForDepthEstimation.from_pretrained(folder / "model").eval(), folder / "model"


def test_raw_output_agrees_with_keras(converted):
    case, _, model, _ = converted
    for size in case.sizes:
        with torch.inference_mode():
            raw = model.raw(pixel_values(size))[0].numpy()
        assert error(raw, OUTPUTS[case.key(size)]) < TOLERANCE, size


def test_intermediate_results_agree_with_keras(converted):
    case, _, model, _ = converted
    size = min(case.sizes, key=lambda size: size[0] * size[1])
    seen: dict[str, np.ndarray] = {}

    def watch(name: str, relu: float | None = None):
        def hook(module, inputs, output):
            output = output if relu is None else torch.nn.functional.leaky_relu(output, relu)
            seen[name] = thinned(output.permute(0, 2, 3, 1).numpy())

        return hook

    encoder = model.encoder
    encoder.norm0.register_forward_hook(watch("conv1/relu", relu=0.0))
    encoder.transitions[0].register_forward_hook(watch("pool2_pool"))
    encoder.transitions[1].register_forward_hook(watch("pool3_pool"))
    encoder.norm5.register_forward_hook(watch("relu", relu=0.0))
    model.conv2.register_forward_hook(watch("conv2"))
    for i in (0, 2, 3):
        model.ups[i].conv_b.register_forward_hook(watch(f"up{i + 1}_convB"))
    encoder.blocks[0][0].norm1.register_forward_pre_hook(
        lambda module, inputs: watch("pool1")(module, inputs, inputs[0])
    )
    with torch.inference_mode():
        model.raw(pixel_values(size))
    for name in TAPS:
        assert error(seen[name], OUTPUTS[f"{case.key(size)}/{name.replace('/', '_')}"]) < TOLERANCE, name


def test_depth_agrees_with_keras_to_one_part_in_ten_thousand(converted):
    case, _, model, _ = converted
    for size in case.sizes:
        raw = OUTPUTS[case.key(size)]
        depth_m = 10 * np.clip(1000 / raw, 10, 1000) / 1000  # the authors' own formula, NYU
        with torch.inference_mode():
            ours = model(pixel_values(size)).predicted_depth[0].numpy()
        where = raw > 0.5
        assert where.any()
        assert np.abs(ours / depth_m - 1)[where].max() < 1e-4


def test_the_report_states_the_variant(converted):
    case, report, model, _ = converted
    expected = {"released": (42_657_689, "released"), "current": (21_365_405, "current")}
    assert (report.parameters, report.variant) == expected.get(case.name, (model.num_parameters(), "custom"))
    assert report.settings["leaky_after_conv_a"] is case.leaky_a
    assert report.variant in str(report)


def test_processor_and_pipeline_work(converted):
    case, _, model, folder = converted
    if case not in SMALL:
        pytest.skip("tested with the small networks only")
    from PIL import Image

    image = Image.fromarray(picture((96, 64)))
    processor = AutoImageProcessor.from_pretrained(folder)
    assert dict(processor.size) == {"height": 480, "width": 640}
    processor.size = None
    inputs = processor(images=image, return_tensors="pt")
    torch.testing.assert_close(inputs["pixel_values"], pixel_values((96, 64)), rtol=1e-6, atol=0)
    one = pipeline("depth-estimation", model=model, image_processor=processor)(image)
    assert one["predicted_depth"].shape == (96, 64)


@pytest.mark.parametrize("name", ["released-small-keras2", "current-small-keras2", "current-small-keras3"])
def test_files_that_keras_saved(name, tmp_path):
    case = next(case for case in SMALL if name.startswith(case.name))
    convert_weights(saved_by_keras(name, tmp_path), tmp_path / "model")
    model = AutoModelForDepthEstimation.from_pretrained(tmp_path / "model").eval()
    size = case.sizes[0]
    with torch.inference_mode():
        assert error(model.raw(pixel_values(size))[0].numpy(), OUTPUTS[case.key(size)]) < TOLERANCE
