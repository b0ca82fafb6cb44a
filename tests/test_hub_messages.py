"""What the Hub refuses becomes a message with the next command, and nothing is changed."""

import re
from pathlib import Path

import pytest
from hub_client import NAME, edit_on_hub, repo_of, send, use_hub
from hub_faults import Fault
from hub_outputs import grow
from hub_server import HubServer

from fgbg_depth.errors import HubError

pytest_plugins = ["hub_fixtures"]
LOGIN = "hf auth login"


def refused(output: Path, name: str = NAME, **options: object) -> str:
    with pytest.raises(HubError) as caught:
        send(output, name, **options)
    return str(caught.value)


def test_no_token(hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HF_TOKEN")
    message = refused(work / "out")
    assert message.startswith("no token for the Hub was found.") and LOGIN in message
    assert f"4 shards are ready in {work / 'out'}." in message and hub.log == []


def test_wrong_token(hub: HubServer, work: Path):
    message = refused(work / "out", token="hf_wrong")
    assert message.startswith("the Hub does not know this token (401).") and LOGIN in message


def test_read_only_token_is_refused_before_anything_is_sent(hub: HubServer, work: Path):
    message = refused(work / "out", token="alice-read")
    assert "cannot write to datasets/alice/scenes (it is a read-only token), branch main" in message
    assert LOGIN in message and "Nothing was committed." in message
    assert [method for method, _, _ in hub.log] == ["GET"]


@pytest.mark.parametrize("name", ["alice/scenes", "alice/other"])
def test_rights_that_are_missing(hub: HubServer, work: Path, name: str):
    send(work / "out")
    message = refused(work / "out", name, token="bob-write")
    assert f"cannot write to datasets/{name} (403), branch main" in message and "The Hub says:" in message
    assert LOGIN in message and ("dataset", "alice/other") not in hub.store.repos


def test_a_private_repository_of_somebody_else(hub: HubServer, work: Path):
    send(work / "out", private=True)
    assert "cannot write to datasets/alice/scenes" in refused(work / "out", token="bob-write")


@pytest.mark.parametrize("name", ["scenes", "alice/sce nes", "alice/scenes/2", "alice/-x", "alice/a..b", ""])
def test_bad_repository_names(hub: HubServer, work: Path, name: str):
    message = refused(work / "out", name)
    assert message.startswith(f"{name!r} is not a repository's name") and "Write USER/NAME" in message
    assert hub.log == []


@pytest.mark.parametrize("option", ["revision", "tag"])
@pytest.mark.parametrize("name", ["", "v 1", "../x", "refs/pr/1", "-v"])
def test_bad_names_of_branches_and_tags(hub: HubServer, work: Path, option: str, name: str):
    assert re.match(rf"--{option} {name!r} is no name for git", refused(work / "out", **{option: name}))
    assert hub.log == []


def test_a_tag_that_exists(hub: HubServer, work: Path):
    first = send(work / "out", tag="v1.0.0")
    grow(work)
    message = refused(work / "out", tag="v1.0.0")
    assert f"tag v1.0.0 of datasets/alice/scenes already names another version, commit {first.commit[:8]}" in message
    assert "hf repos tag delete alice/scenes v1.0.0 --type dataset" in message
    assert repo_of(hub).branches["main"] == first.commit
    edit_on_hub(hub, "theirs.txt", b"moved on")
    assert "already names another" in refused(work / "out", tag="v1.0.0", dry_run=True)


def test_a_tag_is_no_branch(hub: HubServer, work: Path):
    send(work / "out", tag="v1.0.0")
    assert "v1.0.0 is a tag of datasets/alice/scenes" in refused(work / "out", revision="v1.0.0")


def test_full_quota(hub: HubServer, work: Path):
    hub.storage_limit = 100_000
    message = refused(work / "out")
    assert message.startswith("the Hub has no room left for datasets/alice/scenes (403): Private repository storage")
    assert "settings/billing" in message and "Branch main is as it was." in message
    assert len(repo_of(hub).commits) == 1
    hub.storage_limit = None
    send(work / "out")


def test_too_large_a_commit(hub: HubServer, work: Path):
    hub.faults.add(Fault("413", "POST .*/commit/", message="Payload Too Large"))
    assert "no room left for datasets/alice/scenes (413): Payload Too Large" in refused(work / "out")


def test_a_card_that_the_hub_does_not_take(hub: HubServer, work: Path):
    hub.faults.add(Fault("400", "POST /api/validate-yaml", message="license is unknown"))
    message = refused(work / "out")
    assert "README.md" in message and "while committing" in message


def test_offline_mode(hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "offline mode is on" in refused(work / "out")


def test_no_hub_there(tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch):
    gone = HubServer(tmp_path / "gone")
    use_hub(monkeypatch, gone, tmp_path / "home")
    gone._http.server_close()
    message = refused(work / "out")
    assert "the Hub did not answer while reading the repository" in message and "Connection refused" in message


def test_a_hub_without_xet_says_how_to_go_on(hub: HubServer, work: Path, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    assert "HF_HUB_DISABLE_XET=1" in refused(work / "out")


def test_a_folder_behind_a_url(hub: HubServer):
    assert "is not a local folder" in refused("s3://bucket/out")
