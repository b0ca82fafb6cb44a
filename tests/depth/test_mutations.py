"""Every usual mistake in porting DenseDepth exceeds the tolerance of the parity test at least five times."""

import numpy as np
import pytest
import torch
from keras_files import OUTPUTS, error, saved_by_keras
from seeded import SMALL, picture
from torch.nn import functional

from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
from fgbg_depth.depth.densedepth.convert import convert_weights
from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

TOLERANCE = 2e-5
CASES = {case.name: case for case in SMALL}


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    models = {}
    for name in CASES:
        folder = tmp_path_factory.mktemp(name)
        convert_weights(saved_by_keras(f"{name}-keras2", folder), folder / "model")
        models[name] = DenseDepthForDepthEstimation.from_pretrained(folder / "model").eval()
    return models


def remade(model, edit_state=lambda state: None, **changes):
    """The same weights under a changed configuration, or changed weights."""
    config = DenseDepthConfig(**{**model.config.to_dict(), **changes})
    mutant = DenseDepthForDepthEstimation(config).eval()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    edit_state(state)
    mutant.load_state_dict(state)
    return mutant


def pixels(size):
    return torch.from_numpy(picture(size).astype(np.float32) / np.float32(255)).permute(2, 0, 1)[None]


def worst(model, name, prepare=lambda x: x):
    case = CASES[name]
    with torch.inference_mode():
        errors = [error(model.raw(prepare(pixels(s)))[0].numpy(), OUTPUTS[case.key(s)]) for s in case.sizes]
    return max(errors)


def each(state, suffix, dims, change):
    for name, value in state.items():
        if name.endswith(suffix) and value.ndim == dims:
            state[name] = change(value)


def swap(first, second):
    def edit(state):
        for name in [name for name in state if name.endswith(f".{first}") and "norm" in name]:
            other = name.removesuffix(first) + second
            state[name], state[other] = state[other], state[name]

    return edit


def square_kernels(change):
    def edit(state):
        for name, value in state.items():
            if value.ndim == 4 and value.shape[-1] > 1:
                state[name] = change(value)

    return edit


def test_without_a_mistake_the_networks_agree(originals):
    for name, model in originals.items():
        assert worst(model, name) < TOLERANCE
        assert worst(remade(model), name) < TOLERANCE


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "changes",
    [
        {"align_corners": False},
        {"batch_norm_eps": 1e-5},
        {"batch_norm_eps": 1e-3},
        {"leaky_slope": 0.0},
        {"leaky_slope": 0.01},
        {"leaky_slope": 1.0},
        {"final_relu": False},
        {"leaky_after_conv_a": "other"},
    ],
    ids=str,
)
def test_configuration_mistakes_exceed_the_tolerance(originals, name, changes):
    model = originals[name]
    if "leaky_after_conv_a" in changes:
        changes = {"leaky_after_conv_a": not model.config.leaky_after_conv_a}
    assert worst(remade(model, **changes), name) > 5 * TOLERANCE


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "edit",
    [
        swap("weight", "bias"),  # gamma and beta
        swap("running_mean", "running_var"),
        square_kernels(lambda kernel: kernel.transpose(2, 3)),
        square_kernels(lambda kernel: kernel.flip(2, 3)),
        lambda state: state.update({"encoder.conv0.weight": state["encoder.conv0.weight"].flip(1)}),
    ],
    ids=["gamma-beta", "mean-variance", "kernel-transposed", "kernel-flipped", "conv0-bgr"],
)
def test_weight_mistakes_exceed_the_tolerance(originals, name, edit):
    assert worst(remade(originals[name], edit), name) > 5 * TOLERANCE


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "prepare",
    [
        lambda x: x * 255,
        lambda x: x * 2 - 1,
        lambda x: x.flip(1),
        lambda x: (x - 0.449) / 0.226,
        lambda x: x * 255 / 256,
    ],
    ids=["0..255", "-1..1", "bgr", "imagenet", "by-256"],
)
def test_input_mistakes_exceed_the_tolerance(originals, name, prepare):
    assert worst(originals[name], name, prepare) > 5 * TOLERANCE


class Rewired(torch.nn.Module):
    """An encoder whose skips have been changed."""

    def __init__(self, encoder, change):
        super().__init__()
        self.encoder, self.change = encoder, change

    def forward(self, image):
        features, skips = self.encoder(image)
        return features, self.change(self.encoder, image, skips)


def before_relu(encoder, image, skips):
    return [*skips[:-1], encoder.norm0(encoder.conv0(image))]


def before_pooling(encoder, image, skips):
    """Average pooling instead of max pooling for pool1."""
    return [*skips[:2], functional.avg_pool2d(skips[3], 2), skips[3]]


def other_stage(encoder, image, skips):
    """conv1/relu in place of pool1, which has the same number of channels."""
    return [*skips[:2], functional.interpolate(skips[3], scale_factor=0.5), skips[3]]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("change", [before_relu, before_pooling, other_stage])
def test_skip_mistakes_exceed_the_tolerance(originals, name, change):
    mutant = remade(originals[name])
    mutant.encoder = Rewired(mutant.encoder, change)
    assert worst(mutant, name) > 5 * TOLERANCE


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_concatenation_order_exceeds_the_tolerance(originals, name):
    model = originals[name]

    def edit(state):  # as if the skip came first
        widths = [model.config.decoder_width >> i for i in range(4)]
        for i, width in enumerate(widths):
            key = f"ups.{i}.conv_a.weight"
            state[key] = torch.cat([state[key][:, width:], state[key][:, :width]], 1)

    assert worst(remade(model, edit), name) > 5 * TOLERANCE


def test_negative_raw_is_the_nearest_depth_in_float32():
    model = DenseDepthForDepthEstimation(
        DenseDepthConfig(num_init_features=8, growth_rate=4, block_config=[1, 1], decoder_width=8)
    )
    raw = torch.tensor([-1e-3, -50.0, 0.0, -0.0, 1e-8, 0.5, 1.0, 20.0, 100.0, 1e4, float("nan")])
    depth = model.depth_from_raw(raw)
    with np.errstate(divide="ignore"):
        authors = 10 * np.clip(np.float32(1000) / raw.numpy(), 10, 1000) / 1000
    torch.testing.assert_close(depth, torch.from_numpy(authors), rtol=1e-6, atol=0, equal_nan=True)
    assert depth[:2].tolist() == pytest.approx([0.1, 0.1])
    assert model.depth_from_raw(raw.to(torch.float16)).dtype == torch.float32
    model.config.min_depth, model.config.max_depth = 1, 80  # KITTI
    with np.errstate(divide="ignore"):
        authors = np.clip(np.float32(80) / raw.numpy(), 1, 80)
    np.testing.assert_array_equal(model.depth_from_raw(raw).numpy(), authors)
