"""The output before a build: whether it can be used, which shards it has, and whether it is complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fgbg_depth import schema
from fgbg_depth.builder.shard import ShardTask
from fgbg_depth.builder.slices import PREVIOUS_MANIFEST, read_known_files, read_manifest
from fgbg_depth.errors import OutputError
from fgbg_depth.manifest import Manifest
from fgbg_depth.plan import Plan
from fgbg_depth.recipe import published
from fgbg_depth.sources.prepared import prepared_names
from fgbg_depth.storage.files import FileInfo, Storage

SOURCE_FOLDERS = (schema.DATA, schema.BG, schema.FG)


@dataclass(frozen=True)
class OutputState:
    """What an output has at the start of a build.

    Args:
        shard_sizes: the files under data/, {path: bytes}.
        known_files: sizes and hashes of shards that previous builds and slices recorded.
        manifest: of the output, if the last build was completed.
        previous_manifest: the same, or else that of the build before the one that was interrupted.
    """

    shard_sizes: Mapping[str, int]
    known_files: Mapping[str, FileInfo]
    manifest: Manifest | None
    previous_manifest: Manifest | None

    @classmethod
    def read(cls, storage: Storage) -> OutputState:
        manifest = read_manifest(storage, schema.STATISTICS)
        previous = manifest or read_manifest(storage, PREVIOUS_MANIFEST)
        return cls(storage.list(schema.DATA), read_known_files(storage, previous), manifest, previous)

    def missing_tasks(self, plan: Plan) -> list[ShardTask]:
        """The shards of the plan that are missing, each with a shard whose images can be reused, if there is one."""
        by_images = {schema.ShardName.parse(path).compose_digest: path for path in sorted(self.shard_sizes)}
        missing = [shard for shard in plan.shards if shard.path not in self.shard_sizes]
        return [ShardTask(shard, by_images.get(shard.compose_digest)) for shard in missing]

    def is_complete(self, plan: Plan, storage: Storage) -> bool:
        """Whether the output is what this plan makes: names and sizes of files, recipe, card and its pictures."""
        manifest = self.manifest
        if manifest is None:
            return False
        shard_sizes = {path: entry.bytes for path, entry in manifest.shards.items()}
        return (
            self.shard_sizes == shard_sizes
            and set(shard_sizes) == {shard.path for shard in plan.shards}
            and manifest.recipe == published(plan.recipe)
            and storage.exists(schema.CARD)
            and _card_pictures(plan) <= set(storage.list(schema.ASSETS))
            and set(prepared_names(plan.sources)) <= set(manifest.files)
            and all(storage.exists(name) for name in manifest.files)
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
    if (names or folders) and not storage.exists(schema.RECIPE):
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


def _card_pictures(plan: Plan) -> set[str]:
    """Paths of the pictures that the card shows."""
    from fgbg_depth.card.text import PICTURES

    return {f"{schema.ASSETS}/{name}.png" for name in PICTURES if name != "depth" or plan.spec}
