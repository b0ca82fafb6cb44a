"""Batches for training: baked scenes, cropped, mirrored, with cut-outs pasted in, and their colours shaken."""

import queue
import threading
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from demo.bake import load_cutouts
from demo.paste import paste
from demo.trace import Cutout

Example = tuple[np.ndarray, np.ndarray]


class Scenes:
    """The baked scenes of a folder that may still be growing."""

    def __init__(self, folder: Path):
        self.folder, self.chunks, self.looked = folder, {}, 0.0  # type: ignore[var-annotated]
        self.refresh()

    def refresh(self) -> None:
        """Take in files that appeared since the last look, at most once a minute."""
        if time.monotonic() - self.looked < 60 and self.chunks:
            return
        for path in sorted(self.folder.glob("scenes-*.npz")):
            if path.name not in self.chunks:
                with np.load(path) as file:
                    self.chunks[path.name] = (file["image"], file["depth"])
        self.looked = time.monotonic()

    def draw(self, rng: np.random.Generator) -> Example:
        """(n, n, 3) uint8 and (n, n) float32 metres (inf: sky), both the caller's to change."""
        names = list(self.chunks)
        images, depths = self.chunks[names[rng.integers(len(names))]]
        number = rng.integers(len(images))
        depth = depths[number].astype(np.float32)
        depth[depth == 0] = np.inf
        return images[number].copy(), depth


def example(scenes: Scenes, cutouts: list[Cutout], size: int, rng: np.random.Generator) -> Example:
    """One training pair: (size, size, 3) uint8 and (size / 2, size / 2) float32 metres.

    Cropping zooms in. The network's camera is always the same, so depth shrinks by the same share.
    """
    image, depth = scenes.draw(rng)
    side = len(image)
    if rng.uniform() < 0.6:
        crop = int(side * rng.uniform(0.72, 1))
        top, left = rng.integers(0, side - crop + 1, 2)
        image, depth = (
            image[top : top + crop, left : left + crop].copy(),
            depth[top : top + crop, left : left + crop] * (crop / side),
        )
    if rng.uniform() < 0.5:
        image, depth = image[:, ::-1].copy(), depth[:, ::-1].copy()
    for _ in range(rng.choice(4, p=[0.32, 0.4, 0.2, 0.08])):
        paste(image, depth, cutouts[rng.integers(len(cutouts))], rng, other=scenes.draw(rng)[0])
    small = np.asarray(
        Image.fromarray(image).resize(
            (size, size), Image.Resampling.BILINEAR if rng.uniform() < 0.7 else Image.Resampling.BICUBIC
        )
    )
    pick = ((np.arange(size // 2) + 0.5) * len(depth) * 2 / size).astype(int)
    return small, depth[np.ix_(pick, pick)]


def shake(batch: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """(n, s, s, 3) uint8 to (n, 3, s, s) float in [0, 1] with other light, colour, contrast, sharpness and noise."""
    number, size = len(batch), batch.shape[1]
    levels = (np.arange(256, dtype=np.float32) / 255)[None, None]
    curves = (
        levels ** rng.uniform(0.6, 1.6, (number, 1, 1))
        * rng.uniform(0.7, 1.3, (number, 1, 1))
        * rng.uniform(0.86, 1.14, (number, 3, 1))
    )
    swap = rng.permutation(3) if rng.uniform() < 0.12 else np.arange(3)
    x = torch.empty((number, 3, size, size))
    for i in range(number):
        for channel in range(3):
            x[i, channel] = torch.from_numpy(curves[i, channel].astype(np.float32)[batch[i, ..., swap[channel]]])

    def each(low: float, high: float) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(low, high, (number, 1, 1, 1)).astype(np.float32))

    if rng.uniform() < 0.25:  # a ghost of another picture: surfaces are not as clean as rendered ones
        ghost = x.roll(1, 0).flip(3)
        x = x * (1 + each(0, 0.5) * (ghost - ghost.mean((1, 2, 3), keepdim=True)))
    gray, contrast, color = x.mean(1, keepdim=True), each(0.7, 1.4), each(0.0, 1.9)
    x = x * (contrast * color) + (gray * (contrast * (1 - color)) + (0.5 - 0.5 * contrast))
    look = rng.uniform()
    if look < 0.55:
        soft = functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), "replicate"), 3, 1)
        x = soft if look < 0.25 else x + (x - soft) * each(0, 1.5)
    grain = torch.randn(1, 3, size, size).expand(number, -1, -1, -1)  # one grain a batch: drawing it is slow
    return (x + grain * each(0, 0.03)).clamp(0, 1)


class Feed:
    """Batches made in a thread, at the size that is set."""

    def __init__(self, scenes: Path, cutouts: Path, batch: int, seed: int, size: int):
        self.size, self.batch = size, batch
        self.scenes, self.cutouts = Scenes(scenes), load_cutouts(cutouts)
        self.queue: queue.Queue[tuple[torch.Tensor, torch.Tensor] | Exception] = queue.Queue(6)
        threading.Thread(target=self._fill, args=(np.random.default_rng(seed),), daemon=True).start()

    def _fill(self, rng: np.random.Generator) -> None:
        try:
            while True:
                self.scenes.refresh()
                size = self.size  # one for the whole batch: the trainer may set another meanwhile
                pairs = [example(self.scenes, self.cutouts, size, rng) for _ in range(self.batch)]
                images = shake(np.stack([image for image, _ in pairs]), rng).to(memory_format=torch.channels_last)
                self.queue.put((images, torch.from_numpy(np.stack([depth for _, depth in pairs]))))
        except Exception as e:  # handed to the trainer, which would otherwise wait for ever
            self.queue.put(e)

    def next(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, 3, s, s) in [0, 1] and (n, s / 2, s / 2) metres. Raises what stopped the thread."""
        batch = self.queue.get()
        if isinstance(batch, Exception):
            raise RuntimeError("no more batches: the thread that makes them stopped") from batch
        return batch
