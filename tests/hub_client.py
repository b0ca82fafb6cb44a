"""Helpers for tests of the Hub: settings of the real clients, pushes, and the content of a repository."""

import base64
from pathlib import Path

import pytest
from hub_server import HubServer
from hub_store import Repo

from fgbg_depth.hub.push import push
from fgbg_depth.hub.report import PushReport
from fgbg_depth.retry import RetryPolicy

TOKEN = "alice-write"
NAME = "alice/scenes"
QUICK = RetryPolicy(first_wait_s=0.01, timeout_s=5.0)


def use_hub(monkeypatch: pytest.MonkeyPatch, hub: HubServer, home: Path, token: str | None = TOKEN) -> None:
    """Make this process use `hub`, as HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_DISABLE_XET=1 do at import."""
    import datasets.config
    from huggingface_hub import constants

    template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
    monkeypatch.setattr(
        datasets.config, "HUB_DATASETS_URL", f"{hub.url}/datasets/{{repo_id}}/resolve/{{revision}}/{{path}}"
    )
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", home / "datasets")
    monkeypatch.setattr(datasets.config, "USE_PARQUET_EXPORT", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)


def environment(hub: HubServer, home: Path, token: str = TOKEN) -> dict[str, str]:
    """Environment variables that make a new process use `hub`."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": "1",
    }


def send(output: Path, name: str = NAME, **options: object) -> PushReport:
    """Push an output without `verify`, with short waits."""
    return push(output, name, **{"verified": True, "retry_policy": QUICK, **options})


def repo_of(hub: HubServer, name: str = NAME) -> Repo:
    return hub.store.repos["dataset", name]


def files_of(hub: HubServer, revision: str = "main", name: str = NAME) -> dict[str, bytes]:
    """The content of every file of a revision, by path."""
    commit = repo_of(hub, name).resolve(revision)
    return {path: hub.store.blob_path(entry.blob).read_bytes() for path, entry in commit.files.items()}


def local_files(output: Path) -> dict[str, bytes]:
    """The content of every file of an output, by path, without hidden files."""
    found = (p for p in output.rglob("*") if p.is_file() and not p.name.startswith("."))
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in found}


def edit_on_hub(hub: HubServer, path: str, data: bytes, user: str = "bob", name: str = NAME) -> str:
    """Commit a file as another user; returns the commit."""
    header = {"key": "header", "value": {"summary": f"edit {path}"}}
    file = {"key": "file", "value": {"path": path, "content": base64.b64encode(data).decode()}}
    return hub.store.commit(repo_of(hub, name), "main", [header, file], user, False)[0].oid


def delete_on_hub(hub: HubServer, path: str, user: str = "bob", name: str = NAME) -> str:
    """Commit the deletion of a file as another user; returns the commit."""
    lines = [{"key": "header", "value": {"summary": f"delete {path}"}}, {"key": "deletedFile", "value": {"path": path}}]
    return hub.store.commit(repo_of(hub, name), "main", lines, user, False)[0].oid
