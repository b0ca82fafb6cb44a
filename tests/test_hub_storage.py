"""Uploads to the storage behind the Hub, by LFS and Xet: expired addresses, one layer of retries, bytes sent."""

import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hub_client import QUICK, files_of, local_files, repo_of, send
from hub_faults import Fault
from hub_outputs import grow
from hub_server import HubServer
from huggingface_hub import get_session

from fgbg_depth.errors import HubError
from fgbg_depth.retry import RetryPolicy

pytest_plugins = ["hub_fixtures"]
STORAGE = {"lfs": "PUT /storage/", "xet": "POST /cas/v1/xorbs/"}
# sent with the commit; all other files go to the storage
INLINE = ("README.md", "recipe.yaml", "statistics.json", "croissant.json", "fiftyone.yml")
ADDRESSES = {"lfs": "/objects/batch", "xet": "/xet-write-token/"}


@pytest.fixture(params=["lfs", "xet"])
def protocol(request: pytest.FixtureRequest, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "xet":
        pytest.importorskip("hf_xet")
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
        hub.use_xet(over_http=True)
    return str(request.param)


def stored(output: Path) -> list[Path]:
    """The files of an output that go to the storage."""
    names = (path for path in output.rglob("*") if path.is_file() and not path.name.startswith("."))
    return [path for path in names if path.name not in INLINE]


def inline_bytes(work: Path) -> float:
    """More than what a commit of the other files takes: they are sent as base64."""
    return 1.4 * sum((work / "out" / name).stat().st_size for name in INLINE) + 40_000


def num_requests(hub: HubServer, part: str) -> int:
    return sum(part in f"{method} {path}" for method, path, _ in hub.log)


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_push_goes_on_with_new_addresses_when_one_has_expired(hub: HubServer, work: Path, protocol: str, status: str):
    hub.faults.add(Fault(status, STORAGE[protocol], message="Request has expired"))
    report = send(work / "out", tag="v1.0.0")
    assert repo_of(hub).tags == {"v1.0.0": report.commit} and hub.faults.done
    assert num_requests(hub, ADDRESSES[protocol]) == 2, "the addresses were not asked for again"
    assert len(repo_of(hub).commits) == 2
    if protocol == "lfs":
        pushed = files_of(hub)
        assert {name: pushed.get(name) for name in local_files(work / "out")} == local_files(work / "out")


def test_expired_address_of_the_list_of_chunks(hub: HubServer, work: Path, protocol: str):
    """The last step of an upload: Xet's list of chunks, and LFS's check of the stored object, which the Hub does."""
    if protocol == "lfs":
        pytest.skip("the Hub does this step itself")
    hub.faults.add(Fault("403", "POST /cas/v1/shards"))
    assert send(work / "out").commit and hub.faults.done


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_storage_that_always_refuses_is_not_blamed_on_the_token(
    hub: HubServer, work: Path, protocol: str, status: str
):
    hub.faults.add(Fault(status, STORAGE[protocol], times=1000, message="Request has expired"))
    with pytest.raises(HubError) as caught:
        send(work / "out")
    message = str(caught.value)
    assert f"the Hub's storage refused the upload ({status}) while uploading" in message
    assert "Your token is not the reason" in message and "Nothing was committed to branch main." in message
    assert "cannot write" not in message and len(repo_of(hub).commits) == 1
    assert num_requests(hub, ADDRESSES[protocol]) == QUICK.tries


@pytest.mark.parametrize("status", ["401", "403"])
def test_the_token_is_blamed_when_the_hub_itself_refuses(hub: HubServer, work: Path, protocol: str, status: str):
    hub.faults.add(Fault(status, ADDRESSES[protocol], times=1000))
    with pytest.raises(HubError, match=rf"the token cannot write to datasets/alice/scenes \({status}\)"):
        send(work / "out")
    assert num_requests(hub, ADDRESSES[protocol]) == 1


def test_one_layer_of_retries_with_one_limit_and_one_line_each(
    hub: HubServer, work: Path, protocol: str, caplog: pytest.LogCaptureFixture
):
    """Xet sends everything in one request here; LFS sends each file at most once in each try."""
    hub.faults.add(Fault("503", STORAGE[protocol], times=1000, message="down for maintenance"))
    policy = RetryPolicy(tries=4, first_wait_s=0.1, timeout_s=5.0)
    with caplog.at_level(logging.WARNING), pytest.raises(HubError, match="answered with error 503 while uploading"):
        send(work / "out", retry_policy=policy)
    assert num_requests(hub, ADDRESSES[protocol]) == 4
    assert num_requests(hub, STORAGE[protocol]) <= 4 * len(stored(work / "out"))
    lines = [record.getMessage() for record in caplog.records]
    assert [line[line.rindex(";") :] for line in lines] == [
        "; retrying in 0.1 s (try 2 of 4)",
        "; retrying in 0.2 s (try 3 of 4)",
        "; retrying in 0.4 s (try 4 of 4)",
    ]
    others = len(stored(work / "out")) + len(INLINE) - 1
    assert all(line.startswith(f"uploading README.md and {others} more files failed: error 503: ") for line in lines)


def test_a_try_that_stores_a_file_starts_the_count_of_tries_again(hub: HubServer, work: Path):
    """Two of three uploads fail: the push makes progress with each try, and ends."""
    requests: list[str] = []

    def fail_often(line: str) -> Fault | None:
        if line.startswith("PUT /storage/"):
            requests.append(line)
            return Fault("503") if len(requests) % 3 else None
        return None

    hub.faults.chance = fail_often
    assert send(work / "out", retry_policy=RetryPolicy(tries=4, first_wait_s=0.01, timeout_s=5.0)).commit
    assert num_requests(hub, ADDRESSES["lfs"]) > 4


REQUESTS = ["GET /api/whoami", "GET .*/refs", "GET .*/tree/", "PUT /storage/", "POST .*/commit/", "POST .*/tag/"]


@pytest.mark.parametrize("on", REQUESTS)
@pytest.mark.parametrize("headers", [{"Retry-After": "400"}, {"ratelimit": '"api";r=0;t=400'}], ids=["plain", "rate"])
def test_a_wait_above_the_limit_is_named_and_not_waited_for(hub: HubServer, work: Path, on: str, headers: dict):
    hub.faults.add(Fault("429", on, times=100, headers=headers))
    started = time.monotonic()
    with pytest.raises(HubError, match=r"The Hub asks to wait 400 s, longer than the limit of 300 s\. "):
        send(work / "out", tag="v1.0.0")
    assert time.monotonic() - started < 20 and len(hub.faults.done) <= len(stored(work / "out"))


def test_bytes_sent_are_those_that_the_hub_received(hub: HubServer, work: Path, protocol: str):
    received = hub.uploaded_bytes()
    first = send(work / "out")
    assert hub.uploaded_bytes() - received <= first.sent_bytes < hub.uploaded_bytes() - received + inline_bytes(work)
    assert f"{first.sent_bytes / 1e6:,.1f} MB sent." in str(first)
    before = hub.uploaded_bytes()
    grow(work)
    second = send(work / "out")
    assert hub.uploaded_bytes() - before <= second.sent_bytes < hub.uploaded_bytes() - before + inline_bytes(work)
    if protocol == "xet":
        inline = sum((work / "out" / name).stat().st_size for name in INLINE)
        assert second.sent_bytes - 4 / 3 * inline < second.upload_bytes - inline, "Xet has most chunks of the preview"


def test_a_push_that_finds_all_contents_in_the_storage_sends_almost_nothing(hub: HubServer, work: Path):
    hub.faults.add(Fault("422", "POST .*/commit/"))
    with pytest.raises(HubError):
        send(work / "out")
    hub.faults.clear()
    report = send(work / "out")
    assert 0 < report.sent_bytes < inline_bytes(work) < report.upload_bytes / 2


def test_no_progress_bars_without_a_terminal(
    hub: HubServer, work: Path, protocol: str, capsys: pytest.CaptureFixture[str]
):
    send(work / "out")
    assert capsys.readouterr() == ("", "")


def test_progress_bars_of_the_client_on_a_terminal(
    hub: HubServer, work: Path, protocol: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    send(work / "out")
    shown = capsys.readouterr().err
    assert {"lfs": f"Upload {len(stored(work / 'out'))} LFS files: 100%", "xet": "New Data Upload"}[
        protocol
    ] in shown and "100%" in shown


def test_the_session_of_the_client_is_as_before_after_a_push(hub: HubServer, work: Path):
    session = get_session()
    before = session.timeout, session.send
    hub.faults.add(Fault("503", "POST .*/commit/", times=100))
    with pytest.raises(HubError):
        send(work / "out")
    assert get_session() is session and (session.timeout, session.send) == before


def test_pushes_of_two_threads_do_not_disturb_the_session(hub: HubServer, work: Path):
    before = get_session().send
    hub.faults.add(Fault("503", "PUT /storage/", times=3))
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda name: send(work / "out", name), ["alice/one", "alice/two"]))
    assert all(report.commit for report in reports) and get_session().send == before
