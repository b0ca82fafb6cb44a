"""`FgBgDepth`, a `datasets` builder: it builds the missing shards where other builders download files."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from datasets.builder import Key

from fgbg_depth import schema
from fgbg_depth.builder.label_speed import num_cores
from fgbg_depth.builder.messages import log_to_stderr
from fgbg_depth.builder.pipeline import build
from fgbg_depth.builder.planning import plan_output
from fgbg_depth.errors import OutputError
from fgbg_depth.paths import home
from fgbg_depth.plan import Plan
from fgbg_depth.read.hub_base import HubBase
from fgbg_depth.recipe import Recipe, current_names
from fgbg_depth.storage.files import Storage

_RECIPE_FIELDS = tuple(f for f in dataclasses.fields(Recipe) if f.name != "name")  # a config has a name already


@dataclasses.dataclass
class _BuildConfig(datasets.BuilderConfig):
    """How to build; does not change the data.

    Args:
        output: folder or fsspec URL of the finished shards, which is a complete dataset repository with card and
            statistics. Default: a folder named by the digest of the plan, below `cache_dir` if that is given, else in
            this project's cache; it is removed when `download_and_prepare` has copied its rows.
        replace: delete finished shards of `output` that this recipe and its sources do not give.
        workers: threads that prepare sources, and processes that build shards; default: one a core, at most 12 a GPU.
        device: where the depth model runs: auto, cpu, cuda, cuda:1, mps.
    """

    output: str | None = None
    workers: int | None = None
    device: str = "auto"
    replace: bool = False


FgBgDepthConfig = dataclasses.make_dataclass(
    "FgBgDepthConfig",
    [(f.name, f.type, dataclasses.field(default=f.default)) for f in _RECIPE_FIELDS],
    bases=(_BuildConfig,),
    namespace={"__doc__": "Configuration of `FgBgDepth`: the recipe's fields, and where and how to build."},
)
FgBgDepthConfig.__module__ = __name__


class FgBgDepth(datasets.ArrowBasedBuilder):
    """Builds, or continues to build, a dataset of (fg_bg, fg_bg_mask, fg_bg_depth) rows.

    Sources are read and prepared by the constructor; later changes of the files do not change the dataset. A stopped
    build continues where it was, with or without `output`. The prepared dataset is a copy of all rows below `cache_dir`
    (default: the cache of `datasets`). During the preparation the shards need the same space again; afterwards only
    the shards in an `output` that was given are kept, and those that `as_streaming_dataset` reads.

    Example:
        builder = FgBgDepth(backgrounds="bg/", foregrounds="fg/", placements=4)
        builder.download_and_prepare()
        train = builder.as_dataset(split="train")

    Keyword arguments are the fields of `Recipe` and of `FgBgDepthConfig`.

    Raises:
        OutputError: a folder cannot be written to, or finished shards of `output` would be deleted without `replace`.
        FgBgError: another subclass, for sources and the depth model.
    """

    BUILDER_CONFIG_CLASS = FgBgDepthConfig
    VERSION = datasets.Version("1.0.0")

    def __init__(self, cache_dir: str | None = None, dataset_name: str | None = None, **kwargs: Any) -> None:
        kwargs = current_names(kwargs)
        values = {f.name: kwargs[f.name] for f in _RECIPE_FIELDS if f.name in kwargs}
        self.recipe = Recipe(**values)
        output, device = kwargs.get("output"), kwargs.get("device", "auto")
        workers = kwargs.get("workers") or num_cores()
        plan = plan_output(self.recipe, Storage(output) if output else None, workers, device, log_to_stderr)
        digests = "".join(shard.name.digest for shard in plan.shards)
        self.plan_digest = hashlib.sha256(digests.encode()).hexdigest()[:16]
        self.split_rows = plan.split_rows()
        self._extras = plan.extras
        self._plan: Plan | None = plan
        # the cache is keyed by the content of the sources, not by their paths
        kwargs.setdefault("config_id", f"default-{self.plan_digest}")
        is_folder = cache_dir is not None and "://" not in str(cache_dir)
        self._builds = Path(str(cache_dir), "fgbg-depth-builds") if is_folder else home() / "builds"
        self._temporary_build: Path | None = None  # of the preparation that is running
        self._is_streamed = False
        try:
            super().__init__(cache_dir=cache_dir, dataset_name=dataset_name or "fgbg_depth", **kwargs)
        except OSError as e:
            raise OutputError(
                f"{e.filename or cache_dir or 'the cache of datasets'}: cannot write ({e.strerror or e}).\n"
                "  Choose a folder for the prepared dataset: FgBgDepth(cache_dir=...)."
            ) from e

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="Cut-outs placed on backgrounds, with mattes and depth labels.",
            features=schema.features(labels=self.recipe.labels, extras=self._extras),
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        config: Any = self.config
        output = config.output or str(self._make_temporary_build())
        plan, self._plan = self._plan, None  # it holds all prepared sources, and `datasets` pickles the builder
        build(
            self.recipe,
            output,
            workers=config.workers,
            device=config.device,
            plan=plan,
            replace=config.replace,
            remember=bool(config.output),
        )
        storage = Storage(output)
        if HubBase.read(storage) is not None:
            raise OutputError(
                f"{output} continues a version on the Hub, whose shards are not in this folder.\n"
                f"  Read it with fgbg_depth.load({output!r})."
            )
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

    def _make_temporary_build(self) -> Path:
        """The folder to build into if the user chose none.

        Raises:
            OutputError: it cannot be written to.
        """
        folder = (self._builds / self.plan_digest).expanduser()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as e:
            raise OutputError(
                f"{folder}: cannot write ({e.strerror or e}).\n"
                "  Choose a folder for the build and the prepared dataset: FgBgDepth(cache_dir=...), or set the "
                "environment variable FGBG_DEPTH_HOME."
            ) from e
        self._temporary_build = folder
        return folder

    def download_and_prepare(self, *args: Any, **kwargs: Any) -> None:
        """Build the missing shards and copy their rows into the cache of `datasets`; see its base class."""
        self._temporary_build = None
        super().download_and_prepare(*args, **kwargs)
        if self._temporary_build is not None and not self._is_streamed:  # all rows were copied
            shutil.rmtree(self._temporary_build)

    def as_streaming_dataset(self, *args: Any, **kwargs: Any) -> Any:
        """Build the missing shards and read rows from them when they are needed; see its base class."""
        self._is_streamed = True
        return super().as_streaming_dataset(*args, **kwargs)

    def _generate_tables(self, paths: list[str], output: str) -> Iterator[tuple[Key, pa.Table]]:
        storage = Storage(output)
        for index, path in enumerate(paths):
            with storage.open(path) as f:
                for batch_index, batch in enumerate(pq.ParquetFile(f).iter_batches(1000)):
                    yield Key(index, batch_index), pa.Table.from_batches([batch])
