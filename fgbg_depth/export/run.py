"""`export`: write chosen rows of a dataset in another format into a folder, continuing what an earlier run began."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fgbg_depth.errors import OutputError
from fgbg_depth.export.folder import ExportFolder
from fgbg_depth.export.format import Format
from fgbg_depth.export.selection import Selection

LAYOUT = 1  # of exports; raise it when their files change, so that no folder gets files of two layouts


@dataclass(frozen=True)
class ExportReport:
    """What an export did.

    Args:
        dest: the folder.
        format: name of the format.
        rows: number of rows in the folder, by split.
        new_rows: rows that this run wrote; 0: the export was complete.
        num_bytes: what this run wrote.
        notes: sentences about what the export lacks.
        snippet: lines of Python that open the export.
    """

    dest: str
    format: str
    rows: dict[str, int]
    new_rows: int
    num_bytes: int
    was_complete: bool
    notes: tuple[str, ...]
    snippet: str


def export(
    selection: Selection,
    dest: str | Path,
    chosen: Format,
    on_rows: Callable[[int, int], None] | None = None,
) -> ExportReport:
    """Export rows into a folder.

    Args:
        dest: a local folder; created if missing. It may hold a part of this export.
        chosen: the format, made for this selection.
        on_rows: called with (rows done, rows in all).
    Raises:
        OutputError: the folder holds something else, or cannot be written to; or the dataset cannot be read.
        HubError: a file on the Hub cannot be read.
    """
    if "://" in str(dest):
        raise OutputError(f"{dest} is a URL; exports go to a local folder.\n  Export to a folder, then copy it there.")
    manifest = selection.manifest
    identity = {
        "layout": LAYOUT,
        "format": chosen.name,
        "options": dict(chosen.options),
        "dataset": manifest.content_digest,
        "splits": list(selection.splits),
        "where": selection.where,
    }
    folder = ExportFolder(dest, identity, _description(selection))
    blocks = selection.blocks(chosen.is_mixed)
    was_complete, new_rows = folder.is_complete(), 0
    if was_complete:
        folder.remove_records()  # which are there if an export was killed at its very end
    else:
        done, total = 0, selection.total_rows
        with folder.begin():
            for block in blocks:
                if not folder.is_done(block.name):
                    part = chosen.write(block, selection.read(block, chosen.image_columns), folder)
                    folder.record(block.name, part)
                    new_rows += block.num_rows
                done += block.num_rows
                if on_rows is not None:
                    on_rows(done, total)
            chosen.finish(blocks, folder)
            folder.finish()
    return ExportReport(
        str(folder.path), chosen.name, selection.num_rows, new_rows, folder.num_bytes, was_complete,
        tuple(chosen.notes()), chosen.snippet(folder),
    )  # fmt: skip


def _description(selection: Selection) -> dict[str, Any]:
    """What `export.json` says about the dataset, for readers."""
    manifest, recipe = selection.manifest, selection.manifest.recipe
    return {
        "name": manifest.name,
        "source": selection.files.name if selection.files.revision is not None else manifest.name,
        "version": manifest.version,
        "revision": selection.files.revision,
        "rows": selection.num_rows,
        "classes": list(selection.classes),
        "depth": manifest.depth.to_dict() if manifest.depth is not None else None,
        "license": recipe.license,
        "background_license": recipe.background_license,
        "foreground_license": recipe.foreground_license,
    }
