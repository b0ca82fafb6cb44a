"""docs/study.png: what the networks of some ways predict for unseen rendered scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from benchmarks.study.learning import predict
from benchmarks.study.unseen import Unseen, aligned
from benchmarks.study.ways import FAR_M, NEAR_M, to_distance
from fgbg_depth.depth.colors import colorize
from fgbg_depth.depth.kinds import KINDS
from fgbg_depth.training.network import SmallNet

ROWS, GAP, HEAD = 5, 4, 16


def write_picture(path: Path, networks: dict[str, Path], unseen: Unseen, rows: int = ROWS) -> None:
    """Draw a few scenes, evenly spread over the test set; depth is drawn after scale and shift, near is bright.

    Args:
        networks: the weights by way, in the order in which they are drawn.
    """
    assert unseen.depth_m is not None
    chosen = np.linspace(0, len(unseen.pictures) - 1, rows).round().astype(int)
    pictures, mattes, true = unseen.pictures[chosen], unseen.mattes[chosen], unseen.depth_m[chosen]
    predicted: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for way, file in networks.items():
        network = SmallNet().eval()
        network.load_state_dict(torch.load(file, weights_only=True))
        matte, outputs = predict(network, pictures)
        distances = to_distance(way, outputs)
        depth = [aligned(d, t, t < FAR_M, "affine") for d, t in zip(distances, true, strict=True)]
        predicted[way] = matte, np.stack(depth)
    side = pictures.shape[1]
    titles = ["picture", "true matte", *(f"({way}) matte" for way in networks)]
    titles += ["true depth", *(f"({way}) depth" for way in networks)]
    sheet = Image.new("RGB", (len(titles) * (side + GAP) - GAP, HEAD + rows * (side + GAP) - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for column, title in enumerate(titles):
        draw.text((column * (side + GAP) + 2, 2), title, "black")
    for row in range(rows):
        tiles = [pictures[row], mattes[row], *(np.round(255 * predicted[way][0][row]) for way in networks)]
        near, far = np.percentile(true[row].clip(NEAR_M, FAR_M), (1, 99))
        for depth_m in (true[row], *(predicted[way][1][row] for way in networks)):
            tiles.append(colorize(depth_m.clip(NEAR_M, FAR_M), float(near), float(far), KINDS["metric"]))
        for column, tile in enumerate(tiles):
            image = Image.fromarray(tile.astype(np.uint8)).convert("RGB")
            sheet.paste(image, (column * (side + GAP), HEAD + row * (side + GAP)))
    sheet.quantize(192, dither=Image.Dither.NONE).save(path, optimize=True)
