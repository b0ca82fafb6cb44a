"""What an output should contain: from its own recipe and prepared sources, without the original files."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pyarrow as pa

from fgbg_depth import schema
from fgbg_depth.builder.background_labels import with_ground
from fgbg_depth.builder.row_composers import RowComposers
from fgbg_depth.errors import FgBgError, RecipeError
from fgbg_depth.manifest import Manifest
from fgbg_depth.plan import Plan, Shard, make_plan
from fgbg_depth.read.files import StorageFiles
from fgbg_depth.read.prepared_sources import prepared_sources
from fgbg_depth.recipe import Recipe, parse_recipe
from fgbg_depth.sources.load import Sources
from fgbg_depth.sources.prepared import Prepared, prepared_files
from fgbg_depth.storage.files import Storage
from fgbg_depth.verify.report import BUILD_MISSING, DELETE_AGAIN, WRITE_AGAIN, Problem


@dataclass(frozen=True)
class Expected:
    """What an output should contain.

    Args:
        shards: the plan's shards by path.
        prepared: the sources, to compose rows from.
        composers: of their rows.
    """

    plan: Plan
    shards: dict[str, Shard]
    prepared: Prepared
    composers: RowComposers


def replan(storage: Storage, manifest: Manifest) -> tuple[Expected | None, list[Problem]]:
    """What recipe and prepared sources give, and the problems that this shows.

    The recipe is that of `statistics.json`, unless recipe.yaml differs and is the one that gives the listed shards.

    Returns:
        (None, problems) if recipe or sources cannot be read.
    """
    recipe, problem = _stored_recipe(storage)
    try:
        sources = Sources(
            prepared_sources(StorageFiles(storage), manifest, schema.BG),
            prepared_sources(StorageFiles(storage), manifest, schema.FG),
            tuple((item.file, item.reason) for item in manifest.skipped),
            tuple(manifest.warnings),
            tuple(manifest.ignored),
            license_notes=tuple(manifest.license_notes),
            trimmed=tuple(manifest.trimmed),
            defringed=tuple(manifest.defringed),
        )
        if schema.GROUND in manifest.extras and manifest.depth is not None:
            backgrounds = tuple(with_ground(source, manifest.depth) for source in sources.backgrounds)
            sources = dataclasses.replace(sources, backgrounds=backgrounds)
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
    right_names = prepared_files(sources, plan.depth_key, plan.extras).all
    for name in sorted({*manifest.files_of(schema.BG), *manifest.files_of(schema.FG)} - right_names.keys()):
        problems.append(Problem(name, "has other sources than its name says", WRITE_AGAIN))
    shards = {shard.path: shard for shard in plan.shards}
    for path in sorted(manifest.shards.keys() - shards.keys()):
        what = "a shard of another recipe or of other sources"
        problems.append(Problem(path, what, DELETE_AGAIN, also=(schema.STATISTICS,)))
    for path in sorted(shards.keys() - manifest.shards.keys()):
        what = f"recipe and sources give this shard, but {schema.STATISTICS} does not list it"
        problems.append(Problem(path, what, BUILD_MISSING, also=(schema.STATISTICS,)))
    prepared = Prepared.of(sources)
    return Expected(plan, shards, prepared, RowComposers(plan.recipe, prepared, plan.spec)), problems


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
