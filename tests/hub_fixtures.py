"""Fixtures that the tests of the Hub share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_client import use_hub
from hub_outputs import make_output
from hub_server import HubServer


@pytest.fixture(scope="session")
def four_scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("four")
    make_output(folder, 4)
    return folder


@pytest.fixture
def work(four_scenes: Path, tmp_path: Path) -> Path:
    """A folder with sources and a finished output of four shards, of its own."""
    return Path(shutil.copytree(four_scenes, tmp_path / "work"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub with small pages, to which this process' clients talk as user alice."""
    with HubServer(tmp_path / "hub", page_size=5) as server:
        use_hub(monkeypatch, server, tmp_path / "home")
        yield server
