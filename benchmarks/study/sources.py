"""The study's sources: what all ways train on, and the photographs and cut-outs that none of them sees.

Training sources are a part of the user's photographs and cut-outs, rendered scenes (without them no network could
learn the depth of rendered scenes, the only ones here whose exact depth is known) and the bundled cut-outs. The other
part of the photographs is held out.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from demo.render.scenes import render_scene
from fgbg_depth import paths
from fgbg_depth.sources.lookalikes import group_lookalikes, thumbnail

FIRST_SCENE = 6_000_000  # no other scenes have these seeds: see `benchmarks.label_scenes` and `ground_scenes`
RENDERED_BACKGROUNDS = 120
RENDERED_SIDE = 192  # pixels
HELD_SHARE = 0.28  # of the photographs, and of their cut-outs
PHOTOGRAPH = "photo-"  # begins the names of photographs and of their cut-outs
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Sources:
    """Folders of one kind of use; each has `backgrounds/` and `foregrounds/`.

    training: sources of all ways.  held: photographs and their cut-outs, for the test; empty without photographs.
    """

    training: Path
    held: Path

    def files(self, use: str, kind: str) -> list[Path]:
        """The files of `training` or `held`, of kind `backgrounds` or `foregrounds`, sorted by name."""
        folder: Path = getattr(self, use) / kind
        return sorted(folder.iterdir()) if folder.is_dir() else []


def is_photograph(name: str) -> bool:
    """Whether this source is one of the user's photographs or cut-outs; the others are rendered."""
    return name.startswith(PHOTOGRAPH)


def hold_out(files: Sequence[Path], share: float = HELD_SHARE, seed: int = 0) -> tuple[list[Path], list[Path]]:
    """Divide pictures into those for training and those held out; pictures that look alike stay together.

    Returns:
        (training, held), both sorted; `held` has at least `share` of the files.
    """
    files = sorted(files)
    pictures = []
    for file in files:
        with Image.open(file) as picture:
            pictures.append(thumbnail(picture))
    groups = group_lookalikes(pictures)
    held: list[int] = []
    for number in np.random.default_rng(seed).permutation(len(groups)):
        if len(held) >= share * len(files):
            break
        held += groups[number]
    return [file for i, file in enumerate(files) if i not in held], [files[i] for i in sorted(held)]


def prepare_sources(
    folder: Path, photographs: dict[str, Path], num_rendered: int = RENDERED_BACKGROUNDS, side: int = RENDERED_SIDE
) -> Sources:
    """Write the sources into `folder`, unless they are there.

    Args:
        photographs: folders with pictures: `backgrounds` and `foregrounds` (with transparency), or neither.
        num_rendered: rendered backgrounds.
        side: of the rendered backgrounds, in pixels.
    """
    sources = Sources(folder / "training", folder / "held")
    if folder.is_dir():
        return sources
    temporary = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    for kind in ("backgrounds", "foregrounds"):
        for use in ("training", "held"):
            (temporary / use / kind).mkdir(parents=True)
        if kind in photographs:
            given = [file for file in photographs[kind].iterdir() if file.suffix.lower() in SUFFIXES]
            for use, files in zip(("training", "held"), hold_out(given), strict=True):
                for file in files:
                    shutil.copyfile(file, temporary / use / kind / f"{PHOTOGRAPH}{file.name}")
    for number in range(num_rendered):
        pixels = np.round(render_scene(FIRST_SCENE + number, side, oversample=2).image * 255).astype(np.uint8)
        Image.fromarray(pixels).save(temporary / "training" / "backgrounds" / f"rendered-{number:03d}.png")
    for file in sorted((paths.DATA / "foregrounds").glob("*.png")):
        shutil.copyfile(file, temporary / "training" / "foregrounds" / f"rendered-{file.name}")
    temporary.rename(folder)
    return sources
