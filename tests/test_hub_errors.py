"""Errors in this project's own code during a push or a download are raised unchanged, not explained as the Hub's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from hub_client import NAME, QUICK, repo_of, send
from hub_outputs import grow
from hub_server import HubServer

from fgbg_depth.errors import HubError, OutputError
from fgbg_depth.hub import generated, history, push, repository, space, upload
from fgbg_depth.read.load import load
from fgbg_depth.read.snapshot import Snapshot
from fgbg_depth.retry import RequestError, RetryPolicy, request
from fgbg_depth.retry import send as send_once

pytest_plugins = ["hub_fixtures"]
OUR_FUNCTIONS = {
    "rendering the card": (generated, "render_card"),
    "the version's history": (history, "with_version"),
    "comparing files": (push, "compare"),
    "git's hash": (repository, "git_sha1"),
    "the list of earlier files": (push, "files_of_earlier_push"),
    "preparing an upload": (upload, "_addition"),
    "writing back": (push, "write_back"),
}


def failing(error: Exception) -> Callable[..., None]:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("error", [ValueError("our bug"), RuntimeError("our bug")], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("name", OUR_FUNCTIONS)
def test_push_raises_our_errors_unchanged(
    hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
):
    send(work / "out")
    grow(work)
    monkeypatch.setattr(*OUR_FUNCTIONS[name], failing(error))
    with pytest.raises(type(error)) as caught:
        send(work / "out")
    assert caught.value is error


@pytest.mark.parametrize("error", [ValueError("our bug"), RuntimeError("our bug")], ids=lambda e: type(e).__name__)
def test_publish_space_raises_our_errors_unchanged(
    hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    pytest.importorskip("gradio")
    send(work / "out")
    monkeypatch.setattr(space, "compare", failing(error))
    with pytest.raises(type(error)) as caught:
        space.publish_space("alice/look", NAME, retry_policy=QUICK)
    assert caught.value is error


@pytest.mark.parametrize("error", [ValueError("our bug"), RuntimeError("our bug")], ids=lambda e: type(e).__name__)
def test_load_raises_our_errors_unchanged(
    hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    send(work / "out")
    monkeypatch.setattr(Snapshot, "_download", failing(error))
    with pytest.raises(type(error)) as caught:
        load(NAME)
    assert caught.value is error


def test_file_that_disappears_during_the_push(hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch):
    """A problem of the local disk names the file, and does not blame the Hub."""
    shard = next((work / "out" / "data").iterdir())
    compare = push.compare

    def remove_and_compare(*args: object) -> object:
        shard.unlink(missing_ok=True)
        return compare(*args)

    monkeypatch.setattr(push, "compare", remove_and_compare)
    with pytest.raises(OutputError, match=rf"(?s){shard.name} cannot be read: .*Nothing was committed.*same command"):
        send(work / "out")
    assert len(repo_of(hub).commits) == 1


def test_file_that_cannot_be_read_during_the_upload(hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch):
    """The client reads in its own threads and wraps the error of the disk."""
    shard = next((work / "out" / "data").iterdir())

    @contextmanager
    def broken(path: str) -> Iterator[BinaryIO]:
        with open(path, "rb") as file:
            if path == str(shard):
                file.read = failing(OSError(5, "Input/output error"))
            yield file

    monkeypatch.setattr("huggingface_hub.utils.tqdm_stream_file", broken)
    message = rf"{shard.name} cannot be read: \[Errno 5\] Input/output error\n.*Nothing was committed"
    with pytest.raises(OutputError, match=message):
        send(work / "out")


def test_file_that_disappears_during_the_upload(hub: HubServer, work: Path):
    shard = next((work / "out" / "data").iterdir())

    def remove(line: str) -> None:
        if line.endswith("/objects/batch"):
            shard.unlink(missing_ok=True)

    hub.faults.chance = remove
    with pytest.raises(OutputError, match=rf"{shard.name} cannot be read: .*\n.*Nothing was committed"):
        send(work / "out")
    assert len(repo_of(hub).commits) == 1


def test_card_that_is_not_utf8(hub: HubServer, work: Path):
    (work / "out" / "README.md").write_bytes(b"\xff\xfe")
    with pytest.raises(OutputError, match=r"README.md: not UTF-8 text"):
        send(work / "out")


def test_request_converts_errors_of_the_client_and_no_others():
    for error in (OSError("disk"), ValueError("card"), RuntimeError("upload"), ConnectionError("reset")):
        with pytest.raises(RequestError, match=f"testing failed: {error}") as caught:
            send_once("testing", failing(error))
        assert caught.value.error is error and isinstance(caught.value, HubError)
    for bug in (TypeError("arguments"), KeyError("key"), AttributeError("name")):
        with pytest.raises(type(bug)) as raised:
            send_once("testing", failing(bug))
        assert raised.value is bug


def test_request_repeats_only_temporary_failures():
    policy, calls = RetryPolicy(tries=4, first_wait_s=0.001), []

    def fail_twice() -> str:
        calls.append(len(calls))
        if len(calls) < 3:
            raise ConnectionError("reset")
        return "done"

    assert request(policy, "testing", fail_twice) == "done" and len(calls) == 3
    calls.clear()
    with pytest.raises(RequestError, match="testing failed: no"):
        request(policy, "testing", lambda: calls.append(0) or failing(ValueError("no"))())
    assert len(calls) == 1


def test_waits_double_up_to_the_longest():
    policy = RetryPolicy(first_wait_s=1.0, longest_wait_s=5.0)
    assert [policy.wait_s(index) for index in range(4)] == [1.0, 2.0, 4.0, 5.0]
