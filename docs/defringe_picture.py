"""Draw docs/defringe.png: cut-outs with a halo on a saturated background, before and after `defringe`.

    python docs/defringe_picture.py

Bundled cut-outs are placed on white, on black and on a photograph, and cut out again with their own alpha. So the truth
is known, and is the last column.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from PIL import Image, ImageDraw

from fgbg_depth import paths
from fgbg_depth.card.charts import font
from fgbg_depth.sources.defringe import defringe
from fgbg_depth.sources.instances.soft_mask import softened

EXAMPLES = (  # cut-out, old background, the part that is shown: left and top as shares of its width and height
    ("dog", "on white", 0.55, 0.0),
    ("teddy", "on black", 0.25, 0.0),
    ("houseplant", "on a photograph", 0.1, 0.1),
)
COLUMNS = ("with a halo", "defringe: on", "the truth")
GROUND = (20, 120, 255)  # saturated, so that every trace of another colour shows
CELL, HEAD, ZOOM = 330, 30, 4


def main() -> None:
    picture = Image.new("RGB", (CELL * len(COLUMNS), HEAD + CELL * len(EXAMPLES)), "white")
    draw = ImageDraw.Draw(picture)
    for column, title in enumerate(COLUMNS):
        draw.text((CELL * column + CELL // 2, HEAD // 2), title, font=font(18), fill="black", anchor="mm")
    for row, (name, where, left, top) in enumerate(EXAMPLES):
        truth = Image.open(paths.DATA / "foregrounds" / f"{name}.png").convert("RGBA")
        truth = truth.crop(truth.getchannel("A").getbbox())
        truth.putalpha(softened(truth.getchannel("A")))  # a soft edge of 2 to 3 pixels, as matting models make it
        halo = recut(truth, where)
        for column, cutout in enumerate((halo, defringe(halo, "on") or halo, truth)):
            picture.paste(shown(cutout, left, top), (CELL * column, HEAD + CELL * row))
        draw.text((8, HEAD + CELL * row + CELL - 16), f"cut out {where}", font=font(15), fill="white", anchor="lm")
    path = Path(__file__).with_name("defringe.png")
    picture.quantize(200, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def recut(cutout: Image.Image, where: str) -> Image.Image:
    """The cut-out with its old background in its soft edge; transparent pixels are black, as in most files."""
    background = Image.new("RGB", cutout.size, "white" if where == "on white" else "black")
    if where == "on a photograph":
        background = Image.open(paths.DATA / "backgrounds" / "garden.jpg").convert("RGB").resize(cutout.size)
    pixels = np.asarray(cutout).astype(np.float64)
    alpha = pixels[..., 3:] / 255
    colors = np.rint(alpha * pixels[..., :3] + (1 - alpha) * np.asarray(background)) * (alpha > 0)
    return Image.fromarray(np.dstack([colors, pixels[..., 3]]).astype(np.uint8))


def shown(cutout: Image.Image, left: float, top: float) -> Image.Image:
    """A part of the cut-out on the ground colour, enlarged without smoothing."""
    side = CELL // ZOOM
    cell = Image.new("RGB", (side, side), GROUND)
    cell.paste(cutout, (4 - round(left * cutout.width), 4 - round(top * cutout.height)), cutout)
    return cell.resize((CELL, CELL), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
