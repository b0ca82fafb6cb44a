"""What a build has to do in an output: which shards it reuses, builds, builds again, and deletes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fgbg_depth import schema
from fgbg_depth.builder.damage import check_shards
from fgbg_depth.builder.deletion import Deletion, find_deletion
from fgbg_depth.builder.output import OutputState
from fgbg_depth.builder.shard import ShardTask
from fgbg_depth.builder.slices import slice_paths
from fgbg_depth.plan import Plan
from fgbg_depth.storage.files import FileInfo, Storage

NOTED = "`verify` found that it is damaged"


@dataclass(frozen=True)
class Work:
    """What a build, or a slice of it, has to do.

    Args:
        num_shards: shards of the plan, or of the slice.
        tasks: those to build.
        damaged: what is wrong with the shards that exist and cannot be used, by path.
        measured: sizes and hashes of finished shards that were not recorded.
        deletion: the finished shards that the plan does not have; None if there are none, or if it was confirmed.
    """

    num_shards: int
    tasks: tuple[ShardTask, ...]
    damaged: Mapping[str, str]
    measured: Mapping[str, FileInfo]
    deletion: Deletion | None

    @property
    def num_relabelled(self) -> int:
        """Number of shards to build that reuse the images of a finished shard."""
        return sum(task.reuse_from is not None for task in self.tasks)


def find_work(plan: Plan, storage: Storage, state: OutputState, slice_of: tuple[int, int] | None = None) -> Work:
    """Compare a plan with an output. Changes nothing.

    Args:
        slice_of: (i, n): only the shards of slice i of n.
    """
    own = slice_paths(plan, *slice_of) if slice_of else {shard.path for shard in plan.shards}
    shards = [shard for shard in plan.shards if shard.path in own]
    present = [shard.path for shard in shards if shard.path in state.shard_sizes]
    damaged = {path: NOTED for path in present if path in state.noted}
    checked = check_shards(
        storage, [path for path in present if path not in damaged], state.shard_sizes, state.known_files
    )
    damaged |= checked.damaged
    missing = [
        shard
        for shard in shards
        if (shard.path not in state.shard_sizes and state.on_hub(shard.path) is None) or shard.path in damaged
    ]
    wanted = {shard.compose_digest for shard in missing}
    # Their images are copied, so they are compared with their hashes. A damaged one is not reused.
    by_images = {
        digest: path
        for path in sorted(state.shard_sizes.keys() - state.noted - damaged.keys())
        if (digest := schema.ShardName.parse(path).compose_digest) in wanted
    }
    reusable = check_shards(storage, by_images.values(), state.shard_sizes, {})
    damaged |= reusable.damaged
    tasks = [
        ShardTask(shard, path if (path := by_images.get(shard.compose_digest)) not in reusable.damaged else None)
        for shard in missing
    ]
    return Work(
        len(shards),
        tuple(tasks),
        damaged,
        checked.measured,
        find_deletion(plan, storage, state, tasks),
    )
