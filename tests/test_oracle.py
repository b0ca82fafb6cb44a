"""A dataset checked against the words of its card alone.

Nothing of `fgbg_depth` computes an expected value here: the formulas are those of the card's section "How the data was
made", in plain numpy over what `pyarrow` and Pillow read. The builder makes the dataset, and that is all it does.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tiny import make_sources, quiet_build, save, tiny_recipe

CLIPPED = {"placements": 6, "visible_min": 0.6}
RECIPES: dict[str, dict[str, Any]] = {
    "png": {"image_format": "png", "placements": 6},
    "jpeg, clipped by the frame": {"image_format": "jpeg", "jpeg_quality": 92, "jpeg_subsampling": "4:4:4", **CLIPPED},
    "ground": {
        "image_format": "png",
        "placements": 40,
        "placement_mode": "ground",
        "ground_band": [0.7, 0.95],
        "foreground_min": 0.2,
        "foreground_max": 0.4,
        "holdout": 0.0,
    },
}


@pytest.fixture(scope="module", params=RECIPES, ids=lambda name: name.split(",")[0])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("oracle")
    make_sources(folder, 5, 5)
    rng = np.random.default_rng(0)
    soft = rng.integers(0, 256, (30, 30, 4), np.uint8)  # every alpha from 0 to 255 beside every colour
    save(soft, folder / "fg" / "noise.png")
    changes = RECIPES[request.param]
    quiet_build(tiny_recipe(folder, **changes), folder / "out")
    return folder / "out", changes


def table(output: Path, config: str) -> list[dict[str, Any]]:
    files = sorted((output / config).glob("*.parquet"))
    return list(pa.concat_tables(pq.read_table(file) for file in files).to_pylist())


def pixels(image: dict[str, Any]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(image["bytes"])))


def over(row: dict[str, Any], bg: dict[str, np.ndarray], fg: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """fg_bg before its compression, and fg_bg_mask: a F + (1 - a) B, and 255 a, rounded."""
    cutout = fg[row["fg"]][:, ::-1] if row["flip"] else fg[row["fg"]]
    picture = bg[row["bg"]].astype(np.float64)
    mask = np.zeros(picture.shape[:2])
    for i in range(cutout.shape[0]):
        for j in range(cutout.shape[1]):
            y, x = row["y"] + i, row["x"] + j
            if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]:
                a = cutout[i, j, 3] / 255
                picture[y, x] = a * cutout[i, j, :3] + (1 - a) * picture[y, x]
                mask[y, x] = cutout[i, j, 3]
    return np.floor(picture + 0.5).astype(np.uint8), mask.astype(np.uint8)


def test_composites_and_mattes_are_what_the_card_says(made: tuple[Path, dict[str, Any]]) -> None:
    output, changes = made
    bg, fg = ({row["name"]: pixels(row["image"]) for row in table(output, config)} for config in ("bg", "fg"))
    rows = table(output, "data")[::3]
    assert len(rows) >= 100
    for row in rows:
        picture, mask = over(row, bg, fg)
        assert (pixels(row["fg_bg_mask"]) == mask).all()
        stored = pixels(row["fg_bg"])
        if changes["image_format"] == "png":
            assert (stored == picture).all()
        else:  # the same picture through Pillow's encoder, decoded
            buffer = io.BytesIO()
            Image.fromarray(picture).save(buffer, "JPEG", quality=changes["jpeg_quality"], subsampling="4:4:4")
            assert (stored == np.asarray(Image.open(buffer))).all()
    assert {row["name"]: (row["width"], row["height"]) for row in table(output, "fg")} == {
        row["fg"]: (row["width"], row["height"]) for row in table(output, "data")
    }


def test_statistics_are_those_of_the_stored_pixels(made: tuple[Path, dict[str, Any]]) -> None:
    output, _ = made
    statistics = json.loads((output / "statistics.json").read_text())
    tables = {"bg": table(output, "bg"), "fg": table(output, "fg"), "data": table(output, "data")}
    images = {
        "bg": [pixels(row["image"]) for row in tables["bg"]],
        "fg": [pixels(row["image"]) for row in tables["fg"]],
        "fg_bg": [pixels(row["fg_bg"]) for row in tables["data"]],
        "fg_bg_mask": [pixels(row["fg_bg_mask"]) for row in tables["data"]],
    }
    for kind, arrays in images.items():
        flat = np.concatenate([a.reshape(-1, a.shape[2] if a.ndim == 3 else 1) for a in arrays]) / 255
        stated = statistics["kinds"][kind]
        assert stated["count"] == len(arrays)
        np.testing.assert_allclose(stated["mean"], flat.mean(axis=0), atol=1e-9)
        np.testing.assert_allclose(stated["std"], flat.std(axis=0), atol=1e-9)
    assert statistics["coverage"]["mean"] == pytest.approx(
        np.mean([m.mean() / 255 for m in images["fg_bg_mask"]]), abs=1e-9
    )


def test_positions_are_where_the_card_says(made: tuple[Path, dict[str, Any]]) -> None:
    output, changes = made
    size = 32
    rows = table(output, "data")
    for row in rows:
        if changes.get("placement_mode") == "ground":
            top, bottom = changes["ground_band"]
            assert round(top * size) <= row["y"] + row["height"] <= round(bottom * size)
            assert 0 <= row["x"] <= size - row["width"]
        else:
            for start, length in ((row["x"], row["width"]), (row["y"], row["height"])):
                inside = min(size, start + length) - max(0, start)
                assert inside >= changes.get("visible_min", 1.0) * length - 1e-6
    # every position is equally likely: positions as shares of their range have the mean and deviation of uniform draws
    hidden = 1 - changes.get("visible_min", 1.0)
    shares = [
        (row["x"] + int(hidden * row["width"] + 1e-9) + 0.5)
        / (size - row["width"] + 2 * int(hidden * row["width"] + 1e-9) + 1)
        for row in rows
    ]
    assert abs(np.mean(shares) - 0.5) < 4 / np.sqrt(12 * len(shares))
    assert 0.24 < np.std(shares) < 0.34
    assert {(row["bg"], row["fg"], row["flip"], row["placement"]) for row in rows} == {
        (row["bg"], row["fg"], flip, placement)
        for row in rows
        for flip in (False, True)
        for placement in range(changes["placements"])
    }
    assert len({(row["x"], row["y"]) for row in rows if row["fg"] == rows[0]["fg"]}) > len(rows) / 60
