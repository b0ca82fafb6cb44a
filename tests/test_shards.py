"""One shard: complete or absent, the same bytes on every run, and new labels without composing again."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tiny import SimpleLabeller, pixels_of, simple_spec, tiny_recipe, tree

from fgbg_depth import schema
from fgbg_depth.builder import row_composers
from fgbg_depth.builder import shard as shards
from fgbg_depth.builder.shard import ShardBuilder, ShardTask
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import ShardError
from fgbg_depth.plan import Plan, make_plan
from fgbg_depth.render import compose
from fgbg_depth.render.codecs import decode_rgb
from fgbg_depth.render.png import encode_depth
from fgbg_depth.sources.load import Sources, load_sources
from fgbg_depth.sources.prepared import Prepared, write_prepared
from fgbg_depth.statistics import Sums
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import ROW_GROUP, is_written_as, measure, read_footer, read_record

Setup = Callable[..., tuple[ShardBuilder, Plan]]


def with_depth(found: Sources, spec: DepthSpec) -> Sources:
    """The sources with the depth of each background, as a build adds it."""
    labels = [SimpleLabeller(spec)(decode_rgb(s.png)[None])[0] for s in found.backgrounds]
    return replace(
        found,
        backgrounds=tuple(
            replace(s, depth=encode_depth(label)) for s, label in zip(found.backgrounds, labels, strict=True)
        ),
    )


@pytest.fixture
def setup(sources: Path, tmp_path: Path) -> Setup:
    def make_builder(spec: DepthSpec | None = None, out: str = "out", **changes: Any) -> tuple[ShardBuilder, Plan]:
        recipe = tiny_recipe(sources, depth_model="simple" if spec else "none", **changes)
        found = load_sources(recipe)
        plan = make_plan(recipe, with_depth(found, spec) if spec else found, spec)
        storage = Storage(tmp_path / out)
        prepared = Prepared.of(plan.sources)
        return ShardBuilder(recipe, spec, storage, prepared, lambda: SimpleLabeller(spec)), plan

    return make_builder


def rows_of(builder: ShardBuilder, path: str) -> list[dict[str, Any]]:
    return pq.read_table(builder.storage.path(path)).to_pylist()


@pytest.mark.parametrize("bits", [0, 8, 16])
def test_a_shard_is_what_its_plan_says(setup: Setup, bits: int) -> None:
    spec = simple_spec(bits=bits) if bits else None
    builder, plan = setup(spec)
    shard, reported = plan.shards[0], []
    finished = builder.build(ShardTask(shard), on_rows=reported.append)
    assert (finished.path, finished.rows, sum(reported)) == (shard.path, shard.rows, shard.rows)
    path = Path(builder.storage.path(shard.path))
    assert path.stat().st_size == finished.file.bytes and measure(builder.storage, shard.path) == finished.file
    file = pq.ParquetFile(path)
    assert file.schema_arrow.names == list(schema.features(labels=plan.labels))
    assert "huggingface" in str(file.schema_arrow.metadata)  # load_dataset finds its features there
    rows = file.read().to_pylist()
    keys = [(r["placement"], r["flip"], r["fg"]) for r in rows]
    assert keys == sorted(keys) and len(set(keys)) == len(keys) == shard.rows and {r["bg"] for r in rows} == {shard.bg}
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
        for column, depth in sums.depths.items():
            stored = [pixels_of(r[column]).astype(np.int64) for r in rows]
            assert depth.sum == sum(int(label.sum()) for label in stored)
            assert depth.sum_squares == sum(int((label**2).sum()) for label in stored)
            assert depth.bytes == sum(len(r[column]["bytes"]) for r in rows)
            assert depth.smallest == min(label[label > 0].min() for label in stored)
        assert set(sums.depths) == {"fg_bg_depth", "fg_bg_depth_placed"}
        assert sums.columns["nearer"].count + sums.columns["nearer"].missing == len(rows)


@pytest.mark.parametrize("depth", [False, True])
def test_the_number_of_rows_in_memory_changes_no_byte(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, depth: bool
) -> None:
    spec = simple_spec() if depth else None
    builder, plan = setup(spec, placements=40, mirror=True)  # more rows than a row group
    shard = max(plan.shards, key=lambda s: s.rows)
    assert shard.rows > 2 * ROW_GROUP
    whole = builder.build(ShardTask(shard)).file
    monkeypatch.setattr(shards, "LABELLED_ROWS", ROW_GROUP)
    other, _ = setup(spec, out="other", placements=40, mirror=True)
    assert other.build(ShardTask(shard)).file == whole


def test_images_counted_while_composing_or_labelling_give_the_same_statistics(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for composing in (False, True):
        monkeypatch.setattr(shards, "composing_counts_images", lambda labels, composing=composing: composing)
        builder, plan = setup(simple_spec(), out=f"out{composing}")
        files.append(builder.build(ShardTask(plan.shards[0])).file)
    assert files[0] == files[1]


def test_row_groups_are_small_and_images_stored_as_they_are(setup: Setup) -> None:
    builder, plan = setup(placements=40)
    shard = max(plan.shards, key=lambda s: s.rows)
    builder.build(ShardTask(shard))
    metadata = pq.ParquetFile(builder.storage.path(shard.path)).metadata
    rows = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert sum(rows) == shard.rows and set(rows[:-1]) == {ROW_GROUP}
    columns = {metadata.row_group(0).column(i).path_in_schema: i for i in range(metadata.num_columns)}
    image = metadata.row_group(0).column(columns["fg_bg.bytes"])
    assert image.compression == "UNCOMPRESSED" and image.has_offset_index


def test_shards_with_more_rows_hold_the_same_rows(setup: Setup) -> None:
    """`shard_rows` moves rows between files and changes none of them."""
    seen = []
    for out, shard_rows in (("a", 4000), ("b", 1)):
        builder, plan = setup(out=out, shard_rows=shard_rows)
        rows = [row for shard in plan.shards for row in rows_of(builder, builder.build(ShardTask(shard)).path)]
        seen.append(sorted(rows, key=lambda r: (r["bg"], r["fg"], r["flip"], r["placement"])))
    assert seen[0] == seen[1]


def test_relabelling_composes_nothing_and_keeps_images(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    builder, plan = setup(simple_spec())
    shard = plan.shards[0]
    builder.build(ShardTask(shard))
    calls = []
    monkeypatch.setattr(row_composers, "compose_rows", lambda *a: calls.append(a))
    monkeypatch.setattr(compose, "composite", lambda *a: calls.append(a))
    for spec in (simple_spec(bits=8), simple_spec(step=0.5, low=0.5, high=100), None):
        again, new_plan = setup(spec)
        new = again.build(ShardTask(new_plan.shards[0], shard.path))
        assert not calls and new.path != shard.path
        old_rows, new_rows = rows_of(builder, shard.path), rows_of(again, new.path)
        assert len(old_rows) == len(new_rows)
        for a, b in zip(old_rows, new_rows, strict=True):
            composed = [column.name for column in schema.columns(labels=())]
            assert [a[name] for name in composed] == [b[name] for name in composed]
    monkeypatch.undo()
    for spec in (simple_spec(bits=8), None):  # the same bytes as made from nothing
        fresh, new_plan = setup(spec, out=f"fresh{spec is None}")
        path = fresh.build(ShardTask(new_plan.shards[0])).path
        assert fresh.storage.read(path) == builder.storage.read(path)


@pytest.mark.parametrize("before", ["predicted", "placed", "both"])
@pytest.mark.parametrize("after", ["predicted", "placed", "both"])
def test_other_kinds_of_labels_compose_nothing_and_predict_only_what_is_missing(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    spec = simple_spec()
    builder, plan = setup(spec, depth_label=before)
    shard = plan.shards[0]
    builder.build(ShardTask(shard))
    fresh, new_plan = setup(spec, out="fresh", depth_label=after)
    made = fresh.build(ShardTask(new_plan.shards[0])).path
    again, new_plan = setup(spec, depth_label=after)
    monkeypatch.setattr(row_composers, "compose_rows", None)
    if before != "placed" or after == "placed":
        monkeypatch.setattr(SimpleLabeller, "__call__", None)
    path = again.build(ShardTask(new_plan.shards[0], shard.path)).path
    assert path == made and again.storage.read(path) == fresh.storage.read(made)


def test_a_damaged_shard_is_not_reused(setup: Setup) -> None:
    builder, plan = setup(simple_spec())
    shard = plan.shards[0]
    builder.build(ShardTask(shard))
    path = Path(builder.storage.path(shard.path))
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    again, new_plan = setup(simple_spec(bits=8))
    with pytest.raises(ShardError, match="Delete this file"):
        again.build(ShardTask(new_plan.shards[0], shard.path))
    assert list(tree(builder.storage.root)) == [shard.path]


def test_damage_anywhere_in_a_shard_is_found(setup: Setup) -> None:
    """One flipped bit, in about 150 places: reading the record or measuring the file raises an error.

    Bits of parquet's own footer and index that we do not use are found by writing the rows again, as `verify --full`
    does.
    """
    builder, plan = setup(placements=20)
    shard = plan.shards[0]
    written = builder.build(ShardTask(shard)).file
    path = Path(builder.storage.path(shard.path))
    whole = path.read_bytes()
    body, found = read_record(builder.storage, shard.path)["body"]["bytes"], 0
    assert is_written_as(builder.storage, shard.path, schema.features(labels=()))
    assert body > 0.5 * len(whole)
    for place in [*range(0, len(whole), len(whole) // 150), body - 1, *range(len(whole) - 12, len(whole))]:
        data = bytearray(whole)
        data[place] ^= 1 << (place % 8)
        path.write_bytes(data)
        try:
            assert measure(builder.storage, shard.path) != written
        except ShardError as e:
            assert shard.path in str(e) and "Delete this file" in str(e)
        else:
            assert place >= body, f"the damaged byte {place} of {body} was not found"
            rewritten = is_written_as(builder.storage, shard.path, schema.features(labels=()))
            assert rewritten is not True, f"the damaged byte {place} was not found by writing the rows again"
            found += rewritten is False
    assert found > 3
    for length in (0, 3, 4, 100, body, len(whole) - 1, len(whole) - 8):
        path.write_bytes(whole[:length])
        with pytest.raises(ShardError, match="Delete this file"):
            measure(builder.storage, shard.path)


def test_parquet_files_of_others_are_not_shards(setup: Setup, tmp_path: Path) -> None:
    import pyarrow as pa

    builder, _ = setup()
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
            read_record(builder.storage, f"data/{name}.parquet")


@pytest.mark.parametrize("when", ["compose", "label", "write"])
def test_a_failure_leaves_nothing_and_names_the_shard(setup: Setup, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    builder, plan = setup(simple_spec())

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("by accident")

    if when == "compose":
        monkeypatch.setattr(row_composers, "compose_rows", fail)
    elif when == "label":
        monkeypatch.setattr(SimpleLabeller, "__call__", fail)
    else:
        monkeypatch.setattr(pq.ParquetWriter, "write_table", fail)
    with pytest.raises(ShardError, match="RuntimeError: by accident") as e:
        builder.build(ShardTask(plan.shards[0]))
    assert plan.shards[0].path in str(e.value) and tree(builder.storage.root) == {}


def test_the_record_has_no_time_and_no_path(setup: Setup) -> None:
    builder, plan = setup(simple_spec())
    builder.build(ShardTask(plan.shards[0]))
    record = copy.deepcopy(read_record(builder.storage, plan.shards[0].path))
    assert set(record) == {
        "format",
        "rows",
        "compose_digest",
        "label_digest",
        "statistics",
        "depth",
        "bg_depth",
        "body",
    }
    text = json.dumps(record) + str(pq.ParquetFile(builder.storage.path(plan.shards[0].path)).metadata.metadata)
    assert str(builder.storage.root) not in text and "tmp" not in text


def test_damaged_prepared_sources_are_written_again(setup: Setup) -> None:
    builder, plan = setup()
    files = write_prepared(builder.storage, plan.sources)
    bg_files, fg_files = tuple(files.backgrounds), tuple(files.cutouts)
    assert len(bg_files) > 1 and sum(files.backgrounds.values()) == len(plan.sources.backgrounds)
    before = tree(builder.storage.root)
    stamp = Path(builder.storage.path(bg_files[0])).stat().st_mtime_ns
    assert write_prepared(builder.storage, plan.sources) == files
    assert Path(builder.storage.path(bg_files[0])).stat().st_mtime_ns == stamp, "written again without need"
    prepared, direct = Prepared.load(builder.storage, bg_files, fg_files), Prepared.of(plan.sources)
    for s in plan.sources.backgrounds:
        assert np.array_equal(
            np.asarray(prepared.background(s.name).image), np.asarray(direct.background(s.name).image)
        )
    for s in plan.sources.cutouts:
        assert np.array_equal(np.asarray(prepared.cutout(s.name).image), np.asarray(direct.cutout(s.name).image))
        assert prepared.cutout(s.name).digest == s.digest
    for name in (bg_files[-1], fg_files[0]):  # cut short, or with changed bytes
        path = Path(builder.storage.path(name))
        data = bytearray(path.read_bytes())
        for damage in (data[:100], data[: len(data) // 2] + b"\0" + data[len(data) // 2 + 1 :]):
            path.write_bytes(damage)
            write_prepared(builder.storage, plan.sources)
            assert tree(builder.storage.root) == before
    rows = [row for name in fg_files for row in pq.read_table(builder.storage.path(name)).to_pylist()]
    assert len(rows) == len(plan.sources.cutouts)
    for row in rows:
        assert np.array_equal(pixels_of(row["mask"]), pixels_of(row["image"])[..., 3])
        assert pixels_of(row["mask"]).shape == (row["height"], row["width"])
