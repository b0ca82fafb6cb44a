"""Decoding one picture file: every mode becomes RGB or RGBA, upright; other files are refused with a reason."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from tiny import encoded, scene, thing

from fgbg_depth.errors import SourceError
from fgbg_depth.sources import decode
from fgbg_depth.sources.decode import load_rgb, load_rgba

RGB = Image.fromarray(scene(0))
RGBA = Image.fromarray(thing(0))


def png(width: int, height: int, body: bytes, *chunks: bytes, bits: int = 8, color: int = 2) -> bytes:
    """A PNG file with any header and any further chunks."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    "image_format", ["PNG", "BMP", "TIFF", "PPM", "TGA", "GIF", "WEBP", "JPEG", "JPEG2000", "AVIF"]
)
def test_formats(image_format: str) -> None:
    options = (
        {"lossless": True} if image_format == "WEBP" else {"quality": 95} if image_format in ("JPEG", "AVIF") else {}
    )
    pixels = np.asarray(load_rgb(encoded(RGB, image_format, **options)))
    difference = np.abs(pixels.astype(int) - scene(0))
    assert pixels.shape == (40, 56, 3) and difference.mean() < (16 if image_format == "GIF" else 8)
    if image_format in ("PNG", "BMP", "TIFF", "PPM", "TGA", "WEBP"):
        assert difference.max() == 0


def test_the_first_picture_of_an_mpo_file_is_used() -> None:
    both = encoded(RGB, "MPO", save_all=True, append_images=[RGB], quality=95)
    assert np.abs(np.asarray(load_rgb(both)).astype(int) - scene(0)).mean() < 8


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I", "F", "I;16", "LAB", "HSV"])
def test_modes_of_backgrounds(mode: str) -> None:
    if mode in ("I", "I;16"):
        image = Image.fromarray(np.asarray(RGB.convert("L")).astype(np.int32 if mode == "I" else np.uint16) * 257)
    elif mode == "LAB":
        image = ImageCms.profileToProfile(
            RGB, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    else:
        image = RGB.convert(mode)
    if mode == "HSV":
        image = image.convert("RGB")  # no file format stores it
    image_format = "TIFF" if mode in ("F", "CMYK", "LAB") else "PNG"
    loaded = load_rgb(encoded(image, image_format))
    assert loaded.mode == "RGB" and loaded.size == RGB.size
    grey = np.asarray(RGB.convert("L")).astype(int)
    if mode not in ("1", "P"):
        assert np.abs(np.asarray(loaded.convert("L")).astype(int) - grey).mean() < 4, mode


def test_transparent_parts_of_backgrounds_become_white() -> None:
    pixels = thing(0)
    pixels[..., 3] = 0
    assert np.asarray(load_rgb(encoded(Image.fromarray(pixels)))).min() == 255


def palette_with_alpha() -> bytes:
    image = RGBA.convert("RGB").quantize(8)
    return encoded(image, transparency=bytes([0, 64, 128, 255, 255, 255, 255, 255]))


CUTOUTS = {
    "RGBA png": encoded(RGBA),
    "LA png": encoded(RGBA.convert("LA")),
    "RGBA webp": encoded(RGBA, "WEBP", lossless=True),
    "RGBA tiff": encoded(RGBA, "TIFF"),
    "RGBA tga": encoded(RGBA, "TGA"),
    "palette with alpha": palette_with_alpha(),
    "palette, one colour transparent": encoded(RGBA.convert("RGB").quantize(8), transparency=0),
    "gif": encoded(RGBA.convert("RGB").quantize(8), "GIF", transparency=0),
    "grey, one value transparent": encoded(
        Image.fromarray((np.indices((20, 20)).sum(0) * 6).astype(np.uint8)), transparency=60
    ),
    "RGB, one colour transparent": encoded(Image.new("RGB", (20, 20), (9, 9, 9)), transparency=(9, 9, 8))
    and png(
        8,
        8,
        b"".join(b"\0" + bytes([9, 9, 9] * 4 + [1, 2, 3] * 4) for _ in range(8)),
        struct.pack(">I", 6)
        + b"tRNS"
        + bytes([0, 9, 0, 9, 0, 9])
        + struct.pack(">I", zlib.crc32(b"tRNS" + bytes([0, 9, 0, 9, 0, 9]))),
    ),
    "16-bit grey, one value transparent": png(
        8,
        8,
        b"".join(b"\0" + struct.pack(">8H", *[500] * 4, *[40000] * 4) for _ in range(8)),
        struct.pack(">I", 2)
        + b"tRNS"
        + struct.pack(">H", 500)
        + struct.pack(">I", zlib.crc32(b"tRNS" + struct.pack(">H", 500))),
        bits=16,
        color=0,
    ),
    "16-bit RGBA": png(
        8,
        8,
        b"".join(b"\0" + struct.pack(">32H", *[65535, 0, 0, 65535] * 4, *[0] * 16) for _ in range(8)),
        bits=16,
        color=6,
    ),
}


@pytest.mark.parametrize("kind", CUTOUTS)
def test_every_kind_of_transparency(kind: str) -> None:
    image = load_rgba(CUTOUTS[kind])
    low, high = image.getchannel("A").getextrema()
    assert image.mode == "RGBA" and low == 0 and high == 255
    if "16-bit grey" in kind:
        assert image.getpixel((0, 0))[3] == 0 and image.getpixel((7, 0)) == (156, 156, 156, 255)
    if kind.startswith("RGB,"):
        assert image.getpixel((0, 0))[3] == 0 and image.getpixel((7, 0)) == (1, 2, 3, 255)
    if kind == "16-bit RGBA":
        assert image.getpixel((0, 0)) == (255, 0, 0, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pictures_are_turned_upright(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    wide = Image.new("RGBA", (40, 20), (0, 0, 255, 255))
    wide.paste((255, 0, 0, 255), (0, 0, 10, 10))  # red at the top left of the stored pixels
    wide.putpixel((39, 19), (0, 0, 255, 0))
    options = {"exif": exif} | ({"quality": 100} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {})
    data = encoded(wide.convert("RGB") if kind == "JPEG" else wide, kind, **options)
    image = load_rgb(data) if kind == "JPEG" else load_rgba(data).convert("RGB")
    assert image.size == ((20, 40) if orientation >= 5 else (40, 20))
    x = 2 if orientation in (1, 4, 5, 8) else image.width - 3
    y = 2 if orientation in (1, 2, 5, 6) else image.height - 3
    red, _, blue = image.getpixel((x, y))
    assert red > 200 > 60 > blue


def test_an_embedded_profile_is_applied() -> None:
    """sRGB with half its gamma: mid-grey is brighter once it is converted to sRGB, ((128/255 + 0.055) / 1.055)^1.2."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    gamma = profile.index(b"para") + 12  # of all three channels, as a number with 16 binary places
    profile[gamma : gamma + 4] = round(1.2 * 2**16).to_bytes(4, "big")
    renamed = bytes(profile).replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    for image, load in ((Image.new("RGB", (9, 9), (128, 128, 128)), load_rgb), (grey_with_alpha(), load_rgba)):
        color = load(encoded(image, icc_profile=renamed)).getpixel((0, 0))
        assert isinstance(color, tuple) and set(color[:3]) == {181}
        assert load is load_rgb or color[3] == 200


def grey_with_alpha() -> Image.Image:
    return Image.new("RGBA", (9, 9), (128, 128, 128, 200))


def test_an_embedded_profile_of_srgb_and_a_broken_one_change_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    assert np.array_equal(np.asarray(load_rgb(encoded(RGB, icc_profile=srgb.tobytes()))), scene(0))
    broken = load_rgb(encoded(RGB, icc_profile=b"no profile at all" * 10))
    assert np.array_equal(np.asarray(broken), scene(0))


def test_a_large_jpeg_is_decoded_at_a_reduced_size_that_is_large_enough() -> None:
    large = RGB.resize((800, 640))
    assert min(load_rgb(encoded(large, "JPEG"), at_least=64).size) in range(64, 200)
    assert load_rgb(encoded(large, "JPEG")).size == large.size


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\0" * 100, "not a picture"),
        (b"<html>404</html>", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "damaged|not a picture"),
        (encoded(RGB)[:200], "damaged"),
        (encoded(RGB, "JPEG")[:300], "damaged"),
        (encoded(RGB, "JPEG")[:-40], "damaged"),
        (encoded(RGB, "WEBP")[:50], "damaged|not a picture"),
        (encoded(RGB, "TIFF")[:200], "damaged"),
        (encoded(RGB, "GIF")[:900], "damaged"),
        (encoded(RGB, "GIF")[:100], "not a picture"),
        (png(100_000, 100_000, b""), "too large"),
        (png(2**31 - 1, 2**31 - 1, b""), "too large|damaged"),
        (png(0, 5, b""), "damaged|not a picture"),
        (png(5, 5, b"", bits=3), "damaged|not a picture"),
        (b"P6 99999999 99999999 255\n", "too large"),
        (b"P6 10 10 99999999\n" + b"a" * 300, "damaged|not a picture"),
    ],
)
def test_damaged_files_are_refused_with_a_reason(data: bytes, reason: str) -> None:
    for load in (load_rgb, load_rgba):
        with pytest.raises(SourceError, match=reason):
            load(data)


def test_a_huge_picture_is_not_called_an_attack() -> None:
    with pytest.raises(SourceError, match=r"^is too large; at most 134,217,728 pixels are allowed$"):
        load_rgb(png(100_000, 100_000, b""))


def test_too_many_pixels_are_refused_even_if_the_file_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_PIXELS", 999)
    with pytest.raises(SourceError, match="50x20 pixels; at most 999"):
        load_rgb(encoded(Image.new("1", (50, 20))))


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (RGB, r"no transparency \(mode RGB\)"),
        (RGB.convert("RGBA"), "255 everywhere"),
        (Image.new("RGBA", (9, 9)), "fully transparent"),
    ],
)
def test_cutouts_need_transparency(image: Image.Image, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        load_rgba(encoded(image))


def test_pixels_that_are_not_numbers_are_refused() -> None:
    values = np.full((8, 8), np.nan, np.float32)
    with pytest.raises(SourceError, match="not finite numbers"):
        load_rgb(encoded(Image.fromarray(values), "TIFF"))


_FILES = [encoded(RGB, f) for f in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "TGA", "JPEG2000")] + list(
    CUTOUTS.values()
)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150)
@given(
    st.sampled_from(_FILES),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8),
    st.data(),
)
def test_files_with_random_damage_give_a_picture_or_a_reason(
    data: bytes, changes: list[tuple[int, int]], more: st.DataObject
) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    cut = bytes(damaged[: more.draw(st.integers(1, len(damaged)))]) if more.draw(st.booleans()) else bytes(damaged)
    for load, mode in ((load_rgb, "RGB"), (load_rgba, "RGBA")):
        try:
            image = load(cut)
        except SourceError:
            continue
        assert image.mode == mode
        image.tobytes()


@pytest.mark.filterwarnings("ignore")
@given(st.binary(max_size=300))
def test_random_bytes_give_a_picture_or_a_reason(data: bytes) -> None:
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"BM", b"P6 "):
        with contextlib.suppress(SourceError):
            load_rgb(start + data)


def test_a_decoded_picture_does_not_need_its_file() -> None:
    data = io.BytesIO(encoded(RGB))
    image = load_rgb(data.getvalue())
    data.close()
    assert np.array_equal(np.asarray(image), scene(0))
