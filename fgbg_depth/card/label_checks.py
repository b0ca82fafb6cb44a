"""The card's section "Can I trust the depth?": what the checks of the labels found, in words, numbers and pictures."""

from __future__ import annotations

import math

from PIL import Image

from fgbg_depth.card.check_charts import NAMES, check_statistics, checks_chart
from fgbg_depth.card.checked_rows import sheet_or_previous
from fgbg_depth.manifest import ColumnStatistics, Manifest
from fgbg_depth.schema import CHECKS, LABELS, picture_path
from fgbg_depth.storage.files import Storage

CHART, SHEET = "checks", "checked_rows"  # names of the pictures under assets/
_MEANINGS = {
    "boundary_recall": (
        "0 to 1. Around the cut-out's outline, the share of neighbouring pixels at which the outer one is farther than "
        "the inner one by more than 5 to 25 % (the mean over ten thresholds, weighted as in the boundary recall of "
        "Depth Pro). 1: a sharp step all around. 0: the outline cannot be seen in the depth."
    ),
    "nearer": (
        "log(distance 5 px outside of the outline / distance 5 px inside), the median along the outline. 0: the cut-out"
        " is as far as what surrounds it. 0.69: half as far. Negative: it is farther."
    ),
    "background_drift": (
        "the mean of |log(distance / distance in the depth of the bare background)|, more than 10 px away from the "
        "cut-out. 0: the background keeps its depth. 0.1: its distances change by about 10 %, although it did not."
    ),
}


def checks_section(manifest: Manifest, repo: str = "user/name") -> str:
    """The section as Markdown, with its heading; "" if the dataset has no checks.

    Args:
        repo: what the example loads.
    """
    if manifest.depth is None or not check_statistics(manifest, "boundary_recall"):
        return ""
    found = {check: check_statistics(manifest, check) for check in NAMES}
    lines = [
        "## Can I trust the depth?",
        "",
        "Where the cut-out is, and what is behind it, is known exactly. Every label was checked against it.",
        " ".join(checks_sentences(manifest)),
        "",
        f"![Rows by boundary recall, nearness and background drift]({picture_path(CHART)})",
        "",
        "| column | label | 5 % of the rows are below | median | 5 % are above | mean | rows without |",
        "|---|---|---:|---:|---:|---:|---:|",
        *(
            _table_line(CHECKS[label][check], label, column)
            for check, columns in found.items()
            for label, column in columns.items()
        ),
        "",
        *(f"- `{check}`: {_MEANINGS[check]}" for check in NAMES if found[check]),
        "",
    ]
    if not manifest.depth.meaning.is_metric:
        lines += [
            f"{manifest.depth.meaning.label.capitalize()} has no unit, so ratios of distances need a scale: here the "
            "near end of the stored range is at distance 1 and the far end at 4. Compare these numbers only with those "
            "of labels of the same kind.",
            "",
        ]
    column = next(CHECKS[label]["boundary_recall"] for label in found["boundary_recall"])
    lines += [
        "The checks are columns, so rows can be chosen by them:",
        "",
        "```python",
        "import fgbg_depth",
        "",
        f'rows = fgbg_depth.load("{repo}", split="{next(iter(manifest.splits))}", where="{column} > 0.5")',
        "```",
        "",
        f"The rows with the lowest and the highest `{column}`, with the outline of the cut-out:",
        "",
        f"![The four rows with the lowest and the four with the highest {column}]({picture_path(SHEET)})",
        "",
        "A low recall is not always an error of the label: a cut-out that stands less than 5 % in front of a wall has "
        "no step.",
    ]
    return "\n".join(lines) + "\n"


def checks_sentences(manifest: Manifest) -> list[str]:
    """What the checks found, one sentence of Markdown for each kind of label; empty if the dataset has no checks."""
    found = {check: check_statistics(manifest, check) for check in NAMES}
    return [_sentence(found, label) for label in LABELS if label in found["boundary_recall"]]


def checks_pictures(
    storage: Storage, manifest: Manifest, previous: Manifest | None = None
) -> dict[str, Image.Image | bytes]:
    """The section's pictures by name: the chart, and the sheet of rows. Empty if the dataset has no checks.

    Args:
        previous: manifest of the previous build, whose sheet may be kept; see `sheet_or_previous`.
    """
    pictures = {CHART: checks_chart(manifest), SHEET: sheet_or_previous(storage, manifest, previous)}
    return {name: picture for name, picture in pictures.items() if picture is not None}


def _sentence(found: dict[str, dict[str, ColumnStatistics]], label: str) -> str:
    """What the medians of one kind of label say."""
    recall = found["boundary_recall"][label].median
    assert recall is not None
    share = f"no more than {100 * recall:.0f} %" if recall < 1 else "the whole"
    parts = [f"**In half of the rows, the {label} depth has a step along {share} of the cut-out's outline**"]
    nearer, drift = found["nearer"].get(label), found["background_drift"].get(label)
    if nearer is not None and nearer.median is not None:
        parts.append(f"what surrounds the cut-out is {math.exp(nearer.median):.2g} times as far as the cut-out")
    if drift is not None and drift.median is not None:
        parts.append(f"the distances of the background differ by {100 * drift.median:.2g} % from those without cut-out")
    last = parts.pop()
    return f"{', '.join(parts)}, and {last}." if parts else f"{last}."


def _table_line(name: str, label: str, column: ColumnStatistics) -> str:
    low, middle, high = (column.quantiles[share] for share in ("0.05", "0.5", "0.95"))
    numbers = " | ".join(f"{value:.3f}" for value in (low, middle, high, column.mean or 0.0))
    return f"| `{name}` | {label} | {numbers} | {column.missing:,} |"
