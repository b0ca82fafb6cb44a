"""Bad input of every kind gives the right result, or a message that names the file and says what to do.

Exit code 1 or 2, no traceback, and no output that could be taken for a whole one.
"""

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import encoded, make_sources, quiet_build, save, scene, thing, tiny_recipe, tree

from fgbg_depth.cli.main import main

RGB, RGBA = Image.fromarray(scene(5)), Image.fromarray(thing(5))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_sources(tmp_path, 2, 2)


def run(folder: Path, *more: str) -> int:
    words = [
        "build",
        "--backgrounds",
        str(folder / "bg"),
        "--foregrounds",
        str(folder / "fg"),
        "--output",
        str(folder / "out"),
    ]
    return main([*words, "--size", "32", "--placements", "1", "--depth-model", "none", "--workers", "1", *more])


def png(
    width: int, height: int, body: bytes = b"", bits: int = 8, color: int = 6, more: bytes = b"", crc: int = 0
) -> bytes:
    """A PNG with any header, chunks and sums."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ crc)

    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    )


def text_bomb() -> bytes:
    """A compressed text of 200 MB inside a small PNG."""
    data = b"Comment\0\0" + zlib.compress(b"a" * 200_000_000, 9)
    chunk = struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))
    return png(8, 8, b"\0" * 8 * 33, more=chunk)


def jpeg_with(marker: int, payload: bytes) -> bytes:
    """A JPEG with a hostile segment right after its start."""
    data = encoded(RGB, "JPEG")
    return data[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload + data[2:]


def patched(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


def jpeg_sized(width: int, height: int) -> bytes:
    data = bytearray(encoded(RGB, "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


# every one of these must be named as bad, whatever the reason given
BAD_BACKGROUNDS: dict[str, bytes] = {
    "empty.png": b"",
    "zeros.jpg": b"\0" * 5000,
    "page.jpg": b"<!DOCTYPE html><title>404</title>",
    "script.png": b"#!/bin/sh\nrm -rf /\n",
    "zip.png": b"PK\x03\x04" + b"\0" * 100,
    "pdf.jpg": b"%PDF-1.7\n%\xff\xff",
    "lfs-pointer.png": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123\n",
    "only-signature.png": b"\x89PNG\r\n\x1a\n",
    "half.png": encoded(RGB)[: len(encoded(RGB)) // 2],
    "half.jpg": encoded(RGB, "JPEG")[:400],
    "no-end.jpg": encoded(RGB, "JPEG")[:-30],
    "half.webp": encoded(RGB, "WEBP")[:100],
    "half.gif": encoded(RGB, "GIF")[:900],
    "half.tif": encoded(RGB, "TIFF")[:300],
    "half.bmp": encoded(RGB, "BMP")[:300],
    "half.tga": encoded(RGB, "TGA")[:10],
    "half.ppm": encoded(RGB, "PPM")[:100],
    "half.jp2": encoded(RGB, "JPEG2000")[:90],
    "half.avif": encoded(RGB, "AVIF")[:120],
    "bomb.png": png(60_000, 60_000),
    "bomb-billions.png": png(2**31 - 1, 2**31 - 1),
    "bomb.jpg": jpeg_sized(65_000, 65_000),
    "bomb.ppm": b"P6 99999 99999 255\n",
    "bomb.bmp": patched(encoded(RGB, "BMP"), struct.pack("<ii", 56, 40), struct.pack("<ii", 2**30, 2**30)),
    "bomb.gif": patched(encoded(RGB, "GIF"), struct.pack("<HH", 56, 40), struct.pack("<HH", 65_535, 65_535)),
    "text-bomb.png": text_bomb(),
    "no-size.png": png(0, 0),
    "odd-bits.png": png(5, 5, bits=7),
    "odd-color.png": png(5, 5, color=5),
    "wrong-sum.png": png(5, 5, b"\0" * 105, crc=1),
    "not-deflate.png": patched(
        png(5, 5, b"\0" * 105), zlib.compress(b"\0" * 105), b"\0" * len(zlib.compress(b"\0" * 105))
    ),
    "no-size.jpg": jpeg_sized(0, 0),
    "tiny.png": encoded(RGB.resize((1, 1))),
    "line.png": encoded(RGB.resize((300, 2))),
    "not-numbers.tif": encoded(Image.fromarray(np.full((9, 9), np.nan, np.float32)), "TIFF"),
}

BAD_CUTOUTS: dict[str, bytes] = {
    "opaque.png": encoded(RGB),
    "opaque-alpha.png": encoded(RGB.convert("RGBA")),
    "photo.jpg": encoded(RGB, "JPEG"),
    "grey.png": encoded(RGB.convert("L")),
    "palette.png": encoded(RGB.quantize(8)),
    "clear.png": encoded(Image.new("RGBA", (30, 30))),
    "nearly-clear.png": encoded(Image.new("RGBA", (30, 30), (9, 9, 9, 4))),
    "faint.png": encoded(Image.new("RGBA", (30, 30), (9, 9, 9, 100))),
    "dot.png": encoded(Image.fromarray(np.pad(np.full((1, 1, 4), 255, np.uint8), ((9, 9), (9, 9), (0, 0))))),
    "thread.png": encoded(Image.fromarray(np.pad(np.full((30, 1, 4), 255, np.uint8), ((3, 3), (9, 9), (0, 0))))),
    "half.png": encoded(RGBA)[:150],
    "bomb.png": png(60_000, 60_000),
}


@pytest.mark.parametrize(
    ("kind", "name"), [("bg", n) for n in BAD_BACKGROUNDS] + [("fg", n) for n in BAD_CUTOUTS], ids=lambda v: v
)
def test_bad_files_are_named(folder: Path, kind: str, name: str, capsys: pytest.CaptureFixture) -> None:
    data = (BAD_BACKGROUNDS if kind == "bg" else BAD_CUTOUTS)[name]
    (folder / kind / name).write_bytes(data)
    assert run(folder) == 1
    errors = capsys.readouterr().err
    assert f"  {name} " in errors and "--skip-bad" in errors and "Traceback" not in errors
    assert tree(folder / "out") == {}, "something was written"


def test_all_of_them_at_once_and_left_out(folder: Path, capsys: pytest.CaptureFixture) -> None:
    for kind, files in (("bg", BAD_BACKGROUNDS), ("fg", BAD_CUTOUTS)):
        for name, data in files.items():
            (folder / kind / name).write_bytes(data)
    assert run(folder) == 1
    count = len(BAD_BACKGROUNDS) + len(BAD_CUTOUTS)
    assert f"{count} source files cannot be used" in capsys.readouterr().err
    assert run(folder, "--skip-bad") == 0
    assert f"Skipped {count} bad source files" in capsys.readouterr().out
    statistics = json.loads((folder / "out" / "statistics.json").read_text())
    assert len(statistics["skipped"]) == count and statistics["rows"] == 2 * 2 * 2
    card = (folder / "out" / "README.md").read_text()
    assert "text-bomb.png" in card and "opaque.png" in card


# odd, but usable: these must be used
ODD_BACKGROUNDS: dict[str, bytes] = {
    "cmyk.jpg": encoded(RGB.convert("CMYK"), "JPEG"),
    "grey.jpg": encoded(RGB.convert("L"), "JPEG"),
    "progressive.jpg": encoded(RGB, "JPEG", progressive=True),
    "1-bit.png": encoded(RGB.convert("1")),
    "palette.png": encoded(RGB.quantize(16)),
    "16-bit.png": encoded(Image.fromarray(np.asarray(RGB.convert("L")).astype(np.uint16) * 257)),
    "with-alpha.png": encoded(RGBA),
    "grey-alpha.png": encoded(RGBA.convert("LA")),
    "animated.gif": encoded(RGB, "GIF", save_all=True, append_images=[RGB.rotate(9)]),
    "pages.tif": encoded(RGB, "TIFF", save_all=True, append_images=[RGB]),
    "float.tif": encoded(Image.fromarray((np.asarray(RGB.convert("L")) / 255).astype(np.float32)), "TIFF"),
    "named-png-is-jpeg.png": encoded(RGB, "JPEG"),
    "named-jpeg-is-webp.jpg": encoded(RGB, "WEBP"),
    "broken-profile.png": encoded(RGB, icc_profile=b"not a profile" * 9),
    "broken-exif.jpg": jpeg_with(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff"),
    "odd-app-segment.jpg": jpeg_with(0xED, b"Photoshop 3.0\0" + b"\xff" * 40),
    "trailing-rubbish.jpg": encoded(RGB, "JPEG") + b"\xff\xd8 more" * 100,
    "trailing-rubbish.png": encoded(RGB) + b"<?php ?>",
    "wide.png": encoded(RGB.resize((3000, 8))),
    "UPPER.PNG": encoded(RGB),
}


@pytest.mark.parametrize("name", ODD_BACKGROUNDS)
@pytest.mark.slow
def test_odd_files_are_used(folder: Path, name: str) -> None:
    (folder / "bg" / name).write_bytes(ODD_BACKGROUNDS[name])
    assert run(folder) == 0
    sources = json.loads((folder / "out" / "statistics.json").read_text())["sources"]["bg"]
    assert name.removesuffix(".jpg") in sources


AWKWARD = [
    "with space", "quote's", 'double"quote', "semi;colon", "$HOME", "`id`", "a&b", "star*", "what?",
    "back\\slash", "pipe|x", "<b>bold", "[link](javascript:x)", "{{ jinja }}", "{% raw %}", "#hash", "--output",
    "-rf", "~", "a..b", "%2e%2e", "@", ":", "tab\there", "line\nbreak", "esc\x1b[31m", "nul-like\x01", "日本語",
    "emoji\N{SLICE OF PIZZA}", "e\u0301", "\u202egnp", "\u200b", "null", "true", "1e5", "x" * 200, " lead",
    "trail ", "con", "aux.x", "'; DROP TABLE rows; --",
]  # fmt: skip


@pytest.mark.slow
def test_awkward_names(folder: Path, capsys: pytest.CaptureFixture) -> None:
    """All of them in one build: each source has its own name, and the card and the dataset can be opened."""
    import datasets

    for index, name in enumerate(AWKWARD):
        (folder / "bg" / f"{name}.png").write_bytes(encoded(Image.fromarray(scene(index))))
        (folder / "fg" / f"{name}.png").write_bytes(encoded(Image.fromarray(thing(index))))
    with open(os.fsencode(folder / "bg") + b"/latin-\xe9.png", "wb") as f:
        f.write(encoded(RGB))
    assert run(folder) == 0
    printed = capsys.readouterr()
    assert "\x1b" not in printed.err + printed.out
    statistics = json.loads((folder / "out" / "statistics.json").read_text())
    assert len(statistics["sources"]["bg"]) == len(AWKWARD) + 3
    names = {name for name in statistics["sources"]["bg"] if not name.isprintable()}
    assert not names
    rows = datasets.load_dataset(str(folder / "out"), split="train", cache_dir=str(folder / "cache"))
    held = {n for n, s in statistics["sources"]["bg"].items() if s["held_out"]}
    assert set(rows["bg"]) == statistics["sources"]["bg"].keys() - held
    card = (folder / "out" / "README.md").read_text()
    assert "<b>bold" not in card.split("---", 2)[2].replace("`<b>bold", ""), "markup of a name would be rendered"


def test_names_that_differ_by_case_only(folder: Path) -> None:
    for index, name in enumerate(("Cat.png", "cat.png", "CAT.png", "cat.PNG")):
        save(thing(index), folder / "fg" / name)
    assert run(folder) == 0
    paths = [p.name for p in (folder / "out" / "data").iterdir()]
    assert len({p.lower() for p in paths}) == len(paths)
    assert len(json.loads((folder / "out" / "statistics.json").read_text())["sources"]["fg"]) == 6


def make_loop(folder: Path) -> None:
    (folder / "bg" / "loop").symlink_to(folder / "bg")
    (folder / "bg" / "self.png").symlink_to(folder / "bg" / "self.png")


FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link to nothing": (lambda f: (f / "bg" / "gone.png").symlink_to(f / "no.png"), "gone.png"),
    "links in a circle": (make_loop, "self.png"),
    "a folder named as a picture, and nothing else": (
        lambda f: [p.unlink() for p in (f / "bg").iterdir()] and (f / "bg" / "a.png").mkdir(),
        "no picture",
    ),
    "no picture at all": (lambda f: [p.rename(p.with_suffix(".txt")) for p in (f / "bg").iterdir()], "2 .txt"),
    "only hidden pictures": (
        lambda f: [p.rename(p.with_name(f".{p.name}")) for p in (f / "bg").iterdir()],
        "no file at all",
    ),
    "a file instead of a folder": (
        lambda f: ([p.unlink() for p in (f / "bg").iterdir()] and (f / "bg").rmdir()) or (f / "bg").write_text("x"),
        "not a folder",
    ),
    "the output is a file": (lambda f: (f / "out").write_text("x"), "out"),
    "the output is somebody's folder": (lambda f: save(scene(0), f / "out" / "photo.png"), "not made by fgbg-depth"),
    "a folder where a file goes": (lambda f: (f / "out" / "recipe.yaml").mkdir(parents=True), "recipe.yaml"),
}


@pytest.mark.parametrize("what", FOLDERS)
def test_bad_folders(folder: Path, what: str, capsys: pytest.CaptureFixture) -> None:
    disturb, says = FOLDERS[what]
    disturb(folder)
    assert run(folder) == 1
    errors = capsys.readouterr().err
    assert says in errors and "Traceback" not in errors
    assert not (folder / "out" / "statistics.json").exists()


BAD_RECIPES: dict[str, str] = {
    "a list": "- size: 5",
    "a text": "just words",
    "a number": "5",
    "wrong type": "size: big",
    "a list for a number": "size: [1, 2]",
    "unknown key": "sise: 5",
    "out of range": "size: 5",
    "not a number": "holdout: .nan",
    "infinite": "foreground_max: .inf",
    "a date": "name: 2024-01-01",
    "an impossible date": "name: 2024-99-99",
    "python object": "name: !!python/object/apply:os.system [id]",
    "python name": "name: !!python/name:os.system",
    "unknown tag": "name: !custom 5",
    "unclosed": "name: [1, 2",
    "tabs": "name:\t- x\n\t y",
    "undefined alias": "name: *nowhere",
    "billion laughs": "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nname: *c",
    "deep nesting": "name: " + "[" * 3000,
    "two documents": "size: 64\n---\nsize: 32",
    "control characters": 'name: "a\\u0000b"',
    "a key twice with a mapping": "? {a: 1}\n: 2",
    "a huge number": "seed: 1" + "0" * 5000,
    "not UTF-8": "name: \udcff",
}


@pytest.mark.parametrize("what", BAD_RECIPES)
def test_bad_recipes(folder: Path, what: str, capsys: pytest.CaptureFixture) -> None:
    path = folder / "recipe.yaml"
    path.write_bytes(BAD_RECIPES[what].encode("utf-8", "surrogateescape"))
    assert main(["build", "--recipe", str(path), "--output", str(folder / "out")]) == 2
    errors = capsys.readouterr().err
    assert "recipe.yaml" in errors and "Traceback" not in errors and len(errors) < 5000
    assert not (folder / "out").exists()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "statistics.json is not JSON": lambda out: (out / "statistics.json").write_text("{"),
    "statistics.json is a list": lambda out: (out / "statistics.json").write_text("[]"),
    "statistics.json is empty": lambda out: (out / "statistics.json").write_text(""),
    "statistics.json has other types": lambda out: (out / "statistics.json").write_text('{"shards": 5, "files": []}'),
    "statistics.json names odd shards": lambda out: (out / "statistics.json").write_text('{"shards": {"x": 5}}'),
    "recipe.yaml is rubbish": lambda out: (out / "recipe.yaml").write_text("\0\0"),
    "recipe.yaml is binary": lambda out: (out / "recipe.yaml").write_bytes(b"\xff\xfe"),
    "README.md is binary": lambda out: (out / "README.md").write_bytes(b"\xff\xfe\0"),
    "a picture is empty": lambda out: (out / "assets" / "banner.png").write_bytes(b""),
    "a prepared file is empty": lambda out: next((out / "bg").iterdir()).write_bytes(b""),
    "a slice's note is rubbish": lambda out: (out / ".slice-1.json").write_text("x"),
    "notes of the build before are a list": lambda out: (out / ".earlier.json").write_text("[5]"),
    "notes of slices have other types": lambda out: (out / ".slice-2.json").write_text('{"data/x": {"bytes": 5}}'),
}


@pytest.mark.parametrize("what", DAMAGE)
@pytest.mark.slow
def test_damaged_outputs_are_mended_or_named(folder: Path, what: str, capsys: pytest.CaptureFixture) -> None:
    """With a changed recipe every file is read again. `verify` has its own tests."""
    quiet_build(tiny_recipe(folder, placements=1, holdout=0), folder / "out")
    DAMAGE[what](folder / "out")
    code = run(folder, "--name", "tiny", "--holdout", "0", "--license", "mit")
    errors = capsys.readouterr().err
    assert "Traceback" not in errors
    if code:
        assert code == 1 and str(folder / "out") in errors
    else:
        fresh = folder / "fresh"
        quiet_build(tiny_recipe(folder, placements=1, holdout=0, license="mit"), fresh)
        assert {n: d for n, d in tree(folder / "out").items() if n.endswith((".parquet", ".json"))} == {
            n: d for n, d in tree(fresh).items() if n.endswith((".parquet", ".json"))
        }


def test_enough_kinds() -> None:
    kinds = (BAD_BACKGROUNDS, BAD_CUTOUTS, ODD_BACKGROUNDS, AWKWARD, FOLDERS, BAD_RECIPES, DAMAGE)
    assert sum(map(len, kinds)) >= 140


@pytest.mark.slow
def test_thousands_of_files(tmp_path: Path) -> None:
    """With three thousand backgrounds not all of them are decoded in memory at once, and no step is quadratic."""
    make_sources(tmp_path, 1, 1)
    data = (tmp_path / "bg" / "scene_00.png").read_bytes()
    for i in range(3000):
        (tmp_path / "bg" / f"s{i:05d}.png").write_bytes(data + i.to_bytes(4, "big"))
    result = quiet_build(tiny_recipe(tmp_path, placements=1, holdout=0.1, size=16), tmp_path / "out")
    assert result.rows == 3001 * 2
