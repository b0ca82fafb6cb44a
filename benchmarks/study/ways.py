"""The five ways of making training rows from the same sources, as arrays in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import fgbg_depth
from benchmarks.study.notebook import notebook_rows, random_tenth
from benchmarks.study.sources import Sources, is_photograph
from fgbg_depth.builder.pipeline import build
from fgbg_depth.depth import models
from fgbg_depth.depth.spec import decode_depth
from fgbg_depth.read.reader import DatasetReader
from fgbg_depth.recipe.parse import load_recipe

SIZE = 128
NEAR_M, FAR_M = 0.8, 80.0  # the range of the bundled network
VARIED = Path(__file__).parents[2] / "recipes" / "varied-224.yaml"
WAYS = {
    "a": "the notebooks' way",
    "b": "plain, predicted depth",
    "c": "plain, placed depth",
    "d": "`varied-224`, placed depth",
    "e": "as (d), without the worst tenth by `boundary_recall`",
}
EXTRA_WAYS = {"f": "as (d), but anywhere"}  # not part of the study's plan: it isolates one difference
_BUILDS = {
    "b": ("plain", "fg_bg_depth"),
    "c": ("plain", "fg_bg_depth_placed"),
    "d": ("varied", "fg_bg_depth_placed"),
    "e": ("varied", "fg_bg_depth_placed"),
    "f": ("anywhere", "fg_bg_depth_placed"),
}


@dataclass(frozen=True)
class Rows:
    """Rows of one way.

    pictures: (N, H, W, 3) uint8.  mattes: (N, H, W) uint8.
    depths: (N, H, W) float16, what the depth head is trained to predict; NaN where invalid. It is the logarithm of
        metres; in way (a) the 8-bit value, moved linearly to the same range, because it has no unit.
    photographs: (N,) bool, whether background and cut-out are both of the user's photographs, not rendered.
    """

    pictures: np.ndarray
    mattes: np.ndarray
    depths: np.ndarray
    photographs: np.ndarray

    def __len__(self) -> int:
        return len(self.pictures)

    def chosen(self, rows: np.ndarray) -> Rows:
        """Only these rows (bool or positions)."""
        return Rows(self.pictures[rows], self.mattes[rows], self.depths[rows], self.photographs[rows])

    def labels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pictures, mattes and (N, H, W) float32 metres, inf where there is none; not of way (a)."""
        metres = np.exp(self.depths.astype(np.float32))
        return self.pictures, self.mattes, np.where(np.isfinite(metres), metres, np.inf).astype(np.float32)


def from_8_bits(depths: np.ndarray) -> np.ndarray:
    """float16 targets of 8-bit values: 0..255 becomes log(NEAR_M)..log(FAR_M), linearly."""
    targets: np.ndarray = np.log(NEAR_M) + depths / 255 * np.log(FAR_M / NEAR_M)
    return targets.astype(np.float16)


def to_distance(way: str, outputs: np.ndarray) -> np.ndarray:
    """What a network of this way says about distance: metres, for way (a) values from 0 to 1 that grow with them."""
    if way == "a":
        linear: np.ndarray = (outputs - np.log(NEAR_M)) / np.log(FAR_M / NEAR_M)
        return linear
    metres: np.ndarray = np.exp(outputs)
    return metres


def way_rows(way: str, sources: Sources, work: Path) -> tuple[Rows, Rows]:
    """The training rows of a way and those it leaves out: a random tenth, in way (e) the worst tenth.

    All ways have equally many. What takes long is kept in `work`.
    """
    if way == "a":
        rows = _notebook(sources, work)
        left_out = random_tenth(len(rows))
    else:
        rows, recall = _built(*_BUILDS[way], sources, work)
        left_out = worst_tenth(recall) if way == "e" else random_tenth(len(rows))
    return rows.chosen(~left_out), rows.chosen(left_out)


def worst_tenth(recall: np.ndarray) -> np.ndarray:
    """(N,) bool, the tenth with the least recall; NaN (no outline in the frame) counts as the worst."""
    order = np.argsort(np.nan_to_num(recall, nan=-1.0), kind="stable")
    chosen = np.zeros(len(recall), bool)
    chosen[order[: len(recall) // 10]] = True
    return chosen


def unseen_varied(sources: Sources, work: Path) -> tuple[np.ndarray, np.ndarray]:
    """(N, H, W, 3) pictures and (N, H, W) mattes of held-out photographs and cut-outs, put together as in way (d)."""

    def read() -> dict[str, np.ndarray]:
        output = str(work / "unseen-varied")
        build(study_recipe("varied", sources, "held"), output, workers=1, device="cpu", progress=False)
        rows = fgbg_depth.load(output, split="train")
        return {name: np.stack([np.asarray(image) for image in rows[name]]) for name in ("fg_bg", "fg_bg_mask")}

    found = _kept(work / "unseen-varied.npz", read)
    return found["fg_bg"], found["fg_bg_mask"]


def study_recipe(name: str, sources: Sources, use: str = "training") -> fgbg_depth.Recipe:
    """The recipe of a build, with one row for each pair of sources and without splits.

    Args:
        name: `plain`, the default recipe; `varied`; or `anywhere`, which is `varied` with uniformly drawn places.
        use: of the sources: `training` or `held`.
    """
    base = fgbg_depth.Recipe() if name == "plain" else load_recipe(VARIED)
    if name == "anywhere":
        base = dataclasses.replace(base, placement_mode="uniform", occlusion=False)  # occlusion needs the ground
    return dataclasses.replace(
        base,
        name=f"study-{name}",
        backgrounds=str(getattr(sources, use) / "backgrounds"),
        foregrounds=str(getattr(sources, use) / "foregrounds"),
        size=SIZE,
        mirror=False,  # training mirrors rows
        placements=1,
        holdout=0.0,
        depth_model="densedepth-demo",
        depth_label="both",
    )


def _built(name: str, column: str, sources: Sources, work: Path) -> tuple[Rows, np.ndarray]:
    """Rows of a build with depth from this column, and the `boundary_recall` of their predicted labels."""

    def read() -> dict[str, np.ndarray]:
        output = str(work / name)
        build(study_recipe(name, sources), output, workers=1, device="cpu", progress=False)
        spec = DatasetReader.open(output).manifest.depth
        assert spec is not None
        rows = fgbg_depth.load(output, split="train")
        names = rows["bg"], rows["fg"]
        depths = [np.log(decode_depth(row, spec)).astype(np.float16) for row in rows[column]]
        return {
            "pictures": np.stack([np.asarray(image) for image in rows["fg_bg"]]),
            "mattes": np.stack([np.asarray(image) for image in rows["fg_bg_mask"]]),
            "depths": np.stack(depths),
            "recall": np.array(rows["boundary_recall"], np.float32),
            "photographs": np.array([all(map(is_photograph, pair)) for pair in zip(*names, strict=True)]),
        }

    found = _kept(work / f"{name}-{column}.npz", read)
    return Rows(found["pictures"], found["mattes"], found["depths"], found["photographs"]), found["recall"]


def _notebook(sources: Sources, work: Path) -> Rows:
    files = [sources.files("training", kind) for kind in ("backgrounds", "foregrounds")]

    def make() -> dict[str, np.ndarray]:
        recipe = study_recipe("plain", sources)
        spec = models.resolve_spec(recipe, lambda: iter(()), "cpu")
        network = models.load_labeller(recipe, spec, "cpu")
        return notebook_rows(files[0], files[1], SIZE, network.values)

    found = _kept(work / "notebook.npz", make)
    used = [np.array([is_photograph(file.name) for file in each]) for each in files]
    photographs = used[0][found["sources"][:, 0]] & used[1][found["sources"][:, 1]]
    return Rows(found["pictures"], found["masks"], from_8_bits(found["depths"]), photographs)


def _kept(path: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays of this file; made and written if there is none."""
    if not path.exists():
        temporary = path.with_name(f"{path.stem}.part.npz")
        np.savez(temporary, **make())  # type: ignore[arg-type]
        temporary.rename(path)
    with np.load(path) as file:
        return {name: file[name] for name in file.files}
