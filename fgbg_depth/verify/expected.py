"""What an output should contain: from its own recipe and prepared sources, without the original files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pyarrow as pa

from fgbg_depth import schema
from fgbg_depth.errors import FgBgError, RecipeError
from fgbg_depth.manifest import Manifest
from fgbg_depth.plan import Plan, Shard, make_plan
from fgbg_depth.read.files import StorageFiles
from fgbg_depth.read.stored_sources import read_sources
from fgbg_depth.recipe import Recipe, parse_recipe
from fgbg_depth.render.codecs import decode_rgb, decode_rgba
from fgbg_depth.scene.layers import Layer, row_facts, sample_layers
from fgbg_depth.sources.load import Source, Sources
from fgbg_depth.sources.prepared import Prepared, prepared_names
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.report import BUILD_MISSING, DELETE_AGAIN, WRITE_AGAIN, Problem


@dataclass(frozen=True)
class Expected:
    """What an output should contain.

    Args:
        shards: the plan's shards by path.
        prepared: the sources, to compose rows from.
    """

    plan: Plan
    shards: dict[str, Shard]
    prepared: Prepared


@dataclass(frozen=True)
class ExpectedRow:
    """One row: the values of its columns without images, and where its cut-out is."""

    facts: dict[str, str | bool | int]
    fg: str
    layer: Layer


def replan(storage: Storage, manifest: Manifest) -> tuple[Expected | None, list[Problem]]:
    """What recipe and prepared sources give, and the problems that this shows.

    The recipe is that of `statistics.json`, unless recipe.yaml differs and is the one that gives the listed shards.

    Returns:
        (None, problems) if recipe or sources cannot be read.
    """
    recipe, problem = _stored_recipe(storage)
    try:
        sources = Sources(
            _sources(storage, manifest, schema.BG),
            _sources(storage, manifest, schema.FG),
            tuple((item.file, item.reason) for item in manifest.skipped),
            tuple(manifest.warnings),
            tuple(manifest.ignored),
        )
        plan = make_plan(manifest.recipe, sources, manifest.depth)
        if recipe is not None and recipe != manifest.recipe:
            other = make_plan(recipe, sources, manifest.depth)
            if _paths(plan) != manifest.shards.keys() == _paths(other):
                plan = other  # `check_statistics` names the fields that differ
            else:
                problem = Problem(schema.RECIPE, f"not the recipe in {schema.STATISTICS}", WRITE_AGAIN)
    except (FgBgError, pa.ArrowException, KeyError, TypeError, ValueError, OSError) as e:
        reason = " ".join(str(e).split()) or type(e).__name__
        what = f"its recipe and the sources in bg/ and fg/ cannot be used ({reason})"
        return None, [*([problem] if problem else []), Problem(schema.STATISTICS, what, WRITE_AGAIN)]
    problems = [problem] if problem else []
    for right_name in prepared_names(sources, plan.depth_key):
        for name in manifest.files_of(right_name.split("/", 1)[0]):
            if name != right_name:
                problems.append(Problem(name, "has other sources than its name says", WRITE_AGAIN))
    shards = {shard.path: shard for shard in plan.shards}
    for path in sorted(manifest.shards.keys() - shards.keys()):
        what = "a shard of another recipe or of other sources"
        problems.append(Problem(path, what, DELETE_AGAIN, also=(schema.STATISTICS,)))
    for path in sorted(shards.keys() - manifest.shards.keys()):
        what = f"recipe and sources give this shard, but {schema.STATISTICS} does not list it"
        problems.append(Problem(path, what, BUILD_MISSING, also=(schema.STATISTICS,)))
    return Expected(plan, shards, Prepared.of(sources)), problems


def _paths(plan: Plan) -> set[str]:
    return {shard.path for shard in plan.shards}


def _stored_recipe(storage: Storage) -> tuple[Recipe | None, Problem | None]:
    """The recipe in recipe.yaml, or what is wrong with that file."""
    try:
        return parse_recipe(storage.read(schema.RECIPE).decode(), schema.RECIPE), None
    except FileNotFoundError:
        return None, Problem(schema.RECIPE, "missing", WRITE_AGAIN)
    except (RecipeError, UnicodeDecodeError) as e:
        reason = " ".join(str(e).split()).removeprefix(f"{schema.RECIPE}: ")
        return None, Problem(schema.RECIPE, f"not a recipe ({reason})", WRITE_AGAIN)


def expected_rows(shard: Shard, plan: Plan, prepared: Prepared) -> list[ExpectedRow]:
    """All rows of a shard, drawn as `compose_rows` draws them: by cut-out, flip and placement."""
    rows = []
    bg_digest = prepared.background(shard.bg).digest
    for fg in shard.fgs:
        cutout = prepared.cutout(fg)
        width, height = cutout.image.size
        for flip in plan.recipe.flips:
            for layer in sample_layers(plan.recipe, bg_digest, cutout.digest, flip, width, height):
                rows.append(ExpectedRow(row_facts(shard.bg, fg, layer), fg, layer))
    return rows


def _sources(storage: Storage, manifest: Manifest, kind: str) -> tuple[Source, ...]:
    """The prepared sources of one kind, as `load_sources` returned them to the build."""
    sources = []
    for stored in read_sources(StorageFiles(storage), manifest.files_of(kind)).values():
        listed = manifest.sources[kind].get(stored.name)
        pixels = (decode_rgb if kind == schema.BG else decode_rgba)(stored.image)
        sources.append(
            Source(
                name=stored.name,
                file=listed.file if listed else "",
                digest=stored.digest,
                pixels_digest=hashlib.sha256(pixels.tobytes()).hexdigest(),
                png=stored.image,
                width=pixels.shape[1],
                height=pixels.shape[0],
                held_out=stored.held_out,
                depth=stored.depth,
            )
        )
    return tuple(sources)
