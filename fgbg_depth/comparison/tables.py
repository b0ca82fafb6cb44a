"""The tables of a comparison, as aligned text for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fgbg_depth.builder.messages import count
from fgbg_depth.comparison.result import (
    HIGH_DRIFT,
    LOW_RECALL,
    NOT_NEARER,
    CheckSummary,
    Comparison,
    LabelSummary,
    ModelResult,
)
from fgbg_depth.schema import PLACED, PREDICTED

_NAME_WIDTH = 36  # so that a line of text has at most 100 characters
NONE = "-"


@dataclass(frozen=True)
class Table:
    """Cells of text, without "|". `left`: number of columns, from the first one, that are aligned to the left."""

    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    left: int

    def text(self) -> str:
        """Columns of equal width, two spaces apart."""
        cells = [self.head, *self.lines]
        widths = [max(len(line[i]) for line in cells) for i in range(len(self.head))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if i < self.left else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in cells
        )

    def markdown(self) -> str:
        """A Markdown table."""
        rule = ["---" if i < self.left else "---:" for i in range(len(self.head))]
        return "\n".join(f"| {' | '.join(line)} |" for line in (self.head, rule, *self.lines))


def shortened(text: str) -> str:
    """The end of a long name: folders have their own name there."""
    return text if len(text) <= _NAME_WIDTH else "..." + text[3 - _NAME_WIDTH :]


def summary(found: Comparison, show: Callable[[str], str] = str) -> str:
    """One sentence: which rows.

    Args:
        show: how a name of the user's is written.
    """
    splits = ", ".join(f"{split} {rows:,}" for split, rows in found.splits.items())
    return (
        f"{count(found.rows, 'row')} of {show(found.source)}: {count(found.backgrounds, 'background')}, "
        f"{count(found.cutouts, 'cut-out')} ({splits})"
    )


def models_table(found: Comparison, show: Callable[[str], str] = shortened) -> Table:
    """The models, and what they cost.

    Args:
        show: how a model's name is written.
    """
    lines = [
        (
            model.letter,
            show(model.name),
            model.spec.meaning.short,
            model.spec.input_size or NONE,
            f"{model.images_per_s:,.1f}",
            model.memory.text,
            " ".join(filter(None, (model.device, model.spec.precision))),
        )
        for model in found.models
    ]
    return Table(("", "model", "depth", "input", "images/s", "memory", "device"), lines, 4)


def checks_table(found: Comparison) -> Table:
    """The checks of predicted and placed labels: medians, and shares of poor rows."""
    head = (
        "", "label", "boundary_recall", f"rows < {LOW_RECALL:g}", "nearer", f"rows <= {NOT_NEARER:g}",
        "background_drift", f"rows > {HIGH_DRIFT:g}",
    )  # fmt: skip
    lines = [
        (model.letter, label, *_cells(summary))
        for model in found.models
        for label, summary in ((PREDICTED, model.predicted), (PLACED, model.placed))
    ]
    return Table(head, lines, 2)


def disagreement_table(found: Comparison) -> Table:
    """A symmetric matrix: the disagreement of each pair of models."""

    def cell(a: ModelResult, b: ModelResult) -> str:
        value = None if a is b else found.disagreement(a.letter, b.letter)
        return NONE if value is None else f"{value:.3f}"

    lines = [(a.letter, *(cell(a, b) for b in found.models)) for a in found.models]
    return Table(("", *(model.letter for model in found.models)), lines, 1)


def notes(found: Comparison) -> list[str]:
    """What the numbers mean and how to read them, a few sentences each."""
    lines = [
        "images/s: of the model alone, after a first call. memory: RAM is the growth of this process's resident memory "
        "from before the model was loaded, GPU what torch allocated there at most.",
        "predicted: the model's depth of the composite. placed: its depth of the bare background, with the cut-out set "
        "in where it stands. Both are medians over the rows; the shares are of poor rows.",
        "boundary_recall: share of the cut-out's outline with a clear step, 1 is best. nearer: log ratio of distances "
        "outside / inside of the outline, above 0 the cut-out is in front. background_drift: mean |log ratio| of the "
        "background's distances with and without cut-out, 0 is best.",
    ]
    if len({model.spec.kind for model in found.models}) > 1:
        lines.append(
            "The checks are ratios of distances. Relative kinds have none by themselves (their range is laid onto the "
            "distances 1 to 4), so compare checks only between models with the same kind of depth."
        )
    if found.pairs:
        domains = sorted({pair.domain for pair in found.pairs})
        lines.append(
            "Disagreement: what remains after scale and shift are fitted in each row by least squares (as MiDaS does, "
            f"Ranftl et al. 2020), in {' or '.join(domains)}: the root mean square difference as a share of the "
            "standard deviation, median over the rows. 0: equal up to scale and shift. 1: unrelated, or near and far "
            "exchanged."
        )
    for model in found.models:
        if model.no_depth:
            lines.append(f"{model.letter} gives no depth for {100 * model.no_depth:.2g} % of the pixels.")
    return lines


def _cells(label: LabelSummary) -> list[str]:
    return [*_check(label.boundary_recall), *_check(label.nearer), *_check(label.background_drift)]


def _check(check: CheckSummary | None) -> tuple[str, str]:
    if check is None or check.median is None or check.poor is None:
        return NONE, NONE
    return f"{check.median:.3f}", f"{100 * check.poor:.0f} %"
