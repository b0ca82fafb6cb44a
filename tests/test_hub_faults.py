"""A push over an unreliable network: temporary failures are retried, and no lost response makes a second commit."""

import time
from pathlib import Path

import pytest
from hub_client import NAME, edit_on_hub, files_of, local_files, repo_of, send
from hub_faults import Fault
from hub_outputs import grow
from hub_server import HubServer

from fgbg_depth.errors import HubError
from fgbg_depth.retry import RetryPolicy

pytest_plugins = ["hub_fixtures"]

SHORT_TIMEOUT = RetryPolicy(first_wait_s=0.01, timeout_s=0.7)
COMMIT = "POST .*/commit/"
REQUESTS = {
    "login": "GET /api/whoami",
    "repository": "GET /api/datasets/alice/scenes$",
    "new repository": "POST /api/repos/create",
    "rights": "GET .*/auth-check",
    "branches": "GET .*/refs",
    "new branch": "POST .*/branch/",
    "listing": "GET .*/tree/",
    "card": "GET .*/resolve/.*README.md",
    "upload modes": "POST .*/preupload/",
    "batch": "POST .*/objects/batch",
    "content": "PUT /storage/",
    "check": "POST /storage/.*/verify",
    "card's header": "POST /api/validate-yaml",
    "commit": COMMIT,
    "tag": "POST .*/tag/",
}
EVERY_KIND = ("503", "429", "reset", "lost", "stall")


def one_commit_with_everything(hub: HubServer, output: Path, num_commits: int = 1) -> None:
    history = repo_of(hub).history("main")
    assert len(history) == num_commits + 1, [commit.title for commit in history]
    pushed = files_of(hub)
    assert {name: pushed.get(name) for name in local_files(output)} == local_files(output)


@pytest.mark.parametrize("kind", [*EVERY_KIND, "500", "504", "late"])
@pytest.mark.slow
def test_each_failure_of_the_commit_request_makes_one_commit(hub: HubServer, work: Path, kind: str):
    hub.faults.add(Fault(kind, COMMIT, times=2, stall_s=1.0, headers={"Retry-After": "0"}))
    report = send(work / "out", tag="v1.0.0", retry_policy=SHORT_TIMEOUT)
    one_commit_with_everything(hub, work / "out")
    assert repo_of(hub).tags == {"v1.0.0": report.commit}


@pytest.mark.parametrize("name", ["login", "new repository", "branches", "tag"])
@pytest.mark.parametrize("kind", ["503", "lost"])
def test_requests_that_the_client_itself_does_not_repeat(hub: HubServer, work: Path, name: str, kind: str):
    hub.faults.add(Fault(kind, REQUESTS[name]))
    report = send(work / "out", tag="v1.0.0", retry_policy=SHORT_TIMEOUT)
    one_commit_with_everything(hub, work / "out")
    assert repo_of(hub).tags == {"v1.0.0": report.commit} and hub.faults.done


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_request_fails_in_every_way(hub: HubServer, work: Path, name: str, kind: str):
    if name != "new repository":
        send(work / "out", tag="v1.0.0")
        grow(work)
    branch = "next" if name == "new branch" else "main"
    hub.faults.add(Fault(kind, REQUESTS[name], stall_s=1.0, headers={"Retry-After": "0"}))
    report = send(work / "out", tag="v1.1.0", revision=branch, retry_policy=SHORT_TIMEOUT)
    assert hub.faults.done
    history = repo_of(hub).history(branch)
    assert len(history) == (2 if name == "new repository" else 3) and report.commit == history[0].oid
    pushed = files_of(hub, branch)
    assert {path: pushed.get(path) for path in local_files(work / "out")} == local_files(work / "out")
    assert repo_of(hub).tags["v1.1.0"] == report.commit


def test_pull_request_with_a_lost_response_is_found(hub: HubServer, work: Path):
    send(work / "out")
    grow(work)
    hub.faults.add(Fault("lost", COMMIT))
    report = send(work / "out", create_pr=True)
    assert repo_of(hub).pull_requests == {1: report.commit} and report.pr_url.endswith("/discussions/1")


@pytest.mark.slow
def test_wait_that_the_hub_asks_for(hub: HubServer, work: Path):
    hub.faults.add(Fault("429", COMMIT, headers={"Retry-After": "2"}))
    started = time.monotonic()
    send(work / "out")
    assert time.monotonic() - started > 2
    one_commit_with_everything(hub, work / "out")


def test_wait_above_the_limit_ends_the_push(hub: HubServer, work: Path):
    hub.faults.add(Fault("429", COMMIT, headers={"Retry-After": "9999"}))
    with pytest.raises(
        HubError, match=r"answered with error 429 while committing.*\n.*asks to wait 9999 s, longer than the limit"
    ):
        send(work / "out")


def test_push_fails_after_the_last_try_and_the_next_push_uploads_only_the_rest(hub: HubServer, work: Path):
    hub.faults.add(Fault("503", COMMIT, times=100, message="down for maintenance"))
    with pytest.raises(HubError, match=r"(?s)while committing: down.*same command again.*is complete.*4 shards"):
        send(work / "out")
    assert sum(COMMIT[-7:] in path for _, path, _ in hub.log) == 6
    hub.faults.clear()
    puts = sum(method == "PUT" for method, _, _ in hub.log)
    send(work / "out")
    assert sum(method == "PUT" for method, _, _ in hub.log) == puts
    one_commit_with_everything(hub, work / "out")


def test_commit_of_somebody_else_during_the_push_is_reported_and_kept(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    grow(work)
    theirs: list[str] = []

    def interfere(line: str) -> None:
        if "/commit/" in line and not theirs:
            theirs.append(edit_on_hub(hub, "theirs.txt", b"theirs"))

    hub.faults.chance = interfere
    with pytest.raises(HubError, match=r"(?s)somebody else committed.*branch main.*nothing of yours.*command again"):
        send(work / "out", tag="v1.1.0")
    repo = repo_of(hub)
    assert repo.branches["main"] == theirs[0] and list(repo.tags) == ["v1.0.0"]
    send(work / "out", tag="v1.1.0")
    assert files_of(hub)["theirs.txt"] == b"theirs" and len(repo.history("main")) == 4


def test_commit_with_a_lost_response_is_found_below_a_later_one_of_somebody_else(hub: HubServer, work: Path):
    hub.store.create("dataset", NAME, False, "alice")
    edited: list[str] = []

    def interfere(line: str) -> None:
        if "/commits/" in line and not edited:
            edited.append(edit_on_hub(hub, "theirs.txt", b"theirs"))

    hub.faults.add(Fault("lost", COMMIT))
    hub.faults.chance = interfere
    report = send(work / "out", tag="v1.0.0")
    repo = repo_of(hub)
    assert repo.branches["main"] == edited[0] and repo.commits[edited[0]].parent == report.commit
    assert repo.tags == {"v1.0.0": report.commit}


def test_next_push_sets_a_tag_that_failed(hub: HubServer, work: Path):
    hub.faults.add(Fault("403", "POST .*/tag/", message="not now"))
    with pytest.raises(HubError):
        send(work / "out", tag="v1.0.0")
    assert repo_of(hub).tags == {}
    report = send(work / "out", tag="v1.0.0")
    assert report.commit is None and repo_of(hub).tags == {"v1.0.0": repo_of(hub).branches["main"]}


def test_damaged_download_of_the_card_is_repeated(hub: HubServer, work: Path):
    """The client does not check downloads. Notes that a damaged card lacks would be deleted by the push."""
    send(work / "out")
    card = hub.store.blob_path(repo_of(hub).resolve("main").files["README.md"].blob)
    content, downloads = card.read_bytes(), []

    def damage(line: str) -> None:
        if line.endswith("README.md"):
            downloads.append(line)
            card.write_bytes(content[:-9] if len(downloads) == 1 else content)

    hub.faults.chance = damage
    assert send(work / "out").commit is None and len(downloads) == 2


@pytest.mark.parametrize("name", ["branches", "content", "commit"])
def test_silent_connections_are_closed(hub: HubServer, work: Path, name: str):
    """The client by itself would wait without a limit."""
    hub.faults.add(Fault("stall", REQUESTS[name], stall_s=60))
    started = time.monotonic()
    send(work / "out", retry_policy=SHORT_TIMEOUT)
    assert time.monotonic() - started < 40
    one_commit_with_everything(hub, work / "out")
