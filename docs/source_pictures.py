"""Draws the pictures of docs/sources.md: bundled sources with a fault made on purpose, and their cure beside them.

`python docs/source_pictures.py` writes docs/sources/FAULT.jpg. A test checks that `check-sources` finds each fault, and
nothing in the cures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))  # for running it in a checkout

from fgbg_depth import paths  # noqa: E402
from fgbg_depth.card.charts import MUTED, PAPER, font  # noqa: E402

SIDE, GAP, HEAD = 260, 16, 30  # pixels: of a picture, between two, above them
BEHIND = (0, 110, 230)  # what stands for transparency: on a saturated colour halos are seen


def background(name: str) -> Image.Image:
    """A bundled background, RGB."""
    return Image.open(paths.DATA / "backgrounds" / f"{name}.jpg").convert("RGB")


def cutout(name: str, margin: int = 20) -> Image.Image:
    """A bundled cut-out, RGBA, with a transparent margin."""
    image = Image.open(paths.DATA / "foregrounds" / f"{name}.png").convert("RGBA")
    canvas = Image.new("RGBA", (image.width + 2 * margin, image.height + 2 * margin))
    canvas.paste(image, (margin, margin))
    return canvas


def on_color(image: Image.Image, color: tuple[int, int, int]) -> Image.Image:
    """A cut-out on one colour, RGB."""
    return Image.alpha_composite(Image.new("RGBA", image.size, (*color, 255)), image).convert("RGB")


def framed() -> tuple[Image.Image, Image.Image]:
    good = background("meadow")
    bad = Image.new("RGB", good.size, "white")
    bad.paste(good.resize((272, 232), Image.Resampling.LANCZOS), (24, 44))
    return bad, good


def with_text() -> tuple[Image.Image, Image.Image]:
    good = background("avenue").resize((480, 480), Image.Resampling.LANCZOS)
    bad = good.copy()
    ImageDraw.Draw(bad).text((14, 440), "www.example.com No. 18142", font=font(26), fill=(245, 245, 245))
    return bad, good


def on_checkerboard() -> tuple[Image.Image, Image.Image]:
    good = cutout("puppy")
    cells = (np.indices((good.height, good.width)) // 10).sum(0) % 2
    board = Image.fromarray(np.where(cells, 204, 255).astype(np.uint8)).convert("RGBA")
    return Image.alpha_composite(board, good).convert("RGB"), good


def on_white() -> tuple[Image.Image, Image.Image]:
    good = cutout("teddy")
    return on_color(good, (255, 255, 255)), good


def with_halo() -> tuple[Image.Image, Image.Image]:
    good = cutout("dog")
    bad = on_color(good, (255, 255, 255)).convert("RGBA")
    bad.putalpha(good.getchannel("A").filter(ImageFilter.MaxFilter(7)).filter(ImageFilter.GaussianBlur(0.7)))
    return bad, good


def cut_off() -> tuple[Image.Image, Image.Image]:
    good = cutout("woman")
    return good.crop((0, 0, good.width, round(0.55 * good.height))), good


def with_parts() -> tuple[Image.Image, Image.Image]:
    good = cutout("cat")
    bad = Image.new("RGBA", (good.width + 60, good.height))
    bad.paste(good, (0, 0))
    draw = ImageDraw.Draw(bad)
    draw.polygon([(185, 30), (225, 20), (240, 62), (210, 48)], fill=(120, 92, 60, 255))
    draw.ellipse((205, 150, 222, 160), fill=(90, 110, 70, 255))
    return bad, good


def with_holes() -> tuple[Image.Image, Image.Image]:
    good = cutout("rabbit")
    alpha = good.getchannel("A")
    draw = ImageDraw.Draw(alpha)
    for x, y, radius in ((70, 190, 5), (95, 200, 4), (85, 165, 3)):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    bad = good.copy()
    bad.putalpha(alpha)
    return bad, good


def copied() -> tuple[Image.Image, Image.Image]:
    good = background("lake")
    return good.resize((200, 200), Image.Resampling.LANCZOS).transpose(Image.Transpose.FLIP_LEFT_RIGHT), good


def tiny() -> tuple[Image.Image, Image.Image]:
    good = background("town-street")
    return good.resize((40, 40), Image.Resampling.BOX), good


def enlarged() -> tuple[Image.Image, Image.Image]:
    good = cutout("robot", 0)
    return good.convert("RGBa").resize((31, 48), Image.Resampling.BOX).convert("RGBA"), good


def empty() -> tuple[Image.Image, Image.Image]:
    return Image.new("RGB", (320, 320), (206, 212, 214)), background("snow")


# name of the fault: kind of source, and what makes the bad and the good picture
PICTURES: dict[str, tuple[str, Callable[[], tuple[Image.Image, Image.Image]]]] = {
    "empty": ("backgrounds", empty),
    "tiny": ("backgrounds", tiny),
    "enlarged": ("foregrounds", enlarged),
    "frame": ("backgrounds", framed),
    "text": ("backgrounds", with_text),
    "checkerboard": ("foregrounds", on_checkerboard),
    "surround": ("foregrounds", on_white),
    "halo": ("foregrounds", with_halo),
    "cut_off": ("foregrounds", cut_off),
    "parts": ("foregrounds", with_parts),
    "holes": ("foregrounds", with_holes),
    "copy": ("backgrounds", copied),
}


def cell(image: Image.Image) -> Image.Image:
    """The picture, fitted into a square of `SIDE` pixels."""
    factor = SIDE / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    kernel = Image.Resampling.NEAREST if factor > 3 else Image.Resampling.LANCZOS
    rgb = on_color(image, BEHIND) if image.mode == "RGBA" else image
    square = Image.new("RGB", (SIDE, SIDE), BEHIND if image.mode == "RGBA" else (226, 229, 234))
    square.paste(rgb.resize(size, kernel), ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return square


def pair(bad: Image.Image, good: Image.Image) -> Image.Image:
    """Both pictures side by side, with a word above each."""
    sheet = Image.new("RGB", (2 * SIDE + GAP, SIDE + HEAD), PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, (word, image) in enumerate((("fault", bad), ("cured", good))):
        x = i * (SIDE + GAP)
        draw.text((x, 4), word, font=font(18), fill=MUTED)
        sheet.paste(cell(image), (x, HEAD))
    return sheet


def main() -> None:
    folder = DOCS / "sources"
    folder.mkdir(exist_ok=True)
    for name, (_, make) in PICTURES.items():
        pair(*make()).save(folder / f"{name}.jpg", quality=84, optimize=True)


if __name__ == "__main__":
    main()
