"""DenseDepth in transformers: the Auto classes know it in any order of imports; its model and its processor."""

import subprocess
import sys

import pytest
import tiny_models

FIRST = [
    "from transformers import AutoModelForDepthEstimation",
    "import transformers.modeling_utils",
    "from transformers import pipeline",
    "import transformers.models.auto.image_processing_auto",
]
CHECK = """
from transformers import AutoConfig, AutoImageProcessor, AutoModelForDepthEstimation
from fgbg_depth.depth.densedepth.transformers_hooks import register_densedepth
register_densedepth()
assert type(AutoConfig.from_pretrained(FOLDER)).__name__ == "DenseDepthConfig"
assert type(AutoModelForDepthEstimation.from_pretrained(FOLDER)).__name__ == "DenseDepthForDepthEstimation"
assert type(AutoImageProcessor.from_pretrained(FOLDER)).__name__ == "DenseDepthImageProcessor"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_models.densedepth(tmp_path_factory.mktemp("models") / "tiny")


@pytest.mark.parametrize("code", [pytest.param("import fgbg_depth", marks=pytest.mark.slow), *FIRST[:1]])
@pytest.mark.slow
def test_densedepth_is_registered_in_any_order_of_imports(code, folder):
    other = "import fgbg_depth" if code != "import fgbg_depth" else FIRST[2]
    script = f"FOLDER = {str(folder)!r}\n{code}\n{other}\n{CHECK}"
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=120)


def test_a_tiny_densedepth_survives_saving(folder, tmp_path):
    import torch
    from transformers import AutoModelForDepthEstimation

    import fgbg_depth  # noqa: F401

    model = AutoModelForDepthEstimation.from_pretrained(folder).eval()
    model.save_pretrained(tmp_path / "again")
    again = AutoModelForDepthEstimation.from_pretrained(tmp_path / "again").eval()
    pixels = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        assert torch.equal(model(pixels).raw, again(pixels).raw)
        assert isinstance(model(pixels, return_dict=False), tuple)


def test_sides_that_are_not_multiples_of_32_are_an_error(folder):
    import torch
    from transformers import AutoModelForDepthEstimation

    model = AutoModelForDepthEstimation.from_pretrained(folder)
    with pytest.raises(ValueError, match="multiples of 32; got 70x50"):
        model(torch.rand(1, 3, 70, 50))


def test_initial_weights_are_fit_for_training(folder):
    """Gradients reach the first convolution, and the first prediction is in the middle of the range."""
    import torch

    from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
    from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

    torch.manual_seed(0)
    model = DenseDepthForDepthEstimation(DenseDepthConfig(block_config=[2, 2, 2, 2], decoder_width=32)).train()
    raw = model.raw(torch.rand(2, 3, 64, 64))
    assert raw.detach().mean().item() == pytest.approx(10, abs=0.5)  # 1 m, the geometric middle of 0.1..10 m
    (raw - 5).abs().mean().backward()
    gradient = model.encoder.conv0.weight.grad.abs().mean().item()
    assert 1e-7 < gradient < 1e2


def test_the_processor_resizes_depth_maps_to_any_size():
    import torch

    from fgbg_depth.depth.densedepth.image_processing import DenseDepthImageProcessor
    from fgbg_depth.depth.densedepth.modeling import DenseDepthOutput

    outputs = DenseDepthOutput(predicted_depth=torch.rand(2, 8, 12))
    processor = DenseDepthImageProcessor()

    def shapes(sizes):
        maps = processor.post_process_depth_estimation(outputs, target_sizes=sizes)
        return [tuple(one["predicted_depth"].shape) for one in maps]

    assert shapes(None) == [(8, 12)] * 2
    assert shapes([(16, 24)] * 2) == shapes(torch.tensor([[16, 24]] * 2)) == [(16, 24)] * 2
    assert shapes([[5, 7], [16, 24]]) == [(5, 7), (16, 24)]
    same = processor.post_process_depth_estimation(outputs, target_sizes=[(16, 24)] * 2)[1]["predicted_depth"]
    other = processor.post_process_depth_estimation(outputs, target_sizes=[(5, 7), (16, 24)])[1]["predicted_depth"]
    assert torch.equal(same, other)
    with pytest.raises(ValueError, match="2 depth maps but 1 target sizes"):
        shapes([(5, 7)])
