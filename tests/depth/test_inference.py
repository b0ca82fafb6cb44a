"""DenseDepth's form for prediction computes what the training form computes."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
from fgbg_depth.depth.densedepth.inference import (
    LARGEST_THRESHOLD,
    InferenceDenseDepth,
    clamp_and_affine,
    conv_after,
    conv_before,
)
from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation
from fgbg_depth.depth.labeller import prediction_form

SMALL: dict[str, Any] = {"block_config": (2, 3, 3, 2), "decoder_width": 64, "growth_rate": 8, "num_init_features": 16}
VARIANTS = [{}, {"final_relu": True}, {"leaky_after_conv_a": True}]


def spread(norm: nn.BatchNorm2d) -> None:
    """Statistics and weights as a trained network may have them, with scales of both signs and 0."""
    nn.init.normal_(norm.weight, 1, 0.7)
    nn.init.normal_(norm.bias, 0, 0.3)
    assert norm.running_mean is not None and norm.running_var is not None
    nn.init.normal_(norm.running_mean, 0, 0.5)
    nn.init.uniform_(norm.running_var, 0.2, 2)
    norm.weight.data[::5] = 0


def network(**changes: Any) -> DenseDepthForDepthEstimation:
    """A network that is not trained, with statistics that matter."""
    torch.manual_seed(0)
    model = DenseDepthForDepthEstimation(DenseDepthConfig(**changes))
    model.train(False).requires_grad_(False)
    model.conv3.weight *= 100
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            spread(module)
    return model


def images(dtype: torch.dtype, size: int = 64) -> torch.Tensor:
    pixels = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    return pixels.to(dtype, memory_format=torch.channels_last)


@pytest.mark.parametrize("changes", VARIANTS)
def test_both_forms_are_the_same_function(changes: dict[str, Any]) -> None:
    """In float64 nothing but the arithmetic itself can differ."""
    model = network(**SMALL, **changes).double()
    plain, faster = model.raw(images(torch.float64)), InferenceDenseDepth(model).raw(images(torch.float64))
    assert plain.std() > 0.1
    assert (faster - plain).abs().max() < 1e-12 * (plain.max() - plain.min())


@pytest.mark.parametrize("changes", VARIANTS)
def test_in_fp32_the_difference_is_rounding(changes: dict[str, Any]) -> None:
    model = network(**SMALL, **changes)
    plain, faster = model(images(torch.float32)), InferenceDenseDepth(model)(pixel_values=images(torch.float32))
    difference = (faster.raw - plain.raw).square().mean().sqrt()
    assert difference < 1e-6 * (plain.raw.max() - plain.raw.min())
    assert ((faster.predicted_depth - plain.predicted_depth).abs() / plain.predicted_depth).median() < 1e-5


@pytest.mark.slow
def test_the_released_network_in_fp32() -> None:
    model = network()
    plain, faster = model.raw(images(torch.float32)), InferenceDenseDepth(model).raw(images(torch.float32))
    assert (faster - plain).square().mean().sqrt() < 1e-6 * (plain.max() - plain.min())


def test_half_precision_is_not_less_exact() -> None:
    model = network(**SMALL)
    exact = copy.deepcopy(model).double().raw(images(torch.float64))
    faster = InferenceDenseDepth(model).to(torch.bfloat16).raw(images(torch.bfloat16))
    model.to(dtype=torch.bfloat16)  # type: ignore[call-arg]  # the stub of transformers' wrapper is wrong
    plain = model.raw(images(torch.bfloat16))
    assert (faster - exact).square().mean() < 1.5 * (plain - exact).square().mean()


@pytest.mark.parametrize("scale", [0.0, 1e-9, -1e-9, 0.5, -0.5])
@pytest.mark.parametrize("shift", [-2.0, 0.0, 2.0])
def test_a_clamp_and_an_affine_map_are_a_normalisation_and_a_relu(scale: float, shift: float) -> None:
    norm = nn.BatchNorm2d(1, eps=0.0).double().eval().requires_grad_(False)
    norm.weight.fill_(scale)
    norm.bias.fill_(shift)
    values = torch.linspace(-50, 50, 101, dtype=torch.float64).view(1, 1, 1, -1)
    clamp, affine = clamp_and_affine(norm)
    found = affine.scale * clamp(values) + affine.shift
    assert torch.allclose(found, torch.relu(norm(values)), rtol=0, atol=1e-12)
    for bound in (clamp.low, clamp.high):  # fits into fp16, so no channel becomes infinite there
        assert bound.isinf().all() or bound.abs().max() <= LARGEST_THRESHOLD


def test_convolutions_with_folded_normalisations() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(6)
    spread(norm)
    norm.double().eval()
    x = torch.randn(2, 6, 5, 5, dtype=torch.float64)
    for bias in (False, True):
        after = nn.Conv2d(6, 4, 1, bias=bias).double()
        clamp, affine = clamp_and_affine(norm)
        assert torch.allclose(conv_after(affine, after)(clamp(x)), after(torch.relu(norm(x))), atol=1e-12)
        before = nn.Conv2d(6, 6, 3, stride=2, padding=1, bias=bias).double()
        assert torch.allclose(conv_before(before, norm)(x), norm(before(x)), atol=1e-12)


def test_the_model_itself_is_not_changed() -> None:
    model = network(**SMALL)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    InferenceDenseDepth(model)(images(torch.float32))
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_the_size_of_the_input_is_checked() -> None:
    with pytest.raises(ValueError, match="multiples of 32; got 60x64"):
        InferenceDenseDepth(network(**SMALL)).raw(torch.zeros(1, 3, 60, 64))


def test_only_densedepth_has_a_form_for_prediction() -> None:
    other = nn.Linear(1, 1)
    assert prediction_form(other) is other
    assert isinstance(prediction_form(network(**SMALL)), InferenceDenseDepth)
