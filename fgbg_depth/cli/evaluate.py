"""The command `evaluate`: what a small network learns from a dataset, on every split and on photographs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fgbg_depth.errors import command

DESCRIPTION = """\
Train a small network (0.4 million parameters) on rows of `train` for a fixed number of steps, test it on every split,
and print the scores side by side: Dice and error of the matte, AbsRel and delta of the depth, everywhere and inside
the cut-out. It takes a few minutes on a CPU, and equal datasets give equal scores there. The scores compare datasets
and find faults of a dataset; a network to be used needs longer training (examples/train.py).

photographs of your own, --photos DIR:
  NAME.jpg with NAME_mask.png (white is the foreground, same size), or one PNG whose alpha is the mask

examples:
  {evaluate} my-set
  {evaluate} USER/NAME --photos my-photos --json
"""


def add_evaluate(commands: Any) -> None:
    """Add the subcommand `evaluate`."""
    parser = commands.add_parser(
        "evaluate",
        help="train a small network on a dataset for a few minutes, and test it on every split",
        description=DESCRIPTION.format(evaluate=command("evaluate")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("output", metavar="OUTPUT", help="folder or URL that `build` wrote, or USER/NAME on the Hub")
    parser.add_argument("--photos", metavar="DIR", help="also test on these photographs with masks")
    parser.add_argument("--seed", type=int, default=0, help="of the network and of the order of rows (default: 0)")
    parser.add_argument(
        "--device", default="cpu", help="cpu, auto, cuda, cuda:1 or mps; only cpu repeats exactly (default: cpu)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    parser.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    from fgbg_depth.training.evaluate import evaluate

    with _progress() as on_progress:
        found = evaluate(
            options.output, options.photos, seed=options.seed, device=options.device, on_progress=on_progress
        )
    print(json.dumps(found.to_dict()) if options.json else found.as_text())
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on stderr; yields a function that takes what is done, how much of it, and of how much."""
    from tqdm import tqdm

    units = {"read": " rows", "train": " steps"}
    current = ""
    with tqdm(disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:

        def show(what: str, done: int, total: int) -> None:
            nonlocal current
            if what != current:
                current, bar.unit = what, units[what]
                bar.set_description(what)
                bar.reset(total)
            bar.update(done - bar.n)

        yield show
