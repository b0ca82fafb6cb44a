"""Stored depth values: their scale, and encoding and decoding as inverses within half a step."""

import io
import json
import math
import subprocess
import sys

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
    ],
    ids=["colour", "8 bits", "float image", "floats", "one row", "too large", "negative"],
)
def test_decoding_anything_else_is_an_error(image, message):
    with pytest.raises(DepthError, match=message):
        decode_depth(image, METRES)


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
