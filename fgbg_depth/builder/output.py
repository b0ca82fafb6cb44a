"""The output before a build: whether it can be used, its recipe, which shards it has, and whether it is complete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from fgbg_depth import schema
from fgbg_depth.builder.damage import read_damaged
from fgbg_depth.builder.slices import PREVIOUS_MANIFEST, read_deletions, read_known_files, read_manifest
from fgbg_depth.errors import OutputError, RecipeError, ShardError
from fgbg_depth.manifest import Manifest
from fgbg_depth.plan import Plan
from fgbg_depth.read.hub_base import HubBase, HubShard
from fgbg_depth.recipe import Recipe, load_recipe, parse_recipe, published, with_local_folders
from fgbg_depth.sources.prepared import prepared_files
from fgbg_depth.storage.files import FileInfo, Storage
from fgbg_depth.storage.parquet import has_magic, read_record

SOURCE_FOLDERS = (schema.DATA, schema.BG, schema.FG)


@dataclass(frozen=True)
class OutputState:
    """What an output has at the start of a build.

    Args:
        shard_sizes: the files under data/, {path: bytes}.
        known_files: sizes and hashes of shards that previous builds and slices recorded.
        manifest: of the output, if the last build was completed.
        previous_manifest: the same, or else that of the build before the one that was interrupted.
        noted: files that `verify` found to be damaged.
        deletions: finished shards whose deletion was confirmed in a build that was interrupted, or in a slice.
        base: the version on the Hub that the output continues; None for most outputs.
    """

    shard_sizes: Mapping[str, int]
    known_files: Mapping[str, FileInfo]
    manifest: Manifest | None
    previous_manifest: Manifest | None
    noted: frozenset[str] = frozenset()
    deletions: frozenset[str] = frozenset()
    base: HubBase | None = None

    def on_hub(self, path: str) -> HubShard | None:
        """A shard that is not in the output because it stays on the Hub; None for all others."""
        return self.base.find(path) if self.base is not None and path not in self.shard_sizes else None

    @classmethod
    def read(cls, storage: Storage) -> OutputState:
        manifest = read_manifest(storage, schema.STATISTICS)
        previous = manifest or read_manifest(storage, PREVIOUS_MANIFEST)
        known_files = read_known_files(storage, previous)
        sizes = storage.list(schema.DATA)
        return cls(
            sizes,
            known_files,
            manifest,
            previous,
            read_damaged(storage),
            read_deletions(storage),
            HubBase.read(storage),
        )

    def is_complete(self, plan: Plan, storage: Storage) -> bool:
        """Whether the output is what this plan makes: names and sizes of files, recipe, card and its pictures.

        No pixel is read. On a disk, each shard must begin and end as a parquet file; at a URL this would be a request
        for each shard.
        """
        manifest = self.manifest
        if manifest is None or self.noted:
            return False
        shard_sizes = {path: entry.bytes for path, entry in manifest.shards.items() if self.on_hub(path) is None}
        return (
            self.shard_sizes == shard_sizes
            and set(manifest.shards) == {shard.path for shard in plan.shards}
            and manifest.recipe == published(plan.recipe)
            and manifest.terms == plan.sources.terms
            and all(storage.exists(name) for name in (schema.CARD, *schema.METADATA))
            and _has_recipe(storage)
            and _card_pictures(manifest) <= set(storage.list(schema.ASSETS))
            and set(prepared_files(plan.sources, plan.depth_key, plan.extras).all) <= set(manifest.files)
            and all(storage.exists(name) for name in manifest.files)
            and (not storage.is_local or all(has_magic(storage, path) for path in shard_sizes))
        )


def check_output(storage: Storage) -> None:
    """Check that an output is a new or empty folder, or one that this project made.

    Raises:
        OutputError: it is a file, it has other files, or it has none of ours.
    """
    if storage.is_local and storage.root.exists() and not storage.root.is_dir():
        raise OutputError(f"{storage} is a file.\n  Choose a folder: --output DIR.")
    names = list(storage.list())
    folders = [folder for folder in SOURCE_FOLDERS if storage.list(folder)]
    # A build writes the recipe first. It is looked for last, since another slice may be starting at the same time.
    if (names or folders) and not storage.exists(schema.RECIPE) and not _has_other_files_of_ours(storage):
        raise OutputError(
            f"{storage} is not empty and was not made by fgbg-depth (it has {', '.join([*names, *folders][:5])}).\n"
            "  Choose an empty or new folder: --output DIR."
        )
    foreign = [name for folder in SOURCE_FOLDERS for name in storage.list(folder) if not schema.is_own_path(name)]
    if foreign:
        raise OutputError(
            f"{storage} has files that fgbg-depth did not make: {', '.join(foreign[:5])}.\n"
            "  Move them to another folder, or they would become part of the dataset; or choose another --output."
        )


def _has_other_files_of_ours(storage: Storage) -> bool:
    """Whether an output that lost its recipe.yaml is one of this project: by its statistics.json or by a shard."""
    if stored_format(storage) is not None:
        return True
    for path in [path for path in storage.list(schema.DATA) if schema.is_own_path(path)][:10]:
        try:
            read_record(storage, path)
        except ShardError:
            continue
        return True
    return False


def stored_format(storage: Storage) -> int | None:
    """The format number in statistics.json, also one that this version cannot read; None: there is none."""
    for name in (schema.STATISTICS, PREVIOUS_MANIFEST):
        try:
            values = json.loads(storage.read(name))
        except (FileNotFoundError, ValueError, RecursionError):
            continue
        if isinstance(values, dict) and type(values.get("format")) is int and "shards" in values:
            return int(values["format"])
    return None


def output_recipe(storage: Storage) -> tuple[Recipe, str] | None:
    """The recipe of an output, and the name of the file it was read from.

    This is recipe.yaml. If that file is missing or empty, or `verify` found that it is wrong, the recipe is the one in
    statistics.json.

    Returns:
        None: there is no output yet.
    Raises:
        RecipeError: recipe.yaml is not a recipe.
        OutputError: the output has shards, but its recipe is lost.
    """
    try:
        text = storage.read(schema.RECIPE)
    except (FileNotFoundError, NotADirectoryError):
        text = b""
    if text.strip() and schema.RECIPE not in read_damaged(storage):
        return _parsed(storage, text), schema.RECIPE
    for name in (schema.STATISTICS, PREVIOUS_MANIFEST):
        if manifest := read_manifest(storage, name):
            recipe = with_local_folders(manifest.recipe, storage.root) if storage.is_local else manifest.recipe
            return recipe, name
    if text.strip():
        return _parsed(storage, text), schema.RECIPE
    num_shards = sum(schema.is_own_path(path) for path in storage.list(schema.DATA))
    if num_shards and _has_other_files_of_ours(storage):
        raise OutputError(
            f"{storage} has {num_shards:,} shards, but neither {schema.RECIPE} nor a readable {schema.STATISTICS}, so "
            "its recipe is not known.\n"
            "  Give the build's original sources and options again (--backgrounds DIR --foregrounds DIR ..., or\n"
            "  --recipe FILE). Shards that they describe are reused."
        )
    return None


def _parsed(storage: Storage, text: bytes) -> Recipe:
    try:
        if storage.is_local:
            return load_recipe(storage.path(schema.RECIPE))
        return parse_recipe(text.decode("utf-8", "replace"), f"{storage}/{schema.RECIPE}")
    except RecipeError as e:
        advice = "Correct this file, or give the recipe again with --recipe FILE."
        if read_manifest(storage, schema.STATISTICS) is not None:
            advice = f"Correct this file, or delete it: the recipe is then taken from {schema.STATISTICS}."
        raise RecipeError(f"{e}\n  {advice}") from e


def _has_recipe(storage: Storage) -> bool:
    return storage.exists(schema.RECIPE) and bool(storage.read(schema.RECIPE).strip())


def _card_pictures(manifest: Manifest) -> set[str]:
    """Paths of the pictures that the card shows."""
    from fgbg_depth.card.label_checks import CHART, SHEET
    from fgbg_depth.card.text import PICTURES

    absent = set()
    if manifest.depth_histogram is None:
        absent.add("depth")
    if not manifest.columns:
        absent |= {CHART, SHEET}
    return {schema.picture_path(name) for name in PICTURES if name not in absent}
