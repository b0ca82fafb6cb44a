"""A dry run: rows, bytes and time of a build, estimated from a few composed rows, and a contact sheet of them."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fgbg_depth import schema
from fgbg_depth.builder.background_labels import predict_backgrounds
from fgbg_depth.builder.messages import Log, log_to_stderr
from fgbg_depth.builder.output import OutputState, check_output
from fgbg_depth.builder.planning import plan_output
from fgbg_depth.builder.row_composers import RowComposer, RowComposers
from fgbg_depth.builder.shard import composing_counts_images
from fgbg_depth.builder.source_findings import report_sheet
from fgbg_depth.builder.work import Work, find_work
from fgbg_depth.card.scene_pictures import scene_words
from fgbg_depth.card.sheets import contact_sheet, save_sheet
from fgbg_depth.depth import decode_depth, models
from fgbg_depth.depth.background_ground import find_stage
from fgbg_depth.depth.placed_labels import PlacedLabels
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.plan import Plan
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.codecs import decode_grey, decode_rgb
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
MAX_GROUNDS = 200  # backgrounds in which the ground is looked for, evenly spread; it takes about 0.1 s each

Row = dict[str, Any]
Pair = tuple[Background, Cutout]


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
    ground_checked: int = 0  # backgrounds in which the ground was looked for; 0: the recipe does not use it
    without_ground: tuple[str, ...] = ()  # names of those on which none was found


def plan_dry_run(
    recipe: Recipe,
    storage: Storage,
    workers: int,
    device: str,
    log: Log = log_to_stderr,
    add_backgrounds: str = "",
    add_foregrounds: str = "",
) -> tuple[Plan, Work]:
    """What a build into an output would make, and what it would have to do. Changes nothing.

    Raises:
        OutputError: a build would refuse this output.
    """
    check_output(storage)
    plan = plan_output(recipe, storage, workers, device, log, add_backgrounds, add_foregrounds)
    return plan, find_work(plan, storage, OutputState.read(storage))


def write_sheet(storage: Storage, sheet: Image.Image, kind: str = "contact-sheet") -> Path:
    """Write a sheet beside the output; for an output at a URL, into the current folder.

    Args:
        kind: the end of the file's name; see `sheets.save_sheet`.
    Returns:
        the file's path.
    """
    folder, name = _sheet_place(storage, kind)
    return save_sheet(folder, name, sheet)


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
    model_s, grounds = 0.0, dict[str, float]()
    if plan.spec is not None:
        pairs, model_s, grounds = _label_backgrounds(plan, plan.spec, device, pairs)
    composers = _composers(plan, pairs)
    start = time.perf_counter()
    rows = _compose(plan, pairs, composers)
    compose_s = (time.perf_counter() - start) / len(rows)
    row_bytes = sum(_image_bytes(row) for row in rows) / len(rows)
    shown = [rows[i * ROWS_PER_PAIR + 5 * i % ROWS_PER_PAIR] for i in range(len(pairs))]
    label_s, depths = 0.0, list[dict[str, np.ndarray]]({} for _ in shown)
    for label in plan.labels:
        assert plan.spec is not None
        if label == schema.PREDICTED:
            seconds, stored, num_bytes = _predict(plan, plan.spec, device, shown, rows)
        else:
            seconds, stored, num_bytes = _place(plan.spec, shown, pairs, composers)
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
        sheet=_sheet(pairs, shown, depths, plan.spec, grounds),
        ground_checked=len(grounds),
        without_ground=tuple(name for name, horizon in grounds.items() if math.isnan(horizon)),
    )


def _sample_pairs(plan: Plan, prepared: Prepared) -> list[Pair]:
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


def _composers(plan: Plan, pairs: list[Pair]) -> list[RowComposer]:
    """What composes the rows of each pair, with `ROWS_PER_PAIR` rows or a few more."""
    recipe = plan.recipe.replace(placements=-(-ROWS_PER_PAIR // len(plan.recipe.flips)))
    composers = RowComposers(recipe, Prepared.of(plan.sources), plan.spec)
    names = {(shard.bg, fg): shard.fgs for shard in plan.shards for fg in shard.fgs}
    return [composers.of(background, names[background.name, cutout.name]) for background, cutout in pairs]


def _compose(plan: Plan, pairs: list[Pair], composers: list[RowComposer]) -> list[Row]:
    """`ROWS_PER_PAIR` rows of each pair, composed and counted as in a build."""
    sums, count_images = Sums(plan.recipe.size), composing_counts_images(plan.labels)
    rows = [
        row
        for (_, cutout), composer in zip(pairs, composers, strict=True)
        for row in islice(composer.rows(sums, count_images, [cutout.name]), ROWS_PER_PAIR)
    ]
    if not count_images:  # labelling would decode and count them
        for row in rows:
            data = row["fg_bg"]["bytes"]
            sums.add_pixels(decode_rgb(data), len(data))
    return rows


def _image_bytes(row: Row) -> int:
    return sum(len(value["bytes"]) for value in row.values() if isinstance(value, dict))


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
    plan: Plan, spec: DepthSpec, device: str, pairs: list[Pair]
) -> tuple[list[Pair], float, dict[str, float]]:
    """The pairs with the depth of their backgrounds, seconds a background, and horizons.

    Returns:
        horizons: by name of the background, in pixels from the top; NaN: no ground was found. Empty if the recipe does
            not use the ground.
    """
    names = {background.name for background, _ in pairs}
    if schema.GROUND in plan.extras:
        bgs = plan.sources.backgrounds
        names |= {bgs[i * len(bgs) // MAX_GROUNDS].name for i in range(MAX_GROUNDS)}
    sources = [source for source in plan.sources.backgrounds if source.name in names]
    start = time.perf_counter()
    predicted = predict_backgrounds(sources, plan.recipe, spec, device)
    seconds = (time.perf_counter() - start) / len(sources)
    depths = {source.name: decode_grey(data) for source, data in zip(sources, predicted, strict=True)}
    grounds: dict[str, float] = {}
    if schema.GROUND in plan.extras:
        for name, depth in depths.items():
            stage = find_stage(depth, spec)
            grounds[name] = stage.ground.horizon if stage else math.nan
    return [(dataclasses.replace(bg, depth=depths[bg.name]), cutout) for bg, cutout in pairs], seconds, grounds


def _place(
    spec: DepthSpec, shown: list[Row], pairs: list[Pair], composers: list[RowComposer]
) -> tuple[float, list[np.ndarray], float]:
    """Placed labels of the shown rows; returns as `_predict`."""
    seconds, stored, num_bytes = 0.0, [], 0
    for row, (background, _), composer in zip(shown, pairs, composers, strict=True):
        assert background.depth is not None
        labels = PlacedLabels(background.depth, spec, DepthSums(spec.levels))
        shape = composer.shapes.of_row(row)
        start = time.perf_counter()
        values, data = labels.label(shape.cutouts)
        seconds += time.perf_counter() - start
        stored.append(values)
        num_bytes += len(data)
    return seconds / len(shown), stored, num_bytes / len(shown)


def _sheet(
    pairs: list[Pair],
    shown: list[Row],
    depths: list[dict[str, np.ndarray]],
    spec: DepthSpec | None,
    grounds: dict[str, float],
) -> Image.Image:
    rows: list[Row] = [
        {
            "bg": np.asarray(bg.image),
            "fg": np.asarray(fg.image),
            "fg_bg": decode_rgb(row["fg_bg"]["bytes"]),
            "mask": decode_grey(row["fg_bg_mask"]["bytes"]),
            **depths[i],
            "bg_name": row["bg"],
            "fg_name": row["fg"] + (", mirrored" if row["flip"] else ""),
            **_scene(row, grounds.get(row["bg"])),
        }
        for i, ((bg, fg), row) in enumerate(zip(pairs, shown, strict=True))
    ]
    return contact_sheet(rows, spec)


def _scene(row: Row, horizon: float | None) -> Row:
    """What the contact sheet shows of rows with scenes only."""
    if "objects" not in row:
        return {}
    found = {"title": scene_words(row["objects"], row["blend"], horizon), "horizon": horizon}
    return found | ({"instances": decode_grey(row["fg_bg_instances"]["bytes"])} if "fg_bg_instances" in row else {})
