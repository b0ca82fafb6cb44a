"""The command export: which rows, what is finished, messages; the same for all formats."""

# ruff: noqa: F811 (fixtures are imported by name)

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from exports import counts_of, mask_of, run_export, stored_rows
from hub_client import NAME, send
from hub_fixtures import hub, scenes, work  # noqa: F401
from hub_server import HubServer
from small_output import metric_output  # noqa: F401
from tiny import pixels_of, tree

from fgbg_depth.cli.export import FORMATS as HELP
from fgbg_depth.cli.main import main
from fgbg_depth.errors import OutputError, UsageError
from fgbg_depth.export import selection as selection_module
from fgbg_depth.export.blocks import Piece, mixed
from fgbg_depth.export.folder import ExportFolder
from fgbg_depth.export.formats import FORMATS
from fgbg_depth.export.selection import Selection, _groups
from fgbg_depth.read.load import load
from fgbg_depth.read.shard_files import ShardFile

ROOT = Path(__file__).parent.parent
SLOW_EXPORT = """
import sys, time
sys.path[:0] = [{root!r}, {tests!r}]
from fgbg_depth.export import selection
from fgbg_depth.export.blocks import Piece, mixed
from fgbg_depth.export.folder import ExportFolder
from exports import run_export
selection._BLOCK_ROWS = 9
write = ExportFolder.write
def slowly(self, name, data):
    write(self, name, data[: len(data) // 2])  # half a file is there when the process is killed
    time.sleep(0.01)
    write(self, name, data)
ExportFolder.write = slowly
run_export(sys.argv[1], sys.argv[2], sys.argv[3])
"""


def file_tree(folder: Path) -> dict[str, str]:
    """Digests of the export's files, without records of blocks."""
    return {path: digest for path, digest in tree(folder).items() if not path.startswith(".export/")}


def test_the_help_has_a_line_for_each_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(HELP) == list(FORMATS)
    with pytest.raises(SystemExit):
        main(["export", "--help"]) and sys.exit(1)
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in FORMATS)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.slow
def test_a_killed_export_continues(
    metric_output: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection_module, "_BLOCK_ROWS", 9)
    run_export(metric_output, tmp_path / "whole", name)
    program = SLOW_EXPORT.format(root=str(ROOT), tests=str(ROOT / "tests"))
    process = subprocess.Popen([sys.executable, "-c", program, str(metric_output), str(tmp_path / "to"), name])
    records = tmp_path / "to" / ".export"
    deadline = time.monotonic() + 100
    while process.poll() is None and not list(records.glob("*.json"))[1:] and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if name != "webdataset":  # which writes whole files, so quickly that it may be finished
        assert (records / "train-000000.json").exists() and not (tmp_path / "to" / "export.json").read_text().count(
            '"complete": true'
        )
    report = run_export(metric_output, tmp_path / "to", name)
    if name != "webdataset":
        assert 0 < report.new_rows < 80
    assert file_tree(tmp_path / "to") == file_tree(tmp_path / "whole")
    assert not records.exists()
    again = run_export(metric_output, tmp_path / "to", name)
    assert again.was_complete and again.new_rows == 0 and not records.exists()


def test_a_complete_export_says_nothing_to_do(
    metric_output: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = ["export", str(metric_output), str(tmp_path / "to"), "--format", "folders"]
    assert main(line) == 0
    first = capsys.readouterr()
    assert "Exported 80 rows" in first.out and "open it:" in first.out and first.err == ""
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "to").rglob("*")}
    assert main(line) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "to").rglob("*")}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--format", "coco"], "format folders there, format coco in this command"),
        (["--format", "folders", "--zip"], "without options there, zip True in this command"),
        (["--format", "folders", "--where", "flip"], "all rows there, the rows where 'flip' in this command"),
        (["--format", "folders", "--split", "train"], "splits train in this command"),
    ],
)
def test_another_export_into_the_same_folder_is_refused(
    metric_output: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: list[str],
    words: str,
) -> None:
    run_export(metric_output, tmp_path / "to", "folders")
    before = tree(tmp_path / "to")
    assert main(["export", str(metric_output), str(tmp_path / "to"), *changes]) == 1
    message = capsys.readouterr().err
    assert words in message and "Choose another DEST" in message and "rm -r" in message
    assert tree(tmp_path / "to") == before


def test_another_version_of_the_dataset_is_refused(metric_output: Path, tmp_path: Path) -> None:
    shutil.copytree(metric_output, tmp_path / "out")
    run_export(tmp_path / "out", tmp_path / "to", "folders")
    statistics = json.loads((tmp_path / "out" / "statistics.json").read_text())
    path = next(iter(statistics["shards"]))
    statistics["shards"][path]["sha256"] = "0" * 64
    (tmp_path / "out" / "statistics.json").write_text(json.dumps(statistics))
    with pytest.raises(OutputError, match=r"dataset \w+ there, dataset \w+ in this"):
        run_export(tmp_path / "out", tmp_path / "to", "folders")


def test_a_folder_with_other_files_is_refused(metric_output: Path, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"not an export: it contains thesis\.txt"):
        run_export(metric_output, tmp_path / "to", "folders")
    assert [p.name for p in (tmp_path / "to").iterdir()] == ["thesis.txt"]
    with pytest.raises(OutputError, match="is a file, not a folder"):
        run_export(metric_output, tmp_path / "to" / "thesis.txt", "folders")
    with pytest.raises(OutputError, match="is a URL"):
        run_export(metric_output, "s3://bucket/to", "folders")  # type: ignore[arg-type]


def test_the_dataset_itself_is_no_destination(metric_output: Path) -> None:
    with pytest.raises(OutputError, match="not an export"):
        run_export(metric_output, metric_output, "folders")


def test_two_exports_at_once_are_refused(tmp_path: Path) -> None:
    first, second = (ExportFolder(tmp_path / "to", {"layout": 1}, {}) for _ in range(2))
    with first.begin(), pytest.raises(OutputError, match="another export is writing"), second.begin():
        pass


def test_records_that_a_kill_at_the_end_left_are_removed(metric_output: Path, tmp_path: Path) -> None:
    run_export(metric_output, tmp_path / "to", "webdataset")
    (tmp_path / "to" / ".export").mkdir()
    assert run_export(metric_output, tmp_path / "to", "webdataset").was_complete
    assert not (tmp_path / "to" / ".export").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    folder = ExportFolder(tmp_path / "to", {"layout": 1}, {})
    with folder.begin():
        (tmp_path / "to" / "a.png").symlink_to("/dev/full")
        with pytest.raises(OutputError, match="The disk is full"):
            folder.write("a.png", b"abc")


def test_a_damaged_record_is_named(metric_output: Path, tmp_path: Path) -> None:
    folder = ExportFolder(tmp_path / "to", {"layout": 1}, {})
    with folder.begin():
        (tmp_path / "to" / ".export" / "train-000000.json").write_text("{")
        with pytest.raises(OutputError, match="Delete that file and run the same command again"):
            folder.part("train-000000")


@pytest.mark.parametrize("where", ["flip", "x > 10 and boundary_recall > 0.2", "bg == 'scene_1.png'"])
def test_a_filter_chooses_the_rows_that_load_chooses(metric_output: Path, tmp_path: Path, where: str) -> None:
    report = run_export(metric_output, tmp_path / "to", "folders", where=where)
    loaded = load(metric_output, where=where)
    assert report.rows == {split: len(rows) for split, rows in loaded.items() if len(rows)}
    stored = stored_rows(metric_output)
    for split in report.rows:
        indexes = [int(path.stem) for path in sorted((tmp_path / "to" / "fg_bg_mask" / split).iterdir())]
        names = [(stored[split, index]["bg"], stored[split, index]["fg"]) for index in indexes]
        assert names == list(zip(loaded[split]["bg"], loaded[split]["fg"], strict=True))


def test_a_row_keeps_its_file_name_whatever_is_filtered(metric_output: Path, tmp_path: Path) -> None:
    run_export(metric_output, tmp_path / "all", "yolo-seg")
    run_export(metric_output, tmp_path / "some", "yolo-seg", where="flip", splits=["train"])
    some = file_tree(tmp_path / "some")
    files = [path for path in some if path.startswith(("images/", "labels/"))]
    whole = file_tree(tmp_path / "all")
    assert files and all(whole[path] == some[path] for path in files)
    assert {path.split("/")[1] for path in files} == {"train"}


def test_no_matching_row_and_unknown_names_are_errors(metric_output: Path) -> None:
    with pytest.raises(OutputError, match=r"No row of .* matches 'x > 5000'"):
        Selection(metric_output, where="x > 5000")
    with pytest.raises(UsageError, match="has no split 'test'; its splits are train, test_unseen_bg"):
        Selection(metric_output, splits=["test"])
    with pytest.raises(UsageError, match="there is no column 'size'"):
        Selection(metric_output, where="size > 3")


@pytest.mark.parametrize("option", [["--zip"], ["--depth-label", "placed"]])
def test_options_of_other_formats_are_refused(
    metric_output: Path,
    tmp_path: Path,
    option: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["export", str(metric_output), str(tmp_path / "to"), "--format", "coco", *option]) == 2
    assert f"{option[0]} belongs to --format" in capsys.readouterr().err


@pytest.mark.parametrize("is_mixed", [False, True])
@pytest.mark.parametrize("where", [None, "flip"])
def test_blocks_hold_each_chosen_row_once(
    metric_output: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_mixed: bool,
    where: str | None,
) -> None:
    monkeypatch.setattr(selection_module, "_BLOCK_ROWS", 7)
    selection = Selection(metric_output, where=where)
    blocks = selection.blocks(is_mixed)
    assert all(block.num_rows <= (14 if is_mixed else 7) for block in blocks) and len(
        {block.name for block in blocks}
    ) == len(blocks)
    rows = [row for block in blocks for row in selection.read(block, ("fg_bg",))]
    stored = stored_rows(metric_output)
    assert len(rows) == len({row.address for row in rows}) == (80 if where is None else 40)
    for row in rows:
        expected = stored[row.split, row.index]
        assert row.images["fg_bg"] == expected["fg_bg"]["bytes"] and row.facts["fg"] == expected["fg"]
    if not is_mixed:
        addresses = [(list(selection.num_rows).index(row.split), row.index) for row in rows]
        assert addresses == sorted(addresses)


def test_rows_are_found_in_row_groups_of_any_size(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": list(range(40))}), tmp_path / "a.parquet", row_group_size=7)
    footer = pq.read_metadata(tmp_path / "a.parquet")
    for first, last in [(0, 0), (6, 7), (13, 30), (35, 39)]:
        groups, first_row = _groups(footer, first, last)
        assert groups == list(range(first // 7, last // 7 + 1)) and first_row == first // 7 * 7


def test_mixed_blocks_have_rows_of_all_pieces_that_are_read_together() -> None:
    shards = [ShardFile(f"data/{n}", "train", str(n), 0, 100) for n in range(23)]
    pieces = [Piece(shard, np.arange(100, dtype=np.int32)) for shard in shards]
    groups = list(mixed(pieces, 100, 10))
    rows = [(part.shard.path, row) for group in groups for part in group for row in part.rows.tolist()]
    assert len(rows) == len(set(rows)) == 2300
    assert {len(group) for group in groups} == {7, 8}, "three times about as many, not 10, 10 and 3"
    assert [part.shard.path for part in groups[0]] != [shard.path for shard in shards[:8]], "drawn, not in order"


def test_large_rows_make_small_blocks(metric_output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection_module, "_BLOCK_BYTES", 60_000)
    selection = Selection(metric_output)
    sizes = [block.num_rows for block in selection.blocks()]
    mean = np.mean(
        [sum(len(row[c]["bytes"]) for c in selection.image_columns) for row in stored_rows(metric_output).values()]
    )
    assert 1 < max(sizes) * mean < 60_000 and sum(sizes) == 80


@pytest.mark.parametrize("name", ["folders", "coco", "webdataset"])
def test_from_the_hub_it_is_the_same_export(hub: HubServer, work: Path, tmp_path: Path, name: str) -> None:
    send(work / "out")
    local = run_export(work / "out", tmp_path / "local", name)
    report = run_export(NAME, tmp_path / "to", name)
    assert report.rows == local.rows == counts_of(stored_rows(work / "out"))
    here, there = file_tree(tmp_path / "local"), file_tree(tmp_path / "to")
    assert {**here, "export.json": ""} == {**there, "export.json": ""}
    description = json.loads((tmp_path / "to" / "export.json").read_text())
    assert description["source"] == NAME and len(description["revision"]) == 40 and description["complete"]


def test_messages_of_the_hub_reach_the_user(
    hub: HubServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["export", "alice/none", str(tmp_path / "to"), "--format", "coco"]) == 1
    assert "alice/none" in capsys.readouterr().err and not (tmp_path / "to").exists()


@pytest.mark.parametrize("name", FORMATS)
def test_the_printed_lines_open_the_export(metric_output: Path, tmp_path: Path, name: str) -> None:
    report = run_export(metric_output, tmp_path / "to", name)
    names: dict[str, object] = {}
    exec(report.snippet, names)
    assert {"image", "mask", "rows", "metres", "row"} & names.keys()


def test_the_loader_in_the_documents_works(metric_output: Path, tmp_path: Path) -> None:
    run_export(metric_output, tmp_path / "to", "webdataset")
    text = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    block = text[text.index("    import io, json, numpy") : text.index("## From Python")]
    code = "\n".join(line.removeprefix("    ") for line in block.splitlines())
    names: dict[str, object] = {}
    exec(code.replace("DEST", str(tmp_path / "to")).replace("{000000..000015}", "000000"), names)
    _, mask, depth, facts = next(iter(names["rows"]))  # type: ignore[call-overload]
    row = stored_rows(metric_output)["train", facts["row"]]
    assert np.array_equal(mask, mask_of(row)) and np.array_equal(depth, pixels_of(row["fg_bg_depth"]))
