"""One shard: finished or not there, the same bytes whoever makes it, its labels exchangeable."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tiny import SimpleLabeller, pixels_of, simple_spec, tiny_recipe, tree

from fgbg_depth import schema
from fgbg_depth.builder import shard as shards
from fgbg_depth.builder.shard import ShardMaker, ShardTask
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import ShardError
from fgbg_depth.plan import Plan, make_plan
from fgbg_depth.render import compose
from fgbg_depth.sources.load import load_sources
from fgbg_depth.sources.prepared import Prepared, write_prepared
from fgbg_depth.statistics import Sums
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import ROW_GROUP, measure, read_footer, read_record

Make = Callable[..., tuple[ShardMaker, Plan]]


@pytest.fixture
def make(sources: Path, tmp_path: Path) -> Make:
    def setup(spec: DepthSpec | None = None, out: str = "out", **changes: Any) -> tuple[ShardMaker, Plan]:
        recipe = tiny_recipe(sources, depth_model="simple" if spec else "none", **changes)
        plan = make_plan(recipe, load_sources(recipe), spec)
        storage = Storage(tmp_path / out)
        prepared = Prepared.of(plan.sources)
        return ShardMaker(recipe, spec, storage, prepared, lambda: SimpleLabeller(spec)), plan

    return setup


def table_of(maker: ShardMaker, path: str) -> list[dict[str, Any]]:
    return pq.read_table(maker.storage.path(path)).to_pylist()


@pytest.mark.parametrize("bits", [0, 8, 16])
def test_a_shard_is_what_its_plan_says(make: Make, bits: int) -> None:
    spec = simple_spec(bits=bits) if bits else None
    maker, plan = make(spec)
    shard, told = plan.shards[0], []
    finished = maker.make(ShardTask(shard), on_rows=told.append)
    assert (finished.path, finished.rows, sum(told)) == (shard.path, shard.rows, shard.rows)
    path = Path(maker.storage.path(shard.path))
    assert path.stat().st_size == finished.file.bytes and measure(maker.storage, shard.path) == finished.file
    file = pq.ParquetFile(path)
    assert file.schema_arrow.names == list(schema.features(depth=bool(bits)))
    assert "huggingface" in str(file.schema_arrow.metadata)  # load_dataset finds its features there
    rows = file.read().to_pylist()
    keys = [(r["fg"], r["flip"], r["placement"]) for r in rows]
    assert keys == sorted(keys) and len(keys) == shard.rows and {r["bg"] for r in rows} == {shard.bg}
    record = read_footer(file)
    assert record["rows"] == shard.rows and record["depth"] == (spec.to_dict() if spec else None)
    sums = Sums.from_dict(record["statistics"])
    images = np.stack([pixels_of(r["fg_bg"]) for r in rows])
    masks = np.stack([pixels_of(r["fg_bg_mask"]) for r in rows])
    for channel in range(3):
        assert np.array_equal(sums.rgb_histogram[channel], np.bincount(images[..., channel].ravel(), minlength=256))
    assert np.array_equal(sums.mask_histogram, np.bincount(masks.ravel(), minlength=256))
    assert sums.rgb_bytes == sum(len(r["fg_bg"]["bytes"]) for r in rows)
    if spec:
        labels = [pixels_of(r["fg_bg_depth"]) for r in rows]
        for image, label in zip(images, labels, strict=True):
            assert np.array_equal(label, SimpleLabeller(spec)(image[None])[0])
        assert sums.depth_sum == sum(int(label.astype(np.int64).sum()) for label in labels)


@pytest.mark.parametrize("depth", [False, True])
def test_chunks_and_workers_change_no_byte(make: Make, monkeypatch: pytest.MonkeyPatch, depth: bool) -> None:
    spec = simple_spec() if depth else None
    maker, plan = make(spec, placements=40, mirror=True)  # more rows than a row group
    shard = max(plan.shards, key=lambda s: s.rows)
    assert shard.rows > 2 * ROW_GROUP
    whole = maker.make(ShardTask(shard)).file
    monkeypatch.setattr(shards, "CHUNK", ROW_GROUP)
    other, _ = make(spec, out="other", placements=40, mirror=True)
    assert other.make(ShardTask(shard)).file == whole


def test_row_groups_are_small_and_images_stored_as_they_are(make: Make) -> None:
    maker, plan = make(placements=40)
    shard = max(plan.shards, key=lambda s: s.rows)
    maker.make(ShardTask(shard))
    metadata = pq.ParquetFile(maker.storage.path(shard.path)).metadata
    rows = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert sum(rows) == shard.rows and set(rows[:-1]) == {ROW_GROUP}
    columns = {metadata.row_group(0).column(i).path_in_schema: i for i in range(metadata.num_columns)}
    image = metadata.row_group(0).column(columns["fg_bg.bytes"])
    assert image.compression == "UNCOMPRESSED" and image.has_offset_index


def test_shards_with_more_rows_hold_the_same_rows(make: Make) -> None:
    """`shard_rows` moves rows between files and changes none of them."""
    seen = []
    for out, shard_rows in (("a", 4000), ("b", 1)):
        maker, plan = make(out=out, shard_rows=shard_rows)
        rows = [row for shard in plan.shards for row in table_of(maker, maker.make(ShardTask(shard)).path)]
        seen.append(sorted(rows, key=lambda r: (r["bg"], r["fg"], r["flip"], r["placement"])))
    assert seen[0] == seen[1]


def test_relabelling_composes_nothing_and_keeps_images(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    maker, plan = make(simple_spec())
    shard = plan.shards[0]
    maker.make(ShardTask(shard))
    calls = []
    monkeypatch.setattr(shards, "compose_rows", lambda *a: calls.append(a))
    monkeypatch.setattr(compose, "composite", lambda *a: calls.append(a))
    for spec in (simple_spec(bits=8), simple_spec(step=0.5, low=0.5, high=100), None):
        again, new_plan = make(spec)
        new = again.make(ShardTask(new_plan.shards[0], shard.path))
        assert not calls and new.path != shard.path
        old_rows, new_rows = table_of(maker, shard.path), table_of(again, new.path)
        assert len(old_rows) == len(new_rows)
        for a, b in zip(old_rows, new_rows, strict=True):
            assert {k: v for k, v in a.items() if k != "fg_bg_depth"} == {
                k: v for k, v in b.items() if k != "fg_bg_depth"
            }
    monkeypatch.undo()
    for spec in (simple_spec(bits=8), None):  # the same bytes as made from nothing
        fresh, new_plan = make(spec, out=f"fresh{spec is None}")
        path = fresh.make(ShardTask(new_plan.shards[0])).path
        assert fresh.storage.read(path) == maker.storage.read(path)


def test_a_damaged_shard_is_not_taken_over(make: Make) -> None:
    maker, plan = make(simple_spec())
    shard = plan.shards[0]
    maker.make(ShardTask(shard))
    path = Path(maker.storage.path(shard.path))
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    again, new_plan = make(simple_spec(bits=8))
    with pytest.raises(ShardError, match="Delete this file"):
        again.make(ShardTask(new_plan.shards[0], shard.path))
    assert list(tree(maker.storage.root)) == [shard.path]


def test_damage_anywhere_in_a_shard_is_seen(make: Make) -> None:
    """One bit flipped, in some hundred places: reading its record or measuring it says so.

    Left unseen are bits of parquet's own footer and index that hold nothing we use; `verify` has the file's hash.
    """
    maker, plan = make(placements=20)
    shard = plan.shards[0]
    written = maker.make(ShardTask(shard)).file
    path = Path(maker.storage.path(shard.path))
    whole = path.read_bytes()
    body = read_record(maker.storage, shard.path)["body"]["bytes"]
    assert body > 0.5 * len(whole)
    for place in [*range(0, len(whole), len(whole) // 150), body - 1, *range(len(whole) - 12, len(whole))]:
        data = bytearray(whole)
        data[place] ^= 1 << (place % 8)
        path.write_bytes(data)
        try:
            assert measure(maker.storage, shard.path) != written
        except ShardError as e:
            assert shard.path in str(e) and "Delete this file" in str(e)
        else:
            assert place >= body, f"a damaged byte {place} of {body} was not seen"
    for length in (0, 3, 4, 100, body, len(whole) - 1, len(whole) - 8):
        path.write_bytes(whole[:length])
        with pytest.raises(ShardError, match="Delete this file"):
            measure(maker.storage, shard.path)


def test_foreign_parquet_files_are_no_shards(make: Make, tmp_path: Path) -> None:
    import pyarrow as pa

    maker, _ = make()
    (tmp_path / "out" / "data").mkdir(parents=True)
    for name, metadata in (
        ("a", {}),
        ("b", {b"fgbg_depth": b"{"}),
        ("c", {b"fgbg_depth": b"[]"}),
        ("d", {b"fgbg_depth": b"{}"}),
    ):
        table = pa.table({"x": [1]}).replace_schema_metadata(metadata)
        pq.write_table(table, tmp_path / "out" / "data" / f"{name}.parquet")
        with pytest.raises(ShardError, match="no record"):
            read_record(maker.storage, f"data/{name}.parquet")


@pytest.mark.parametrize("when", ["compose", "label", "write"])
def test_a_failure_leaves_nothing_and_names_the_shard(make: Make, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    maker, plan = make(simple_spec())

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("by accident")

    if when == "compose":
        monkeypatch.setattr(shards, "compose_rows", fail)
    elif when == "label":
        monkeypatch.setattr(SimpleLabeller, "__call__", fail)
    else:
        monkeypatch.setattr(pq.ParquetWriter, "write_table", fail)
    with pytest.raises(ShardError, match="RuntimeError: by accident") as e:
        maker.make(ShardTask(plan.shards[0]))
    assert plan.shards[0].path in str(e.value) and tree(maker.storage.root) == {}


def test_the_record_has_no_time_and_no_place(make: Make) -> None:
    maker, plan = make(simple_spec())
    maker.make(ShardTask(plan.shards[0]))
    record = copy.deepcopy(read_record(maker.storage, plan.shards[0].path))
    assert set(record) == {"format", "rows", "compose_digest", "label_digest", "statistics", "depth", "body"}
    text = json.dumps(record) + str(pq.ParquetFile(maker.storage.path(plan.shards[0].path)).metadata.metadata)
    assert str(maker.storage.root) not in text and "tmp" not in text


def test_prepared_sources_are_whole_and_mended(make: Make) -> None:
    maker, plan = make()
    bg_file, fg_file = write_prepared(maker.storage, plan.sources)
    before = tree(maker.storage.root)
    stamp = Path(maker.storage.path(bg_file)).stat().st_mtime_ns
    assert write_prepared(maker.storage, plan.sources) == (bg_file, fg_file)
    assert Path(maker.storage.path(bg_file)).stat().st_mtime_ns == stamp, "written again for nothing"
    prepared, direct = Prepared.load(maker.storage, bg_file, fg_file), Prepared.of(plan.sources)
    for s in plan.sources.backgrounds:
        assert np.array_equal(
            np.asarray(prepared.background(s.name).image), np.asarray(direct.background(s.name).image)
        )
    for s in plan.sources.cutouts:
        assert np.array_equal(np.asarray(prepared.cutout(s.name).image), np.asarray(direct.cutout(s.name).image))
        assert prepared.cutout(s.name).digest == s.digest
    for name in (bg_file, fg_file):  # half-written by something else, or a flipped bit
        path = Path(maker.storage.path(name))
        data = bytearray(path.read_bytes())
        for damage in (data[:100], data[: len(data) // 2] + b"\0" + data[len(data) // 2 + 1 :]):
            path.write_bytes(damage)
            write_prepared(maker.storage, plan.sources)
            assert tree(maker.storage.root) == before
    rows = pq.read_table(maker.storage.path(fg_file)).to_pylist()
    for row in rows:
        assert np.array_equal(pixels_of(row["mask"]), pixels_of(row["image"])[..., 3])
        assert pixels_of(row["mask"]).shape == (row["height"], row["width"])
