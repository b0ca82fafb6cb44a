"""`decode_batch`: the pixels that Pillow gives, and errors that name the row."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from small_output import metric_output  # noqa: F401

from fgbg_depth import decode_batch, decode_depth, load, load_manifest
from fgbg_depth.depth.spec import DepthSpec, relative_scale
from fgbg_depth.errors import DepthError, HubError, OutputError
from fgbg_depth.render.jpeg import encode_jpeg
from fgbg_depth.render.png import encode_depth, encode_mask, encode_png, encode_rgb_png
from fgbg_depth.render.png_bands import BandedDepth
from fgbg_depth.render.png_pixels import decode_grey_png

METRIC = DepthSpec("m")
SIZES = st.tuples(st.integers(1, 50), st.integers(1, 50))


def pillow(data: bytes, mode: str | None = None) -> np.ndarray:
    image = Image.open(io.BytesIO(data))
    return np.asarray(image.convert(mode) if mode else image)


def smooth(size: tuple[int, int], seed: int, *channels: int) -> np.ndarray:
    """Neighbours alike, and some noise: every kind of block of JPEG, all filters of PNG."""
    rng = np.random.default_rng(seed)
    ramp = np.add.outer(np.arange(size[0]) * rng.uniform(0, 9), np.arange(size[1]) * rng.uniform(0, 9))
    noise = rng.normal(0, rng.uniform(0, 20), (*size, *channels))
    return np.clip(ramp.reshape(*size, *(1 for _ in channels)) + noise, 0, 255).astype(np.uint8)


def saved(pixels: np.ndarray, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, file_format, **options)
    return buffer.getvalue()


def damaged(data: bytes) -> bytes:
    """A byte in the coded pixels is another one."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :]


@given(SIZES, st.integers(0, 999), st.integers(5, 100), st.sampled_from(["4:4:4", "4:2:0"]))
def test_our_jpeg_files_give_pillows_pixels(size: tuple[int, int], seed: int, quality: int, subsampling: str) -> None:
    files = [encode_jpeg(Image.fromarray(smooth(size, seed + i, 3)), quality, subsampling) for i in range(3)]
    np.testing.assert_array_equal(decode_batch({"fg_bg": files})["fg_bg"], [pillow(data) for data in files])


@given(
    SIZES, st.integers(0, 999), st.integers(0, 2), st.booleans(), st.booleans(), st.sampled_from(["RGB", "L", "CMYK"])
)
def test_other_jpeg_files_give_pillows_pixels(
    size: tuple[int, int], seed: int, subsampling: int, progressive: bool, optimize: bool, mode: str
) -> None:
    pixels = np.asarray(Image.fromarray(smooth(size, seed, 3)).convert(mode))
    buffer = io.BytesIO()
    Image.fromarray(pixels, mode).save(
        buffer, "JPEG", subsampling=subsampling, progressive=progressive, optimize=optimize
    )
    data = buffer.getvalue()
    np.testing.assert_array_equal(decode_batch({"fg_bg": [data, data]})["fg_bg"], [pillow(data, "RGB")] * 2)


@given(SIZES, st.integers(0, 999), st.sampled_from(["ours", "PNG", "WEBP"]))
def test_composites_in_other_formats_give_pillows_pixels(size: tuple[int, int], seed: int, writer: str) -> None:
    pixels = smooth(size, seed, 3)
    data = encode_rgb_png(pixels) if writer == "ours" else saved(pixels, writer)
    np.testing.assert_array_equal(decode_batch({"fg_bg": [data]})["fg_bg"], [pillow(data, "RGB")])


@given(SIZES, st.integers(0, 999), st.sampled_from(["mask", "source", "depth", "pillow", "bands"]))
def test_grey_png_files_give_pillows_pixels(size: tuple[int, int], seed: int, writer: str) -> None:
    pixels = smooth(size, seed)
    data = {
        "mask": lambda: encode_mask(pixels),
        "source": lambda: encode_png(Image.fromarray(pixels)),
        "depth": lambda: encode_depth(pixels),
        "pillow": lambda: saved(pixels, "PNG"),
        "bands": lambda: BandedDepth(pixels).encode(pixels, 0, size[0] // 2),
    }[writer]()
    np.testing.assert_array_equal(decode_batch({"fg_bg_mask": [data, data]})["fg_bg_mask"], [pixels, pixels])
    assert (decode_grey_png(data) is not None) or writer == "pillow"


@given(
    SIZES,
    st.integers(0, 999),
    st.sampled_from(["ours", "bands", "pillow", "array"]),
    st.sampled_from([
        METRIC,
        DepthSpec("m", step=1 / 256, low=1 / 256, high=65535 / 256),
        DepthSpec("m", kind="relative_disparity", unit="", **relative_scale(-3.0, 7.0)),
        DepthSpec("m", kind="relative_depth", unit="", bits=8, **relative_scale(0.0, 1.0, bits=8)),
    ]),
)  # fmt: skip
def test_depth_is_that_of_decode_depth(size: tuple[int, int], seed: int, writer: str, spec: DepthSpec) -> None:
    rng = np.random.default_rng(seed)
    stored = (smooth(size, seed).astype(np.uint32) * (spec.levels // 255)).astype(spec.dtype)
    stored[rng.random(size) < 0.2] = 0
    value: Any = {
        "ours": lambda: encode_depth(stored),
        "bands": lambda: BandedDepth(stored).encode(stored, size[0] // 3, size[0]),
        "pillow": lambda: saved(stored, "PNG"),
        "array": lambda: stored,
    }[writer]()
    batch = decode_batch({"fg_bg_depth": [{"bytes": value, "path": None}, value], "x": [1, 2]}, spec)
    expected = decode_depth(stored, spec)
    np.testing.assert_array_equal(batch["fg_bg_depth"], [expected, expected])
    np.testing.assert_array_equal(batch["fg_bg_depth_valid"], [stored > 0] * 2)
    assert batch["x"] == [1, 2]
    assert batch["fg_bg_depth"].dtype == np.float32  # type: ignore[union-attr]


def test_values_are_exact_for_every_stored_number() -> None:
    stored = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    depth = decode_batch({"fg_bg_depth_placed": [encode_depth(stored)]}, METRIC)["fg_bg_depth_placed"]
    np.testing.assert_array_equal(depth, decode_depth(stored, METRIC)[None])


def test_images_that_are_decoded_already_and_files_are_accepted(tmp_path: Path) -> None:
    pixels = smooth((9, 7), 0, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    values = [Image.fromarray(pixels), pixels, {"bytes": None, "path": str(tmp_path / "a.png")}]
    np.testing.assert_array_equal(decode_batch({"fg_bg": values})["fg_bg"], [pixels] * 3)


def test_an_empty_batch_stays_empty() -> None:
    assert decode_batch({"fg_bg": [], "x": []}) == {"fg_bg": [], "x": []}


JPEG = encode_jpeg(Image.fromarray(smooth((40, 40), 1, 3)), 90, "4:2:0")
MASK = encode_mask(smooth((40, 40), 1))
DEPTH = encode_depth(np.full((40, 40), 700, np.uint16) + smooth((40, 40), 1))


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        ("fg_bg", JPEG, JPEG[: len(JPEG) // 2]),
        ("fg_bg", JPEG, JPEG[:30]),
        ("fg_bg", JPEG, JPEG[:-200] + bytes(100) + JPEG[-100:]),
        ("fg_bg", JPEG, b"nothing"),
        ("fg_bg", JPEG, b""),
        ("fg_bg", JPEG, None),
        ("fg_bg_mask", MASK, damaged(MASK)),
        ("fg_bg_mask", MASK, MASK[:60]),
        ("fg_bg_mask", MASK, MASK[:20]),
        ("fg_bg_mask", MASK, JPEG),
        ("fg_bg_mask", MASK, {"bytes": None, "path": None}),
        ("fg_bg_depth", DEPTH, damaged(DEPTH)),
        ("fg_bg_depth", DEPTH, DEPTH[: len(DEPTH) // 2]),
        ("fg_bg_depth", DEPTH, MASK),
        ("fg_bg_depth", DEPTH, JPEG),
        ("fg_bg_depth", DEPTH, None),
    ],
)
def test_damaged_images_are_errors_that_name_the_row(column: str, good: bytes, bad: object) -> None:
    rows = {column: [good, bad], "bg": ["beach", "street"], "fg": ["dog", "cat"], "placement": [0, 3]}
    with pytest.raises((OutputError, DepthError), match=r"^row 1 of the batch \(bg street, fg cat, placement 3\): "):
        decode_batch(rows, METRIC)


def test_images_of_different_sizes_are_an_error() -> None:
    other = encode_jpeg(Image.fromarray(smooth((32, 40), 1, 3)), 90, "4:2:0")
    with pytest.raises(OutputError, match=r"row 1 of the batch: fg_bg is 40x32 pixels, but .* 40x40"):
        decode_batch({"fg_bg": [JPEG, other]})
    with pytest.raises(OutputError, match=r"fg_bg_depth is 40x40 pixels, but .* 8x8"):
        decode_batch({"fg_bg_depth": [encode_depth(np.ones((8, 8), np.uint16)), DEPTH]}, METRIC)


def test_depth_without_a_spec_is_an_error() -> None:
    with pytest.raises(DepthError, match="needs the dataset's depth spec"):
        decode_batch({"fg_bg_depth": [DEPTH]})


def test_rows_of_a_dataset(metric_output: Path) -> None:  # noqa: F811
    manifest = load_manifest(metric_output)
    encoded = load(metric_output, split="train", decode=False)
    arrays = encoded.with_transform(lambda batch: decode_batch(batch, manifest))[:6]
    for index, row in enumerate(load(metric_output, split="train").select(range(6))):
        np.testing.assert_array_equal(arrays["fg_bg"][index], np.asarray(row["fg_bg"]))
        np.testing.assert_array_equal(arrays["fg_bg_mask"][index], np.asarray(row["fg_bg_mask"]))
        np.testing.assert_array_equal(arrays["fg_bg_depth"][index], decode_depth(row["fg_bg_depth"], manifest))
        assert arrays["fg"][index] == row["fg"]


def test_encoded_rows_of_all_splits_and_of_a_stream(metric_output: Path) -> None:  # noqa: F811
    for split in load(metric_output, decode=False).values():
        assert set(split[0]["fg_bg"]) == {"bytes", "path"}
    row = next(iter(load(metric_output, split="train", streaming=True, decode=False)))
    assert row["fg_bg"]["bytes"].startswith(b"\xff\xd8")
    assert isinstance(row["x"], int)


def test_the_manifest_of_something_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="is not a"):
        load_manifest(tmp_path)
    with pytest.raises(HubError, match="is not an existing folder, and not a name on the Hub"):
        load_manifest(tmp_path / "missing")


def test_the_code_of_the_documentation_runs(metric_output: Path) -> None:  # noqa: F811
    page = (Path(__file__).parent.parent / "docs" / "training.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0].replace('"fgbg-dataset"', repr(str(metric_output)))
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["batch"]["fg_bg"].shape == (16, 64, 64, 3)
    assert names["batch"]["fg_bg_depth_placed_valid"].dtype == bool
    assert names["rows"][:2]["fg_bg_depth_placed"].dtype == np.float32
