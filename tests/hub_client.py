"""Pointing the real clients at the loopback Hub: settings for this process, environment for others."""

from pathlib import Path

import pytest
from hub_server import HubServer

TOKEN = "alice-write"


def use_hub(monkeypatch: pytest.MonkeyPatch, hub: HubServer, home: Path, token: str | None = TOKEN) -> None:
    """What HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_DISABLE_XET=1 set at import, for this process."""
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
    """The same for a new process."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": "1",
    }
