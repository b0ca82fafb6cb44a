"""Outputs to push: real builds of tiny images without depth, made in seconds."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from fgbg_depth.builder.pipeline import build
from fgbg_depth.recipe import from_dict


def make_sources(folder: Path, num_bg: int, num_fg: int = 2, size_px: int = 32) -> None:
    """Write backgrounds and cut-outs of noise. Larger numbers add images and leave the others unchanged."""
    (folder / "bg").mkdir(parents=True, exist_ok=True)
    (folder / "fg").mkdir(exist_ok=True)
    for i in range(num_bg):
        pixels = np.random.default_rng(i).integers(0, 256, (size_px, size_px, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "bg" / f"scene_{i:03d}.png")
    for i in range(num_fg):
        pixels = np.random.default_rng(1000 + i).integers(0, 256, (size_px, size_px, 4), np.uint8)
        pixels[:, : size_px // 2, 3] = 255
        pixels[0] = 0
        Image.fromarray(pixels).save(folder / "fg" / f"thing_{i}.png")


def make_output(folder: Path, num_bg: int = 3, **changes: object) -> Path:
    """Build `folder/out` from `num_bg` backgrounds, one shard each. A second call adds the missing shards."""
    make_sources(folder, num_bg)
    return build_again(folder, **changes)


def build_again(folder: Path, **changes: object) -> Path:
    """Build `folder/out` from the existing sources."""
    values = {
        "name": "scenes",
        "backgrounds": str(folder / "bg"),
        "foregrounds": str(folder / "fg"),
        "size": 32,
        "placements": 2,
        "holdout": 0,
        "depth_model": "none",
        "license": "cc-by-4.0",
    }
    build(from_dict(values | changes), folder / "out", workers=1, progress=False, log=lambda text: None, replace=True)
    return folder / "out"


def grow(folder: Path) -> None:
    """Replace `folder/out` by the build with one more background, as a second build would."""
    shutil.rmtree(folder / "out")
    shutil.copytree(folder / "grown", folder / "out")


def make_large_output(folder: Path, num_shards: int, total_bytes: int) -> Path:
    """An output whose shards are padded to `total_bytes` as sparse files, which use no disk space."""
    output = make_output(folder, num_shards)
    statistics = json.loads((output / "statistics.json").read_text())
    for path, entry in statistics["shards"].items():
        with open(output / path, "r+b") as file:
            file.truncate(total_bytes // num_shards)
            entry["bytes"] = total_bytes // num_shards
            entry["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    (output / "statistics.json").write_text(json.dumps(statistics))
    return output
