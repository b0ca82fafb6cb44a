"""`log`, `diff` and `rollback`: the versions of a dataset on the Hub, what changed, and back to an earlier one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hub_client import NAME, QUICK, edit_on_hub, files_of, repo_of, send, use_hub
from hub_faults import Fault
from hub_outputs import build_again, grow
from hub_server import HubServer

from fgbg_depth.cli.main import main
from fgbg_depth.errors import HubError, OutputError, UsageError
from fgbg_depth.hub.rollback import RollbackReport, rollback
from fgbg_depth.hub.versions import compare_versions, list_versions
from fgbg_depth.read.load import load

pytest_plugins = ["hub_fixtures"]


@pytest.fixture
def three(hub: HubServer, work: Path) -> HubServer:
    """v1.0.0 with four backgrounds, v1.1.0 with five, v2.0.0 with three places instead of two."""
    send(work / "out", tag="v1.0.0")
    shutil.copytree(work / "out", work / "first")
    grow(work)
    send(work / "out", tag="v1.1.0", message="A fifth scene")
    build_again(work, placements=3)
    send(work / "out", tag="v2.0.0")
    return hub


def roll_back(version: str, **options: object) -> RollbackReport:
    return rollback(NAME, version, **{"retry_policy": QUICK, **options})


def test_log_lists_the_versions_newest_first(three: HubServer):
    newest, middle, oldest = list_versions(NAME)
    assert [entry.version for entry in (newest, middle, oldest)] == ["v2.0.0", "v1.1.0", "v1.0.0"]
    assert [entry.commit for entry in (newest, middle, oldest)] == [
        repo_of(three).tags[tag] for tag in ("v2.0.0", "v1.1.0", "v1.0.0")
    ]
    assert "recipe: placements: 2 -> 3" in newest.changes and any(
        c.startswith("rows: 40 -> 60") for c in newest.changes
    )
    assert middle.message == "A fifth scene" and "backgrounds: 1 added (scene_004.png)" in middle.changes
    assert oldest.changes == () and oldest.rows == 32 and oldest.depth_model is None
    assert str(middle).startswith("v1.1.0  20") and "A fifth scene" in str(middle)


def test_log_of_the_newest_versions_reads_only_these(three: HubServer):
    before = len(three.downloads)
    (newest,) = list_versions(NAME, limit=1)
    assert "recipe: placements: 2 -> 3" in newest.changes
    assert sum(path.endswith("statistics.json") for path, _ in three.downloads[before:]) == 2
    assert {path.split("/", 1)[1] for path, _ in three.downloads[before:]} == {"statistics.json"}


def test_log_names_an_untagged_head_and_unreadable_statistics(three: HubServer):
    edit_on_hub(three, "statistics.json", b"{}")
    head, newest, *_ = list_versions(NAME)
    assert head.version == "" and head.rows == 0 and "not the statistics.json of an fgbg-depth" in head.changes[0]
    assert newest.version == "v2.0.0" and str(head).startswith("(no tag)")


def test_log_of_a_folder_is_the_history_of_its_last_push(three: HubServer, work: Path):
    entries = list_versions(work / "out")
    assert [entry.version for entry in entries] == ["v2.0.0", "v1.1.0", "v1.0.0"]
    assert "recipe: placements: 2 -> 3" in entries[0].changes
    assert "backgrounds: 1 added (scene_004.png)" in entries[1].changes
    build_again(work, placements=1)
    assert "not published yet" in list_versions(work / "out")[0].changes[0]


def test_diff_of_versions_and_folders(three: HubServer, work: Path):
    found = compare_versions(f"{NAME}@v1.0.0", "@v1.1.0")
    assert found.backgrounds.added == ("scene_004.png",) and found.rows["all"] == (32, 40)
    assert found.shards.kept == 4 and found.shards.added == 1
    assert compare_versions(f"{NAME}@v1.0.0", work / "first").is_empty
    assert compare_versions(work / "first", NAME).recipe[0].name == "placements"
    with pytest.raises(UsageError, match="names a revision on the Hub"):
        compare_versions(work / "first", "@v1.1.0")
    with pytest.raises(HubError, match="has no revision 'v9'"):
        compare_versions(NAME, "@v9")
    with pytest.raises(HubError, match="not an existing folder"):
        compare_versions(str(work / "nothing"), NAME)


def test_rollback_is_one_commit_without_the_bytes_of_a_shard(three: HubServer):
    before, sent, downloads = files_of(three, "v1.0.0"), len(three.log), len(three.downloads)
    edit_on_hub(three, "docs/theirs.txt", b"kept")
    report = roll_back("v1.0.0")
    commits = repo_of(three).history("main")
    assert commits[0].oid == report.commit and commits[0].title == "Roll back to v1.0.0"
    assert commits[1].title == "edit docs/theirs.txt"
    now = files_of(three)
    assert now.pop("docs/theirs.txt") == b"kept" and now == before
    assert not [line for line in three.log[sent:] if line[0] == "PUT"]
    assert not [path for path, _ in three.downloads[downloads:] if path.endswith((".parquet", ".png", ".webp"))]
    assert repo_of(three).tags.keys() == {"v1.0.0", "v1.1.0", "v2.0.0"}
    assert report.changes is not None and report.changes.rows["all"] == (60, 32)
    assert len(load(NAME, split="train")) == 32 and len(load(NAME, "v2.0.0", split="train")) == 60
    assert list_versions(NAME)[0].message == "Roll back to v1.0.0"


def test_rollback_to_the_present_version_makes_no_commit(three: HubServer):
    asked: list[RollbackReport] = []
    report = roll_back("v2.0.0", confirm=lambda plan: bool(asked.append(plan)))
    assert report.commit is None and asked == [] and "holds v2.0.0 already" in str(report)
    assert roll_back("v1.1.0").commit is not None
    assert roll_back("v1.1.0").commit is None


def test_rollback_that_is_not_confirmed_changes_nothing(three: HubServer):
    head = repo_of(three).branches["main"]
    plans: list[RollbackReport] = []
    report = roll_back("v1.0.0", confirm=lambda plan: bool(plans.append(plan)))
    assert report.commit is None and repo_of(three).branches["main"] == head
    text = plans[0].plan()
    assert "makes one commit" in text and "recipe: placements: 3 -> 2" in text and "keep their tags" in text


def test_push_after_a_rollback_makes_the_next_version(three: HubServer, work: Path):
    roll_back("v1.0.0")
    assert send(work / "first").commit is None, "the branch holds exactly what v1.0.0 was"
    grow(work)
    report = send(work / "out", tag="v1.2.0")
    assert [path for path in report.added if path.startswith("data/")] and report.version == "v1.2.0"
    newest, rolled_back, *_ = list_versions(NAME)
    assert newest.version == "v1.2.0" and "backgrounds: 1 added (scene_004.png)" in newest.changes
    assert rolled_back.version == "" and rolled_back.message == "Roll back to v1.0.0"


def test_rollback_whose_answer_is_lost_makes_one_commit(three: HubServer):
    three.faults.add(Fault("lost", on="POST .*/commit/"))
    report = roll_back("v1.0.0")
    assert [commit.title for commit in repo_of(three).history("main")].count("Roll back to v1.0.0") == 1
    assert report.commit == repo_of(three).branches["main"]


def test_rollback_refuses(three: HubServer, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(HubError, match="has no revision 'v9'"):
        roll_back("v9")
    with pytest.raises(HubError, match="no branch side"):
        roll_back("v1.0.0", branch="side")
    first = repo_of(three).history("main")[-1].oid
    with pytest.raises((HubError, OutputError), match=r"statistics\.json"):
        roll_back(first)
    use_hub(monkeypatch, three, tmp_path / "bob", token="bob-write")
    with pytest.raises(HubError):
        roll_back("v1.0.0")
    assert repo_of(three).history("main")[0].title.startswith("v2.0.0")


def test_the_commands(three: HubServer, work: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["log", NAME]) == 0
    assert capsys.readouterr().out.startswith("v2.0.0  ")
    assert main(["log", NAME, "--limit", "2", "--json"]) == 0
    assert [entry["version"] for entry in json.loads(capsys.readouterr().out)] == ["v2.0.0", "v1.1.0"]
    assert main(["diff", f"{NAME}@v1.0.0", "@v1.1.0"]) == 0
    assert "backgrounds: 1 added (scene_004.png)" in capsys.readouterr().out
    assert main(["diff", str(work / "first"), NAME, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipe"] == [{"name": "placements", "old": 2, "new": 3}]
    assert main(["rollback", NAME, "v1.0.0"]) == 2
    assert "nobody can be asked here" in capsys.readouterr().err
    assert main(["rollback", NAME, "v1.0.0", "--yes", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["commit"] == repo_of(three).branches["main"] and report["changes"]["rows"]["all"] == [60, 32]
    assert main(["rollback", NAME, "v1.0.0", "--yes"]) == 0
    assert "holds v1.0.0 already" in capsys.readouterr().out
