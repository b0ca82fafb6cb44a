"""`push --pr`: a pull request on a dataset that one cannot write to, and never two with the same content."""

import datetime
from pathlib import Path

import pytest
from hub_client import NAME, edit_on_hub, files_of, local_files, repo_of, send
from hub_faults import Fault
from hub_outputs import build_again, grow
from hub_server import HubServer

from fgbg_depth.card.notes import NOTES_BEGIN
from fgbg_depth.cli.main import main
from fgbg_depth.errors import HubError
from fgbg_depth.hub import generated

pytest_plugins = ["hub_fixtures"]


@pytest.fixture
def bob(hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Bob's output with one more background than the dataset of alice has; he cannot write to it."""
    send(work / "out", tag="v1.0.0")
    monkeypatch.setenv("HF_TOKEN", "bob-write")
    grow(work)
    return work / "out"


def test_command_opens_one_pull_request_and_prints_its_address(
    hub: HubServer, bob: Path, capsys: pytest.CaptureFixture[str]
):
    before = local_files(bob)
    head = repo_of(hub).branches["main"]
    for words in ("Opened ", "The open pull request "):
        assert main(["push", str(bob), NAME, "--pr"]) == 0
        assert f"{words}{hub.url}/datasets/{NAME}/discussions/1" in capsys.readouterr().out
    repo = repo_of(hub)
    assert repo.branches == {"main": head} and list(repo.tags) == ["v1.0.0"] and list(repo.pull_requests) == [1]
    assert repo.commits[repo.pull_requests[1]].author == "bob" and local_files(bob) == before
    assert any("scene_004" in path for path in files_of(hub, "refs/pr/1"))


def test_refused_push_names_the_option(hub: HubServer, bob: Path):
    with pytest.raises(HubError, match=r"cannot write to datasets/alice/scenes \(403\)(?s:.*)add --pr"):
        send(bob)
    with pytest.raises(HubError) as caught:
        send(bob, "alice/missing")
    assert "--pr" not in str(caught.value)


def test_same_content_on_another_day_and_after_a_commit_of_others(
    hub: HubServer, bob: Path, monkeypatch: pytest.MonkeyPatch
):
    """The date of the version is in statistics.json and in the card."""
    first = send(bob, create_pr=True)

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return super().now(tz) + datetime.timedelta(days=40)

    monkeypatch.setattr(generated.datetime, "datetime", Later)
    edit_on_hub(hub, "docs/paper.pdf", b"alice's", user="alice")
    sent = hub.uploaded_bytes()
    again = send(bob, create_pr=True)
    assert (again.pr_url, again.commit, again.pr_existed) == (first.pr_url, first.commit, True)
    assert hub.uploaded_bytes() == sent and list(repo_of(hub).pull_requests) == [1]


@pytest.mark.parametrize("change", ["rows", "notes", "message"])
def test_other_content_opens_another_one(hub: HubServer, bob: Path, change: str):
    send(bob, create_pr=True)
    if change == "rows":
        build_again(bob.parent, placements=3)
    if change == "notes":
        readme = bob / "README.md"
        readme.write_text(readme.read_text().replace(NOTES_BEGIN, f"{NOTES_BEGIN}\nMore words."))
    message = "Better" if change == "message" else None
    report = send(bob, create_pr=True, message=message, replace_newer=change == "rows")
    assert report.pr_url.endswith("/discussions/2") and not report.pr_existed


def test_closed_pull_request_is_not_taken_for_an_open_one(hub: HubServer, bob: Path):
    send(bob, create_pr=True)
    repo_of(hub).closed_pull_requests.add(1)
    assert send(bob, create_pr=True).pr_url.endswith("/discussions/2")


def test_merged_content_needs_no_pull_request(hub: HubServer, bob: Path):
    send(bob, create_pr=True)
    repo_of(hub).branches["main"] = repo_of(hub).pull_requests[1]
    report = send(bob, create_pr=True)
    assert report.commit is None and report.pr_url is None and "already held this version" in str(report)


def test_missing_dataset_or_branch_is_not_created(hub: HubServer, bob: Path):
    for options in ({"name": "bob/new"}, {"revision": "next"}):
        with pytest.raises(HubError, match="does not exist, or this token may not read it; a pull request needs it"):
            send(bob, create_pr=True, **options)
    assert ("dataset", "bob/new") not in hub.store.repos and list(repo_of(hub).branches) == ["main"]


def test_lost_response_opens_no_second_one(hub: HubServer, bob: Path):
    hub.faults.add(Fault("lost", "POST .*/commit/"))
    assert send(bob, create_pr=True).pr_url.endswith("/discussions/1")
    assert list(repo_of(hub).pull_requests) == [1]
