"""Plan a build: load the sources, find out what the depth model predicts, and divide the rows into shards."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from fgbg_depth import schema
from fgbg_depth.builder.known_sources import known_sources
from fgbg_depth.builder.messages import Log, corrected, count, log_to_stderr
from fgbg_depth.builder.slices import read_manifest
from fgbg_depth.depth import models
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import RecipeError
from fgbg_depth.plan import Plan, make_plan
from fgbg_depth.recipe import Recipe, parse_recipe, published, with_absolute_folders, with_local_folders
from fgbg_depth.render.codecs import decode_rgb
from fgbg_depth.render.poisson import check_opencv, has_opencv
from fgbg_depth.sources.defringe import OFF
from fgbg_depth.sources.load import KnownSources, Sources, load_sources
from fgbg_depth.sources.stated_terms import TERMS_FILE
from fgbg_depth.storage.files import Storage

HUB_FOLDER_FILES = 10_000  # Source: https://huggingface.co/docs/hub/storage-limits
WARNINGS_SHOWN = 20
POISSON_SHARE = 0.1  # of mixed rows. Source: Cut, Paste and Learn: alone it made detectors worse, mixed in better


def plan_build(
    recipe: Recipe,
    workers: int = 1,
    device: str = "auto",
    log: Log = log_to_stderr,
    known: KnownSources | None = None,
    spec: DepthSpec | None = None,
) -> Plan:
    """Load the sources, find out what the depth model predicts, and divide the rows into shards.

    Args:
        workers: threads that read and prepare sources.
        log: called with warnings about sources, and with each source file that is skipped.
        known: prepared sources that take the place of the recipe's folders.
        spec: what the depth model predicts, if that is known.
    Raises:
        FgBgError: a source or the depth model cannot be used.
    """
    recipe = with_absolute_folders(with_poisson_share(recipe))
    sources = load_sources(recipe, workers, known)
    for warning in sources.warnings[:WARNINGS_SHOWN]:
        log(f"warning: {warning}")
    if len(sources.warnings) > WARNINGS_SHOWN:
        log(f"... and {count(len(sources.warnings) - WARNINGS_SHOWN, 'more warning')}; the card lists all of them.")
    if recipe.trim_frames:
        log(corrected("Cut a frame away from", sources.trimmed, len(sources.backgrounds), "background"))
    if recipe.defringe != OFF:
        log(corrected("Estimated the edge colours of", sources.defringed, len(sources.cutouts), "cut-out"))
    for ignored in (*sources.ignored, *sources.ignored_outputs):
        log(f"ignored: {ignored}")
    for kind, words in (("bg", "backgrounds"), ("fg", "cut-outs")):
        if kind in sources.terms:
            log(f"The card will quote {TERMS_FILE} in the folder of the {words}.")
    for file, reason in sources.skipped:
        log(f"skipped: {file} {reason}")
    if recipe.has_depth and spec is None:
        spec = models.resolve_spec(recipe, lambda: _background_pixels(sources), device)
    plan = make_plan(recipe, sources, spec)
    if len(plan.shards) >= HUB_FOLDER_FILES:
        log(
            f"warning: {len(plan.shards):,} shards; the Hub wants fewer than {HUB_FOLDER_FILES:,} files in a folder. "
            "To publish, raise shard_rows, or make several datasets of fewer backgrounds (docs/scale.md)."
        )
    return plan


def plan_output(
    recipe: Recipe,
    storage: Storage | None,
    workers: int,
    device: str,
    log: Log,
    add_backgrounds: str = "",
    add_foregrounds: str = "",
) -> Plan:
    """The plan of a build into an output, in which the range of relative depth is part of the recipe.

    The range is found from the backgrounds by the first build. Later builds keep it, so that more backgrounds do not
    change the labels of other rows.

    Args:
        storage: the output; None: a new one. If it continues a version on the Hub, the prepared sources that it has
            take the place of the recipe's folders.
        add_backgrounds, add_foregrounds: folders whose pictures are added to these prepared sources.
    Raises:
        UsageError: there are folders to add, and the output does not continue a version on the Hub.
    """
    recipe = with_absolute_folders(with_poisson_share(recipe))
    previous = _previous_depth_range(recipe, storage) if storage is not None else None
    recipe = recipe.replace(depth_range=recipe.depth_range or previous)
    known = known_sources(recipe, storage, add_backgrounds, add_foregrounds)
    spec = _spec_of_output(recipe, storage, device) if storage is not None else None
    plan = plan_build(recipe, workers, device, log, known, spec)
    if recipe.depth_range is None and plan.spec is not None and not plan.spec.meaning.is_metric:
        plan = dataclasses.replace(plan, recipe=recipe.replace(depth_range=[plan.spec.low, plan.spec.high]))
    return plan


def with_poisson_share(recipe: Recipe) -> Recipe:
    """The recipe with the share of Poisson cloning as a number, so that its output can be built again elsewhere.

    Raises:
        DependencyError: the recipe states a share, and OpenCV is not installed.
    """
    if recipe.blend != "mixed":
        return recipe
    if recipe.poisson_share is None:
        return recipe.replace(poisson_share=POISSON_SHARE if has_opencv() else 0.0)
    if recipe.poisson_share:
        check_opencv()
    return recipe


def _previous_depth_range(recipe: Recipe, storage: Storage) -> list[float] | None:
    """The depth range in the output's recipe, if that has the same depth model."""
    if not storage.exists(schema.RECIPE):
        return None
    try:
        previous = parse_recipe(storage.read(schema.RECIPE).decode("utf-8", "replace"))
    except RecipeError:
        return None
    if storage.is_local:
        previous = with_absolute_folders(with_local_folders(previous, storage.root))
    else:  # only the names of folders are known
        recipe = published(recipe)
    same = ("depth_model", "depth_revision", "depth_kind", "depth_input")
    if previous.depth_range is None or any(getattr(previous, name) != getattr(recipe, name) for name in same):
        return None
    return list(previous.depth_range)


def _spec_of_output(recipe: Recipe, storage: Storage, device: str) -> DepthSpec | None:
    """The depth spec of a finished output that has this recipe and was labelled with the same model.

    With it a build that has nothing to do imports no torch and no transformers, which takes 4 s.
    """
    manifest = read_manifest(storage, schema.STATISTICS)
    if manifest is None or manifest.depth is None or manifest.recipe != published(recipe):
        return None
    return manifest.depth if models.is_unchanged(recipe, manifest.depth, device) else None


def _background_pixels(sources: Sources) -> Iterator[np.ndarray]:
    for source in sources.backgrounds:
        yield decode_rgb(source.png)
