"""Browsing: the right rows, by the few bytes they need."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from app_outputs import make_output
from hub_client import use_hub
from hub_server import HubServer
from PIL import Image

from fgbg_depth.errors import FgBgError, HubError, OutputError, UsageError
from fgbg_depth.read.files import LocalFiles, check_name, column_spans
from fgbg_depth.read.reader import Browser, Filter
from fgbg_depth.read.sampling import page_of_all, page_of_some

FACTS = ("bg", "fg", "flip", "placement", "x", "y", "width", "height")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # 23 placements: 3 x 2 x 23 = 138 rows in a training shard, so two row groups and rows across their border
    return make_output(tmp_path_factory.mktemp("browse") / "out", num_cutouts=4, placements=23, size=32)


@pytest.fixture(scope="module")
def browser(output: Path) -> Browser:
    return Browser.open(output)


@pytest.fixture(scope="module")
def truth(output: Path) -> dict[str, list[dict]]:
    """All rows by split, read whole, in the order of the shards' names."""
    rows: dict[str, list[dict]] = {}
    for path in sorted((output / "data").glob("*.parquet")):
        rows.setdefault(path.name.split("-")[0], []).extend(pq.read_table(path).to_pylist())
    return rows


def test_rows_are_the_files_rows(browser: Browser, truth: dict[str, list[dict]]) -> None:
    assert browser.splits == {split: len(rows) for split, rows in truth.items()}
    for split, rows in truth.items():
        for index in {0, 1, 99, 100, 137, len(rows) // 2, len(rows) - 1} & set(range(len(rows))):
            row = browser.row(split, index)
            assert row.facts == {key: rows[index][key] for key in FACTS}
            for key in ("fg_bg", "fg_bg_mask", "fg_bg_depth"):
                assert row.images[key] == rows[index][key]["bytes"]
            alone = pq.read_table(Path(browser.files.name) / row.shard).slice(row.shard_row, 1).to_pylist()[0]
            assert alone == rows[index]


def test_a_row_that_is_not_there(browser: Browser) -> None:
    for split, index in (("train", -1), ("train", 10**9), ("nope", 0)):
        with pytest.raises(UsageError):
            browser.row(split, index)


def coverage(row: dict) -> float:
    return float(np.asarray(Image.open(io.BytesIO(row["fg_bg_mask"]["bytes"]))).mean() / 255)


@pytest.mark.parametrize(
    "wanted",
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
def test_filters_equal_brute_force(browser: Browser, truth: dict, wanted: Filter, pick: object, monkeypatch) -> None:
    monkeypatch.setattr(browser.files, "is_local", pick is page_of_all)
    low, high = wanted.coverage
    expected = {
        (split, index)
        for split, rows in truth.items()
        for index, row in enumerate(rows)
        if wanted.split in (None, split)
        and wanted.bg in (None, row["bg"])
        and wanted.fg in (None, row["fg"])
        and wanted.flip in (None, row["flip"])
        and low <= np.float32(coverage(row)) <= high
    }
    found = browser.sample(wanted, num=10_000, seed=3, columns=())
    assert len(found) == len(expected)
    assert {(row.split, row.index) for row in found} == expected
    assert browser.count(wanted) == len(expected)


@pytest.mark.parametrize("pick", [page_of_all, page_of_some])
def test_pages_are_seeded_and_never_repeat(browser: Browser, pick: object, monkeypatch) -> None:
    monkeypatch.setattr(browser.files, "is_local", pick is page_of_all)

    def page(number: int, seed: int = 7) -> list[str]:
        return [row.address for row in browser.sample(Filter(flip=True), 20, seed, number)]

    assert page(0) == page(0) != page(0, seed=8)
    seen = [address for number in range(5) for address in page(number)]
    assert len(set(seen)) == 100


def test_only_the_needed_row_groups_are_read(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[tuple] = []
    original = LocalFiles.read_table

    def spy(self, name, footer, row_groups, columns):
        reads.append((name, tuple(row_groups), tuple(columns)))
        return original(self, name, footer, row_groups, columns)

    monkeypatch.setattr(LocalFiles, "read_table", spy)
    browser = Browser.open(output)
    assert not reads, "opening reads no parquet"
    row = browser.row("train", 120, ["fg_bg"])
    assert {(name, groups) for name, groups, _ in reads} == {(row.shard, (1,))}
    assert {column for _, _, columns in reads for column in columns} == {*FACTS, "fg_bg"}
    reads.clear()
    browser.row("train", 121, ["fg_bg"])
    assert not reads, "a neighbour comes from the same row group"
    browser.count(Filter(coverage=(0.1, 0.2)))
    assert not {"fg_bg", "fg_bg_mask", "fg_bg_depth"} & {column for _, _, columns in reads for column in columns}


def test_spans_hold_only_the_wanted_columns(output: Path) -> None:
    path = next((output / "data").glob("train-*.parquet"))
    footer = pq.read_metadata(path)
    [(start, end)] = column_spans(footer, [1], ["fg_bg_mask"], gap=0)
    assert end - start < path.stat().st_size / 4
    pictures = path.read_bytes().count(b"\x89PNG", start, end)  # two more in a page: its least and greatest
    assert 0 <= pictures - footer.row_group(1).num_rows <= 4


def test_sources(browser: Browser) -> None:
    assert list(browser.sources("bg")) == browser.names("bg") == ["scene 000", "scene 001", "scene 002"]
    cutout = browser.sources("fg")["object_003"]
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
def test_no_other_file_can_be_named(name: str) -> None:
    with pytest.raises(OutputError):
        check_name(name)


def test_a_hostile_statistics_file_reaches_nothing(output: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.parquet").write_bytes((next((output / "data").glob("*.parquet"))).read_bytes())
    folder = tmp_path / "out"
    folder.mkdir()
    statistics = json.loads((output / "statistics.json").read_text())
    statistics["shards"] = {"data/../../secret.parquet": {"rows": 3, "bytes": 1, "sha256": "0" * 64}}
    (folder / "statistics.json").write_text(json.dumps(statistics))
    with pytest.raises(OutputError, match="not the path of a shard"):
        Browser.open(folder)
    with pytest.raises(OutputError, match="not a file of a dataset"):
        LocalFiles(folder).read_footer("data/../../secret.parquet")


def test_what_is_no_dataset_says_what_to_do(output: Path, tmp_path: Path) -> None:
    def message(source: str | Path) -> str:
        with pytest.raises(FgBgError) as caught:
            Browser.open(source)
        return str(caught.value)

    assert "builder.py build" in message(tmp_path / "missing")
    assert "no dataset built by this project" in message(tmp_path)
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


def test_a_hub_that_cannot_be_reached_or_has_no_such_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HubError, match="could not be read"):
        Browser.open("alice/scenes")  # nobody answers at the tests' address
    with pytest.raises(HubError, match="neither a folder here nor a dataset"):
        Browser.open("alice/..")
    with HubServer(tmp_path / "hub") as hub:
        use_hub(monkeypatch, hub, tmp_path / "home")
        with pytest.raises(HubError, match="no dataset alice/scenes"):
            Browser.open("alice/scenes")
