"""The number of workers: from the measured speed of the depth model on GPUs, one a core elsewhere."""

import numpy as np
import pytest
from tiny import SimpleLabeller, simple_spec

from fgbg_depth.builder import label_speed
from fgbg_depth.builder.label_speed import MEASURED_ROWS, rows_per_s, workers_for_labels
from fgbg_depth.depth import models
from fgbg_depth.engine.worker_count import MOST_PER_GPU, workers_for_gpus
from fgbg_depth.plan import Plan
from fgbg_depth.recipe import Recipe
from fgbg_depth.sources.load import Sources


@pytest.mark.parametrize(
    "speed, workers",
    [(None, 6), (0.1, 2), (20, 2), (400, 3), (890, 6), (1235, 9), (4500, 12), (1e6, 12)],
)
def test_workers_of_one_gpu(speed: float | None, workers: int) -> None:
    assert workers_for_gpus(speed, 1, 64) == workers
    assert workers_for_gpus(speed, 4, 640) == 4 * workers


def test_there_are_never_more_workers_than_cores_and_never_none() -> None:
    assert [workers_for_gpus(890, 1, cores) for cores in (1, 2, 6, 64)] == [1, 2, 6, 6]
    assert workers_for_gpus(1.0, 8, 1) == 1


def test_a_faster_model_never_gets_fewer_workers() -> None:
    counts = [workers_for_gpus(speed, 2, 1000) for speed in np.linspace(1, 6000, 500)]
    assert counts == sorted(counts)
    assert counts[-1] == 2 * MOST_PER_GPU


class Timed(SimpleLabeller):
    """A labeller that takes a stated time for each call, by a clock of its own."""

    def __init__(self, batch_size: int, seconds: float, first_s: float = 30.0) -> None:
        super().__init__(simple_spec(), batch_size)
        self.now, self._seconds, self._first_s, self.released = 0.0, seconds, first_s, False

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.now += self._seconds if self.calls else self._first_s
        return super().__call__(images)

    def clock(self) -> float:
        return self.now

    def release(self) -> None:
        self.released = True


@pytest.mark.parametrize("seconds", [0.01, 0.5, 60.0])
def test_the_speed_is_that_of_full_batches_after_the_first(seconds: float) -> None:
    labeller = Timed(8, seconds)
    assert rows_per_s(labeller, 16, labeller.clock) == pytest.approx(8 / seconds)
    assert labeller.images == 8 * labeller.calls


def test_a_build_times_its_model_only_if_that_is_worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    labeller = Timed(64, 0.072)
    monkeypatch.setattr(models, "load_labeller", lambda *args: labeller)
    monkeypatch.setattr(models, "num_gpus", lambda device: 1 if device == "cuda" else 0)
    monkeypatch.setattr(label_speed, "rows_per_s", lambda labeller, size: 4500.0)
    monkeypatch.setattr(label_speed, "num_cores", lambda: 64)
    plan = Plan(Recipe(size=32), Sources((), ()), simple_spec(), ())
    lines: list[str] = []
    assert workers_for_labels(plan, "cpu", 10**6, 64, lines.append) == 64
    assert workers_for_labels(plan, "cuda", MEASURED_ROWS - 1, 6, lines.append) == 6
    assert not lines and not labeller.released
    assert workers_for_labels(plan, "cuda", MEASURED_ROWS, 6, lines.append) == 12
    assert labeller.released
    (line,) = lines
    assert "4,500 rows/s on one GPU: 12 workers" in line
