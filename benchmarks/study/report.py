"""The tables of docs/study.md, from the results of the runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study.ways import EXTRA_WAYS, WAYS

BEGIN, END = "<!-- tables: python -m benchmarks.study --report -->", "<!-- end of tables -->"
TESTS = {
    "photographs": "photographs, anywhere",
    "standing": "photographs, standing",
    "varied": "photographs, scenes as in (d)",
    "rendered": "rendered",
}
Run = dict[str, Any]
References = dict[str, dict[str, dict[str, float]]]  # name, group and key of a score


def update_document(document: Path, results: dict[str, Any]) -> None:
    """Replace what stands between the two marks of the document."""
    text = document.read_text(encoding="utf-8")
    document.write_text(with_tables(text, results), encoding="utf-8")


def with_tables(text: str, results: dict[str, Any]) -> str:
    """The document's text with new tables."""
    before, mark, rest = text.partition(BEGIN)
    if not mark or END not in rest:
        raise SystemExit(f"The document has no lines {BEGIN!r} and {END!r}, between which the tables belong.")
    return (
        before + BEGIN + "\n\n" + tables(results["runs"], results["references"]) + "\n\n" + END + rest.partition(END)[2]
    )


def tables(runs: Sequence[Run], references: References) -> str:
    """All tables, Markdown. The study's own runs are those of the number of steps that most runs have."""
    main_steps = Counter(run["steps"] for run in runs).most_common(1)[0][0]
    main = [run for run in runs if run["steps"] == main_steps]
    parts = [
        _costs(main),
        _masks(main),
        _depth(main, references),
        _alignments(main, references),
        _splits(main),
        _depth_splits(main, references),
        _curves(main),
        _goal(main),
    ]
    others = sorted({run["steps"] for run in runs} - {main_steps})
    for steps in others:
        chosen = [run for run in runs if run["steps"] == steps]
        parts.append(f"**The same with {steps:,} steps.** {_costs(chosen)}")
        parts += [_masks(chosen), _depth(chosen, {}), _curves(chosen)]
    return "\n\n".join(part for part in parts if part)


def mean_and_deviation(values: Sequence[float], digits: int = 3, factor: float = 1.0) -> str:
    """`0.512 ± 0.010`: mean and sample deviation over the seeds; the mean alone of one run; a dash of none."""
    if not values:
        return "–"
    scaled = factor * np.array(values)
    deviation = f" ± {scaled.std(ddof=1):.{digits}f}" if len(scaled) > 1 else ""
    return f"{scaled.mean():.{digits}f}{deviation}"


def scores_of(runs: Sequence[Run], way: str, group: str, key: str) -> list[float]:
    """One score of all runs of a way; empty if they do not have it."""
    return [run["scores"][group][key] for run in runs if run["way"] == way and group in run["scores"]]


def _table(title: str, runs: Sequence[Run], columns: dict[str, tuple[str, str]], references: References) -> str:
    """A line for each way and each reference; `columns` name group and key of a score."""
    lines = [f"**{title}**", "", f"| way | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for way, name in (WAYS | EXTRA_WAYS).items():
        if any(run["way"] == way for run in runs):
            cells = [mean_and_deviation(scores_of(runs, way, *score)) for score in columns.values()]
            lines.append(f"| ({way}) {name} | {' | '.join(cells)} |")
    for name, scores in references.items():
        cells = [mean_and_deviation([scores[group][key]] if group in scores else []) for group, key in columns.values()]
        lines.append(f"| *{name}* | {' | '.join(cells)} |")
    return "\n".join(lines)


def _masks(runs: Sequence[Run]) -> str:
    groups = {name: title for name, title in TESTS.items() if name in runs[0]["scores"]}
    columns = {f"IoU, {title}": (name, "iou") for name, title in groups.items()}
    columns |= {f"matte error, {title}": (name, "mae") for name, title in groups.items()}
    return _table("Masks of what no way has seen", runs, columns, {})


def _depth(runs: Sequence[Run], references: References) -> str:
    columns = {
        "AbsRel": ("rendered affine", "absrel"),
        "AbsRel inside": ("rendered affine", "absrel_inside"),
        "δ < 1.25": ("rendered affine", "delta"),
        "δ < 1.25 inside": ("rendered affine", "delta_inside"),
        "boundary recall": ("rendered affine", "recall"),
    }
    title = "Depth of unseen rendered scenes, after scale and shift of each picture"
    return _table(title, runs, columns, references)


def _alignments(runs: Sequence[Run], references: References) -> str:
    columns = {
        f"{zone}{title}": (f"rendered {alignment}", key)
        for zone, key in (("", "absrel"), ("inside, ", "absrel_inside"))
        for alignment, title in (("affine", "scale and shift"), ("median", "scale"), ("none", "metres as predicted"))
    }
    return _table("AbsRel by alignment", runs, columns, references)


def _depth_splits(runs: Sequence[Run], references: References) -> str:
    columns = {
        f"{title}, {alignment_title}": (f"{name} {alignment}", "absrel")
        for alignment, alignment_title in (("median", "scale"), ("none", "metres as predicted"))
        for name, title in (("own", "its own random rows"), ("rendered", "unseen rendered scenes"))
    }
    kept = [run for run in runs if "own none" in run["scores"]]
    known = {name: scores for name, scores in references.items() if "own none" in scores}
    title = "AbsRel against its own labels on random rows (seen sources), and against exact depth of unseen scenes"
    return _table(title, kept, columns, known) if kept else ""


def _splits(runs: Sequence[Run]) -> str:
    titles = {
        "own": "its own random rows",
        "own photographs": "of these, photographs",
        "notebook": "unseen photographs, put together as in (a)",
        "varied": "unseen photographs, put together as in (d)",
        "photographs": "unseen photographs, anywhere",
        "standing": "unseen photographs, standing",
        "rendered": "unseen rendered scenes",
    }
    columns = {title: (name, "iou") for name, title in titles.items() if name in runs[0]["scores"]}
    kept = [run for run in runs if "own" in run["scores"]]
    return _table("Mask IoU that a random split of rows reports, and that unseen sources show", kept, columns, {})


def _curves(runs: Sequence[Run]) -> str:
    steps = [point[0] for point in runs[0]["curve"]]
    shown = [i for i in range(len(steps)) if i % 3 == 2 or i == len(steps) - 2]
    lines = ["**Training loss of mask / of depth**, means over the steps since the point before", ""]
    lines += [f"| way | {' | '.join(f'step {steps[i]:,}' for i in shown)} |", "|---" * (len(shown) + 1) + "|"]
    for way, name in (WAYS | EXTRA_WAYS).items():
        curves = [run["curve"] for run in runs if run["way"] == way]
        if curves:
            means = np.mean(curves, 0)[shown, 1:]
            lines.append(f"| ({way}) {name} | {' | '.join(f'{mask:.3f} / {depth:.3f}' for mask, depth in means)} |")
    return "\n".join(lines)


def _costs(runs: Sequence[Run]) -> str:
    first = runs[0]
    seeds = len({run["seed"] for run in runs})
    cpu, wall = (np.array([run[key] for run in runs]) for key in ("cpu_s", "wall_s"))
    return (
        f"{len(runs)} runs ({seeds} {'seeds' if seeds > 1 else 'seed'}) of {first['steps']:,} steps of "
        f"{first['batch']} rows, from {first['rows']:,} rows each. Training took {cpu.mean():.0f} s of processor time "
        f"a run ({cpu.min():.0f} to {cpu.max():.0f}), {wall.mean():.0f} s by the clock ({wall.min():.0f} to "
        f"{wall.max():.0f}, beside other work), on one thread of {first['processor']} with torch {first['torch']}. "
        f"Values are means over the seeds ± their sample deviation."
    )


def _goal(runs: Sequence[Run]) -> str:
    """(d) against (a), as the goal of the study is stated."""
    if not {"a", "d"} <= {run["way"] for run in runs} or "photographs" not in runs[0]["scores"]:
        return ""

    def mean(way: str, group: str, key: str) -> float:
        return float(np.mean(scores_of(runs, way, group, key)))

    points = []
    for name, title in TESTS.items():
        if name not in runs[0]["scores"]:
            continue
        points.append(f"{100 * (mean('d', name, 'iou') - mean('a', name, 'iou')):+.1f} ({title})")
    changes = []
    for alignment, title in (("affine", "scale and shift"), ("median", "scale alone")):
        for key, zone in (("absrel", "everywhere"), ("absrel_inside", "inside the cut-out")):
            change = mean("d", f"rendered {alignment}", key) / mean("a", f"rendered {alignment}", key) - 1
            changes.append(f"{100 * change:+.0f} % {zone} after {title}")
    return (
        f"**(d) against (a)**, points of mask IoU on unseen sources (goal: +10.0): {', '.join(points)}. AbsRel "
        f"(goal: -33 %): {', '.join(changes)}."
    )
