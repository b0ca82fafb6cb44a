"""The dataset card and its pictures, from merged statistics; of the shards, only a few rows to show are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jinja2

from fgbg_depth import paths, schema
from fgbg_depth.card import charts
from fgbg_depth.card import markdown as markup
from fgbg_depth.card import sheets as figures
from fgbg_depth.card.front_matter import front_matter
from fgbg_depth.errors import OutputError
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.samples import Row, sample_rows
from fgbg_depth.recipe import DEMO
from fgbg_depth.storage.files import Storage

TEMPLATE = "dataset_card.md"
NOTES_BEGIN = "<!-- Your own words, kept from here; all the rest is written anew by build and push. -->"
NOTES_END = "<!-- Your own words, kept to here. -->"
PICTURES = ("banner", "contact_sheet", "heat_map", "coverage", "depth")
_MAX_NAMES = 200  # of sources or files, listed by name in the card


def render_card(manifest: Manifest, notes: str = "", repo_id: str | None = None) -> str:
    """The text of the dataset's README.md.

    Args:
        notes: Markdown that people wrote by hand, kept word for word; see `extract_notes`.
        repo_id: `user/name` on the Hub, for the examples; without it they name the folder itself.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {
        "text": markup.text,
        "code": markup.code,
        "fence": markup.fence,
        "count": markup.count,
        "size": markup.size,
        "channels": markup.channels,
        "span": markup.span,
        "number": markup.number,
    }
    body = environment.from_string(load_template()).render(_context(manifest, notes, repo_id))
    body = re.sub(r"\n{3,}", "\n\n", body)
    block = f"{NOTES_BEGIN}\n{notes.strip()}\n{NOTES_END}" if notes.strip() else f"{NOTES_BEGIN}\n\n{NOTES_END}"
    return front_matter(manifest) + "\n" + body.replace(_NOTES_PLACE, block).strip() + "\n"


_NOTES_PLACE = "<!-- notes -->"


def write_card(
    storage: Storage,
    manifest: Manifest,
    rows: Sequence[Row] | None = None,
    notes: str | None = None,
    repo_id: str | None = None,
) -> list[str]:
    """Write README.md and assets/*.png; what is already so is not written again.

    Args:
        rows: as `figures.contact_sheet` takes them: it shows the first 6, the banner the best 4 of all; default:
            some out of the finished shards.
        notes: default: those in the README.md that is there.
    Returns:
        Names of the files written or replaced.
    """
    if notes is None:
        notes = read_notes(storage)
    if rows is None:
        rows = sample_rows(storage, manifest, 24)  # 6 for the sheet; the banner takes the best 4
    files = {f"{schema.ASSETS}/{name}.png": data for name, data in draw_pictures(manifest, rows).items()}
    files[schema.CARD] = render_card(manifest, notes, repo_id).encode()
    changed = [name for name, data in files.items() if not storage.exists(name) or storage.read(name) != data]
    for name in changed:
        storage.write(name, files[name])
    for name in PICTURES:
        old = f"{schema.ASSETS}/{name}.png"
        if old not in files and storage.exists(old):
            storage.remove(old)
    return changed


def draw_pictures(manifest: Manifest, rows: Sequence[Row]) -> dict[str, bytes]:
    """The card's pictures as PNG, by name."""
    spec = manifest.depth
    shown = manifest.depth_range if spec else None
    pictures = {
        "banner": figures.banner(figures.best_for_banner(rows), spec, value_range=shown),
        "contact_sheet": figures.contact_sheet(rows[:6], spec, value_range=shown),
        "heat_map": charts.heat_map_chart(manifest.heat_map),
        "coverage": charts.coverage_chart(manifest.coverage.histogram, manifest.coverage.mean),
    }
    histogram = manifest.depth_histogram
    if spec is not None and histogram is not None:
        pictures["depth"] = charts.depth_chart(histogram.edges, histogram.counts, spec.meaning)
    return {name: figures.png_bytes(image) for name, image in pictures.items()}


def extract_notes(card: str) -> str:
    """What people wrote between the two marked lines of a card; "" if nothing, or if there are no such lines."""
    begin, end = card.find(NOTES_BEGIN), card.rfind(NOTES_END)
    return card[begin + len(NOTES_BEGIN) : end].strip() if 0 <= begin < end else ""


def read_notes(storage: Storage) -> str:
    """The notes in the card that is there now.

    Raises:
        OutputError: README.md is not UTF-8 text.
    """
    if not storage.exists(schema.CARD):
        return ""
    try:
        return extract_notes(storage.read(schema.CARD).decode("utf-8"))
    except UnicodeDecodeError as e:
        raise OutputError(
            f"{storage}/{schema.CARD}: not UTF-8 text ({e}).\n  Save it as UTF-8, or remove it; it is written anew."
        ) from e


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
    """What the template sees; it does the wording, this does the arithmetic."""
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
    return {
        "s": manifest,
        "recipe": recipe,
        "repo": repo_id or "path/to/this/folder",
        "is_local": repo_id is None,
        "depth": depth,
        "kinds": {name: kinds[name] for name in schema.IMAGE_KINDS if name in kinds},
        "num_channels": {"RGB": 3, "RGBA": 4},
        "splits": splits,
        "columns": {config: schema.columns(config, depth is not None) for config in schema.CONFIGS},
        "by_split_kinds": [k for k in ("fg_bg", "fg_bg_mask", "fg_bg_depth") if k in kinds],
        "newest_tag": next((v.version for v in manifest.history if v.version), None),
        "used": used,
        "num": num,
        "total_bytes": sum(entry.bytes for entry in manifest.parquet_files.values()),
        "size_px": (round(low_px), round(high_px)),
        "demo": {"bg": recipe.backgrounds == DEMO, "fg": recipe.foregrounds == DEMO},
        "names": {kind: sorted(sources[kind])[:_MAX_NAMES] for kind in ("bg", "fg")},
        "held_names": manifest.held_out,
        "max_names": _MAX_NAMES,
        "model_is_noncommercial": depth is not None and is_noncommercial(depth.license),
        "is_densedepth": depth is not None and "densedepth" in depth.model.lower(),
        "license_words": recipe.license.strip() if recipe.license.strip() not in ("", "other", "unknown") else "",
        "bibtex_key": re.sub(r"[^a-z0-9]+", "-", recipe.name.lower()).strip("-") or "fgbg",
        "bibtex_title": re.sub(r"[{}\\]", "", recipe.name),
        "notes_place": _NOTES_PLACE,
    }


def is_noncommercial(license_words: str) -> bool:
    """Whether a licence's id or name says that commercial use is not allowed."""
    words = re.split(r"[^a-z]+", license_words.lower())
    return "nc" in words or "noncommercial" in words or ("commercial" in words and "non" in words) or "amlr" in words
