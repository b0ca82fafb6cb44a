"""A look before hours of work: rows, shards, bytes and minutes from a few composed rows, and a contact sheet."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from PIL import Image

from fgbg_depth.card.sheets import contact_sheet
from fgbg_depth.depth import decode_depth, models
from fgbg_depth.depth.label_batch import LabelBatch
from fgbg_depth.plan import Plan
from fgbg_depth.render.codecs import decode_grey, decode_rgb
from fgbg_depth.render.compose import compose_rows
from fgbg_depth.render.inputs import Background, Cutout
from fgbg_depth.render.png import encode_depth
from fgbg_depth.sources.prepared import Prepared
from fgbg_depth.statistics import Sums

SHEET_ROWS = 6
ROWS_A_PAIR = 16  # composed for the estimate; one of them is shown


@dataclass(frozen=True)
class Estimate:
    """What a build would make and cost."""

    rows: int
    shards: int
    splits: dict[str, int]
    bytes: int
    seconds: float
    compose_rows_per_s: float  # one process
    label_rows_per_s: float | None  # one process; None without depth
    workers: int
    sheet: Image.Image


def estimate(plan: Plan, workers: int, device: str = "auto") -> Estimate:
    """Compose and label a few rows of the plan, as a build would, and extrapolate. Writes nothing."""
    recipe, spec = plan.recipe, plan.spec
    prepared = Prepared.of(plan.sources)
    sums = Sums(recipe.size, spec.levels if spec else 0)
    pairs = _pairs(plan, prepared)
    few = recipe.replace(placements=-(-ROWS_A_PAIR // len(recipe.flips)))
    start = time.perf_counter()
    rows = [row for bg, fg in pairs for row in islice(compose_rows(few, bg, fg, sums, spec is None), ROWS_A_PAIR)]
    if spec is not None:
        LabelBatch(None, sums)([row["fg_bg"] for row in rows])  # decodes and counts, as it does before the model
    compose_s = (time.perf_counter() - start) / len(rows)
    row_bytes = sum(len(row["fg_bg"]["bytes"]) + len(row["fg_bg_mask"]["bytes"]) for row in rows) / len(rows)
    shown = [rows[i * ROWS_A_PAIR + 5 * i % ROWS_A_PAIR] for i in range(len(pairs))]
    label_s, depths = 0.0, None
    if spec is not None:
        labeller = models.load_labeller(recipe, spec, device)
        pixels = np.stack([decode_rgb(row["fg_bg"]["bytes"]) for row in [*shown, *rows[: labeller.batch_size]]])
        labeller(pixels[: labeller.batch_size])  # warm up
        start = time.perf_counter()
        stored = labeller(pixels)
        label_s = (time.perf_counter() - start) / len(pixels)
        row_bytes += sum(len(encode_depth(values)) for values in stored) / len(stored)
        depths = [decode_depth(values, spec) for values in stored[: len(shown)]]
    total_s = plan.rows * (compose_s + label_s) / workers
    return Estimate(
        rows=plan.rows,
        shards=len(plan.shards),
        splits=plan.split_rows(),
        bytes=round(row_bytes * plan.rows),
        seconds=total_s,
        compose_rows_per_s=1 / compose_s,
        label_rows_per_s=1 / label_s if label_s else None,
        workers=workers,
        sheet=_sheet(pairs, shown, depths, plan),
    )


def _pairs(plan: Plan, prepared: Prepared) -> list[tuple[Background, Cutout]]:
    """Backgrounds and cut-outs spread over all there are."""
    bgs, fgs = plan.sources.backgrounds, plan.sources.cutouts
    count = min(SHEET_ROWS, len(bgs) * len(fgs))
    return [
        (
            prepared.background(bgs[i * len(bgs) // count % len(bgs)].name),
            prepared.cutout(fgs[(i * len(fgs) // count + i) % len(fgs)].name),
        )
        for i in range(count)
    ]


def _sheet(
    pairs: list[tuple[Background, Cutout]],
    shown: list[dict[str, Any]],
    depths: list[np.ndarray] | None,
    plan: Plan,
) -> Image.Image:
    rows = [
        {
            "bg": np.asarray(bg.image),
            "fg": np.asarray(fg.image),
            "fg_bg": decode_rgb(row["fg_bg"]["bytes"]),
            "mask": decode_grey(row["fg_bg_mask"]["bytes"]),
            "depth": depths[i] if depths else None,
            "bg_name": row["bg"],
            "fg_name": row["fg"] + (", mirrored" if row["flip"] else ""),
        }
        for i, ((bg, fg), row) in enumerate(zip(pairs, shown, strict=True))
    ]
    return contact_sheet(rows, plan.spec)
