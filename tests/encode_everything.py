"""Hash files of every stored kind; test_codecs.py runs this in several processes and compares."""

import hashlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from fgbg_depth.render.codecs import encode_image
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
    return h.hexdigest()


if __name__ == "__main__":
    print(digest_of_everything())
