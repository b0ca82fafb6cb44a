"""Rows for the preview and the contact sheet: which ones are chosen, and how they are read."""

import io
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from small_output import make_output, metric_output  # noqa: F401

from fgbg_depth import schema
from fgbg_depth.card.preview import write_preview
from fgbg_depth.errors import OutputError, ShardError
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.files import StorageFiles
from fgbg_depth.read.parquet import read_row_groups
from fgbg_depth.read.samples import read_rows, sample_rows
from fgbg_depth.read.spread import choose_rows, choose_steady_rows
from fgbg_depth.read.stored_sources import read_sources
from fgbg_depth.schema import ShardName
from fgbg_depth.storage.files import Storage

ZEROS = "0" * 24  # a digest
SHARDS = st.dictionaries(
    st.tuples(st.sampled_from(schema.SPLITS), st.integers(0, 30)).map(
        lambda t: f"data/{t[0]}-bg{t[1]}-{ZEROS}.parquet"
    ),
    st.integers(0, 40),
    max_size=30,
)


@given(shards=SHARDS, num_rows=st.integers(0, 60))
def test_chosen_rows_exist_and_are_all_different(shards, num_rows):
    picks = choose_rows(shards, num_rows)
    assert len(picks) == len(set(picks)) == min(num_rows, sum(shards.values()))
    assert all(0 <= index < shards[name] for name, index in picks)
    assert picks == choose_rows(dict(reversed(shards.items())), num_rows)


def test_chosen_rows_spread_over_splits_backgrounds_and_cutouts():
    shards = {f"data/{split}-bg{i:03d}-{ZEROS}.parquet": 3600 for split in schema.SPLITS for i in range(90)}
    picks = choose_rows(shards, 200)
    assert set(Counter(ShardName.parse(name).split for name, _ in picks).values()) == {50}
    assert max(Counter(name for name, _ in picks).values()) == 1
    cutouts = Counter(index // 40 for _, index in picks)  # 90 cut-outs of 40 rows
    assert len(cutouts) >= 45 and max(cutouts.values()) <= 8


@given(shards=SHARDS, num_rows=st.integers(1, 60))
def test_steady_rows_exist_and_are_all_different(shards, num_rows):
    picks = choose_steady_rows(shards, num_rows)
    assert len(picks) == len(set(picks))
    assert len(picks) <= max(num_rows, len({ShardName.parse(path).split for path in shards}))
    assert all(0 <= row < shards[path] for path, row in picks)
    assert picks == choose_steady_rows(dict(reversed(shards.items())), num_rows)
    if num_rows >= 4:
        assert {ShardName.parse(path).split for path, _ in picks} == {
            ShardName.parse(path).split for path, rows in shards.items() if rows
        }


@pytest.mark.parametrize("num_bg", [20, 100])
def test_one_more_background_leaves_the_chosen_rows_of_the_others(num_bg):
    def shards(count: int) -> dict[str, int]:
        held_out = {f"bg{i}" for i in range(0, count, 10)}
        return {
            f"data/{schema.split_of(f'bg{i}' in held_out, fg)}-bg{i}-{ZEROS}.parquet": rows
            for i in range(count)
            for fg, rows in ((False, 3600), (True, 400))
        }

    before, after = (choose_steady_rows(shards(n), 200) for n in (num_bg, num_bg + 1))
    assert 80 <= len(before) <= 200
    assert set(before) < set(after) or set(before) == set(after)
    assert {ShardName.parse(path).background for path, _ in set(after) - set(before)} <= {f"bg{num_bg}"}


def test_rows_are_read_by_group_and_column(metric_output):  # noqa: F811
    storage = Storage(metric_output)
    name = next(iter(storage.list("data")))
    whole = pq.read_table(metric_output / name)
    picks = [(name, i) for i in (whole.num_rows - 1, 0, 1)]
    rows = read_rows(storage, picks, ["fg_bg", "bg", "x"])
    assert [row["x"] for row in rows] == [whole["x"][i].as_py() for _, i in picks]
    assert rows[0]["fg_bg"] == whole["fg_bg"][whole.num_rows - 1].as_py()["bytes"]
    assert set(rows[0]) == {"fg_bg", "bg", "x", "split"}


def test_the_preview_has_colours_and_is_written_once(metric_output):  # noqa: F811
    storage, manifest = Storage(metric_output), Manifest.read(Storage(metric_output))
    before = {name: (metric_output / name).stat().st_mtime_ns for name in storage.list("preview")}
    entries = write_preview(storage, manifest)
    assert entries == manifest.files_of("preview") and entries.keys() == before.keys()
    assert {name: (metric_output / name).stat().st_mtime_ns for name in entries} == before
    rows = load_dataset(str(metric_output), "preview", split="train")
    most = sum(min(4, entry.rows) for entry in manifest.shards.values())
    assert len(rows) == most == sum(entry.rows for entry in entries.values())
    assert rows.features == schema.features("preview")
    assert rows[0]["fg_bg_depth_color"].mode == "RGB"
    assert set(rows["split"]) == set(schema.SPLITS)


def test_preview_without_depth(tmp_path):
    output = make_output(tmp_path, spec=None)
    table = pq.read_table(min((output / "preview").iterdir()))
    assert "fg_bg_depth_color" not in table.column_names
    assert Image.open(io.BytesIO(table["fg_bg"][0].as_py()["bytes"])).size == (64, 64)


def test_samples_for_the_contact_sheet_vary_and_have_their_sources(metric_output):  # noqa: F811
    storage = Storage(metric_output)
    rows = sample_rows(storage, Manifest.read(storage), 4)
    assert len({row["bg_name"] for row in rows}) == 4
    row = rows[0]
    assert row["bg"].shape == row["fg_bg"].shape == (64, 64, 3)
    assert row["fg"].shape[2] == 4 and row["mask"].shape == (64, 64)
    for column in ("fg_bg_depth", "fg_bg_depth_placed"):
        assert row[column].shape == (64, 64, 3) and row[column].dtype == np.uint8
        assert len(np.unique(row[column].reshape(-1, 3), axis=0)) > 16
    outside = row["mask"] == 0
    close = np.abs(row["fg_bg"][outside].astype(int) - row["bg"][outside]).mean()
    assert close < 5  # the same scene, but for JPEG


def test_sources_are_found_by_name(metric_output, monkeypatch):  # noqa: F811
    files, manifest = StorageFiles(Storage(metric_output)), Manifest.read(Storage(metric_output))
    paths = manifest.files_of("bg")
    everything = read_sources(files, paths)
    assert list(everything) == list(manifest.sources["bg"])
    assert read_sources(files, paths, {"scene_2.png", "nobody"}) == {"scene_2.png": everything["scene_2.png"]}
    read_columns = []

    def spy(parquet, row_groups, columns):
        read_columns.append(tuple(columns))
        return read_row_groups(parquet, row_groups, columns)

    monkeypatch.setattr("fgbg_depth.read.files.read_row_groups", spy)
    assert read_sources(files, paths, {"nobody"}) == {}
    assert set(read_columns) == {("name",)}, "no image is read for a name that the row group does not contain"


def test_a_row_whose_source_is_missing_is_an_error(metric_output):  # noqa: F811
    storage = Storage(metric_output)
    manifest = Manifest.read(storage)
    without = {path: entry for path, entry in manifest.files.items() if not path.startswith("bg/")}
    with pytest.raises(OutputError, match=r"names the bg 'scene_\d.png', which the files under bg/ do not contain"):
        sample_rows(storage, manifest.replace(files=without))


def test_a_row_that_the_shard_does_not_have_is_an_error(metric_output):  # noqa: F811
    name = next(iter(Storage(metric_output).list("data")))
    with pytest.raises(ShardError, match="but row 9999 was requested"):
        read_rows(Storage(metric_output), [(name, 9999)])
