"""`FgBgDepth`, a `datasets` builder: it builds the missing shards where other builders download files."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from datasets.builder import Key

from fgbg_depth import schema
from fgbg_depth.builder.messages import log_to_stderr
from fgbg_depth.builder.pipeline import build
from fgbg_depth.builder.planning import default_workers, plan_output
from fgbg_depth.paths import home
from fgbg_depth.plan import Plan
from fgbg_depth.recipe import Recipe, current_names
from fgbg_depth.storage.files import Storage

_RECIPE_FIELDS = tuple(f for f in dataclasses.fields(Recipe) if f.name != "name")  # a config has a name already


@dataclasses.dataclass
class _BuildConfig(datasets.BuilderConfig):
    """How to build; does not change the data.

    Args:
        output: folder or fsspec URL of the finished shards, where a stopped build continues; default: a folder in
            this project's cache, named by the digest of the plan.
        workers: threads that prepare sources, and processes that build shards; default: one a core, at most 6 a GPU.
        device: where the depth model runs: auto, cpu, cuda, cuda:1, mps.
    """

    output: str | None = None
    workers: int | None = None
    device: str = "auto"


FgBgDepthConfig = dataclasses.make_dataclass(
    "FgBgDepthConfig",
    [(f.name, f.type, dataclasses.field(default=f.default)) for f in _RECIPE_FIELDS],
    bases=(_BuildConfig,),
    namespace={"__doc__": "Configuration of `FgBgDepth`: the recipe's fields, and where and how to build."},
)
FgBgDepthConfig.__module__ = __name__


class FgBgDepth(datasets.ArrowBasedBuilder):
    """Builds, or continues to build, a dataset of (fg_bg, fg_bg_mask, fg_bg_depth) rows.

    Sources are read and prepared by the constructor; later changes of the files do not change the dataset.

    Example:
        builder = FgBgDepth(backgrounds="bg/", foregrounds="fg/", placements=4)
        builder.download_and_prepare()
        train = builder.as_dataset(split="train")

    Keyword arguments are the fields of `Recipe` and of `FgBgDepthConfig`.
    """

    BUILDER_CONFIG_CLASS = FgBgDepthConfig
    VERSION = datasets.Version("1.0.0")

    def __init__(self, cache_dir: str | None = None, dataset_name: str | None = None, **kwargs: Any) -> None:
        kwargs = current_names(kwargs)
        values = {f.name: kwargs[f.name] for f in _RECIPE_FIELDS if f.name in kwargs}
        self.recipe = Recipe(**values)
        output, device = kwargs.get("output"), kwargs.get("device", "auto")
        workers = kwargs.get("workers") or default_workers(self.recipe, device)
        plan = plan_output(self.recipe, Storage(output) if output else None, workers, device, log_to_stderr)
        digests = "".join(shard.name.digest for shard in plan.shards)
        self.plan_digest = hashlib.sha256(digests.encode()).hexdigest()[:16]
        self.split_rows = plan.split_rows()
        self._plan: Plan | None = plan
        # the cache is keyed by the content of the sources, not by their paths
        kwargs.setdefault("config_id", f"default-{self.plan_digest}")
        super().__init__(cache_dir=cache_dir, dataset_name=dataset_name or "fgbg_depth", **kwargs)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="Cut-outs placed on backgrounds, with mattes and depth labels.",
            features=schema.features(labels=self.recipe.labels),
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        config: Any = self.config
        output = config.output or str(home() / "builds" / self.plan_digest)
        plan, self._plan = self._plan, None  # it holds all prepared sources, and `datasets` pickles the builder
        build(self.recipe, output, workers=config.workers, device=config.device, plan=plan)
        storage = Storage(output)
        paths = storage.list(schema.DATA)
        return [
            datasets.SplitGenerator(
                name=split,
                gen_kwargs={
                    "paths": [path for path in paths if schema.ShardName.parse(path).split == split],
                    "output": output,
                },
            )
            for split in self.split_rows
        ]

    def _generate_tables(self, paths: list[str], output: str) -> Iterator[tuple[Key, pa.Table]]:
        storage = Storage(output)
        for index, path in enumerate(paths):
            with storage.open(path) as f:
                for batch_index, batch in enumerate(pq.ParquetFile(f).iter_batches(1000)):
                    yield Key(index, batch_index), pa.Table.from_batches([batch])
