"""What the checks of source files found, as text for a terminal, as data and as a picture."""

from __future__ import annotations

import dataclasses
from typing import Any

from PIL import Image

from fgbg_depth.builder.messages import count
from fgbg_depth.card.findings_sheet import SheetEntry, findings_sheet
from fgbg_depth.sources.checks.folders import FAULTS, SourceReport

SHEET_FILES = 60  # on a sheet: 12 lines of 5


def report_lines(report: SourceReport, limit: int | None = None) -> list[str]:
    """A line for each file with findings, then how many of each fault and what to do about it.

    Args:
        limit: show so many files at most.
    """
    if not report.files:
        return [f"Nothing found in {_checked(report)}."]
    shown = report.files[:limit]
    width = max(len(entry.file) for entry in shown)
    lines = [f"{entry.file:<{width}}  " + "; ".join(map(str, entry.findings)) for entry in shown]
    if len(report.files) > len(shown):
        lines.append(f"... and {count(len(report.files) - len(shown), 'more file')}.")
    found = report.counts
    lines += [
        "",
        f"Findings in {count(len(report.files), 'file')} of {_checked(report)}:",
        *(f"  {found[fault.name]:>4} {fault.name}: {fault.wrong}." for fault in FAULTS if fault.name in found),
        "What to do:",
        *(f"  {fault.name}: {fault.advice}." for fault in FAULTS if fault.name in found),
    ]
    return lines


def report_values(report: SourceReport) -> dict[str, Any]:
    """The report as JSON types."""
    return {
        "checked": dict(report.checked),
        "counts": report.counts,
        "files": [
            {"kind": entry.kind, "file": entry.file, "findings": [dataclasses.asdict(f) for f in entry.findings]}
            for entry in report.files
        ],
    }


def report_sheet(report: SourceReport) -> Image.Image | None:
    """The first files with findings as one picture; None if there are none.

    Args:
        report: made with `pictures=SHEET_FILES`.
    """
    shown = report.files[:SHEET_FILES]
    entries = [SheetEntry(entry.picture, entry.file, tuple(map(str, entry.findings))) for entry in shown]
    return findings_sheet(entries, len(report.files) - len(entries)) if entries else None


def _checked(report: SourceReport) -> str:
    words = {"backgrounds": "background", "foregrounds": "cut-out"}
    return " and ".join(count(number, words[kind]) for kind, number in report.checked.items())
