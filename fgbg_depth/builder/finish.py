"""The end of a build, after the last shard: statistics, preview, card and manifest."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from fgbg_depth import schema
from fgbg_depth.builder.slices import remove_records
from fgbg_depth.builder.summary import keep_version, summarize
from fgbg_depth.card.preview import write_preview
from fgbg_depth.card.text import PICTURES, write_card
from fgbg_depth.errors import OutputError
from fgbg_depth.manifest import FileEntry, Manifest, PictureEntry
from fgbg_depth.plan import Plan, Shard
from fgbg_depth.read.files import StorageFiles
from fgbg_depth.read.hub_base import shards_on_hub
from fgbg_depth.render.codecs import decode_grey
from fgbg_depth.render.inputs import depth_digest
from fgbg_depth.sources.prepared import PreparedFiles
from fgbg_depth.statistics import Sums
from fgbg_depth.storage.files import FileInfo, Storage
from fgbg_depth.storage.parquet import footer_record, measure, read_record

BLOCK_SHARDS = 64  # whose records are in memory at once; one takes 0.3 MB, and there may be thousands


def finish_build(
    plan: Plan,
    storage: Storage,
    prepared: PreparedFiles,
    known_files: Mapping[str, FileInfo],
    previous: Manifest | None,
) -> None:
    """Remove files that the plan does not have, and write preview, card and, as the last file, `statistics.json`.

    Args:
        prepared: the files of the prepared backgrounds and cut-outs.
        known_files: sizes and hashes of finished shards; shards that are not in it are read.
        previous: manifest of the build before this one; its history is kept.
    Raises:
        OutputError: a shard is not in the output, or is not the shard that its name says.
        ShardError: a shard is damaged.
    """
    storage.remove_temporary_files(schema.FOLDERS)  # of killed workers, whose shards others have built
    planned = {shard.path for shard in plan.shards}
    kept = {schema.DATA: planned, schema.BG: set(prepared.backgrounds), schema.FG: set(prepared.cutouts)}
    for folder, keep in kept.items():
        for name in storage.list(folder):
            if name not in keep and name.endswith(".parquet"):
                storage.remove(name)
    sums, shards = _read_shards(plan, storage, known_files)
    sizes = storage.list(schema.BG) | storage.list(schema.FG)
    with ThreadPoolExecutor(8) as pool:
        hashes = dict(zip(prepared.all, pool.map(storage.sha256, prepared.all), strict=True))
    files = {name: FileEntry(rows=rows, bytes=sizes[name], sha256=hashes[name]) for name, rows in prepared.all.items()}
    manifest = summarize(plan, sums, shards, files, previous).with_color_range(previous)
    manifest = keep_version(manifest.with_files(write_preview(storage, manifest)), previous)
    write_card(storage, manifest, previous=previous)
    manifest.replace(pictures=_pictures(storage)).write(storage)
    remove_records(storage)


def _pictures(storage: Storage) -> dict[str, PictureEntry]:
    """Size and hash of each picture of the card."""
    sizes = storage.list(schema.ASSETS)
    paths = [schema.picture_path(name) for name in PICTURES]
    return {path: PictureEntry(bytes=sizes[path], sha256=storage.sha256(path)) for path in paths if path in sizes}


def _read_shards(
    plan: Plan, storage: Storage, known_files: Mapping[str, FileInfo]
) -> tuple[dict[str, Sums], dict[str, FileInfo]]:
    """The sums of each split, and size and hash of each shard."""
    sizes = storage.list(schema.DATA)
    on_hub = shards_on_hub(storage, (shard.path for shard in plan.shards))
    stored = StorageFiles(storage)
    sums: dict[str, Sums] = {}
    files: dict[str, FileInfo] = {}
    depths = {s.name: depth_digest(decode_grey(s.depth)) for s in plan.sources.backgrounds if s.depth}
    with ThreadPoolExecutor(8) as pool:
        for start in range(0, len(plan.shards), BLOCK_SHARDS):
            block = plan.shards[start : start + BLOCK_SHARDS]
            for shard, shard_sums in zip(
                block,
                pool.map(lambda s: _read_sums(stored, s, depths.get(s.bg, ""), s.path in on_hub), block),
                strict=True,
            ):
                if shard.split in sums:
                    sums[shard.split].add(shard_sums)
                else:
                    sums[shard.split] = shard_sums
            infos = pool.map(
                lambda s: on_hub[s.path].info if s.path in on_hub else _file_info(storage, s.path, sizes, known_files),
                block,
            )
            files |= zip([shard.path for shard in block], infos, strict=True)
    return sums, files


def _read_sums(files: StorageFiles, shard: Shard, bg_depth: str, is_on_hub: bool) -> Sums:
    """The statistics in a finished shard's footer.

    Args:
        bg_depth: digest of the depth of the shard's background; "" without depth.
        is_on_hub: the shard is on the Hub; nothing but its footer is fetched.
    """
    storage = files.storage
    record = footer_record(files.read_footer(shard.path)) if is_on_hub else read_record(storage, shard.path)
    if record.get("rows") != shard.rows or record.get("compose_digest") != shard.compose_digest:
        raise OutputError(
            f"{storage}/{shard.path}: its content belongs to another shard than its name.\n"
            "  Delete this file and build again."
        )
    if record["bg_depth"] != bg_depth:  # slices that start together on unlike machines each predict it
        raise OutputError(
            f"{storage}/{shard.path}: its labels were made with another depth of the background {shard.bg!r} than the "
            "config bg has.\n  Delete this file and build again; its images are composed again."
        )
    return Sums.from_dict(record["statistics"])


def _file_info(storage: Storage, path: str, sizes: Mapping[str, int], known_files: Mapping[str, FileInfo]) -> FileInfo:
    """Size and hash of a finished shard; the file is read only if they are not known."""
    if path not in sizes:  # a network file system may show files of other machines late
        raise OutputError(
            f"{storage}/{path} is not visible yet; another machine wrote it.\n  Run the same command again in a minute."
        )
    known = known_files.get(path)
    if known is not None and known.bytes == sizes[path]:
        return known
    return measure(storage, path)
