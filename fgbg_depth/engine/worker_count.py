"""How many worker processes keep a GPU busy, from the speed of its depth model."""

from __future__ import annotations

import math

# What one worker composes, decodes, checks and encodes beside the model: twelve workers delivered 4,500 rows/s to a
# light model and six 2,400. 224x224; larger rows cost more here, and more in the model too.
ROWS_PER_S = 390
# A worker is not always at the step that the GPU waits for. Six workers for 890 rows/s kept a GPU busy for 98 % of the
# time and more; that is 2.6 times as many as the rows alone need.
HEADROOM = 2.6
FEWEST_PER_GPU, MOST_PER_GPU = 2, 12  # one of two labels while the other writes; each has the model in the GPU's memory
UNMEASURED_PER_GPU = 6


def workers_for_gpus(rows_per_s: float | None, gpus: int, cores: int) -> int:
    """The number of worker processes.

    Args:
        rows_per_s: rows that the model labels a second on one GPU, measured alone; None: not measured.
        gpus: that the workers share, at least 1.
        cores: of this machine; there are never more workers.

        workers_for_gpus(890, 1, 64)    # 6: DenseDepth at 480x640
        workers_for_gpus(4500, 1, 64)   # 12: a light model
        workers_for_gpus(20, 1, 64)     # 2: a very large one
    """
    per_gpu = UNMEASURED_PER_GPU
    if rows_per_s is not None:
        per_gpu = min(max(math.ceil(HEADROOM * rows_per_s / ROWS_PER_S), FEWEST_PER_GPU), MOST_PER_GPU)
    return max(1, min(cores, per_gpu * gpus))
