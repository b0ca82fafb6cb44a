"""The labeller stores what the model itself predicts, for every model, batch size and amount of memory."""

import logging

import numpy as np
import pytest
import tiny_models
import torch
from tiny_models import pictures
from transformers import AutoImageProcessor, AutoModelForDepthEstimation

from fgbg_depth.depth import decode_depth, encode_values, load_labeller, resolve_spec
from fgbg_depth.depth.labeller import TorchLabeller, even_batch
from fgbg_depth.depth.load import load_model, load_processor
from fgbg_depth.depth.model_files import locate
from fgbg_depth.errors import DepthError
from fgbg_depth.recipe import Recipe

BACKGROUNDS = pictures(5, seed=1)
ROWS = pictures(6, seed=2)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {
        "depth-anything": tiny_models.depth_anything(folder / "da"),
        "depth-anything-metric": tiny_models.depth_anything(folder / "dam", metric=True),
        "dpt": tiny_models.dpt(folder / "dpt"),
        "glpn": tiny_models.glpn(folder / "glpn"),
        "densedepth": tiny_models.densedepth(folder / "nyu"),
        "densedepth-far": tiny_models.densedepth(folder / "kitti", None, min_depth=1, max_depth=80),
    }


def recipe_for(folder, **changes):
    return Recipe(depth_model=str(folder), size=100, **changes)


def spec_of(recipe):
    return resolve_spec(recipe, lambda: iter(BACKGROUNDS), "cpu")


def labeller_of(recipe, spec=None):
    return load_labeller(recipe, spec or spec_of(recipe), "cpu")


def own_output(folder, rows):
    """The model's own depth maps, computed as transformers documents it."""
    model = AutoModelForDepthEstimation.from_pretrained(folder).eval()
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    with torch.inference_mode():
        outputs = model(**processor(images=list(rows), return_tensors="pt"))
    maps = processor.post_process_depth_estimation(outputs, target_sizes=[rows.shape[1:3]] * len(rows))
    return torch.stack([one["predicted_depth"] for one in maps]).numpy()


@pytest.mark.parametrize(
    "name, recipe_fields, kind, scale",
    [
        ("depth-anything", {}, "relative_disparity", None),
        ("depth-anything-metric", {}, "metric", 1000),
        ("dpt", {"depth_kind": "relative_disparity"}, "relative_disparity", None),
        ("dpt", {"depth_kind": "relative_depth"}, "relative_depth", None),
        ("dpt", {"depth_kind": "metric"}, "metric", 256),
        ("glpn", {}, "metric", 1000),
        ("densedepth", {}, "metric", 1000),
        ("densedepth-far", {}, "metric", 256),
    ],
)
@pytest.mark.parametrize("bits", [16, 8])
def test_decoding_gives_the_models_own_output_within_half_a_step(models, name, recipe_fields, kind, scale, bits):
    recipe = recipe_for(models[name], depth_bits=bits, **recipe_fields)
    spec = spec_of(recipe)
    assert (spec.kind, spec.unit) == (kind, "m" if kind == "metric" else "")
    if bits == 16 and scale:
        assert spec.scale == pytest.approx(scale)
    stored = labeller_of(recipe, spec)(ROWS)
    assert stored.dtype == (np.uint16 if bits == 16 else np.uint8)
    assert stored.shape == ROWS.shape[:3]
    own = own_output(models[name], ROWS)
    assert spec.low <= own.min() < own.max() <= spec.high
    decoded = np.stack([decode_depth(one, spec) for one in stored])
    float32_noise = 1e-6 * max(abs(own.max()), abs(own.min()))  # the network's own rounding depends on the batch shape
    assert np.abs(decoded - own).max() <= spec.step / 2 + float32_noise
    assert bits == 8 or np.ptp(stored.astype(int)) > 10  # the label is not constant


def test_stored_values_are_what_numpy_encodes(models):
    for name in ("depth-anything", "densedepth"):
        labeller = labeller_of(recipe_for(models[name]))
        assert np.array_equal(labeller(ROWS), encode_values(labeller.values(ROWS), labeller.spec))


def test_a_rows_label_does_not_depend_on_its_batch(models):
    labeller = labeller_of(recipe_for(models["densedepth"], depth_batch=4))
    together = labeller(ROWS)
    assert all(np.array_equal(labeller(ROWS[i : i + 1])[0], together[i]) for i in range(len(ROWS)))
    assert np.array_equal(labeller(ROWS[::-1])[::-1], together)
    assert labeller(ROWS[:0]).shape == (0, 100, 100)


def test_every_model_call_has_the_same_shape(models):
    labeller = labeller_of(recipe_for(models["densedepth"], depth_batch=4))
    shapes = []
    labeller.model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs["pixel_values"].shape)), with_kwargs=True
    )
    labeller(ROWS)
    assert shapes == [(4, 3, 64, 96)] * 2


def test_started_batches_give_the_same_labels_as_calls(models):
    for name in ("depth-anything", "densedepth"):
        labeller = labeller_of(recipe_for(models[name], depth_batch=2))
        waiting = [labeller.start(ROWS[i : i + 2]) for i in range(0, len(ROWS), 2)]
        assert np.array_equal(np.concatenate([finish() for finish in waiting]), labeller(ROWS))


def test_a_started_batch_is_filled_up_to_the_stated_size(models):
    labeller = labeller_of(recipe_for(models["densedepth"], depth_batch=4))
    sizes = limited(labeller, 4, None)
    expected = labeller(ROWS)
    labeller.start(ROWS[:2], 3)()
    assert np.array_equal(labeller.start(ROWS, 9)(), expected)  # at most the labeller's own size
    assert sizes == [4, 4, 3, 4, 4]


def test_on_a_cpu_batches_keep_their_size_because_the_last_bits_depend_on_it(models):
    labeller = labeller_of(recipe_for(models["densedepth"], depth_batch=64))
    assert [labeller.rows_per_call(rows) for rows in (1, 400, 4000)] == [64, 64, 64]
    labeller.device = torch.device("cuda")
    assert [labeller.rows_per_call(rows) for rows in (1, 400, 3600)] == [1, 50, 60]


class FakeEvent:
    """Stands in for `torch.cuda.Event` where there is no GPU."""

    fails = False

    def __init__(self):
        self.waited = 0

    def record(self, stream):
        assert stream == "stream of cuda"

    def synchronize(self):
        self.waited += 1
        if self.fails:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")


def on_cuda(labeller, monkeypatch, event):
    """Let a labeller on the CPU fetch its labels as from a GPU."""
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *shape, pin_memory, dtype: empty(*shape, dtype=dtype))
    monkeypatch.setattr(torch.cuda, "Event", lambda: event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"stream of {device}")
    values = torch.arange(24, dtype=torch.int32).reshape(2, 3, 4)
    monkeypatch.setattr(labeller, "device", torch.device("cuda"))
    return values, labeller._fetch(values)


def test_labels_of_a_gpu_are_waited_for_only_when_they_are_needed(models, monkeypatch):
    labeller, event = labeller_of(recipe_for(models["densedepth"])), FakeEvent()
    values, wait = on_cuda(labeller, monkeypatch, event)
    assert event.waited == 0
    assert np.array_equal(wait(), values.numpy())
    assert event.waited == 1


def test_an_error_that_a_gpu_reports_late_names_the_model(models, monkeypatch):
    labeller, event = labeller_of(recipe_for(models["densedepth"])), FakeEvent()
    event.fails = True
    _, wait = on_cuda(labeller, monkeypatch, event)
    with pytest.raises(DepthError, match="depth model nyu failed on cuda at 64x96 in fp32: RuntimeError: CUDA error"):
        wait()


def test_even_batches_fill_up_the_fewest_rows():
    assert [even_batch(400, largest) for largest in (64, 128, 256, 400, 1, 4)] == [50, 100, 200, 400, 1, 4]
    for rows in range(1, 700):
        for largest in (1, 2, 3, 4, 7, 64, 256):
            size = even_batch(rows, largest)
            padded = -(-rows // size) * size
            assert 1 <= size <= largest and (2 * size > largest or size == rows)
            assert padded <= -(-rows // largest) * largest
            assert padded - rows <= rows // max(1, largest // 2)  # less than a row a call


@pytest.mark.parametrize(
    "depth_input, size",
    [("auto", "64x96"), ("native", "96x96"), ("32x64", "32x64")],
)
def test_input_size(models, depth_input, size):
    recipe = recipe_for(models["densedepth"], depth_input=depth_input)
    spec = spec_of(recipe)
    assert spec.input_size == size
    labeller = labeller_of(recipe, spec)
    assert labeller(ROWS).shape == (6, 100, 100)
    assert labeller._preparers[100, 100].on_device


def test_input_sizes_of_other_models(models):
    for name, depth_input, size in [
        ("depth-anything", "native", "98x98"),
        ("depth-anything", "56x84", "56x84"),
        ("glpn", "auto", "96x96"),
        ("dpt", "48x48", "48x48"),
    ]:
        recipe = recipe_for(models[name], depth_input=depth_input, depth_kind="metric")
        assert spec_of(recipe).input_size == size
        labeller_of(recipe)(ROWS[:2])


def test_an_input_size_the_model_cannot_take(models):
    for name, nearest in [("densedepth", "64x96"), ("depth-anything", "56x98")]:
        with pytest.raises(DepthError, match=f"nearest: {nearest}"):
            spec_of(recipe_for(models[name], depth_input="60x100"))


def test_rows_need_not_be_square(models):
    labeller = labeller_of(recipe_for(models["densedepth"]))
    rows = pictures(2, 50, 70)
    assert labeller(rows).shape == (2, 50, 70)
    own = own_output(models["densedepth"], rows)
    decoded = np.stack([decode_depth(one, labeller.spec) for one in labeller(rows)])
    assert np.abs(decoded - own).max() < 0.51e-3


def test_flip_is_the_mean_of_both_predictions(models):
    plain = own_output(models["densedepth"], ROWS)
    mirrored = own_output(models["densedepth"], np.ascontiguousarray(ROWS[:, :, ::-1]))[:, :, ::-1]
    labeller = labeller_of(recipe_for(models["densedepth"], depth_flip=True))
    assert labeller.spec.flip
    np.testing.assert_allclose(labeller.values(ROWS), (plain + mirrored) / 2, rtol=1e-5)
    np.testing.assert_allclose(
        labeller.values(np.ascontiguousarray(ROWS[:, :, ::-1]))[:, :, ::-1], labeller.values(ROWS), rtol=1e-5
    )


@pytest.mark.parametrize("precision, tolerance", [("fp32", 1e-6), ("bf16", 0.05), ("fp16", 0.01)])
def test_precisions(models, precision, tolerance):
    recipe = recipe_for(models["depth-anything-metric"], depth_precision=precision)
    spec = spec_of(recipe)
    assert spec.precision == precision
    ours = labeller_of(recipe, spec).values(ROWS)
    own = own_output(models["depth-anything-metric"], ROWS)
    assert ours.dtype == np.float32
    assert np.abs(ours / own - 1).max() < tolerance


def test_precision_defaults_and_mistakes(models):
    assert spec_of(recipe_for(models["densedepth"])).precision == "fp32"
    with pytest.raises(DepthError, match="tf32, which only NVIDIA GPUs have"):
        spec_of(recipe_for(models["densedepth"], depth_precision="tf32"))


def limited(labeller, limit, error):
    """Make the model raise `error` for batches of more than `limit` rows; returns the list of batch sizes."""
    forward, sizes = labeller.model.forward, []

    def forward_if_it_fits(pixel_values):
        sizes.append(len(pixel_values))
        if len(pixel_values) > limit:
            raise error
        return forward(pixel_values=pixel_values)

    labeller.model.forward = forward_if_it_fits
    return sizes


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
        MemoryError("Unable to allocate 2.00 GiB for an array"),
    ],
)
def test_out_of_memory_halves_the_batch_and_continues(models, error, caplog):
    recipe = recipe_for(models["densedepth"], depth_batch=8)
    expected = labeller_of(recipe)(ROWS)
    labeller = labeller_of(recipe)
    sizes = limited(labeller, 2, error)
    with caplog.at_level(logging.WARNING):
        stored = labeller(ROWS)
        labeller(ROWS)
    assert sizes == [8, 4, 2, 2, 2, 2, 2, 2]
    assert labeller.batch_size == 2
    assert np.abs(stored.astype(int) - expected.astype(int)).max() <= 1
    assert [r.message for r in caplog.records] == ["out of memory on cpu: continuing with 4 rows a batch"]


def test_one_row_that_does_not_fit_into_memory_is_an_error(models):
    labeller = labeller_of(recipe_for(models["densedepth"]))
    limited(labeller, 0, torch.OutOfMemoryError("out of memory"))
    with pytest.raises(DepthError, match="one row at 64x96 does not fit into the memory of cpu"):
        labeller(ROWS)


def test_other_errors_of_a_model_name_it(models):
    labeller = labeller_of(recipe_for(models["densedepth"]))
    limited(labeller, 0, RuntimeError("shape '[2]' is invalid"))
    with pytest.raises(DepthError, match="depth model nyu failed on cpu at 64x96"):
        labeller(ROWS)


def test_our_own_errors_are_not_blamed_on_the_model(models, monkeypatch):
    from fgbg_depth.depth.prepare import Preparer

    labeller = labeller_of(recipe_for(models["densedepth"]))
    error = TypeError("ours")

    def fail(self, images):
        raise error

    monkeypatch.setattr(Preparer, "__call__", fail)
    with pytest.raises(TypeError) as caught:
        labeller(ROWS)
    assert caught.value is error


def with_changed_prediction(models, change, bits=16):
    """A labeller whose model's prediction is changed by `change`, in place."""
    recipe = recipe_for(models["densedepth"], depth_bits=bits)
    labeller = labeller_of(recipe)
    labeller.model.register_forward_hook(lambda module, args, output: change(output) or output)
    return labeller


def test_values_that_are_not_finite_are_stored_as_invalid_with_one_warning(models, caplog):
    def remove_top(output):
        output.predicted_depth[:, :4] = float("nan")

    labeller = with_changed_prediction(models, remove_top)
    with caplog.at_level(logging.WARNING):
        stored = labeller(ROWS)
        labeller(ROWS)
    assert (stored[:, 0] == 0).all()
    assert (stored[:, -10:] > 0).all()
    decoded = decode_depth(stored[0], labeller.spec)
    assert np.isnan(decoded[0]).all()
    assert len(caplog.records) == 1
    assert "not finite" in caplog.records[0].message


def test_a_prediction_without_a_finite_value_is_an_error(models):
    labeller = with_changed_prediction(models, lambda output: output.predicted_depth.fill_(float("inf")) is None)
    with pytest.raises(DepthError, match="predicts not one finite value in fp32"):
        labeller(ROWS)


def test_a_constant_prediction_gives_a_warning(models, caplog):
    labeller = with_changed_prediction(models, lambda output: output.predicted_depth.fill_(2.5) is None)
    with caplog.at_level(logging.WARNING):
        stored = labeller(ROWS)
    assert (stored == 2500).all()
    assert "same depth for every pixel" in caplog.text


def test_values_beyond_the_range_are_clipped(models):
    def far(output):
        output.predicted_depth[0] = 1e9
        output.predicted_depth[1] = -5

    labeller = with_changed_prediction(models, far)
    stored = labeller(ROWS[:4])
    assert (stored[0] == 65535).all()
    assert (stored[1] == 1).all()


def test_a_processor_with_other_steps_is_called_itself(models):
    files = locate(str(models["dpt"]))
    spec = spec_of(recipe_for(models["dpt"], depth_kind="metric", depth_input="64x64"))
    processor = load_processor(files)
    processor.do_pad, processor.size_divisor = True, 32
    processor.rescale_factor = 1 / 255
    original = processor._preprocess
    processor._preprocess = lambda images, **kw: [im[::, ::-1] for im in original(images, **kw)]  # upside down
    labeller = TorchLabeller(load_model(files), processor, spec, torch.device("cpu"))
    upside_down = labeller.values(ROWS)
    assert not labeller._preparers[100, 100].on_device
    plain = labeller_of(recipe_for(models["dpt"], depth_kind="metric"), spec).values(ROWS)
    assert np.abs(upside_down - plain).max() > 0.01


def test_wrong_arrays_are_errors(models):
    labeller = labeller_of(recipe_for(models["densedepth"]))
    for wrong in (ROWS[0], ROWS.astype(np.float32), ROWS[..., 0]):
        with pytest.raises(DepthError, match="rows must be"):
            labeller(wrong)
