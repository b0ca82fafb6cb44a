"""How many workers a build with labels gets: on GPUs from the measured speed of the depth model."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np

from fgbg_depth import schema
from fgbg_depth.builder.messages import Log, count
from fgbg_depth.depth import models
from fgbg_depth.depth.models import Labeller
from fgbg_depth.engine.worker_count import workers_for_gpus
from fgbg_depth.plan import Plan
from fgbg_depth.recipe import Recipe

MEASURED_ROWS = 20_000  # below, loading the model once more takes longer than better chosen workers save
MEASURING_S = 2.0


def default_workers(recipe: Recipe, device: str) -> int:
    """One process a core; where labels are made on GPUs as many as an average model needs."""
    gpus = _label_gpus(recipe, device)
    return workers_for_gpus(None, gpus, num_cores()) if gpus else num_cores()


def workers_for_labels(plan: Plan, device: str, num_rows: int, workers: int, log: Log) -> int:
    """The number of workers of a build that states none, after its model was timed if that is worthwhile.

    Args:
        num_rows: that the build labels.
        workers: what `default_workers` says.
    """
    gpus = _label_gpus(plan.recipe, device)
    if not gpus or plan.spec is None or num_rows < MEASURED_ROWS:
        return workers
    labeller = models.load_labeller(plan.recipe, plan.spec, device)
    speed = rows_per_s(labeller, plan.recipe.size)
    labeller.release()
    chosen = workers_for_gpus(speed, gpus, num_cores())
    log(f"{plan.spec.model} labels {speed:,.0f} rows/s on one GPU: {count(chosen, 'worker')} (--workers changes it).")
    return chosen


def rows_per_s(labeller: Labeller, size: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Rows that a labeller labels a second, in full batches of noise.

    Args:
        size: of the rows' images, in pixels.
    """
    rng = np.random.Generator(np.random.Philox(key=1))
    rows = rng.integers(0, 256, (labeller.batch_size, size, size, 3), dtype=np.uint8)
    labeller(rows)  # the first call is slower; it may also halve the batch size
    rows = rows[: labeller.batch_size]
    start, labelled = clock(), 0
    while not labelled or clock() - start < MEASURING_S:
        labeller(rows)
        labelled += len(rows)
    return labelled / (clock() - start)


def _label_gpus(recipe: Recipe, device: str) -> int:
    return models.num_gpus(device) if schema.PREDICTED in recipe.labels else 0


def num_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
