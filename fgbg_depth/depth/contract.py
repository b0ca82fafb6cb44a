"""Check an external labeller: `python -m fgbg_depth.depth.contract exec:PYTHON:MODULE:FUNCTION`, or an entry point.

In a test of your own:

    from fgbg_depth.depth.contract import check_labeller

    def test_my_labeller():
        check_labeller("exec:.venv-moge/bin/python:moge_labeller.py:predict", device="cuda")
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.devices import labeller_device
from fgbg_depth.depth.external.function import open_function
from fgbg_depth.depth.external.labeller import check_values
from fgbg_depth.depth.external.names import Program, find_labeller, installed_names, remember_program
from fgbg_depth.depth.external.stated import Stated
from fgbg_depth.errors import DepthError, FgBgError

BATCH = 4
# Largest difference between a row's labels alone and in a batch, as a fraction of the span of its values. Half
# precision on a GPU stays below 0.01; a labeller that scales a batch as a whole is far above.
TOLERANCE = 0.02


@dataclass(frozen=True)
class Report:
    """What the check found.

    low, high: smallest and largest value of the labels.  invalid: fraction of pixels without depth.
    rows_per_s: of batches of 4 pictures, in one process.
    """

    name: str
    stated: Stated
    low: float
    high: float
    invalid: float
    rows_per_s: float
    size: int
    device: str

    def __str__(self) -> str:
        stated = self.stated
        return (
            f"labeller  {self.name}\n"
            f"kind      {stated.kind.name}: {stated.kind.description}\n"
            f"version   {stated.version} (digest {stated.digest}), licence {stated.license or 'not stated'}\n"
            f"values    {self.low:.4g} to {self.high:.4g}{' ' + stated.kind.unit if stated.kind.unit else ''}, "
            f"{100 * self.invalid:.1f} % invalid\n"
            f"speed     {self.rows_per_s:,.0f} rows/s at {self.size}x{self.size}, {self.device}, {BATCH} rows a call\n"
            "The labeller keeps the contract."
        )


def check_labeller(model: str, device: str = "auto", size: int = 224) -> Report:
    """Check that a labeller keeps the contract of docs/labellers.md, on generated pictures.

    Checked are: the attributes; shape, type and values for batches of 1 and 4 and for two sizes; that repeated calls
    give the same labels; that the label of a row does not depend on the rows beside it; that labels are not constant.

    Args:
        model: exec:PYTHON:MODULE:FUNCTION, or the name of an entry point in the group fgbg_depth.labellers.
        device: auto, cpu, cuda, cuda:N or mps.
        size: side of the pictures in pixels.
    Raises:
        DepthError: it does not; the message says what is wrong.
    """
    source = find_labeller(remember_program(model))
    if source is None:
        raise DepthError(
            f"{model!r} is not an external labeller.\n  Installed labellers: "
            f"{', '.join(installed_names()) or 'none'}. A program is exec:PYTHON:MODULE:FUNCTION."
        )
    chosen = labeller_device(device, 0, isinstance(source, Program))
    function = open_function(source, chosen)
    try:
        stated = Stated.of(function)

        def label(images: NDArray[np.uint8]) -> NDArray[np.float32]:
            return check_values(source.name, stated.kind, function(images))

        pictures = _pictures(BATCH, size)
        batch = label(pictures)
        span = _check_values(source.name, batch)
        start = time.perf_counter()
        again = label(pictures)
        elapsed_s = time.perf_counter() - start
        _check_same(source.name, batch, again, span, "differs when the same batch is labelled again")
        alone = np.concatenate([label(picture[None]) for picture in pictures])
        _check_same(source.name, batch, alone, span, "depends on the rows beside it")
        label(_pictures(BATCH, size + 32))
    finally:
        function.close()
    low, high = float(np.nanmin(batch)), float(np.nanmax(batch))
    invalid = float(np.isnan(batch).mean())
    return Report(source.name, stated, low, high, invalid, BATCH / elapsed_s, size, chosen)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one labeller and print what was found."""
    parser = argparse.ArgumentParser(
        prog="python -m fgbg_depth.depth.contract", description="Check an external labeller; see docs/labellers.md."
    )
    parser.add_argument("model", metavar="LABELLER", help="exec:PYTHON:MODULE:FUNCTION, or an entry point's name")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: auto)")
    parser.add_argument("--size", type=int, default=224, help="side of the pictures in pixels (default: 224)")
    options = parser.parse_args(arguments)
    try:
        print(check_labeller(options.model, options.device, options.size))
    except FgBgError as e:
        print(f"{type(e).__name__}: {e}", file=sys.stderr)
        return e.exit_code
    return 0


def _pictures(count: int, size: int) -> NDArray[np.uint8]:
    """(count, size, size, 3) uint8: skies above grounds of different colours, with noise and a box."""
    rng = np.random.default_rng(0)
    y = np.linspace(0, 1, size)[:, None, None]
    pictures = []
    for index in range(count):
        sky, ground, box = rng.uniform(0, 255, (3, 3))
        pixels = np.where(y < 0.3 + 0.1 * index, sky, ground * y) + rng.normal(0, 8, (size, size, 3))
        pixels[size // 2 : -size // 8, size // 4 : size // 2] = box
        pictures.append(pixels)
    return np.stack(pictures).clip(0, 255).astype(np.uint8)


def _check_values(name: str, labels: NDArray[np.float32]) -> float:
    """Check that the labels of each picture hold depth and vary.

    Returns:
        the span of all values.
    """
    for index, label in enumerate(labels):
        valid = label[~np.isnan(label)]
        if not valid.size:
            raise DepthError(f"depth model {name}: picture {index} has no valid pixel.")
        if valid.min() == valid.max():
            raise DepthError(f"depth model {name}: picture {index} has the same depth, {valid[0]:g}, everywhere.")
    return float(np.nanmax(labels) - np.nanmin(labels))


def _check_same(name: str, first: NDArray[np.float32], second: NDArray[np.float32], span: float, problem: str) -> None:
    changed = np.isnan(first) != np.isnan(second)
    difference = float(np.nanmax(np.abs(first - second), initial=0)) / span
    if difference > TOLERANCE or changed.mean() > TOLERANCE:
        raise DepthError(
            f"depth model {name}: the label of a row {problem}: by {100 * difference:.2g} % of the span of its values, "
            f"and {100 * float(changed.mean()):.2g} % of the pixels change between valid and invalid.\n"
            "  Put the model into evaluation mode, and scale each row by itself."
        )


if __name__ == "__main__":
    raise SystemExit(main())
