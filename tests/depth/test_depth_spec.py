"""Stored depth values: their scale, and encoding and decoding as inverses within half a step."""

import io
import json
import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fgbg_depth.depth.spec import (
    DepthSpec,
    decode_depth,
    encode_values,
    metric_scale,
    relative_scale,
)
from fgbg_depth.errors import DepthError

METRES = DepthSpec(model="m", **metric_scale(10.0))
finite = st.floats(-1e6, 1e6, width=32)


def relative(low, high, bits=16, kind="relative_disparity"):
    return DepthSpec(model="m", kind=kind, unit="", bits=bits, **relative_scale(low, high, bits))


@pytest.mark.parametrize(
    "reach_m, scale",
    [(10, 1000), (20, 1000), (65, 1000), (65.1, 256), (80, 256), (10_000, 256), (None, 256)],
)
def test_metric_scale_follows_the_reach(reach_m, scale):
    spec = DepthSpec(model="m", **metric_scale(reach_m))
    assert spec.scale == scale
    assert (spec.offset, spec.low) == (0, spec.step)
    assert spec.high == pytest.approx(65535 / scale)


def test_eight_bits_span_the_reach():
    assert DepthSpec(model="m", bits=8, **metric_scale(10.0, 8)).high == pytest.approx(10)
    assert DepthSpec(model="m", bits=8, **metric_scale(None, 8)).high == pytest.approx(256)


def test_relative_scale_spans_the_range():
    spec = relative(-2.0, 7.5)
    assert decode_depth(np.array([[1, 65535]], np.uint16), spec)[0].tolist() == pytest.approx([-2.0, 7.5])


@given(st.lists(st.floats(0.001, 65.5), min_size=1, max_size=50))
def test_metric_round_trip(values):
    depth_m = np.array([values], np.float32)
    assert np.abs(decode_depth(encode_values(depth_m, METRES), METRES) - depth_m).max() <= 0.5e-3 * 1.01


@given(finite, st.floats(1e-3, 1e6), st.sampled_from([8, 16]), st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_relative_round_trip(low, span, bits, places):
    spec = relative(low, low + span, bits)
    values = (low + span * np.array([places])).astype(np.float32)
    noise = 4 * np.spacing(np.float32(max(abs(low), abs(low + span))))  # float32 itself
    assert np.abs(decode_depth(encode_values(values, spec), spec) - values).max() <= spec.step / 2 + noise


@given(st.lists(st.floats(width=32), min_size=1, max_size=50))
def test_any_float_can_be_stored(values):
    array = np.array(values, np.float32)
    stored = encode_values(array, METRES)
    assert stored.dtype == np.uint16
    assert np.array_equal(stored == 0, ~np.isfinite(array))
    inside = np.isfinite(array)
    assert (stored[inside & (array <= 0)] == 1).all()
    assert (stored[inside & (array > 65.6)] == 65535).all()
    assert np.array_equal(np.isnan(decode_depth(stored[None], METRES))[0], ~inside)


@given(st.integers(0, 65535))
def test_every_stored_value_survives_decoding_and_encoding(value):
    stored = np.array([[value]], np.uint16)
    for spec in (METRES, relative(0.0, 3.0), DepthSpec(model="m", **metric_scale(80.0))):
        assert encode_values(decode_depth(stored, spec), spec)[0, 0] == value


def test_decode_reads_images_arrays_and_files(tmp_path):
    stored = np.arange(0, 60000, 1000, dtype=np.uint16).reshape(6, 10)
    image = Image.fromarray(stored)
    image.save(tmp_path / "depth.png")
    again = Image.open(io.BytesIO((tmp_path / "depth.png").read_bytes()))
    expected = np.where(stored == 0, np.nan, stored / 1000).astype(np.float32)
    for form in (stored, stored.astype(np.int32), image, again, again.convert("I"), tmp_path / "depth.png"):
        np.testing.assert_allclose(decode_depth(form, METRES), expected, rtol=1e-6)
    np.testing.assert_allclose(decode_depth(stored, METRES.to_dict()), expected, rtol=1e-6)
    np.testing.assert_allclose(decode_depth(str(tmp_path / "depth.png"), METRES), expected, rtol=1e-6)


STORED = np.array([[[0, 1, 999], [1000, 40_000, 65_535]], [[7, 8, 9], [10, 11, 12]]], np.uint16)


def png_bytes(stored: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(stored).save(buffer, "PNG")
    return buffer.getvalue()


def test_decode_reads_tensors_of_every_integer_type_with_and_without_a_channel_axis():
    torch = pytest.importorskip("torch")
    expected = decode_depth(STORED, METRES)
    for dtype in (torch.uint16, torch.int32, torch.int64, torch.uint32):
        batch = torch.tensor(STORED.astype(np.int64)).to(dtype)
        for form in (batch, batch[:, None]):
            np.testing.assert_array_equal(decode_depth(form, METRES), expected)
        for form in (batch[0], batch[0][None]):
            np.testing.assert_array_equal(decode_depth(form, METRES), expected[0])
        np.testing.assert_array_equal(decode_depth([batch[0][None], batch[1][None]], METRES), expected)
    wrapped = torch.tensor(STORED.view(np.int16))  # torchvision.transforms.functional.pil_to_tensor
    np.testing.assert_array_equal(decode_depth(wrapped, METRES), expected)
    bits_8 = DepthSpec(model="m", bits=8, **metric_scale(10.0, 8))
    assert decode_depth(torch.full((1, 2, 3), 255, dtype=torch.uint8), bits_8) == pytest.approx(np.full((2, 3), 10))


@pytest.mark.parametrize("column_format", [None, "numpy", "torch"])
def test_decode_reads_what_datasets_gives_in_each_format(column_format):
    datasets = pytest.importorskip("datasets")
    cells = [{"bytes": png_bytes(stored), "path": None} for stored in STORED]
    rows = datasets.Dataset.from_dict({"depth": cells}, features=datasets.Features({"depth": datasets.Image()}))
    expected = decode_depth(STORED, METRES)
    formatted = rows.with_format(column_format)
    np.testing.assert_array_equal(decode_depth(formatted[0]["depth"], METRES), expected[0])
    np.testing.assert_array_equal(decode_depth(formatted[:2]["depth"], METRES), expected)
    encoded = rows.cast_column("depth", datasets.Image(decode=False))
    np.testing.assert_array_equal(decode_depth(encoded[0]["depth"], METRES), expected[0])
    np.testing.assert_array_equal(decode_depth(encoded[:2]["depth"], METRES), expected)
    np.testing.assert_array_equal(decode_depth(cells[0]["bytes"], METRES), expected[0])


def test_a_whole_statistics_json_or_manifest_stands_for_its_depth_spec():
    expected = decode_depth(STORED[0], METRES)
    for whole in ({"format": 1, "rows": 8, "depth": METRES.to_dict()}, SimpleNamespace(depth=METRES)):
        np.testing.assert_array_equal(decode_depth(STORED[0], whole), expected)


@pytest.mark.parametrize(
    "spec, message",
    [
        ({"format": 1, "depth": None}, "no depth labels"),
        (SimpleNamespace(depth=None), "no depth labels"),
        ({"rows": 8}, r'keys rows, not a depth spec.*\n.*\["depth"\]'),
        ({}, "an empty dictionary, not a depth spec"),
        ("statistics.json", "a str, not a depth spec"),
        (None, "None, not a depth spec"),
    ],
    ids=["no depth", "manifest without depth", "other keys", "empty", "path", "None"],
)
def test_anything_else_as_spec_is_an_error(spec, message):
    with pytest.raises(DepthError, match=message):
        decode_depth(STORED[0], spec)


@pytest.mark.parametrize(
    "image, message",
    [
        (Image.new("RGB", (4, 4)), "mode RGB"),
        (Image.new("L", (4, 4)), "has 8 bits, but its dataset stores 16"),
        (Image.new("F", (4, 4)), "mode F"),
        (np.zeros((4, 4), np.float32), "float32"),
        (np.zeros(4, np.uint16), "shape"),
        (np.full((4, 4), 70_000), "beyond 0..65535"),
        (np.full((4, 4), -1), "beyond 0..65535"),
        ({"fg_bg_depth": STORED[0], "x": 5}, r'a whole row.\n  Pass .*row\["fg_bg_depth"\]'),
        ({"x": 5}, "a dictionary with the keys x"),
        ([STORED[0], STORED[0, :1]], "differ in size"),
        (b"no image", "cannot read a depth map from these bytes"),
        ("nowhere.png", "cannot read a depth map from nowhere.png"),
        (None, "the value is None"),
    ],
    ids=[
        "colour",
        "8 bits",
        "float image",
        "floats",
        "one row",
        "too large",
        "negative",
        "row",
        "dictionary",
        "sizes",
        "bytes",
        "path",
        "None",
    ],
)
def test_decoding_anything_else_is_an_error(image, message):
    with pytest.raises(DepthError, match=message):
        decode_depth(image, METRES)


def test_a_float_tensor_is_an_error():
    torch = pytest.importorskip("torch")
    with pytest.raises(DepthError, match="bfloat16"):
        decode_depth(torch.zeros(4, 4, dtype=torch.bfloat16), METRES)


def test_a_spec_survives_a_round_trip_through_json():
    for spec in (METRES, relative(0.1, 0.7, 8), DepthSpec(model="a/b", revision="f" * 40, flip=True, license="mit")):
        assert DepthSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"kind": "disparity"}, "allowed: metric, relative_depth, relative_disparity"),
        ({"bits": 12}, "allowed: 8, 16"),
        ({"step": 0.0}, "scale is not usable"),
        ({"offset": math.nan}, "scale is not usable"),
        ({"low": "x"}, "low is 'x', not a float"),
        ({"more": 1}, "missing or unknown: more"),
        ({"flip": "yes"}, "flip is 'yes', not a bool"),
    ],
)
def test_wrong_specs_are_errors(changes, message):
    with pytest.raises(DepthError, match=message):
        DepthSpec.from_dict({**METRES.to_dict(), **changes})


def test_decoding_needs_neither_torch_nor_transformers():
    code = (
        "import sys, fgbg_depth\n"
        "fgbg_depth.decode_depth, fgbg_depth.depth.DepthSpec\n"
        "assert not {'torch', 'transformers', 'datasets'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
