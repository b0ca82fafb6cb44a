"""Time and size of several image encoders on composites, mattes and depth maps.

    python benchmarks/encoders.py [--images 12] [--repeats 5]
    python benchmarks/encoders.py --processes 300     # only: are bytes and decoded pixels equal in so many processes?

Rows marked (fgbg-depth) are what the package uses; the others, such as ISA-L, are for comparison only. The composites
and mattes are made from the bundled sources at 224x224. The depth maps are the exact ones of the bundled backgrounds,
which are smooth; those of a model are noisier and up to three times as large. Times are medians of CPU time. Lossless
images are decoded and compared.
"""

from __future__ import annotations

import argparse
import io
import statistics
import struct
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from isal import isal_zlib
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from table import hardware, print_head, print_row

from fgbg_depth import paths
from fgbg_depth.plan import make_plan
from fgbg_depth.recipe import Recipe
from fgbg_depth.render import codecs, png
from fgbg_depth.render.compose import compose_rows
from fgbg_depth.sources.load import load_sources
from fgbg_depth.sources.prepared import Prepared
from fgbg_depth.statistics import Sums

SIZE = 224
Encode = Callable[[np.ndarray], bytes]


def pictures(count: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Composites (H, W, 3) uint8 without JPEG loss, mattes (H, W) uint8, depth maps (H, W) uint16 (metres x 256)."""
    recipe = Recipe(size=SIZE, placements=1, mirror=False, image_format="png", depth_model="none")
    plan = make_plan(recipe, load_sources(recipe), None)
    prepared, sums = Prepared.of(plan.sources), Sums(SIZE)
    images, mattes, depths = [], [], []
    for bg, fg in zip(plan.sources.backgrounds[:count], plan.sources.cutouts[:count], strict=False):
        row = next(compose_rows(recipe, prepared.background(bg.name), [prepared.cutout(fg.name)], sums))
        images.append(codecs.decode_rgb(row["fg_bg"]["bytes"]))
        mattes.append(codecs.decode_grey(row["fg_bg_mask"]["bytes"]))
    folder = paths.DATA / "backgrounds_depth"
    for file in sorted(folder.glob("*.png"))[:count]:
        depth = np.asarray(Image.open(file)).astype(np.float32)
        resized = Image.fromarray(depth).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        depths.append(np.clip(np.asarray(resized), 0, 65535).astype(np.uint16))
    return images, mattes, depths


def png_with(compress: Callable[[memoryview], bytes], up: bool) -> Encode:
    """An encoder to grey PNG that compresses the scanlines with `compress`, filtered by Up or not at all."""

    def encode(values: np.ndarray) -> bytes:
        height, width = values.shape
        bits = 8 * values.dtype.itemsize
        flat = values.astype(f">u{bits // 8}").view(np.uint8).reshape(height, -1)
        rows = np.zeros((height, flat.shape[1] + 1), np.uint8)
        rows[:, 1:] = flat
        if up:
            rows[:, 0] = 2
            rows[1:, 1:] = flat[1:] - flat[:-1]
        header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", compress(rows.data)), (b"IEND", b""))
        body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
        return b"\x89PNG\r\n\x1a\n" + body

    return encode


def with_pillow(image_format: str, **options: int) -> Encode:
    """Pillow's encoder with these options."""

    def encode(values: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, image_format, **options)
        return buffer.getvalue()

    return encode


def jpeg(quality: int, subsampling: str) -> Encode:
    """The package's JPEG encoder."""
    return lambda pixels: codecs.encode_image(Image.fromarray(pixels), "jpeg", quality, subsampling)


def compare(title: str, images: list[np.ndarray], encoders: dict[str, Encode], lossless: bool, repeats: int) -> None:
    """Print one row for each encoder; the last encoder is the baseline of the others."""
    times: dict[str, list[float]] = {name: [] for name in encoders}
    sizes: dict[str, float] = {}
    for name, encode in encoders.items():
        encoded = [encode(image) for image in images]
        sizes[name] = sum(map(len, encoded)) / len(encoded)
        if lossless:
            for data, image in zip(encoded, images, strict=True):
                decoded = np.asarray(Image.open(io.BytesIO(data)))
                assert np.array_equal(decoded, image), f"{title}, {name}: the decoded image differs"
    for _ in range(repeats):
        for name, encode in encoders.items():
            start = time.process_time()
            for image in images:
                encode(image)
            times[name].append((time.process_time() - start) / len(images))
    base_name = list(encoders)[-1]
    base_s = statistics.median(times[base_name])
    for name in encoders:
        median_s = statistics.median(times[name])
        print_row(
            f"encode {title}: {name}",
            f"{median_s * 1e6:,.0f} us, {sizes[name] / 1e3:.1f} kB",
            "" if name == base_name else f"{base_name}: {base_s * 1e6:,.0f} us, {sizes[base_name] / 1e3:.1f} kB",
            f"{base_s / median_s:.1f} x",
        )


def compare_processes(count: int) -> None:
    """Print how many of new processes give the same files, decoded pixels and statistics."""
    command = [sys.executable, str(Path(__file__).parent.parent / "tests" / "encode_everything.py")]
    digests = Counter(subprocess.run(command, capture_output=True, check=True).stdout for _ in range(count))
    most = digests.most_common(1)[0][1]
    print(f"{most} of {count} processes encoded and decoded the same")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=12, help="images of each kind (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="alternating repeats (default: %(default)s)")
    parser.add_argument("--processes", type=int, help="compare what so many new processes encode and decode")
    options = parser.parse_args()
    if options.processes:
        compare_processes(options.processes)
        return
    images, mattes, depths = pictures(options.images)
    print(hardware())
    print_head()
    encoders: dict[str, Encode] = {
        "zlib, run-length (fgbg-depth)": png.encode_mask,
        "zlib level 1": png_with(lambda rows: zlib.compress(rows, 1), up=False),
        "Pillow, default": with_pillow("PNG"),
    }
    compare("8-bit matte", mattes, encoders, True, options.repeats)
    encoders = {
        "libdeflate level 1, Up (fgbg-depth)": png.encode_depth,
        "ISA-L level 3, Up": png_with(lambda rows: isal_zlib.compress(rows, 3), up=True),
        "zlib level 1, Up": png_with(lambda rows: zlib.compress(rows, 1), up=True),
        "Pillow, level 1": with_pillow("PNG", compress_level=1),
        "Pillow, default": with_pillow("PNG"),
    }
    compare("16-bit depth", depths, encoders, True, options.repeats)
    encoders = {
        "JPEG q90 4:2:0 (fgbg-depth)": jpeg(90, "4:2:0"),
        "JPEG q95 4:4:4": jpeg(95, "4:4:4"),
        "JPEG q30 4:2:0": jpeg(30, "4:2:0"),
        "PNG, libdeflate level 1 (image_format: png)": png.encode_rgb_png,
        "PNG, Pillow default": with_pillow("PNG"),
    }
    compare("RGB composite", images, encoders, False, options.repeats)


if __name__ == "__main__":
    main()
