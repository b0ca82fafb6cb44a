"""A request that fails becomes a message: what happened, why, what the Hub holds now, and what to do next."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hub_client import NAME, edit_on_hub, environment, files_of, repo_of, send, use_hub
from hub_faults import Fault
from hub_outputs import grow
from hub_server import HubServer

from fgbg_depth.errors import HubError
from fgbg_depth.hub.messages import explain
from fgbg_depth.hub.target import RepoTarget
from fgbg_depth.retry import RequestError

pytest_plugins = ["hub_fixtures"]
LOG_IN = "hf auth login"
CREATE_TAG = "POST .*/tag/"


def message_of_failed_push(output: Path, name: str = NAME, **options: object) -> str:
    with pytest.raises(HubError) as caught:
        send(output, name, **options)
    return str(caught.value)


def test_no_token(hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HF_TOKEN")
    message = message_of_failed_push(work / "out")
    assert message.startswith("no token for the Hub was found.") and LOG_IN in message
    assert f"4 shards are ready in {work / 'out'}." in message and hub.log == []


def test_unknown_token(hub: HubServer, work: Path):
    message = message_of_failed_push(work / "out", token="hf_wrong")
    assert message.startswith("the Hub rejected the token (401)") and LOG_IN in message
    assert "Nothing was committed to branch main." in message


def test_read_only_token_is_refused_before_any_upload(hub: HubServer, work: Path):
    message = message_of_failed_push(work / "out", token="alice-read")
    assert "cannot write to datasets/alice/scenes (it is a read-only token)" in message
    assert LOG_IN in message and "Nothing was committed to branch main." in message
    assert [method for method, _, _ in hub.log] == ["GET"]


def test_missing_write_access(hub: HubServer, work: Path):
    send(work / "out")
    message = message_of_failed_push(work / "out", token="bob-write")
    assert "cannot write to datasets/alice/scenes (403)" in message and "Reason given by the Hub:" in message
    assert LOG_IN in message


@pytest.mark.parametrize("exists", [True, False])
def test_repository_of_another_user_that_is_private_or_missing(hub: HubServer, work: Path, exists: bool):
    """The Hub gives the same answers to both."""
    if exists:
        send(work / "out", private=True)
    message = message_of_failed_push(work / "out", token="bob-write")
    assert message.startswith("datasets/alice/scenes was not found, and this token may not create it (403).")
    assert "Reason given by the Hub: You don't have the rights to create" in message and LOG_IN in message
    assert "Either it does not exist, or it is a private repository that this token may not read." in message
    assert "Nothing was committed to branch main." in message and "cannot write" not in message
    assert (("dataset", NAME) in hub.store.repos) == exists


@pytest.mark.parametrize("name", ["scenes", "alice/sce nes", "alice/scenes/2", "alice/-x", "alice/a..b", ""])
def test_invalid_repository_names(hub: HubServer, work: Path, name: str):
    message = message_of_failed_push(work / "out", name)
    assert message.startswith(f"{name!r} is not a valid repository name") and "Write USER/NAME" in message
    assert hub.log == []


@pytest.mark.parametrize("option", ["revision", "tag"])
@pytest.mark.parametrize("name", ["", "v 1", "../x", "refs/pr/1", "-v"])
def test_invalid_names_of_branches_and_tags(hub: HubServer, work: Path, option: str, name: str):
    message = message_of_failed_push(work / "out", **{option: name})
    assert message.startswith(f"--{option} {name!r} is not a valid git name") and hub.log == []


def test_existing_tag_of_another_version(hub: HubServer, work: Path):
    first = send(work / "out", tag="v1.0.0")
    grow(work)
    message = message_of_failed_push(work / "out", tag="v1.0.0")
    assert f"tag v1.0.0 of datasets/alice/scenes already names another version, commit {first.commit[:8]}" in message
    assert "hf repos tag delete alice/scenes v1.0.0 --type dataset" in message
    assert "Nothing was committed to branch main." in message
    assert repo_of(hub).branches["main"] == first.commit
    edit_on_hub(hub, "theirs.txt", b"moved on")
    assert "already names another" in message_of_failed_push(work / "out", tag="v1.0.0", dry_run=True)


def test_tag_given_as_a_branch(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    message = message_of_failed_push(work / "out", revision="v1.0.0")
    assert "v1.0.0 is a tag of datasets/alice/scenes" in message and "Nothing was committed." in message


@pytest.mark.parametrize("status", ["403", "422"])
def test_refused_tag_says_that_the_commit_was_made(hub: HubServer, work: Path, tmp_path: Path, status: str):
    hub.faults.add(Fault(status, CREATE_TAG, message="tags are closed"))
    message = message_of_failed_push(work / "out", tag="v1.0.0")
    commit = repo_of(hub).branches["main"]
    assert len(repo_of(hub).commits) == 2 and repo_of(hub).tags == {} and "statistics.json" in files_of(hub)
    assert f"is pushed to datasets/alice/scenes, branch main, as commit {commit}" in message
    assert f"only setting tag v1.0.0 failed ({status}): tags are closed" in message
    assert "Nothing was committed" not in message and "cannot write" not in message
    assert (LOG_IN in message) == (status == "403") and ("another --tag" in message) == (status == "422")
    command = next(line for line in message.splitlines() if "hf repos tag" in line).partition(": ")[2]
    hf = Path(sys.executable).with_name("hf")
    if hf.exists():
        arguments = [str(hf), *shlex.split(command)[1:]]
        ran = subprocess.run(arguments, env=environment(hub, tmp_path / "home"), capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        assert repo_of(hub).tags == {"v1.0.0": commit}


def test_refused_tag_for_a_version_that_was_pushed_before(hub: HubServer, work: Path):
    hub.faults.add(Fault("403", CREATE_TAG, times=2, message="tags are closed"))
    message_of_failed_push(work / "out", tag="v1.0.0")
    message = message_of_failed_push(work / "out", tag="v1.0.0")
    commit = repo_of(hub).branches["main"]
    assert f"is already on datasets/alice/scenes, branch main, as commit {commit}" in message
    assert "only setting tag v1.0.0 failed (403)" in message and len(repo_of(hub).commits) == 2


def test_unanswered_tag_says_that_the_commit_was_made(hub: HubServer, work: Path):
    hub.faults.add(Fault("503", CREATE_TAG, times=100, message="down for maintenance"))
    message = message_of_failed_push(work / "out", tag="v1.0.0")
    assert f"as commit {repo_of(hub).branches['main']}" in message and "maintenance" in message
    assert "sets only the tag" in message and LOG_IN not in message


def test_tag_that_somebody_else_sets_during_the_push(hub: HubServer, work: Path):
    """The Hub answers 409: the tag names another commit."""
    first = send(work / "out")
    grow(work)

    def set_tag(line: str) -> None:
        if "/tag/" in line:
            repo_of(hub).tags["v1.0.0"] = first.commit

    hub.faults.chance = set_tag
    message = message_of_failed_push(work / "out", tag="v1.0.0")
    assert f"tag v1.0.0 of datasets/alice/scenes already names another version, commit {first.commit[:8]}" in message
    commit = repo_of(hub).branches["main"]
    assert commit != first.commit and f"Commit {commit} is on branch main; only the tag failed." in message
    assert "hf repos tag delete alice/scenes v1.0.0 --type dataset" in message


def test_full_quota(hub: HubServer, work: Path):
    hub.storage_limit = 100_000
    message = message_of_failed_push(work / "out")
    assert message.startswith("the Hub has no storage left for datasets/alice/scenes (403): Private repository storage")
    assert "settings/billing" in message and "Nothing was committed to branch main." in message
    assert len(repo_of(hub).commits) == 1
    hub.storage_limit = None
    send(work / "out")


def test_too_large_a_commit(hub: HubServer, work: Path):
    hub.faults.add(Fault("413", "POST .*/commit/", message="Payload Too Large"))
    message = message_of_failed_push(work / "out")
    assert "no storage left for datasets/alice/scenes (413): Payload Too Large" in message


def test_refused_commit(hub: HubServer, work: Path):
    hub.faults.add(Fault("422", "POST .*/commit/", message="unprocessable"))
    message = message_of_failed_push(work / "out")
    assert "the Hub refused the request while committing (422): unprocessable" in message
    assert "Nothing was committed to branch main." in message and "run the same command again" in message


def test_card_that_the_hub_refuses(hub: HubServer, work: Path):
    hub.faults.add(Fault("400", "POST /api/validate-yaml", message="license is unknown"))
    message = message_of_failed_push(work / "out")
    assert "README.md" in message and "while committing (400)" in message and "Nothing was committed" in message


def test_commit_without_an_answer_does_not_claim_that_nothing_was_committed(hub: HubServer, work: Path):
    """The response is lost, and so is the answer to the question whether the commit was made."""
    hub.faults.add(Fault("lost", "POST .*/commit/"))
    hub.faults.add(Fault("403", "GET .*/commits/", message="not now"))
    message = message_of_failed_push(work / "out")
    assert "Nothing was committed" not in message and "either the version before this push or this one" in message
    assert send(work / "out").commit is None and len(repo_of(hub).commits) == 2


def test_offline_mode(hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "offline mode is on" in message_of_failed_push(work / "out")


def test_no_server(tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch):
    stopped = HubServer(tmp_path / "stopped")
    use_hub(monkeypatch, stopped, tmp_path / "home")
    stopped._http.server_close()
    message = message_of_failed_push(work / "out")
    assert "the Hub did not answer while checking the token" in message and "Connection refused" in message


def test_hub_without_xet(hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    assert "HF_HUB_DISABLE_XET=1" in message_of_failed_push(work / "out")


def test_reason_of_a_failed_upload_is_in_the_message():
    wrapped = RuntimeError("Error while uploading 'data/a.parquet' to the Hub.")
    wrapped.__cause__ = ValueError("Malformed response from server")
    message = str(explain(RequestError("uploading data/a.parquet", wrapped), RepoTarget(NAME)))
    assert "uploading data/a.parquet failed" in message and "Malformed response from server" in message
    assert "Nothing was committed to branch main." in message


def test_output_behind_a_url(hub: HubServer):
    assert "is not a local folder" in message_of_failed_push("s3://bucket/out")


@pytest.mark.slow
def test_messages_for_every_status_say_the_state_and_what_to_do(hub: HubServer, work: Path):
    states = {
        "GET /api/whoami": "Nothing was committed",
        "POST .*/commit/": "Nothing was committed|either the version before this push or this one",
        CREATE_TAG: "as commit [0-9a-f]{40}; only setting tag",
    }
    for kind in ("400", "401", "404", "429", "500"):
        for index, (request, state) in enumerate(states.items()):
            hub.faults.clear()
            hub.faults.add(Fault(kind, request, times=100, headers={"Retry-After": "9999"}))
            message = message_of_failed_push(work / "out", tag=f"v{kind}.{index}")
            assert "None" not in message
            assert re.search(r"(?i)log in|run the same command|set the tag|free some space", message), message
            assert re.search(state, message), message
