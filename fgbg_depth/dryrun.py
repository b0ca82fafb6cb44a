"""A look before hours of work: rows, shards, bytes and minutes from a few composed rows, and a contact sheet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from fgbg_depth.codecs import decode_grey, decode_rgb, encode_depth
from fgbg_depth.compose import compose_rows
from fgbg_depth.figures import contact_sheet
from fgbg_depth.labelling import LabelBatch
from fgbg_depth.plan import Plan
from fgbg_depth.prepared import Prepared
from fgbg_depth.statistics import Sums

SHEET_ROWS = 6
TIMED_ROWS = 96


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
    sheet: Any  # PIL image


def estimate(plan: Plan, workers: int, device: str = "auto") -> Estimate:
    """Compose and label a few rows of the plan, as a build would, and extrapolate. Writes nothing."""
    recipe, spec = plan.recipe, plan.spec
    prepared = Prepared.of(plan.sources)
    sums = Sums(recipe.size, spec.levels if spec else 0)
    start = time.perf_counter()
    rows = list(islice(_sample(plan, prepared, sums), TIMED_ROWS))
    compose_s = (time.perf_counter() - start) / len(rows)
    images = [row["fg_bg"] for row in rows]
    start = time.perf_counter()
    LabelBatch(None, sums)(images)
    count_s = (time.perf_counter() - start) / len(rows)
    row_bytes = sum(len(row["fg_bg"]["bytes"]) + len(row["fg_bg_mask"]["bytes"]) for row in rows) / len(rows)
    label_s, depths = 0.0, [None] * len(rows)
    if spec is not None:
        from fgbg_depth.depth import load_labeller

        labeller = load_labeller(recipe, spec, device)
        shown = images[:: max(1, len(images) // SHEET_ROWS)][: max(SHEET_ROWS, labeller.batch_size)]
        pixels = np.stack([decode_rgb(image["bytes"]) for image in shown])
        labeller(pixels[: labeller.batch_size])  # warm up
        start = time.perf_counter()
        stored = labeller(pixels)
        label_s = (time.perf_counter() - start) / len(pixels)
        row_bytes += sum(len(encode_depth(values)) for values in stored) / len(stored)
        depths = _spread(stored, spec, len(rows), max(1, len(images) // SHEET_ROWS))
    total_s = plan.rows * (compose_s + count_s + label_s) / workers
    return Estimate(
        rows=plan.rows,
        shards=len(plan.shards),
        splits=plan.split_rows(),
        bytes=round(row_bytes * plan.rows),
        seconds=total_s,
        compose_rows_per_s=1 / (compose_s + count_s),
        label_rows_per_s=1 / label_s if label_s else None,
        workers=workers,
        sheet=_sheet(rows, depths, prepared, plan),
    )


def _sample(plan: Plan, prepared: Prepared, sums: Sums) -> Iterator[dict[str, Any]]:
    """Rows spread over backgrounds and cut-outs, a few of each pair, without end."""
    recipe = plan.recipe.replace(placements=1)
    bgs, fgs = plan.sources.backgrounds, plan.sources.cutouts
    turn = 0
    while True:
        bg, fg = bgs[turn * 7 % len(bgs)], fgs[(turn * 5 + turn // len(fgs)) % len(fgs)]
        yield from compose_rows(recipe, prepared.background(bg.name), prepared.cutout(fg.name), sums)
        turn += 1


def _spread(stored: np.ndarray, spec: Any, count: int, step: int) -> list[Any]:
    from fgbg_depth.depth.spec import decode_depth

    decode = partial(decode_depth, spec=spec)
    depths: list[Any] = [None] * count
    for index, values in zip(range(0, count, step), stored, strict=False):
        depths[index] = decode(values)
    return depths


def _sheet(rows: list[dict[str, Any]], depths: list[Any], prepared: Prepared, plan: Plan) -> Any:
    shown = []
    step = max(1, len(rows) // SHEET_ROWS)
    for index in range(0, len(rows), step)[:SHEET_ROWS]:
        row = rows[index]
        shown.append(
            {
                "bg": np.asarray(prepared.background(row["bg"]).image),
                "fg": np.asarray(prepared.cutout(row["fg"]).image),
                "fg_bg": decode_rgb(row["fg_bg"]["bytes"]),
                "mask": decode_grey(row["fg_bg_mask"]["bytes"]),
                "depth": depths[index],
                "title": f"{row['bg']} + {row['fg']}{' mirrored' if row['flip'] else ''}",
            }
        )
    return contact_sheet(shown, plan.spec)
