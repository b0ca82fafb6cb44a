"""The text of the dataset card, from the manifest and a few sample rows."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jinja2
from PIL import Image

from fgbg_depth import paths, schema
from fgbg_depth.card import charts, markdown, sheets
from fgbg_depth.card.changelog import changelog_section
from fgbg_depth.card.citation import bibtex
from fgbg_depth.card.croissant import HubPlace
from fgbg_depth.card.front_matter import front_matter
from fgbg_depth.card.label_checks import checks_pictures, checks_section
from fgbg_depth.card.limitations import biases, limitations
from fgbg_depth.card.metadata_files import metadata_files
from fgbg_depth.card.notes import notes_block, read_notes
from fgbg_depth.card.provenance import HUB_URL
from fgbg_depth.card.responsible_ai import responsible_use_section
from fgbg_depth.card.scene_pictures import with_words
from fgbg_depth.card.variation import variation_section
from fgbg_depth.errors import OutputError
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.samples import RowValues, sample_rows
from fgbg_depth.recipe import DEMO
from fgbg_depth.storage.files import Storage

TEMPLATE = "dataset_card.md"
PICTURES = (*schema.SHEETS, *schema.CHARTS)  # checked_rows, depth and checks only with depth
_MAX_NAMES = 200  # sources or files that the card lists by name


def render_card(manifest: Manifest, notes: str = "", repo_id: str | None = None) -> str:
    """The text of the dataset's README.md.

    Args:
        notes: Markdown that a person wrote into the card; it is kept unchanged. See `notes.extract_notes`.
        repo_id: `user/name` on the Hub, for the examples; without it they show a placeholder path.
    """
    body = _template(load_template()).render(_context(manifest, notes, repo_id))
    body = re.sub(r"\n{3,}", "\n\n", body)
    return front_matter(manifest) + "\n" + body.replace(_NOTES_PLACE, notes_block(notes)).strip() + "\n"


@lru_cache(maxsize=1)
def _template(text: str) -> jinja2.Template:
    """The compiled template; compiling takes 0.1 s."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {
        "text": markdown.text,
        "code": markdown.code,
        "fence": markdown.fence,
        "quotation": markdown.quotation,
        "count": markdown.count,
        "size": markdown.size,
        "channels": markdown.channels,
        "span": markdown.span,
        "number": markdown.number,
    }
    return environment.from_string(text)


_NOTES_PLACE = "<!-- notes -->"


def write_card(
    storage: Storage,
    manifest: Manifest,
    rows: Sequence[RowValues] | None = None,
    notes: str | None = None,
    repo_id: str | None = None,
    previous: Manifest | None = None,
) -> list[str]:
    """Write README.md, the pictures in assets/, and `schema.METADATA`. Files with the same content are left alone.

    Args:
        rows: as `sheets.contact_sheet` takes them; the sheet shows the first 6, the banner the best 4. Default: a
            sample from the preview.
        notes: default: the notes in the existing README.md, or if there is none, in the published card.
        previous: manifest of the previous build, whose pictures may be kept.
    Returns:
        Names of the files that were written.
    """
    if notes is None:
        notes = read_notes(storage, manifest.card)
    if rows is None:
        rows = sample_rows(storage, manifest, 24)  # 6 for the sheet; the banner chooses 4 of them
    pictures = draw_pictures(manifest, rows)
    pictures |= {name: _encoded(name, image) for name, image in checks_pictures(storage, manifest, previous).items()}
    files = {schema.picture_path(name): data for name, data in pictures.items()}
    files[schema.CARD] = render_card(manifest, notes, repo_id).encode()
    files |= metadata_files(manifest, HubPlace(repo_id) if repo_id else None)
    changed = [name for name, data in files.items() if not storage.exists(name) or storage.read(name) != data]
    for name in changed:
        storage.write(name, files[name])
    for name in PICTURES:
        for old in {schema.picture_path(name), f"{schema.ASSETS}/{name}.png"} - files.keys():  # before, all were PNG
            if storage.exists(old):
                storage.remove(old)
    return changed


def draw_pictures(manifest: Manifest, rows: Sequence[RowValues]) -> dict[str, bytes]:
    """The card's pictures of rows (WebP) and statistics (PNG) as bytes, by name."""
    spec = manifest.depth
    shown = manifest.depth_range if spec else None
    pictures = {
        "banner": sheets.banner(sheets.best_for_banner(rows), spec, value_range=shown),
        "contact_sheet": sheets.contact_sheet([with_words(row) for row in rows[:6]], spec, value_range=shown),
        "heat_map": charts.heat_map_chart(manifest.heat_map),
        "coverage": charts.coverage_chart(manifest.coverage.histogram, manifest.coverage.mean),
    }
    histogram = manifest.depth_histogram
    if spec is not None and histogram is not None:
        pictures["depth"] = charts.depth_chart(histogram.edges, histogram.counts, spec.meaning)
    return {name: _encoded(name, image) for name, image in pictures.items()}


def _encoded(name: str, image: Image.Image | bytes) -> bytes:
    if isinstance(image, bytes):
        return image
    return sheets.webp_bytes(image) if name in schema.SHEETS else charts.chart_bytes(image)


def load_template() -> str:
    """The card's template, `dataset_card.md`.

    Raises:
        OutputError: the installation is incomplete.
    """
    path = paths.project_file(TEMPLATE)
    if not path.is_file():
        raise OutputError(f"{path} is missing.\n  Install fgbg-depth again: pip install --force-reinstall fgbg-depth")
    return path.read_text(encoding="utf-8")


def _context(manifest: Manifest, notes: str, repo_id: str | None) -> dict[str, Any]:
    """The template's variables. The wording is in the template, the arithmetic here."""
    recipe, kinds, sources, depth = manifest.recipe, manifest.kinds, manifest.sources, manifest.depth
    splits = [split for split in schema.SPLITS if manifest.splits.get(split)]
    held = {kind: len(names) for kind, names in manifest.held_out.items()}
    num = {kind: len(sources[kind]) for kind in ("bg", "fg")}
    used = {
        split: {
            "bg": held["bg"] if split in (schema.UNSEEN_BG, schema.UNSEEN_BOTH) else num["bg"] - held["bg"],
            "fg": held["fg"] if split in (schema.UNSEEN_FG, schema.UNSEEN_BOTH) else num["fg"] - held["fg"],
        }
        for split in splits
    }
    low_px, high_px = recipe.foreground_range_px()
    lowest, highest = manifest.lower_edge or recipe.ground_band
    return {
        "s": manifest,
        "recipe": recipe,
        "repo": repo_id or "path/to/this/folder",
        "is_local": repo_id is None,
        "depth": depth,
        "labels": manifest.labels,
        "depth_kinds": {column: kinds[column] for column in manifest.depth_columns},
        "kinds": {name: kinds[name] for name in schema.IMAGE_KINDS if name in kinds},
        "num_channels": {"RGB": 3, "RGBA": 4},
        "splits": splits,
        "columns": {config: schema.columns(config, manifest.labels, manifest.extras) for config in schema.CONFIGS},
        "by_split_kinds": [k for k in schema.IMAGE_KINDS if k in kinds and k not in ("bg", "fg")],
        "newest_tag": next((v.version for v in manifest.history if v.version), None),
        "used": used,
        "num": num,
        "total_bytes": sum(entry.bytes for entry in manifest.parquet_files.values()),
        "size_px": (round(low_px), round(high_px)),
        "lower_edge": (math.floor(1000 * lowest) / 10, math.ceil(1000 * highest) / 10),  # in percent
        "above_band": highest > recipe.ground_band[1] + 0.5 / recipe.size,  # half a pixel: the band is rounded
        "demo": {"bg": recipe.backgrounds == DEMO, "fg": recipe.foregrounds == DEMO},
        "names": {kind: sorted(sources[kind])[:_MAX_NAMES] for kind in ("bg", "fg")},
        "held_names": manifest.held_out,
        "max_names": _MAX_NAMES,
        "model_is_noncommercial": depth is not None and is_noncommercial(depth.license),
        "is_densedepth": depth is not None and "densedepth" in depth.model.lower(),
        "license_words": recipe.license.strip() if recipe.license.strip() not in ("", "other", "unknown") else "",
        "bibtex": bibtex(manifest, f"{HUB_URL}/datasets/{repo_id}" if repo_id else None),
        "notes_place": _NOTES_PLACE,
        "changelog": changelog_section(manifest, repo_id),
        "varied": schema.SCENE in manifest.extras,
        "several": schema.INSTANCES in manifest.extras,  # cut-outs in a row
        "resized": recipe.scale_per == "row" or recipe.placement_mode == "scene",  # for each row
        "object_fields": schema.OBJECT_FIELDS,
        "variation": variation_section(manifest),
        "responsible_use": responsible_use_section(manifest),
        "limits": [line.markdown for line in (*limitations(manifest, markdown.code), *biases(manifest))],
        "checks": checks_section(manifest, repo_id or "path/to/this/folder"),
    }


def is_noncommercial(license_words: str) -> bool:
    """Whether the id or name of a licence excludes commercial use."""
    words = re.split(r"[^a-z]+", license_words.lower())
    return "nc" in words or "noncommercial" in words or ("commercial" in words and "non" in words) or "amlr" in words
