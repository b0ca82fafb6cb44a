"""The command `export`: which rows, which format, and what is printed at the end."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import TYPE_CHECKING, Any

from fgbg_depth import schema
from fgbg_depth.cli.progress import rows_bar
from fgbg_depth.errors import UsageError, command

if TYPE_CHECKING:
    from fgbg_depth.export.format import Format
    from fgbg_depth.export.run import ExportReport
    from fgbg_depth.export.selection import Selection

DESCRIPTION = """\
Export a finished dataset into a format that other tools read. Stored images are copied as they are, never encoded
again. All splits keep their names. A stopped export continues when the same command is run again.

formats:
{formats}

examples:
  {export} my-set my-set-folders --format folders
      plain files and CSV tables
  {export} my-set my-set-coco --format coco --split train test_unseen_both
      two splits only
  {export} USER/NAME shards --format webdataset --where "boundary_recall > 0.5"
      from the Hub, without rows whose depth misses the cut-out's outline
"""
FORMATS = {  # name: one line for the help; a test compares the names with fgbg_depth.export.formats
    "folders": "bg/, fg/, fg_bg/, fg_bg_mask/, fg_bg_depth/ and SPLIT.csv; with --zip one archive a kind",
    "coco": "images and instances_SPLIT.json with run-length masks, for pycocotools, Detectron2, MMDetection",
    "yolo-seg": "images, polygon labels and data.yaml, for segmentation with Ultralytics YOLO",
    "yolo-depth": "images, 16-bit depth maps and data.yaml, for depth with Ultralytics YOLO; metric depth only",
    "webdataset": "tar files of image, mask, depth and JSON, in mixed order, for streaming with webdataset",
}


def add_export(commands: Any) -> None:
    """Add the subcommand `export`."""
    width = max(map(len, FORMATS)) + 2
    parser = commands.add_parser(
        "export",
        help="export a dataset as folders, COCO, YOLO or WebDataset",
        description=DESCRIPTION.format(
            export=command("export"),
            formats="\n".join(f"  {name.ljust(width)}{line}" for name, line in FORMATS.items()),
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f"{command('export')} OUTPUT DEST --format FORMAT [options]",
    )
    parser.add_argument("output", metavar="OUTPUT", help="folder or URL that `build` wrote, or USER/NAME on the Hub")
    parser.add_argument("dest", metavar="DEST", help="folder for the export; new, or one in which it was stopped")
    parser.add_argument("--format", required=True, choices=FORMATS, metavar="FORMAT", help=f"{', '.join(FORMATS)}")
    parser.add_argument("--zip", action="store_true", help="folders: one archive a kind instead of loose files")
    parser.add_argument(
        "--depth-label",
        choices=tuple(schema.LABELS),
        help="yolo-depth: which label, where a dataset has both (default: placed)",
    )
    parser.add_argument("--split", metavar="SPLIT", nargs="+", action="extend", help="only these splits (default: all)")
    parser.add_argument(
        "--where", metavar="CONDITION", help="only rows for which this is true, such as 'boundary_recall > 0.5'"
    )
    parser.add_argument("--revision", metavar="REVISION", help="tag, branch or commit on the Hub (default: main)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on stdout")
    parser.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    from fgbg_depth.export.run import export
    from fgbg_depth.export.selection import Selection

    for name, of_format in (("zip", "folders"), ("depth_label", "yolo-depth")):
        if getattr(options, name) and options.format != of_format:
            raise UsageError(f"--{name.replace('_', '-')} belongs to --format {of_format}, not to {options.format}.")
    selection = Selection(options.output, options.revision, options.split, options.where)
    chosen = _format(options, selection)
    with rows_bar() as on_rows:
        report = export(selection, options.dest, chosen, on_rows)
    print(json.dumps(dataclasses.asdict(report)) if options.json else as_text(report))
    return 0


def _format(options: argparse.Namespace, selection: Selection) -> Format:
    """The format that the options name."""
    from fgbg_depth.export.formats import FORMATS as CLASSES
    from fgbg_depth.export.yolo_depth import YoloDepth
    from fgbg_depth.export.zipped import ZippedFolders

    if options.zip:
        return ZippedFolders(selection)
    if options.format == YoloDepth.name:
        return YoloDepth(selection, options.depth_label)
    return CLASSES[options.format](selection)


def as_text(report: ExportReport) -> str:
    """What an export did, and how to open it."""
    total = sum(report.rows.values())
    rows = ", ".join(f"{split} {count:,}" for split, count in report.rows.items())
    if report.was_complete:
        first = f"Nothing to do: {report.dest} holds all {total:,} rows ({rows})."
    else:
        kept = f"; {total - report.new_rows:,} were exported before" if report.new_rows < total else ""
        first = f"Exported {total:,} rows to {report.dest} ({rows}){kept}. Wrote {report.num_bytes / 1e6:,.1f} MB."
    lines = [first, *(f"note: {note}" for note in report.notes), "", "open it:"]
    return "\n".join([*lines, *(f"  {line}" for line in report.snippet.splitlines())])
