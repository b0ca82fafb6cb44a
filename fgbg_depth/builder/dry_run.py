"""A dry run: rows, bytes and time of a build, estimated from a few composed rows, and a contact sheet of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fgbg_depth import schema
from fgbg_depth.builder.background_labels import predict_backgrounds
from fgbg_depth.builder.messages import Log, log_to_stderr
from fgbg_depth.builder.output import OutputState, check_output
from fgbg_depth.builder.planning import plan_output
from fgbg_depth.builder.shard import composing_counts_images
from fgbg_depth.builder.source_findings import report_sheet
from fgbg_depth.builder.work import Work, find_work
from fgbg_depth.card.sheets import contact_sheet, sheet_png
from fgbg_depth.depth import decode_depth, models
from fgbg_depth.depth.label_batch import decode_image
from fgbg_depth.depth.placed import Silhouette
from fgbg_depth.depth.placed_labels import PlacedLabels
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.plan import Plan
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.blend import blended
from fgbg_depth.render.codecs import decode_grey, decode_rgb
from fgbg_depth.render.compose import compose_rows
from fgbg_depth.render.inputs import Background, Cutout
from fgbg_depth.render.png import encode_depth
from fgbg_depth.sources.checks.folders import SourceReport
from fgbg_depth.sources.folder import is_contact_sheet
from fgbg_depth.sources.prepared import Prepared
from fgbg_depth.statistics import DepthSums, Sums
from fgbg_depth.storage.files import Storage

SHEET_ROWS = 6
FINDINGS_SHEET = "findings-contact-sheet"
ROWS_PER_PAIR = 16  # composed for the estimate; one of them is shown

Row = dict[str, Any]


@dataclass(frozen=True)
class Estimate:
    """What a build would make, and what it would cost.

    Args:
        bytes: of all shards.
        seconds: to build the shards that do not exist.
        shards_to_build: number of these.
    """

    rows: int
    shards: int
    shards_to_build: int
    splits: dict[str, int]
    bytes: int
    seconds: float
    compose_rows_per_s: float  # of one process
    label_rows_per_s: float | None  # of one process; None without depth
    workers: int
    sheet: Image.Image


def plan_dry_run(
    recipe: Recipe, storage: Storage, workers: int, device: str, log: Log = log_to_stderr
) -> tuple[Plan, Work]:
    """What a build into an output would make, and what it would have to do. Changes nothing.

    Raises:
        OutputError: a build would refuse this output.
    """
    check_output(storage)
    plan = plan_output(recipe, storage, workers, device, log)
    return plan, find_work(plan, storage, OutputState.read(storage))


def write_sheet(storage: Storage, sheet: Image.Image, kind: str = "contact-sheet") -> Path:
    """Write a sheet beside the output; for an output at a URL, into the current folder.

    A sheet of an earlier dry run is replaced. If the name belongs to another file, a number is appended.

    Args:
        kind: the end of the file's name; it contains "contact-sheet", by which a search for sources knows it.
    Returns:
        the file's path.
    """
    folder, name = _sheet_place(storage, kind)
    taken = (folder / f"{name}{suffix}.png" for suffix in chain([""], (f"-{i}" for i in count(2))))
    path = next(path for path in taken if not path.exists() or is_contact_sheet(path))
    Storage(folder).write(path.name, sheet_png(sheet))
    return path


def write_findings_sheet(storage: Storage, report: SourceReport) -> Path | None:
    """Write the picture of source files with findings, as `write_sheet`; None if nothing was found.

    The sheet of an earlier dry run is removed if nothing is found now.
    """
    sheet = report_sheet(report)
    if sheet is not None:
        return write_sheet(storage, sheet, FINDINGS_SHEET)
    folder, name = _sheet_place(storage, FINDINGS_SHEET)
    if is_contact_sheet(path := folder / f"{name}.png"):
        path.unlink()
    return None


def _sheet_place(storage: Storage, kind: str) -> tuple[Path, str]:
    """The folder of a sheet, and its name without extension."""
    output = Path(storage.url if storage.is_local else storage.url.rstrip("/").rsplit("/", 1)[-1])
    if storage.is_local and output.name in ("", ".."):  # the current folder, for example
        output = output.resolve()
    return output.parent if storage.is_local else Path(), f"{output.name}-{kind}"


def estimate(plan: Plan, work: Work, workers: int, device: str = "auto") -> Estimate:
    """Compose and label a few rows of the plan, as a build would, and extrapolate. Writes nothing."""
    pairs = _sample_pairs(plan, Prepared.of(plan.sources))
    start = time.perf_counter()
    rows = _compose(plan, pairs)
    compose_s = (time.perf_counter() - start) / len(rows)
    row_bytes = sum(len(row["fg_bg"]["bytes"]) + len(row["fg_bg_mask"]["bytes"]) for row in rows) / len(rows)
    shown = [rows[i * ROWS_PER_PAIR + 5 * i % ROWS_PER_PAIR] for i in range(len(pairs))]
    label_s, model_s, depths = 0.0, 0.0, list[dict[str, np.ndarray]]({} for _ in shown)
    if plan.spec is not None:
        backgrounds, model_s = _label_backgrounds(plan, plan.spec, device, pairs)
        for label in plan.labels:
            if label == schema.PREDICTED:
                seconds, stored, num_bytes = _predict(plan, plan.spec, device, shown, rows)
            else:
                seconds, stored, num_bytes = _place(plan, plan.spec, shown, pairs, backgrounds)
            label_s += seconds
            row_bytes += num_bytes
            for depth, values in zip(depths, stored, strict=True):
                depth[schema.LABELS[label]] = decode_depth(values, plan.spec)
    return Estimate(
        rows=plan.rows,
        shards=len(plan.shards),
        shards_to_build=len(work.tasks),
        splits=plan.split_rows(),
        bytes=round(row_bytes * plan.rows),
        seconds=sum(task.rows * (label_s + compose_s * (task.reuse_from is None)) for task in work.tasks) / workers
        + len(plan.sources.backgrounds) * model_s,
        compose_rows_per_s=1 / compose_s,
        label_rows_per_s=1 / label_s if label_s else None,
        workers=workers,
        sheet=_sheet(pairs, shown, depths, plan.spec),
    )


def _sample_pairs(plan: Plan, prepared: Prepared) -> list[tuple[Background, Cutout]]:
    """Some backgrounds with a cut-out each, spread evenly over all sources."""
    bgs, fgs = plan.sources.backgrounds, plan.sources.cutouts
    num_pairs = min(SHEET_ROWS, len(bgs) * len(fgs))
    return [
        (
            prepared.background(bgs[i * len(bgs) // num_pairs % len(bgs)].name),
            prepared.cutout(fgs[(i * len(fgs) // num_pairs + i) % len(fgs)].name),
        )
        for i in range(num_pairs)
    ]


def _compose(plan: Plan, pairs: list[tuple[Background, Cutout]]) -> list[Row]:
    """`ROWS_PER_PAIR` rows of each pair, composed and counted as in a build."""
    sums, count_images = Sums(plan.recipe.size), composing_counts_images(plan.labels)
    recipe = plan.recipe.replace(placements=-(-ROWS_PER_PAIR // len(plan.recipe.flips)))
    rows = [row for bg, fg in pairs for row in islice(compose_rows(recipe, bg, fg, sums, count_images), ROWS_PER_PAIR)]
    if not count_images:  # labelling would decode and count them
        for row in rows:
            decode_image(row["fg_bg"], sums)
    return rows


def _predict(
    plan: Plan, spec: DepthSpec, device: str, shown: list[Row], rows: list[Row]
) -> tuple[float, list[np.ndarray], float]:
    """Predict the depth of the shown rows and of one batch more.

    Returns:
        seconds a row; the stored values of each shown row, (H, W); bytes a row.
    """
    labeller = models.load_labeller(plan.recipe, spec, device)
    pixels = np.stack([decode_rgb(row["fg_bg"]["bytes"]) for row in [*shown, *rows[: labeller.batch_size]]])
    labeller(pixels[: labeller.batch_size])  # the first call is slower
    start = time.perf_counter()
    stored = labeller(pixels)
    seconds = (time.perf_counter() - start) / len(pixels)
    labeller.release()
    return seconds, list(stored[: len(shown)]), sum(len(encode_depth(values)) for values in stored) / len(stored)


def _label_backgrounds(
    plan: Plan, spec: DepthSpec, device: str, pairs: list[tuple[Background, Cutout]]
) -> tuple[dict[str, np.ndarray], float]:
    """The stored depth of the backgrounds of the pairs, by name, and seconds a background."""
    names = {background.name for background, _ in pairs}
    sources = [source for source in plan.sources.backgrounds if source.name in names]
    start = time.perf_counter()
    depths = predict_backgrounds(sources, plan.recipe, spec, device)
    seconds = (time.perf_counter() - start) / len(sources)
    return {source.name: decode_grey(data) for source, data in zip(sources, depths, strict=True)}, seconds


def _place(
    plan: Plan,
    spec: DepthSpec,
    shown: list[Row],
    pairs: list[tuple[Background, Cutout]],
    backgrounds: dict[str, np.ndarray],
) -> tuple[float, list[np.ndarray], float]:
    """Placed labels of the shown rows; returns as `_predict`."""
    seconds, stored, num_bytes = 0.0, [], 0
    for row, (background, cutout) in zip(shown, pairs, strict=True):
        labels = PlacedLabels(backgrounds[background.name], spec, DepthSums(spec.levels))
        silhouette = Silhouette.of(np.asarray(blended(cutout, row["flip"], plan.recipe).alpha))
        start = time.perf_counter()
        values, data = labels.label(silhouette, row["x"], row["y"])
        seconds += time.perf_counter() - start
        stored.append(values)
        num_bytes += len(data)
    return seconds / len(shown), stored, num_bytes / len(shown)


def _sheet(
    pairs: list[tuple[Background, Cutout]],
    shown: list[Row],
    depths: list[dict[str, np.ndarray]],
    spec: DepthSpec | None,
) -> Image.Image:
    rows = [
        {
            "bg": np.asarray(bg.image),
            "fg": np.asarray(fg.image),
            "fg_bg": decode_rgb(row["fg_bg"]["bytes"]),
            "mask": decode_grey(row["fg_bg_mask"]["bytes"]),
            **depths[i],
            "bg_name": row["bg"],
            "fg_name": row["fg"] + (", mirrored" if row["flip"] else ""),
        }
        for i, ((bg, fg), row) in enumerate(zip(pairs, shown, strict=True))
    ]
    return contact_sheet(rows, spec)
