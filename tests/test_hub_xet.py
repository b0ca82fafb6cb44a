"""Pushes through Xet: the real library, which stores the chunks in a folder instead of a server."""

import hashlib
from pathlib import Path

import pytest
from hub_client import local_files, repo_of, send
from hub_outputs import grow
from hub_server import HubServer

hf_xet = pytest.importorskip("hf_xet")
pytest_plugins = ["hub_fixtures"]


@pytest.fixture
def xet_hub(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    hub.use_xet()
    return hub


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def register_hashes(hub: HubServer, output: Path) -> None:
    """Tell the Hub the Xet hash of each file. The real Hub gets them from Xet's storage; here they are computed."""
    paths = sorted(path for path in output.rglob("*") if path.suffix in (".parquet", ".png", ".webp"))
    for path, info in zip(paths, hf_xet.hash_files([str(p) for p in paths]), strict=True):
        hub.store.xet_hashes[hashlib.sha256(path.read_bytes()).hexdigest()] = info.hash


def test_push_and_load_through_xet(xet_hub: HubServer, work: Path):
    from fgbg_depth.read.load import load

    report = send(work / "out", tag="v1.0.0")
    assert [commit.oid for commit in repo_of(xet_hub).history("main")][:-1] == [report.commit]
    assert not [path for method, path, _ in xet_hub.log if method == "PUT"]
    shas = {hashlib.sha256(data).hexdigest() for data in local_files(work / "out").values()}
    assert {e.sha256 for e in repo_of(xet_hub).resolve("v1.0.0").files.values() if e.sha256} <= shas
    register_hashes(xet_hub, work / "out")
    rows = load("alice/scenes", revision="v1.0.0", split="train")
    assert len(rows) == 32 and rows[5]["fg_bg"].tobytes() == load(work / "out", split="train")[5]["fg_bg"].tobytes()
    assert send(work / "out", tag="v1.0.0").commit is None


def test_new_background_uploads_only_new_files_through_xet(xet_hub: HubServer, work: Path):
    send(work / "out")
    before = folder_bytes(xet_hub.store.root / "cas")
    grow(work)
    report = send(work / "out")
    grown = folder_bytes(xet_hub.store.root / "cas") - before
    assert 0 < grown < 1.2 * report.upload_bytes + 200_000  # Xet adds its own metadata
