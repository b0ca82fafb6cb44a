"""The examples run on a small dataset as their texts say, and write what they promise."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from small_output import metric_output  # noqa: F401

from fgbg_depth import load, load_manifest
from fgbg_depth.schema import SPLITS
from fgbg_depth.training.network import SmallNet

EXAMPLES = Path(__file__).parent.parent / "examples"
SMALL = ["--size", "32", "--batch", "4", "--workers", "0"]


def run(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # so that train.py uses one torch thread
    threads = torch.get_num_threads()
    try:
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    finally:
        torch.set_num_threads(threads)


def test_train_writes_weights_scores_of_all_splits_and_a_picture(
    metric_output: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(monkeypatch, "train.py", "--data", metric_output, "--output", tmp_path / "t", "--steps", "3", *SMALL)
    text = capsys.readouterr().out
    assert "depth: fg_bg_depth_placed" in text
    assert all(split in text for split in SPLITS)
    scores = json.loads((tmp_path / "t" / "scores.json").read_text())
    assert set(scores) == set(SPLITS)
    assert {"iou", "dice", "matte_error", "abs_rel", "delta", "abs_rel_inside", "delta_inside"} == set(scores["train"])
    network = SmallNet()
    network.load_state_dict(load_file(tmp_path / "t" / "model.safetensors"))
    with safe_open(tmp_path / "t" / "model.safetensors", "pt") as file:
        assert file.metadata()["size"] == "32"
    with Image.open(tmp_path / "t" / "predictions.png") as picture:
        assert picture.width == 5 * 32
        assert picture.height % 32 == 0


def test_train_learns_the_mask_alone_without_depth(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "train.py", "--data", built, "--output", tmp_path / "t", "--steps", "2", *SMALL)
    assert "depth: None" in capsys.readouterr().out
    scores = json.loads((tmp_path / "t" / "scores.json").read_text())
    assert set(scores["train"]) == {"iou", "dice", "matte_error"}


def test_trains_views_keep_picture_mask_and_depth_together(metric_output: Path) -> None:  # noqa: F811
    """Mirrored and cropped alike: the depth map that stands for the mask stays equal to the mask."""
    functions = runpy.run_path(str(EXAMPLES / "train.py"), run_name="example")
    manifest = load_manifest(metric_output)
    transform = functions["ToTensors"](manifest, "fg_bg_depth_placed", 64, augment=True)
    rng = np.random.default_rng(0)
    pattern = np.kron(rng.integers(0, 2, (6, 8, 8)), np.ones((8, 8), int)).astype(np.uint8)
    rows = {
        "fg_bg": list(np.repeat(255 * pattern[..., None], 3, axis=3)),
        "fg_bg_mask": list(255 * pattern),
        "fg_bg_depth_placed": list(pattern.astype(np.uint16) * 1000),  # 1 m, and invalid
    }
    torch.manual_seed(0)
    batch = transform(rows)
    clear = (batch["matte"] < 0.01) | (batch["matte"] > 0.99)
    assert clear.float().mean() > 0.6
    assert torch.equal(batch["valid"][clear], batch["matte"][clear] > 0.5)
    assert torch.equal((batch["picture"][:, :1] > 0.5)[clear], batch["matte"][clear] > 0.5)
    assert (batch["depth"][batch["valid"]] < 0).all()  # a crop looks nearer than 1 m
    assert (batch["depth"][batch["valid"]] > np.log(0.6) - 1e-6).all()


def test_filter_shows_values_and_writes_the_rows_that_stay(
    metric_output: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(monkeypatch, "filter.py", "--data", metric_output)
    assert "placed_boundary_recall" in capsys.readouterr().out
    check = "boundary_recall"
    values = np.asarray(load(metric_output, split="train")[check])
    limit = float(np.nanmedian(values))
    arguments = ("--data", metric_output, "--check", check, "--output", tmp_path / "kept")
    run(monkeypatch, "filter.py", *arguments, "--least", limit)
    kept = json.loads((tmp_path / "kept" / "rows.json").read_text())
    assert kept["train"] == np.flatnonzero(values >= limit).tolist()
    assert 0 < len(kept["train"]) < len(values)
    assert set(kept) == set(SPLITS)
    assert Image.open(tmp_path / "kept" / "rows.png").width > 300
    run(monkeypatch, "filter.py", *arguments, "--most", limit)
    assert (
        json.loads((tmp_path / "kept" / "rows.json").read_text())["train"] == np.flatnonzero(values <= limit).tolist()
    )


def test_filter_names_the_checks_that_there_are(
    metric_output: Path,  # noqa: F811
    built: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, "filter.py", "--data", metric_output, "--check", "sharpness", "--least", 1)
    assert "its checks are: boundary_recall, nearer" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run(monkeypatch, "filter.py", "--data", built, "--least", 1)
    assert "no depth labels" in capsys.readouterr().err


@pytest.mark.slow
def test_stream_reads_shuffled_batches(
    metric_output: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("--data", metric_output, "--batch", "8", "--workers", "0")
    run(monkeypatch, "stream.py", *arguments, "--batches", "2")
    text = capsys.readouterr().out
    assert "16 rows" in text
    assert "different backgrounds" in text
    run(monkeypatch, "stream.py", *arguments, "--where", "x > 100000")
    assert "No row matches" in capsys.readouterr().out


def started(folder: Path, name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """An example as a user starts it, from a checkout whose package is not installed and on no path."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "name",
    ["train.py", *(pytest.param(name, marks=pytest.mark.slow) for name in ("filter.py", "stream.py", "hub_job.py"))],
)
def test_every_example_starts_in_a_checkout(name: str, tmp_path: Path) -> None:
    done = started(tmp_path, name, "--help")
    assert done.returncode == 0 and "usage:" in done.stdout, done.stderr


@pytest.mark.slow
def test_train_with_workers_as_a_command_of_its_own(metric_output: Path, tmp_path: Path) -> None:  # noqa: F811
    arguments = ["--data", metric_output, "--output", tmp_path / "t", "--steps", "4", "--size", "32", "--workers", "2"]
    done = started(tmp_path, "train.py", *arguments, "--amp")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "t" / "predictions.png").is_file()
