"""`evaluate`: what a small network learns from a dataset in a few minutes, on every split and on photographs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

from fgbg_depth import schema
from fgbg_depth.depth.devices import one_cpu_thread, pick_device
from fgbg_depth.errors import OutputError
from fgbg_depth.read.opening import open_files, read_manifest
from fgbg_depth.training.evaluation import PHOTOS, Evaluation, SplitScores, notes_on, warnings_about
from fgbg_depth.training.examples import Examples
from fgbg_depth.training.fit import fit, score
from fgbg_depth.training.network import SmallNet
from fgbg_depth.training.photos import read_photos
from fgbg_depth.training.rows import read_examples

# The same budget for every dataset, so that evaluations can be compared: about three minutes on one CPU core.
STEPS, BATCH_SIZE, SIZE_PX = 800, 16, 128
TRAIN_ROWS, TEST_ROWS = 2000, 400

Progress = Callable[[str, int, int], None]  # (what, done, of how many)


def evaluate(
    source: str | Path,
    photos: str | Path | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
    steps: int = STEPS,
    on_progress: Progress = lambda what, done, total: None,
) -> Evaluation:
    """Train a small network on rows of `train` and test it on every split and on photographs.

    Equal arguments give equal scores on the CPU, where one thread is used. At most `TRAIN_ROWS` rows of `train` and
    `TEST_ROWS` of each split are read, spread over backgrounds and cut-outs.

    Args:
        source: a folder, an fsspec URL, or USER/NAME on the Hub; see `read.opening.open_files`.
        photos: folder of photographs with masks; see `photos.read_photos`.
        seed: of the network's first weights, the order of rows and their views.
        device: as `pick_device` takes it.
        steps: of training.
        on_progress: called with what is done ("read" or "train"), how much of it, and of how much.
    Raises:
        OutputError, HubError: the dataset is missing, damaged, or has no rows to train on.
        SourceError: a photograph or its mask cannot be used; found before the training.
        DepthError: there is no such device.
    """
    start = time.monotonic()
    target = pick_device(device)
    own = read_photos(photos, SIZE_PX) if photos is not None else None
    files = open_files(source)
    manifest = read_manifest(files)
    if not manifest.splits.get(schema.TRAIN):
        raise OutputError(f"{source} has no rows in train, so a network cannot be trained on it.")
    most = {name: TRAIN_ROWS if name == schema.TRAIN else TEST_ROWS for name in manifest.splits}
    wanted = {name: min(rows, most[name]) for name, rows in manifest.splits.items()}
    rows_read = 0

    def count(rows: int) -> None:
        nonlocal rows_read
        rows_read += rows
        on_progress("read", rows_read, sum(wanted.values()))

    examples = {name: read_examples(files, manifest, name, num, SIZE_PX, count) for name, num in wanted.items()}
    train = examples[schema.TRAIN]
    with one_cpu_thread(target):
        network = SmallNet(seed, _median_depth(train)).to(device=target)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        fit(network, train, steps, BATCH_SIZE, seed, target, lambda step, loss: on_progress("train", step, steps))
        splits = {
            name: SplitScores(manifest.splits[name], len(found), score(network, found, target).means())
            for name, found in examples.items()
        }
        if own is not None:
            splits[PHOTOS] = SplitScores(len(own[0]), len(own[0]), score(network, own[1], target).means())
    return Evaluation(
        str(source), steps, BATCH_SIZE, SIZE_PX, seed, str(target), len(train), manifest.main_depth_column, splits,
        tuple(notes_on(manifest)), tuple(warnings_about(manifest, splits)), time.monotonic() - start,
    )  # fmt: skip


def _median_depth(examples: Examples) -> float:
    """Where the depth head starts."""
    if examples.depth is None or examples.valid is None or not examples.valid.any():
        return 0.0
    return float(examples.depth[examples.valid].median())
