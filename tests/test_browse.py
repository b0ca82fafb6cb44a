"""`DatasetReader`: the right rows, read from few bytes, and nothing outside the dataset."""

import io
import json
import shutil
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from app_outputs import make_output
from hub_client import use_hub
from hub_server import HubServer
from PIL import Image

from fgbg_depth.errors import FgBgError, HubError, OutputError, UsageError
from fgbg_depth.read.files import StorageFiles, check_name
from fgbg_depth.read.filters import ShardFacts
from fgbg_depth.read.pages import page_of_all, page_of_some
from fgbg_depth.read.parquet import column_spans
from fgbg_depth.read.reader import DatasetReader, Filter
from fgbg_depth.schema import fact_columns
from fgbg_depth.storage.files import Storage


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # 23 placements: 3 x 2 x 23 = 138 rows in a training shard, so two row groups
    return make_output(tmp_path_factory.mktemp("browse") / "out", num_cutouts=4, placements=23, size=32)


@pytest.fixture(scope="module")
def reader(output: Path) -> DatasetReader:
    return DatasetReader.open(output)


@pytest.fixture(scope="module")
def truth(output: Path) -> dict[str, list[dict]]:
    """All rows by split, in the order of the shards' names, read without the reader."""
    rows: dict[str, list[dict]] = {}
    for path in sorted((output / "data").glob("*.parquet")):
        rows.setdefault(path.name.split("-")[0], []).extend(pq.read_table(path).to_pylist())
    return rows


def test_rows_equal_the_rows_of_the_files(reader: DatasetReader, truth: dict[str, list[dict]]) -> None:
    assert reader.splits == {split: len(rows) for split, rows in truth.items()}
    for split, rows in truth.items():
        for index in {0, 1, 99, 100, 137, len(rows) // 2, len(rows) - 1} & set(range(len(rows))):
            row = reader.row(split, index)
            assert row.facts == {key: rows[index][key] for key in fact_columns(labels=())}
            assert list(row.facts) == list(fact_columns(labels=()))
            for key in ("fg_bg", "fg_bg_mask", "fg_bg_depth"):
                assert row.images[key] == rows[index][key]["bytes"]
            alone = pq.read_table(Path(reader.files.name) / row.shard).slice(row.shard_row, 1).to_pylist()[0]
            assert alone == rows[index]


def test_a_missing_row_or_split_is_an_error(reader: DatasetReader) -> None:
    for split, index in (("train", -1), ("train", 10**9), ("nope", 0)):
        with pytest.raises(UsageError):
            reader.row(split, index)


def coverage(row: dict) -> float:
    return float(np.asarray(Image.open(io.BytesIO(row["fg_bg_mask"]["bytes"]))).mean() / 255)


@pytest.mark.parametrize(
    "row_filter",
    [
        Filter(),
        Filter(split="train"),
        Filter(bg="scene 001"),
        Filter(fg="object_003"),
        Filter(flip=True),
        Filter(split="train", bg="scene 000", fg="object_001", flip=False),
        Filter(coverage=(0.05, 0.12)),
        Filter(fg="object_002", flip=True, coverage=(0.1, 0.5)),
        Filter(bg="nowhere"),
        Filter(fg="nothing"),
    ],
)
@pytest.mark.parametrize("pick", [page_of_all, page_of_some])
def test_filters_equal_brute_force(
    reader: DatasetReader, truth: dict, row_filter: Filter, pick: object, monkeypatch
) -> None:
    monkeypatch.setattr(reader.files, "is_local", pick is page_of_all)
    low, high = row_filter.coverage
    expected = {
        (split, index)
        for split, rows in truth.items()
        for index, row in enumerate(rows)
        if row_filter.split in (None, split)
        and row_filter.bg in (None, row["bg"])
        and row_filter.fg in (None, row["fg"])
        and row_filter.flip in (None, row["flip"])
        and low <= np.float32(coverage(row)) <= high
    }
    found = reader.sample(row_filter, num=10_000, seed=3, columns=())
    assert len(found) == len(expected)
    assert {(row.split, row.index) for row in found} == expected
    assert reader.count(row_filter) == len(expected)


@pytest.mark.parametrize("pick", [page_of_all, page_of_some])
def test_pages_depend_on_the_seed_and_do_not_repeat_rows(reader: DatasetReader, pick: object, monkeypatch) -> None:
    monkeypatch.setattr(reader.files, "is_local", pick is page_of_all)

    def page(number: int, seed: int = 7) -> list[str]:
        return [row.address for row in reader.sample(Filter(flip=True), 20, seed, number)]

    assert page(0) == page(0) != page(0, seed=8)
    seen = [address for number in range(5) for address in page(number)]
    assert len(set(seen)) == 100


def test_only_the_needed_row_groups_are_read(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[tuple] = []
    original = StorageFiles.read_row_groups

    def spy(self, name, footer, row_groups, columns):
        reads.append((name, tuple(row_groups), tuple(columns)))
        return original(self, name, footer, row_groups, columns)

    monkeypatch.setattr(StorageFiles, "read_row_groups", spy)
    reader = DatasetReader.open(output)
    assert not reads, "opening reads no parquet"
    row = reader.row("train", 120, ["fg_bg"])
    assert {(name, groups) for name, groups, _ in reads} == {(row.shard, (1,))}
    assert {column for _, _, columns in reads for column in columns} == {*fact_columns(labels=()), "fg_bg"}
    reads.clear()
    reader.row("train", 121, ["fg_bg"])
    assert not reads, "a neighbour comes from the same row group"
    reader.count(Filter(coverage=(0.1, 0.2)))
    assert not {"fg_bg", "fg_bg_mask", "fg_bg_depth"} & {column for _, _, columns in reads for column in columns}


def test_spans_contain_only_the_requested_columns(output: Path) -> None:
    path = next((output / "data").glob("train-*.parquet"))
    footer = pq.read_metadata(path)
    [(start, end)] = column_spans(footer, [1], ["fg_bg_mask"], gap=0)
    assert end - start < path.stat().st_size / 4
    pictures = path.read_bytes().count(b"\x89PNG", start, end)  # two more in a page: its smallest and largest value
    assert 0 <= pictures - footer.row_group(1).num_rows <= 4


def test_sources(reader: DatasetReader) -> None:
    assert list(reader.sources("bg")) == reader.names("bg") == ["scene 000", "scene 001", "scene 002"]
    cutout = reader.sources("fg")["object_003"]
    assert cutout.held_out and Image.open(io.BytesIO(cutout.image)).mode == "RGBA"


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "data/../../etc/passwd",
        "/etc/passwd",
        "data/a/b.parquet",
        "assets/..\\x.png",
        ".lock",
        "data/x.parquet\0",
    ],
)
def test_other_files_cannot_be_named(name: str) -> None:
    with pytest.raises(OutputError):
        check_name(name)


def test_a_hostile_statistics_file_reads_nothing_outside(output: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.parquet").write_bytes((next((output / "data").glob("*.parquet"))).read_bytes())
    folder = tmp_path / "out"
    folder.mkdir()
    statistics = json.loads((output / "statistics.json").read_text())
    statistics["shards"] = {"data/../../secret.parquet": {"rows": 3, "bytes": 1, "sha256": "0" * 64}}
    (folder / "statistics.json").write_text(json.dumps(statistics))
    with pytest.raises(OutputError, match="not the path of a shard"):
        DatasetReader.open(folder)
    with pytest.raises(OutputError, match="not the name of a file of a dataset"):
        StorageFiles(Storage(folder)).read_footer("data/../../secret.parquet")


def test_messages_about_folders_that_are_not_datasets(output: Path, tmp_path: Path) -> None:
    def message(source: str | Path) -> str:
        with pytest.raises(FgBgError) as caught:
            DatasetReader.open(source)
        return str(caught.value)

    assert "builder.py build" in message(tmp_path / "missing")
    assert "not a dataset of fgbg-depth" in message(tmp_path)
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    assert "not finished" in message(tmp_path)
    (tmp_path / "statistics.json").write_text("{}")
    assert "not the statistics.json of an fgbg-depth dataset" in message(tmp_path)
    (tmp_path / "statistics.json").write_text("{")
    assert "not JSON" in message(tmp_path)
    statistics = json.loads((output / "statistics.json").read_text()) | {"format": 99}
    (tmp_path / "statistics.json").write_text(json.dumps(statistics))
    assert "format 99" in message(tmp_path)
    assert "is a file" in message(output / "README.md")


def test_a_revision_is_for_the_hub_only(output: Path) -> None:
    for source in (output, str(output), f"file://{output}"):
        with pytest.raises(OutputError, match=r"has no revisions, but revision is 'v1\.0\.0'"):
            DatasetReader.open(source, "v1.0.0")


def test_an_unreachable_hub_and_a_missing_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HubError, match="could not be read"):
        DatasetReader.open("alice/scenes")  # no server listens at the tests' address
    with pytest.raises(HubError, match="neither a folder nor a dataset"):
        DatasetReader.open("alice/..")
    with HubServer(tmp_path / "hub") as hub:
        use_hub(monkeypatch, hub, tmp_path / "home")
        with pytest.raises(HubError, match="no dataset alice/scenes"):
            DatasetReader.open("alice/scenes")


def test_a_dataset_at_an_fsspec_url_gives_the_same_rows(output: Path, reader: DatasetReader) -> None:
    fsspec.filesystem("memory").put(str(output), "/read-test", recursive=True)
    remote = DatasetReader.open("memory://read-test")
    assert not remote.files.is_local and remote.splits == reader.splits
    assert remote.row("train", 120) == reader.row("train", 120)
    assert remote.sources("fg") == reader.sources("fg")
    some = {row.address for row in remote.sample(Filter(fg="object_001", flip=True), 10_000, columns=())}
    assert some == {row.address for row in reader.sample(Filter(fg="object_001", flip=True), 10_000, columns=())}


def test_facts_kept_for_filters_equal_those_read_with_the_row(output: Path) -> None:
    fresh, filtered = DatasetReader.open(output), DatasetReader.open(output)
    filtered.count(Filter(flip=True))
    for index in (0, 99, 100, 137):
        row = filtered.row("train", index)
        assert row == fresh.row("train", index)
        assert [type(value) for value in row.facts.values()] == [str, str, bool, int, int, int, int, int]


def test_columns_of_any_type_can_be_kept_for_filters() -> None:
    rows = [
        {"fg": "a", "angle": 1.5, "blend": "alpha", "objects": [1, 2]},
        {"fg": "b", "angle": -2.0, "blend": "alpha", "objects": []},
    ]
    facts = ShardFacts.from_table(pa.Table.from_pylist(rows))
    assert [facts.row(0), facts.row(1)] == rows


def test_a_missing_or_damaged_shard_says_which_command_builds_it(output: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(output, tmp_path / "my out"))
    reader = DatasetReader.open(copy)
    path = copy / reader.row("train", 0).shard
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(OutputError, match=r"(?s)data/train-.* cannot be read: .*Delete it and build it again: .*") as e:
        DatasetReader.open(copy).row("train", 0)
    assert f"build --output '{copy}'" in str(e.value)
    path.unlink()
    with pytest.raises(OutputError, match=r"data/train-.* is missing in .*my out"):
        DatasetReader.open(copy).row("train", 0)
