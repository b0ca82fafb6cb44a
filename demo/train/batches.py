"""Training batches: rendered scenes, cropped and mirrored, with cut-outs pasted in and their colours varied."""

import queue
import threading
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from demo.render.trace import Cutout
from demo.train.dataset import load_cutouts
from demo.train.paste import paste

Pair = tuple[np.ndarray, np.ndarray]  # image and depth


class SceneFiles:
    """The scenes of a folder that `demo.train.dataset` may still be writing to."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.loaded: dict[str, Pair] = {}
        self.refreshed_s = 0.0
        self.refresh()

    def refresh(self) -> None:
        """Load files that appeared since the last call. Looks at the folder at most once per minute."""
        if time.monotonic() - self.refreshed_s < 60 and self.loaded:
            return
        for path in sorted(self.folder.glob("scenes-*.npz")):
            if path.name not in self.loaded:
                with np.load(path) as file:
                    self.loaded[path.name] = (file["image"], file["depth"])
        self.refreshed_s = time.monotonic()

    def draw(self, rng: np.random.Generator) -> Pair:
        """A random scene: (n, n, 3) uint8 and (n, n) float32 metres with inf for sky. The caller may change both."""
        names = list(self.loaded)
        images, depths = self.loaded[names[rng.integers(len(names))]]
        index = rng.integers(len(images))
        depth = depths[index].astype(np.float32)
        depth[depth == 0] = np.inf
        return images[index].copy(), depth


def training_pair(scenes: SceneFiles, cutouts: list[Cutout], size: int, rng: np.random.Generator) -> Pair:
    """One training pair: (size, size, 3) uint8 and (size / 2, size / 2) float32 metres.

    A crop is enlarged, which lengthens the focal length. The network assumes one focal length, so the depth of a crop
    is multiplied by the crop's share of the picture.
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
    nearest = ((np.arange(size // 2) + 0.5) * len(depth) * 2 / size).astype(int)
    return small, depth[np.ix_(nearest, nearest)]


def augment_colors(batch: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """Vary brightness, gamma, tint, contrast, saturation, sharpness and noise.

    Args:
        batch: (n, s, s, 3) uint8.
    Returns:
        (n, 3, s, s) float32 in [0, 1].
    """
    number, size = len(batch), batch.shape[1]
    levels = (np.arange(256, dtype=np.float32) / 255)[None, None]
    curves = (
        levels ** rng.uniform(0.6, 1.6, (number, 1, 1))
        * rng.uniform(0.7, 1.3, (number, 1, 1))
        * rng.uniform(0.86, 1.14, (number, 3, 1))
    )
    channels = rng.permutation(3) if rng.uniform() < 0.12 else np.arange(3)
    x = torch.empty((number, 3, size, size))
    for i in range(number):
        for channel in range(3):
            x[i, channel] = torch.from_numpy(curves[i, channel].astype(np.float32)[batch[i, ..., channels[channel]]])

    def per_image(low: float, high: float) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(low, high, (number, 1, 1, 1)).astype(np.float32))

    if rng.uniform() < 0.25:  # modulate by another picture, because real surfaces are less even than rendered ones
        other = x.roll(1, 0).flip(3)
        x = x * (1 + per_image(0, 0.5) * (other - other.mean((1, 2, 3), keepdim=True)))
    gray, contrast, color = x.mean(1, keepdim=True), per_image(0.7, 1.4), per_image(0.0, 1.9)
    x = x * (contrast * color) + (gray * (contrast * (1 - color)) + (0.5 - 0.5 * contrast))
    sharpness = rng.uniform()
    if sharpness < 0.55:
        soft = functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), "replicate"), 3, 1)
        x = soft if sharpness < 0.25 else x + (x - soft) * per_image(0, 1.5)
    grain = torch.randn(1, 3, size, size).expand(number, -1, -1, -1)  # one for the whole batch: drawing it is slow
    return (x + grain * per_image(0, 0.03)).clamp(0, 1)


class BatchLoader:
    """Makes batches in a thread. `size` is the side of the images and may be changed between batches."""

    def __init__(self, scenes: Path, cutouts: Path, batch: int, seed: int, size: int):
        self.size, self.batch = size, batch
        self.scenes, self.cutouts = SceneFiles(scenes), load_cutouts(cutouts)
        self.queue: queue.Queue[tuple[torch.Tensor, torch.Tensor] | Exception] = queue.Queue(6)
        threading.Thread(target=self._fill, args=(np.random.default_rng(seed),), daemon=True).start()

    def _fill(self, rng: np.random.Generator) -> None:
        try:
            while True:
                self.scenes.refresh()
                size = self.size  # read once: the trainer may change it while this batch is made
                pairs = [training_pair(self.scenes, self.cutouts, size, rng) for _ in range(self.batch)]
                images = augment_colors(np.stack([image for image, _ in pairs]), rng)
                images = images.to(memory_format=torch.channels_last)
                self.queue.put((images, torch.from_numpy(np.stack([depth for _, depth in pairs]))))
        except Exception as e:  # passed to the trainer, which would otherwise wait forever
            self.queue.put(e)

    def next(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The next batch: images (n, 3, s, s) in [0, 1] and depth (n, s / 2, s / 2) in metres.

        Raises:
            RuntimeError: the thread that makes the batches failed; its exception is the cause.
        """
        batch = self.queue.get()
        if isinstance(batch, Exception):
            raise RuntimeError("no more batches: the thread that makes them failed") from batch
        return batch
