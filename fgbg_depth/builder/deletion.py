"""Which finished shards a build would delete, and why. A build does not delete them without being told to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fgbg_depth import schema
from fgbg_depth.builder.messages import count
from fgbg_depth.builder.output import OutputState, stored_format
from fgbg_depth.builder.shard import ShardTask
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import RecipeError
from fgbg_depth.manifest import Manifest, SourceEntry
from fgbg_depth.plan import Plan
from fgbg_depth.recipe import OPTIONS, Recipe, parse_recipe, published
from fgbg_depth.recipe.fields import Shapes
from fgbg_depth.sources.load import Source
from fgbg_depth.storage.files import Storage

NAMES_SHOWN = 3
ADVICE = "Pass --replace (in Python: replace=True) to delete them, or choose another --output to keep them."


@dataclass(frozen=True)
class Deletion:
    """The finished shards that a build would delete, because its recipe and sources do not give them.

    Args:
        output: folder or URL.
        paths: the shards to delete, without those whose deletion was confirmed before.
        num_finished: finished shards in the output.
        num_tasks: shards to build.
        num_reused: shards to build that reuse the images of a finished shard, and get new labels or none.
        reasons: what changed since the shards were built, one sentence part each.
    """

    output: str
    paths: tuple[str, ...]
    num_finished: int
    num_tasks: int
    num_reused: int
    reasons: tuple[str, ...]

    def text(self, is_confirmed: bool = False) -> str:
        """What the build deletes, or would delete, and why; several lines for people."""
        num = len(self.paths)
        number = f"{num:,} of the {self.num_finished:,}" if num < self.num_finished else f"all {num:,}"
        number = "the only" if num == self.num_finished == 1 else number
        lines = [
            f"This build {'deletes' if is_confirmed else 'would delete'} {number} finished "
            f"shard{'s' * (self.num_finished != 1)} in {self.output} and "
            f"{'builds' if is_confirmed else 'build'} {count(self.num_tasks, 'shard')}, because:",
            *(f"  {reason}" for reason in self.reasons),
        ]
        if self.num_reused:
            whose = (
                "Their images are reused" if self.num_reused == num else f"The images of {self.num_reused:,} are reused"
            )
            lines.append(f"  {whose}; no image of these is composed again.")
        return "\n".join(lines)


def find_deletion(plan: Plan, storage: Storage, state: OutputState, tasks: list[ShardTask]) -> Deletion | None:
    """The deletion that a build of this plan needs; None if it keeps every finished shard.

    Args:
        tasks: the shards to build.
    """
    planned = {shard.path for shard in plan.shards}
    finished = state.shard_sizes.keys() - state.noted
    paths = tuple(sorted(finished - planned - state.deletions))
    if not paths:
        return None
    num_reused = sum(task.reuse_from is not None for task in tasks)
    reasons = tuple(change_reasons(plan, storage, state, paths))
    return Deletion(storage.url, paths, len(finished), len(tasks), num_reused, reasons)


def change_reasons(plan: Plan, storage: Storage, state: OutputState, paths: tuple[str, ...]) -> Iterator[str]:
    """What changed since these shards were built, one sentence part each."""
    stored = stored_format(storage)
    if stored is not None and stored != schema.FORMAT:
        yield f"another version of fgbg-depth built them (format {stored}; this version builds format {schema.FORMAT})"
    manifest = state.previous_manifest
    if manifest is not None and not set(paths) & manifest.shards.keys():
        manifest = None  # they are of a build after it, which was interrupted
    reasons = list(_changes(plan, manifest.recipe if manifest else _stored_recipe(storage), manifest))
    yield from reasons
    if not reasons and stored in (None, schema.FORMAT):
        yield "the recipe and the sources of this build do not give them"


def _changes(plan: Plan, recipe: Recipe | None, manifest: Manifest | None) -> Iterator[str]:
    """What differs between a plan and the recipe and manifest of the build before."""
    fields = list(_changed_fields(published(recipe), published(plan.recipe))) if recipe is not None else []
    for name, now, before in fields:
        yield f"{name} is {now}, was {before}"
    if manifest is None:
        return
    for kind, noun, sources in (
        (schema.BG, "background", plan.sources.backgrounds),
        (schema.FG, "cut-out", plan.sources.cutouts),
    ):
        if words := _changed_sources(manifest.sources.get(kind, {}), sources):
            yield f"{noun}s: {words}"
    if not any(name.startswith("depth_") for name, _, _ in fields):
        yield from _changed_labels(manifest.depth, plan.spec)


def _changed_fields(before: Recipe, now: Recipe) -> Iterator[tuple[str, str, str]]:
    """(name, new value, old value) of each field that shapes shards."""
    old, new = before.to_dict(), now.to_dict()
    for name, options in OPTIONS.items():
        is_used = options.only_if is None or any(
            values[options.only_if[0]] in options.only_if[1] for values in (old, new)
        )
        if old[name] != new[name] and options.shapes is not Shapes.NOTHING and is_used:
            yield name, _shown(new[name]), _shown(old[name])


def _shown(value: object) -> str:
    if isinstance(value, list):
        return " ".join(f"{item:g}" for item in value)
    return "null" if value is None else repr(value) if value == "" else str(value)


def _changed_sources(before: Mapping[str, SourceEntry], sources: tuple[Source, ...]) -> str:
    """Which sources were added, removed or changed, and which moved between train and test; "" for none."""
    now = {source.name: source for source in sources}
    both = [name for name in now if name in before]
    groups = {
        "added": [name for name in now if name not in before],
        "removed": [name for name in before if name not in now],
        "changed": [name for name in both if now[name].digest != before[name].digest],
        "moved between train and test": [
            name
            for name in both
            if now[name].digest == before[name].digest and now[name].held_out != before[name].held_out
        ],
    }
    return ", ".join(f"{len(names):,} {what} ({_listed(names)})" for what, names in groups.items() if names)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def _changed_labels(before: DepthSpec | None, now: DepthSpec | None) -> Iterator[str]:
    """Differences of two depth specs of the same recipe: the model's files, or what `auto` means on this machine."""
    if before is None or now is None:
        return
    old, new = before.to_dict(), now.to_dict()
    for key in old:
        if old[key] != new.get(key) and key != "license":
            what = "the depth model's files have" if key == "digest" else f"the labels' {key} has"
            yield f"{what} changed: {new.get(key)}, was {old[key]}"


def _stored_recipe(storage: Storage) -> Recipe | None:
    try:
        return parse_recipe(storage.read(schema.RECIPE).decode("utf-8", "replace"))
    except (FileNotFoundError, RecipeError):
        return None
