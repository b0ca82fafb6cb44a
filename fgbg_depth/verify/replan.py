"""The plan of an output's build, from its own recipe and prepared sources, without the original files."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq

from fgbg_depth import schema
from fgbg_depth.errors import FgBgError
from fgbg_depth.manifest import Manifest
from fgbg_depth.plan import Plan, make_plan
from fgbg_depth.recipe import parse_recipe
from fgbg_depth.render.codecs import decode_rgb, decode_rgba
from fgbg_depth.sources.load import Source, Sources
from fgbg_depth.sources.prepared import Prepared, prepared_names
from fgbg_depth.storage.files import Storage

REMAKE = "Delete it and build again; only it is remade."
REFRESH = f"Delete {schema.STATISTICS} and build again; no shard is made twice."


def replan(storage: Storage, manifest: Manifest, problems: list[str]) -> tuple[Plan | None, Prepared | None]:
    """What recipe and prepared sources make; (None, None) where they cannot be trusted."""
    if any(line.startswith(("bg/", "fg/")) for line in problems):
        return None, None
    try:
        recipe, spec = manifest.recipe, manifest.depth
        if storage.exists(schema.RECIPE):
            if parse_recipe(storage.read(schema.RECIPE).decode(), schema.RECIPE) != recipe:
                problems.append(f"{schema.RECIPE}: another recipe than the one in {schema.STATISTICS}. {REFRESH}")
        else:
            problems.append(f"{schema.RECIPE}: missing. {REFRESH}")
        backgrounds = _sources(storage, manifest, schema.BG)
        cutouts = _sources(storage, manifest, schema.FG)
        skipped = tuple((item.file, item.reason) for item in manifest.skipped)
        sources = Sources(backgrounds, cutouts, skipped, tuple(manifest.warnings))
        plan = make_plan(recipe, sources, spec)
    except (FgBgError, pa.ArrowException, KeyError, TypeError, ValueError, OSError) as e:
        line = " ".join(str(e).split()) or type(e).__name__
        problems.append(f"{schema.STATISTICS}: recipe, depth or sources cannot be read ({line}). {REFRESH}")
        return None, None
    for true in prepared_names(sources):
        folder = true.split("/", 1)[0]
        for name in manifest.files_of(folder):
            if name != true:
                problems.append(f"{name}: not the sources that its name stands for. {REMAKE}")
    planned = {shard.path: shard.rows for shard in plan.shards}
    for path in sorted(set(manifest.shards) - set(planned)):
        problems.append(f"{path}: a shard of another recipe or of other sources. {REMAKE}")
    for path in sorted(set(planned) - set(manifest.shards)):
        problems.append(f"{path}: recipe and sources make it, but {schema.STATISTICS} does not list it. {REFRESH}")
    return plan, Prepared.of(sources)


def _sources(storage: Storage, manifest: Manifest, kind: str) -> tuple[Source, ...]:
    """The prepared sources of one kind, as `load_sources` would give them."""
    sources = []
    for name in manifest.files_of(kind):
        with storage.open(name) as f:
            rows = pq.read_table(f, columns=["name", "image", "held_out", "digest"]).to_pylist()
        for row in rows:
            png, listed = row["image"]["bytes"], manifest.sources[kind].get(row["name"])
            pixels = (decode_rgb if kind == schema.BG else decode_rgba)(png)
            sources.append(
                Source(
                    name=row["name"],
                    file=listed.file if listed else "",
                    digest=row["digest"],
                    pixels_digest=hashlib.sha256(pixels.tobytes()).hexdigest(),
                    png=png,
                    width=pixels.shape[1],
                    height=pixels.shape[0],
                    held_out=row["held_out"],
                )
            )
    return tuple(sources)
