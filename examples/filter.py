"""Leave out the rows of a dataset whose depth label agrees least with the matte.

    python examples/filter.py --data fgbg-dataset                                # the values of all checks
    python examples/filter.py --data fgbg-dataset --check placed_boundary_recall --least 0.5 --output kept

Every row with a depth label has numbers that say how well label and matte agree: `boundary_recall` (share of the
outline at which the label has an edge, 0 to 1) and `nearer` (how much nearer the cut-out is than what surrounds it),
for which larger is better, and `background_drift` (how much the rest of the label changed), for which smaller is
better. Those of placed labels begin with `placed_`.

With a limit this prints how many rows of each split stay, and writes to `--output`: rows.json with the numbers of the
rows that stay, by split, and rows.png with rows just below the limit and just above it.

To train on them, use the numbers, or let `load` read only matching rows:

    rows = fgbg_depth.load("fgbg-dataset", split="train").select(json.load(open("kept/rows.json"))["train"])
    rows = fgbg_depth.load("fgbg-dataset", split="train", where="placed_boundary_recall >= 0.5")
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))  # a checkout needs no installation
import fgbg_depth
from fgbg_depth.card.sheets import contact_sheet
from fgbg_depth.schema import CHECKS, LABELS

SHARES = (0.01, 0.05, 0.1, 0.25, 0.5)
SHOWN = 4  # rows below the limit, and as many above it


def columns_of_checks(manifest):
    """The columns of all checks that the rows have, each with the column of the label that it checks."""
    return {column: LABELS[label] for label in manifest.labels for column in CHECKS[label].values()}


def print_limits(splits, checks):
    """For each check, the value below which a share of the rows of `train` lies."""
    print(f"{'share of train below:':26}" + "".join(f"{share:>9.0%}" for share in SHARES))
    for check in checks:
        values = np.asarray(splits["train"].with_format("numpy")[:][check])
        print(f"{check:26}" + "".join(f"{limit:9.3f}" for limit in np.nanquantile(values, SHARES)))


def picture_of(rows, values, stays, limit, check, label, manifest):
    """A contact sheet of the rows nearest to the limit on both sides."""
    order = np.argsort(values)
    middle = int((values < limit).sum())
    near = order[max(0, middle - SHOWN) : middle + SHOWN]
    lines = []
    for index in near[np.isfinite(values[near])]:
        row = rows[int(index)]
        verdict = "stays" if stays[index] else "left out"
        lines.append({
            "fg_bg": np.asarray(row["fg_bg"]),
            "mask": np.asarray(row["fg_bg_mask"]),
            label: fgbg_depth.decode_depth(row[label], manifest),
            "title": f"{verdict}: {check} {values[index]:.3f}   {row['bg']}, {row['fg']}",
        })  # fmt: skip
    return contact_sheet(lines, manifest.depth, value_range=manifest.depth_range) if lines else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="fgbg-dataset", help="folder of a dataset, or USER/NAME on the Hub")
    parser.add_argument("--revision", help="tag, branch or commit on the Hub")
    parser.add_argument("--check", help="column (default: the boundary recall of the main label)")
    limits = parser.add_mutually_exclusive_group()
    limits.add_argument("--least", type=float, help="rows with a smaller number, or with none, are left out")
    limits.add_argument("--most", type=float, help="rows with a larger number, or with none, are left out")
    parser.add_argument("--output", type=Path, default=Path("kept"))
    options = parser.parse_args()

    manifest = fgbg_depth.load_manifest(options.data, options.revision)
    checks = columns_of_checks(manifest)
    if not checks:
        parser.error("the dataset has no depth labels, so it has no checks of them")
    check = options.check or CHECKS[manifest.labels[-1]]["boundary_recall"]
    if check not in checks:
        parser.error(f"the dataset has no check {check!r}; its checks are: {', '.join(checks)}")
    splits = fgbg_depth.load(options.data, options.revision)
    numbers = splits.select_columns(list(checks))  # without images, so this is quick
    if options.least is None and options.most is None:
        print_limits(numbers, checks)
        return

    kept = {}
    print(f"{'split':20}{'rows':>9}{'stay':>9}")
    for name, rows in numbers.items():
        values = np.asarray(rows.with_format("numpy")[:][check])
        stays = values >= options.least if options.most is None else values <= options.most  # NaN: neither
        kept[name] = np.flatnonzero(stays).tolist()
        print(f"{name:20}{len(rows):9,}{len(kept[name]):9,}")
        if name == "train":
            limit = options.least if options.most is None else options.most
            picture = picture_of(splits[name], values, stays, limit, check, checks[check], manifest)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "rows.json").write_text(json.dumps(kept))
    if picture is not None:
        picture.save(options.output / "rows.png")
    print(f"written: {options.output}/rows.json, rows.png")


if __name__ == "__main__":
    main()
