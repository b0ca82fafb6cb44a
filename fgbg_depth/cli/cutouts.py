"""The command `cutouts`: photographs to cut-outs, with the models that can be chosen and their licences."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgbg_depth.cli.parser import count as count_type
from fgbg_depth.errors import SourceError, command
from fgbg_depth.sources.cutouts.models import DEFAULT_MODEL, MODELS

if TYPE_CHECKING:
    from fgbg_depth.sources.cutouts.make import CutoutsResult

DESCRIPTION = """\
Make cut-outs from photographs: a model finds the object, its outline becomes the alpha channel, the colour of the old
background is removed from the soft edge, and the picture is cropped to the object. The result is a folder for
`build --foregrounds`.

Photographs that give no usable cut-out are left out, with one line each that says why: no object found, cut off by the
photograph's edge, too small. Look at the contact sheet beside the output before you build.

The same command continues after an interruption: cut-outs that the same model and options made from the same photograph
are reused, and cut-outs that you changed by hand are never overwritten. SOURCES.md in the output says which model made
them and under which licence; write into it where the photographs come from. `build` quotes it in the card.

examples:
  {cutouts} photos/ --output fg/
      cut-outs of all photographs in photos/ and its sub-folders; the model is downloaded once
  {cutouts} photos/ --output fg/ --matte mattes/
      with mattes that you have: mattes/cow.png for photos/cow.jpg; no model is needed
  {build} --foregrounds fg/ --backgrounds bg/ --dry-run
      look at a few composites

models, which all run on this machine, and the licence of their weights:
{models}
"""


def add_cutouts(commands: Any) -> None:
    """Add the subcommand `cutouts`."""
    width = max(len(model.name) for model in MODELS)
    table = "\n".join(f"  {model.name:<{width}}  {model.license}; {model.suits}" for model in MODELS)
    parser = commands.add_parser(
        "cutouts",
        help="make cut-outs from photographs",
        description=DESCRIPTION.format(cutouts=command("cutouts"), build=command("build"), models=table),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f"{command('cutouts')} PHOTOS --output DIR [--model NAME | --matte FILE_OR_DIR] [options]",
    )
    parser.add_argument("photos", metavar="PHOTOS", help="folder of photographs, or one photograph")
    parser.add_argument("--output", metavar="DIR", required=True, help="folder for the cut-outs, outside of PHOTOS")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--model",
        metavar="NAME",
        choices=[model.name for model in MODELS],
        default=DEFAULT_MODEL,
        help="model that finds the object (default: %(default)s)",
    )
    source.add_argument(
        "--matte",
        metavar="FILE_OR_DIR",
        help="mattes that you have, instead of a model: grey pictures of 8 or 16 bits, white where the object is, or "
        "pictures with alpha; named as the photographs and of the same size",
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="device of the model; cuda needs the package onnxruntime-gpu (default: auto)",
    )
    parser.add_argument(
        "--longest",
        type=count_type,
        default=1024,
        metavar="PX",
        help="reduce larger cut-outs to this longest side; 0 = keep the photograph's pixels (default: %(default)s)",
    )
    parser.add_argument(
        "--keep-colors", action="store_true", help="do not remove the old background's colour from the soft edge"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    parser.set_defaults(run=_cutouts)


def _cutouts(options: argparse.Namespace) -> int:
    from fgbg_depth.card.cutouts_sheet import write_sheet
    from fgbg_depth.sources.cutouts.make import make_cutouts
    from fgbg_depth.sources.cutouts.outline import CutOptions

    with _progress() as (log, on_photo):
        result = make_cutouts(
            options.photos,
            options.output,
            model=options.model,
            matte=options.matte,
            device=options.device,
            options=CutOptions(longest=options.longest, keep_colors=options.keep_colors),
            log=log,
            progress=on_photo,
        )
    sheet = write_sheet(result)
    if options.json:
        print(json.dumps(result.to_dict() | {"sheet": str(sheet)}))
    if len(result.left_out) == len(result.cutouts):
        raise SourceError(
            f"no photograph of {options.photos} gave a cut-out; the lines above say why.\n"
            f"  The photographs are shown in {sheet}."
        )
    if not options.json:
        _print_result(result, sheet)
    return 0


def _print_result(result: CutoutsResult, sheet: Path) -> None:
    """Say what was made and which command to type next."""
    from fgbg_depth.builder.messages import count

    output, photos = shlex.quote(result.output), count(len(result.cutouts), "photograph")
    print(f"{count(result.made + result.reused, 'cut-out')} of {photos}: {result.output}")
    if result.reused:
        print(f"Reused {result.reused:,} of {len(result.cutouts):,}; made {result.made:,}.")
    if result.left_out:
        print(f"Left out {len(result.left_out):,}.")
    print(f"look:     {sheet}")
    print(f"terms:    write into {result.output}/SOURCES.md where the photographs come from")
    print(f"next:     {command(f'build --foregrounds {output} --backgrounds DIR --dry-run')}")


@contextmanager
def _progress() -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """Two functions: one prints a line on stderr, one takes (photographs done, their total) for a progress bar."""
    from tqdm import tqdm

    with tqdm(unit=" photos", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)
            bar.refresh()

        def log(line: str) -> None:
            tqdm.write(line, file=sys.stderr)

        yield log, show
