"""Hash files of every stored kind, their decoded pixels and statistics of them; run in many processes and compared."""

import hashlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from fgbg_depth.render.codecs import decode_rgb, encode_image
from fgbg_depth.render.jpeg_strips import JpegStrips, StripCounts
from fgbg_depth.render.png import encode_depth, encode_mask, encode_png


def digest_of_everything() -> str:
    h = hashlib.sha256()
    for i in range(3):
        rng = np.random.default_rng(i)
        y, x = np.mgrid[-1.2:1.2:224j, -1.2:1.2:224j]
        wave = 128 + 60 * np.sin(9 * x + i) + 40 * np.cos(11 * y) + rng.normal(0, 6, x.shape)
        grey = np.clip(wave, 0, 255).astype(np.uint8)
        alpha = (np.clip((1 - np.hypot(x, y)) * 20, 0, 1) * 255).astype(np.uint8)
        image, cutout = (
            Image.fromarray(np.dstack(c)) for c in ([grey, grey.T, 255 - grey], [grey, grey.T, grey, alpha])
        )
        for data in (
            encode_png(image),
            encode_png(cutout),
            encode_mask(alpha),
            encode_depth(grey.astype(np.uint16) * 200),
            encode_image(image, "jpeg", 90, "4:2:0"),
            encode_image(image, "jpeg", 90, "4:4:4"),
            encode_image(image, "png", 90, "4:2:0"),
        ):
            h.update(data)
        for subsampling in ("4:2:0", "4:4:4"):
            h.update(decode_rgb(encode_image(image, "jpeg", 90, subsampling)).tobytes())
            h.update(counted_strips(image, subsampling))
    return h.hexdigest()


def counted_strips(image: Image.Image, subsampling: str) -> bytes:
    """The histogram of some composites of which only strips are encoded and decoded."""
    strips = JpegStrips(image, 90, subsampling)
    counts = StripCounts(strips)
    for top in range(0, 200, 9):
        span = strips.span(top, top + 20)
        (rows,) = strips.encode(image.transpose(Image.Transpose.ROTATE_180).crop(strips.strip_box(span)), [span])
        counts.add(rows, span)
    return counts.histogram().tobytes()


if __name__ == "__main__":
    print(digest_of_everything())
